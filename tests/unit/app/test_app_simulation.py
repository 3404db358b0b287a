"""The simulated annotator on the real session: what it does, what that counts as, and what comes of it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_projects import offer_bright

from segstudio.app.session import Session
from segstudio.app.simulation import orders
from segstudio.app.simulation.annotators import Painter, shown_classes
from segstudio.app.simulation.files import csv_of, html_of, row_of, write_files
from segstudio.app.simulation.hand import Hand
from segstudio.app.simulation.plan import Budget, CurvePoint, Effort, HandPlan, SimulationPlan, parse_budget
from segstudio.app.simulation.run import simulate
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.simulated_strokes import Stroke
from segstudio.io.store.project import ProjectStore

STEADY = HandPlan.steady()


@pytest.fixture
def at_work(make_session, pictures, tmp_path):
    """(session, hand, effort) on an image of 400 × 300 with the classes one and two."""
    session: Session = make_session()
    from segstudio.core.classes import ClassTable

    assert session.create_project(tmp_path / "p", ClassTable().added("one").added("two"))
    session.add_images([pictures[0]])
    effort = Effort()
    box = ToolBox(ToolContext(session, session.settings))
    return session, lambda plan=STEADY, seed=0: Hand(box, plan, effort, seed), effort


@pytest.fixture
def spots(tmp_path: Path) -> str:
    """A dataset of five pictures with one bright spot each; its spec."""
    images, masks = tmp_path / "data" / "images", tmp_path / "data" / "masks"
    images.mkdir(parents=True)
    masks.mkdir()
    random = np.random.default_rng(0)
    for index in range(5):
        truth = np.zeros((64, 64), np.uint8)
        top = 8 + 4 * index
        truth[top : top + 24, 20:50] = 1
        values = random.integers(0, 60, (64, 64, 3)) + 190 * truth[..., None]
        Image.fromarray(values.astype(np.uint8)).save(images / f"{index}.png")
        Image.fromarray(truth).save(masks / f"{index}.png")
    return f"folder:{images},{masks}"


def plan_for(spots, **changes) -> SimulationPlan:
    base = {
        "data": spots, "budget": Budget(10_000), "loop": "none", "class_names": ("background", "spot"), "test_images": 1,
        "hand": STEADY, "device": "cpu", "patch_px": 64,
    }  # fmt: skip
    return SimulationPlan(**{**base, **changes})


# -- the hand ------------------------------------------------------------------------------------------------------


def test_a_stroke_goes_through_the_tool_and_is_counted(at_work):
    session, make_hand, effort = at_work
    make_hand().draw("brush", Stroke(((50.5, 60.5), (120.5, 60.5)), 10))
    labels = session.labels.read_classes(session.labels.bounds)
    assert labels[60, 80] == session.current_class_id
    assert effort == Effort(strokes=1, pixels=int(np.count_nonzero(labels)))
    assert session.undo()
    assert session.labels.is_blank


def test_a_stroke_over_the_border_counts_what_lies_inside(at_work):
    session, make_hand, effort = at_work
    make_hand().draw("brush", Stroke(((-30.0, 5.5), (20.5, 5.5)), 8))
    assert effort.pixels == int(np.count_nonzero(session.labels.read_classes(session.labels.bounds)))


def test_a_hand_shakes_as_its_seed_says_and_stops_late(at_work):
    _, make_hand, _ = at_work
    stroke = Stroke(((10.0, 50.0), (210.0, 50.0)), 5)
    steady = np.asarray(make_hand().shaken(stroke))
    assert np.allclose(steady[:, 1], 50) and steady[-1][0] == pytest.approx(210)
    plan = HandPlan(jitter_px=2.0, late_px=6.0)
    one, same, other = (np.asarray(make_hand(plan, seed).shaken(stroke)) for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    late = [make_hand(HandPlan(jitter_px=0.0, late_px=6.0), seed).shaken(stroke)[-1][0] - 210 for seed in range(200)]
    assert min(late) > 0
    assert np.mean(late) == pytest.approx(6, rel=0.3)
    strays = np.concatenate([np.asarray(make_hand(plan, seed).shaken(stroke))[:, 1] - 50 for seed in range(50)])
    assert strays.std() == pytest.approx(2, rel=0.3)


# -- the painter ---------------------------------------------------------------------------------------------------


def truth_of_two(session):
    one, two = (item.id for item in session.classes)
    truth = np.zeros((300, 400), np.uint16)
    truth[50:150, 60:200] = one
    truth[180:260, 220:380] = two
    truth[:20] = IGNORE
    return truth


def test_the_painter_labels_an_image_from_nothing(at_work):
    session, make_hand, effort = at_work
    truth = truth_of_two(session)
    Painter(session, make_hand()).work(truth, lambda: True)
    shown = shown_classes(session)
    known = truth != IGNORE
    assert (shown == truth)[known].mean() > 0.98
    assert 0 < effort.strokes < 60
    assert len(session.history.entries()) == effort.strokes


def test_the_painter_stops_when_it_is_told_to(at_work):
    session, make_hand, effort = at_work
    Painter(session, make_hand()).work(truth_of_two(session), lambda: effort.strokes < 3)
    assert effort.strokes == 3


def test_what_the_model_has_too_much_is_rejected_and_what_is_right_costs_nothing(at_work):
    session, make_hand, effort = at_work
    truth = truth_of_two(session)
    wrong = truth.copy()
    wrong[60:140, 250:380] = session.classes[0].id  # nothing is there
    wrong[truth == IGNORE] = 0
    desk = session.proposals
    generation = desk.begin({c.id: c.id for c in session.classes}, "m")

    class Window:
        rect, class_index, confidence = session.labels.bounds, wrong, np.full(wrong.shape, 200, np.uint8)

    desk.receive_window(session.image_id, generation, Window)
    desk.finish_proposal(session.image_id, generation)
    desk.end()
    Painter(session, make_hand()).work(truth, lambda: True)
    assert session.labels.is_blank  # nothing was missing
    shown = shown_classes(session)
    assert (shown == truth)[truth != IGNORE].mean() > 0.985
    assert effort.strokes <= 12 and effort.pixels < 2 * 80 * 130


def test_what_the_hand_itself_painted_too_far_is_erased(at_work):
    session, make_hand, _ = at_work
    hand = make_hand()
    hand.draw("brush", Stroke(((300.5, 60.5), (300.5, 160.5)), 30))
    truth = np.zeros((300, 400), np.uint16)
    Painter(session, hand).work(truth, lambda: True)
    left = session.labels.read_classes(session.labels.bounds)
    assert np.count_nonzero(left) < 0.1 * 30 * 130


def test_small_places_are_overlooked(at_work):
    session, make_hand, effort = at_work
    truth = np.zeros((300, 400), np.uint16)
    truth[100:104, 100:104] = session.classes[0].id
    Painter(session, make_hand()).work(truth, lambda: True)
    assert effort.strokes == 0
    never = HandPlan(jitter_px=0, late_px=0, miss_share=1.0)
    truth[100:107, 100:107] = session.classes[0].id
    Painter(session, make_hand(never)).work(truth, lambda: True)
    assert effort.strokes == 0
    Painter(session, make_hand()).work(truth, lambda: True)
    assert effort.strokes > 0


# -- whole simulations ---------------------------------------------------------------------------------------------


def test_labelling_without_a_model_ends_with_labels_as_good_as_the_hand(spots, tmp_path):
    project = tmp_path / "kept"
    told: list[CurvePoint] = []
    found = simulate(plan_for(spots), project=project, tell=told.append)
    assert found.ended_by == "images" and (found.pool_images, found.test_images) == (4, 1)
    assert tuple(told) == found.points
    assert [p.images for p in found.points] == [0, 1, 2, 3, 4]
    assert found.points[-1].labels_dice > 0.95 and found.points[-1].foreground_dice is None
    assert sorted({p.strokes for p in found.points}) == [p.strokes for p in found.points]
    with ProjectStore.open(project, read_only=True) as store:
        assert [r.name for r in store.images()] == [
            "0.png",
            "1.png",
            "2.png",
            "3.png",
        ]  # what is measured on is not in it
        assert {r.status for r in store.images()} == {"done"}
        assert [c.name for c in store.classes] == ["spot"]


def test_a_model_that_knows_saves_the_strokes(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    alone = simulate(plan_for(spots))
    helped = simulate(plan_for(spots, model="bright"))
    dense = simulate(plan_for(spots, model="bright", has_proposals=False))
    assert helped.points[-1].strokes == 4  # accepting is one for each image
    assert helped.points[-1].pixels == 0 and helped.points[-1].accepted > 4 * 600
    assert dense.points[-1].strokes == alone.points[-1].strokes > 4
    assert helped.points[0].foreground_dice > 0.99  # on the image that is held out
    assert helped.points[1].proposal_dice > 0.99 and alone.points[1].proposal_dice is None


@pytest.mark.parametrize(
    ("budget", "unit"), [(Budget(2, "images"), "images"), (Budget(5), "strokes"), (Budget(900, "pixels"), "pixels")]
)
def test_the_budget_ends_it(spots, budget, unit):
    found = simulate(plan_for(spots, budget=budget))
    assert found.ended_by == "budget"
    last = found.points[-1]
    assert getattr(last, unit) >= budget.amount > getattr(found.points[-2], unit)
    if unit == "strokes":
        assert last.strokes == 5


def test_strokes_on_one_image_are_limited(spots):
    found = simulate(plan_for(spots, strokes_per_image=2))
    assert [p.strokes for p in found.points] == [0, 2, 4, 6, 8]


def test_an_image_that_was_left_half_done_is_not_marked_done(spots, tmp_path):
    project = tmp_path / "kept"
    simulate(plan_for(spots, strokes_per_image=1), project=project)
    with ProjectStore.open(project, read_only=True) as store:
        assert {r.status for r in store.images()} == {"in_progress"}


def test_stopping_keeps_the_curve(spots):
    from segstudio.core.cancel import CancelToken

    token = CancelToken()

    def tell(point):
        if point.images == 2:
            token.set()

    found = simulate(plan_for(spots), tell=tell, cancel=token)
    assert found.ended_by == "stopped"
    assert [p.images for p in found.points] == [0, 1, 2]


def test_a_target_ends_it_in_the_middle_of_an_image(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    learner = Told(after=2)
    monkeypatch.setattr("segstudio.app.simulation.run.make_learner", lambda *_: learner)
    found = simulate(plan_for(spots, loop="continuous", measure_strokes=1, target=0.9, has_proposals=False))
    assert found.ended_by == "target"
    assert found.points[-1].strokes == 2


def test_the_same_seed_gives_the_same_curve(spots):
    def curve(seed):
        found = simulate(plan_for(spots, seed=seed, hand=HandPlan(), order="random"))
        return [(p.image, p.strokes, p.pixels, p.labels_dice) for p in found.points]

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


def test_pasting_the_truth_is_one_edit_an_image(spots):
    found = simulate(plan_for(spots, annotator="exact"))
    assert [p.strokes for p in found.points] == [0, 1, 2, 3, 4]
    assert found.points[-1].labels_dice == 1.0
    assert found.points[-1].pixels == 4 * 24 * 30


def test_the_order_is_what_the_looks_say(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    asked = []

    def fake(self, left, done, file_of, segmenter):
        asked.append((list(left), list(done), segmenter.card.id))
        return list(left)[::-1]

    monkeypatch.setattr(orders.Order, "_ranked", fake)
    found = simulate(plan_for(spots, model="bright", order="uncertainty"))
    assert [p.image for p in found.points[1:]] == ["3.png", "2.png", "1.png", "0.png"]
    assert len(asked) == 1 and asked[0][2] == "bright"  # one look for one model


def test_a_model_looks_at_so_many_candidates_drawn_anew_for_each_of_its_versions(monkeypatch):
    asked = []

    def fake(self, left, done, file_of, segmenter):
        asked.append(list(left))
        return list(left)

    monkeypatch.setattr(orders.Order, "_ranked", fake)
    order, left = orders.Order("both", 3, NEVER, candidates=4), list(range(20))
    for model in ("", "one", "one", "two"):
        left.remove(order.next(left, [], lambda image_id: None, model, lambda model: None))
    assert [len(ids) for ids in asked] == [4, 4]
    assert asked[0] != asked[1]
    # When all of them are labelled and the model is the same, others are looked at.
    for _ in range(4):
        left.remove(order.next(left, [], lambda image_id: None, "two", lambda model: None))
    assert len(asked) == 3


def test_the_real_looks_put_the_unsure_image_first(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    folder = Path(spots.split(":", 1)[1].split(",")[0])
    grey = np.full((64, 64, 3), 128, np.uint8)
    grey[:, 32:] = 127
    Image.fromarray(grey).save(folder / "2.png")
    found = simulate(plan_for(spots, model="bright", order="uncertainty", budget=Budget(1, "images")))
    assert found.points[-1].image == "2.png"


class Told:
    """A learner that makes "bright" its model after some strokes."""

    def __init__(self, after: int) -> None:
        self.model, self.seconds, self.after, self.calls = "", 0.0, after, []
        self.notes: list[str] = ["learnt"]

    def on_strokes(self, count):
        self.after -= count
        self.calls.append("stroke")
        if self.after == 0:
            self.model = "bright"
            return True
        return False

    def on_image(self, images):
        self.calls.append(images)
        return False

    def close(self):
        self.calls.append("closed")


def test_a_new_version_renews_the_proposal_of_the_image_at_hand(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    thin = HandPlan(jitter_px=0, late_px=0, miss_share=0, largest_brush_px=4)
    dense = simulate(plan_for(spots, budget=Budget(1, "images"), hand=thin))
    learner = Told(after=1)
    monkeypatch.setattr("segstudio.app.simulation.run.make_learner", lambda *_: learner)
    found = simulate(plan_for(spots, budget=Budget(1, "images"), loop="continuous", measure_strokes=1, hand=thin))
    assert "stroke" in learner.calls and learner.calls[-2:] == [1, "closed"]
    # One stroke and accepting what the model made of it: with a brush so thin the spot alone takes many.
    assert found.points[-1].strokes == 2
    assert found.notes == ("learnt",)
    assert found.points[-1].labels_dice > 0.9
    assert found.effort_to(0.9).strokes == 1
    assert dense.points[-1].strokes > 4


def test_a_sketch_comes_before_the_first_proposal(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    dense = simulate(plan_for(spots, budget=Budget(2, "images")))
    learner = Told(after=-1)

    def on_image(images):
        learner.calls.append(images)
        if images == 0:
            learner.model = "bright"
        return images == 0

    learner.on_image = on_image
    monkeypatch.setattr("segstudio.app.simulation.run.make_learner", lambda *_: learner)
    found = simulate(plan_for(spots, budget=Budget(2, "images"), loop="continuous", sketch_px=32))
    assert [c for c in learner.calls if c != "stroke"] == [0, 1, 2, "closed"]
    assert learner.calls[0] == 0  # learning begins when the square is whole
    assert found.points[-1].pixels < dense.points[-1].pixels


def test_from_place_to_place_each_is_mended_and_confirmed_and_images_come_round_again(spots, monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)
    monkeypatch.setattr("segstudio.core.worst_places.SMALLEST_PX", 32)
    doubt = np.zeros((1, 4, 4), np.uint8)
    doubt[0, 1, 1], doubt[0, 3, 3] = 200, 150
    monkeypatch.setattr("segstudio.app.place_desk.read_cells", lambda facts, image_id: (doubt, 16))
    project = tmp_path / "project"
    plan = plan_for(spots, budget=Budget(5, "images"), model="bright", places_per_image=1)
    found = simulate(plan, project=project)
    assert found.ended_by == "budget" and found.points[-1].images == 5  # more than there are in the project
    with ProjectStore.open(project) as store:
        records = store.images()
        touched = {r.id: int(np.count_nonzero(store.labels_layer(r.id).touched.read(Rect(0, 0, r.width, r.height)))) for r in records}
        assert len(records) < 5 and all(record.status != "done" for record in records)
    assert all(pixels >= 32 * 32 for pixels in touched.values()) and max(touched.values()) > 32 * 32  # the second time at another place
    assert found.points[-1].labels_dice is None or found.points[-1].labels_dice > 0.8


class Clicked:
    """A click model that finds the bright area under the last click that says so."""

    device = "cpu"

    def __init__(self, card, is_blind=False) -> None:
        self.card, self.is_blind = card, is_blind

    def embed(self, image):
        return image

    def predict(self, image, prompts):
        import cv2

        from segstudio.ml.api import PromptAnswer

        _, areas = cv2.connectedComponents((image[..., 0] > 120).astype(np.uint8))
        x, y = (int(v) for v in prompts.points_xy[prompts.is_positive][-1])
        found = (areas == areas[y, x]) & (areas > 0) & (not self.is_blind)
        chance = found.astype(np.float32)[None]
        return PromptAnswer(chance, np.ones(1, np.float32), chance)


@pytest.fixture
def offer_clicks(monkeypatch, tmp_path):
    from segstudio.ml import registry
    from segstudio.ml.cards import ModelCard, WeightsSource
    from segstudio.ml.interactive import loading

    card = ModelCard(
        "fake-click", "Fake", architecture="click", encoder="none", classes=(), colors=(), task="interactive",
        weights=WeightsSource("file"), loader="segstudio.none:none", window_px=64,
    )  # fmt: skip
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(card)]))

    def offer(is_blind=False):
        monkeypatch.setattr(loading, "load_prompter", lambda *_: Clicked(card, is_blind))

    return offer


def test_clicks_find_objects_and_are_accepted(spots, offer_clicks):
    offer_clicks()
    found = simulate(plan_for(spots, annotator="clicks", click_model="fake-click"))
    last = found.points[-1]
    assert last.labels_dice > 0.98
    assert (last.clicks, last.strokes, last.pixels) == (4, 8, 0)  # a click and Enter for each of four spots


def test_clicks_that_find_nothing_end(spots, offer_clicks, tmp_path):
    offer_clicks(is_blind=True)
    project = tmp_path / "kept"
    hand = HandPlan(jitter_px=0, late_px=0, clicks_per_object=3)
    found = simulate(plan_for(spots, annotator="clicks", click_model="fake-click", hand=hand), project=project)
    assert found.points[-1].clicks == 3 * 4
    with ProjectStore.open(project, read_only=True) as store:
        assert all(store.labels_layer(r.id).is_blank and r.status == "unlabelled" for r in store.images())


# -- what really learns --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rounds_of_training_go_on_from_one_another(spots, tmp_path):
    project = tmp_path / "kept"
    plan = plan_for(
        spots,
        loop="rounds",
        annotator="exact",
        budget=Budget(2, "images"),
        steps=2,
        batch=2,
        threads=1,
        is_pretrained=False,
    )
    found = simulate(plan, project=project)
    assert [p.foreground_dice is None for p in found.points] == [True, False, False]
    first, second = (json.loads((project / "runs" / f"round-00{i}" / "config.json").read_text()) for i in (1, 2))
    assert first["start_from"] == "" and second["start_from"] == found.points[1].model
    assert found.points[-1].train_seconds > 0
    assert Path(found.points[-1].model).is_file()


def test_a_round_takes_its_steps_and_holds_out_what_the_plan_says(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from segstudio.app.simulation.learners import RoundsLearner
    from segstudio.core.cancel import NEVER

    parts = [SimpleNamespace(split=split) for split in ("train",) * 8 + ("val",)]
    monkeypatch.setattr("segstudio.ml.training.sources.load_data", lambda plan: SimpleNamespace(images=parts))
    cases = ("image", 4, "image", 4), ("blocks", 4, "blocks", 8), ("blocks", 1, "image", 1)
    for hold_out, images, kind, count in cases:
        plan = SimulationPlan("folder:a,b", loop="rounds", steps=40, batch=4, hold_out=hold_out)
        train = RoundsLearner(plan, tmp_path, NEVER)._train_plan(images)
        assert train.split_by == kind and train.patches_per_image * count * train.epochs == 40 * 4


@pytest.mark.slow
def test_continuous_learning_beside_the_hand(spots, tmp_path):
    plan = plan_for(
        spots, loop="continuous", budget=Budget(2, "images"), steps=3, batch=2, threads=1, is_pretrained=False,
        strokes_per_round=4,
    )  # fmt: skip
    project = tmp_path / "kept"
    found = simulate(plan, project=project)
    assert (project / "learning").is_dir()
    assert found.points[-1].train_seconds > 0
    assert found.points[-1].labels_dice > 0.9


def test_rounds_that_cannot_learn_say_so_and_labelling_goes_on(spots, monkeypatch):
    from segstudio.ml.training import trainer

    def broken(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr(trainer.Trainer, "run", broken)
    found = simulate(plan_for(spots, loop="rounds", annotator="exact"))
    assert found.points[-1].images == 4
    assert found.notes[0] == "Round 1 learnt nothing: the disk is full."


# -- plans and files -----------------------------------------------------------------------------------------------


def test_budgets():
    assert parse_budget("500") == Budget(500)
    assert parse_budget("20_000 px") == Budget(20_000, "pixels")
    assert parse_budget("12images") == Budget(12, "images")
    for text in ("", "0", "-3", "5 miles", "many"):
        with pytest.raises(UserError, match="budget"):
            parse_budget(text)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"annotator": "robot"}, "annotator"), ({"order": "alphabet"}, "order"), ({"loop": "hula"}, "loop"),
        ({"batch": -1}, "batch"), ({"target": 2.0}, "target"), ({"order": "uncertainty"}, "uncertain"),
        ({"sketch_px": 64}, "sketch"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be_worked_with(changes, says):
    with pytest.raises(UserError, match=says):
        SimulationPlan(data="", **{"loop": "none", **changes}).checked()


def test_data_without_images_to_measure_on(spots):
    with pytest.raises(UserError, match="test-images"):
        simulate(plan_for(spots, test_images=5))
    with pytest.raises(UserError, match="class names"):
        simulate(plan_for(spots, class_names=("a", "b", "c")))


def test_files_hold_the_curve_and_escape_names(spots, tmp_path):
    found = simulate(plan_for(spots, class_names=("background", "<b>spot</b>"), budget=Budget(1, "images")))
    files = {file.suffix: file for file in write_files(found, tmp_path / "out")}
    rows = list(csv.DictReader(io.StringIO(files[".csv"].read_text())))
    assert [int(row["strokes"]) for row in rows] == [p.strokes for p in found.points]
    document = json.loads(files[".json"].read_text())
    assert document["plan"]["budget"] == {"amount": 1, "unit": "images"}
    assert len(document["points"]) == 2
    page = files[".html"].read_text()
    assert "<svg" in page and "<b>spot</b>" not in page
    assert "0.png" in page
    assert csv_of([CurvePoint(1, 2, 3, image="=cmd")]).splitlines()[1].count("'=cmd") == 1
    assert "no model yet" in row_of(found.points[0])


def test_files_where_nothing_can_be_written(spots, tmp_path):
    found = simulate(plan_for(spots, budget=Budget(1)))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError):
        write_files(found, tmp_path / "out")


def test_effort_to_a_quality():
    found = simulate_points(0.2, 0.5, 0.7, 0.6)
    assert found.effort_to(0.5).strokes == 1
    assert found.effort_to(0.9) is None
    assert found.best() == 0.7


def simulate_points(*dice):
    from segstudio.app.simulation.plan import Simulation

    points = tuple(CurvePoint(i, 10 * i, i, foreground_dice=d) for i, d in enumerate(dice))
    return Simulation(SimulationPlan(data=""), points, (), 0, 0, "images")


def test_html_names_the_order():
    assert "order given" in html_of(simulate_points(0.1, 0.2))
