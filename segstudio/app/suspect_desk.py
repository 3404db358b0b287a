"""Labels that are likely wrong, over all images: shown, corrected as the model has it, or dismissed for good."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from segstudio.app.events import Signal
from segstudio.core.classes import UNLABELLED
from segstudio.core.errors import UserError
from segstudio.io.looks import LOOK, drop_suspect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.label_errors import Suspect

MOST_LISTED = 500
OUTLINED_PX = 1 << 19
"""The outline of a larger area is told less finely."""
Outline: TypeAlias = "npt.NDArray[np.float32]"
GONE = "The label there is another one by now."


@dataclass(frozen=True, eq=False)
class SuspectRow:
    """A suspect label of an image, with names to show; "" where there is no class."""

    image_id: int
    image_name: str
    label_name: str
    model_name: str
    suspect: Suspect


def _outlines(suspect: Suspect) -> tuple[Outline, ...]:
    """Closed lines along the edges of an area's pixels, (N, 2) x, y each."""
    # Magnified, so that the line runs round pixels and not through their middles.
    step = math.ceil(math.sqrt(suspect.rect.width * suspect.rect.height / OUTLINED_PX))
    small = suspect.mask[::step, ::step].astype(np.uint8)
    mask = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    large = mask.repeat(2, axis=0).repeat(2, axis=1)
    lines, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([suspect.rect.x, suspect.rect.y], np.float32)
    return tuple(((line[:, 0].astype(np.float32) + 0.5) / 2 - 1) * step + corner for line in lines)


class SuspectDesk:
    """The rows, the worst first. What was found is kept with the project, and what was dismissed stays dismissed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.changed: Signal[[]] = Signal()
        self._rows: tuple[SuspectRow, ...] = ()
        self._shown: tuple[SuspectRow, tuple[Outline, ...]] | None = None
        session.image_changed.connect(self.leave)

    @property
    def rows(self) -> tuple[SuspectRow, ...]:
        """Suspect labels, the largest and surest first."""
        return self._rows

    @property
    def shown(self) -> tuple[SuspectRow, tuple[Outline, ...]] | None:
        """The row that was shown last, while its image is open, and the outlines of its area."""
        return self._shown

    def leave(self) -> None:
        """No suspect is pointed at any more."""
        if self._shown is not None:
            self._shown = None
            self.changed.emit()

    def put(self, found: Mapping[int, Sequence[Suspect]]) -> None:
        """These are the suspect labels, by image id."""
        rows = []
        for image_id, suspects in found.items():
            record = self._session.image_record(image_id)
            if record is not None:
                rows += [self._row(image_id, record.name, suspect) for suspect in suspects]
        rows.sort(key=lambda row: -row.suspect.pixels * (row.suspect.confidence - 0.5))
        self._rows = tuple(rows[:MOST_LISTED])
        self.changed.emit()

    def _row(self, image_id: int, name: str, suspect: Suspect) -> SuspectRow:
        return SuspectRow(image_id, name, self._name(suspect.label_class), self._name(suspect.model_class), suspect)

    def _name(self, class_id: int) -> str:
        found = self._session.classes.by_id(class_id)
        return "" if found is None else found.name

    def show(self, row: SuspectRow) -> bool:
        """Make its image and plane the current ones; False when the image is gone."""
        session = self._session
        session.select_image(row.image_id)
        if session.image_id != row.image_id:
            return False
        session.set_plane(row.suspect.z)
        self._shown = row, _outlines(row.suspect)
        self.changed.emit()
        return True

    def dismiss(self, row: SuspectRow) -> bool:
        """The label is right: the suspect goes and does not come back."""
        return not self._session.refuses_edits() and self._drop(row, is_dismissed=True)

    def accept(self, row: SuspectRow) -> bool:
        """The model is right: what is still labelled so becomes its class, one undoable edit; False when nothing did."""
        session, suspect = self._session, row.suspect
        if session.refuses_edits() or not self.show(row):
            return False
        labels = session.labels
        model_class = suspect.model_class
        if labels is None or (model_class != UNLABELLED and session.classes.by_id(model_class) is None):
            session.say(GONE)
            self._drop(row, is_dismissed=False)
            return False
        session.work_interrupted.emit()
        session.proposals.settle(row.image_id)
        still = suspect.mask & (labels.read_classes(suspect.rect, suspect.z) == suspect.label_class)
        transaction = session.begin("Correct a label") if still.any() else None
        is_done = False
        if transaction is not None:
            value = UNLABELLED
            if model_class != UNLABELLED:
                value = transaction.ensure_stuff(model_class, "accepted", self._model_id(row.image_id))
            session.painted(transaction.write(suspect.rect, value, still, suspect.z))
            is_done = session.commit(transaction)
        if not still.any():
            session.say(GONE)
        if is_done or not still.any():
            self._drop(row, is_dismissed=False)
        return is_done

    def _model_id(self, image_id: int) -> str:
        store = self._session.store
        fact = None if store is None else store.facts.get(image_id, LOOK)
        return "" if fact is None else str(fact.value["model"])

    def _drop(self, row: SuspectRow, *, is_dismissed: bool) -> bool:
        store = self._session.store
        if store is None:
            return False
        try:
            drop_suspect(store.facts, row.image_id, row.suspect.key, is_dismissed=is_dismissed)
        except UserError as error:
            self._session.say(error)
            return False
        self._rows = tuple(one for one in self._rows if one is not row)
        self._shown = None
        self.changed.emit()
        return True
