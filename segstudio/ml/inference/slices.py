"""Planes of a volume with their neighbours as bands (2.5-D), and one range of values for a whole volume. No torch here."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.validity import valid_mask
from segstudio.ml.inference.normalise import SAMPLE_SIDE, stretch_range
from segstudio.ml.inference.windows import reflected

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.inference.sources import Reader

SAMPLED_PLANES = 16
"""The range of a volume's values comes from so many planes, evenly spaced."""
_RANGES: WeakKeyDictionary[Any, dict[tuple[str, int], tuple[float, float]]] = WeakKeyDictionary()
"""Of the volumes that are open: each of their planes asks for it."""


def plane_bands(bands: int, is_rgb: bool) -> int:
    """How many of an image's bands a network learns from: alpha is left out."""
    if bands == 4 and is_rgb:
        return 3
    return 1 if bands == 2 else bands


def depth_of(reader: Reader) -> int:
    """How many planes an open image has; 1 for a flat one."""
    return int(getattr(reader.info, "depth", 1))


def read_plane(reader: Reader, z: int, rect: Rect, bands: int) -> npt.NDArray[Any]:
    """(bands, h, w) raw values of *rect* in plane *z*: alpha left out, grey repeated where *bands* is 3.

    Raises
    ------
    UserError
        When the volume has another number of bands, or cannot be read.
    """
    values: npt.NDArray[Any] = reader.read(0, z, rect)
    values = values[: plane_bands(values.shape[0], bool(getattr(reader.info, "is_rgb", False)))]
    if len(values) == bands:
        return values
    if len(values) == 1 and bands == 3:
        return np.repeat(values, 3, axis=0)
    raise UserError(
        f"the volume has {len(values)} bands a plane but the model needs {bands}",
        path=getattr(reader.info, "path", None),
        remedy="choose a model for such volumes",
    )


def volume_range(reader: Reader, scaling: str, bands: int) -> tuple[float, float]:
    """The values that become 0 and 1 in every window and plane of a volume, as :func:`~segstudio.ml.inference.normalise.stretch_range`.

    Planes that cannot be read take no part, unless none can.
    """
    depth = depth_of(reader)
    width, height = int(reader.info.width), int(reader.info.height)
    step_y, step_x = max(1, height // SAMPLE_SIDE), max(1, width // SAMPLE_SIDE)
    parts, failure = [], None
    for z in np.unique(np.linspace(0, depth - 1, min(depth, SAMPLED_PLANES)).round().astype(int)).tolist():
        try:
            parts.append(read_plane(reader, z, Rect(0, 0, width, height), bands)[:, ::step_y, ::step_x])
        except UserError as error:
            failure = error
            continue
        if scaling == "none" or (scaling == "unit8" and parts[0].dtype == np.uint8):
            break  # the kind of values says it
    if not parts:
        assert failure is not None
        raise failure
    return stretch_range(np.concatenate(parts, axis=1), scaling)


class SlicedReader:
    """A volume each of whose planes is seen with its neighbours: the bands of *slices* planes one after the other.

    Beyond the first and the last plane the volume is mirrored. ``read`` answers (slices · bands, y, x).

    Raises
    ------
    UserError
        When the image is flat.
    """

    def __init__(self, reader: Reader, slices: int, bands: int) -> None:
        path = getattr(reader.info, "path", None)
        self.depth = depth_of(reader)
        if self.depth < 2:
            raise UserError(
                f"the image is flat, and the model looks at {slices} neighbouring planes of a volume",
                path=path,
                remedy="choose a volume, or a model for flat images",
            )
        self._reader, self._half, self._bands = reader, slices // 2, bands
        self.info: Any = copy(reader.info)
        for name, value in (("bands", slices * bands), ("is_rgb", False)):
            object.__setattr__(self.info, name, value)  # a copy of our own, frozen or not

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(slices · bands, y, x) values of *window* in the planes around *z*; *level* is 0."""
        if level:
            raise IndexError(f"level {level}")
        planes = reflected(z - self._half, z + self._half + 1, self.depth).tolist()
        return np.concatenate([read_plane(self._reader, plane, window, self._bands) for plane in planes])

    def value_range(self, scaling: str) -> tuple[float, float]:
        """The same for every plane of the volume."""
        known = _RANGES.setdefault(self._reader, {})
        if (scaling, self._bands) not in known:
            known[scaling, self._bands] = volume_range(self._reader, scaling, self._bands)
        return known[scaling, self._bands]

    def valid_mask(self, level: int, z: int, window: Rect) -> npt.NDArray[np.bool_] | None:
        """Of plane *z* itself."""
        return valid_mask(self._reader, level, z, window)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the volume."""
        close = getattr(self._reader, "close", None)
        if close is not None:
            close()


def seen(reader: Reader, slices: int, bands: int) -> Reader:
    """*reader* as a network sees it that takes *slices* planes of together *bands* bands; itself for one plane."""
    return reader if slices == 1 else SlicedReader(reader, slices, bands // slices)


def seen_by(reader: Reader, card: ModelCard) -> Reader:
    """*reader* as the model of *card* sees it."""
    return seen(reader, card.slices, card.bands)
