"""The long sweep: every network × {1, 3, 8} bands × {2, 21} classes learns four crops of CamVid, and comes back from its file bit by bit.

Run ``python tests/benchmarks/sweep_networks.py --data FOLDER`` (the folder that holds ``camvid/``; or SEGSTUDIO_SHARED_DATA). Each row is
written to ``--results`` as it is done, so that a sweep that was stopped goes on where it was; ``--again NAME`` does a network's rows
anew. ``--write`` puts the table into resources/docs/networks.md. 2 classes: road and the rest; 21: CamVid's 11 in a head of 21. One thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import torch
from document import replace_section, table
from network_trial import CROPS, RATE, RATES, STEPS, as_batch, chosen_encoder, crop_with_most_classes, trial
from PIL import Image

from segstudio.ml.networks.table import ARCHITECTURES
from segstudio.ml.plan import IGNORE_INDEX

SIZES = {1: (65, 81), 3: (71, 97), 8: (67, 89)}
"""(height, width) of the crops by bands: odd, and none a multiple of any stride."""
CLASSES = (2, 21)
ROAD = 3


def crops(data: Path, height: int, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Four crops of four scenes of the training part: where most classes are."""
    files = sorted((data / "camvid" / "images" / "train").glob("*.*"))
    if len(files) < CROPS:
        raise SystemExit(f"no CamVid in {data}: give --data the folder that holds camvid/images/train")
    found = []
    for file in files[:: len(files) // CROPS][:CROPS]:
        mask = np.asarray(Image.open(data / "camvid" / "masks" / "train" / f"{file.stem}.png"))
        found.append(crop_with_most_classes(np.asarray(Image.open(file).convert("RGB")), mask, height, width))
    return found


def two_classes(mask: np.ndarray) -> np.ndarray:
    """Road 1, the rest 0, unlabelled as it was."""
    return np.where(mask == IGNORE_INDEX, IGNORE_INDEX, mask == ROAD).astype(np.uint8)


def done_rows(file: Path) -> dict[tuple[str, int, int], dict[str, object]]:
    """The last line of each (network, bands, classes)."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(row["network"], row["bands"], row["classes"]): row for row in rows}


def written(rows: list[dict[str, object]]) -> list[str]:
    """The section of the page."""
    failed = [row for row in rows if row["reason"]]
    minutes = sum(float(str(row["seconds"])) for row in rows) / 60
    head = ["network", "encoder", "bands", "classes", "crops", "first loss", "last loss", "ratio", "steps", "same bits", "s", "holds"]
    body = [
        [str(row["network"]), str(row["encoder"]), str(row["bands"]), str(row["classes"]), f"{row['width_px']}×{row['height_px']}",
         f"{row['start_loss']:.3f}", f"{row['end_loss']:.3f}", f"{row['ratio']:.2f}", str(row["steps"]), "yes" if row["is_identical"] else "no",
         f"{row['seconds']:.0f}", str(row["reason"]) or "yes"]
        for row in rows
    ]  # fmt: skip
    rates = ", ".join(f"`{name}` {rate:g}" for name, rate in RATES.items())
    return [
        f"{len(rows)} of {len(ARCHITECTURES) * len(SIZES) * len(CLASSES)} rows are done, {len(rows) - len(failed)} hold: at most {STEPS} steps on {CROPS} crops, learning rate {RATE:g} ({rates}), one thread, the"
        f" trainer's precision (bfloat16 where the CPU computes in it),"
        f" {minutes:.0f} minutes in all on a machine that other work shared.",
        "",
        *table(head, body),
    ]


def main() -> int:
    """Do what is not done yet; 1 when a row does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGSTUDIO_SHARED_DATA"), help="the folder that holds camvid/")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "segstudio_sweep.jsonl", help="a JSON line a row")
    parser.add_argument("--only", nargs="+", choices=list(ARCHITECTURES), default=list(ARCHITECTURES), metavar="NETWORK")
    parser.add_argument("--again", nargs="+", default=[], metavar="NETWORK", help="does the rows of these anew")
    parser.add_argument("--write", action="store_true", help="puts the table into resources/docs/networks.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = {key: row for key, row in done_rows(options.results).items() if key[0] not in options.again}
    # The light networks first: what is wrong shows early.
    for name in sorted(options.only, key=lambda n: "vgg" in chosen_encoder(n)):
        for bands, (height, width) in SIZES.items():
            for classes in CLASSES:
                if (name, bands, classes) in done or options.data is None:
                    continue
                pairs = crops(Path(options.data), height, width)
                images, targets = as_batch([(i, two_classes(m) if classes == 2 else m) for i, m in pairs], bands)
                try:
                    row = dataclasses.asdict(trial(name, images, targets, classes))
                except (RuntimeError, ValueError, MemoryError) as error:
                    traceback.print_exc()
                    row = {"network": name, "encoder": "", "bands": bands, "classes": classes, "height_px": height, "width_px": width,
                           "start_loss": 0.0, "end_loss": 0.0, "ratio": 0.0, "steps": 0, "is_identical": False, "seconds": 0.0,
                           "reason": f"{type(error).__name__}: {error}"}  # fmt: skip
                done[name, bands, classes] = row
                with options.results.open("a", encoding="utf-8") as stream:
                    print(json.dumps(row), file=stream)
                print(json.dumps(row), flush=True)
                gc.collect()
    rows = [done[n, b, c] for n in ARCHITECTURES for b in SIZES for c in CLASSES if (n, b, c) in done]
    failed = [row for row in rows if row["reason"]]
    print(f"{len(rows)} rows, {len(failed)} do not hold")
    if options.write:
        replace_section("sweep", written(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
