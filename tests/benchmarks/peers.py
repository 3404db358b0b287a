"""Figures of other programs, taken in the same run where they are installed in Pythons of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path


def napari_figures(side: int, radius: int = 50) -> dict[str, float] | None:
    """``brush_ms``, ``undo_ms``, ``labels_mb`` of napari; None where ``SEGSTUDIO_NAPARI_PYTHON`` names none or it fails."""
    python = os.environ.get("SEGSTUDIO_NAPARI_PYTHON", "")
    if not python:
        print("napari: not measured; name a Python that has it in SEGSTUDIO_NAPARI_PYTHON")
        return None
    command = [python, str(Path(__file__).with_name("napari_peer.py")), str(side), str(radius)]
    env = dict(os.environ)
    if not os.environ.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", *command]
        env["QT_QPA_PLATFORM"] = "xcb"  # it draws with OpenGL, which the offscreen platform lacks
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=180)
        answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        print(f"napari: could not be measured ({type(error).__name__})")
        return None
    return answer
