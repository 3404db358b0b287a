"""Two models' answers for one image, held in memory beside each other; the document stays as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.app.compare_classes import FIRST_EXTRA_ID, CompareClasses
from segstudio.app.compare_figures import FigureRequest
from segstudio.app.events import Signal
from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import EMPTY, Rect, tile_rect, tiles_of
from segstudio.core.layers import LabelLayer
from segstudio.core.proposals import ProposalWriter, confidence_floor
from segstudio.ml.api import ObjectResult, WindowResult
from segstudio.ml.model_options import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.app.session import Session
    from segstudio.jobs.specs import ProposeSpec
    from segstudio.ml.catalog_entry import CatalogEntry

Side = Literal["left", "right"]
State = Literal["waiting", "working", "done", "failed"]
SIDES: tuple[Side, Side] = ("left", "right")
MOST_PX = 2048 * 2048
"""Of the visible part so many pixels are compared at most, about its middle: a wide view must not take minutes."""
_LAYER_IDS = {"left": -1, "right": -2}


@dataclass
class CompareSide:
    """One of the two: its model, what came of it, and how it stands. ``share`` 0 … 1 is how far it is."""

    side: Side
    model_id: str
    name: str
    entry: CatalogEntry | None
    layer: LabelLayer
    class_map: dict[int, int] = field(default_factory=dict)
    state: State = "waiting"
    sentence: str = ""
    stage: str = ""
    share: float = 0.0
    seconds: float | None = None
    generation: int = 0
    writer: ProposalWriter | None = None
    has_windows: bool = False
    objects: dict[int, Rect] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ("done", "failed")


class CompareDesk:
    """What two models say of a part of the current image.

    ``changed``: a side's state, or the classes; ``painted(side, rect)``: pixels of a side came. A request carries a
    generation: what comes with another, or after :meth:`close`, is dropped.
    """

    def __init__(self, session: Session, models: ModelsPresenter) -> None:
        self._session, self._models = session, models
        self.changed: Signal[[]] = Signal()
        self.painted: Signal[[Side, Rect]] = Signal()
        self._generation = 0
        self._sides: dict[Side, CompareSide] = {}
        self.classes = CompareClasses(session, models)
        self.image_id: int | None = None
        self.rect = EMPTY
        self.z = 0
        self.is_whole = False

    # -- what is compared ----------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether two models are being compared."""
        return bool(self._sides)

    def side(self, side: Side) -> CompareSide:
        """One of the two; KeyError while nothing is compared."""
        return self._sides[side]

    def read_classes(self, side: Side, rect: Rect) -> npt.NDArray[np.uint16]:
        """(h, w) class ids of a side as the classes are matched now; :attr:`classes` knows them. 0 = nothing."""
        lut = np.zeros(65536, np.uint16)
        lut[list(self.classes.targets)] = list(self.classes.targets.values())
        return lut.take(self._sides[side].layer.read_classes(rect, self.z))

    def is_known(self, side: Side) -> bool:
        """Whether the project has every class that a side found."""
        own = {segment.class_id for segment in self._sides[side].layer.segments.values()}
        return all(self.classes.targets.get(own_id, 0) < FIRST_EXTRA_ID for own_id in own)

    def refresh_classes(self, *_: object) -> None:
        """The matching of classes, or the classes themselves, may be others now."""
        if self._sides and self.classes.refresh():
            self.changed.emit()

    def open(self, left_id: str, right_id: str, seen: Rect, *, is_whole: bool = False) -> bool:
        """Compare two models on the current image: on *seen* (image pixels, cut to :data:`MOST_PX`), or all of it.

        False, and it is said, when there is no image or the two are one.
        """
        self.close()
        session = self._session
        record = session.image
        if record is None or session.store is None:
            session.say("Open an image first: models are compared on the one that is shown.")
            return False
        if left_id == right_id:
            session.say("Choose two different models to compare.")
            return False
        bounds = Rect(0, 0, record.width, record.height)
        rect = bounds if is_whole else capped(seen.intersected(bounds))
        if rect.is_empty:
            rect = capped(bounds)
        self.image_id, self.rect, self.z, self.is_whole = record.id, rect, session.plane, rect == bounds
        self.classes.clear()
        for side, model_id in zip(SIDES, (left_id, right_id), strict=True):
            layer = LabelLayer(
                _LAYER_IDS[side], record.id, side, "proposal", record.width, record.height, max(1, record.depth)
            )
            entry = self._models.entry(model_id)
            name = model_id if entry is None else entry.card.name or entry.card.id
            one = CompareSide(side, model_id, name, entry, layer)
            if entry is not None:
                one.class_map = self.classes.add(entry.card)
            self._sides[side] = one
        self.changed.emit()
        return True

    def close(self) -> None:
        """Forget both answers; what still comes is dropped."""
        if self._sides:
            self._sides = {}
            self.classes.clear()
            self.image_id = None
            self.changed.emit()

    # -- asking and hearing --------------------------------------------------------------------------------------

    def next_request(self) -> tuple[Side, ProposeSpec] | None:
        """The next side to ask and what to send; a side whose model can't be used fails here, with its sentence."""
        for side, one in self._sides.items():
            if one.state != "waiting":
                continue
            sentence = obstacle(one)
            if not sentence:
                return side, self._request(one)
            self.fail(side, sentence)
        return None

    def _request(self, one: CompareSide) -> ProposeSpec:
        from segstudio.jobs.specs import ImageTask, ProposeSpec

        session = self._session
        record = session.image
        assert one.entry is not None and record is not None and session.store is not None
        self._generation += 1
        one.generation, one.state = self._generation, "working"
        one.writer = ProposalWriter(one.layer, one.class_map, one.model_id, rects=())
        card, settings = one.entry.card, session.settings
        task = ImageTask(
            image_id=record.id,
            path=str(session.store.image_file(record)),
            planes=(self.z,),
            rects=None if self.is_whole else (self.rect,),
            size_px=(record.width, record.height),
        )
        self.changed.emit()
        return ProposeSpec(
            model=card.id,
            project_folder=str(session.folder),
            device=settings.text("model.device"),
            tasks=(task,),
            window_px=settings.integer("model.window_px") or None,
            overlap_px=settings.integer("model.overlap_px") or None,
            generation=one.generation,
            options=tuple(values_of(card).items()),
        )

    def _awaited(self, generation: int) -> CompareSide | None:
        return next(
            (one for one in self._sides.values() if one.state == "working" and one.generation == generation), None
        )

    def receive(self, generation: int, result: WindowResult | ObjectResult, z: int = 0) -> bool:
        """Take in a piece of an answer; False when it is dropped as stale."""
        one = self._awaited(generation)
        if one is None or one.writer is None or z != self.z:
            return False
        if isinstance(result, ObjectResult):
            count = len(one.layer.segments)
            dirty = one.writer.write_object(result.rect, result.mask, result.class_index, result.score, z)
            if len(one.layer.segments) > count:
                one.objects[max(one.layer.segments)] = result.rect
        else:
            one.has_windows = True
            dirty = one.writer.write_window(result.rect, result.class_index, result.confidence, z)
            assert one.layer.confidence is not None
            # How sure it was of the background is kept, too: a proposal made of this is told it.
            one.layer.confidence.write(result.rect, result.confidence, z=z)
        if not dirty.is_empty:
            self.painted.emit(one.side, dirty)
        return True

    def progress(self, generation: int, share: float, stage: str = "") -> None:
        """How far a side is, 0 … 1, or what it is about."""
        one = self._awaited(generation)
        if one is not None:
            one.share, one.stage = share, stage
            self.changed.emit()

    def finish(self, generation: int, seconds: float | None = None) -> bool:
        """A side is done; False when it came too late."""
        one = self._awaited(generation)
        if one is None:
            return False
        # The writer is let go of without an edit, which nobody would undo: the layer is ours alone.
        one.writer, one.state, one.seconds, one.stage, one.share = None, "done", seconds, "", 1.0
        self.changed.emit()
        return True

    def fail(self, side: Side, sentence: str) -> None:
        """A side's model can't answer; the other side stays."""
        one = self._sides.get(side)
        if one is None or one.is_over:
            return
        if one.writer is not None:
            dirty = one.writer.abort()
            one.writer = None
            self.painted.emit(side, dirty)
        one.state, one.sentence, one.stage = "failed", sentence, ""
        self.changed.emit()

    # -- figures -------------------------------------------------------------------------------------------------

    def figure_request(self) -> FigureRequest | None:
        """What to count now, in another thread if wanted; None while a side is still to come, or none has come."""
        sides = [self._sides.get(side) for side in SIDES]
        if any(one is None or not one.is_over for one in sides):
            return None
        left, right = (one.layer.shadow() if one is not None and one.state == "done" else None for one in sides)
        labels = self._session.labels
        record = self._session.image
        if (left is None and right is None) or record is None or record.id != self.image_id:
            return None
        targets = self.classes.targets
        ours = {segment.class_id for layer in (left, right) if layer is not None for segment in layer.segments.values()}
        wanted = {targets.get(own_id, UNLABELLED) for own_id in ours}
        if labels is not None:
            wanted |= {segment.class_id for segment in labels.segments.values()}
        is_any_done = any(other.status == "done" for other in self._session.images)
        return FigureRequest(
            left,
            right,
            None if labels is None or labels.is_blank else labels.shadow(),
            self.rect,
            self.z,
            confidence_floor(self._session.min_confidence),
            tuple(item.id for item in self.classes.known if item.id in wanted),
            tuple((own_id, targets.get(own_id, UNLABELLED)) for own_id in sorted(ours)),
            # As in training: in a picture that is still being worked on, nobody knows what the rest is.
            unlabelled_counts=record.status == "done" or not is_any_done,
        )

    # -- keeping -------------------------------------------------------------------------------------------------

    def keep(self, side: Side) -> bool:
        """Make a side's answer the image's proposal, as one undoable edit (classes it adds are one before it)."""
        steps = self.keep_steps(side)
        return steps is not None and sum(steps) > 0

    def keep_steps(self, side: Side) -> Iterator[int] | None:
        """As :meth:`keep`, piece by piece (1 for each written): whoever draws frames can stop between two.

        None, and it is said, when there is nothing to keep or the project refuses.
        """
        one, session = self._sides.get(side), self._session
        if one is None or one.state != "done" or session.image_id != self.image_id or self.image_id is None:
            session.say("There is no finished answer on this side yet.")
            return None
        if session.refuses_edits():
            return None
        found = {segment.class_id for segment in one.layer.segments.values()}
        class_map = self.classes.kept(found, one.name)
        if class_map is None:
            return None
        rects = None if self.is_whole else {self.image_id: (self.rect,)}
        generation = session.proposals.begin(class_map, one.model_id, rects=rects, planes={self.image_id: (self.z,)})
        return self._write(one, self.image_id, generation)

    def _write(self, one: CompareSide, image_id: int, generation: int) -> Iterator[int]:
        desk, z = self._session.proposals, self.z
        for result in pieces_of(one, self.rect, z):
            if not desk.receive_window(image_id, generation, result, z):
                return
            yield 1
        if desk.generation == generation:
            desk.finish_proposal(image_id, generation)
            desk.end()


