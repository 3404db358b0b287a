"""``segstudio simulate``: a simulated annotator labels a dataset with the real session; effort against quality."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from segstudio.cli.output import ProgressBar, add_json, checking_options, counted, emit, table, warn
from segstudio.ml.plan import Augment

if TYPE_CHECKING:
    import argparse

    from segstudio.app.simulation.plan import CurvePoint, Simulation, SimulationPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio simulate``."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="SPEC",
        help="camvid:PATH, voc:PATH or folder:IMAGES,MASKS; its masks are the truth",
    )
    parser.add_argument(
        "--budget", required=True, metavar="N", help="500 strokes (or clicks), or with a unit 20000px or 12images"
    )
    parser.add_argument(
        "--annotator",
        default="paint",
        choices=("paint", "clicks", "exact"),
        help="paints, clicks, or pastes the truth (to compare orders alone); default %(default)s",
    )
    parser.add_argument(
        "--order",
        default="given",
        choices=("given", "random", "uncertainty", "diversity", "both"),
        help="which image is next (default %(default)s)",
    )
    parser.add_argument(
        "--loop",
        default="continuous",
        choices=("continuous", "rounds", "none"),
        help="how a model learns meanwhile (default %(default)s)",
    )
    parser.add_argument("--dense", action="store_true", help="label each image from nothing, without proposals")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the hand, the order and the training")
    _add_data(parser)
    _add_hand(parser)
    _add_learning(parser)
    parser.add_argument("--project", type=Path, metavar="DIR", help="make the project there and keep it")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write simulation.json, .csv and .html there")
    add_json(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("images")
    group.add_argument("--classes", default="", metavar="a,b", help="names for the classes of a dataset that has none")
    group.add_argument(
        "--test-images",
        type=int,
        default=0,
        metavar="N",
        help="measure on so many images; the last ones, where the dataset has no test split (a fifth)",
    )
    group.add_argument(
        "--pool-images", type=int, default=0, metavar="N", help="label only among so many, drawn by the seed"
    )
    group.add_argument(
        "--candidates",
        type=int,
        default=0,
        metavar="N",
        help="--order by a model: it looks at so many, drawn anew (0: all)",
    )
    group.add_argument("--measure-every", type=int, default=1, metavar="N", help="measure after so many images")
    group.add_argument(
        "--measure-strokes",
        type=int,
        default=0,
        metavar="N",
        help="measure after so many strokes, too, if the model changed",
    )
    group.add_argument(
        "--target",
        type=float,
        default=0.0,
        metavar="X",
        help="stop at this Dice (mean IoU where there is no background)",
    )


def _add_hand(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the hand")
    group.add_argument("--strokes-per-image", type=int, default=0, metavar="N", help="at most so many on one image")
    group.add_argument(
        "--places-per-image",
        type=int,
        default=0,
        metavar="N",
        help="put only the N most uncertain places of an image right, then go on to the next (0: the whole image)",
    )
    group.add_argument("--jitter", type=float, metavar="PX", help="how far the hand shakes (0.7)")
    group.add_argument("--late", type=float, metavar="PX", help="how far it goes on where it should stop (1.5)")
    group.add_argument("--overlook", type=int, metavar="PX", help="places of fewer pixels are not seen (20)")
    group.add_argument("--tolerance", type=float, metavar="PX", help="borders off by so much are taken for right (2)")
    group.add_argument("--steady", action="store_true", help="a hand that makes no mistakes")
    group.add_argument("--click-model", default="", metavar="ID", help="for --annotator clicks; the first there is")
    group.add_argument(
        "--sketch",
        type=int,
        default=0,
        metavar="PX",
        help="continuous: label only a square of this side before the first proposal (0: the whole first image)",
    )


def _add_learning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument("--model", default="", metavar="ID", help="proposes first, and is learnt on from")
    group.add_argument("--arch", default="unet", metavar="ID", help="network without --model (default %(default)s)")
    group.add_argument(
        "--encoder", default="efficientnet_lite0", metavar="ID", help="its encoder (default %(default)s)"
    )
    group.add_argument(
        "--steps", type=int, default=40, metavar="N", help="training steps of a round (default %(default)s)"
    )
    group.add_argument(
        "--images-per-round",
        type=int,
        default=1,
        metavar="N",
        help="--loop rounds: train after so many images (%(default)s)",
    )
    group.add_argument(
        "--strokes-per-round",
        type=int,
        default=25,
        metavar="N",
        help="--loop continuous: strokes made while a round is learnt (%(default)s)",
    )
    group.add_argument(
        "--size", type=int, default=0, metavar="PX", help="side of a training patch (0: as the loop does)"
    )
    group.add_argument("--batch", type=int, default=0, metavar="N", help="patches a step (0: as the loop does)")
    group.add_argument("--lr", type=float, default=1e-3, metavar="X", help="learning rate (%(default)s)")
    group.add_argument(
        "--augment", default="standard", choices=get_args(Augment), help="changes of training patches (default %(default)s)"
    )
    group.add_argument(
        "--hold-out", default="image", choices=("image", "blocks"), help="--loop rounds: what is not learnt from (a tenth)"
    )
    group.add_argument(
        "--freeze", type=float, default=0.0, metavar="X", help="--loop rounds: share of the encoder that learns nothing"
    )
    group.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    group.add_argument(
        "--threads", type=int, default=0, metavar="N", help="threads on the CPU; with 1 a seed gives the same curves"
    )


def plan_of(args: argparse.Namespace) -> SimulationPlan:
    """The plan that the options name.

    Raises
    ------
    UsageError
        When one of them cannot be worked with.
    """
    from segstudio.app.simulation.plan import HandPlan, SimulationPlan, parse_budget

    hand = HandPlan.steady() if args.steady else HandPlan()
    given = {
        "jitter_px": args.jitter,
        "late_px": args.late,
        "overlooked_px": args.overlook,
        "tolerance_px": args.tolerance,
    }
    hand = replace(hand, **{name: value for name, value in given.items() if value is not None})
    names = tuple(name.strip() for name in args.classes.split(",") if name.strip())
    with checking_options():
        return SimulationPlan(
            data=args.data, budget=parse_budget(args.budget), annotator=args.annotator, order=args.order, loop=args.loop,
            seed=args.seed, class_names=names, test_images=args.test_images, pool_images=args.pool_images,
            strokes_per_image=args.strokes_per_image, places_per_image=args.places_per_image,
            sketch_px=args.sketch, has_proposals=not args.dense, hand=hand,
            click_model=args.click_model, model=args.model, arch=args.arch, encoder=args.encoder, steps=args.steps,
            images_per_round=args.images_per_round, strokes_per_round=args.strokes_per_round, patch_px=args.size,
            batch=args.batch, lr=args.lr, freeze=args.freeze, augment=args.augment, hold_out=args.hold_out, candidates=args.candidates,
            device=args.device, threads=args.threads, measure_every=args.measure_every,
            measure_strokes=args.measure_strokes,
            target=args.target,
        ).checked()  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Simulate; each point of the curve on stderr as it comes, the whole on stdout. Ctrl-C stops, keeps the curve, and exits 1."""
    from segstudio.app.simulation.files import document_of, row_of, write_files
    from segstudio.app.simulation.run import simulate
    from segstudio.cli.train import stopped_by_signals

    plan = plan_of(args)
    with ProgressBar() as bar, stopped_by_signals() as control:

        def tell(point: CurvePoint) -> None:
            bar.close()
            warn(row_of(point))

        simulation = simulate(plan, project=args.project, tell=tell, progress=bar, cancel=control)
    written = write_files(simulation, args.out) if args.out is not None else []
    emit(args, document_of(simulation), lambda: _text(simulation, written, args.project))
    return 1 if simulation.ended_by == "stopped" else 0


def _text(simulation: Simulation, written: list[Path], project: Path | None) -> str:
    from segstudio.app.simulation.files import headline, table_of

    header, rows = table_of(simulation)
    parts = [headline(simulation), table(rows, header), *simulation.notes]
    if written:
        parts.append(f"{counted(len(written), 'file')} in {written[0].parent}.")
    if project is not None:
        parts.append(f"The project is in {project}.")
    return "\n\n".join(parts)
