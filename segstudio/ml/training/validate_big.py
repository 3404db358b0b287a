"""Validation of an image too large to be held: square by square, and only where it is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.geometry import Rect
from segstudio.core.metrics import joint_histogram
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.validate import picture_of, predict_logits, squares

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from torch import nn

    from segstudio.ml.train_events import ValidationPicture
    from segstudio.ml.training.patches import PairSource


@dataclass
class BigValidation:
    """What was found: ``counts`` (n, n) int64, the mean ``loss`` of the labelled pixels (None: none asked for), one square as a picture."""

    counts: npt.NDArray[np.int64]
    loss: float | None = None
    picture: ValidationPicture | None = None


def validate_big(
    network: nn.Module,
    pair: PairSource,
    name: str,
    classes: int,
    normalise: Callable[[torch.Tensor], torch.Tensor],
    loss: Callable[..., torch.Tensor] | None,
    device: torch.device,
    *,
    amp_dtype: torch.dtype | None,
    is_stopped: Callable[[], bool],
) -> BigValidation:
    """The confusion of all labelled squares of *pair*; of fewer once *is_stopped*."""
    from segstudio.ml.networks.output import NetworkOutput

    found = BigValidation(np.zeros((classes, classes), np.int64))
    total, pixels, most = 0.0, 0, 0
    for rows, columns, keep_rows, keep_columns in squares(*pair.shape):
        if is_stopped():
            break
        kept, around = _rect(keep_rows, keep_columns), _rect(rows, columns)
        truth = pair.target(kept)
        labelled = int(np.count_nonzero(truth != IGNORE_INDEX))
        if not labelled:
            continue
        unit = pair.values(around)
        inside = kept.moved(-around.x, -around.y).slices
        logits = predict_logits(network, unit, normalise, device, amp_dtype=amp_dtype)[:, *inside]
        prediction = logits.max(0).indices.to(torch.uint8).numpy()
        found.counts += joint_histogram(truth, prediction, classes, IGNORE_INDEX)
        if loss is not None:
            value = float(loss(NetworkOutput(logits[None]), torch.from_numpy(truth.astype(np.int64))[None]))
            total, pixels = total + value * labelled, pixels + labelled
        if labelled > most:
            most, found.picture = labelled, picture_of(name, unit[:, *inside], truth, prediction)
    if pixels:
        found.loss = total / pixels
    return found


def _rect(rows: slice, columns: slice) -> Rect:
    return Rect(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
