"""kill -9 at any moment of a training run, then --resume: the same metrics and weights to the last bit; wrong ways fail the same test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs fork, SIGKILL and /proc")

CHILD = Path(__file__).with_name("train_child.py")


def test_killed_runs_go_on_as_if_nothing_had_been(tmp_path):
    done = subprocess.run(
        [sys.executable, "-B", str(CHILD), str(tmp_path), "ours", "naive", "undrawn", "epochs"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    problems = {(row["kind"], row["kill"]): row["problem"] for row in map(json.loads, done.stdout.splitlines())}
    ours = {kill: problem for (kind, kill), problem in problems.items() if kind == "ours"}
    assert len(ours) == 7 and not any(ours.values()), ours
    # Wrong ways are noticed: else the comparison would show nothing.
    wrong = {kind: problem for (kind, _), problem in problems.items() if kind != "ours"}
    assert "could not go on" in wrong["naive"]
    assert "differs" in wrong["undrawn"] and "differs" in wrong["epochs"]
