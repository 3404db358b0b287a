"""Learning while labelling: what it does now, what each image gained or lost, the versions; no window, no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.errors import UserError
from segstudio.ml.continuous import versions as files
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    LearningStarted,
    LearningStopped,
    LearnNote,
    LearnStageChanged,
    RoundProgress,
)
from segstudio.ml.continuous.plan import LearnPlan

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.ml.continuous.events import ImageChange, VersionInfo

START_LAST, START_MODEL, START_FRESH = "last", "model", "fresh"
"""What learning begins with: the version in use, the model that is chosen, the ImageNet weights of an encoder."""
STARTS = (START_LAST, START_MODEL, START_FRESH)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """How one image (``z``: one plane of a volume) changed: mean Dice on its held-out labels, 0 … 1; None where nothing could be judged."""

    image_id: int
    name: str
    before: float | None
    after: float | None
    z: int = 0

    @property
    def change(self) -> float | None:
        """By how much it is better; None without a former figure."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def is_worse(self) -> bool:
        """Whether it lost something that three digits show."""
        return self.change is not None and self.change <= -0.0005


@dataclass(frozen=True, slots=True)
class VersionRow:
    """Weights that passed the gate: their mean Dice on all held-out labels, when they were made, from which version."""

    number: int
    model_id: str
    mean_dice: float | None
    at_s: float
    is_current: bool
    made_from: int = 0
    labelled_pixels: int = 0
    seconds: float = 0.0


@dataclass
class Progress:
    """What learning has said since it began. ``state`` is "off", "starting", a stage of the trainer, "stopping" or "failed"."""

    state: str = "off"
    started: LearningStarted | None = None
    stage_image: int | None = None
    stage_text: str = ""
    step: RoundProgress | None = None
    taken: CorrectionsTaken | None = None
    images: int = 0
    """Images with labels when corrections were last taken; 0 before."""
    checked: Checked | None = None
    rounds_refused: int = 0
    accepted: int = 0
    notes: list[str] = field(default_factory=list)
    stopped: LearningStopped | None = None


@dataclass(frozen=True, slots=True)
class LearningData:
    """What there is to learn from; ``problem`` is one sentence when it could not begin, else ""."""

    images: int = 0
    classes: int = 0
    problem: str = ""


