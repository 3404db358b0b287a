"""A training run from its plan to its end: one function that the trainer process, the command line and the tests call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from segstudio.core.errors import UserError
from segstudio.ml.networks.table import architecture
from segstudio.ml.training.hooks import build_hooks
from segstudio.ml.training.loop import Loop
from segstudio.ml.training.run_folder import RunFolder
from segstudio.ml.training.setup import build_setup

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import RunFinished, TrainControl, TrainSink


class _GoOn:
    """A control that never stops a run."""

    def is_set(self) -> bool:
        return False

    def is_paused(self) -> bool:
        return False


class Trainer:
    """Trains one network on one plan. :meth:`run` is the whole of its interface."""

    @staticmethod
    def run(plan: TrainPlan, sink: TrainSink, control: TrainControl | None = None) -> RunFinished:
        """Train as *plan* says, telling *sink* what happens, until done or until *control* says stop.

        Stopping keeps what was learnt. The same plan on the same device writes the same ``metrics.jsonl``; a run resumed from
        its checkpoint writes the lines that an unbroken one would have.

        Raises
        ------
        UserError
            When the data, the plan or the disk does not allow it.
        """
        if plan.is_resumed:
            plan = plan.as_begun()
        plan = plan.checked()
        if plan.threads:
            torch.set_num_threads(plan.threads)
        folder = RunFolder(Path(plan.out))
        folder.prepare(plan)
        setup = build_setup(plan)
        if setup.class_weights != plan.class_weights:
            # Computed just now: what goes on later must not compute them anew from labels that were changed since.
            plan = replace(plan, class_weights=setup.class_weights)
            folder.write_json(folder.config, plan.to_json())
        _check_batch(plan, len(setup.feed.patches))
        hooks = build_hooks(plan, folder)
        try:
            return Loop(plan, setup, folder, sink, control or _GoOn(), hooks).run()
        finally:
            for hook in hooks:
                hook.close()


def _check_batch(plan: TrainPlan, patches: int) -> None:
    """Normalisation over a batch needs more than one value of each feature at the network's coarsest level."""
    stride_px = architecture(plan.arch).stride_px
    if min(plan.batch, patches) * max(1, plan.patch_px // stride_px) ** 2 < 2:
        raise UserError(
            f"one patch of {plan.patch_px} px a step is too little to learn from",
            remedy=f"give --size {2 * stride_px} or more, or a larger --batch and more labelled images",
        )
