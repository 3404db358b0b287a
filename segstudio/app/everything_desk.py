"""«Segment everything in the view»: a grid of clicks goes to the click model a few at a time; what is found is proposed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.events import Signal
from segstudio.app.prompt_views import look
from segstudio.app.tools.painting import may_begin
from segstudio.app.tools.prompt_hints import ONE_COLOUR
from segstudio.app.tools.smart import full_size_area
from segstudio.core.clicked import ClickedArea, blocked_at, click_model_id, free_lut, put_objects
from segstudio.core.edits import apply_edit
from segstudio.core.touched import touched_in
from segstudio.ml.interactive.everything import Covered, FoundObject, distinct, grid_points

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.app.prompt_desk import PromptDesk
    from segstudio.app.prompt_views import SeenPicture
    from segstudio.app.tools.prompt import PromptTool
    from segstudio.core.cancel import CancelToken
    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer
    from segstudio.jobs.specs import SweepReply

PER_SIDE = "prompt.per_side"
SLOT = "click.everything"
CHUNK = 64
"""Points sent at once; the host answers as many of them as there is time for."""
MOST_TRIES = 3
NOT_YET = "The picture is still being opened: try again in a moment."
UNDER_WAY = "Everything in view is being segmented already: wait until that is done, or stop it."
ONE_BY_ONE = "click one and press Enter to accept it, or press Enter to accept all"
FOUND_NOTHING = "Nothing was found in view that stands out and is not labelled yet."


@dataclass(eq=False)
class _Sweep:
    """One look at a view: what was asked of it and what was found."""

    seen: SeenPicture
    layer: LabelLayer
    z: int
    class_id: int
    model_id: str
    points: npt.NDArray[np.float32]
    covered: Covered
    done: int = 0
    found: list[FoundObject] = field(default_factory=list)


class EverythingDesk:
    """``changed``: how far it is. ``ended``: it is over, with how many objects. Clicks go before it."""

    def __init__(self, tool: PromptTool, desk: PromptDesk) -> None:
        self.session, self._tool, self._desk = tool.session, tool, desk
        self.changed: Signal[[]] = Signal()
        self.ended: Signal[[int]] = Signal()
        self._is_looking = False
        self._sweep: _Sweep | None = None
        self._is_ending = False
        self.session.image_changed.connect(self.drop)
        self.session.plane_changed.connect(self._on_plane)

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self._is_looking or self._sweep is not None

    @property
    def progress(self) -> tuple[int, int]:
        """(points done, of how many); (0, 0) while the picture is read."""
        sweep = self._sweep
        return (0, 0) if sweep is None else (sweep.done, len(sweep.points))

    def begin(self) -> bool:
        """Segment what is in view as objects of the current class; False, and it is said why, where that is not possible."""
        session, tool = self.session, self._tool
        if self.is_running:
            session.say(UNDER_WAY)
            return False
        if not may_begin(session, is_erasing=False):
            return False
        if self._desk.problem:
            self._desk.explain(session.say)
            return False
        picture = tool.picture() if session.reader is not None else None
        if picture is None:
            session.say(NOT_YET)
            return False
        tool.let_go()
        part = tool.looks.visible(picture)
        longest = self._desk.window_px
        self._is_looking = True
        self.changed.emit()
        tool.context.background.run(
            SLOT, lambda cancel: look(picture, part if not part.is_empty else picture.bounds, longest, cancel),
            self._on_seen, self._on_failed,
        )  # fmt: skip
        return True

    def stop(self) -> None:
        """End it; what was found so far is proposed."""
        if self._sweep is None:
            self.drop()
            return
        self._desk.drop_sweep()
        self._finish(self._sweep)

    def drop(self) -> None:
        """Give it up: another image is shown, or the project closes."""
        if self.is_running:
            self._desk.drop_sweep()
            self._tool.context.background.drop(SLOT)
            self._end(0)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _on_plane(self, _: int) -> None:
        self.drop()

    def _on_seen(self, seen: SeenPicture) -> None:
        """The picture is there: where to ask is found out in the background, too."""
        session = self.session
        if not self._is_looking or session.labels is None or session.documents is None or session.image_id is None:
            return
        if seen.is_flat:
            self._on_failed(ONE_COLOUR)
            return
        session.proposals.settle(session.image_id)
        layer = session.documents.with_proposal(session.image_id)
        free, z = free_lut(session.labels, session.guard), session.plane
        layers = (session.labels.shadow(), layer.shadow())
        per_side = session.settings.integer(PER_SIDE)

        def work(_: CancelToken) -> tuple[npt.NDArray[np.float32], Covered]:
            height, width = seen.view.rgb.shape[:2]
            covered = Covered((height, width))
            covered.block(blocked_at(layers, free, *seen.view.places(), z))
            return grid_points(height, width, per_side), covered

        def ready(found: tuple[npt.NDArray[np.float32], Covered]) -> None:
            sweep = _Sweep(seen, layer, z, session.current_class_id, self._desk.model_id, *found)
            self._is_looking, self._sweep = False, sweep
            self._ask(sweep)

        self._tool.context.background.run(SLOT, work, ready, self._on_failed)

    def _ask(self, sweep: _Sweep) -> None:
        """On with the next points that lie on nothing yet; the end when there are none."""
        sent, points = 0, sweep.points[:0]
        while sweep.done + sent < len(sweep.points):
            sent = min(sent + CHUNK, len(sweep.points) - sweep.done)
            points = sweep.covered.open_points(sweep.points[sweep.done : sweep.done + sent])
            if len(points):
                break
            sweep.done, sent = sweep.done + sent, 0
        if not len(points):
            self._finish(sweep)
            return
        self.changed.emit()
        self._desk.sweep(sweep.seen, points, lambda reply: self._on_reply(sweep, points, sent, reply), self._on_failed)

    def _on_reply(self, sweep: _Sweep, points: npt.NDArray[np.float32], sent: int, reply: SweepReply) -> None:
        if sweep is not self._sweep or self._is_ending:
            return
        for found in reply.found:
            sweep.found.append(found)
            sweep.covered.add(found)
        if reply.asked >= len(points):
            sweep.done += sent
        elif reply.asked:  # up to the last point that was asked
            last = points[reply.asked - 1]
            rest = sweep.points[sweep.done : sweep.done + sent]
            sweep.done += int(np.flatnonzero((rest == last).all(axis=1))[0]) + 1
        self._ask(sweep)

    def _finish(self, sweep: _Sweep, tries: int = MOST_TRIES) -> None:
        """What was found becomes one edit of the proposal, made ready in the background."""
        session, layer = self.session, sweep.layer
        if session.labels is None or session.refuses_edits():
            self._end(0)
            return
        self._is_ending = True
        free, guard, store = free_lut(session.labels, session.guard), session.guard, session.store
        labels, shadow, revision = session.labels.shadow(), layer.shadow(), layer.revision

        def work(_: CancelToken) -> tuple[Edit | None, int]:
            areas = [_area(found, sweep).within(labels, free, guard) for found in distinct(sweep.found)]
            areas = [one for one in areas if not one.rect.is_empty]
            touched = touched_in((labels, shadow))
            model_id = click_model_id(sweep.model_id)
            edit, count = put_objects(shadow, areas, sweep.class_id, model_id, "Segment everything", touched)
            if edit is not None and store is not None:
                store.prepare(edit)
            return edit, count

        def ready(found: tuple[Edit | None, int]) -> None:
            if sweep is not self._sweep or session.proposal is not layer or session.store is not store:
                return
            if layer.revision != revision and tries > 1:
                self._finish(sweep, tries - 1)
                return
            edit, count = found
            if edit is not None:
                apply_edit(edit, {layer.id: layer})
                session.record(edit)
            self._end(count)
            session.say(f"{count:,} objects are proposed: {ONE_BY_ONE}." if count else FOUND_NOTHING)

        self._tool.context.background.run(SLOT, work, ready, self._on_failed)

    def _on_failed(self, sentence: str) -> None:
        self._desk.drop_sweep()
        self._end(0)
        if sentence:  # else it was said with its details
            self.session.say(sentence)

    def _end(self, count: int) -> None:
        self._is_looking, self._sweep, self._is_ending = False, None, False
        self.ended.emit(count)


def _area(found: FoundObject, sweep: _Sweep) -> ClickedArea:
    mask = np.zeros(sweep.seen.view.rgb.shape[:2], np.bool_)
    mask[found.rect.slices] = found.mask
    return ClickedArea(*full_size_area(mask, sweep.seen.view, sweep.seen.bounds), found.score, sweep.z)
