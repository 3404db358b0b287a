"""Images to the same mean IoU on CamVid: the order by uncertainty against a random one.

Run ``python tests/benchmarks/bench_order.py [--orders random,uncertainty,both] [--seeds 0,1] [--pool N] [--images N] [--out DIR]``; needs the shared
sample data. Images are labelled by their true masks, ``--per-round`` at a time; after each round a U-Net is trained on for ``--steps`` steps from the
weights of the round before, and measured on ``--test`` images of the test split. The first round is random in every order and the same
for all orders of a seed. Printed: images to the mean IoU that the random order reaches at its end, at 90 % and at 80 % of it, and the ratio
(the aim: ≤ 0.7).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from shared_data import find_shared
from simulations import images_to, simulated

from segstudio.app.simulation.plan import Budget, SimulationPlan

AIM = 0.7


def main() -> int:
    """Measure; 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="random,uncertainty,both")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--pool", type=int, default=120)
    parser.add_argument("--test", type=int, default=40)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--per-round", type=int, default=6)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    camvid = find_shared("camvid")
    if camvid is None:
        print("the shared sample data is not there")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        curves = {}
        for seed in [int(text) for text in args.seeds.split(",")]:
            for order in args.orders.split(","):
                plan = SimulationPlan(
                    data=f"camvid:{camvid}", budget=Budget(args.images, "images"), annotator="exact", order=order, loop="rounds",
                    seed=seed, has_proposals=False, test_images=args.test, pool_images=args.pool, steps=args.steps,
                    images_per_round=args.per_round, measure_every=args.per_round, patch_px=args.size, device=args.device,
                    threads=args.threads,
                )  # fmt: skip
                curves[order, seed] = simulated(args.out or Path(scratch), f"camvid-{order}-{seed}", plan)
                compare(curves, args.orders.split(","))
    return 0


def compare(curves, orders) -> None:
    """Print what is known so far."""
    seeds = sorted({seed for _, seed in curves})
    for share in (1.0, 0.9, 0.8):
        for order in orders:
            ratios = []
            for seed in seeds:
                if ("random", seed) not in curves or (order, seed) not in curves or order == "random":
                    continue
                ends = [point.mean_iou for point in curves["random", seed] if point.mean_iou is not None]
                target = share * max(ends)
                one, other = images_to(curves[order, seed], target), images_to(curves["random", seed], target)
                shown = "not reached" if one is None else f"{one:.1f}"
                print(f"seed {seed}: images to mean IoU {target:.4f}: {order} {shown}, random {other:.1f}", flush=True)
                if one is not None and other:
                    ratios.append(one / other)
            if ratios:
                print(
                    f"{order} / random at {share:.0%} of random's best: {statistics.median(ratios):.2f} (aim ≤ {AIM})"
                )


if __name__ == "__main__":
    sys.exit(main())
