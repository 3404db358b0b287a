"""kill -9 in the middle of painting loses at most the stroke in flight; a naive writer fails the same test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")

PAINTER = Path(__file__).with_name("painter.py")


def rounds(folder: Path, count: int, kind: str) -> list[dict]:
    """What each round found."""
    done = subprocess.run(
        [sys.executable, str(PAINTER), str(folder), str(count), kind], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_fifty_kills_lose_no_finished_stroke(tmp_path):
    results = rounds(tmp_path, 50, "store")
    assert [result["problem"] for result in results] == [""] * 50
    painted = [result["reported"] for result in results]
    assert painted == sorted(painted) and painted[-1] > 200


def test_the_naive_writer_fails_the_same_test(tmp_path):
    results = rounds(tmp_path, 50, "naive")
    assert results[-1]["problem"], "the test would not notice a torn file"
