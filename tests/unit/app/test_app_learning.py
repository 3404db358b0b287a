"""The learning presenter: what it makes of what the learner says, image by image and version by version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.app.presenters.learning import START_FRESH, START_MODEL, LearningPresenter
from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.classes import ClassTable
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    ImageChange,
    LearningStarted,
    LearnStageChanged,
    RoundProgress,
    VersionInfo,
)
from segstudio.ml.train_events import StepDone


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    session = Session(Settings())
    assert session.create_project(tmp_path / "project", ClassTable.from_names("road,tree"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(3):
        Image.fromarray(np.full((40, 50, 3), 40 * index, np.uint8)).save(folder / f"im{index}.png")
    session.add_images([folder])
    return session


@pytest.fixture
def presenter(session: Session) -> LearningPresenter:
    return LearningPresenter(session)


def version(session: Session, dice: float | None, made_from: int = 0) -> VersionInfo:
    info = VersionInfo(0, "", "", 0.0, dice, made_from=made_from)
    return versions.add_version(session.folder, b"weights", info)


def paint(session: Session) -> None:
    session.select_class(1)
    transaction = session.begin("test")
    transaction.paint(np.ones((5, 5), bool), 2, 2, session.paint_segment(transaction))
    session.commit(transaction)


def test_the_plan_follows_what_it_begins_with(session: Session, presenter: LearningPresenter) -> None:
    plan = presenter.plan("nuclei", "cpu")
    assert (plan.project, plan.device, plan.start_from, plan.is_fresh) == (str(session.folder), "cpu", "", False)
    assert plan.threads >= 1  # all cores but one: 0 would take that of the hand, too
    presenter.set_start(START_MODEL)
    assert presenter.plan("nuclei").start_from == "nuclei"
    presenter.set_start(START_FRESH)
    assert presenter.plan("nuclei") == replace(plan, device="auto", is_fresh=True)
    assert LearningPresenter(session).start == START_FRESH  # kept in the project
    presenter.set_start("nonsense")
    assert presenter.start == START_FRESH


def test_what_hinders_is_one_sentence(session: Session, presenter: LearningPresenter) -> None:
    assert presenter.data().images == 0 and not presenter.data().problem  # it may wait for the first stroke
    paint(session)
    assert (presenter.data().images, presenter.data().classes) == (1, 2)
    said: list[str] = []
    session.notice.connect(said.append)
    session.remove_images([record.id for record in session.images])
    assert presenter.plan() is None and said == ["There is no image yet: add some first."]
    session.close_project()
    assert presenter.data().problem == "Open a project first."


def test_events_become_a_state(session: Session, presenter: LearningPresenter) -> None:
    told: list[str] = []
    presenter.progressed.connect(lambda: told.append(presenter.progress.state))
    assert not presenter.is_on
    presenter.begin()
    assert presenter.is_on and presenter.progress.state == "starting"
    presenter.receive(LearnStageChanged("fitting", 1, "why"))
    presenter.receive(RoundProgress(1, 2, 10, 0.5))
    assert (presenter.progress.state, presenter.progress.step.step, presenter.progress.stage_image) == ("fitting", 2, 1)
    presenter.receive(CorrectionsTaken((1, 2), 99, 1.0))
    presenter.receive(LearningStarted("", 0, "cpu", ("a",), ("#000000",), 5, 1, 2, 3))
    assert presenter.progress.taken.pixels == 99 and presenter.progress.started.regions_val == 3
    before = len(told)
    presenter.receive(StepDone(1, 2, 1, 0.5))  # a stranger's event
    assert len(told) == before
    presenter.set_state("stopping")
    presenter.receive(LearnStageChanged("checking"))
    assert presenter.progress.state == "stopping"  # nothing it still does undoes that it was asked to end
    presenter.end()
    assert not presenter.is_on


def test_what_lost_most_stands_first(session: Session, presenter: LearningPresenter) -> None:
    a, b, c = (record.id for record in session.images)
    changes = (
        ImageChange(a, 0.5, 0.6, 10),
        ImageChange(b, 0.5, 0.2, 10),
        ImageChange(c, None, 0.4, 10),
        ImageChange(999, 0.9, 0.1, 10),  # gone from the project
        ImageChange(a, None, None, 0),
    )
    presenter.receive(Checked(1, False, 0.5, 0.4, changes, "worse"))
    assert [(row.image_id, row.is_worse) for row in presenter.changes()] == [(b, True), (a, False), (c, False)]
    assert [row.image_id for row in presenter.changes(only_worse=True)] == [b]
    assert presenter.changes()[0].change == pytest.approx(-0.3) and presenter.changes()[2].change is None
    presenter.receive(Checked(2, False, 0.5, 0.5, (ImageChange(a, 0.5, 0.49996, 10),)))
    assert not presenter.changes(only_worse=True)  # less than three digits show
    assert presenter.progress.rounds_refused == 2


def test_a_volumes_planes_are_rows_of_their_own(session: Session, presenter: LearningPresenter) -> None:
    record = session.images[0]
    session.change_records({record.id: {"depth": 4}})
    presenter.receive(Checked(1, True, None, 0.5, (ImageChange(record.id, None, 0.5, 9, z=2),)))
    assert [(row.name, row.z) for row in presenter.changes()] == [("im0.png · 3", 2)]


def test_versions_are_told_used_and_gone_back_to(session: Session, presenter: LearningPresenter) -> None:
    assert presenter.current is None and presenter.former is None and not presenter.version_rows()
    made: list[int] = []
    presenter.version_made.connect(lambda info: made.append(info.number))
    first = version(session, 0.6)
    presenter.receive(Checked(1, True, None, 0.6, (), "", first))
    second = version(session, 0.7, made_from=1)
    presenter.receive(Checked(2, True, 0.6, 0.7, (), "", second))
    third = version(session, 0.8, made_from=1)
    presenter.receive(Checked(3, True, 0.7, 0.8, (), "", third))
    assert made == [1, 2, 3] and presenter.progress.accepted == 3
    assert [(row.number, row.is_current) for row in presenter.version_rows()] == [(3, True), (2, False), (1, False)]
    assert presenter.former.number == 1  # what it was made from goes before the next older
    assert presenter.versions == versions.list_versions(session.folder)
    versions.delete(session.folder, 1)
    fourth = version(session, 0.9, made_from=3)
    presenter.receive(Checked(4, True, 0.8, 0.9, (), "", fourth))
    assert [(row.number, row.is_current) for row in presenter.version_rows()] == [(4, True), (3, False), (2, False)]
    assert presenter.former.number == 3
    assert presenter.roll_back(2).number == 2 and presenter.current.number == 2
    assert presenter.versions == versions.list_versions(session.folder), "what is kept in mind is what is on the disk"
    assert presenter.roll_back(4).number == 4 and presenter.versions == versions.list_versions(session.folder)
    assert presenter.roll_back(2).number == 2
    said: list[str] = []
    session.notice.connect(said.append)
    assert presenter.roll_back(17) is None and "There is no version 17" in said[0]
    assert presenter.current.number == 2
    assert (
        presenter.is_learned("learn/v2") and presenter.is_learned("learn/v2@x") and not presenter.is_learned("nuclei")
    )


def test_another_project_begins_anew(session: Session, presenter: LearningPresenter, tmp_path: Path) -> None:
    version(session, 0.6)
    presenter.forget()
    presenter.receive(Checked(1, False, 0.5, 0.4, (ImageChange(1, 0.5, 0.4, 10),)))
    assert presenter.versions and presenter.changes()
    assert session.create_project(tmp_path / "other", ClassTable.from_names("a"))
    assert not presenter.versions and not presenter.changes() and presenter.progress.state == "off"
