"""A session on a small real project, for the tests of panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect


def project(tmp_path: Path, images: int = 3) -> Session:
    """A project with the classes road (1) and tree (2) and some images, the first one open."""
    session = Session(Settings())
    assert session.create_project(tmp_path / "project", ClassTable.from_names("road,tree"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(images):
        Image.fromarray(np.full((60, 80, 3), 40 * index, np.uint8)).save(folder / f"im{index}.png")
    session.add_images([folder])
    return session


def paint(session: Session, rect: Rect, class_id: int = 1) -> None:
    """One edit by hand."""
    session.select_class(class_id)
    transaction = session.begin("test")
    assert transaction is not None
    transaction.paint(np.ones((rect.height, rect.width), bool), rect.x, rect.y, session.paint_segment(transaction))
    session.commit(transaction)
