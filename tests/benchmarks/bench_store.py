"""Store latency: a stroke, its commit and undo, and a whole 4096² proposal written, accepted and undone.

Run ``python tests/benchmarks/bench_store.py``. Prints medians and their ratio to the bound (below 1 is good).
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit" / "io"))

from store_help import blank_image

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction, apply_edit
from segstudio.core.geometry import Rect
from segstudio.core.proposals import ProposalWriter, accept
from segstudio.io.store.project import ProjectStore

SIDE = 4096
BOUNDS_MS = {"step": 1.0, "commit": 5.0, "undo": 5.0, "accept_class": 500.0, "accept_all": 500.0}


def measure(folder: Path) -> dict[str, float]:
    """Medians in milliseconds."""
    times: dict[str, list[float]] = {}

    def timed(name, work):
        start = time.perf_counter()
        result = work()
        times.setdefault(name, []).append((time.perf_counter() - start) * 1e3)
        return result

    with ProjectStore.create(folder / "project", ClassTable.from_names("a,b,c")) as store:
        image = blank_image(store, "x.png", SIDE, SIDE)
        labels, proposal = store.labels_layer(image), store.proposal_layer(image, create=True)
        both = {labels.id: labels, proposal.id: proposal}
        dice = np.random.default_rng(0)

        def step(transaction, segment_id, x, y):
            mask, rect = stroke_mask([(x, y), (x + 8, y + 2)], 100)
            transaction.paint(mask, rect.x, rect.y, segment_id)

        for _ in range(100):
            x, y = (int(value) for value in dice.integers(100, SIDE - 200, 2))
            transaction = Transaction(labels, "Brush")
            segment_id = transaction.ensure_stuff(1)
            for move in range(10):
                timed("step", lambda: step(transaction, segment_id, x + 8 * move, y))  # noqa: B023
            edit = transaction.commit()
            timed("commit", lambda: store.commit(edit))  # noqa: B023
        stack = store.history(image)

        def undo():
            edit = stack.undo()
            apply_edit(edit, both)
            store.mark_undone(edit, True)

        for _ in range(100):
            timed("undo", undo)
        small = dice.integers(0, 4, (64, 64), dtype=np.uint8)
        classes = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        noise = dice.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
        confidence = cv2.GaussianBlur(noise, (9, 9), 2)
        writer = ProposalWriter(proposal, {1: 1, 2: 2, 3: 3}, "m")
        timed("write_proposal", lambda: writer.write_window(Rect(0, 0, SIDE, SIDE), classes, confidence))
        edit = writer.finish()
        timed("prepare_proposal", lambda: store.prepare(edit))
        timed("commit_proposal", lambda: store.commit(edit))
        for name, chosen in (("accept_class", [2]), ("accept_all", None)):
            edit = timed(name, lambda: accept(labels, proposal, class_ids=chosen))  # noqa: B023
            timed(f"commit_{name}", lambda: store.commit(edit))  # noqa: B023
            stack = store.history(image)
            timed(f"undo_{name}", undo)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        medians = measure(Path(folder))
    ratios = {name: round(medians[name] / bound, 3) for name, bound in BOUNDS_MS.items()}
    print(json.dumps({"median_ms": {k: round(v, 3) for k, v in medians.items()}, "ratio_to_bound": ratios}, indent=2))


if __name__ == "__main__":
    main()
