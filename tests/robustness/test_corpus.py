"""874 odd and malformed images: each opens right or gives one sentence, within 2 s and 1 GB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from shared_data import shared_corpus

CHILD = Path(__file__).with_name("corpus_child.py")


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="memory limits of processes are set the POSIX way")
def test_every_file_of_the_corpus_opens_or_gives_one_sentence():
    done = subprocess.run(
        [sys.executable, str(CHILD), str(shared_corpus())], capture_output=True, text=True, timeout=240
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"the reader died at {rows[-1]}"
    rows = [row for row in rows if "file" in row]
    assert len(rows) > 800
    faults = []
    for row in rows:
        if row["trace"]:
            faults.append((row["file"], row["trace"]))
        elif row["sentence"]:
            sentence = row["sentence"]
            if "\n" in sentence or row["file"] not in sentence or not sentence.endswith(".") or len(sentence) > 600:
                faults.append((row["file"], sentence))
        elif row.get("probe") != row.get("pixels"):
            faults.append((row["file"], f"probed as {row['probe']}, opened as {row['pixels']}"))
        # Twice the limit: this may run beside other tests.
        slowest = max(row["probe_s"], row["open_image_s"], row["thumbnail_s"])
        if slowest > 4.0:
            faults.append((row["file"], f"{slowest:.1f} s"))
    assert not faults, faults
    opened = sum(not row["sentence"] for row in rows)
    assert opened > 600, f"only {opened} of {len(rows)} could be opened"
    assert max(row["peak_bytes"] for row in rows) < 1 << 30
