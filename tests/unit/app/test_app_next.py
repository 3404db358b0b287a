"""What next without a window: looks kept with the project, the order and its listeners, places, suspects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segstudio.app.presenters.images import ImagesPresenter
from segstudio.app.session import Session
from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.core.label_errors import Suspect, pack_mask
from segstudio.core.looks import Look
from segstudio.io.looks import dismissed_of, read_suspects

KIND = ("m", "entropy", "")


@pytest.fixture
def project(make_session: Callable[[], Session], pictures: list[Path], tmp_path: Path) -> Session:
    """Three images of 400 × 300, classes road (1) and tree (2)."""
    session = make_session()
    assert session.create_project(tmp_path / "project", ClassTable().added("road").added("tree"))
    session.add_images(pictures)
    return session


def cells_with(*spots: tuple[int, int, int]) -> np.ndarray:
    """(1, 19, 25) cells of 16 px with values at (row, column)."""
    cells = np.zeros((1, 19, 25), np.uint8)
    for row, column, value in spots:
        cells[0, row : row + 2, column : column + 2] = value
    return cells


def look(
    uncertainty: float, features: tuple[float, ...] = (0.0, 0.0), cells: np.ndarray | None = None, suspects=()
) -> Look:
    found = cells_with() if cells is None else cells
    half = np.full(2, 0.5, np.float32)
    return Look(uncertainty, found, 16, np.array(features, np.float32), half * uncertainty, half, tuple(suspects))


def suspect(rect: Rect, label: int, model: int, confidence: float = 0.95) -> Suspect:
    mask = np.ones((rect.height, rect.width), bool)
    return Suspect(rect, 0, label, model, confidence, int(mask.sum()), pack_mask(mask))


def receive(session: Session, **looks: Look) -> None:
    ids = {record.name.removesuffix(".png"): record.id for record in session.images}
    for name, one in looks.items():
        assert session.what_next.receive(ids[name], one, KIND)
    session.what_next.refresh()


def names(session: Session) -> list[str]:
    return [session.image_record(one.image_id).name for one in session.what_next.order]


def step(session: Session):
    """What a press of the key leads to."""
    places = session.what_next.places
    found = []
    places.find(lambda: found.append(places.step()))
    (one,) = found
    return one


def paint(session: Session, rect: Rect, class_id: int) -> None:
    transaction = session.begin("paint")
    transaction.write(rect, transaction.ensure_stuff(class_id) if class_id else 0)
    session.commit(transaction)


# -- images --------------------------------------------------------------------------------------------------------


def test_the_order_follows_the_setting_and_outlives_the_session(project, make_session):
    project.settings.set("next.basis", "uncertainty")
    receive(project, im0=look(0.1, (0, 0)), im1=look(0.3, (0, 0.1)), im2=look(0.2, (9, 9)))
    assert names(project) == ["im1.png", "im2.png", "im0.png"]
    told = []
    project.what_next.changed.connect(lambda: told.append(1))
    project.settings.set("next.basis", "diversity")
    assert told and names(project)[:2] != ["im1.png", "im0.png"] and "im2.png" in names(project)[:2]
    folder = project.folder
    project.settings.set("next.basis", "uncertainty")
    project.close_project()
    assert project.what_next.order == ()
    again = make_session()
    again.settings.set("next.basis", "uncertainty")
    assert again.open_project(folder)
    assert names(again) == ["im1.png", "im2.png", "im0.png"]
    assert again.what_next.newest.kind == KIND


def test_an_image_that_is_done_leaves_the_order_and_comes_back(project):
    receive(project, im0=look(0.1), im1=look(0.3), im2=look(0.2))
    record = next(r for r in project.images if r.name == "im1.png")
    project.set_status([record.id], "done")
    assert "im1.png" not in names(project) and len(names(project)) == 2
    project.set_status([record.id], "unlabelled")
    assert "im1.png" in names(project)


def test_only_looks_of_the_newest_kind_are_held_against_each_other(project):
    ids = [record.id for record in project.images]
    project.what_next.receive(ids[0], look(0.9), ("old", "margin", ""))
    receive(project, im1=look(0.1), im2=look(0.2))
    assert sorted(names(project)) == ["im1.png", "im2.png"]
    assert project.what_next.wanting(KIND) == [ids[0]]
    assert project.what_next.wanting(("new", "entropy", "")) == ids


def test_the_list_of_images_sorts_by_it_and_says_why(project):
    presenter = ImagesPresenter(project)
    presenter.set_sort("next")
    project.settings.set("next.basis", "uncertainty")
    receive(project, im1=look(0.3), im2=look(0.2))
    shown = [presenter.record(row) for row in range(len(presenter))]
    assert [record.name for record in shown] == ["im1.png", "im2.png", "im0.png"]
    assert presenter.next_of(shown[0]).reason == "unsure" and presenter.next_of(shown[2]) is None
    assert presenter.uncertainty(shown[1].id) == pytest.approx(0.2)
    presenter.set_sort("uncertainty", descending=True)
    assert presenter.record(0).name == "im1.png"


def test_a_read_only_project_keeps_no_look(project, make_session, said):
    folder = project.folder
    project.close_project()
    session = make_session()
    assert session.open_project(folder, read_only=True)
    assert not session.what_next.receive(session.images[0].id, look(0.5), KIND)
    assert session.what_next.looked == {}
    assert any("read-only" in sentence for sentence in said)


def test_an_image_that_is_removed_takes_its_look_along(project):
    receive(project, im0=look(0.1), im1=look(0.3), im2=look(0.2))
    project.remove_images([project.images[1].id])
    assert sorted(names(project)) == ["im0.png", "im2.png"]


# -- places --------------------------------------------------------------------------------------------------------


def test_steps_go_from_the_worst_place_on_and_what_was_shown_is_over(project, make_session):
    cells = cells_with((2, 3, 120), (12, 18, 250), (12, 3, 200))
    receive(project, im0=look(0.3, cells=cells))
    places = project.what_next.places
    first = step(project)
    assert (first.number, first.total, first.left) == (1, 3, 2)
    assert first.place.rect.contains(19 * 16, 13 * 16)
    assert places.current == first.place
    assert step(project).place.rect.contains(4 * 16, 13 * 16)
    folder = project.folder
    project.close_project()
    again = make_session()
    assert again.open_project(folder)
    last = step(again)
    assert (last.number, last.left) == (3, 0) and last.place.rect.contains(4 * 16, 3 * 16)
    assert step(again) is None and again.what_next.places.current is None
    again.what_next.places.start_over()
    assert step(again).number == 1


def test_a_place_that_a_person_labelled_is_skipped_and_undo_brings_it_back(project):
    receive(project, im0=look(0.3, cells=cells_with((12, 18, 250), (12, 3, 200))))
    paint(project, Rect(230, 150, 150, 140), 1)
    one = step(project)
    assert one.place.rect.contains(4 * 16, 13 * 16)
    assert (one.number, one.left) == (2, 0)
    project.undo()
    assert step(project).place.rect.contains(19 * 16, 13 * 16)


def test_without_a_look_the_proposal_tells_and_without_both_it_is_said(project):
    from segstudio.ml.api import WindowResult

    places = project.what_next.places
    assert step(project) is None and not places.has_map
    desk = project.proposals
    generation = desk.begin({0: 0, 1: 1}, "m")
    found = np.ones((300, 400), np.uint8)
    sure = np.full((300, 400), 250, np.uint8)
    sure[200:240, 300:340] = 140
    desk.receive_window(project.image_id, generation, WindowResult(Rect(0, 0, 400, 300), found, sure))
    desk.finish_proposal(project.image_id)
    desk.end()
    assert step(project).place.rect.contains(320, 220) and places.has_map


def propose(session: Session, sure: np.ndarray, classes: np.ndarray | None = None, rect: Rect | None = None) -> None:
    """A model's answer for the image shown, or *rect* of it: (300, 400) confidences, without *classes* background alone."""
    from segstudio.ml.api import WindowResult

    desk, image_id = session.proposals, session.image_id
    rect = rect or Rect(0, 0, 400, 300)
    found = np.zeros((300, 400), np.uint8) if classes is None else classes
    generation = desk.begin({0: 0, 1: 1}, "m", rects={image_id: [rect]} if rect.width < 400 else None)
    desk.receive_window(image_id, generation, WindowResult(rect, found[rect.slices], sure[rect.slices]))
    desk.finish_proposal(image_id)
    desk.end()


