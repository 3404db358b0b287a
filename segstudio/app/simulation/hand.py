"""A hand: strokes as pointer events into the real tools, not quite where they were meant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.app.tools.base import PointerEvent
from segstudio.core.brush import stroke_mask

if TYPE_CHECKING:
    from segstudio.app.simulation.plan import Effort, HandPlan
    from segstudio.app.tools.toolbox import ToolBox
    from segstudio.core.simulated_strokes import Stroke

    Point = tuple[float, float]

SIZE_KEYS = {"brush": "brush.size_px", "eraser": "eraser.size_px", "reject": "proposal_brush.size_px"}
EVENT_PX = 4.0
"""A mouse that is moved reports its place about this often."""
ZOOM = 8.0
"""Screen pixels on an image pixel: a hand that paints thin lines has zoomed in."""
SHAKE_PX = 12.0
"""Over such a length a hand strays to one side, then to the other."""


class Hand:
    """Draws strokes with the tools of *toolbox* and counts what it did in *effort*."""

    def __init__(self, toolbox: ToolBox, plan: HandPlan, effort: Effort, seed: int) -> None:
        self.toolbox, self.plan, self.effort = toolbox, plan, effort
        self.rng = np.random.default_rng(seed)

    def draw(self, tool_id: str, stroke: Stroke) -> None:
        """Draw *stroke* with the "brush", the "eraser" or the brush that rejects ("reject")."""
        box = self.toolbox
        box.select(tool_id)
        box.context.settings.set(SIZE_KEYS[tool_id], max(1.0, round(stroke.size_px, 1)))
        points = self.shaken(stroke)
        if tool_id == "reject" and len(points) == 1:
            # A press that does not move rejects a whole object: dab by a small movement.
            points.append((points[0][0] + 1.0, points[0][1]))
        held = frozenset({"left"})
        box.press(_event(points[0], "left", held))
        for point in points[1:]:
            box.move(_event(point, "", held))
        box.release(_event(points[-1], "left", frozenset()))
        self._count(points, box.current.size_px)

    def shaken(self, stroke: Stroke) -> list[Point]:
        """The way the hand goes in place of the one it means: shaking, and going on a little where it should stop."""
        way = _evenly(stroke.points_xy, EVENT_PX)
        plan = self.plan
        if plan.late_px > 0 and len(way) > 1:
            late = float(self.rng.exponential(plan.late_px))
            length = math.dist(way[-2], way[-1]) or 1.0
            dx, dy = (way[-1][0] - way[-2][0]) / length, (way[-1][1] - way[-2][1]) / length
            way.append((way[-1][0] + dx * late, way[-1][1] + dy * late))
        if plan.jitter_px <= 0:
            return way
        noise = self.rng.normal(size=(2, len(way)))
        sigma = SHAKE_PX / EVENT_PX / 2
        if len(way) > 2:
            # Neighbouring places stray together; the standard deviation is kept.
            noise = np.asarray(
                cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma, sigmaY=1e-6, borderType=cv2.BORDER_REFLECT)
            )
            noise *= math.sqrt(2 * sigma * math.sqrt(math.pi))
        return [
            (x + plan.jitter_px * float(a), y + plan.jitter_px * float(b))
            for (x, y), a, b in zip(way, *noise, strict=True)
        ]

    def overlooks(self, pixels: int) -> bool:
        """Whether a wrong place of so many pixels is missed."""
        if pixels < self.plan.overlooked_px:
            return True
        return pixels < 4 * self.plan.overlooked_px and bool(self.rng.random() < self.plan.miss_share)

    def _count(self, points: list[Point], size_px: float) -> None:
        labels = self.toolbox.context.session.labels
        mask, rect = stroke_mask(points, size_px)
        inside = rect if labels is None else rect.intersected(labels.bounds)
        self.effort.strokes += 1
        if not inside.is_empty:
            self.effort.pixels += int(np.count_nonzero(mask[inside.moved(-rect.x, -rect.y).slices]))


def _event(xy: Point, button: str, buttons: frozenset[str]) -> PointerEvent:
    x, y = xy
    return PointerEvent(x, y, button, buttons, screen_xy=(x * ZOOM, y * ZOOM), px_per_screen=1 / ZOOM)


def _evenly(points_xy: tuple[Point, ...], step_px: float) -> list[Point]:
    """The same line through points about *step_px* apart, its ends kept."""
    points = np.asarray(points_xy, np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    if along[-1] == 0:
        return [points_xy[0]]
    at = np.linspace(0.0, along[-1], max(2, math.ceil(along[-1] / step_px) + 1))
    return list(
        zip(np.interp(at, along, points[:, 0]).tolist(), np.interp(at, along, points[:, 1]).tolist(), strict=True)
    )
