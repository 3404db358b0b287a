"""Simulated annotators: they see where labels and proposal differ from the truth, and mend that by strokes or clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.proposals import visible_proposal
from segstudio.core.simulated_strokes import BrushRules, plan_strokes, wrong_regions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.app.simulation.data import Mask
    from segstudio.app.simulation.hand import Hand
    from segstudio.core.simulated_strokes import WrongRegion

    BoolMask = npt.NDArray[np.bool_]
    GoOn = Callable[[], bool]
    """Called after each stroke: whether the annotator may make another one on this image."""


class Annotator(Protocol):
    """Somebody who mends the labels of the image shown."""

    def work(self, truth: Mask, go_on: GoOn, around: Mask | None = None) -> None:
        """Mend the current image until it looks right, nothing more can be done, or *go_on* says no.

        Where *truth* is of a part only, *around* is that of all: nothing wrong is painted beyond the part either.
        """
        ...


def shown_classes(session: Session) -> Mask:
    """(y, x) class ids as they are seen: the labels, where there are none the proposal."""
    labels, proposal = session.labels, session.proposal
    assert labels is not None
    shown: Mask = labels.read_classes(labels.bounds, session.plane)
    if proposal is not None and not proposal.is_blank:
        found = visible_proposal(proposal, labels.bounds, session.min_confidence, session.plane)
        shown = np.where(shown == UNLABELLED, found, shown)
    return shown


class Painter:
    """Paints what is missing, rejects what a proposal has too much, and erases what was painted too far."""

    def __init__(self, session: Session, hand: Hand) -> None:
        self.session, self.hand = session, hand
        plan = hand.plan
        self.rules = BrushRules(
            plan.smallest_brush_px, plan.largest_brush_px, plan.longest_stroke_px, plan.overlooked_px, plan.slack_px
        )

    def work(self, truth: Mask, go_on: GoOn, around: Mask | None = None) -> None:
        """Mend what is seen to be wrong, the largest first; then look again."""
        whole = truth if around is None else around
        for _ in range(self.hand.plan.looks):
            seen = wrong_regions(truth, shown_classes(self.session), self.hand.plan.tolerance_px)
            seen = [region for region in seen if not self.hand.overlooks(region.pixels)]
            if not seen:
                return
            for region in seen:
                if not self._mend(region, whole, go_on):
                    return

    def _mend(self, region: WrongRegion, truth: Mask, go_on: GoOn) -> bool:
        """Strokes over one wrong place; False when the annotator must stop."""
        if region.class_id != UNLABELLED:
            self.session.select_class(region.class_id)
            harmless = (truth == region.class_id) | (truth == IGNORE)
            return self._draw("brush", region.mask, harmless, go_on)
        # What a person painted is erased, what the model proposes is rejected.
        labels = self.session.labels
        assert labels is not None
        is_label = labels.read_classes(labels.bounds, self.session.plane) != UNLABELLED
        harmless = truth == UNLABELLED
        for tool_id, mask in (("reject", region.mask & ~is_label), ("eraser", region.mask & is_label)):
            if not self._draw(tool_id, mask, harmless, go_on):
                return False
        return True

    def _draw(self, tool_id: str, mask: BoolMask, harmless: BoolMask, go_on: GoOn) -> bool:
        if np.count_nonzero(mask) < self.rules.least_px:
            return True
        for stroke in plan_strokes(mask, harmless, self.rules):
            self.hand.draw(tool_id, stroke)
            if not go_on():
                return False
        return True


class Paster:
    """Pastes the truth as one edit: a perfect annotator, for comparing orders of images and nothing else."""

    def __init__(self, session: Session, hand: Hand) -> None:
        self.session, self.hand = session, hand

    def work(self, truth: Mask, go_on: GoOn, around: Mask | None = None) -> None:
        """One edit with all classes."""
        transaction = self.session.begin("Paste the truth")
        if transaction is None:
            return
        ids = np.zeros(truth.shape, np.uint16)
        for class_id in np.unique(truth).tolist():
            if class_id == IGNORE:
                ids[truth == IGNORE] = IGNORE
            elif class_id != UNLABELLED:
                ids[truth == class_id] = transaction.ensure_stuff(class_id)
        self.session.painted(transaction.write(transaction.layer.bounds, ids, z=self.session.plane))
        if self.session.commit(transaction):
            effort = self.hand.effort
            effort.strokes += 1
            effort.pixels += int(np.count_nonzero((ids != UNLABELLED) & (ids != IGNORE)))
        go_on()