def sure_but_for(*rects: Rect) -> np.ndarray:
    sure = np.full((300, 400), 254, np.uint8)
    for rect in rects:
        sure[rect.slices] = 150
    return sure


def test_where_nothing_is_proposed_the_model_may_be_unsure_too(project, make_session):
    propose(project, sure_but_for(Rect(300, 200, 40, 40)))
    assert project.proposal is None or project.proposal.is_blank
    assert step(project).place.rect.contains(320, 220)
    folder = project.folder
    project.close_project()
    again = make_session()
    assert again.open_project(folder) and again.what_next.places.find(lambda: None) is None
    assert again.what_next.places.total == 1


def test_an_unsure_place_of_a_rare_class_comes_before_one_of_background(project):
    classes = np.zeros((300, 400), np.uint8)
    classes[32:64, 32:64] = 1
    propose(project, sure_but_for(Rect(32, 32, 32, 32), Rect(304, 208, 32, 32)), classes)
    assert step(project).place.rect.contains(48, 48)
    assert step(project).place.rect.contains(320, 224)


def test_the_newer_of_a_look_and_a_proposal_tells(project):
    receive(project, im0=look(0.3, cells=cells_with((12, 18, 250))))
    assert step(project).place.rect.contains(19 * 16, 13 * 16)
    propose(project, sure_but_for(Rect(48, 48, 32, 32)))
    assert project.what_next.places.current is not None  # the place that is looked at stays
    assert step(project).place.rect.contains(64, 64)
    receive(project, im0=look(0.3, cells=cells_with((2, 18, 250))))
    assert step(project).place.rect.contains(19 * 16, 3 * 16)


