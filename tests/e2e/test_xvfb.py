"""The program as a person meets it: a process of its own on a real X server, with a mouse and a keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from segstudio.core.classes import ClassTable
from segstudio.io.store.project import ProjectStore

DEADLINE_S = 120.0
POLL_S = 0.1
SCREEN = (1280, 800)

missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 is Linux's"),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of its own, on a number that the server finds free."""
    read_end, write_end = os.pipe()
    screen = f"{SCREEN[0]}x{SCREEN[1]}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", screen, "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one grey picture and two classes."""
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.random.default_rng(3).integers(60, 90, (512, 512), dtype=np.uint8))
    with ProjectStore.create(tmp_path / "project", ClassTable().added("disc").added("ground")) as store:
        store.add_images([picture])
    return tmp_path / "project"


def labelled(project: Path) -> dict[int, int]:
    """{class id: pixels} as it is on disk now."""
    with ProjectStore.open(project, read_only=True) as store:
        return {class_id: count for class_id, count in store.labelled_pixels().items() if class_id and count}


class Hand:
    """Mouse and keyboard on one display."""

    def __init__(self, environment: dict[str, str], process: subprocess.Popen[bytes]) -> None:
        self._environment = environment
        self._process = process

    def do(self, *words: object) -> str:
        """One xdotool command; its output, "" where it finds nothing."""
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Until *condition* holds; fails when the program ends before, or at the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert self._process.poll() is None, f"the program ended ({self._process.returncode}) before {what}"
            assert time.monotonic() < deadline, f"waited {DEADLINE_S:g} s in vain for {what}"
            self._process_pause()

    def _process_pause(self) -> None:
        try:
            self._process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            return

    def drag(self, x: int, y: int, dx: int) -> None:
        """A level stroke with the left button, from (x, y) in screen pixels."""
        self.do("mousemove", x, y, "mousedown", 1)
        for step in range(1, 5):
            self.do("mousemove", x + dx * step // 4, y)
        self.do("mouseup", 1)


def test_a_stroke_on_a_real_screen(display: str, project: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "SEGSTUDIO_CONFIG_DIR": str(tmp_path / "config"),
        "SEGSTUDIO_DATA_DIR": str(tmp_path / "data"),
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "segstudio", str(project)], env=environment, stdout=output, stderr=output
        )
        try:
            hand = Hand(environment, process)
            hand.wait(lambda: hand.do("search", "--onlyvisible", "--name", "segstudio"), "a window")
            window = hand.do("search", "--onlyvisible", "--name", "segstudio").split()[0]
            # There is no window manager: the window is put and given the keyboard by hand.
            hand.do("windowmove", window, 0, 0)
            hand.do("windowsize", window, *SCREEN)
            hand.do("windowfocus", window)
            middle_x, middle_y = SCREEN[0] * 2 // 5, SCREEN[1] // 2

            def first_stroke() -> bool:
                hand.do("mousemove", middle_x, middle_y)
                hand.do("key", "b")
                hand.do("key", "1")
                hand.drag(middle_x - 60, middle_y - 80, 120)
                return 1 in labelled(project)

            hand.wait(first_stroke, "a stroke on disk")  # earlier ones fell on the start page
            hand.do("key", "2")
            hand.drag(middle_x - 60, middle_y + 60, 120)
            hand.wait(lambda: 2 in labelled(project), "a stroke of the second class")
            hand.do("key", "ctrl+z")
            hand.wait(lambda: 2 not in labelled(project), "undo on disk")
            hand.do("key", "ctrl+shift+z")
            hand.wait(lambda: 2 in labelled(project), "redo on disk")
            hand.do("key", "ctrl+q")
            assert process.wait(DEADLINE_S) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(20)
    found = labelled(project)
    assert set(found) == {1, 2}
    with ProjectStore.open(project) as store:
        assert not store.is_read_only, "the program left its lock behind"
        image = store.images()[0]
        layer = store.labels_layer(image.id)
        ids = layer.read_classes(layer.bounds)
        rows = {class_id: np.nonzero(ids == class_id)[0].mean() for class_id in (1, 2)}
        assert rows[1] < rows[2], "the strokes are not where the hand was"
        assert store.history(image.id).can_undo
    assert "Traceback" not in log.read_text()
