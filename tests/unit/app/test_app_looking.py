"""What was looked at is kept by image and plane, and costs nothing when it cannot be kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Said

from segstudio.app import looking
from segstudio.app.looking import FACT
from segstudio.app.session import Session
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

LEFT = Rect(0, 0, 208, 300)


def test_each_image_has_its_own_and_finds_it_again(session: Session) -> None:
    seen: list[int] = []
    session.looking.changed.connect(lambda: seen.append(1))
    assert session.looking.look(LEFT, 1.0, 1.0) and seen
    session.select_image(2)
    assert session.looking.map is not None and session.looking.map.share() == 0
    session.select_image(1)
    assert session.looking.map.share() == pytest.approx(208 / 400)
    assert session.store is not None and session.store.facts.all(FACT)[1].value["share"] == 0.52


def test_too_small_too_short_and_the_settings_that_say_so(session: Session) -> None:
    assert not session.looking.look(LEFT, 0.4, 5.0) and not session.looking.look(LEFT, 1.0, 0.5)
    session.settings.set("looked.zoom", 0.25)
    session.settings.set("looked.seconds", 3.0)
    assert not session.looking.look(LEFT, 0.4, 2.0) and session.looking.look(LEFT, 0.4, 0.5)


def test_it_is_written_from_time_to_time_and_a_full_disk_says_nothing(
    session: Session, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(looking.time, "monotonic", lambda: now[0])
    session.looking.flush()
    session.looking.look(Rect(0, 0, 100, 100), 1.0, 1.0)
    assert session.store is not None and not session.store.facts.all(FACT)
    now[0] = 11.0
    session.looking.look(Rect(100, 0, 100, 100), 1.0, 1.0)
    kept = session.store.facts.all(FACT)[1].value["share"]
    assert kept > 0

    def full(*_: object) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr(type(session.store.facts), "put", full)
    now[0] = 30.0
    assert session.looking.look(Rect(200, 0, 100, 100), 1.0, 1.0)
    assert not said
    monkeypatch.undo()
    session.looking.flush()
    assert session.store.facts.all(FACT)[1].value["share"] > kept


def test_a_read_only_project_remembers_while_it_is_open(
    session: Session, make_session: Callable[[], Session], tmp_path: Path
) -> None:
    other = make_session()
    assert other.open_project(tmp_path / "project") and other.is_read_only
    assert other.looking.look(LEFT, 1.0, 1.0) and other.looking.map is not None and other.looking.map.share() > 0.5
    other.close_project()
    assert session.store is not None and not session.store.facts.all(FACT)


def test_without_an_image_there_is_nothing(make_session: Callable[[], Session]) -> None:
    session = make_session()
    assert (
        session.looking.map is None
        and not session.looking.look(LEFT, 1, 1)
        and session.looking.next_place(0, 0).is_empty
    )
    assert not session.looking.forget()
    session.looking.flush()
