"""What an image is worth to classes: doubt about a class that labels hold little of counts more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

LEAST_SHARE = 1e-3
"""A class rarer than this counts as if it were as common: one that hardly occurs must not decide alone."""


class ClassNeed:
    """How much there is to learn from each of n images, told anew after each one that is picked.

    *doubt* (n, K) is the uncertainty of each image summed over the pixels that the model takes for each of K classes, *share*
    (n, K) how many those are, both by the pixels of the image; *held* (m, K) the shares of the images that are labelled. A pixel's
    doubt counts by the inverse of its class's mean share in what is labelled and picked so far, and in one typical image.
    """

    def __init__(
        self,
        doubt: npt.NDArray[np.floating],
        share: npt.NDArray[np.floating],
        held: npt.NDArray[np.floating] | None = None,
    ) -> None:
        self._doubt, self._share = (np.nan_to_num(np.asarray(part, np.float64)) for part in (doubt, share))
        self._held = self._share.mean(axis=0) if len(self._share) else np.zeros(self._share.shape[1])
        self._images = 1
        if held is not None and len(held):
            self._held = self._held + np.nan_to_num(np.asarray(held, np.float64)).sum(axis=0)
            self._images += len(held)

    def worth(self) -> npt.NDArray[np.float64]:
        """(n,) ≥ 0, larger = more; only their ratios mean something."""
        worth: npt.NDArray[np.float64] = self._doubt @ (1.0 / np.maximum(self._held / self._images, LEAST_SHARE))
        return worth

    def pick(self, index: int) -> None:
        """The *index*-th image will be labelled: its classes are needed less."""
        self._held = self._held + self._share[index]
        self._images += 1
