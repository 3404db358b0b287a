"""Random walker: every pixel goes to the marks that a walker who shuns edges reaches first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, check

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.cancel import Cancel


COARSEST_PX = 48
"""Below this side the pyramid ends and the walk starts from one half everywhere."""
_LEAST_WEIGHT = 1e-4
"""Even across the strongest edge a walker passes now and then, so that no pixel is cut off."""


def random_walker(
    rgb: npt.NDArray[np.uint8],
    foreground: npt.NDArray[np.bool_],
    background: npt.NDArray[np.bool_],
    *,
    beta: float = 400.0,
    tolerance: float = 1e-5,
    cancel: Cancel = NEVER,
) -> npt.NDArray[np.float32]:
    """Probability, at each pixel, that a walker from there reaches a foreground mark before a background mark.

    Solves the Dirichlet problem on the 4-connected grid with weights ``exp(-beta d²)``, where d² is the squared
    difference of two neighbours' colours divided by the picture's variance (Grady, "Random walks for image
    segmentation", PAMI 2006), by conjugate gradients from the solution on the grid of half the size.

    Parameters
    ----------
    rgb
        (h, w, 3) uint8.
    foreground, background
        (h, w) bool marks; where they overlap the foreground holds. Each needs a pixel.
    beta
        How much a walker shuns edges.
    tolerance
        Largest root mean square of the residual at which it stops.

    Returns
    -------
    (h, w) float32 in 0…1.

    Raises
    ------
    ValueError
        When one kind of marks is missing.
    Cancelled
        When *cancel* was set.
    """
    if not foreground.any() or not background.any():
        raise ValueError("both foreground and background need a mark")
    height, width = foreground.shape
    start: npt.NDArray[np.float32] | None = None
    if min(height, width) >= 2 * COARSEST_PX:
        half = (width // 2, height // 2)
        marks = [_halved(marked, half) for marked in (foreground, background)]
        coarse = random_walker(
            np.asarray(cv2.resize(rgb, half, interpolation=cv2.INTER_AREA), np.uint8),
            marks[0],
            marks[1] & ~marks[0] if (marks[1] & ~marks[0]).any() else marks[1],
            beta=beta,
            tolerance=tolerance,
            cancel=cancel,
        )
        start = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return _solved(_weights(rgb, beta), foreground, background & ~foreground, start, tolerance, cancel)


def _halved(marked: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Marks on the coarser grid: a pixel is marked when any below it is."""
    area = cv2.resize(marked.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(area > 0)


def _weights(rgb: npt.NDArray[np.uint8], beta: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weights of the edges to the right (h, w-1) and down (h-1, w)."""
    values = rgb.astype(np.float32)
    variance = float(values.reshape(-1, values.shape[-1]).var(axis=0).sum()) + 1e-6
    across = ((values[:, 1:] - values[:, :-1]) ** 2).sum(axis=-1)
    down = ((values[1:] - values[:-1]) ** 2).sum(axis=-1)
    factor = np.float32(-beta / (10.0 * variance))
    return np.exp(across * factor) + np.float32(_LEAST_WEIGHT), np.exp(down * factor) + np.float32(_LEAST_WEIGHT)


def _solved(
    weights: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    foreground: npt.NDArray[np.bool_],
    background: npt.NDArray[np.bool_],
    start: npt.NDArray[np.float32] | None,
    tolerance: float,
    cancel: Cancel,
) -> npt.NDArray[np.float32]:
    """Conjugate gradients with the diagonal as preconditioner; marked pixels stay as they are."""
    across, down = weights
    free = (~(foreground | background)).astype(np.float32)
    x: npt.NDArray[np.float32] = np.full(foreground.shape, 0.5, np.float32) if start is None else start.copy()
    x[foreground], x[background] = 1.0, 0.0
    diagonal = np.zeros_like(x)
    diagonal[:, :-1] += across
    diagonal[:, 1:] += across
    diagonal[:-1] += down
    diagonal[1:] += down

    def times(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        out = diagonal * values
        out[:, :-1] -= across * values[:, 1:]
        out[:, 1:] -= across * values[:, :-1]
        out[:-1] -= down * values[1:]
        out[1:] -= down * values[:-1]
        out *= free
        return out

    inverse: npt.NDArray[np.float32] = np.asarray(free / np.maximum(diagonal, np.float32(1e-12)), np.float32)
    residual = -times(x)
    scaled = inverse * residual
    direction: npt.NDArray[np.float32] = np.asarray(scaled, np.float32).copy()
    power = float(np.vdot(residual, scaled))
    count = max(1.0, float(free.sum()))
    for step in range(4 * sum(foreground.shape)):
        if step % 8 == 0:
            check(cancel)
        # In units of the solution: how far a pixel is from the mean of its neighbours.
        if power <= 0 or float(np.vdot(scaled, scaled)) <= tolerance**2 * count:
            break
        product = times(direction)
        length = np.float32(power / float(np.vdot(direction, product)))
        x += length * direction
        residual -= length * product
        np.multiply(inverse, residual, out=scaled)
        before, power = power, float(np.vdot(residual, scaled))
        direction *= np.float32(power / before)
        direction += scaled
    return np.clip(x, 0.0, 1.0)