def test_a_proposal_of_a_part_leaves_the_rest_as_it_was_known(project):
    propose(project, sure_but_for(Rect(304, 208, 32, 32)))
    propose(project, sure_but_for(Rect(48, 48, 32, 32)), rect=Rect(0, 0, 160, 160))
    found = {step(project).place.rect for _ in range(2)}
    assert any(rect.contains(64, 64) for rect in found) and any(rect.contains(320, 224) for rect in found)


def test_another_image_has_its_own_places(project):
    receive(project, im0=look(0.3, cells=cells_with((12, 18, 250))), im1=look(0.1, cells=cells_with((2, 3, 90))))
    assert step(project).place.rect.contains(19 * 16, 13 * 16)
    project.select_image(project.images[1].id)
    assert project.what_next.places.current is None
    assert step(project).place.rect.contains(4 * 16, 3 * 16)


def test_in_a_volume_the_plane_is_changed_too(make_session, tmp_path, monkeypatch):
    from volume_session import enter_stacks

    enter_stacks(monkeypatch)
    np.save(tmp_path / "stack.npy", np.zeros((5, 48, 64), np.uint8))
    session = make_session()
    assert session.create_project(tmp_path / "volumes")
    session.add_images([tmp_path / "stack.npy"])
    cells = np.zeros((5, 3, 4), np.uint8)
    cells[3, 1, 2] = 255
    assert session.what_next.receive(session.images[0].id, look(0.1, cells=cells), KIND)
    one = step(session)
    assert one.place.z == 3 == session.plane


# -- suspects ------------------------------------------------------------------------------------------------------


def with_suspects(session: Session) -> None:
    """im0: a road that is a tree; im1: a larger area that is nothing."""
    paint(session, Rect(10, 10, 30, 20), 1)
    session.select_image(session.images[1].id)
    paint(session, Rect(50, 60, 80, 40), 2)
    receive(
        session,
        im0=look(0.1, suspects=[suspect(Rect(10, 10, 30, 20), 1, 2)]),
        im1=look(0.1, suspects=[suspect(Rect(40, 50, 60, 40), 2, 0)]),
    )


def test_suspects_are_listed_with_names_the_worst_first(project):
    with_suspects(project)
    rows = project.what_next.suspects.rows
    assert [(r.image_name, r.label_name, r.model_name) for r in rows] == [
        ("im1.png", "tree", ""),
        ("im0.png", "road", "tree"),
    ]


def test_accepting_one_relabels_what_is_still_labelled_so_as_one_undoable_edit(project):
    with_suspects(project)
    desk = project.what_next.suspects
    assert desk.accept(desk.rows[0])  # opens the image; 50 × 30 px of the area are labelled tree
    labels = project.labels
    assert project.image.name == "im1.png"
    assert labels.pixel_counts() == {2: 80 * 40 - 50 * 30}
    assert [r.image_name for r in desk.rows] == ["im0.png"]
    project.undo()
    assert project.labels.pixel_counts() == {2: 80 * 40}
    assert desk.accept(desk.rows[0])
    assert project.image.name == "im0.png" and project.labels.pixel_counts() == {2: 600}
    (segment,) = [s for s in project.labels.segments.values() if s.class_id == 2]
    assert (segment.source, segment.model_id) == ("accepted", "m")
    assert desk.rows == ()


def test_a_locked_class_is_not_relabelled_and_the_suspect_stays(project):
    with_suspects(project)
    project.class_editor.set_locked(1, True)
    desk = project.what_next.suspects
    row = next(r for r in desk.rows if r.image_name == "im0.png")
    assert not desk.accept(row)
    assert project.labels.pixel_counts() == {1: 600} and row in desk.rows


def test_a_dismissed_one_is_gone_for_good_even_after_another_look(project, make_session):
    with_suspects(project)
    desk = project.what_next.suspects
    row = desk.rows[0]
    assert desk.dismiss(row)
    facts = project.store.facts
    assert dismissed_of(facts, row.image_id) == [row.suspect.key]
    again = look(0.2, suspects=[suspect(Rect(42, 51, 60, 40), 2, 0), suspect(Rect(200, 200, 20, 20), 2, 1)])
    receive(project, im1=again)
    assert [r.suspect.rect.x for r in desk.rows if r.image_id == row.image_id] == [200]
    folder = project.folder
    project.close_project()
    session = make_session()
    assert session.open_project(folder)
    assert len(session.what_next.suspects.rows) == 2


def test_a_label_that_changed_meanwhile_is_left_alone(project, said):
    with_suspects(project)
    desk = project.what_next.suspects
    row = next(r for r in desk.rows if r.image_name == "im0.png")
    desk.show(row)
    assert desk.shown[0] is row and len(desk.shown[1]) == 1
    paint(project, Rect(0, 0, 60, 60), 2)
    assert not desk.accept(row)
    assert said[-1] == "The label there is another one by now."
    assert project.labels.pixel_counts() == {2: 3600} and row not in desk.rows
    assert row.image_id not in read_suspects(project.store.facts)
