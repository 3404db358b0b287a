"""Layers from near to far by the disparity of a rectified stereo pair.

H. Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual Information", 2008, as OpenCV has it (block costs
after Birchfield and Tomasi). Both images are reduced alike; what is hidden in the right one is unknown.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.ml.classic.companions import companion
from segstudio.ml.classic.depth_layers import WORK_PX, find_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import ObjectResult, WindowResult
    from segstudio.ml.classic.picture import Request

ENDINGS = ("_right", "-right", "_r", "_R", ".right")
FOLDERS = ("right",)


def find(request: Request) -> Iterator[WindowResult | ObjectResult]:
    """Class 1 (near) … n (far) of the left image; 0 where no match was found."""
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.classic.picture import Picture

    picture, options = request.picture, request.options
    path = companion(
        Path(picture.reader.info.path), str(options["right"]), ENDINGS, FOLDERS, "right image", "right"
    )
    request.progress(0, 0, "Matching the pair")
    by = picture.reduction(WORK_PX)
    left, is_left = picture.reduced(by, request.cancel)
    with closing(open_image(path)) as reader:
        other = Picture(reader, min(picture.z, reader.info.depth - 1))
        if (other.width, other.height) != (picture.width, picture.height):
            raise UserError(
                f"the right image has {other.width}×{other.height} pixels, the left one {picture.width}×{picture.height}",
                path=path,
                remedy="choose the rectified right image of the same size",
            )
        right, is_right = other.reduced(by, request.cancel)
    check(request.cancel)
    most = int(options["max_disparity_px"]) / by or left.shape[1] / 8
    found = disparity(left, right, most, int(options["block_px"]))
    found[~is_left] = np.nan
    if not is_right.all():
        columns = np.arange(left.shape[1])[None, :] - np.nan_to_num(found).round().astype(int)
        found[~np.take_along_axis(is_right, columns.clip(0), axis=1)] = np.nan
    yield from find_layers(request, found, by)


def disparity(
    left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8], most_px: float, block_px: int = 5
) -> npt.NDArray[np.float32]:
    """(h, w) float32 pixels by which a point of (h, w, 3) *left* lies farther left in *right*; NaN: unknown."""
    height, width = left.shape[:2]
    steps = max(16, -(-round(most_px) // 16) * 16)
    block = block_px | 1
    if width < 8 or height < 8:
        return np.full((height, width), np.nan, np.float32)
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=steps,
        blockSize=block,
        P1=8 * 3 * block**2,
        P2=32 * 3 * block**2,
        disp12MaxDiff=1,
        uniquenessRatio=5,
        speckleWindowSize=50,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    # Room at the left: the matcher leaves as many columns there without an answer.
    margin = ((0, 0), (steps, 0), (0, 0))
    found = matcher.compute(np.pad(left, margin, mode="edge"), np.pad(right, margin, mode="edge"))[:, steps:]
    out = np.asarray(found, np.float32) / np.float32(16)
    out[found < 0] = np.nan
    return np.asarray(out, np.float32)