class LearningPresenter:
    """``changed``: choices, data or versions must be read again; ``progressed``: the trainer said something.

    ``version_made`` gives a version as soon as it passed the gate.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self.progressed: Signal[[]] = Signal()
        self.version_made: Signal[[VersionInfo]] = Signal()
        self.progress = Progress()
        self._versions: list[VersionInfo] | None = None
        session.project_changed.connect(self._on_project_changed)

    # -- before it begins --------------------------------------------------------------------------------------------

    def data(self) -> LearningData:
        """Counts over the project; asks the store, not the pixels."""
        session = self.session
        if session.store is None:
            return LearningData(problem="Open a project first.")
        labelled = [r for r in session.images if r.status != "unlabelled" and r.split != "test" and not r.is_missing]
        problem = ""
        if session.is_read_only:
            problem = "The project is read-only, so there is no place for what is learned."
        elif not session.images:
            problem = "There is no image yet: add some first."
        elif not len(session.classes):
            problem = "There is no class yet: add one in the Classes panel first."
        return LearningData(len(labelled), len(session.classes), problem)

    @property
    def start(self) -> str:
        """What learning begins with, one of :data:`STARTS`; remembered in the project."""
        kept = self.session.meta("learn.start", START_LAST)
        return kept if kept in STARTS else START_LAST

    def set_start(self, start: str) -> None:
        """Choose what learning begins with."""
        if start in STARTS and start != self.start:
            self.session.set_meta("learn.start", start)
            self.changed.emit()

    def plan(self, model_id: str = "", device: str = "auto") -> LearnPlan | None:
        """The plan as it is chosen, *model_id* being the chosen model; None (and a notice) when it could not begin."""
        problem = self.data().problem
        if problem or self.session.folder is None:
            self.session.say(problem)
            return None
        start = self.start
        return LearnPlan(
            project=str(self.session.folder),
            start_from=model_id if start == START_MODEL else "",
            is_fresh=start == START_FRESH,
            device=device,
            threads=max(1, (os.cpu_count() or 2) - 1),  # one core is left to the hand
        )

    # -- what it says ------------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether learning is under way, held or waiting for labels."""
        return self.progress.state not in ("off", "failed")

    def begin(self) -> None:
        """Learning is being started."""
        self.progress = Progress(state="starting")
        self.progressed.emit()

    def receive(self, event: object) -> None:
        """Take in an event of :mod:`segstudio.ml.continuous.events`; others are passed over."""
        progress = self.progress
        if isinstance(event, LearningStarted):
            progress.started = event
        elif isinstance(event, LearnStageChanged):
            if progress.state != "stopping":
                progress.state = event.stage
            progress.stage_image, progress.stage_text = event.image_id, event.text
            if event.stage != "checking":
                progress.step = None
        elif isinstance(event, CorrectionsTaken):
            progress.taken, progress.images = event, self.data().images
        elif isinstance(event, RoundProgress):
            progress.step = event
        elif isinstance(event, Checked):
            self._on_checked(event)
            return
        elif isinstance(event, LearnNote):
            progress.notes.append(event.text)
        elif isinstance(event, LearningStopped):
            progress.stopped = event
        else:
            return
        self.progressed.emit()

    def _on_checked(self, event: Checked) -> None:
        progress = self.progress
        progress.checked = event
        if event.is_accepted:
            progress.accepted += 1
            progress.rounds_refused = 0
        else:
            progress.rounds_refused += 1
        if event.version is not None:
            self._add(event.version)
        self.progressed.emit()
        if event.version is not None:
            self.changed.emit()
            self.version_made.emit(event.version)

    def end(self, state: str = "off") -> None:
        """It is over: "off" or "failed"."""
        self.progress.state = state
        self._versions = None
        self.progressed.emit()
        self.changed.emit()

    def set_state(self, state: str) -> None:
        """It was asked to stop, or is held, before it says so itself."""
        self.progress.state = state
        self.progressed.emit()

    # -- images ------------------------------------------------------------------------------------------------------

    def changes(self, *, only_worse: bool = False) -> list[ChangeRow]:
        """How the last weights that were judged changed each image, what lost most first."""
        checked = self.progress.checked
        return self.rows_of(() if checked is None else checked.images, only_worse=only_worse)

    def rows_of(self, images: tuple[ImageChange, ...], *, only_worse: bool = False) -> list[ChangeRow]:
        """These changes as rows: what lost most first, images that are gone left out."""
        rows = []
        for one in images:
            record = self.session.image_record(one.image_id)
            if record is None or (one.before is None and one.after is None):
                continue
            name = f"{record.name} · {one.z + 1}" if record.depth > 1 else record.name
            rows.append(ChangeRow(one.image_id, name, one.before, one.after, one.z))
        rows = [row for row in rows if row.is_worse or not only_worse]
        return sorted(rows, key=lambda row: (row.change is None, row.change or 0.0, row.name))

    def image_name(self, image_id: int | None) -> str:
        """The name of an image; "" for one that is gone."""
        record = None if image_id is None else self.session.image_record(image_id)
        return "" if record is None else record.name

    # -- versions ----------------------------------------------------------------------------------------------------

    @property
    def versions(self) -> list[VersionInfo]:
        """The versions of the project that are on the disk, newest first."""
        if self._versions is None:
            folder = self.session.folder
            self._versions = [] if folder is None else files.list_versions(folder)
        return self._versions

    def _add(self, info: VersionInfo) -> None:
        """A version came: the others are not read again, but those that had to go for it are left out."""
        if self._versions is not None:
            others = (
                replace(one, is_current=False, source="learned") for one in self._versions if one.number != info.number
            )
            self._versions = [info, *(one for one in others if Path(one.path).is_file())]

    @property
    def current(self) -> VersionInfo | None:
        """The version in use; None before the first."""
        return next((info for info in self.versions if info.is_current), None)

    @property
    def former(self) -> VersionInfo | None:
        """The version to go back to from the one in use: what it was made from, else the next older."""
        now = self.current
        if now is None:
            return None
        older = [info for info in self.versions if info.number < now.number]
        return next((info for info in older if info.number == now.made_from), older[0] if older else None)

    def version_rows(self) -> list[VersionRow]:
        """The versions as rows, newest first."""
        return [
            VersionRow(
                info.number,
                info.model_id,
                info.mean_dice,
                info.at_s,
                info.is_current,
                info.made_from,
                info.labelled_pixels,
                info.seconds,
            )
            for info in self.versions
        ]

    def is_learned(self, model_id: str) -> bool:
        """Whether a model's id is that of a version of the project."""
        return model_id.partition("@")[0].partition("/")[0] == files.GROUP

    def roll_back(self, number: int) -> VersionInfo | None:
        """Use version *number* again; None, and it is said, when that cannot be."""
        folder = self.session.folder
        if folder is None or self.session.refuses_edits():
            return None
        try:
            info = files.roll_back(folder, number)
        except UserError as error:
            self.session.say(error)
            self.forget()
            return None
        if self._versions is not None:
            # Only which one is in use has changed: the others are not read again while the window waits.
            others = (replace(one, is_current=False, source="learned") for one in self._versions)
            self._versions = [info if one.number == number else one for one in others]
        self.changed.emit()
        return info

    def forget(self) -> None:
        """Read the versions anew."""
        self._versions = None
        self.changed.emit()

    def _on_project_changed(self) -> None:
        self.progress = Progress()
        self.forget()
        self.progressed.emit()
