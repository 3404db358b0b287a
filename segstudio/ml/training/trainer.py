"""A training run from its plan to its end: one function that the trainer process, the command line and the tests call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from segstudio.core.errors import UserError
from segstudio.ml.launched import launched
from segstudio.ml.networks.table import architecture
from segstudio.ml.training.helpers import with_helpers
from segstudio.ml.training.hooks import build_hooks
from segstudio.ml.training.loop import Loop
from segstudio.ml.training.process_group import joined
from segstudio.ml.training.run_folder import RunFolder
from segstudio.ml.training.setup import build_setup, least_patches

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import RunFinished, TrainControl, TrainEvent, TrainSink
    from segstudio.ml.training.distributed import Ranks


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
        its checkpoint writes the lines that an unbroken one would have. Started by torchrun or Ray, or with ``plan.processes``,
        several processes train together; the first of them writes, tells and is steered.

        Raises
        ------
        UserError
            When the data, the plan or the disk does not allow it.
        """
        if plan.processes > 1 and launched().size == 1:
            # What is wrong with the plan is told before anything is started.
            (plan.as_begun() if plan.is_resumed else plan).checked()
            group = with_helpers(plan)
        else:
            group = joined(plan.device)
        with group as ranks:
            return _run(plan, sink if ranks.is_first else _hear_nothing, control or _GoOn(), ranks)


def _hear_nothing(_: TrainEvent) -> None:
    """What processes beside the first would say."""


def _run(plan: TrainPlan, sink: TrainSink, control: TrainControl, ranks: Ranks) -> RunFinished:
    plan = ranks.from_first(lambda: _begun(plan))
    if plan.threads:
        torch.set_num_threads(plan.threads)
    folder = RunFolder(Path(plan.out))
    setup = build_setup(plan, ranks)
    if setup.class_weights != plan.class_weights:
        # Computed just now: what goes on later must not compute them anew from labels that were changed since.
        plan = replace(plan, class_weights=setup.class_weights)
        if ranks.is_first:
            folder.write_json(folder.config, plan.to_json())
    _check_batch(plan, len(setup.feed.patches), ranks)
    hooks = build_hooks(plan, folder, sink) if ranks.is_first else []
    try:
        return Loop(plan, setup, folder, sink, control, hooks, ranks).run()
    finally:
        for hook in hooks:
            hook.close()


def _begun(plan: TrainPlan) -> TrainPlan:
    """*plan* checked, as it was begun when it goes on, and its folder made ready."""
    plan = (plan.as_begun() if plan.is_resumed else plan).checked()
    RunFolder(Path(plan.out)).prepare(plan)
    return plan


def _check_batch(plan: TrainPlan, patches: int, ranks: Ranks) -> None:
    if min(plan.batch, patches) < ranks.size:
        raise UserError(
            f"{ranks.size} processes cannot share a batch of {min(plan.batch, patches)}",
            remedy=f"give --batch {ranks.size} or more" if patches >= ranks.size else "start fewer processes",
        )
    if min(plan.batch, patches) < least_patches(plan):
        raise UserError(
            f"one patch of {plan.patch_px} px a step is too little to learn from",
            remedy=f"give --size {2 * architecture(plan.arch).stride_px} or more, or a larger --batch and more labelled images",
        )
