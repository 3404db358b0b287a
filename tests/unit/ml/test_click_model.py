"""The built-in click model: its parts against plain loops, its looks, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import Prompts, PromptSegmenter, Scribble
from segstudio.ml.click import maps as prompt_maps
from segstudio.ml.click.cards import card_of
from segstudio.ml.click.episodes import Scene, episode, textures
from segstudio.ml.click.framing import fade, focus
from segstudio.ml.click.loss import normalised_focal_loss, soft_iou_loss
from segstudio.ml.click.many import is_cut, shared_square
from segstudio.ml.click.network import ClickNet, likeness
from segstudio.ml.click.prompter import ClickPrompter, load, score
from segstudio.ml.click.settle import settled
from segstudio.ml.click.training import ClickPlan, ClickTrainer
from segstudio.ml.weights import save_weights


def disc(side: int, x: float, y: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[:side, :side]
    return (xx - x) ** 2 + (yy - y) ** 2 <= radius**2


def clicks(*places: tuple[float, float, bool], **more) -> Prompts:
    points = np.array([place[:2] for place in places], np.float32).reshape(-1, 2)
    return Prompts(points, np.array([place[2] for place in places], bool), **more)


@pytest.fixture(scope="module")
def network() -> ClickNet:
    torch.manual_seed(0)
    return ClickNet().eval()


@pytest.fixture
def prompter(network: ClickNet) -> ClickPrompter:
    return ClickPrompter(network, card_of("click-base"), "cpu")


def test_the_network_answers_at_the_size_of_the_maps(network: ClickNet) -> None:
    picture, maps = torch.rand(2, 3, 64, 96), torch.rand(2, 4, 64, 96)
    points = torch.tensor([[[5.0, 6.0, 1.0]], [[0.0, 0.0, -1.0]]])
    with torch.inference_mode():
        features = network.encode(picture)
        assert [tuple(f.shape[1:]) for f in features] == [
            (16, 32, 48), (32, 16, 24), (48, 8, 12), (96, 4, 6), (128, 2, 3), (32, 8, 12),
        ]  # fmt: skip
        logits = network.head(features, maps, points)
        alone = network.head([f[:1] for f in features], maps[:1], points[:1])
    assert logits.shape == (2, 1, 64, 96) and torch.allclose(logits[:1], alone, atol=1e-4)


def test_likeness_against_a_loop() -> None:
    torch.manual_seed(1)
    looks = torch.nn.functional.normalize(torch.rand(1, 5, 6, 8) - 0.4, dim=1)
    # Middles of cells: 4 pixels wide.
    points = torch.tensor([[[2.0, 2.0, 1.0], [30.0, 22.0, 1.0], [14.0, 10.0, 0.0], [0.0, 0.0, -1.0]]])
    found = likeness(looks, points, 32, 24)[0]
    for y in range(6):
        for x in range(8):
            at = looks[0, :, y, x]
            positive = max(float(at @ looks[0, :, 0, 0]), float(at @ looks[0, :, 5, 7]))
            assert found[0, y, x] == pytest.approx(positive, abs=1e-5)
            assert found[1, y, x] == pytest.approx(float(at @ looks[0, :, 2, 3]), abs=1e-5)
    nothing = likeness(looks, torch.tensor([[[0.0, 0.0, -1.0]]]), 32, 24)
    assert bool((nothing == -1).all())


def test_the_focal_loss_is_the_papers_formula() -> None:
    rng = np.random.default_rng(2)
    logits, truth = rng.normal(size=(2, 1, 3, 4)), rng.integers(0, 2, (2, 1, 3, 4)).astype(float)
    valid = np.ones_like(truth)
    valid[0, 0, 0] = 0
    wanted = []
    for n in range(2):
        places = [(y, x) for y in range(3) for x in range(4) if valid[n, 0, y, x]]
        right = []
        for y, x in places:
            p = 1 / (1 + np.exp(-logits[n, 0, y, x]))
            right.append(p if truth[n, 0, y, x] else 1 - p)
        total = sum((1 - p) ** 2 for p in right)
        terms = [0.5 * (1 - p) ** 2 * len(places) / total * -np.log(p) for p in right]
        wanted.append(sum(terms) / len(places))
    given = [torch.from_numpy(a) for a in (logits, truth, valid)]
    assert float(normalised_focal_loss(*given)) == pytest.approx(np.mean(wanted), rel=1e-9)
    sure = torch.where(given[1] > 0.5, 40.0, -40.0)
    assert float(soft_iou_loss(sure, *given[1:])) == pytest.approx(0, abs=1e-6)
    assert float(soft_iou_loss(-sure, *given[1:])) > 0.8


def test_marks_lie_where_they_were_set() -> None:
    maps = prompt_maps.empty_maps(40, 60)
    prompt_maps.mark_point(maps, 20.5, 12.5, True)
    prompt_maps.mark_line(maps, np.array([[5.5, 30.5], [40.5, 30.5]], np.float32), False)
    prompt_maps.mark_box(maps, (-5, 2, 10, 99))
    ys, xs = np.nonzero(maps[0])
    assert (ys.mean(), xs.mean()) == pytest.approx((12, 20), abs=0.3) and xs.min() == 15 and xs.max() == 25
    assert maps[1, 30, 5:41].all() and not maps[1, 20].any() and not maps[1, 30, 50]
    assert maps[2, 2:, :10].all() and maps[2].sum() == 38 * 10 and not maps[3].any()
    listed = prompt_maps.along(np.array([[0, 0], [100, 0]], np.float32), most=5)
    assert listed[:, 0].tolist() == [0, 25, 50, 75, 100]


def test_an_episode_keeps_object_and_picture_together() -> None:
    rng = np.random.default_rng(3)
    truth = disc(200, 80, 120, 30)
    rgb = np.where(truth[..., None], 220, 30).astype(np.uint8).repeat(3, 2)
    scene = Scene(rgb, truth.astype(np.int32) * 7, ignore=np.arange(200)[None].repeat(200, 0) < 5)
    agreements = []
    for _ in range(30):
        one = episode(scene, 96, rng)
        assert one is not None and one.rgb.shape == (96, 96, 3) and not (one.truth & ~one.valid).any()
        grey = one.rgb.mean(2)
        inside, outside = grey[one.truth].mean(), grey[~one.truth & one.valid]
        agreements.append(len(outside) == 0 or abs(inside - outside.mean()) > 25)
    assert np.mean(agreements) > 0.9
    assert episode(Scene(rgb, np.zeros((200, 200), np.int32)), 96, rng) is None


def test_made_up_scenes_have_objects() -> None:
    rng = np.random.default_rng(4)
    pictures = [np.full((80, 90, 3), value, np.uint8) for value in (20, 240)]
    scene = textures(pictures, 128, rng)
    assert scene.rgb.shape == (128, 128, 3) and scene.ids.max() >= 1 and (scene.ids == 0).any()


def test_a_further_click_that_corrects_nothing_costs_no_encoder(prompter: ClickPrompter, monkeypatch) -> None:
    assert isinstance(prompter, PromptSegmenter)
    # What an untrained network finds reaches beyond every look.
    monkeypatch.setattr("segstudio.ml.click.prompter.is_cut", lambda *_: False)
    image = np.zeros((300, 400, 3), np.uint8)
    seen = []
    plain = prompter.network.encode
    monkeypatch.setattr(prompter.network, "encode", lambda x: (seen.append(tuple(x.shape[-2:])), plain(x))[1])
    embedding = prompter.embed(image)
    assert seen == [(288, 384)]
    # What the former mask says decides where it looks, not what an untrained network finds.
    former = np.where(disc(400, 200, 150, 20)[:300], 9.0, -9.0).astype(np.float32)[None]
    first = prompter.predict(embedding, clicks((200, 150, True), previous=former[0]))
    assert seen[1:] == [(256, 256)]
    second = prompter.predict(embedding, clicks((200, 150, True), (205, 152, True), previous=former[0]))
    assert len(seen) == 2 and first.probabilities.shape == second.probabilities.shape == (1, 300, 400)
    assert first.probabilities[0, 10, 10] < 0.01
    prompter.predict(
        embedding, clicks((20, 20, True), previous=np.where(disc(400, 20, 20, 15)[:300], 9.0, -9.0).astype(np.float32))
    )
    assert len(seen) == 3


def test_a_correction_is_looked_at_from_nearer_by_and_changes_nothing_far_away(prompter: ClickPrompter) -> None:
    image = np.random.default_rng(1).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    embedding = prompter.embed(image)
    old = np.where(disc(400, 200, 150, 60)[:300], 9.0, -9.0).astype(np.float32)
    new = old.copy()
    new[140:160, 200:220] = -3  # what the first look makes of a negative click
    prompts = clicks((200, 120, True), (210, 150, False), previous=old)
    found = prompter._focused(embedding, prompts, old, new)
    square = focus(old, new, [(200, 120, True), (210, 150, False)])
    assert square is not None and square.width == 60 and square.x < 200 and square.right > 220
    inside = np.zeros(old.shape, bool)
    inside[square.slices] = True
    assert np.array_equal(found[~inside], new[~inside]) and not np.array_equal(found, new)
    right = clicks((200, 120, True), (20, 20, False), previous=old)
    assert prompter._focused(embedding, right, old, new) is new, "what was right already needs no nearer look"


def test_where_a_correction_is_looked_at() -> None:
    old = np.full((200, 300), -5.0, np.float32)
    new = old.copy()
    new[50:60, 100:140] = 5
    assert focus(old, new, [(10.5, 10.5, False), (400, 3, True)]) is None, "nothing was contradicted"
    square = focus(old, new, [(110.5, 55.5, True)])
    assert square == Rect(60, 0, 120, 120)
    speck = focus(old, old, [(2.5, 190.5, True)])
    assert speck.width == 48 and speck.x == 0 and speck.bottom == 200
    assert focus(old, np.full_like(old, 5.0), [(5.5, 5.5, True)]) is None, "all of it changed: nothing is nearer"
    weight = fade(speck, 300, 200)
    assert weight[-1, 0] == 1 and weight[0].max() < 0.2 and weight[:, -1].max() < 0.2 and weight[24, 24] == 1


def test_mirrored_pictures_get_mirrored_answers(prompter: ClickPrompter) -> None:
    image = np.random.default_rng(2).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    one = prompter.predict(prompter.embed(image), clicks((30.5, 40.5, True))).logits[0]
    other = prompter.predict(
        prompter.embed(np.ascontiguousarray(image[:, ::-1])), clicks((128 - 30.5, 40.5, True))
    ).logits[0]
    assert np.abs(one - other[:, ::-1]).max() < 0.35, "the same but for bfloat16"
    assert np.abs(one - other).max() > 0.35


def test_a_look_that_cuts_an_object_off_is_widened_once(prompter: ClickPrompter, monkeypatch) -> None:
    rects = []
    monkeypatch.setattr("segstudio.ml.click.prompter.is_cut", lambda _, rect: rects.append(rect) is None)
    embedding = prompter.embed(np.zeros((600, 800, 3), np.uint8))
    former = np.where(disc(800, 200, 150, 20)[:600], 9.0, -9.0).astype(np.float32)
    grown = Rect(150, 100, 100, 100)
    monkeypatch.setattr("segstudio.ml.click.prompter.bounds", lambda *_: Rect(180, 130, 40, 40) if not rects else grown)
    prompter.predict(embedding, clicks((200, 150, True), previous=former))
    assert [rect.width for rect in rects] == [60, 150]


def test_several_answers_for_one_click_only_when_asked(prompter: ClickPrompter) -> None:
    embedding = prompter.embed(np.random.default_rng(0).integers(0, 255, (64, 80, 3)).astype(np.uint8))
    assert len(prompter.predict(embedding, clicks((3, 4, True))).probabilities) == 1
    answer = prompter.predict(embedding, clicks((3, 4, True), is_ambiguous=True))
    assert len(answer.scores) == len(answer.logits) == len(answer.probabilities) <= 2
    line = Prompts(
        np.zeros((0, 2), np.float32), np.zeros(0, bool), scribbles=(Scribble(np.array([[5, 5], [9, 9]], np.float32)),)
    )
    assert prompter.predict(embedding, line).probabilities.shape[1:] == (64, 80)


def test_what_it_cannot_answer_is_one_sentence(prompter: ClickPrompter) -> None:
    embedding = prompter.embed(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(UserError, match="point, a line or a box"):
        prompter.predict(embedding, clicks())
    with pytest.raises(UserError, match="point, a line or a box"):
        prompter.predict(embedding, clicks((5, 5, False)))
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(UserError, match="three 8-bit bands"):
            prompter.embed(wrong)


def test_pictures_of_any_size(prompter: ClickPrompter) -> None:
    for height, width in ((1, 1), (7, 300), (33, 31), (500, 40)):
        embedding = prompter.embed(np.full((height, width, 3), 9, np.uint8))
        answer = prompter.predict(embedding, clicks((width / 2, height / 2, True)))
        assert answer.probabilities.shape == (1, height, width) and np.isfinite(answer.scores).all()


def test_the_score_is_the_stability_of_the_area() -> None:
    sharp = np.where(disc(40, 20, 20, 10), 0.99, 0.01).astype(np.float32)
    vague = np.where(disc(40, 20, 20, 10), 0.6, 0.4).astype(np.float32)
    assert (
        score(sharp) == pytest.approx(0.99, abs=1e-3) and score(vague) == 0 and score(np.zeros((3, 3), np.float32)) == 0
    )


def test_weights_come_back(network: ClickNet, tmp_path) -> None:
    card = card_of("click-free")
    save_weights(tmp_path / "c.safetensors", network.state_dict(), card)
    again = load(card, str(tmp_path / "c.safetensors"), "cpu")
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.network.state_dict().values(), network.state_dict().values(), strict=True)
    )
    save_weights(tmp_path / "other.safetensors", {"x": torch.zeros(2)}, card)
    with pytest.raises(UserError, match="another network"):
        load(card, str(tmp_path / "other.safetensors"), "cpu")


def test_it_learns_what_a_click_means() -> None:
    """Discs of two greys: after a few steps the answer to a click is much better than before."""
    rng = np.random.default_rng(5)
    trainer = ClickTrainer(ClickPlan(1, batch=4, lr=3e-3), state=_fresh())
    rgb = np.full((128, 128, 3), 60, np.uint8)
    ids = np.zeros((128, 128), np.int32)
    for number, (x, y) in enumerate(((30, 30), (95, 40), (60, 95)), 1):
        ids[disc(128, x, y, 18)] = number
    rgb[ids > 0] = 190
    trainer._set_rate(0.2)
    batch = [one for one in (episode(Scene(rgb, ids), 64, rng) for _ in range(8)) if one is not None][:4]
    figures = [trainer.step(batch, rng) for _ in range(16)]
    first, last = np.mean(figures[:3], 0), np.mean(figures[-3:], 0)
    assert last[0] < 0.9 * first[0] and last[2] > first[2] + 0.2, (first, last)
    assert set(trainer.averaged) == set(trainer.network.state_dict())


def _fresh() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return ClickNet().state_dict()


def test_a_look_is_taken_again_only_when_it_must() -> None:
    from segstudio.ml.click.framing import around, still_holds

    subject = Rect(100, 100, 40, 20)
    rect = around(subject, 1.5, 400, 300)
    assert (rect.width, rect.height) == (60, 60) and rect.x <= 100 and rect.right >= 140
    assert still_holds(rect, Rect(100, 98, 42, 24), around(Rect(100, 98, 42, 24), 1.5, 400, 300))
    grown = Rect(80, 100, 70, 20)
    assert not still_holds(rect, grown, around(grown, 1.5, 400, 300))
    speck = Rect(110, 110, 10, 5)
    assert not still_holds(rect, speck, around(speck, 1.5, 400, 300))
    assert around(Rect(0, 0, 900, 900), 1.5, 400, 300) == Rect(0, 0, 400, 300)


def test_what_no_mark_is_tied_to_goes_and_marks_hold() -> None:
    logits = np.full((20, 60), -9.0, np.float32)
    logits[5:10, 5:15] = logits[5:10, 40:50] = 4
    logits[7, 15:18] = -0.9
    logits[5:10, 18:25] = 3
    found = settled(logits, [(7.5, 6.5, True), (12.5, 7.5, False), (2.5, 18.5, True)])
    assert (found[5:10, 18:25] > 0).all(), "joined by doubtful pixels"
    assert (found[5:10, 40:50] < -5).all() and found[7, 12] <= -1 and found[18, 2] >= 1 and found[0, 0] == -9
    assert (settled(logits, [(7.5, 6.5, True)], keeps_far=True)[5:10, 40:50] == 4).all()
    assert np.array_equal(settled(logits, [(-3, 2, True), (5, 99, False)]), logits)


def test_many_points_at_once_are_single_questions(prompter: ClickPrompter, monkeypatch) -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 256, 3)).astype(np.uint8)
    embedding = prompter.embed(image)
    points = np.array([[30.5, 40.5], [200.5, 150.5], [31.5, 42.5]], np.float32)
    probabilities, scores = prompter.predict_points(embedding, points)
    assert probabilities.shape == (3, 200, 256) and scores.shape == (3,)
    alone, _ = prompter.predict_points(prompter.embed(image), points[1:2])
    assert np.abs(alone[0] - probabilities[1]).max() < 0.1  # bfloat16, in other batches
    assert prompter.predict_points(embedding, points[:0])[0].shape == (0, 200, 256)


def test_an_object_that_a_look_cuts_off_is_told() -> None:
    logits = np.full((100, 120), -9.0, np.float32)
    logits[40:60, 50:90] = 5
    assert is_cut(logits, Rect(40, 30, 40, 40)) and not is_cut(logits, Rect(40, 30, 60, 60))
    logits[:] = 5
    assert not is_cut(logits, Rect(0, 0, 120, 100)), "the picture's own edge cuts nothing off"


def test_neighbours_share_their_closer_look() -> None:
    one, two = (shared_square(Rect(x, 300, 40, 40), 1.5, 1024, 768) for x in (300, 310))
    assert one == two and one.width == 128 and one.x <= 300 and one.right >= 340
    assert shared_square(Rect(0, 0, 900, 700), 1.5, 1024, 768) is None
    corner = shared_square(Rect(1000, 740, 20, 20), 1.5, 1024, 768)
    assert corner.right == 1024 and corner.bottom == 768
