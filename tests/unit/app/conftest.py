"""Sessions on small real projects, with every notice written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.app.tools.base import PointerEvent, ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three PNG files of 400 × 300."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    files = []
    for index in range(3):
        file = folder / f"im{index}.png"
        Image.fromarray(random.integers(0, 255, (300, 400, 3), np.uint8)).save(file)
        files.append(file)
    return files


class Said(list[str]):
    """Every sentence the session said."""


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def make_session(said: Said) -> Iterator[Callable[[], Session]]:
    made: list[Session] = []

    def make() -> Session:
        session = Session(Settings())
        session.notice.connect(said.append)
        made.append(session)
        return session

    yield make
    for session in made:
        session.close_project(discard=True)


@pytest.fixture
def session(make_session: Callable[[], Session], tmp_path: Path, pictures: list[Path]) -> Session:
    """A project with the classes road (1) and tree (2), three images, the first one open."""
    session = make_session()
    assert session.create_project(tmp_path / "project", ClassTable.from_names("road,tree"))
    session.add_images(pictures)
    return session


@pytest.fixture
def toolbox(session: Session) -> ToolBox:
    return ToolBox(ToolContext(session, session.settings))


def drag(toolbox: ToolBox, *points: tuple[float, float], modifiers: str = "", **more: object) -> None:
    """Press at the first point, move through the others, release at the last."""
    held = frozenset(modifiers.split())
    event = {"modifiers": held, **more}
    toolbox.press(PointerEvent(*points[0], screen_xy=points[0], **event))  # type: ignore[arg-type]
    for point in points[1:]:
        toolbox.move(PointerEvent(*point, button="", screen_xy=point, **event))  # type: ignore[arg-type]
    toolbox.release(
        PointerEvent(*points[-1], buttons=frozenset(), screen_xy=points[-1], **event)  # type: ignore[arg-type]
    )


def classes_of(session: Session) -> np.ndarray:
    """(y, x) class ids of the current image's labels."""
    assert session.labels is not None
    return session.labels.read_classes(session.labels.bounds)


def paint(session: Session, rect: Rect, class_id: int | None = None) -> None:
    """One edit by hand."""
    if class_id is not None:
        session.select_class(class_id)
    transaction = session.begin("test")
    assert transaction is not None
    transaction.paint(np.ones((rect.height, rect.width), bool), rect.x, rect.y, session.paint_segment(transaction))
    session.commit(transaction)
