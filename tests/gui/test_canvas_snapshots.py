"""What the canvas looks like, pixel by pixel, at a fixed size and style.

``SEGSTUDIO_UPDATE_SNAPSHOTS=1 pytest tests/gui/test_canvas_snapshots.py`` writes the references anew: look at them
before committing. They hold no text, for fonts differ between computers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from canvas_stage import Stage
from PySide6.QtCore import Qt

from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.gui import theme

REFERENCES = Path(__file__).parent / "snapshots"
SIZE = (320, 240)
SAME_SHARE = 0.995


def photo() -> np.ndarray:
    """(200, 300, 3) uint8: soft blobs on a slope; compresses well."""
    y, x = np.mgrid[:200, :300].astype(np.float32)
    out = np.stack([60 + x / 6, 70 + y / 4, 90 + (x + y) / 10], axis=-1)
    for cx, cy, r in ((80, 70, 40), (200, 120, 55), (120, 150, 25)):
        out += np.exp(-(((x - cx) / r) ** 2 + ((y - cy) / r) ** 2))[..., None] * (70, 50, 20)
    return np.clip(np.round(out / 4) * 4, 0, 255).astype(np.uint8)


def disc(cx: float, cy: float, r: float) -> np.ndarray:
    y, x = np.mgrid[:200, :300]
    mask: np.ndarray = (x - cx) ** 2 + (y - cy) ** 2 < r * r
    return mask


def fill_layers(stage: Stage) -> None:
    """Labels: road, tree and two touching objects; a proposal that agrees, adds, changes and leaves out."""
    session = stage.session
    labels = session.labels
    assert labels is not None
    transaction = Transaction(labels, "labels")
    transaction.paint(disc(80, 70, 40), 0, 0, transaction.ensure_stuff(1))
    transaction.paint(disc(215, 60, 28), 0, 0, transaction.new_object(2))
    transaction.paint(disc(255, 80, 28), 0, 0, transaction.new_object(2))
    transaction.commit()
    store, image_id = session.store, session.image_id
    assert store is not None and image_id is not None
    # Else nothing is proposed over what a hand painted, and no difference is to be seen.
    stage.settings.set("proposal.keeps_hand", False)
    generation = session.proposals.begin({1: 1, 2: 2}, "test")
    classes = np.zeros((200, 300), np.uint8)
    classes[disc(90, 75, 40)] = 1
    classes[disc(200, 140, 45)] = 2
    classes[disc(255, 80, 20)] = 1
    confidence = np.clip(255 - np.abs(np.mgrid[:200, :300][1] - 150), 80, 255).astype(np.uint8)
    from segstudio.ml.api import WindowResult

    session.proposals.receive_window(
        image_id, generation, WindowResult(Rect(0, 0, 300, 200), classes, confidence)
    )  # fmt: skip
    session.proposals.finish_proposal(image_id, generation)
    session.layer_changed.emit(labels.id, labels.bounds)


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Stage]:
    theme.theme_manager().apply("dark")
    made = Stage(tmp_path, photo(), SIZE)
    fill_layers(made)
    made.canvas.fit()
    yield made
    made.close()


def styled(**changes: Any) -> Callable[[Stage], None]:
    def apply(stage: Stage) -> None:
        stage.session.set_overlay(replace(stage.session.overlay, **changes))

    return apply


def magnified(stage: Stage) -> None:
    stage.settings.set("brush.size_px", 9.0)
    stage.canvas.set_view(stage.canvas.view.centred_at(235, 70, 12.0))
    stage.mouse("move", 232, 72)


def small(stage: Stage) -> None:
    stage.canvas.set_view(stage.canvas.view.centred_at(150, 100, 0.6))


def polygon(stage: Stage) -> None:
    styled(shows_proposal=False)(stage)
    stage.toolbox.select("polygon")
    for x, y in ((60, 60), (150, 50), (170, 130), (90, 150)):
        stage.mouse("press", x, y)
        stage.mouse("release", x, y)
    stage.mouse("move", 60, 110)


def threshold(stage: Stage) -> None:
    stage.session.set_min_confidence(0.7)


def erasing(stage: Stage) -> None:
    stage.settings.set("eraser.size_px", 60.0)
    stage.settings.set("eraser.shape", "square")
    stage.toolbox.select("eraser")
    stage.mouse("move", 150, 100)


def hidden(stage: Stage) -> None:
    styled(is_hidden=True)(stage)


LOOKS: dict[str, Callable[[Stage], None]] = {
    "fill": lambda stage: None,
    "outline": styled(mode="outline"),
    "difference": styled(shows_difference=True),
    "confidence": styled(heat="confidence"),
    "uncertainty": styled(heat="uncertainty"),
    "threshold": threshold,
    "magnified": magnified,
    "small": small,
    "polygon": polygon,
    "erasing": erasing,
    "hidden": hidden,
}


@pytest.mark.parametrize("name", LOOKS)
def test_looks_like_its_reference(stage: Stage, name: str) -> None:
    LOOKS[name](stage)
    shown = stage.picture()
    file = REFERENCES / f"canvas_{name}.png"
    if os.environ.get("SEGSTUDIO_UPDATE_SNAPSHOTS"):
        REFERENCES.mkdir(exist_ok=True)
        cv2.imwrite(str(file), shown[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    reference = cv2.imread(str(file))
    assert reference is not None, f"{file} is missing"
    reference = reference[..., ::-1]
    assert shown.shape == reference.shape == (SIZE[1], SIZE[0], 3)
    same = (np.abs(shown.astype(int) - reference).max(axis=-1) <= 1).mean()
    assert same >= SAME_SHARE, f"only {same:.2%} of the pixels of {name} are as they were"


_SHARP = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
import numpy as np
from PySide6.QtWidgets import QApplication
app = QApplication([])
from canvas_stage import Stage
checks = np.zeros((400, 600, 3), np.uint8)
checks[::2, ::2] = checks[1::2, 1::2] = 255
stage = Stage(Path(sys.argv[1]), checks, (300, 200))
assert stage.canvas.ratio == 2.0, stage.canvas.ratio
stage.canvas.one_to_one()
shown = stage.picture()
assert shown.shape == (400, 600, 3), shown.shape
x, y = (int(v) for v in stage.canvas.view.to_view(0, 0))
assert np.array_equal(shown[y:], checks[: 400 - y]), "not pixel by pixel"
stage.settings.set("brush.size_px", 20.0)
stage.stroke([(300.0, 200.0)])
assert stage.labels()[195, 295] == 1 and stage.labels()[180, 280] == 0
stage.close()
"""


def test_sharp_on_a_screen_of_two_hundred_percent(tmp_path: Path) -> None:
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", _SHARP, str(tmp_path / "stage"), str(here), str(here.parents[1])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_tools_have_cursors_of_their_own(stage: Stage) -> None:
    from segstudio.gui.canvas.cursors import cursor_for

    assert cursor_for("none").shape() == Qt.CursorShape.BlankCursor
    for shape in ("cross", "pick", "fill", "accept", "reject"):
        cursor = cursor_for(shape, 2.0)
        assert not cursor.pixmap().isNull()
        assert cursor.pixmap().devicePixelRatio() == 2.0
    for tool_id in stage.toolbox.ids():
        stage.toolbox.select(tool_id)
        assert stage.canvas.cursor().shape() == cursor_for(stage.toolbox.current.cursor).shape()
