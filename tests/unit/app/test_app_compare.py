"""Comparing two models: nothing of the document changes, stale answers are dropped, figures are as counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import Said, paint

from segstudio.app.compare_classes import FIRST_EXTRA_ID
from segstudio.app.compare_desk import CompareDesk, Side, capped
from segstudio.app.compare_figures import figures_of
from segstudio.app.presenters.models import ModelsPresenter
from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.core.geometry import Rect
from segstudio.ml import registry
from segstudio.ml.api import ObjectResult, WindowResult
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry

if TYPE_CHECKING:
    from segstudio.app.session import Session

WHOLE = Rect(0, 0, 400, 300)
BUILT_IN = WeightsSource("built-in")
ROADS = ModelCard("roads", "Roads", classes=("background", "Road", "tree", "lake"), weights=BUILT_IN)
LAKES = ModelCard("lakes", "Lakes", classes=("background", "LAKE", "road"), colors=("", "#123456"), weights=BUILT_IN)
THINGS = ModelCard("things", "Things", task="instance", classes=("background", "tree"), weights=BUILT_IN)
FAR = CatalogEntry(ModelCard("far", "Far", weights=WeightsSource("download", url="x")), False, "", True)
BROKEN = CatalogEntry(ModelCard("broken", "Broken", weights=WeightsSource("file")), False, "the file is damaged")
CLICKS = CatalogEntry(ModelCard("clicks", "Clicks", task="interactive", weights=BUILT_IN))


@pytest.fixture
def desk(session: Session, monkeypatch: pytest.MonkeyPatch) -> CompareDesk:
    entries = [CatalogEntry(ROADS), CatalogEntry(LAKES), CatalogEntry(THINGS), FAR, BROKEN, CLICKS]
    monkeypatch.setattr(registry.Catalog, "entries", lambda self, **_: list(entries))
    return CompareDesk(session, ModelsPresenter(session))


def noise(seed: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(300, 400) class indices in blocks, and confidences."""
    random = np.random.default_rng(seed)
    blocks = np.kron(random.integers(0, classes, (30, 40)), np.ones((10, 10))).astype(np.uint8)
    return blocks, random.integers(1, 256, (300, 400)).astype(np.uint8)


def answered(desk: CompareDesk, side: Side, index: np.ndarray, confidence: np.ndarray, seconds: float = 1.5) -> None:
    """Let a side's model answer in two pieces; cut to what was asked for."""
    request = desk.next_request()
    assert request is not None and request[0] == side
    spec = request[1]
    for piece in (Rect(0, 0, 170, 300), Rect(170, 0, 230, 300)):
        part = piece.intersected(desk.rect)
        if not part.is_empty:
            assert desk.receive(spec.generation, WindowResult(part, index[part.slices], confidence[part.slices]))
    assert desk.finish(spec.generation, seconds)


def compared(desk: CompareDesk, rect: Rect = WHOLE) -> tuple[np.ndarray, ...]:
    assert desk.open("roads", "lakes", rect)
    left, right = noise(1, 4), noise(2, 3)
    answered(desk, "left", *left)
    answered(desk, "right", *right)
    return (*left, *right)


def state(session: Session) -> tuple[object, ...]:
    """All that a comparison must leave alone."""
    assert session.labels is not None and session.history is not None
    return session.labels.revision, session.proposal, session.classes, session.history.position


def test_both_answers_are_held_and_the_document_stays(session: Session, desk: CompareDesk) -> None:
    before = state(session)
    painted: list[tuple[str, Rect]] = []
    desk.painted.connect(lambda side, rect: painted.append((side, rect)))
    left, _, right, _ = compared(desk)
    assert state(session) == before
    extra = FIRST_EXTRA_ID  # lake, which the project does not have and both models do
    seen = desk.read_classes("left", WHOLE)
    assert (seen == np.array([0, 1, 2, extra])[left]).all()
    assert (desk.read_classes("right", WHOLE) == np.array([0, extra, 1])[right]).all()
    assert [side for side, _ in painted] == ["left", "left", "right", "right"]
    assert desk.next_request() is None
    assert desk.classes.by_id(extra) is not None and desk.side("left").seconds == 1.5
    desk.close()
    assert state(session) == before and not desk.is_open