def capped(rect: Rect, most_px: int = MOST_PX) -> Rect:
    """The middle of *rect* of at most so many pixels, of the same shape."""
    area = rect.width * rect.height
    if area <= most_px:
        return rect
    scale = math.sqrt(most_px / area)
    width, height = max(1, int(rect.width * scale)), max(1, int(rect.height * scale))
    return Rect(rect.x + (rect.width - width) // 2, rect.y + (rect.height - height) // 2, width, height)


def obstacle(one: CompareSide) -> str:
    """Why a side's model can't be asked, in one sentence; "" when it can."""
    entry = one.entry
    if entry is None:
        return f"There is no model “{one.model_id}” that could propose: choose another one."
    if entry.needs_download:
        return f"“{one.name}” must be downloaded first: choose it in the Model panel."
    if not entry.is_available:
        return f"“{one.name}” cannot be used: {entry.reason.rstrip('.')}."
    if entry.card.task not in ("semantic", "instance", "classic"):
        return f"“{one.name}” does not propose: choose another one."
    return ""


def pieces_of(one: CompareSide, rect: Rect, z: int) -> Iterator[WindowResult | ObjectResult]:
    """A side's answer again as a model gives it, its class indices being class ids: tile by tile, then the objects."""
    layer = one.layer
    assert layer.confidence is not None
    classes = layer.class_lut().copy()
    classes[list(one.objects)] = UNLABELLED
    if one.has_windows:
        for ty, tx in tiles_of(rect):
            part = tile_rect(ty, tx).intersected(rect)
            yield WindowResult(part, classes.take(layer.tiles.read(part, z)), layer.read_confidence(part, z))
    for segment_id, part in one.objects.items():
        segment = layer.segments[segment_id]
        mask = layer.tiles.read(part, z) == np.uint16(segment_id)
        yield ObjectResult(part, mask, segment.class_id, segment.confidence or 0.0)
