"""``segstudio doctor``: versions, devices, screen and folders; what is wrong and how to mend it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import add_json, counted, emit, warn

if TYPE_CHECKING:
    import argparse

PACKAGES = ("torch", "torchvision", "timm", "PySide6_Essentials", "numpy", "opencv-python-headless", "pillow",
            "SQLAlchemy", "safetensors", "tifffile", "scikit-image", "pyqtgraph")  # fmt: skip
FREE_BYTES_WANTED = 2 << 30
"""Less free space than this is worth a word: a training run and its checkpoints fit in it."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    is_good: bool
    value: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio doctor``."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if something is wrong."""
    findings = [*_versions(), *_devices(), _screen(), *_folders(), *_models()]
    is_good = all(f.is_good for f in findings)
    emit(args, {"is_good": is_good, "findings": [asdict(f) for f in findings]}, lambda: _text(findings))
    if is_good:
        return 0
    names = ", ".join(f.name for f in findings if not f.is_good)
    warn(f"something is wrong with {names}: see the report for the remedies.")
    return 1


def _text(findings: list[Finding]) -> str:
    lines = []
    for f in findings:
        lines.append(f"{'ok   ' if f.is_good else 'WRONG'} {f.name}: {f.value}")
        if f.remedy:
            lines.append(f"      → {f.remedy}")
    wrong = sum(not f.is_good for f in findings)
    lines.append(
        "Everything is as it should be." if not wrong else f"{counted(wrong, 'thing needs', 'things need')} mending."
    )
    return "\n".join(lines)


def _versions() -> list[Finding]:
    import segstudio

    findings = [
        Finding("segstudio", True, segstudio.__version__),
        Finding(
            "Python",
            sys.version_info >= (3, 11),
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
        ),
    ]
    for package in PACKAGES:
        try:
            findings.append(Finding(package, True, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(package, False, "not installed", f"pip install {package}"))
    try:
        importlib.metadata.version("opencv-python")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        findings.append(
            Finding(
                "opencv-python",
                False,
                "installed; its Qt plug-ins break the window",
                "pip uninstall opencv-python && pip install --force-reinstall opencv-python-headless",
            )
        )
    return findings


def _devices() -> list[Finding]:
    try:
        from segstudio.ml.inference.devices import describe_devices
    except ImportError as error:
        return [
            Finding(
                "devices", False, f"torch does not load ({error})", "pip install --force-reinstall torch torchvision"
            )
        ]
    return [Finding("device", True, line) for line in describe_devices()]


def _screen() -> Finding:
    # In a process of its own: Qt aborts the whole process where its platform plug-in does not load.
    code = "from PySide6.QtWidgets import QApplication as A; a = A([]); s = a.primaryScreen().size(); print(a.platformName(), s.width(), s.height())"
    if getattr(sys, "frozen", False):
        return Finding("screen", True, "not looked at: the packaged program cannot try Qt apart from itself")
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return Finding(
            "screen", False, "Qt does not answer within a minute", "restart the display server or log in anew"
        )
    if done.returncode == 0:
        name, width, height = done.stdout.split()[-3:]
        return Finding("screen", True, f"{width}×{height} ({name})")
    last = (done.stderr.strip().splitlines() or ["unknown reason"])[-1]
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Finding("screen", True, "none here; every sub-command works without one")
    if "lib" in last and ".so" in last:
        return Finding(
            "screen", False, f"Qt does not load: {last}", "apt-get install libegl1 libgl1 libxkbcommon0 libxcb-cursor0"
        )
    return Finding(
        "screen", False, f"Qt cannot open a window: {last}", "apt-get install libxcb-cursor0, or set QT_QPA_PLATFORM"
    )


def _folders() -> list[Finding]:
    import platformdirs

    places = {
        "settings folder": Path(
            os.environ.get("SEGSTUDIO_CONFIG_DIR") or platformdirs.user_config_dir("segstudio", appauthor=False)
        ),
        "data folder": Path(platformdirs.user_data_dir("segstudio", appauthor=False)),
        "cache folder": Path(
            os.environ.get("SEGSTUDIO_CACHE_DIR") or platformdirs.user_cache_dir("segstudio", appauthor=False)
        ),
    }
    findings = []
    for name, folder in places.items():
        existing = folder
        while not existing.exists():
            existing = existing.parent
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            findings.append(Finding(name, False, f"{folder} cannot be written ({error.strerror})", "make it writable"))
            continue
        free = shutil.disk_usage(existing).free
        enough = free >= FREE_BYTES_WANTED
        remedy = "" if enough else "free some space: a training run needs about 2 GB"
        findings.append(Finding(name, enough, f"{folder} ({free / 2**30:.1f} GB free)", remedy))
    return findings


def _models() -> list[Finding]:
    from segstudio.ml.registry import Catalog

    entries = Catalog().entries()
    findings = [
        Finding("model", False, f"{e.card.id}: {e.reason}", "install segstudio again")
        for e in entries
        if e.card.weights.kind == "built-in" and not e.is_available
    ]
    with_file = [e for e in entries if e.card.weights.kind == "built-in" and e.card.weights.path]
    built_in = [e.card.id for e in with_file if e.is_available]
    if not built_in:
        return [*findings, Finding("models", False, "no built-in model found", "install segstudio again")]
    return [*findings, Finding("built-in models", True, ", ".join(built_in))]