def test_a_class_of_the_model_alone_has_the_cards_colour_where_it_is_free(desk: CompareDesk) -> None:
    assert desk.open("lakes", "roads", WHOLE)
    lake = desk.classes.by_id(FIRST_EXTRA_ID)
    assert lake is not None and lake.color == "#123456"
    assert len({item.color for item in desk.classes.known}) == len(desk.classes.known)


def test_requests_ask_for_the_visible_part_capped_or_the_whole(session: Session, desk: CompareDesk) -> None:
    assert desk.open("roads", "lakes", Rect(-50, 20, 200, 100))
    request = desk.next_request()
    assert request is not None
    (task,) = request[1].tasks
    assert task.rects == (Rect(0, 20, 150, 100),) and task.size_px == (400, 300) and not desk.is_whole
    assert desk.open("roads", "lakes", Rect(0, 0, 10, 10), is_whole=True)
    request = desk.next_request()
    assert request is not None and request[1].tasks[0].rects is None
    big = capped(Rect(100, 200, 8192, 2048), 1 << 20)
    assert big.width * big.height <= 1 << 20 and big.width == 4 * big.height
    assert abs(big.x + big.width / 2 - (100 + 4096)) <= 1 and abs(big.y + big.height / 2 - (200 + 1024)) <= 1


def test_stale_answers_are_dropped(session: Session, desk: CompareDesk) -> None:
    piece = WindowResult(WHOLE, *noise(1, 4))
    assert desk.open("roads", "lakes", WHOLE)
    request = desk.next_request()
    assert request is not None
    old = request[1].generation
    assert not desk.receive(old + 1, piece) and not desk.receive(old, piece, z=3)
    desk.close()
    assert not desk.receive(old, piece) and not desk.finish(old)
    assert desk.open("roads", "lakes", WHOLE)
    request = desk.next_request()
    assert request is not None and request[1].generation != old
    assert not desk.receive(old, piece) and desk.side("left").layer.is_blank
    assert desk.finish(request[1].generation)
    assert not desk.receive(request[1].generation, piece), "it was done"


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("gone", "no model “gone”"),
        ("far", "downloaded first"),
        ("broken", "damaged"),
        ("clicks", "propose: choose another"),
    ],
)
def test_a_side_that_cannot_answer_says_why_and_the_other_goes_on(desk: CompareDesk, model_id: str, words: str) -> None:
    assert desk.open(model_id, "roads", WHOLE)
    request = desk.next_request()
    assert request is not None and request[0] == "right"
    assert desk.side("left").state == "failed" and words in desk.side("left").sentence
    assert desk.finish(request[1].generation, 0.1)
    assert desk.figure_request() is not None


def test_a_failure_takes_back_what_came_of_that_side(desk: CompareDesk) -> None:
    assert desk.open("roads", "lakes", WHOLE)
    request = desk.next_request()
    assert request is not None
    desk.receive(request[1].generation, WindowResult(WHOLE, *noise(1, 4)))
    desk.fail("left", "The image has 1 band, the model reads 3.")
    assert desk.side("left").layer.is_blank and desk.side("left").is_over
    request = desk.next_request()
    assert request is not None and request[0] == "right"


def test_one_model_twice_or_no_image_is_refused_with_a_sentence(
    session: Session, desk: CompareDesk, said: Said
) -> None:
    assert not desk.open("roads", "roads", WHOLE) and "two different" in said[-1]
    session.close_project()
    assert not desk.open("roads", "lakes", WHOLE) and "Open an image" in said[-1]


