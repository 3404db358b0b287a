"""How long a run will take on this computer, from what earlier runs on it took. No torch.

A run folder's ``timing.json`` says how long a step and a validation took, and on what; runs of all projects are remembered beside
the installed models. The same network's time is scaled by pixels, another's by multiply-adds; on a processor on which nothing was
trained yet, from the speed of a matrix product.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.folders import installed_folder
from segstudio.ml.networks.costs import costs_of
from segstudio.ml.networks.table import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from segstudio.ml.plan import TrainPlan

Source = Literal["same", "alike", "other", "rough"]
FILE = "timing.json"
MEMORY = "step_times.json"
KEPT = 60
MAX_AUTO_PATCHES = 4
SPREAD: dict[Source, tuple[float, float]] = {
    "same": (0.85, 1.25),
    "alike": (0.7, 1.5),
    "other": (0.4, 2.5),
    "rough": (0.3, 3.0),
}
"""How far off an estimate may be: a run of the same network and patch, of the same network, of another, of none."""
STEP_PASSES = 3
"""A step costs about three forward passes: one forward, two backward."""
ROUGH_SHARE = 0.2
"""Part of a matrix product's speed that the convolutions of a training step reach on a processor."""
LEAST_BATCH_PX, LEAST_VAL_PX = 128 * 128, 250_000
"""Below it a step or a validation is all beginnings and says nothing about larger ones."""
OVERHEAD_S = 0.01
START_S = 5.0
"""Reading the labels and building the network."""


@dataclass(frozen=True)
class StepTime:
    """What a run took on this computer: seconds a batch (not a step of the optimiser, which may be several) and a validated pixel."""

    arch: str
    encoder: str
    patch_px: int
    patch_depth: int
    batch: int
    device: str
    seconds: float
    seconds_a_pixel: float = 0.0


@dataclass(frozen=True)
class TimeEstimate:
    """A run will take ``low_s`` … ``high_s`` seconds, ``seconds`` most likely; ``steps`` batches in all. ``source`` says what it rests on."""

    seconds: float
    low_s: float
    high_s: float
    steps: int
    device: str
    source: Source


def count_patches(sizes: Iterable[tuple[int, int]], plan: TrainPlan) -> int:
    """Patches that an epoch takes from images of these (width, height) in pixels."""
    area = plan.patch_px**2
    return sum(
        plan.patches_per_image or min(MAX_AUTO_PATCHES, max(1, round(width * height / area))) for width, height in sizes
    )


