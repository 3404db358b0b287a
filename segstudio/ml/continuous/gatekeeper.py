"""Holds a network against the weights in use, and writes it as the next version where it is better."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import VersionInfo
from segstudio.ml.continuous.gate import verdict
from segstudio.ml.continuous.judge import Judge, lut_between
from segstudio.ml.continuous.planes import TRAIN
from segstudio.ml.continuous.student import predictor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.continuous.corrections import Corrections
    from segstudio.ml.continuous.gate import Verdict
    from segstudio.ml.continuous.plan import LearnPlan
    from segstudio.ml.continuous.student import Predictor, Student


MORE_LABELS = 1.05
"""By so much must the labelled pixels have grown since the version in use for weights to count as taught by more."""


@dataclass(frozen=True)
class Spent:
    """What a version took since learning began."""

    rounds: int
    steps: int
    seconds: float


class Gatekeeper:
    """``current`` is the version in use; None before there is one."""

    def __init__(self, plan: LearnPlan, corrections: Corrections) -> None:
        self._plan, self._corrections = plan, corrections
        self._judge = Judge(corrections)
        self._loaded: tuple[int, Predictor] | None = None
        self._serial = versions.choice_serial(plan.project)
        self.current: VersionInfo | None = None if plan.is_fresh else versions.current(plan.project)

    @property
    def number(self) -> int:
        """The number of the version in use, 0 for none."""
        return 0 if self.current is None else self.current.number

    def chosen(self) -> VersionInfo | None:
        """Another version that a person chose since the last time, which is the one in use from here on; else None."""
        serial = versions.choice_serial(self._plan.project)
        if serial == self._serial:
            return None
        self._serial, found = serial, versions.current(self._plan.project)
        if found is None or found.number == self.number:
            return None
        self.current = found
        return found

    def check(self, student: Student, is_stopped: Callable[[], bool]) -> Verdict | None:
        """What the gate says of the network as it is now; None when it was stopped.

        Raises
        ------
        UserError
            When the weights in use or a picture cannot be read.
        """
        corrections = self._corrections
        after = self._judge.judged(student.predictor(), is_stopped=is_stopped)
        before = None
        if self.current is not None and after is not None:
            lut = lut_between(self.current, corrections.classes)
            self._judge.keep_only(self.number)
            before = self._judge.judged(self._in_use(student), lut, version=self.number, is_stopped=is_stopped)
            if before is None:
                return None
        if after is None:
            return None
        names = {place: plane.image.name for place, plane in corrections.planes.items()}
        more = before is not None and self._labelled_pixels() > MORE_LABELS * self.current_labels
        return verdict(before, after, corrections.classes.names, names, self._plan.gain, has_learnt_more=more)

    @property
    def current_labels(self) -> int:
        """How many labelled pixels taught the version in use."""
        return 0 if self.current is None else self.current.labelled_pixels

    def _labelled_pixels(self) -> int:
        return sum(cell.pixels for cell in self._corrections.cells(TRAIN).values())

    def _in_use(self, student: Student) -> Predictor:
        """The network of the weights in use, loaded when it is first asked for."""
        assert self.current is not None
        if self._loaded is None or self._loaded[0] != self.number:
            self._loaded = (self.number, predictor_of(Path(self.current.path), student.device))
        return self._loaded[1]

    def hand_over(self, student: Student, found: Verdict, spent: Spent) -> VersionInfo:
        """Write the network as the next version, which is the one in use from here on.

        Raises
        ------
        UserError
            When the disk is full or read-only, or a parameter is not finite; then all is as it was.
        """
        project, classes = self._plan.project, self._corrections.classes
        number = versions.next_number(project)
        about = {"version": number, "mean_dice": found.after, "mean_iou": found.iou, "split": "held-out regions"}
        info = VersionInfo(
            number=number,
            model_id=versions.model_id_of(number),
            path="",
            at_s=time.time(),
            mean_dice=found.after,
            mean_iou=found.iou,
            images=found.images,
            made_from=self.number,
            seconds=spent.seconds,
            rounds=spent.rounds,
            steps=spent.steps,
            labelled_pixels=self._labelled_pixels(),
            classes=classes.names,
            class_ids=classes.ids,
        )
        self.current = versions.add_version(project, student.packed(f"learnt v{number}", about), info)
        versions.prune(project, self._plan.kept_versions, spared=(info.made_from,))
        return self.current
