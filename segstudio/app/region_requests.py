"""Operations on regions as frozen requests, and the function that carries one out in any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.edits import ANYWHERE, Guard
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.core.region_booleans import Area, BooleanOp, combine
from segstudio.core.region_ops import RegionWork, fill_holes, grow, keep_largest, remove_small, shrink, smooth
from segstudio.core.region_splits import clear_region, convert_class, merge_objects, split_pieces, split_touching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from segstudio.core.edits import Edit
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.region_ops import Changed

PLANES = "regions.planes"
OVER_LABELS = "regions.over_labels"


@dataclass(frozen=True, slots=True)
class RegionOp:
    """One operation. ``verb`` stands in the history before the target; ``settings`` are its parameters.

    ``is_local``: what comes out at a pixel depends on a small neighbourhood, so that a part can be shown at once.
    """

    id: str
    title: str
    verb: str
    settings: tuple[str, ...] = ()
    is_local: bool = False


OPS: dict[str, RegionOp] = {
    op.id: op
    for op in (
        RegionOp("fill_holes", "Fill holes", "Fill holes of", ("regions.hole_px", OVER_LABELS)),
        RegionOp("remove_small", "Remove small pieces", "Remove small pieces of", ("regions.small_px",)),
        RegionOp("keep_largest", "Keep the largest piece", "Keep the largest piece of"),
        RegionOp("grow", "Grow", "Grow", ("regions.grow_px", OVER_LABELS), is_local=True),
        RegionOp("shrink", "Shrink", "Shrink", ("regions.shrink_px",), is_local=True),
        RegionOp("smooth", "Smooth", "Smooth", ("regions.smooth_px", OVER_LABELS), is_local=True),
        RegionOp("split_touching", "Split touching objects", "Split", ("regions.neck_px",)),
        RegionOp("split_pieces", "Split into connected pieces", "Split into pieces"),
        RegionOp("merge", "Merge objects", "Merge"),
        RegionOp("convert", "Change class", "Change class of"),
        RegionOp("clear_class", "Clear class here", "Clear"),
        RegionOp(
            "boolean",
            "Combine areas",
            "Combine into",
            ("regions.boolean_op", "regions.boolean_replaces", OVER_LABELS),
            is_local=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class AreaChoice:
    """One side of a boolean: a layer's pixels of a class; ``class_id`` 0 = of any."""

    layer_id: int
    class_id: int = 0


@dataclass(frozen=True)
class RegionRequest:
    """All that an operation rests on; two equal requests have the same outcome.

    ``revisions`` are those of every layer that is read, by id. ``class_id`` is the class to change to ("convert") or
    to paint ("boolean"); ``into_id`` the object that takes all ("merge") or is painted ("boolean", 0 = the class's
    stuff). ``within`` limits a preview to what is seen.
    """

    op_id: str
    label: str
    layer_id: int
    revisions: tuple[tuple[int, int], ...]
    segment_ids: frozenset[int]
    planes: tuple[int, ...]
    values: tuple[tuple[str, object], ...] = ()
    add_guard: Guard = ANYWHERE
    remove_guard: Guard = ANYWHERE
    class_id: int = 0
    into_id: int = 0
    areas: tuple[AreaChoice, ...] = ()
    within: Rect | None = None

    def number(self, key: str) -> float:
        """A parameter."""
        return float(dict(self.values)[key])  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class RegionOutcome:
    """What a request came to: the edit (not applied), pixels added and taken, pieces or objects, and where."""

    request: RegionRequest
    edit: Edit | None
    added_px: int = 0
    removed_px: int = 0
    given_px: int = 0
    count: int = 0
    changed: tuple[Changed, ...] = field(default_factory=tuple)


def perform(
    request: RegionRequest,
    layers: Mapping[int, LabelLayer],
    cancel: Cancel = NEVER,
    progress: ProgressSink = no_progress,
) -> RegionOutcome:
    """Carry a request out on shadows of *layers* (by id), which are not changed.

    Raises
    ------
    UserError
        When a layer runs out of ids, or a damaged tile is met.
    Cancelled
        When *cancel* was set.
    """
    values = dict(request.values)
    work = RegionWork(
        layers[request.layer_id],
        request.segment_ids,
        request.label,
        request.add_guard,
        request.remove_guard,
        bool(values.get(OVER_LABELS, False)),
        request.within,
        cancel,
        progress,
    )
    count = _run(work, request, layers)
    return RegionOutcome(
        request, work.finish(), work.added_px, work.removed_px, work.given_px, count, tuple(work.changed)
    )


def _run(work: RegionWork, request: RegionRequest, layers: Mapping[int, LabelLayer]) -> int:
    if request.op_id == "merge":
        merge_objects(work, request.into_id)
        return len(request.segment_ids)
    if request.op_id == "convert":
        convert_class(work, request.class_id, request.planes)
        return len(request.segment_ids)
    if request.op_id == "clear_class":
        clear_region(work, request.planes)
        return len(request.segment_ids)
    if request.op_id == "boolean":
        _combine(work, request, layers)
        return 0
    run = _ON_A_PLANE[request.op_id]
    return sum(run(work, z, request) or 0 for z in request.planes)


def _combine(work: RegionWork, request: RegionRequest, layers: Mapping[int, LabelLayer]) -> None:
    values = dict(request.values)
    op: BooleanOp = str(values["regions.boolean_op"])  # type: ignore[assignment]
    a, b = (Area(layers[area.layer_id].shadow(), area.class_id) for area in request.areas)
    target = request.into_id or work.transaction.ensure_stuff(request.class_id)
    for z in request.planes:
        combine(work, z, op, a, b, target, is_replacing=bool(values["regions.boolean_replaces"]))


_ON_A_PLANE: dict[str, Callable[[RegionWork, int, RegionRequest], int | None]] = {
    "fill_holes": lambda work, z, request: fill_holes(work, z, int(request.number("regions.hole_px"))),
    "remove_small": lambda work, z, request: remove_small(work, z, int(request.number("regions.small_px"))),
    "keep_largest": lambda work, z, _: keep_largest(work, z),
    "grow": lambda work, z, request: grow(work, z, int(request.number("regions.grow_px"))),
    "shrink": lambda work, z, request: shrink(work, z, int(request.number("regions.shrink_px"))),
    "smooth": lambda work, z, request: smooth(work, z, request.number("regions.smooth_px")),
    "split_touching": lambda work, z, request: split_touching(work, z, request.number("regions.neck_px")),
    "split_pieces": lambda work, z, _: split_pieces(work, z),
}
