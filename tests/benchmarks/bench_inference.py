"""Sliding windows over 4096²: ours against the sum of its forwards, MONAI's SlidingWindowInferer, and memory by image size.

Run ``python tests/benchmarks/bench_inference.py``. ``SEGSTUDIO_MONAI_PYTHON`` names a Python that has MONAI and this package (an environment
of its own: ``pip install --no-deps monai`` beside a .pth file that names this one's site-packages). One thread; times are CPU seconds of the
process, so that other work on the machine does not count. Each ratio is the whole / the forwards within it, in the same run: the aim is
1.10 or less. Memory: growth of the process's peak while proposing, from the state after the first windows, on images that are made row
by row and never held; seams: the largest difference from one window over all, of a network that sees less than the margin.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
import torch
from document import replace_section, table

from segstudio.ml.cards import ModelCard
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.inference.windows import MARGIN_PX

SIDE, WINDOW, OVERLAP, AIM, SEAM_AIM = 4096, 512, 128, 1.10, 1e-4
MEMORY_SIZES = ((2048, 4096), (4096, 4096), (4096, 8192), (8192, 4096))
"""(height, width)."""


class MadeReader:
    """An image of any size that is made where it is read."""

    def __init__(self, height: int, width: int) -> None:
        self.info = SimpleNamespace(width=width, height=height)
        self._tile = np.random.default_rng(0).integers(0, 256, (3, 512, 512), dtype=np.uint8)

    def read(self, level: int, z: int, window: object) -> np.ndarray:
        """(band, y, x) of the window: the same tile again and again."""
        ys = np.arange(window.y, window.bottom) % 512  # type: ignore[attr-defined]
        xs = np.arange(window.x, window.right) % 512  # type: ignore[attr-defined]
        return self._tile.take(ys, axis=1).take(xs, axis=2)


def light(name: str, classes: int) -> TorchSegmenter:
    """A light network with random parameters, and its card."""
    from torchvision.models import segmentation

    torch.manual_seed(0)
    make = {"lraspp": segmentation.lraspp_mobilenet_v3_large, "deeplabv3_mobilenet": segmentation.deeplabv3_mobilenet_v3_large}[name]
    module = make(weights=None, weights_backbone=None, num_classes=classes)
    card = ModelCard(name, name, classes=tuple(f"c{i}" for i in range(classes)), window_px=WINDOW, overlap_px=OVERLAP)
    return TorchSegmenter(module, card)


class Timed:
    """CPU seconds within the segmenter's forwards."""

    def __init__(self, segmenter: TorchSegmenter) -> None:
        self.seconds, self.windows, self._predict = 0.0, 0, segmenter.predict
        segmenter.predict = self  # type: ignore[method-assign, assignment]

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        began = time.process_time()
        answer = self._predict(batch)
        self.seconds += time.process_time() - began
        self.windows += len(batch)
        return answer


def ratio_of(what: str, name: str, classes: int, side: int) -> dict[str, float]:
    """The whole / its forwards, of ours ("logits" or "proposals") or MONAI's ("monai")."""
    segmenter = light(name, classes)
    reader = MadeReader(side, side)
    for _ in range(2):
        segmenter.predict(torch.rand(1, 3, WINDOW, WINDOW))
    timed = Timed(segmenter)
    began = time.process_time()
    if what == "monai":
        from monai.inferers import SlidingWindowInferer

        inferer = SlidingWindowInferer((WINDOW, WINDOW), sw_batch_size=1, overlap=OVERLAP / WINDOW, mode="gaussian", padding_mode="reflect")
        values = reader.read(0, 0, SimpleNamespace(x=0, y=0, right=side, bottom=side))
        image = torch.from_numpy(values).float().div_(255).sub_(0.45).div_(0.225)[None]
        with torch.inference_mode():
            inferer(image, segmenter.predict)
    else:
        for _ in (semantic_logits if what == "logits" else propose)(segmenter, reader):
            pass
    seconds = time.process_time() - began
    return {"windows": timed.windows, "seconds": round(seconds, 2), "forwards_s": round(timed.seconds, 2),
            "ratio": round(seconds / timed.seconds, 3)}  # fmt: skip


