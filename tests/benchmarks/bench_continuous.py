"""Strokes and pixels to 95 % of the fully supervised Dice: continuous learning beside the hand against dense labelling.

Run ``python tests/benchmarks/bench_continuous.py [isbi|massroads …] [--out DIR] [--threads N] [--device D] [--seed N]``; needs the
shared sample data. On ISBI 2012 the images 0–19 are labelled and 20–24 measured on, of the five photographs of Massachusetts Roads the
first four and the last one. Four simulations each, by ``segstudio simulate``'s own code and the same simulated hand:

``full``: all images with their true masks, then one training; its Dice is what «fully supervised» means.
``dense``: each image painted in full, in order, without any proposal; after each image a network is trained on, and measured. This is the
strict reference: it, too, needs a model, which only is no help in labelling.
``all``: every image painted in full, in order, no model: what the labels cost that ``full`` learnt from.
``continuous``: a square of the first image is painted, then continuous learning proposes, and the hand goes from image to image, puts
the most uncertain places of each right and confirms them (the keys ``N`` and ``Shift+Y``); a round is learnt after each image.

Printed: strokes and pixels of each until its Dice on the test images is 95 % of that of ``full``, and the ratios (the aims: ≤ 1/3 of the strokes, ≤ 1/4 of the pixels). The proposal that comes
after the first square or image also tells how long the first useful one (Dice ≥ 0.7) took. A part that is done stays in ``--out``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from shared_data import find_shared
from simulations import reached, simulated

from segstudio.app.simulation.plan import Budget, CurvePoint, SimulationPlan

SHARE, USEFUL = 0.95, 0.7
AIM_STROKES, AIM_PIXELS = 1 / 3, 1 / 4
SETS = {
    "isbi": ("isbi2012", ("background", "membrane"), 5),
    "massroads": ("massroads", ("background", "road"), 1),
}


def plans(name: str, args: argparse.Namespace) -> dict[str, SimulationPlan]:
    """The four simulations of a data set, without their targets."""
    folder, classes, test = SETS[name]
    data = find_shared(folder)
    base = {
        "data": f"folder:{data / 'images'},{data / 'masks'}", "class_names": classes, "test_images": test,
        "budget": Budget(1_000_000), "seed": args.seed, "device": args.device, "threads": args.threads,
        "augment": args.augment,
    }  # fmt: skip
    # Of four photographs no whole one is held out: its labels would be paid for and not learnt from.
    rounds = {"loop": "rounds", "has_proposals": False, "hold_out": "blocks" if name == "massroads" else "image"}
    images = 20 if name == "isbi" else 4
    return {
        "full": SimulationPlan(**base, **rounds, annotator="exact", images_per_round=images, steps=args.full_steps,
                               measure_every=images),
        "all": SimulationPlan(**base, loop="none", has_proposals=False, measure_every=images),
        "dense": SimulationPlan(**{**base, "budget": Budget(args.dense_images, "images")}, **rounds, steps=args.dense_steps),
        "continuous": SimulationPlan(**{**base, "budget": Budget(args.budget)}, loop="continuous", sketch_px=args.sketch, steps=args.round_steps,
                                     places_per_image=args.places, strokes_per_image=args.strokes_per_image,
                                     strokes_per_round=args.strokes_per_round),
    }  # fmt: skip


def told(name: str, what: str, point: CurvePoint | None) -> str:
    """A row of the result."""
    if point is None:
        return f"{name:10} {what:34} not reached"
    return f"{name:10} {what:34} {point.strokes:>8,} strokes {point.pixels:>11,} px {point.images:>3} images {point.seconds:>7,.0f} s"


def measure(name: str, out: Path, args: argparse.Namespace) -> None:
    """Run the parts, and print what came of them."""
    chosen = plans(name, args)
    curves = {part: simulated(out, f"{name}-{part}", chosen[part]) for part in args.parts.split(",")}
    if len(curves) < len(chosen):
        return
    supervised = curves["full"][-1].foreground_dice or 0.0
    target = SHARE * supervised
    print(f"{name}: fully supervised Dice {supervised:.4f}, to reach {target:.4f}")
    everything, strict = curves["all"][-1], reached(curves["dense"], target)
    ours, useful = reached(curves["continuous"], target), reached(curves["continuous"], USEFUL)
    rows = (("every image, no model", everything), (f"dense to {target:.3f}", strict),
            (f"continuous to {target:.3f}", ours), (f"continuous to {USEFUL}", useful))  # fmt: skip
    for what, point in rows:
        print(told(name, what, point))
    for what, reference in (("every image", everything), ("dense to the same Dice", strict)):
        if ours is not None and reference is not None:
            strokes, pixels = ours.strokes / reference.strokes, ours.pixels / reference.pixels
            print(
                f"{name:10} continuous / {what}: {strokes:.2f} of the strokes (aim ≤ {AIM_STROKES:.2f}), "
                f"{pixels:.2f} of the pixels (aim ≤ {AIM_PIXELS:.2f})"
            )
    if useful is not None:
        print(
            f"{name:10} first proposal with Dice ≥ {USEFUL} on test images after {useful.train_seconds:.0f} s of learning"
        )


def main() -> int:
    """Measure; 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{' or '.join(SETS)}; both without")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default="continuous,all,full,dense")
    parser.add_argument("--budget", type=int, default=800, help="strokes of the continuous part")
    parser.add_argument("--dense-images", type=int, default=6)
    parser.add_argument("--full-steps", type=int, default=300)
    parser.add_argument("--dense-steps", type=int, default=60)
    parser.add_argument("--round-steps", type=int, default=60)
    parser.add_argument("--strokes-per-round", type=int, default=100_000)
    parser.add_argument("--strokes-per-image", type=int, default=0)
    parser.add_argument("--sketch", type=int, default=192)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--augment", default="standard")
    args = parser.parse_args()
    if find_shared("isbi2012") is None:
        print("the shared sample data is not there")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.sets or list(SETS):
            measure(name, args.out or Path(scratch), args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
