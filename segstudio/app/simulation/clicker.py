"""A simulated annotator that clicks: on what is missed of an object, and beside it where too much was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.app.click_hand import ClickHand
from segstudio.app.image_access import shown_settings
from segstudio.app.prompt_views import Mark, full_area, look, prompts_of
from segstudio.app.simulation.annotators import shown_classes
from segstudio.app.tools.smart import Picture
from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.simulated_clicks import iou, next_click
from segstudio.core.simulated_strokes import wrong_regions

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from segstudio.app.prompt_views import SeenPicture
    from segstudio.app.session import Session
    from segstudio.app.simulation.annotators import GoOn
    from segstudio.app.simulation.data import Mask
    from segstudio.app.simulation.hand import Hand
    from segstudio.core.simulated_clicks import Click
    from segstudio.core.simulated_strokes import WrongRegion

    BoolMask = npt.NDArray[np.bool_]

WORTH_IOU = 0.5
"""An object that the clicks did not find better than so is dropped again."""
MOSTLY = 0.5
"""A proposed object is rejected by a click when more of it than so is wrong."""


class Clicker:
    """Finds each missing object by clicks, and rejects proposed ones that are none, by a click each.

    Every click, every Enter and every rejection counts as one stroke; a click paints no pixels of its own.
    """

    def __init__(self, session: Session, hand: Hand, model: str, device: str) -> None:
        from segstudio.ml.interactive.loading import load_prompter
        from segstudio.ml.interactive.run import Clicks
        from segstudio.ml.registry import Catalog

        self.session, self.hand = session, hand
        entry = Catalog(session.folder).find(model or _first_model())
        self._clicks = Clicks(load_prompter(entry, device))
        self._model, self._window_px = entry.card.id, entry.card.window_px
        self._found = ClickHand(session)

    def work(self, truth: Mask, go_on: GoOn, around: Mask | None = None) -> None:
        """Mend what is seen to be wrong, the largest first."""
        plan = self.hand.plan
        done = np.zeros(truth.shape, np.bool_)
        for region in wrong_regions(truth, shown_classes(self.session), plan.tolerance_px):
            if self.hand.overlooks(region.pixels) or bool(done[region.mask].any()):
                continue
            if region.class_id == UNLABELLED:
                may_go_on = self._reject(region, truth, go_on)
            else:
                target = _object_of(region, truth)
                done |= target
                self.session.select_class(region.class_id)
                may_go_on = self._find(target, truth == IGNORE, go_on)
            if not may_go_on:
                return

    def _reject(self, region: WrongRegion, truth: Mask, go_on: GoOn) -> bool:
        """A click with the tool that rejects on what the model proposes and nothing is; False when it must stop."""
        from segstudio.core.proposals import object_at

        proposal = self.session.proposal
        if proposal is None:
            return True
        x, y = _middle(region.mask)
        mask, rect, _ = object_at(
            proposal, x + 0.5, y + 0.5, min_confidence=self.session.min_confidence, z=self.session.plane
        )
        if rect.is_empty or np.count_nonzero(mask & (truth[rect.slices] == UNLABELLED)) <= MOSTLY * np.count_nonzero(
            mask
        ):
            return True
        if not self.session.proposals.reject_at(x + 0.5, y + 0.5):
            return True
        self._count()
        return go_on()

    def _find(self, target: BoolMask, ignore: BoolMask, go_on: GoOn) -> bool:
        """Click until the object is found well enough, then accept or drop it; False when the annotator must stop."""
        seen = self._seen()
        predicted, may_go_on = np.zeros(target.shape, np.bool_), True
        clicks: list[Click] = []
        logits: npt.NDArray[np.float32] | None = None
        for _ in range(self.hand.plan.clicks_per_object):
            click = next_click(target, predicted, clicks, self.hand.rng, ignore)
            if click is None:
                break
            clicks.append(click)
            self._count()
            logits, predicted = self._answer(seen, clicks, logits, target.shape)
            may_go_on = go_on()
            if not may_go_on or iou(target, predicted, ignore) >= self.hand.plan.enough_iou:
                break
        if self._found.segment is None:
            return may_go_on
        if iou(target, predicted, ignore) >= WORTH_IOU:
            before = predicted & (shown_classes(self.session) != UNLABELLED)
            if self._found.accept():
                self._count(is_click=False)
                self.hand.effort.accepted += int(np.count_nonzero(before))
        else:
            self._found.drop()
            self._count(is_click=False)
        return may_go_on

    def _answer(
        self, seen: SeenPicture, clicks: list[Click], logits: npt.NDArray[np.float32] | None, shape: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.float32], BoolMask]:
        """Ask the model, and put what it says into the proposal: (its logits, (y, x) bool of the object)."""
        from segstudio.ml.interactive.run import after, chosen

        marks = [Mark((click.x + 0.5, click.y + 0.5), click.is_positive) for click in clicks]
        answer: Any = self._clicks.answer(seen.key, seen.view.rgb, after(prompts_of(marks, seen.view), logits))
        index = chosen(answer, "best")
        mask, rect = full_area((answer.probabilities[index] * 255 + 0.5).astype(np.uint8), seen)
        predicted = np.zeros(shape, np.bool_)
        if not rect.is_empty:
            self._found.put(mask, rect, float(answer.scores[index]), self._model)
            predicted[rect.slices] = mask
        return answer.logits[index], predicted

    def _seen(self) -> SeenPicture:
        """The whole picture as the model gets it."""
        reader = self.session.reader
        assert reader is not None
        picture = Picture(reader, self.session.plane, shown_settings(self.session))
        return look(picture, picture.bounds, self._window_px, NEVER)

    def _count(self, *, is_click: bool = True) -> None:
        self.hand.effort.strokes += 1
        self.hand.effort.clicks += is_click


def _first_model() -> str:
    from segstudio.ml.registry import Catalog

    entries = [entry for entry in Catalog(None).entries() if entry.card.task == "interactive" and entry.is_available]
    if not entries:
        raise UserError("no click model is here", remedy="install one, or name it with --click-model")
    return entries[0].card.id


def _object_of(region: WrongRegion, truth: Mask) -> BoolMask:
    """The connected area of the class that most of the wrong place lies in."""
    _, labels = cv2.connectedComponents((truth == region.class_id).astype(np.uint8), connectivity=8)
    inside = labels[region.mask & (labels > 0)]
    chosen = int(np.bincount(inside).argmax())
    found: BoolMask = labels == chosen
    return found


def _middle(mask: BoolMask) -> tuple[int, int]:
    """The pixel (x, y) farthest inside."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)
