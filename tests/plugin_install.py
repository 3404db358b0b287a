"""Installs the example plug-in for real, into a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent / "plugin_example"


def installed(folder: Path) -> Path:
    """*folder* with the example installed in it: by pip where it and the build backend are here, else by hand."""
    if find_spec("pip") is None or find_spec("hatchling") is None:
        return installed_by_hand(folder)
    source = shutil.copytree(EXAMPLE, folder.with_name(f"{folder.name}-source"))  # the build leaves the checkout clean
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(folder), str(source)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return folder


def installed_by_hand(folder: Path) -> Path:
    """The same files as pip leaves, as far as they are looked at."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(EXAMPLE / "segstudio_bright", folder / "segstudio_bright")
    info = folder / f"segstudio_bright-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    lines = ["[segstudio.models]", *(f"{k} = {v}" for k, v in project["entry-points"]["segstudio.models"].items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
