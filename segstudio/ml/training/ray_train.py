"""Training on a Ray cluster: Ray Train starts the processes and joins them, and each does what torchrun's would."""

from __future__ import annotations

import pickle
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.ml.cluster import STARTS, cluster
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import RunFinished, TrainNote

if TYPE_CHECKING:
    from segstudio.ml.train_events import TrainControl, TrainEvent, TrainSink

POLL_S = 0.3
STORAGE = "ray"
"""Where Ray Train notes how far it is, below the run's folder, until the run ends."""


class _Mailbox:
    """An actor between the first process and the command line: events one way, stop and pause the other."""

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._flags = (False, False)
        self._starts = 0

    def begin(self) -> int:
        """How often the run was begun before."""
        self._starts += 1
        return self._starts - 1

    def put(self, event: bytes) -> None:
        self._events.append(event)

    def exchange(self, flags: tuple[bool, bool]) -> list[bytes]:
        """Set stop and pause; the events since the last time."""
        self._flags = flags
        events, self._events = self._events, []
        return events

    def flags(self) -> tuple[bool, bool]:
        return self._flags


class _RemoteControl:
    """The command line's stop and pause, asked for at most three times a second."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox, self._asked_s, self._flags = mailbox, 0.0, (False, False)

    def _now(self) -> tuple[bool, bool]:
        import ray

        if time.monotonic() - self._asked_s > POLL_S:
            self._flags = ray.get(self._mailbox.flags.remote())
            self._asked_s = time.monotonic()
        return self._flags

    def is_set(self) -> bool:
        return self._now()[0]

    def is_paused(self) -> bool:
        return self._now()[1]


class _GoOn:
    """What processes beside the first are told; they follow it."""

    def is_set(self) -> bool:
        return False

    def is_paused(self) -> bool:
        return False


def train_on_cluster(plan: TrainPlan, sink: TrainSink, control: TrainControl) -> RunFinished:
    """Train as :meth:`segstudio.ml.training.trainer.Trainer.run` does, in ``plan.processes`` processes of a Ray cluster.

    When one of them dies, all are begun again from the last checkpoint. The run's folder and the data must lie where every machine
    of the cluster sees them.

    Raises
    ------
    UserError
        When Ray is missing, as the trainer does, or when processes keep dying.
    """
    import torch

    (plan.as_begun() if plan.is_resumed else plan).checked()
    plan = replace(plan, out=str(Path(plan.out).resolve()))
    uses_gpus = plan.device in ("", "auto", "cuda") and torch.cuda.is_available()
    result: list[Any] = []

    def hear(message: bytes) -> None:
        event = pickle.loads(message)
        if isinstance(event, UserError | RunFinished):
            result.append(event)
        if not isinstance(event, UserError):
            sink(event)

    with cluster(plan.processes + 1, plan.processes if uses_gpus else 0) as ray:
        mailbox = ray.remote(_Mailbox).options(num_cpus=0).remote()
        failure: list[BaseException] = []
        fit = threading.Thread(target=_fit, args=(plan, mailbox, uses_gpus, failure), name="ray train", daemon=True)
        fit.start()
        while fit.is_alive():
            fit.join(POLL_S)
            for message in ray.get(mailbox.exchange.remote((control.is_set(), control.is_paused()))):
                hear(message)
        for message in ray.get(mailbox.exchange.remote((False, False))):
            hear(message)
    shutil.rmtree(Path(plan.out) / STORAGE, ignore_errors=True)
    if result:
        if isinstance(result[-1], UserError):
            raise result[-1]
        return result[-1]  # type: ignore[no-any-return]
    raise UserError(
        f"the processes of the cluster ended, {STARTS + 1} times; the last checkpoint is kept",
        path=plan.out,
        remedy="look for what ends them, perhaps too little memory, and go on with --resume",
    ) from (failure[0] if failure else None)


def _fit(plan: TrainPlan, mailbox: Any, uses_gpus: bool, failure: list[BaseException]) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    trainer = TorchTrainer(
        _train,
        train_loop_config={"plan": plan.to_json(), "mailbox": mailbox},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if uses_gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=plan.processes, use_gpu=uses_gpus),
        run_config=RunConfig(name=STORAGE, storage_path=plan.out, failure_config=FailureConfig(max_failures=STARTS)),
    )
    try:
        trainer.fit()
    except Exception as error:  # noqa: BLE001 - whatever Ray makes of a process that died
        failure.append(error)


def _train(config: dict[str, Any]) -> None:
    """What each process of Ray Train does."""
    import ray
    from torch import distributed as dist

    from segstudio.ml.training.process_group import Lost
    from segstudio.ml.training.trainer import Trainer

    plan, mailbox = TrainPlan.from_json(config["plan"]), config["mailbox"]
    is_first = dist.get_rank() == 0

    def tell(event: TrainEvent | UserError) -> None:
        ray.get(mailbox.put.remote(pickle.dumps(event)))

    if is_first and ray.get(mailbox.begin.remote()):
        has_checkpoint = (Path(plan.out) / "state.pt").is_file()
        plan = replace(plan, is_resumed=plan.is_resumed or has_checkpoint)
        tell(
            TrainNote(
                f"A process ended; the run {'goes on from its last checkpoint' if has_checkpoint else 'begins again'}."
            )
        )
    try:
        Trainer.run(plan, tell if is_first else lambda _: None, _RemoteControl(mailbox) if is_first else _GoOn())
    except Lost:
        raise  # Ray Train begins again
    except UserError as error:
        if is_first:
            tell(error)
