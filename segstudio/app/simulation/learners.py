"""What learns beside the simulated hand: nothing, training in rounds, or continuous learning."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.app.simulation.plan import SimulationPlan
    from segstudio.core.cancel import Cancel
    from segstudio.ml.plan import TrainPlan


ROUND_PATCH_PX, ROUND_BATCH = 256, 4


class Learner(Protocol):
    """Learns from the project's labels; ``model`` names what it made, as the catalog finds it ("" = nothing yet)."""

    model: str
    seconds: float
    """That it learnt for."""
    notes: list[str]

    def on_strokes(self, count: int) -> bool:
        """So many strokes were made since the last call; whether the model is another one now."""
        ...

    def on_image(self, images: int) -> bool:
        """The images-th image was finished; whether the model is another one now."""
        ...

    def close(self) -> None:
        """Nothing more will be learnt."""
        ...


class NoLearner:
    """The model stays what it is."""

    def __init__(self, model: str) -> None:
        self.model, self.seconds = model, 0.0
        self.notes: list[str] = []

    def on_strokes(self, count: int) -> bool:
        """Nothing is learnt."""
        return False

    def on_image(self, images: int) -> bool:
        """Nothing is learnt."""
        return False

    def close(self) -> None:
        """Nothing to end."""


class RoundsLearner:
    """Trains after every so many finished images, from the weights of the round before."""

    def __init__(self, plan: SimulationPlan, project: Path, cancel: Cancel) -> None:
        self._plan, self._project, self._cancel = plan, project, cancel
        self.model, self.seconds = plan.model, 0.0
        self.notes: list[str] = []
        self._round = 0

    def on_strokes(self, count: int) -> bool:
        """Rounds wait for images."""
        return False

    def on_image(self, images: int) -> bool:
        """Train when a round is due."""
        if images % self._plan.images_per_round:
            return False
        from segstudio.ml.training.trainer import Trainer

        self._round += 1
        began = time.monotonic()
        try:
            finished = Trainer.run(self._train_plan(images), lambda _: None, _Control(self._cancel))
        except UserError as error:
            self.notes.append(f"Round {self._round} learnt nothing: {error}")
            return False
        finally:
            self.seconds += time.monotonic() - began
        self.model = finished.last
        return True

    def _train_plan(self, images: int) -> TrainPlan:
        """A round on so many images, of ``plan.steps`` steps."""
        from segstudio.ml.plan import TrainPlan
        from segstudio.ml.training.sources import load_data

        plan = self._plan
        out = self._project / "runs" / f"round-{self._round:03d}"
        train = TrainPlan(
            out=str(out), project=str(self._project), arch=plan.arch, encoder=plan.encoder,
            is_pretrained=plan.is_pretrained, start_from=self.model, patch_px=plan.patch_px or ROUND_PATCH_PX,
            batch=plan.batch or ROUND_BATCH, lr=plan.lr, freeze=plan.freeze, ema_decay=0.9, augment=plan.augment,  # type: ignore[arg-type]
            val_fraction=0.1, split_by="image" if images < 2 else plan.hold_out,
            seed=plan.seed + self._round, device=plan.device, threads=plan.threads, workers=0,
            has_tensorboard=False, checkpoint_minutes=0,
        )  # fmt: skip
        # Enough patches that one epoch is a whole round, however many images, or parts of them, there are.
        parts = images
        if train.split_by == "blocks":
            parts = sum(image.split == "train" for image in load_data(train).images)
        patches = max(1, -(-plan.steps * train.batch // max(1, parts)))
        epochs = max(1, round(plan.steps * train.batch / (patches * max(1, parts))))
        return replace(train, patches_per_image=patches, epochs=epochs, validate_every=epochs)

    def close(self) -> None:
        """Nothing to end."""


class ContinuousLearner:
    """Continuous learning in this process: a round of it in the time of so many strokes."""

    def __init__(self, plan: SimulationPlan, project: Path, cancel: Cancel) -> None:
        from segstudio.ml.continuous.learner import Learner as Engine
        from segstudio.ml.continuous.plan import LearnPlan

        self._plan, self._project = plan, project
        self.model, self.seconds = plan.model, 0.0
        self.notes: list[str] = []
        self._left = plan.strokes_per_round
        learn = LearnPlan(
            project=str(project), start_from=plan.model, arch=plan.arch, encoder=plan.encoder, is_pretrained=plan.is_pretrained,
            round_steps=plan.steps, patch_px=plan.patch_px, lr=plan.lr, seed=plan.seed, device=plan.device,
            threads=plan.threads, augment=plan.augment, is_watching=False,
        )  # fmt: skip
        learn = replace(learn, batch=plan.batch) if plan.batch else learn
        self._engine: Any = Engine(learn, sink=self._hear, control=_Control(cancel))

    def _hear(self, event: Any) -> None:
        from segstudio.ml.continuous.events import LearnNote

        if isinstance(event, LearnNote) and event.text not in self.notes:
            self.notes.append(event.text)

    def on_strokes(self, count: int) -> bool:
        """A round when it is due."""
        self._left -= count
        if self._left > 0:
            return False
        self._left += self._plan.strokes_per_round
        return self._learn(1)

    def on_image(self, images: int) -> bool:
        """A finished image is looked at at once."""
        return self._learn(1)

    def _learn(self, rounds: int) -> bool:
        from segstudio.ml.continuous.versions import current

        began = time.monotonic()
        try:
            self._engine.look()
            for _ in range(rounds):
                if self._engine.round() is None:
                    break
        finally:
            self.seconds += time.monotonic() - began
        found = current(self._project)
        before, self.model = self.model, self.model if found is None else found.model_id
        return self.model != before

    def close(self) -> None:
        """Let go of files, where the engine holds any."""
        close = getattr(self._engine, "close", None)
        if close is not None:
            close()


class _Control:
    """Stops training when the simulation is cancelled."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel

    def is_set(self) -> bool:
        return self._cancel.is_set()

    def is_paused(self) -> bool:
        return False


def make_learner(plan: SimulationPlan, project: Path, cancel: Cancel) -> Learner:
    """What *plan* learns by."""
    if plan.loop == "rounds":
        return RoundsLearner(plan, project, cancel)
    if plan.loop == "continuous":
        return ContinuousLearner(plan, project, cancel)
    return NoLearner(plan.model)
