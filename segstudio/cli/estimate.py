"""``segstudio train … --estimate``: what a run will cost in time and memory, before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.cli.output import emit, warn

if TYPE_CHECKING:
    import argparse

    from segstudio.app.presenters.training_costs import Estimate
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.step_times import TimeEstimate
    from segstudio.ml.train_events import RunStarted


def run(args: argparse.Namespace, plan: TrainPlan) -> int:
    """Read the labels, print steps, time and memory, and train nothing."""
    from segstudio.io.readers.registry import probe
    from segstudio.ml.step_times import count_patches
    from segstudio.ml.training.sources import load_data

    data = load_data(plan)
    infos = {file: probe(file) for file in dict.fromkeys(image.file for image in data.images)}
    sizes: dict[str, list[tuple[int, int]]] = {"train": [], "val": []}
    for image in data.images:
        info, part = infos[image.file], image.window
        width, height = (info.width, info.height) if part is None else (part.width, part.height)
        scale = plan.working_long_side_px / max(width, height) if plan.working_long_side_px else 1.0
        if image.split in sizes:
            sizes[image.split].append((max(1, round(width * scale)), max(1, round(height * scale))))
    patches = count_patches(sizes["train"], plan)
    time = _time(plan, patches, sum(w * h for w, h in sizes["val"]), len(data.classes))
    costs = _costs(plan, len(data.classes))
    emit(args, _document(plan, patches, time, costs), _text(plan, patches, time, costs))
    return 0


def say(plan: TrainPlan, started: RunStarted) -> None:
    """One line on stderr when a run begins: how long it will take."""
    from segstudio.ml.step_times import describe

    steps = started.steps_per_epoch * plan.batch
    found = _time(plan, steps, 0, len(started.classes), started.device.partition(":")[0])
    if found is not None:
        warn(f"this will take {describe(found)}, and validation besides.")


def _time(plan: TrainPlan, patches: int, val_pixels: int, classes: int, device: str = "") -> TimeEstimate | None:
    from pathlib import Path

    from segstudio.app.presenters.training_time import device_kind
    from segstudio.ml.step_times import earlier_times, estimate_time

    runs = Path(plan.out).parent if plan.out else Path(plan.project) / "runs" if plan.project else None
    return estimate_time(plan, patches, val_pixels, classes, earlier_times(runs), device or device_kind(plan.device))


def _costs(plan: TrainPlan, classes: int) -> Estimate | None:
    from segstudio.app.presenters.training_choices import TrainingChoices
    from segstudio.app.presenters.training_costs import estimate
    from segstudio.ml.networks.table import checked_encoder

    choices = TrainingChoices(
        arch=plan.arch,
        encoder=checked_encoder(plan.arch, plan.encoder),
        arch_options=plan.arch_options,
        batch=plan.batch,
        patch_px=plan.patch_px,
        device=plan.device,
    )
    return estimate(choices, classes)


def _document(plan: TrainPlan, patches: int, time: TimeEstimate | None, costs: Estimate | None) -> dict[str, Any]:
    document: dict[str, Any] = {"patches_an_epoch": patches, "steps": max(1, patches // plan.batch) * plan.epochs}
    document["seconds"] = None if time is None else round(time.seconds, 1)
    document["seconds_low"] = None if time is None else round(time.low_s, 1)
    document["seconds_high"] = None if time is None else round(time.high_s, 1)
    document["judged_by"] = None if time is None else time.source
    for key in ("parameters", "multiply_adds", "training_bytes", "available_bytes"):
        document[key] = None if costs is None else getattr(costs, key)
    return document


def _text(plan: TrainPlan, patches: int, time: TimeEstimate | None, costs: Estimate | None) -> str:
    from segstudio.ml.step_times import describe

    lines = [f"{patches} patches an epoch, {max(1, patches // plan.batch) * plan.epochs} steps in {plan.epochs} epochs"]
    lines.append("time: known after the first steps" if time is None else f"time: {describe(time)}")
    if costs is None:
        lines.append("memory: known when the network has been built")
    else:
        lines.append(
            f"memory: about {costs.training_bytes / 1e9:.1f} GB of {costs.available_bytes / 1e9:.1f} GB"
            f"{', which is too much: give a smaller --size or --batch' if costs.exceeds else ''}"
        )
        lines.append(
            f"network: {costs.parameters / 1e6:.1f} M parameters, {costs.multiply_adds / 1e9:.2f} G multiply-adds a patch"
        )
    return "\n".join(lines)
