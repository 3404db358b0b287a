"""What the formats of drawing tools share when they are read: shapes as pixels, labels as classes, embedded pictures."""

from __future__ import annotations

import base64
import binascii
import io
import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from segstudio.core.brush import polygon_mask, stroke_mask
from segstudio.core.classes import IGNORE, MAX_ID
from segstudio.core.errors import UserError
from segstudio.core.geometry import EMPTY, Rect
from segstudio.core.layer_builder import ClassPixels
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.safety import RESTORE, Limits, points, read_json
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

Area = tuple["npt.NDArray[np.bool_]", Rect]
"""(h, w) bool pixels and where they lie; a part of the image only."""
Size = tuple[int, int]
_FAR = 1e7
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


class Labels:
    """Class names in the order they are met, without ``reserved`` ones; an index for each."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._reserved = frozenset(reserved)
        self._index: dict[str, int] = {}
        self._found: list[FoundClass] = []

    def add(self, name: Any, color: Any = "", value: Any = None) -> None:
        """Take up a name as files hold it; nothing where it is none, known, or reserved."""
        clean = label_of(name)
        if clean and clean not in self._reserved and clean not in self._index:
            self._index[clean] = len(self._index)
            is_value = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID
            self._found.append(FoundClass(clean, color_of(color), value if is_value else None))

    def add_listed(self, path: Path, limits: Limits) -> None:
        """Take up what our own ``classes.json`` lists; nothing where it is missing or something else."""
        if not path.is_file():
            return
        try:
            rows = read_json(path, limits)
        except UserError:
            return
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict):
                self.add(row.get("name"), row.get("color"), row.get("value"))

    def index(self, clean: str) -> int:
        """Its place; ValueError for a name that was not there when the dataset was looked through."""
        if clean not in self._index:
            raise ValueError(f"a shape of “{clean}”, which is no class of the dataset")
        return self._index[clean]

    def found(self) -> list[FoundClass]:
        """All of them."""
        return list(self._found)


def label_of(value: Any) -> str:
    """A class name as projects hold it (no outer or doubled spaces, printable, ≤ 200 characters); "" for none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return " ".join(text.split())[:200].strip()


def color_of(value: Any) -> str:
    """The colour as "#rrggbb" in lower case, or "" for anything else."""
    text = str(value).strip().lower()
    is_color = len(text) == 7 and text[0] == "#" and all(char in "0123456789abcdef" for char in text[1:])
    return text if is_color else ""


def number(value: Any) -> float:
    """A place or length in an image.

    Raises
    ------
    ValueError
        For what is no number, or far outside of any image.
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a shape with a value that is no number") from error
    if isinstance(value, bool) or not math.isfinite(found) or abs(found) > _FAR:
        raise ValueError("a shape with a value that is no place in an image")
    return found


def polygon(values: Any, size: Size, limits: Limits) -> Area:
    """The pixels whose centre lies inside (even-odd rule); ValueError says why there are none."""
    corners = points(values, limits)
    if size[0] * size[1] > MAX_PIXELS:
        low, high = np.clip(corners.min(axis=0), 0, size), np.clip(corners.max(axis=0), 0, size)
        _check_area(Rect(0, 0, int(high[0] - low[0]) + 2, int(high[1] - low[1]) + 2))
    stairs = _stairs(corners, size)
    if stairs is not None:
        return _filled(*stairs)
    return _filled(*polygon_mask(cast("Sequence[tuple[float, float]]", corners), size))


def _stairs(corners: npt.NDArray[np.float64], size: Size) -> Area | None:
    """As polygon_mask, several times faster, of an outline along pixels' edges inside the image; None for any other."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low < 0).any() or (high > size).any() or (corners != np.floor(corners)).any():
        return None
    places = corners.astype(np.int64)
    after = np.roll(places, -1, axis=0)
    if not (places == after).any(axis=1).all():
        return None
    rect = Rect(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    upright = places[:, 1] != after[:, 1]
    columns = places[upright, 0] - rect.x
    ends = np.stack([places[upright, 1], after[upright, 1]]) - rect.y
    turns = np.zeros((rect.height + 1, rect.width + 1), np.uint8)
    np.bitwise_xor.at(turns, (ends[0], columns), np.uint8(1))
    np.bitwise_xor.at(turns, (ends[1], columns), np.uint8(1))
    np.bitwise_xor.accumulate(turns, axis=0, out=turns)
    np.bitwise_xor.accumulate(turns, axis=1, out=turns)
    return turns[:-1, :-1].view(np.bool_), rect


def box(corner: Sequence[Any], other: Sequence[Any], size: Size, limits: Limits, turned: Any = 0) -> Area:
    """A rectangle between two corners, turned by *turned* degrees (clockwise as seen) about its middle."""
    x0, y0, x1, y1 = (number(value) for value in (corner[0], corner[1], other[0], other[1]))
    middle, angle = ((x0 + x1) / 2, (y0 + y1) / 2), math.radians(number(turned))
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    if angle:
        corners = [_turned(point, middle, angle) for point in corners]
    return polygon(corners, size, limits)


def _turned(point: tuple[float, float], about: tuple[float, float], angle: float) -> tuple[float, float]:
    dx, dy = point[0] - about[0], point[1] - about[1]
    cos, sin = math.cos(angle), math.sin(angle)
    return about[0] + dx * cos - dy * sin, about[1] + dx * sin + dy * cos


def ellipse(middle: Sequence[Any], radii: Sequence[Any], size: Size, turned: Any = 0) -> Area:
    """The pixels whose centre lies inside, or on the border."""
    cx, cy, rx, ry = (number(value) for value in (*middle, *radii))
    angle = math.radians(number(turned))
    if min(rx, ry) <= 0:
        raise ValueError("an ellipse without a size")
    reach_x = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    reach_y = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    left, top = math.floor(cx - reach_x), math.floor(cy - reach_y)
    rect = Rect(left, top, math.ceil(cx + reach_x) - left, math.ceil(cy + reach_y) - top).clipped(*size)
    _check_area(rect)
    xs, ys = np.arange(rect.x, rect.right) + 0.5 - cx, np.arange(rect.y, rect.bottom)[:, None] + 0.5 - cy
    along, across = xs * math.cos(angle) + ys * math.sin(angle), ys * math.cos(angle) - xs * math.sin(angle)
    return _filled((along / rx) ** 2 + (across / ry) ** 2 <= 1, rect)


def line(values: Sequence[Any], width_px: float, size: Size) -> Area:
    """What a round brush of *width_px* sweeps along the points; of one point, a disc."""
    places = [(number(value[0]), number(value[1])) for value in values]
    if not places:
        raise ValueError("a line without points")
    xs, ys = [place[0] for place in places], [place[1] for place in places]
    reach = math.ceil(width_px) + 1
    _check_area(Rect(0, 0, int(max(xs) - min(xs)) + 2 * reach, int(max(ys) - min(ys)) + 2 * reach))
    if len(places) > 100_000:
        raise ValueError("a line of more than 100,000 points")
    mask, rect = stroke_mask(places, width_px)
    part = rect.clipped(*size)
    return _filled(mask[part.moved(-rect.x, -rect.y).slices], part) if not part.is_empty else _filled(mask[:0], EMPTY)


def _check_area(rect: Rect) -> None:
    if rect.width * rect.height > MAX_PIXELS:
        raise ValueError("a shape that is too large to be drawn")


def _filled(mask: npt.NDArray[np.bool_], rect: Rect) -> Area:
    if not mask.any():
        raise ValueError("a shape that covers the centre of no pixel of the image")
    return mask, rect


def ignored(area: Area) -> ClassPixels:
    """The pixels as ignored ones."""
    return ClassPixels(area[1].x, area[1].y, np.where(area[0], np.uint16(IGNORE), np.uint16(0)))


def mask_from_png(text: Any, size: Size) -> npt.NDArray[np.bool_]:
    """(h, w) bool of a picture in base64: what is not 0.

    Raises
    ------
    ValueError
        When it is none, or larger than the image.
    """
    from PIL import Image

    data = bytes_of_base64(text)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "JPEG")) as picture:
            if (
                picture.width > size[0] + 1
                or picture.height > size[1] + 1
                or picture.width * picture.height > MAX_PIXELS
            ):
                raise ValueError("a mask that is larger than the image")
            values = np.asarray(picture)
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything for damaged pictures
        raise ValueError("a mask that is no picture") from error
    return np.asarray(values != 0) if values.ndim == 2 else np.asarray((values[..., :3] != 0).any(axis=2))