@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_figures_are_as_counted_by_hand(session: Session, desk: CompareDesk, floor: float) -> None:
    rect = Rect(37, 11, 301, 222)
    session.set_min_confidence(floor)
    left, sure_left, right, sure_right = compared(desk, rect)
    truth = np.kron(np.random.default_rng(5).integers(0, 3, (30, 40)), np.ones((10, 10))).astype(int)
    transaction = session.begin("truth")
    assert transaction is not None
    for class_id in (1, 2):
        transaction.write(WHOLE, transaction.ensure_stuff(class_id), truth == class_id)
    session.commit(transaction)
    request = desk.figure_request()
    assert request is not None
    figures = figures_of(request)

    extra = FIRST_EXTRA_ID
    one = np.where(sure_left >= floor * 255, np.array([0, 1, 2, extra])[left], 0)[rect.slices]
    two = np.where(sure_right >= floor * 255, np.array([0, extra, 1])[right], 0)[rect.slices]
    real = truth[rect.slices]
    assert figures.pixels == one.size and figures.agreement == pytest.approx((one == two).mean())
    found = {row.class_id: row for row in figures.classes}
    for class_id in (1, 2, extra):
        a, b = one == class_id, two == class_id
        assert found[class_id].iou == pytest.approx((a & b).sum() / (a | b).sum())
        assert (found[class_id].left_px, found[class_id].right_px) == (a.sum(), b.sum())
    unions = [((one == i) | (two == i)).sum() for i in (row.class_id for row in figures.classes)]
    assert unions == sorted(unions, reverse=True)
    for side, mean in zip((one, two), figures.labels_iou, strict=True):
        ious = [
            ((side == i) & (real == i)).sum() / ((side == i) | (real == i)).sum()
            for i in (1, 2, extra)
            if ((side == i) | (real == i)).any()
        ]
        assert mean == pytest.approx(np.mean(ious))


def test_unlabelled_pixels_count_as_training_takes_them(session: Session, desk: CompareDesk) -> None:
    paint(session, Rect(0, 0, 100, 300), 1)
    left, *_ = compared(desk)
    here = np.array([0, 1, 2, 9])[left]

    def mean_iou(known: np.ndarray, truth: np.ndarray) -> float:
        there = [i for i in (1, 2, 9) if (((here == i) | (truth == i)) & known).any()]
        return float(
            np.mean(
                [
                    ((here == i) & (truth == i) & known).sum() / (((here == i) | (truth == i)) & known).sum()
                    for i in there
                ]
            )
        )

    truth = np.zeros((300, 400), int)
    truth[:, :100] = 1
    request = desk.figure_request()
    assert request is not None and request.unlabelled_counts, "no image is done: background it is, as in training"
    assert figures_of(request).labels_iou[0] == pytest.approx(mean_iou(np.ones_like(truth, bool), truth))
    session.set_status([session.images[1].id], "done")
    request = desk.figure_request()
    assert request is not None and not request.unlabelled_counts
    assert figures_of(request).labels_iou[0] == pytest.approx(mean_iou(truth == 1, truth))


def test_without_labels_there_is_no_score_and_counting_can_be_cancelled(session: Session, desk: CompareDesk) -> None:
    compared(desk)
    request = desk.figure_request()
    assert request is not None and figures_of(request).labels_iou == (None, None)
    assert not figures_of(request).has_labels
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        figures_of(request, token)


@pytest.mark.parametrize("rect", [WHOLE, Rect(100, 50, 200, 150)])
def test_keeping_is_what_proposing_would_have_made(session: Session, desk: CompareDesk, rect: Rect) -> None:
    left, sure, *_ = compared(desk, rect)
    before = session.classes
    position = session.history.position if session.history else 0
    assert desk.keep("left")
    assert session.proposal is not None and session.history is not None
    lake = session.classes.by_name("lake")
    assert lake is not None and before.by_name("lake") is None and session.history.position == position + 2
    kept = session.proposal.read_classes(rect)
    sure_kept = session.proposal.read_confidence(rect)
    uncertainty = session.proposals.uncertainty[1]

    class_map = {0: 0, 1: 1, 2: 2, 3: lake.id}
    generation = session.proposals.begin(class_map, "roads", rects=None if rect == WHOLE else {1: (rect,)})
    session.proposals.receive_window(1, generation, WindowResult(rect, left[rect.slices], sure[rect.slices]))
    session.proposals.finish_proposal(1, generation)
    session.proposals.end()
    assert (kept == session.proposal.read_classes(rect)).all()
    assert (sure_kept == session.proposal.read_confidence(rect)).all()
    assert uncertainty == pytest.approx(session.proposals.uncertainty[1])


