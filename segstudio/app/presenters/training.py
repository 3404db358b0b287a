"""What there is to train on, the plan of a run, and its progress; no window, no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from segstudio.app.events import Signal
from segstudio.app.presenters.training_choices import OWN, TrainingChoices, default_of, fitted, loaded
from segstudio.app.presenters.training_costs import estimate
from segstudio.app.presenters.training_faults import faults_of
from segstudio.app.presenters.training_field_table import FIELDS
from segstudio.app.presenters.training_fields import plain_dict
from segstudio.app.presenters.training_time import TimeTeller
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone, TrainNote, ValidationPictures

if TYPE_CHECKING:
    from segstudio.app.presenters.training_costs import Estimate
    from segstudio.app.presenters.training_evaluation import Verdict
    from segstudio.app.session import Session
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.networks.table import ArchitectureSpec
    from segstudio.ml.step_times import TimeEstimate
    from segstudio.ml.train_events import ValidationPicture

LOSSES: tuple[str, ...] = (
    "ce+dice", "ce", "dice", "ce+lovasz", "focal", "tversky", "lovasz", "dice+boundary", "ohem", "bce",
)  # fmt: skip
"""What the panel offers; the command line takes any sum of losses."""
BACKGROUND = "background"
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class ClassAmount:
    """Labelled pixels of one class; ``share`` of all labelled pixels, 0…1."""

    name: str
    color: str
    pixels: int
    share: float


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What a run would train on. ``problem`` is one sentence when it could not start, else "".

    ``planes`` counts the labelled planes of the volumes among the ``images``, ``volumes`` the latter.
    """

    images: int
    done: int
    train: int
    val: int
    unassigned: int
    classes: tuple[ClassAmount, ...]
    problem: str = ""
    planes: int = 0
    volumes: int = 0


@dataclass
class RunProgress:
    """What a run has said so far."""

    state: str = "idle"
    started: RunStarted | None = None
    step: StepDone | None = None
    epochs: list[EpochDone] = field(default_factory=list)
    step_losses: list[tuple[int, float]] = field(default_factory=list)
    pictures: tuple[ValidationPicture, ...] = ()
    finished: RunFinished | None = None
    best: EpochDone | None = None
    notes: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    can_be_judged: bool = False