def estimate_time(
    plan: TrainPlan, patches: int, val_pixels: int, classes: int, earlier: Sequence[StepTime], device: str = "cpu"
) -> TimeEstimate | None:
    """How long *plan* takes with so many *patches* an epoch and *val_pixels* validated; None where nothing tells.

    *device* is the kind it runs on ("cpu", "cuda", "mps").
    """
    steps = max(1, patches // plan.batch)
    batch = min(plan.batch, max(1, patches))
    found = _batch_seconds(
        replace(plan, batch=batch), classes, [one for one in earlier if one.device == device], device
    )
    if found is None:
        return None
    batch_s, pixel_s, source = found
    validations = -(-plan.epochs // plan.validate_every)
    total = plan.epochs * steps * batch_s + validations * val_pixels * pixel_s
    low, high = SPREAD[source]
    bounds = [START_S + total * factor for factor in (1.0, low, high)]
    if plan.max_minutes:
        bounds = [min(value, START_S + plan.max_minutes * 60) for value in bounds]
    return TimeEstimate(bounds[0], bounds[1], bounds[2], steps * plan.epochs, device, source)


def _batch_seconds(
    plan: TrainPlan, classes: int, earlier: Sequence[StepTime], device: str
) -> tuple[float, float, Source] | None:
    """(seconds a batch, seconds a validated pixel, what they rest on)."""
    size = plan.batch * plan.patch_px**2 * max(1, plan.patch_depth)
    encoder = _encoder(plan.arch, plan.encoder)
    earlier = [one for one in earlier if _size(one) >= min(size, LEAST_BATCH_PX)]
    alike = [one for one in earlier if (one.arch, _encoder(one.arch, one.encoder)) == (plan.arch, encoder)]
    same = [one for one in alike if _size(one) == size and one.patch_px == plan.patch_px]
    for source, times in (("same", same), ("alike", alike)):
        if times:
            batch_s = statistics.median(one.seconds * size / _size(one) for one in times)
            known = [one.seconds_a_pixel for one in times if one.seconds_a_pixel]
            pixel_s = statistics.median(known) if known else batch_s / size / STEP_PASSES
            return batch_s, pixel_s, source  # type: ignore[return-value]
    wanted = _pixel_adds(plan.arch, plan.encoder, plan.patch_px, classes)
    if not wanted:
        return None
    rates = [
        _size(one) * adds * STEP_PASSES / max(1e-6, one.seconds - OVERHEAD_S)
        for one in earlier
        if (adds := _pixel_adds(one.arch, one.encoder, one.patch_px, classes))
    ]
    if not rates and device != "cpu":
        return None
    rate = statistics.median(rates) if rates else ROUGH_SHARE * product_rate()
    pixel_s = wanted / rate
    return OVERHEAD_S + size * pixel_s * STEP_PASSES, pixel_s, "other" if rates else "rough"


def _encoder(arch: str, encoder: str) -> str:
    """The encoder's id, also where it is left to the network; as it is where that is none."""
    return encoder or (ARCHITECTURES[arch].default_encoder if arch in ARCHITECTURES else "")


def _size(one: StepTime) -> int:
    return one.batch * one.patch_px**2 * max(1, one.patch_depth)


def _pixel_adds(arch: str, encoder: str, side_px: int, classes: int) -> float:
    """Multiply-adds of a forward pass for each pixel; 0 where they are not known."""
    costs = costs_of(arch, encoder, classes=max(2, classes), height=side_px, width=side_px)
    return 0.0 if costs is None else costs.multiply_adds / side_px**2


@cache
def product_rate() -> float:
    """Multiply-adds a second of a matrix product of float32 on this processor; takes some milliseconds, once."""
    import numpy as np

    # So small a product runs in one thread: where others are at work, several would wait for each other.
    side = 64
    left = np.ones((side, side), np.float32)
    best_s = float("inf")
    for _ in range(200):
        began_s = time.perf_counter()
        left @ left
        best_s = min(best_s, time.perf_counter() - began_s)
    return float(side**3 / max(best_s, 1e-6)) * (os.cpu_count() or 1)


# -- what earlier runs took ----------------------------------------------------------------------------------------------


def read_time(run: Path) -> StepTime | None:
    """What the run in a folder took; None where it does not say, or ran on another computer."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        timing = json.loads((run / FILE).read_text(encoding="utf-8"))
        plan = json.loads((run / "config.json").read_text(encoding="utf-8"))
        if timing["machine"] != platform.node():
            return None
        seconds = float(timing["seconds_per_step"]) / max(1, int(plan.get("accumulate", 1)))
        pixels = int(timing.get("val_pixels") or 0)
        found = StepTime(
            str(plan["arch"]),
            str(timing.get("encoder") or plan.get("encoder", "")),
            int(plan["patch_px"]),
            int(plan.get("patch_depth", 0)),
            int(plan["batch"]),
            str(timing["device"]).partition(":")[0],
            seconds,
            float(timing.get("seconds_per_validation") or 0.0) / pixels if pixels >= LEAST_VAL_PX else 0.0,
        )
        return found if found.seconds > 0 else None
    return None


def remember(run: Path) -> bool:
    """Keep what a run took for later estimates, whichever project they are for; False where it does not say."""
    found = read_time(run)
    if found is None:
        return False
    kept = [found, *(one for one in remembered() if one != found)][:KEPT]
    with suppress(OSError, UserError, ImportError):
        file = _memory()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(file, json.dumps([asdict(one) for one in kept], indent=0).encode())
    return True


def remembered() -> list[StepTime]:
    """What runs of all projects took, the latest first."""
    with suppress(OSError, ValueError, TypeError, ImportError):
        known = {item.name for item in fields(StepTime)}
        rows: list[dict[str, Any]] = json.loads(_memory().read_text(encoding="utf-8"))
        return [StepTime(**{k: v for k, v in row.items() if k in known}) for row in rows]
    return []


def earlier_times(runs: Path | None) -> list[StepTime]:
    """What the runs in the folder *runs* took, and those remembered from elsewhere."""
    own: list[StepTime] = []
    if runs is not None and runs.is_dir():
        own = [one for path in sorted(runs.iterdir()) if (one := read_time(path)) is not None]
    return [*own, *(one for one in remembered() if one not in own)]


def _memory() -> Path:
    return installed_folder().parent / MEMORY


def describe(found: TimeEstimate) -> str:
    """An estimate in a few words, such as "about 12 min (9 to 15 min), 600 steps on the cpu"."""
    about, low, high = (span(value) for value in (found.seconds, found.low_s, found.high_s))
    between = f" ({low} to {high})" if low != high else ""
    rests = {"same": "", "alike": "", "other": ", judged by another network", "rough": ", a rough guess"}[found.source]
    return f"about {about}{between}{rests}, {found.steps} steps on the {found.device}"


def span(seconds: float) -> str:
    """A time in the unit and precision that suits it: "40 s", "12 min", "3.5 h", "2 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds / 10) * 10 if seconds > 20 else round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} h".replace(".0 h", " h")
    return f"{round(seconds / 86400)} days"