def bytes_of_base64(text: Any) -> bytes:
    """What base64 text holds, a data URL's head left out; ValueError when it is none."""
    if not isinstance(text, str) or not text:
        raise ValueError("a picture that is no base64 text")
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a picture that is no base64 text") from error


_SIGNATURES = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}


def _kind_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def picture_suffix(text: Any) -> str:
    """The suffix that fits a picture in base64; ".png" where it is none."""
    try:
        return _kind_of(bytes_of_base64(text[:4096] if isinstance(text, str) else text)) or ".png"
    except ValueError:
        return ".png"


def size_of_picture(path: Path | None, text: Any = None) -> Size:
    """(width, height) as shown of an image file, else of a picture in base64; (0, 0) where neither can be read."""
    from PIL import Image

    from segstudio.io.readers.registry import probe

    if path is not None:
        try:
            info = probe(path)
            return info.width, info.height
        except UserError:
            return 0, 0
    try:
        with Image.open(io.BytesIO(bytes_of_base64(text))) as picture:
            is_turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (picture.height, picture.width) if is_turned else picture.size
    except Exception:  # noqa: BLE001 - decoders raise anything for damaged pictures
        return 0, 0


def save_picture(data: bytes, path: Path) -> None:
    """Write an embedded picture: its bytes as they are, or saved anew where *path*'s suffix says another kind.

    Raises
    ------
    UserError
        When it is no picture, or the disk refuses.
    """
    from segstudio.io.atomic import disk_error

    suffix = path.suffix.lower().replace("jpeg", "jpg").replace("tiff", "tif")
    kind = _kind_of(data)
    if not kind:
        raise UserError("The embedded image is no picture that can be read", path=path, remedy=RESTORE)
    try:
        if kind == suffix:
            path.write_bytes(data)
        else:
            _save_anew(data, path)
    except OSError as error:
        raise disk_error(error, path) from error


def _save_anew(data: bytes, path: Path) -> None:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise UserError("The embedded image is too large", path=path, remedy=RESTORE)
            turned = ImageOps.exif_transpose(picture)
            pixels = (
                turned if turned.mode in ("1", "L", "RGB", "I;16") or path.suffix == ".png" else turned.convert("RGB")
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError("The embedded image is no picture that can be read", path=path, remedy=RESTORE) from error
    pixels.save(path)


def is_image_name(name: str) -> bool:
    """Whether a file name ends as pictures do."""
    return name.lower().endswith(_IMAGE_SUFFIXES)
