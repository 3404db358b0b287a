"""Any proposal refined piece by piece: better than before, the same however it is cut, and nothing lost that was there."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, SmallNet, card
from shared_data import shared_data

from segstudio.core.cancel import CancelToken
from segstudio.core.classes import IGNORE
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.proposals import ProposalWriter
from segstudio.core.refined_proposals import RefinedWriter
from segstudio.ml.cards import ModelCard
from segstudio.ml.inference.loading import TorchSegmenter, load_segmenter
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.refine import probabilities as probabilities_module
from segstudio.ml.refine import run as run_module
from segstudio.ml.refine.channels import MOST_COLOURS, channels_of
from segstudio.ml.refine.guide import Guide, ReducedReader
from segstudio.ml.refine.proposal import LayerProposal, ProposalData
from segstudio.ml.refine.run import refine
from segstudio.ml.refine.table import (
    METHODS,
    REFINE_CARDS,
    TRAINABLE,
    checked_layers,
    method_of,
    refinement,
    with_options,
)


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more, and lose much where cores are few."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scene(height=120, width=150, bands=3, seed=0):
    """((bands, y, x) uint8 of two bright discs on dark ground, (y, x) bool where they are)."""
    y, x = np.mgrid[:height, :width]
    truth = ((y - 60) ** 2 + (x - 45) ** 2 < 30**2) | ((y - 60) ** 2 + (x - 105) ** 2 < 22**2)
    noise = np.random.default_rng(seed).normal(0, 8, (bands, height, width))
    return (np.where(truth, 190.0, 60.0) + noise).clip(0, 255).astype(np.uint8), truth


def layer_of(class_index, confidence=200):
    height, width = class_index.shape
    layer = LabelLayer(1, 1, "proposal", "proposal", width, height)
    writer = ProposalWriter(layer, {0: 0, **{i: i for i in range(1, int(class_index.max()) + 1)}}, "model")
    writer.write_window(layer.bounds, class_index.astype(np.uint8), np.full(class_index.shape, confidence, np.uint8))
    writer.finish()
    return layer


def noisy(truth, share=0.12, seed=3):
    return (truth ^ (np.random.default_rng(seed).random(truth.shape) < share)).astype(np.uint8)


def whole(reader, proposal, method="crf", **values):
    """The refined ids and confidences of the whole image."""
    options = values.pop("options", {})
    height, width = reader.info.height, reader.info.width
    ids, confidence, seen = (
        np.zeros((height, width), np.uint16),
        np.zeros((height, width), np.uint8),
        np.zeros((height, width), int),
    )
    for piece in refine(reader, proposal, refinement(method, options), device="cpu", **values):
        ids[piece.rect.slices], confidence[piece.rect.slices] = piece.segment_ids, piece.confidence
        seen[piece.rect.slices] += 1
    assert seen.max() == 1
    return ids, confidence


@pytest.mark.parametrize("method", ["crf", "crfrnn", "mrf"])
def test_a_noisy_proposal_comes_out_better(method):
    image, truth = scene()
    before = noisy(truth)
    options = {"iterations": 5, "context_weight": 12} if method == "mrf" else {}
    layer = layer_of(before, 180)
    ids, confidence = whole(ArrayReader(image), LayerProposal(layer), method, options=options)
    assert (before == truth).mean() < 0.9 and ((ids > 0) == truth).mean() > 0.99
    assert set(np.unique(ids)) == {0, 1} and (confidence[ids == 0] == 0).all() and confidence[ids > 0].min() > 0


def test_without_learning_crf_as_rnn_is_the_crf():
    image, truth = scene()
    layer = layer_of(noisy(truth))
    assert np.array_equal(
        whole(ArrayReader(image), LayerProposal(layer), "crf"),
        whole(ArrayReader(image), LayerProposal(layer), "crfrnn"),
    )


def test_pieces_make_hardly_a_seam_and_read_no_more_than_they_need(monkeypatch):
    image, truth = scene(240, 260)
    layer = layer_of(noisy(truth))
    one, _ = whole(ArrayReader(image), LayerProposal(layer))
    monkeypatch.setattr(run_module, "PIECE_PX", 64)
    reader = ArrayReader(image)
    reader.largest_px = 0
    cut, _ = whole(reader, LayerProposal(layer))
    assert (one != cut).mean() < 0.002
    assert reader.largest_px <= (64 + 2 * 61) ** 2


def test_only_what_was_asked_for_comes_and_it_is_the_same():
    image, truth = scene()
    layer = layer_of(noisy(truth))
    part = Rect(30, 20, 50, 60)
    pieces = list(refine(ArrayReader(image), LayerProposal(layer), refinement("crf"), rects=[part, part], device="cpu"))
    assert sum(p.rect.width * p.rect.height for p in pieces) == 50 * 60
    all_ids, _ = whole(ArrayReader(image), LayerProposal(layer))
    assert np.mean([(p.segment_ids != all_ids[p.rect.slices]).mean() for p in pieces]) < 0.01
    sent = pickle.loads(pickle.dumps(ProposalData.of(layer, [part])))
    (again,) = refine(ArrayReader(image), sent, refinement("crf"), rects=[part], device="cpu")
    assert np.array_equal(again.segment_ids, pieces[0].segment_ids)


@pytest.mark.parametrize("bands", [1, 2, 8])
def test_any_number_of_bands(bands):
    image, truth = scene(bands=bands)
    layer = layer_of(noisy(truth))
    ids, _ = whole(ArrayReader(image), LayerProposal(layer))
    assert ((ids > 0) == truth).mean() > 0.99


def test_deep_values_are_stretched_as_they_are_shown():
    image, truth = scene()
    layer = layer_of(noisy(truth))
    deep = image.astype(np.uint16) * 40 + 1000  # all of it within 11 200 of 65 536 steps
    ids, _ = whole(ArrayReader(deep), LayerProposal(layer))
    assert ((ids > 0) == truth).mean() > 0.99
    guide, valid = Guide(ArrayReader(deep)).read(Rect(0, 0, 150, 120))
    assert valid is None and guide.max() == 255 and guide.min() == 0


def test_pixels_without_data_and_ignored_ones_stay_as_they_are():
    image, truth = scene()
    holes = image.astype(np.float32)
    holes[:, :, 60:90] = np.nan
    before = noisy(truth)
    layer = layer_of(before)
    with_ignored = LayerProposal(layer)

    class Ignoring:
        object_ids = frozenset()

        def read(self, rect, z=0):
            ids = with_ignored.read(rect, z)
            ids[max(0, 10 - rect.y) : max(0, 20 - rect.y)] = IGNORE
            return ids

        def read_confidence(self, rect, z=0):
            return with_ignored.read_confidence(rect, z)

    ids, _ = whole(ArrayReader(holes), Ignoring())
    assert np.array_equal(ids[20:, 60:90], layer.read(Rect(60, 20, 30, 100)))
    assert (ids[10:20] == IGNORE).all() and not (ids[20:] == IGNORE).any()
    assert not np.array_equal(ids[20:, :60], layer.read(Rect(0, 20, 60, 100)))


def objects_layer(masks, height, width):
    layer = LabelLayer(1, 1, "proposal", "proposal", width, height)
    writer = ProposalWriter(layer, {0: 0, 1: 1}, "model")
    for mask in masks:
        writer.write_object(layer.bounds, mask, 1, 0.8)
    writer.finish()
    return layer


def test_objects_stay_themselves_and_meet_at_the_edge():
    y, x = np.mgrid[:100, :160]
    image = np.where(x < 80, 80, 170).astype(np.uint8)[None].repeat(3, 0)
    image[:, (y < 20) | (y > 80) | (x < 20) | (x > 140)] = 10
    body = (y >= 20) & (y <= 80) & (x >= 20) & (x <= 140)
    wrong = body & (x < 88)  # the border between the two is eight pixels off
    layer = objects_layer([wrong, body & ~wrong], 100, 160)
    ids, _ = whole(ArrayReader(image), LayerProposal(layer))
    assert (ids[22:78, 22:78] == 1).mean() > 0.99 and (ids[22:78, 82:138] == 2).mean() > 0.99
    assert (ids[:18] == 0).all() and set(np.unique(ids)) == {0, 1, 2}


def test_hundreds_of_objects_in_a_piece_are_all_there_and_reach_no_farther_than_they_may():
    height = width = 240
    rng = np.random.default_rng(0)
    image = np.full((3, height, width), 40, np.uint8)
    layer = LabelLayer(1, 1, "proposal", "proposal", width, height)
    writer = ProposalWriter(layer, {0: 0, 1: 1}, "model")
    for top in range(0, height, 12):
        for left in range(0, width, 12):
            image[:, top + 2 : top + 10, left + 2 : left + 10] = rng.integers(150, 220)
            writer.write_object(Rect(left + 2, top + 2, 8, 8), np.ones((8, 8), bool), 1, 0.9)
    writer.finish()
    channels = channels_of(layer.read(layer.bounds), LayerProposal(layer).object_ids, 24)
    assert len(channels) <= 1 + MOST_COLOURS
    ids, _ = whole(ArrayReader(image), LayerProposal(layer), options={"reach_px": 3})
    assert set(np.unique(ids)) == set(range(401))
    assert (ids == layer.read(layer.bounds)).mean() > 0.97
    # An object that is larger in the image grows: by its reach and no more.
    lone = objects_layer([np.pad(np.ones((30, 30), bool), 45)], 120, 120)
    larger = np.pad(np.full((40, 40), 190, np.uint8), 40, constant_values=40)[None].repeat(3, 0)
    ids, _ = whole(ArrayReader(larger), LayerProposal(lone), options={"reach_px": 4, "certainty": 0.6})
    y, x = np.nonzero(ids)
    assert (y.min(), x.max()) == (41, 78)


def test_written_back_it_is_one_edit_that_can_be_undone():
    image, truth = scene()
    layer = layer_of(noisy(truth))
    speck = objects_layer([np.pad(np.ones((1, 1), bool), ((5, 114), (5, 144)))], 120, 150)
    for each in (layer, speck):
        before, sure = each.read(each.bounds), each.read_confidence(each.bounds)
        writer = RefinedWriter(each)
        for piece in refine(ArrayReader(image), LayerProposal(each), refinement("crf"), device="cpu"):
            writer.write(piece.rect, piece.segment_ids, piece.confidence)
        edit = writer.finish()
        assert edit is not None and not np.array_equal(each.read(each.bounds), before)
        if each is speck:
            assert not each.segments  # an object without a pixel is none
        for change in edit.reversed().changes:
            for tile in change.tiles:
                (each.tiles if change.plane == "segments" else each.confidence).set(tile.key, tile.held_after)
        assert np.array_equal(each.read_confidence(each.bounds), sure)


def test_a_reduced_reader_is_the_mean_of_blocks():
    image, _ = scene(121, 150)
    reduced = ReducedReader(ArrayReader(image), 2)
    assert (reduced.info.width, reduced.info.height) == (38, 31)
    found = reduced.read(0, 0, Rect(10, 20, 28, 11))
    assert found.dtype == np.uint8 and abs(float(found[0, 3, 4]) - image[0, 92:96, 56:60].mean()) <= 0.5
    holes = image.astype(np.float32)
    holes[:, 8, 9] = np.nan
    _, valid = Guide(ReducedReader(ArrayReader(holes), 2)).read(Rect(0, 0, 38, 31))
    assert valid is not None and not valid[2, 2] and valid.sum() == 38 * 31 - 1


def test_it_stops_when_told_and_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(run_module, "PIECE_PX", 64)
    image, truth = scene()
    layer = layer_of(noisy(truth))
    told = []
    list(
        refine(
            ArrayReader(image),
            LayerProposal(layer),
            refinement("crf"),
            device="cpu",
            progress=lambda d, t, w: told.append((d, t)),
        )
    )
    assert told == sorted(told) and told[-1] == (6, 6)

    class After:
        def __init__(self, asked):
            self.left = asked

        def is_set(self):
            self.left -= 1
            return self.left < 0

    for method in ("crf", "mrf"):
        # It is asked after each kernel and each iteration, not once a piece.
        with pytest.raises(Cancelled):
            next(
                refine(
                    ArrayReader(image),
                    LayerProposal(layer),
                    refinement(method, {"iterations": 4}),
                    device="cpu",
                    cancel=After(4),
                )
            )
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        next(refine(ArrayReader(image), LayerProposal(layer), refinement("crf"), device="cpu", cancel=token))


def test_when_memory_runs_out_it_goes_on_with_the_cpu_and_ends_in_a_sentence(monkeypatch):
    image, truth = scene()
    before = noisy(truth)
    given = np.stack([1 - before, before]).astype(np.float32) * 0.8 + 0.1
    guide, _ = Guide(ArrayReader(image)).read(Rect(0, 0, 150, 120))
    real, told = run_module.Engine._run, []

    def run(engine, *arguments):
        if engine.device != "cpu":
            raise torch.OutOfMemoryError("out of memory")
        return real(engine, *arguments)

    monkeypatch.setattr(run_module.Engine, "_run", run)
    monkeypatch.setattr(run_module, "free_cached", lambda device: None)
    engine = run_module.Engine(refinement("mrf"), "cuda:0")
    found = engine(given, guide, None, lambda done, total, what: told.append(what))
    assert engine.device == "cpu" and "going on with the CPU" in told[0] and found.shape == given.shape
    monkeypatch.setattr(run_module, "deep_parsing", lambda *_, **__: bytearray(1 << 62))
    with pytest.raises(UserError, match="not enough memory"):
        engine(given, guide, None)


def test_what_holds_one_segment_costs_nothing(monkeypatch):
    monkeypatch.setattr(run_module, "dense_crf", lambda *_, **__: pytest.fail("computed"))
    image, _ = scene()
    layer = layer_of(np.ones((120, 150), np.uint8))
    ids, confidence = whole(ArrayReader(image), LayerProposal(layer))
    assert (ids == 1).all() and (confidence == 200).all()


def small(classes=3):
    names = ("background", *"abcdefgh"[: classes - 1])
    return TorchSegmenter(SmallNet(3, classes), card(names, window_px=64, overlap_px=16, stride_px=1))


def test_probabilities_are_refined_before_the_likeliest_class_is_taken(monkeypatch):
    image, _ = scene(200, 170)
    model, chosen = small(), refinement("crf", {"iterations": 3})
    one = np.zeros((3, 200, 170), np.float32)
    for rect, logits in semantic_logits(model, ArrayReader(image), refinement=chosen):
        one[(slice(None), *rect.slices)] = logits.softmax(0).numpy()
    plain = np.zeros_like(one)
    for rect, logits in semantic_logits(model, ArrayReader(image)):
        plain[(slice(None), *rect.slices)] = logits.softmax(0).numpy()
    direct = run_module.Engine(chosen, "cpu")(
        plain.astype(np.float16).astype(np.float32), Guide(ArrayReader(image)).read(Rect(0, 0, 170, 200))[0], None
    )
    assert np.abs(one - direct).max() < 2e-3
    monkeypatch.setattr(probabilities_module, "PIECE_PX", 48)
    cut = np.zeros((200, 170), np.uint8)
    last_y = 0
    for result in propose(model, ArrayReader(image), refinement=chosen):
        assert result.rect.y >= last_y and result.rect.height <= 48
        last_y = result.rect.y
        cut[result.rect.slices] = result.class_index
    assert (cut != one.argmax(0)).mean() < 0.005


def test_a_selection_is_refined_by_itself():
    image, _ = scene()
    parts = [Rect(0, 0, 40, 30), Rect(70, 50, 60, 60)]
    results = list(propose(small(), ArrayReader(image), rects=parts, refinement=refinement("mrf")))
    assert [r.rect for r in results] == parts


def test_a_class_that_is_nowhere_likely_takes_no_part(monkeypatch):
    seen = []
    real = run_module.dense_crf
    monkeypatch.setattr(
        run_module, "dense_crf", lambda given, *a, **k: seen.append(given.shape[0]) or real(given, *a, **k)
    )
    image, _ = scene()

    class Sure(torch.nn.Module):
        def forward(self, x):
            logits = torch.zeros(x.shape[0], 3, *x.shape[2:])
            logits[:, 1] += x.mean(1) * 3
            logits[:, 2] = -30
            return logits

    sure = TorchSegmenter(Sure(), card(("background", "a", "b"), window_px=256))
    (result,) = propose(sure, ArrayReader(image), refinement=refinement("crf"))
    assert seen == [2] and result.class_index.max() == 1


def test_a_real_proposal_comes_out_better():
    from PIL import Image

    from segstudio.ml.registry import Catalog

    folder = shared_data("camvid")
    model = load_segmenter(Catalog(None).find("street"), "cpu")
    hits = {"plain": 0, "crf": 0, "mrf": 0}
    for file in sorted((folder / "images" / "test").iterdir())[40:80:20]:
        truth = np.asarray(Image.open(folder / "masks" / "test" / f"{file.stem}.png"))
        reader = ArrayReader(np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1))
        plain = np.zeros((len(model.card.classes), *truth.shape), np.float32)
        for rect, logits in semantic_logits(model, reader):
            plain[(slice(None), *rect.slices)] = logits.softmax(0).numpy()
        hits["plain"] += int((plain.argmax(0) == truth).sum())
        guide, _ = Guide(reader).read(Rect(0, 0, reader.info.width, reader.info.height))
        for method in ("crf", "mrf"):
            found = run_module.Engine(refinement(method), "cpu")(plain, guide, None).argmax(0)
            hits[method] += int((found == truth).sum())
    assert hits["crf"] > hits["plain"] * 1.002 and hits["mrf"] > hits["plain"]


def test_the_table_is_complete_and_refuses_with_near_names():
    assert (
        [c.id for c in REFINE_CARDS]
        == [f"refine/{m.id}" for m in METHODS]
        == ["refine/crf", "refine/crfrnn", "refine/mrf"]
    )
    for item in REFINE_CARDS:
        assert (
            item.task == "refine"
            and item.weights.kind == "built-in"
            and item.licence
            and "Choose" in item.description.replace("choose", "Choose")
        )
        assert ModelCard.from_json(item.to_json()) == item
        assert method_of(item) is method_of(item.architecture)
        for option in method_of(item).options:
            assert option.help and option.low <= option.default <= option.high
    assert TRAINABLE == ("crfrnn", "mrf") and checked_layers("") == "" and checked_layers("refine/mrf") == "mrf"
    changed = with_options(REFINE_CARDS[0], {"theta_beta": "8"})
    assert changed.options["theta_beta"] == 8 and refinement(changed).parameters.theta_beta == 8
    with pytest.raises(UserError, match="[Dd]id you mean crf"):
        refinement("crff")
    with pytest.raises(UserError, match="[Dd]id you mean theta_beta"):
        refinement("crf", {"theta_bet": 3})
    with pytest.raises(UserError, match="from 1 to 50"):
        refinement("crf", {"iterations": 0})
