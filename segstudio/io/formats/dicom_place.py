"""Where the frames of a segmentation lie in an image: by turning axes alone, else nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.grid_match import match_grids
from segstudio.core.volumes import DisplayOrder, as_affine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.io.formats.dicom_frames import SegFrame
    from segstudio.io.readers.base import ImageInfo

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SAME_MM = 1e-2


@dataclass(frozen=True)
class FrameGrid:
    """The grid of an image: ``affine`` of shown voxels to RAS+ mm, and how many planes it has."""

    affine: tuple[tuple[float, ...], ...]
    depth: int

    def place(
        self, frame: SegFrame, sides: tuple[int, int], known_z: int | None = None
    ) -> tuple[Any, int, int, int] | None:
        """(what turns the frame's mask, x, y, z); None where its pixels lie between those of the image.

        *known_z* is the plane by reference: slices of uneven distances lie beside the places an affine gives them.
        """
        if not (frame.position and frame.orientation and frame.spacing):
            return None
        onto = np.asarray(self.affine)
        own = _frame_affine(frame, onto)
        if known_z is not None:
            own[:3, 3] += onto[:3, 2] * (known_z - (np.linalg.inv(onto) @ own[:, 3])[2])
        match = match_grids(onto, own, (*sides, 1))
        if match is None or match.order.axes[2] != 2 or not 0 <= match.offset[2] < self.depth:
            return None
        return partial(_turned, match.order), *match.offset


def _turned(order: DisplayOrder, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """A (y, x) mask turned as *order* turns (x, y, z)."""
    return np.ascontiguousarray(order.shown(mask.T[:, :, None])[:, :, 0].T)


def _frame_affine(frame: SegFrame, like: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The frame's affine (RAS+); its third axis is that of *like* which lies most nearly across it."""
    lps = np.eye(4)
    lps[:3, 0] = np.asarray(frame.orientation[:3]) * frame.spacing[0]
    lps[:3, 1] = np.asarray(frame.orientation[3:]) * frame.spacing[1]
    lps[:3, 3] = frame.position
    ras = np.asarray(_LPS_TO_RAS @ lps)
    normal = np.cross(ras[:3, 0], ras[:3, 1])
    across = np.abs(normal @ like[:3, :3]) / np.linalg.norm(like[:3, :3], axis=0)
    ras[:3, 2] = like[:3, int(np.argmax(across))]
    return ras


def grid_of_image(info: ImageInfo) -> FrameGrid | None:
    """The grid of an image that says where it lies."""
    affine = info.metadata.get("affine")
    return None if affine is None else FrameGrid(as_affine(affine), info.depth)


def order_of_references(frames: Sequence[SegFrame], uids: Sequence[str]) -> dict[str, int] | None:
    """Plane of each image that segmentations list, where they list all of a volume in the order their frames lie in.

    None where a frame refers to none of them, or they are listed in another order.
    """
    place = {uid: index for index, uid in enumerate(uids)}
    if not frames or any(frame.instance_uid not in place or frame.frame_number > 1 for frame in frames):
        return None
    heights: dict[int, float] = {}
    for frame in frames:
        if frame.position and frame.orientation:
            normal = np.cross(frame.orientation[:3], frame.orientation[3:])
            heights[place[frame.instance_uid]] = float(np.dot(normal, frame.position))
    steps = np.diff([heights[index] for index in sorted(heights)])
    if steps.size and not ((steps > _SAME_MM).all() or (steps < -_SAME_MM).all()):
        return None
    is_down = steps.size > 0 and float(steps[0]) < 0
    return {uid: len(uids) - 1 - index if is_down else index for uid, index in place.items()}


def grid_of_frames(frames: Sequence[SegFrame]) -> tuple[FrameGrid | None, int]:
    """(grid that the frames lie in, number of planes), of segmentations whose image is missing; None where they do not say."""
    placed = [frame for frame in frames if frame.position and frame.orientation and frame.spacing]
    if not placed or len(placed) < len(frames):
        return None, max(1, *(frame.frame_number for frame in frames)) if frames else 1
    first = placed[0]
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    lowest = min(placed, key=lambda frame: float(np.dot(normal, frame.position)))
    heights = sorted(float(np.dot(normal, frame.position)) for frame in placed)
    steps = np.diff(heights)
    steps = steps[steps > _SAME_MM]
    step = float(steps.min()) if steps.size else 1.0
    depth = round((heights[-1] - heights[0]) / step) + 1
    lps = np.eye(4)
    lps[:3, 0] = np.asarray(first.orientation[:3]) * first.spacing[0]
    lps[:3, 1] = np.asarray(first.orientation[3:]) * first.spacing[1]
    lps[:3, 2] = normal * step
    lps[:3, 3] = lowest.position
    return FrameGrid(as_affine(_LPS_TO_RAS @ lps), min(depth, 1 << 16)), min(depth, 1 << 16)