class TrainingPresenter:
    """``changed``: data or choices must be read again; ``progressed``: the run said something."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self.progressed: Signal[[]] = Signal()
        self.progress = RunProgress()
        self._choices = TrainingChoices()
        self._last_changed: tuple[str, ...] = ()
        self.times = TimeTeller(session)
        session.project_changed.connect(self._on_project_changed)
        session.images_changed.connect(self.changed.emit)
        session.classes_changed.connect(self.changed.emit)
        self._load()

    # -- data ----------------------------------------------------------------------------------------------------

    def summary(self) -> DataSummary:
        """Counts over the whole project; asks the store, not the pixels."""
        session = self.session
        if session.store is None:
            return DataSummary(0, 0, 0, 0, 0, (), "Open a project first.")
        labelled = [r for r in session.images if r.status != "unlabelled" and r.split != "test" and not r.is_missing]
        pixels = session.store.labelled_pixels([record.id for record in labelled])
        total = sum(pixels.values())
        amounts = tuple(
            ClassAmount(c.name, c.color, pixels.get(c.id, 0), pixels.get(c.id, 0) / total if total else 0.0)
            for c in session.classes
        )
        splits = [record.split for record in labelled]
        volumes = [record.id for record in labelled if record.depth > 1]
        planes = session.store.labelled_planes(volumes) if volumes else {}
        problem = ""
        if session.is_read_only:
            problem = "The project is read-only, so a run has no place to be written to."
        elif not len(session.classes):
            problem = "There is no class: add one and label some images first."
        elif not total:
            problem = "No pixel is labelled yet: label something, or accept a proposal, first."
        elif "val" in splits and all(split == "val" for split in splits):
            problem = "All labelled images are in the val split: put some into train."
        return DataSummary(
            len(labelled),
            sum(record.status == "done" for record in labelled),
            splits.count("train"),
            splits.count("val"),
            splits.count(None),
            amounts,
            problem,
            planes=sum(planes.values()),
            volumes=len(planes),
        )

    # -- choices -------------------------------------------------------------------------------------------------

    @property
    def choices(self) -> TrainingChoices:
        """What is chosen."""
        return self._choices

    def choose(self, **changes: object) -> None:
        """Change some of the choices (any field of the plan); what the network can't take falls back to its default."""
        choices = fitted(self._choices.changed(**changes), self._choices)
        self._last_changed = tuple(changes)
        if choices != self._choices:
            self._choices = choices
            self.session.set_meta("training", plain_dict(choices))
            self.changed.emit()

    def value(self, key: str) -> Any:
        """The value of a field of the plan, as chosen; KeyError where it can't be chosen."""
        return self._choices.value(key)

    def reset(self, *keys: str) -> None:
        """Put fields back to their defaults."""
        self.choose(**{key: default_of(key) for key in keys})

    def changed_keys(self) -> list[str]:
        """The fields of «All settings…» that differ from their defaults, in the table's order."""
        return [field.key for field in FIELDS if self.value(field.key) != default_of(field.key)]

    def choose_model(self, card: ModelCard) -> None:
        """Start from a model: its network, encoder and options are the run's."""
        self.choose(
            arch=card.architecture,
            encoder=card.encoder,
            arch_options=dict(card.options),
            refine=str(card.options.get("refine", "")),
            start_from=card.id,
        )

    def estimate(self) -> Estimate | None:
        """What the run will cost; None where that is not known."""
        return estimate(self._choices, len(self.session.classes) + 1)

    def time_estimate(self) -> TimeEstimate | None:
        """How long the run will take on this computer; None where nothing tells."""
        return self.times.estimate(self.draft(), len(self.session.classes) + 1)

    def refinements(self) -> list[tuple[str, str]]:
        """(id, title) of the refinements that can learn as the last layers of a network."""
        from segstudio.ml.refine.table import METHODS

        return [(method.id, method.name) for method in METHODS if method.can_be_trained]

    def architectures(self) -> dict[str, ArchitectureSpec]:
        """The networks there are, by id."""
        from segstudio.ml.networks.table import ARCHITECTURES

        return ARCHITECTURES

    def run_name(self) -> str:
        """The name the next run gets: the one chosen, made unique, else run-1, run-2 …"""
        folder = self.session.folder
        wanted = _NOT_IN_NAMES.sub("-", self._choices.name.strip()).strip("-.")
        taken = set()
        if folder is not None and (folder / "runs").is_dir():
            taken = {path.name for path in (folder / "runs").iterdir()}
        if wanted and wanted not in taken:
            return wanted
        base = wanted or "run"
        number = 2 if wanted else 1
        while f"{base}-{number}" in taken:
            number += 1
        return f"{base}-{number}"

    def plan(self) -> TrainPlan | None:
        """The plan of a run on this project; None (and a notice) when it could not start."""
        problem = self.summary().problem
        if problem or self.session.folder is None:
            self.session.say(problem)
            return None
        wrong = next(iter(self.faults().values()), "")
        if wrong:
            self.session.say(wrong)
            return None
        return self.draft()

    def draft(self) -> TrainPlan:
        """The plan as it is chosen, unchecked; with a project that is open it says where the run would be written."""
        return self._draft(self._choices, self.run_name())

    def _draft(self, choices: TrainingChoices, name: str) -> TrainPlan:
        folder = self.session.folder
        plan_fields = {item.name for item in fields(TrainPlan)}
        own = {key: getattr(choices, key) for key in OWN if key in plan_fields}
        return TrainPlan(
            **{
                **own,
                **choices.more,
                "out": "" if folder is None else str(folder / "runs" / name),
                "project": "-" if folder is None else str(folder),
                "arch_options": dict(choices.arch_options),
                "model_id": f"runs/{name}",
                "model_name": name,
            }
        )

    def faults(self) -> dict[str, str]:
        """Field → the sentence that says why a run could not start with it; {} when all is well."""
        name = self.run_name()
        needs_classes = not self._choices.more.keys().isdisjoint(("class_weights", "ignored_as"))
        classes = self.class_names() if needs_classes else ()
        return faults_of(self._choices, lambda choices: self._draft(choices, name), classes, self._last_changed)

    def class_names(self) -> tuple[str, ...]:
        """The classes that a run would learn, in their order: those with labels, after the background where there is one."""
        used = [amount.name for amount in self.summary().classes if amount.pixels]
        table = list(self.session.classes)
        own = next((c.name for c in table if c.name.casefold() == BACKGROUND), None)
        if own is not None:
            return (own, *(name for name in used if name != own))
        first = [c.name for c in table if c.mask_value == 0 and c.name in used]
        if any(c.mask_value == 0 for c in table):
            return (*first, *(name for name in used if name not in first))
        return (BACKGROUND, *used)

    # -- progress ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A run is being started."""
        self.progress = RunProgress(state="starting")
        self.progressed.emit()

    def receive(self, event: object) -> None:
        """Take in what the trainer said (an event of :mod:`segstudio.ml.plan`)."""
        progress = self.progress
        if isinstance(event, RunStarted):
            progress.state, progress.started = "running", event
        elif isinstance(event, StepDone):
            progress.state, progress.step = "running", event
            progress.step_losses.append((event.step, event.loss))
            if len(progress.step_losses) > 4000:
                del progress.step_losses[::2]  # thinned: a curve has no more pixels than that
        elif isinstance(event, EpochDone):
            progress.epochs.append(event)
            if event.is_best:
                progress.best = event
        elif isinstance(event, ValidationPictures):
            progress.pictures = event.pictures
        elif isinstance(event, TrainNote):
            progress.notes.append(event.text)
        elif isinstance(event, RunFinished):
            progress.state, progress.finished = "finished", event
        else:
            return
        self.progressed.emit()

    def end(self, state: str) -> None:
        """The run is over without a farewell: "failed" or "cancelled"; or it is "paused"."""
        self.progress.state = state
        self.progressed.emit()

    def offer_verdict(self) -> None:
        """The new model may be held against the one it started from, which takes a while."""
        self.progress.can_be_judged = True
        self.progressed.emit()

    def receive_verdict(self, found: Verdict) -> None:
        """Whether the new model is better than the one it started from."""
        self.progress.verdict, self.progress.can_be_judged = found, False
        self.progressed.emit()

    def _on_project_changed(self) -> None:
        self.times.forget()
        self._load()
        self.changed.emit()

    def _load(self) -> None:
        self._choices = loaded(self.session.meta("training", {}))
