"""Takes the README's pictures: the real window on the sample project, doing real work. ``python packaging/take_screenshots.py``

The light one shows nuclei proposed on stained tissue, a part of them accepted; the dark one a training run on what was accepted,
with live curves. Each is taken in a process of its own, on Qt's offscreen platform or the screen that QT_QPA_PLATFORM names.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = Path(__file__).resolve().parent.parent / "resources" / "docs" / "images"
SIZE = (1440, 900)
MAX_BYTES = 400_000
EPOCHS = 5
DEADLINE_S = 900


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the event loop run until *condition* holds."""
    from PySide6.QtWidgets import QApplication

    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("what the picture should show did not come about")
        QApplication.processEvents()
        time.sleep(0.005)


def rest(seconds: float) -> None:
    """Let the event loop run for a while: tiles and thumbnails are made in other threads."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, seconds + 5)


def save(window: object, name: str) -> None:
    """Write a picture of the window, in as many colours as it has room for."""
    from PIL import Image
    from PySide6.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")  # type: ignore[attr-defined]
    picture = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    OUT.mkdir(parents=True, exist_ok=True)
    for colors in (256, 192, 128, 64):
        packed = picture.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        data = io.BytesIO()
        packed.save(data, "PNG", optimize=True)
        if data.tell() <= MAX_BYTES:
            break
    (OUT / name).write_bytes(data.getvalue())
    print(f"{OUT / name}: {data.tell() / 1000:.0f} kB")


def take(theme: str, project: Path) -> None:
    """One picture, in this process."""
    from PySide6.QtWidgets import QApplication

    from segstudio.app.settings import Settings
    from segstudio.gui.main import make_application, open_window

    settings = Settings()
    settings.set("look.theme", theme)
    settings.set("look.language", "en")
    app = make_application()
    window = open_window([str(project)])
    window.resize(*SIZE)
    wait(lambda: window.has_workspace and window.session.is_open)
    session, docks = window.session, window.workspace.docks
    record = next(r for r in session.images if r.name == "ihc.png")
    session.select_image(record.id)
    wait(lambda: session.reader is not None and session.image_id == record.id)
    rest(1.0)
    if theme == "light":
        # What a person does first: take what the model found in one half, and look at the rest.
        import numpy as np

        from segstudio.core.geometry import Rect

        half = Rect(256, 256, 256, 256)
        session.proposals.accept_mask(half, np.ones((half.height, half.width), bool))
        docks.reveal("model")
    else:
        session.proposals.accept_all()
        docks.reveal("train")
        rest(0.5)
        training = window.workspace.jobs.training
        from dataclasses import replace

        plan = replace(
            training.presenter.plan(), epochs=EPOCHS + 20, batch=4, patch_px=128, patches_per_image=24, threads=1
        )
        training.start(plan)
        wait(lambda: len(training.presenter.progress.epochs) >= EPOCHS or not training.is_running, DEADLINE_S - 120)
    rest(2.0)
    app.processEvents()
    save(window, f"window-{theme}.png")
    window.shut_down()  # first: closing the window would ask what is to become of the run
    window.close()
    QApplication.processEvents()


def main() -> int:
    """Take both."""
    if len(sys.argv) == 3:
        take(sys.argv[1], Path(sys.argv[2]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "SEGSTUDIO_CONFIG_DIR": str(Path(folder) / "config"),
            "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        }
        for theme in ("light", "dark"):
            # A neutral name: the path is seen in tool tips and titles.
            project = Path(folder) / theme / "sample"
            demo = [
                sys.executable,
                "-m",
                "segstudio",
                "demo",
                "--no-window",
                "--device",
                "cpu",
                "--project",
                str(project),
            ]
            subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, env=environment)
            subprocess.run(
                [sys.executable, __file__, theme, str(project)], check=True, env=environment, timeout=DEADLINE_S
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
