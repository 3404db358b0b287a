"""Small files of a run that say how good it was and what it took: evaluation.json, pictures/, timing.json."""

from __future__ import annotations

import io
import json
import platform
import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.machine_memory import peak_bytes
from segstudio.core.side_by_side import side_by_side
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.runs.record import EVALUATION, PICTURES, TIMING
from segstudio.ml.training.hooks import RunHook
from segstudio.ml.training.run_about import about_machine, about_run, device_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone, ValidationPicture
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation

_WARM_STEPS = 2
_KEPT_STEPS = 512


class FilesHook(RunHook):
    """Writes what lists, reports, comparisons and estimates of later runs read. A full disk here ends no run: it is said once."""

    def __init__(self, plan: TrainPlan, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._plan, self._folder, self._say = plan, folder, say
        self._clock = StepClock()
        self._is_broken = False
        self._before: dict[str, Any] = {}
        self._started_s = time.monotonic()
        self._validation_s: float | None = None
        self._val_pixels = 0

    def started(self, setup: RunSetup, event: RunStarted) -> None:
        """``config.json`` learns on what it runs."""
        self._started_s = time.monotonic()
        if setup.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(setup.device)
        with suppress(OSError, ValueError):
            self._before = json.loads((self._folder.folder / TIMING).read_text(encoding="utf-8"))
        self._guarded(lambda: self._write_about(setup, event.first_epoch))

    def step_done(self, setup: RunSetup, event: StepDone) -> None:
        """Count the time."""
        self._clock.tick(event.epoch)

    def epoch_done(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> None:
        """Of the best epoch its evaluation and pictures; of each the timing so far."""
        if validation is not None:
            self._validation_s = self._clock.since_last_step_s()
            details = validation.details
            self._val_pixels = int(validation.confusion.sum()) if details is None else details.pixels
            if event.is_best:
                self._guarded(lambda: self._write_evaluation(setup, event.epoch, validation))
        self._guarded(lambda: self._write_timing(setup, ""))

    def finished(self, setup: RunSetup, event: RunFinished) -> None:
        """How it ended."""
        self._guarded(lambda: self._write_timing(setup, event.stopped_by, event.note))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (UserError, OSError) as error:
            if not self._is_broken:
                self._is_broken = True
                self._say(f"What a report of this run would show cannot be written: {error}")

    def _write_about(self, setup: RunSetup, first_epoch: int) -> None:
        config = json.loads(self._folder.config.read_text(encoding="utf-8"))
        about = config.get("about")
        if self._plan.is_resumed and isinstance(about, dict):
            again = {"epoch": first_epoch, **about_machine(setup.device)}
            about["resumed"] = [*about.get("resumed", []), again]
        else:
            about = about_run(setup.data, setup.device)
        self._folder.write_json(self._folder.config, {**config, "about": about})

    def _write_evaluation(self, setup: RunSetup, epoch: int, validation: Validation) -> None:
        details = validation.details
        document = {**validation.scores, "split": "val", "epoch": epoch}
        if details is not None:
            folder = self._folder.folder / PICTURES
            folder.mkdir(exist_ok=True)
            rows = []
            for kind, kept in (("worst", details.worst), ("best", details.best)):
                for place, (score, name, picture) in enumerate(kept, 1):
                    file = f"{kind}-{place}.png"
                    write_bytes_atomic(folder / file, picture_png(picture, setup.data.colors))
                    rows.append({"kind": kind, "file": file, "image": name, "mean_iou": score})
            document |= {**details.to_json(), "pictures": rows}
        self._folder.write_json(self._folder.folder / EVALUATION, document)

    def _write_timing(self, setup: RunSetup, stopped_by: str, note: str = "") -> None:
        device = setup.device
        on_card = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
        # A run that goes on after a kill: the time before counts, up to its last whole epoch.
        before = self._before.get("seconds")
        spent = (before if isinstance(before, int | float) else 0.0) + time.monotonic() - self._started_s
        document = {
            "device": str(device),
            "device_name": device_name(device),
            "machine": platform.node(),
            "threads": torch.get_num_threads(),
            "arch": self._plan.arch,
            "encoder": self._plan.encoder,
            "batch": self._plan.batch,
            "accumulate": self._plan.accumulate,
            "patch_px": self._plan.patch_px,
            "patch_depth": self._plan.patch_depth,
            "precision": self._plan.precision,
            "seconds": round(spent, 3),
            "seconds_per_step": self._clock.median_s(),
            "seconds_per_validation": self._validation_s,
            "val_pixels": self._val_pixels,
            "steps": self._clock.steps,
            "peak_memory_bytes": on_card or peak_bytes(),
            "stopped_by": stopped_by,
            "note": note,
        }
        self._folder.write_json(self._folder.folder / TIMING, document)


class StepClock:
    """Seconds from step to step within an epoch; the first two of the run, slow in many ways, are left out."""

    def __init__(self) -> None:
        self.steps = 0
        self._last: tuple[int, float] | None = None
        self._took: list[float] = []
        self._epoch_took: list[float] = []

    def tick(self, epoch: int) -> None:
        """A step is done."""
        now = time.monotonic()
        self.steps += 1
        if self._last is not None and self._last[0] == epoch and self.steps > _WARM_STEPS:
            self._took = [*self._took[-_KEPT_STEPS:], now - self._last[1]]
            self._epoch_took.append(now - self._last[1])
        elif self._last is None or self._last[0] != epoch:
            self._epoch_took = []
        self._last = (epoch, now)

    def since_last_step_s(self) -> float | None:
        """Seconds since the last step."""
        return None if self._last is None else time.monotonic() - self._last[1]

    def median_s(self) -> float | None:
        """Of the last hundreds of steps; None before the third."""
        return statistics.median(self._took) if self._took else None

    def epoch_mean_s(self) -> float | None:
        """Of this epoch's steps."""
        return statistics.fmean(self._epoch_took) if self._epoch_took else None


def picture_png(picture: ValidationPicture, colors: tuple[str, ...]) -> bytes:
    """Image, truth, prediction and overlay side by side, as a PNG file."""
    buffer = io.BytesIO()
    drawn = side_by_side(picture.image, picture.truth, picture.prediction, colors)
    Image.fromarray(drawn).save(buffer, "PNG")
    return buffer.getvalue()
