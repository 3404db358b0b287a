"""Regions of Label Studio as pixels: brush, bit mask, polygon, rectangle and ellipse, in percent of the image's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from segstudio.core.geometry import Rect
from segstudio.io.formats.brush_rle import decode
from segstudio.io.formats.safety import whole_number
from segstudio.io.formats.shapes_in import Area, Size, ellipse, label_of, mask_from_png, number, polygon
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_KINDS = ("brush", "bitmask", "polygon", "rectangle", "ellipse", "keypoint", "vector", "cuboid")


def label_of_region(region: Any) -> str:
    """The region's first label, "" where it has none."""
    value = region.get("value") if isinstance(region, dict) else None
    if not isinstance(value, dict):
        return ""
    for key in (*(f"{kind}labels" for kind in _KINDS), "labels"):
        names = value.get(key)
        if isinstance(names, list) and names:
            return label_of(names[0])
    return label_of(region.get("given_label", ""))


def with_given_labels(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The regions of a task of JSON-MIN, whose values stand under the names of the set-up's tags."""
    found = []
    for values in task.values():
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict) and "original_width" in value:
                sizes = {name: value.get(name) for name in ("original_width", "original_height", "image_rotation")}
                found.append({**sizes, "value": value})
    return found


def area_of(region: Mapping[str, Any], size: Size, limits: Limits, note: Note) -> Area:
    """Its pixels.

    Raises
    ------
    ValueError
        For what has no area, lies outside, or is damaged; the text says which.
    """
    value = region.get("value")
    if not isinstance(value, dict):
        raise ValueError("a region without a value")
    if number(region.get("image_rotation") or 0) % 360:
        raise ValueError("a region drawn while the image was turned")
    own = size
    if region.get("original_width") is not None or region.get("original_height") is not None:
        own = (
            whole_number(region.get("original_width"), 1, 1 << 20),
            whole_number(region.get("original_height"), 1, 1 << 20),
        )
    if own != size:
        raise ValueError("a region for an image of another size")
    kind = str(region.get("type") or "").removesuffix("labels")
    if "rle" in value or kind == "brush":
        return _brush(value, size)
    if "imageDataURL" in value:
        mask = mask_from_png(value["imageDataURL"], size)
        rect = Rect(0, 0, mask.shape[1], mask.shape[0]).clipped(*size)
        if not mask[rect.slices].any():
            raise ValueError("a mask without pixels in the image")
        return mask[rect.slices], rect
    if kind in ("keypoint", "vector", "cuboid") or (kind == "" and "points" not in value and "width" not in value):
        raise ValueError(f"a region of the kind “{kind or 'unknown'}”, which has no area")
    if "points" in value:
        return _polygon(value["points"], size, limits)
    if "radiusX" in value:
        return _ellipse(value, size)
    area = _rectangle(value, size, limits)
    note("Rectangles came as filled areas")
    return area


def _brush(value: Mapping[str, Any], size: Size) -> Area:
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError("a brush region of an image that is too large")
    if not isinstance(value.get("rle"), list):
        raise ValueError("a brush region without run lengths")
    runs = decode(value["rle"], *size)
    if not runs.ys.size:
        raise ValueError("a brush region without pixels")
    return runs.mask(runs.rect), runs.rect


def _polygon(points: Any, size: Size, limits: Limits) -> Area:
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise ValueError("a polygon that is no list of points")
    places = [[number(x) * size[0] / 100, number(y) * size[1] / 100] for x, y in points]
    # Percents of whole pixels are whole pixels again.
    near = [[round(value) if abs(value - round(value)) < 1e-6 else value for value in place] for place in places]
    return polygon(near, size, limits)


def _rectangle(value: Mapping[str, Any], size: Size, limits: Limits) -> Area:
    """Turned about its upper left corner, as Label Studio turns it."""
    x, y = number(value.get("x")) * size[0] / 100, number(value.get("y")) * size[1] / 100
    width, height = number(value.get("width")) * size[0] / 100, number(value.get("height")) * size[1] / 100
    angle = math.radians(number(value.get("rotation") or 0))
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return polygon([(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in corners], size, limits)


def _ellipse(value: Mapping[str, Any], size: Size) -> Area:
    middle = [number(value.get("x")) * size[0] / 100, number(value.get("y")) * size[1] / 100]
    radii = [number(value.get("radiusX")) * size[0] / 100, number(value.get("radiusY")) * size[1] / 100]
    return ellipse(middle, radii, size, value.get("rotation") or 0)
