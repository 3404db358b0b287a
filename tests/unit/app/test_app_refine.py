"""Refining the proposal, without a window: what is sent, what is drawn, one edit, and stale answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Said, classes_of, paint
from volume_session import enter_stacks, open_stacks

from segstudio.app import refine_pieces
from segstudio.app.refine_desk import APPLYING, CHANGED_MEANWHILE, NO_PROPOSAL, NOTHING, READ_ONLY, RefineDesk
from segstudio.app.refine_pieces import Part, preview_parts, proposal_data, put_reduced, reduced_options
from segstudio.app.session import Session
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.jobs.specs import RefineSpec
from segstudio.ml.api import ObjectResult, WindowResult
from segstudio.ml.classic.options import Option
from segstudio.ml.refine.proposal import RefinedPiece

WHOLE = Rect(0, 0, 400, 300)
LEFT = Rect(0, 0, 200, 300)
SQUARE = Rect(100, 100, 50, 50)


class Host:
    """A process that refines when it is told to: every segment grows by *by* pixels to the right."""

    def __init__(self, desk: RefineDesk, by: int = 4) -> None:
        self.desk, self.by = desk, by
        self.specs: list[RefineSpec] = []
        self.cancels = 0

    def submit(self, spec: RefineSpec) -> None:
        self.specs.append(spec)

    def cancel(self) -> None:
        self.cancels += 1

    def pieces(self, spec: RefineSpec) -> list[tuple[RefinedPiece, int]]:
        """Two pieces a plane, as the method would answer."""
        found = []
        width, height = (-(-value >> spec.level) for value in (WHOLE.width, WHOLE.height))
        for z in spec.task.planes:
            for rect in spec.task.rects or (Rect(0, 0, width, height),):
                half = rect.height // 2
                for part in (
                    Rect(rect.x, rect.y, rect.width, half),
                    Rect(rect.x, rect.y + half, rect.width, rect.height - half),
                ):
                    ids = grown(spec.proposal.read(part, z), self.by)
                    found.append((RefinedPiece(part, ids, np.where(ids, 190, 0).astype(np.uint8)), z))
        return found

    def answer(self, spec: RefineSpec | None = None) -> None:
        """Answer a job, the last one if none is named."""
        spec = spec or self.specs[-1]
        self.desk.on_stage("Refining")
        for piece, z in self.pieces(spec):
            self.desk.on_piece(spec.generation, piece, z)
            self.desk.on_progress(1, 2)
        self.desk.on_ended(spec.generation)


def grown(ids: np.ndarray, by: int) -> np.ndarray:
    """(h, w) ids, those left of background spread over it."""
    result = ids.copy()
    for _ in range(by):
        shifted = np.zeros_like(result)
        shifted[:, 1:] = result[:, :-1]
        result = np.where(result == 0, shifted, result)
    return result


def propose(session: Session, rect: Rect = SQUARE, class_id: int = 1) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1, 2: 2}, "model")
    mask = np.zeros((300, 400), np.uint8)
    mask[rect.slices] = class_id
    assert desk.receive_window(1, generation, WindowResult(WHOLE, mask, np.full((300, 400), 200, np.uint8)))
    desk.finish_proposal(1, generation)
    desk.end()


@pytest.fixture
def desk(session: Session) -> RefineDesk:
    """A desk on an image with a proposed square, and a host that waits."""
    propose(session)
    made = RefineDesk(session)
    made.host = Host(made)
    return made


def host_of(desk: RefineDesk) -> Host:
    assert isinstance(desk.host, Host)
    return desk.host


def proposed(session: Session) -> np.ndarray:
    assert session.proposal is not None
    return session.proposal.read_classes(WHOLE)


def drawn(session: Session) -> np.ndarray:
    assert session.proposals.shown is not None
    return session.proposals.shown.read_classes(WHOLE)


# -- which parts ---------------------------------------------------------------------------------------------------


def test_small_views_are_exact_wide_ones_reduced_and_huge_ones_left_out() -> None:
    bounds = Rect(0, 0, 20_000, 20_000)
    (only,) = preview_parts(Rect(50, 50, 100, 100), bounds)
    assert only == Part(Rect(0, 0, 214, 214)), "the surroundings are refined with it"
    quick, exact = preview_parts(Rect(5000, 5000, 900, 900), bounds)
    assert exact.level == 0 and exact.rect.width * exact.rect.height <= refine_pieces.EXACT_PX
    assert quick.rect == exact.rect and quick.level > 0
    assert quick.reduced.width * quick.reduced.height <= refine_pieces.QUICK_PX
    (wide,) = preview_parts(Rect(0, 0, 4000, 3000), bounds)
    assert wide.level > 0 and wide.reduced.width * wide.reduced.height <= refine_pieces.REDUCED_PX
    assert preview_parts(Rect(0, 0, 5000, 5000), bounds) == ()
    assert preview_parts(Rect(-50, -50, 20, 20), bounds) == ()


def test_reduced_options_shrink_lengths_only_and_keep_their_bounds() -> None:
    specs = (
        Option("theta_px", "", 61.0, "number", 1, 500),
        Option("gamma_px", "", 1.0, "number", 0.5, 50),
        Option("reach_px", "", 24, "integer", 1, 256),
        Option("beta", "", 11.0, "number", 0.5, 255),
    )
    values = {spec.key: spec.default for spec in specs}
    assert reduced_options(specs, values, 0) == (
        ("theta_px", 61.0),
        ("gamma_px", 1.0),
        ("reach_px", 24),
        ("beta", 11.0),
    )
    assert reduced_options(specs, values, 2) == (
        ("theta_px", 15.25),
        ("gamma_px", 0.5),
        ("reach_px", 6),
        ("beta", 11.0),
    )


def test_a_reduced_part_changes_whole_blocks_and_leaves_detail_elsewhere(session: Session) -> None:
    propose(session, Rect(101, 101, 51, 51))
    layer = session.proposal
    assert layer is not None
    part = Part(WHOLE, 2)
    assert part.reduced == Rect(0, 0, 100, 75)
    sent = proposal_data(layer.shadow(), part, (0,))
    small = sent.read(part.reduced, 0)
    assert small[26, 26] and not small[24, 26] and not small[26, 24]
    shadow = layer.shadow()
    after = small.copy()
    after[26, 40] = small[26, 26]
    put_reduced(shadow, [RefinedPiece(part.reduced, after, np.where(after, 99, 0).astype(np.uint8))], part, sent, 0)
    was, now = layer.read(WHOLE), shadow.read(WHOLE)
    block = np.zeros((300, 400), bool)
    block[104:108, 160:164] = True
    assert (now[block] != 0).all() and (now[~block] == was[~block]).all(), "nothing but the block that changed"
    assert (shadow.read_confidence(WHOLE)[block] == 99).all()


# -- preview -------------------------------------------------------------------------------------------------------


def test_preview_is_drawn_in_view_only_and_changes_nothing(desk: RefineDesk, session: Session) -> None:
    before, steps = proposed(session), len(session.history.entries())
    desk.look(Rect(90, 90, 40, 30))
    spec = host_of(desk).specs[-1]
    assert spec.task.rects == (Rect(26, 26, 168, 158),) and spec.level == 0 and spec.method == "refine/crf"
    assert dict(spec.options) == dict(desk.choice.card.options)
    desk.on_piece(spec.generation, *host_of(desk).pieces(spec)[0])
    assert (drawn(session)[100:105, 150:154] == 1).all(), "pieces are drawn as they come"
    host_of(desk).answer()
    assert desk.preview is not None and desk.preview.is_complete and not desk.is_busy
    assert (drawn(session)[100:150, 100:154] == 1).all() and (proposed(session) == before).all()
    assert len(session.history.entries()) == steps and session.proposal.read_classes(WHOLE).sum() == before.sum()
    desk.forget()
    assert (drawn(session) == before).all() and desk.preview is None


def test_preview_counts_what_changes(desk: RefineDesk) -> None:
    desk.look(Rect(90, 90, 80, 80))
    host_of(desk).answer()
    assert desk.preview is not None and desk.preview.changed_px == 50 * 4


def test_small_moves_need_no_new_preview_and_large_ones_do(desk: RefineDesk, session: Session) -> None:
    desk.look(Rect(90, 90, 40, 40))
    desk.look(Rect(95, 95, 40, 40))  # on its way already
    assert len(host_of(desk).specs) == 1
    host_of(desk).answer()
    desk.look(Rect(60, 60, 40, 40))
    assert len(host_of(desk).specs) == 1
    desk.look(Rect(300, 200, 40, 40))
    assert len(host_of(desk).specs) == 2 and desk.is_previewing
    host_of(desk).answer()
    assert (drawn(session) == proposed(session)).all(), "the place left behind is shown as it is"


def test_an_option_makes_the_preview_anew_and_the_former_answer_is_dropped(desk: RefineDesk, session: Session) -> None:
    host = host_of(desk)
    desk.look(Rect(90, 90, 80, 80))
    first = host.specs[-1]
    desk.choice.set_option(desk.choice.card, "theta_beta", 3.0)
    desk.look(Rect(90, 90, 80, 80))
    second = host.specs[-1]
    assert second is not first and host.cancels == 1 and dict(second.options)["theta_beta"] == 3.0
    host.answer(first)
    assert desk.is_previewing and desk.preview is None and (drawn(session) == proposed(session)).all()
    host.answer(second)
    assert desk.preview is not None and not (drawn(session) == proposed(session)).all()


def test_a_wider_view_is_seen_reduced_first(
    desk: RefineDesk, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refine_pieces, "QUICK_PX", 10_000)
    host = host_of(desk)
    desk.look(WHOLE)
    assert host.specs[-1].level == 2 and dict(host.specs[-1].options)["theta_alpha_px"] == 61 / 4
    host.answer()
    assert desk.preview is not None and desk.preview.part.level == 2 and not desk.preview.is_complete
    assert (drawn(session)[100:148, 152:160] == 1).all() and (proposed(session)[:, 150:] == 0).all()
    assert host.specs[-1].level == 0 and host.specs[-1].task.rects is None
    host.answer()
    assert desk.preview.is_complete and desk.preview.part.level == 0
    assert (drawn(session)[100:150, 150:154] == 1).all() and (drawn(session)[:, 154:] == 0).all()


def test_zooming_in_makes_a_reduced_preview_exact(desk: RefineDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refine_pieces, "EXACT_PX", 50_000)
    monkeypatch.setattr(refine_pieces, "REDUCED_PX", 10_000)
    desk.look(WHOLE)
    host_of(desk).answer()
    assert desk.preview is not None and desk.preview.is_complete and desk.preview.part.level == 2
    desk.look(Rect(90, 90, 50, 50))
    host_of(desk).answer()
    assert desk.preview.part.level == 0


def test_too_wide_a_view_has_no_preview(desk: RefineDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refine_pieces, "MOST_PX", 1000)
    desk.look(WHOLE)
    assert desk.is_too_wide and not host_of(desk).specs and not desk.obstacle
    desk.look(Rect(0, 0, 20, 20))
    assert not desk.is_too_wide and desk.is_previewing


def test_accepting_drops_the_preview(desk: RefineDesk, session: Session) -> None:
    desk.look(WHOLE)
    host_of(desk).answer()
    assert session.proposals.shown is not session.proposal
    assert session.proposals.accept_mask(Rect(100, 100, 10, 10), np.ones((10, 10), bool))
    assert session.proposals.shown is session.proposal and desk.preview is None
    desk.look(WHOLE)
    assert desk.is_previewing
    session.undo()
    assert not desk.is_previewing and host_of(desk).cancels == 1


def test_another_image_or_plane_drops_the_preview(desk: RefineDesk, session: Session) -> None:
    desk.look(WHOLE)
    spec = host_of(desk).specs[-1]
    session.next_image()
    assert not desk.is_busy and session.proposals.shown is session.proposal
    host_of(desk).answer(spec)
    assert desk.preview is None
    desk.look(WHOLE)
    assert desk.obstacle == NO_PROPOSAL and not desk.is_busy


# -- the whole -----------------------------------------------------------------------------------------------------


def test_apply_is_one_edit_and_undo_restores_exactly(desk: RefineDesk, session: Session) -> None:
    layer = session.proposal
    assert layer is not None
    ids, sure = layer.read(WHOLE), layer.read_confidence(WHOLE)
    steps = len(session.history.entries())
    ended: list[bool] = []
    desk.ended.connect(ended.append)
    assert desk.apply() and desk.is_applying and desk.obstacle == APPLYING
    assert host_of(desk).specs[-1].task.rects is None
    host_of(desk).answer()
    assert ended == [True] and not desk.is_busy
    assert (proposed(session)[100:150, 100:154] == 1).all() and (proposed(session)[:, 154:] == 0).all()
    assert (layer.read_confidence(WHOLE)[100:150, 100:154] == 190).all()
    entries = session.history.entries()
    assert len(entries) == steps + 1 and entries[-1].label == "Refine with Fully connected CRF"
    assert session.undo()
    assert (layer.read(WHOLE) == ids).all() and (layer.read_confidence(WHOLE) == sure).all()
    assert session.redo() and (proposed(session)[100:150, 150:154] == 1).all()


def test_apply_takes_the_preview_where_that_is_of_all(desk: RefineDesk, session: Session) -> None:
    desk.look(WHOLE)
    host_of(desk).answer()
    assert desk.apply() and not desk.is_applying, "nothing had to be worked out again"
    assert len(host_of(desk).specs) == 1 and (proposed(session)[100:150, 150:154] == 1).all()


def test_apply_is_on_disk(desk: RefineDesk, session: Session, make_session, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    desk.apply()
    host_of(desk).answer()
    after = proposed(session)
    session.close_project()
    other = make_session()
    assert other.open_project(tmp_path / "project") and (proposed(other) == after).all()


def test_stop_leaves_the_proposal(desk: RefineDesk, session: Session) -> None:
    before, ended = proposed(session), []
    desk.ended.connect(ended.append)
    desk.apply()
    spec = host_of(desk).specs[-1]
    desk.on_piece(spec.generation, *host_of(desk).pieces(spec)[0])
    assert not (drawn(session) == before).all(), "what is done already is seen"
    desk.stop()
    host_of(desk).answer(spec)
    assert ended == [False] and not desk.is_busy
    assert (proposed(session) == before).all() and (drawn(session) == before).all()


@pytest.mark.parametrize("what", ["accept", "propose", "undo", "remove"])
def test_a_proposal_that_changed_meanwhile_is_left_alone(
    desk: RefineDesk, session: Session, said: Said, what: str
) -> None:
    desk.apply()
    spec = host_of(desk).specs[-1]
    desk.on_piece(spec.generation, *host_of(desk).pieces(spec)[0])
    if what == "accept":
        session.proposals.accept_mask(Rect(100, 100, 10, 10), np.ones((10, 10), bool))
    elif what == "propose":
        propose(session, Rect(0, 0, 30, 30), 2)
    elif what == "undo":
        session.undo()
    else:
        session.remove_images([1])
    now = None if what == "remove" else proposed(session)
    host_of(desk).answer(spec)
    assert said.count(CHANGED_MEANWHILE) == 1 and not desk.is_applying
    if now is not None:
        assert (proposed(session) == now).all() and session.proposals.shown is session.proposal


def test_apply_goes_on_while_another_image_is_looked_at(desk: RefineDesk, session: Session, said: Said) -> None:
    desk.apply()
    for _ in range(2):
        session.next_image()
    session.class_editor.rename(2, "bush")  # a step of the whole project: documents nobody works on are let go
    assert desk.is_applying
    host_of(desk).answer()
    assert not desk.is_applying and CHANGED_MEANWHILE not in said
    session.select_image(1)
    assert (proposed(session)[100:150, 150:154] == 1).all()
    assert session.undo() and (proposed(session)[100:150, 150:154] == 0).all()


def test_closing_the_project_drops_it_without_a_word(desk: RefineDesk, session: Session, said: Said) -> None:
    desk.apply()
    spec = host_of(desk).specs[-1]
    assert session.close_project()
    assert not desk.is_busy and CHANGED_MEANWHILE not in said
    host_of(desk).answer(spec)


def test_objects_keep_their_segments(session: Session) -> None:
    proposals = session.proposals
    generation = proposals.begin({1: 1}, "model")
    for x in (50, 90):
        rect = Rect(x, 40, 20, 20)
        assert proposals.receive_window(1, generation, ObjectResult(rect, np.ones((20, 20), bool), 1, 0.9))
    proposals.finish_proposal(1, generation)
    proposals.end()
    layer = session.proposal
    assert layer is not None
    rows, ids = dict(layer.segments), layer.read(WHOLE)
    made = RefineDesk(session)
    made.host = Host(made)
    made.apply()
    host_of(made).answer()
    after = layer.read(WHOLE)
    assert layer.segments == rows and len(np.unique(after)) == 3
    for x in (50, 90):
        assert (after[40:60, x : x + 24] == ids[50, x + 5]).all()


def test_labels_and_locked_classes_stay(desk: RefineDesk, session: Session) -> None:
    paint(session, Rect(150, 100, 4, 50), 2)
    session.class_editor.set_locked(2, True)
    labels = classes_of(session)
    desk.apply()
    host_of(desk).answer()
    assert (classes_of(session) == labels).all(), "refining never touches labels"
    session.settings.set("proposal.keeps_hand", False)
    assert session.proposals.accept_all()
    assert (classes_of(session)[100:150, 150:154] == 2).all() and classes_of(session)[120, 120] == 1


def test_nothing_to_change_is_said_and_makes_no_step(desk: RefineDesk, session: Session, said: Said) -> None:
    steps = len(session.history.entries())
    desk.apply()
    spec, layer = host_of(desk).specs[-1], session.proposal
    assert layer is not None
    desk.on_piece(spec.generation, RefinedPiece(WHOLE, layer.read(WHOLE), layer.read_confidence(WHOLE)), 0)
    desk.on_ended(spec.generation)
    assert said[-1] == NOTHING and len(session.history.entries()) == steps


def test_obstacles(session: Session, make_session, tmp_path: Path, said: Said) -> None:  # type: ignore[no-untyped-def]
    desk = RefineDesk(session)
    assert desk.obstacle == NO_PROPOSAL and not desk.apply() and said[-1] == NO_PROPOSAL
    propose(session)
    assert desk.obstacle == ""
    session.close_project()
    other = make_session()
    assert other.open_project(tmp_path / "project", read_only=True)
    reading = RefineDesk(other)
    assert reading.obstacle == READ_ONLY and not reading.apply() and said[-1] == READ_ONLY


def test_while_a_model_proposes_here_nothing_is_refined(desk: RefineDesk, session: Session) -> None:
    proposals = session.proposals
    generation = proposals.begin({1: 1}, "model")
    ones = np.ones((300, 200), np.uint8)
    proposals.receive_window(1, generation, WindowResult(LEFT, ones, ones * 200))
    assert "proposing" in desk.obstacle
    proposals.end()
    assert desk.obstacle == ""


def test_a_failure_takes_the_preview_away(desk: RefineDesk, session: Session) -> None:
    desk.look(WHOLE)
    spec = host_of(desk).specs[-1]
    desk.on_piece(spec.generation, *host_of(desk).pieces(spec)[0])
    desk.on_failed(spec.generation - 1)
    assert desk.is_previewing, "of a job that is long forgotten"
    desk.on_failed(spec.generation)
    assert not desk.is_busy and session.proposals.shown is session.proposal


# -- choice --------------------------------------------------------------------------------------------------------


def test_choice_keeps_options_in_the_project_and_the_method_for_all(session: Session, said: Said) -> None:
    choice = RefineDesk(session).choice
    heard: list[str] = []
    choice.changed.connect(lambda: heard.append(choice.card.id))
    assert [card.id for card in choice.cards] == ["refine/crf", "refine/crfrnn", "refine/mrf"]
    choice.set_option(choice.card, "iterations", 4)
    choice.set_option(choice.card, "iterations", 4)
    assert choice.card.options["iterations"] == 4 and heard == ["refine/crf"]
    choice.set_option(choice.card, "iterations", 0)
    assert choice.card.options["iterations"] == 4 and "iterations" in said[-1]
    choice.choose("refine/mrf")
    choice.choose("refine/nothing")
    assert choice.card.id == "refine/mrf" and heard[-1] == "refine/mrf" and len(heard) == 2
    assert RefineDesk(session).choice.card.id == "refine/mrf"
    choice.choose("refine/crf")
    choice.reset()
    assert choice.card.options["iterations"] == 10


def test_edits_of_the_layer_by_others_count_as_a_change(desk: RefineDesk, session: Session, said: Said) -> None:
    desk.apply()
    layer = session.proposal
    assert layer is not None
    transaction = Transaction(layer, "elsewhere")
    transaction.write(Rect(0, 0, 5, 5), 1)
    session.record(transaction.commit())
    assert not desk.is_applying and said[-1] == CHANGED_MEANWHILE


# -- volumes -------------------------------------------------------------------------------------------------------


@pytest.fixture
def volume(make_session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:  # type: ignore[no-untyped-def]
    """A stack of four planes; a square is proposed on each."""
    enter_stacks(monkeypatch)
    session = open_stacks(make_session(), tmp_path, (4, 300, 400))
    proposals = session.proposals
    generation = proposals.begin({1: 1}, "model")
    mask = np.zeros((300, 400), np.uint8)
    mask[SQUARE.slices] = 1
    for z in range(4):
        proposals.receive_window(1, generation, WindowResult(WHOLE, mask, np.where(mask, 200, 0).astype(np.uint8)), z)
    proposals.finish_proposal(1, generation)
    proposals.end()
    session.set_plane(2)
    return session


@pytest.mark.parametrize("is_whole", [False, True])
def test_of_a_volume_the_plane_shown_or_all(volume: Session, is_whole: bool) -> None:
    desk = RefineDesk(volume)
    desk.host = Host(desk)
    layer = volume.proposal
    assert layer is not None
    before = [layer.read(WHOLE, z) for z in range(4)]
    assert desk.apply(is_whole_volume=is_whole)
    assert host_of(desk).specs[-1].task.planes == ((0, 1, 2, 3) if is_whole else (2,))
    host_of(desk).answer()
    changed = [bool((layer.read(WHOLE, z) != before[z]).any()) for z in range(4)]
    assert changed == ([True] * 4 if is_whole else [False, False, True, False])
    assert volume.undo() and all((layer.read(WHOLE, z) == before[z]).all() for z in range(4))


def test_preview_is_of_the_plane_shown(volume: Session) -> None:
    desk = RefineDesk(volume)
    desk.host = Host(desk)
    desk.look(WHOLE)
    assert host_of(desk).specs[-1].task.planes == (2,)
    host_of(desk).answer()
    assert volume.proposals.shown is not volume.proposal
    volume.set_plane(1)
    assert volume.proposals.shown is volume.proposal and desk.preview is None