def memory_of(height: int, width: int, classes: int) -> float:
    """MB that the peak grows by while an image is proposed for, after the first windows."""
    segmenter = light("lraspp", classes)
    pieces = propose(segmenter, MadeReader(height, width))
    for _ in range(3):
        next(pieces)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in pieces:
        pass
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)


def seam() -> float:
    """The largest difference of tiled logits from those of one window, of five 3×3 convolutions at rates up to 4 (they see 11 px)."""
    torch.manual_seed(0)
    rates = (1, 1, 2, 3, 4)
    assert sum(rates) < MARGIN_PX
    layers: list[torch.nn.Module] = []
    for number, rate in enumerate(rates):
        layers += [torch.nn.Conv2d(8 if number else 3, 8, 3, padding=rate, dilation=rate), torch.nn.ReLU()]
    card = ModelCard("small", "small", classes=("a", "b", "c"), window_px=256, overlap_px=64, stride_px=8)
    segmenter = TorchSegmenter(torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 3, 1)), card)
    reader = MadeReader(1000, 1400)
    both = []
    for window in (256, 2048):
        whole = torch.zeros(3, 1000, 1400)
        for rect, logits in semantic_logits(segmenter, reader, window_px=window):
            whole[:, rect.y : rect.bottom, rect.x : rect.right] = logits
        both.append(whole)
    return float((both[0] - both[1]).abs().max())


def child(python: str, *arguments: object) -> object:
    """What this file, run by *python*, prints as JSON."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([python, __file__, "--child", *map(str, arguments)], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def written(result: dict[str, Any]) -> list[str]:
    """The section of resources/docs/networks.md."""
    names = [name for name in result if name.endswith("classes") and "peak" not in name]
    body = [[name, *(str(result[name].get(kind, {}).get("ratio", "")) for kind in ("logits", "proposals", "monai"))] for name in names]
    peak = ", ".join(f"{mb} MB at {size}" for size, mb in result["peak grows by MB, 21 classes"].items())
    return [
        *table(["network", "ours: logits", "ours: class and confidence of each pixel", "MONAI 1.6, Gaussian: logits"], body),
        "",
        f"Growth of the process's peak from the third piece on, 21 classes: {peak}. Largest difference from one window over all, of a network"
        f" that sees 11 px: {result['seam']['difference']:.1e}.",
    ]


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=SIDE, help="of the image, px")
    parser.add_argument("--write", action="store_true", help="puts the figures into resources/docs/networks.md")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if options.child:
        kind, *rest = options.child
        found = memory_of(*map(int, rest)) if kind == "memory" else ratio_of(kind, rest[0], int(rest[1]), int(rest[2]))
        print(json.dumps(found))
        return
    result: dict[str, Any] = {"side_px": options.side, "window_px": WINDOW, "overlap_px": OVERLAP, "aim": AIM, "load": os.getloadavg()[0]}
    monai = os.environ.get("SEGSTUDIO_MONAI_PYTHON")
    for name, classes in (("lraspp", 2), ("lraspp", 21), ("deeplabv3_mobilenet", 21)):
        kinds = {"logits": sys.executable, "proposals": sys.executable, **({"monai": monai} if monai else {})}
        result[f"{name}, {classes} classes"] = {kind: child(python, kind, name, classes, options.side) for kind, python in kinds.items()}
        print(json.dumps({f"{name}, {classes} classes": result[f"{name}, {classes} classes"]}), file=sys.stderr, flush=True)
    result["peak grows by MB, 21 classes"] = {
        f"{width}×{height}": child(sys.executable, "memory", height, width, 21) for height, width in MEMORY_SIZES
    }
    result["seam"] = {"difference": seam(), "aim": SEAM_AIM}
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if options.write:
        replace_section("windows", written(result))


if __name__ == "__main__":
    main()