def test_keeping_is_undone_at_once_and_leaves_the_rest_of_a_proposal(session: Session, desk: CompareDesk) -> None:
    generation = session.proposals.begin({1: 2}, "earlier")
    full = np.ones((300, 400), np.uint8)
    session.proposals.receive_window(1, generation, WindowResult(WHOLE, full, full * 255))
    session.proposals.cancel()
    rect = Rect(0, 0, 60, 60)
    compared(desk, rect)
    assert desk.keep("right")
    assert session.proposal is not None
    now = session.proposal.read_classes(WHOLE)
    assert (now[60:] == 2).all() and (now[:60, :60] != 2).all()
    assert session.undo() and (session.proposal.read_classes(WHOLE) == 2).all()


def test_objects_are_kept_as_objects(session: Session, desk: CompareDesk) -> None:
    assert desk.open("things", "roads", WHOLE)
    request = desk.next_request()
    assert request is not None
    generation = request[1].generation
    first, second = np.ones((40, 50), bool), np.ones((40, 50), bool)
    first[0] = False
    desk.receive(generation, ObjectResult(Rect(10, 10, 50, 40), first, 1, 0.9))
    desk.receive(generation, ObjectResult(Rect(40, 30, 50, 40), second, 1, 0.4))
    assert desk.finish(generation)
    answered(desk, "right", *noise(1, 4))
    assert desk.keep("left")
    layer = session.proposal
    assert layer is not None
    found = [segment for segment in layer.segments.values() if segment.is_object]
    assert [(one.class_id, one.confidence) for one in found] == [(2, 0.9), (2, 0.4)]
    assert (layer.read(WHOLE) == desk.side("left").layer.read(WHOLE)).all()
    assert int((layer.read(WHOLE) == found[0].id).sum()) == 39 * 50


def test_keeping_is_refused_before_it_is_done_and_in_a_read_only_project(
    session: Session, desk: CompareDesk, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.open("roads", "lakes", WHOLE)
    assert not desk.keep("left") and "no finished answer" in said[-1]
    compared(desk)
    monkeypatch.setattr(session, "refuses_edits", lambda: True)
    assert not desk.keep("left") and session.proposal is None


def test_a_class_of_the_project_deleted_or_added_meanwhile(session: Session, desk: CompareDesk) -> None:
    compared(desk)
    assert session.class_editor.add("lake")
    lake = session.classes.by_name("lake")
    assert lake is not None and desk.keep("left")
    assert session.proposal is not None and lake.id in session.proposal.pixel_counts()
    assert len([item for item in session.classes if item.name == "lake"]) == 1


def test_another_matching_is_seen_counted_and_kept_without_asking_again(session: Session, desk: CompareDesk) -> None:
    left, _, right, _ = compared(desk)
    said = []
    desk.changed.connect(lambda: said.append(True))
    presenter = desk._models
    presenter.set_mapping(LAKES, {1: 2, 2: 0})  # lake is tree, road is left out
    desk.refresh_classes()
    assert said and (desk.read_classes("right", WHOLE) == np.array([0, 2, 0])[right]).all()
    request = desk.figure_request()
    assert request is not None
    one, two = np.array([0, 1, 2, FIRST_EXTRA_ID])[left], np.array([0, 2, 0])[right]
    figures = figures_of(request)
    assert figures.agreement == pytest.approx((one == two).mean())
    trees = next(row for row in figures.classes if row.class_id == 2)
    assert trees.iou == pytest.approx(((one == 2) & (two == 2)).sum() / ((one == 2) | (two == 2)).sum())
    assert not desk.is_known("left") and desk.is_known("right")
    before = session.classes
    assert desk.keep("right") and session.classes == before
    assert session.proposal is not None and (session.proposal.read_classes(WHOLE) == two).all()
