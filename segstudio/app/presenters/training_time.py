"""How long the run that is chosen will take: the patches of an epoch from the project's images, the rest from earlier runs. No torch."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from segstudio.core.machine_memory import gpu_memory_bytes
from segstudio.ml.step_times import count_patches, earlier_times, estimate_time

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.step_times import StepTime, TimeEstimate


class TimeTeller:
    """Keeps what earlier runs took, until :meth:`forget`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._earlier: list[StepTime] | None = None

    def forget(self) -> None:
        """A run ended, or another project is at hand: what runs took is read anew."""
        self._earlier = None

    def estimate(self, plan: TrainPlan, classes: int) -> TimeEstimate | None:
        """How long *plan* takes; None where nothing is labelled, or nothing tells."""
        session = self._session
        if self._earlier is None:
            self._earlier = earlier_times(None if session.folder is None else session.folder / "runs")
        train, val = self._sizes(plan)
        if not train:
            return None
        patches = count_patches(train, plan)
        if not val:
            # A seeded part of them is held out, or a part of the only one.
            patches = round(patches * (1 - plan.val_fraction)) if len(train) > 1 else patches
        if plan.fold:
            patches = round(patches * (1 - 1 / plan.fold[-1]) / (1 - plan.val_fraction))
        val_pixels = self.val_pixels(plan)
        return estimate_time(plan, max(1, patches), val_pixels, classes, self._earlier, device_kind(plan.device))

    def val_pixels(self, plan: TrainPlan) -> int:
        """Pixels of the validation images, as far as they are known before the run."""
        train, val = self._sizes(plan)
        whole = sum(width * height for width, height in val or train)
        return whole if val else round(plan.val_fraction * whole)

    def _sizes(self, plan: TrainPlan) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(width, height) at the working scale of each image, or labelled plane, that is learnt from, and of those in the val split."""
        session = self._session
        if session.store is None:
            return [], []
        records = [r for r in session.images if r.status != "unlabelled" and r.split != "test" and not r.is_missing]
        volumes = [record.id for record in records if record.depth > 1]
        planes = session.store.labelled_planes(volumes) if volumes else {}
        train: list[tuple[int, int]] = []
        val: list[tuple[int, int]] = []
        for record in records:
            longest = max(record.width, record.height, 1)
            scale = plan.working_long_side_px / longest if plan.working_long_side_px else 1.0
            size = (max(1, round(record.width * scale)), max(1, round(record.height * scale)))
            count = planes.get(record.id, 0) if record.depth > 1 else 1
            (val if record.split == "val" else train).extend([size] * count)
        return train, val


def device_kind(choice: str) -> str:
    """The kind of device that a choice means on this computer, as far as can be told without torch."""
    if choice != "auto":
        return choice.partition(":")[0]
    if gpu_memory_bytes() > 0:
        return "cuda"
    return "mps" if platform.system() == "Darwin" and platform.machine() == "arm64" else "cpu"
