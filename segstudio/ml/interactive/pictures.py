"""What click models are shown. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    import numpy.typing as npt


def check_picture(image: npt.NDArray[np.uint8]) -> None:
    """Refuse what is no (y, x, 3) uint8 RGB picture, or an empty one.

    Raises
    ------
    UserError
        When it is none.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise UserError(
            f"a click model sees pictures of three 8-bit bands, this is {image.dtype} of shape {image.shape}",
            remedy="show the image in the window, which makes such a picture of it",
        )
