"""Images to the same mean IoU on CamVid: the orders by uncertainty, and by uncertainty and difference, against a random one.

Run ``python tests/benchmarks/bench_order.py [--orders random,uncertainty,both] [--seeds 0,1] [--images N] [--out DIR]``; needs the shared
sample data. Images are labelled by their true masks, ``--per-round`` at a time, out of all 367 training images (``--pool`` takes fewer);
a model looks at ``--candidates`` of those left, drawn anew in each round, and the order is of them. The first round is random in every
order and the same for all orders of a seed, so it is trained once and kept in ``--out``.

What is measured is which images are labelled, so training must not be what holds the model back: after each round a U-Net is trained on
for ``--steps`` steps from the weights of the round before, of a size (``--half``: images of 240 × 180 pixels, areas averaged, masks by the
nearest pixel) and with an encoder (``--freeze 1``: as ImageNet left it) that a CPU can do so many steps with. Measured is on ``--test``
images of the test split, which nothing else sees. ``--split val`` measures on the validation split, for choosing how to order.

Printed: images to the mean IoU that the random order reaches at its best, at 90 % and at 80 % of it, linear between rounds, and the ratio
of each seed and their median (the aim: ≤ 0.7).
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import shutil
import statistics
import sys
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from shared_data import find_shared
from simulations import images_to, simulated

from segstudio.app.simulation.learners import RoundsLearner
from segstudio.app.simulation.plan import Budget, SimulationPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from segstudio.app.simulation.plan import CurvePoint

AIM = 0.7
Curves = dict[tuple[str, int], "list[CurvePoint]"]


def main() -> int:
    """Measure; 0."""
    args = arguments()
    camvid = find_shared("camvid")
    if camvid is None:
        print("the shared sample data is not there")
        return 0
    orders = args.orders.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or Path(scratch)
        data = prepared(camvid, out / f"camvid-{args.split}", args.split, is_half=args.half)
        curves: Curves = {}
        for seed in [int(text) for text in args.seeds.split(",")]:
            for order in orders:
                plan = plan_of(args, data, order, seed)
                with mock.patch("segstudio.app.simulation.run.make_learner", first_round_kept(first_folder(out, plan))):
                    curves[order, seed] = simulated(out, f"camvid-{order}-{seed}", plan)
                compare(curves, orders)
    return 0


def first_folder(out: Path, plan: SimulationPlan) -> Path:
    """Where the first round is kept: another place for each seed and each way of training."""
    same = dataclasses.replace(plan, order="random", budget=Budget(1), candidates=0, test_images=0)
    return out / f"first-{plan.seed}-{zlib.crc32(repr(same).encode()):08x}"


def first_round_kept(folder: Path) -> type[RoundsLearner]:
    """A learner that takes the first round from *folder*, or keeps it there."""

    class Learner(RoundsLearner):
        def on_image(self, images: int) -> bool:
            if images == self._plan.images_per_round and folder.is_dir():
                self._round, self.model = 1, str(folder / "last.safetensors")
                return True
            is_new = super().on_image(images)
            if is_new and images == self._plan.images_per_round:
                shutil.copytree(Path(self.model).parent, folder)
            return is_new

    return Learner


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="random,uncertainty,both")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--split", default="test", choices=("test", "val"))
    parser.add_argument("--pool", type=int, default=0)
    parser.add_argument("--candidates", type=int, default=160)
    parser.add_argument("--test", type=int, default=58)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--per-round", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--freeze", type=float, default=1.0)
    parser.add_argument("--half", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def plan_of(args: argparse.Namespace, data: Path, order: str, seed: int) -> SimulationPlan:
    """The simulation of an order and a seed."""
    return SimulationPlan(
        data=f"camvid:{data}", budget=Budget(args.images, "images"), annotator="exact", order=order, loop="rounds", seed=seed,
        has_proposals=False, test_images=args.test, pool_images=args.pool, candidates=args.candidates, steps=args.steps,
        freeze=args.freeze, images_per_round=args.per_round, measure_every=args.per_round, patch_px=args.size,
        device=args.device, threads=args.threads,
    )  # fmt: skip


def prepared(camvid: Path, out: Path, split: str, *, is_half: bool) -> Path:
    """The data as a folder of the training split and what is measured on: of half the size, or pointers to it as it is."""
    for part in ("train", split):
        for image in sorted((camvid / "images" / part).iterdir()):
            mask = camvid / "masks" / part / f"{image.stem}.png"
            for kind, file, how in (("images", image, cv2.INTER_AREA), ("masks", mask, cv2.INTER_NEAREST)):
                copy = out / kind / part / (f"{file.stem}.png" if is_half else file.name)
                if copy.exists():
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not is_half:
                    copy.symlink_to(file)
                    continue
                pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
                cv2.imwrite(str(copy), cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=how))
    return out


def compare(curves: Mapping[tuple[str, int], Sequence[CurvePoint]], orders: Sequence[str]) -> None:
    """Print what is known so far."""
    seeds = sorted({seed for _, seed in curves})
    for share in (1.0, 0.9, 0.8):
        for order in orders:
            ratios = []
            for seed in seeds:
                if ("random", seed) not in curves or (order, seed) not in curves or order == "random":
                    continue
                target = share * max(point.mean_iou for point in curves["random", seed] if point.mean_iou is not None)
                one, other = images_to(curves[order, seed], target), images_to(curves["random", seed], target)
                shown = "not reached" if one is None else f"{one:.1f} = {one / other:.2f} ×"
                print(f"seed {seed}: images to mean IoU {target:.4f}: {order} {shown}, random {other:.1f}", flush=True)
                ratios.append(math.inf if one is None else one / other)
            if ratios:
                middle = statistics.median(ratios)
                told = "not reached" if math.isinf(middle) else f"{middle:.2f}"
                print(f"{order} / random at {share:.0%} of random's best, median: {told} (aim ≤ {AIM})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
