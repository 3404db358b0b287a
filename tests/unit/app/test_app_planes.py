"""Planes without a window: which one is at hand, what is proposed for, where answers go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from volume_session import enter_stacks, open_stacks

from segstudio.app.presenters.models import ModelsPresenter
from segstudio.app.session import Session
from segstudio.core.geometry import Rect


@pytest.fixture
def session(make_session: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    enter_stacks(monkeypatch)
    return open_stacks(make_session(), tmp_path, (6, 40, 50), (1, 40, 50))


def answer(value: int, confidence: int = 200) -> SimpleNamespace:
    rect = Rect(0, 0, 50, 40)
    return SimpleNamespace(
        rect=rect,
        class_index=np.full((40, 50), value, np.uint8),
        confidence=np.full((40, 50), confidence, np.uint8),
    )


def test_planes_are_clamped_and_told_once(session: Session) -> None:
    told: list[int] = []
    interrupted: list[int] = []
    session.plane_changed.connect(told.append)
    session.work_interrupted.connect(lambda: interrupted.append(session.plane))
    assert session.set_plane(4) and not session.set_plane(4)
    assert session.step_plane(99) and not session.step_plane(1)
    assert session.step_plane(-99)
    assert told == [4, 5, 0] and interrupted == [0, 4, 5]
    session.select_image(session.images[1].id)
    assert session.plane_count == 1 and not session.is_volume and not session.set_plane(3)


def test_a_proposal_is_asked_for_the_plane_shown_or_for_all(session: Session) -> None:
    models = ModelsPresenter(session)
    models.set_mapping(models.current.card, {1: 1})  # type: ignore[union-attr]
    session.set_plane(3)
    ids = [record.id for record in session.images]
    spec = models.request(ids, only_shown_plane=True)
    assert spec is not None and [task.planes for task in spec.tasks] == [(3,), (0,)]
    spec = models.request(ids)
    assert spec is not None and [task.planes for task in spec.tasks] == [(0, 1, 2, 3, 4, 5), (0,)]


def test_answers_go_to_their_plane_and_clear_only_the_planes_asked_for(session: Session) -> None:
    desk, image_id = session.proposals, session.image_id
    assert image_id is not None
    generation = desk.begin({1: 1}, "demo", planes={image_id: range(6)})
    for z in range(6):
        assert desk.receive_window(image_id, generation, answer(1), z)
    desk.finish_proposal(image_id, generation)
    desk.end()
    proposal = session.proposal
    assert proposal is not None
    assert [bool(proposal.read_classes(proposal.bounds, z).all()) for z in range(6)] == [True] * 6
    generation = desk.begin({1: 2}, "demo", planes={image_id: (2,)})
    desk.receive_window(image_id, generation, answer(1), 2)
    desk.finish_proposal(image_id, generation)
    desk.end()
    assert [int(proposal.read_classes(proposal.bounds, z)[5, 5]) for z in range(6)] == [1, 1, 2, 1, 1, 1]
    session.set_plane(2)
    assert desk.accept_at(5, 5)
    labels = session.labels
    assert labels is not None
    assert [int(labels.read_classes(labels.bounds, z)[5, 5]) for z in range(6)] == [0, 0, 2, 0, 0, 0]
    assert session.undo() and not labels.read_classes(labels.bounds, 2).any()
