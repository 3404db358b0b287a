"""Runs a snippet in a fresh interpreter, with modules that it must not find."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

BLOCKER = """
import sys

class Blocked:
    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)
        return None

sys.meta_path.insert(0, Blocked(frozenset(NAMES)))
"""


def run(
    code: str, *, blocked: tuple[str, ...] = (), timeout_s: float = 120.0, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run *code* with *blocked* top-level modules not to be found."""
    prelude = BLOCKER.replace("NAMES", repr(blocked)) if blocked else ""
    return subprocess.run(
        [sys.executable, "-c", prelude + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **env},
    )


def output(code: str, *, blocked: tuple[str, ...] = (), **env: str) -> str:
    """What *code* prints; an AssertionError with its stderr when it fails."""
    done = run(code, blocked=blocked, **env)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()
