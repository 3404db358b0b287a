"""Predictions on whole validation images, and their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from segstudio.core.metrics import joint_histogram, scores_from_confusion
from segstudio.ml.inference.devices import free_cached, is_out_of_memory
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.train_events import ValidationPicture
from segstudio.ml.training.distributed import ONE
from segstudio.ml.training.patches import PairCache
from segstudio.ml.training.validation_details import ValidationDetails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.volume_setup import VolumePairs

WHOLE_PX = 1024
"""Images up to this side are predicted whole; larger ones in squares of this side."""
SMALLER_PX = (512, 384)
"""The sides of squares that are tried next where memory runs out."""
MARGIN_PX = 96
PICTURE_PX = 384
PICTURES = 6


@dataclass(frozen=True)
class Validation:
    """Result on all images of a split; ``scores`` as ``segstudio score`` prints them."""

    loss: float
    scores: dict[str, Any]
    confusion: npt.NDArray[np.int64]
    pictures: tuple[ValidationPicture, ...]
    details: ValidationDetails | None = None


def squares(height: int, width: int, whole_px: int = WHOLE_PX) -> Iterator[tuple[slice, slice, slice, slice]]:
    """(rows, columns) to predict and the (rows, columns) of them to keep, covering an image once."""
    step = whole_px if max(height, width) <= whole_px else whole_px - 2 * MARGIN_PX
    for y in range(0, height, step):
        for x in range(0, width, step):
            bottom, right = min(height, y + step), min(width, x + step)
            top, left = max(0, y - MARGIN_PX), max(0, x - MARGIN_PX)
            yield (
                slice(top, min(height, bottom + MARGIN_PX)),
                slice(left, min(width, right + MARGIN_PX)),
                slice(y, bottom),
                slice(x, right),
            )


@torch.no_grad()
def predict_logits(
    network: nn.Module,
    unit: npt.NDArray[np.floating[Any]],
    normalise: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device,
    *,
    amp_dtype: torch.dtype | None,
    whole_px: int = WHOLE_PX,
) -> torch.Tensor:
    """(K, y, x) float32 logits on the CPU of an image (B, y, x) in 0…1; in smaller squares where the memory wants it so."""
    for smaller_px in SMALLER_PX:
        try:
            return _in_squares(network, unit, normalise, device, amp_dtype, whole_px)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or max(unit.shape[1:]) <= smaller_px:
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
        free_cached(str(device))
        whole_px = smaller_px
    return _in_squares(network, unit, normalise, device, amp_dtype, whole_px)


def _in_squares(
    network: nn.Module,
    unit: npt.NDArray[np.floating[Any]],
    normalise: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device,
    amp_dtype: torch.dtype | None,
    whole_px: int,
) -> torch.Tensor:
    height, width = unit.shape[1:]
    whole: torch.Tensor | None = None
    for rows, columns, keep_rows, keep_columns in squares(height, width, whole_px):
        x = normalise(torch.from_numpy(unit[None, :, rows, columns].astype(np.float32)).to(device))
        with torch.autocast(device.type, amp_dtype or torch.float32, enabled=amp_dtype is not None):
            logits = network(x.contiguous(memory_format=torch.channels_last)).logits[0].float().cpu()
        if whole is None:
            whole = torch.empty((logits.shape[0], height, width))
        y0, x0 = keep_rows.start - rows.start, keep_columns.start - columns.start
        part = logits[:, y0 : y0 + keep_rows.stop - keep_rows.start, x0 : x0 + keep_columns.stop - keep_columns.start]
        whole[:, keep_rows, keep_columns] = part
    assert whole is not None
    return whole


def validate(
    network: nn.Module,
    pairs: PairCache | VolumePairs,
    names: list[str],
    classes: tuple[str, ...],
    normalise: Callable[[torch.Tensor], torch.Tensor],
    loss: Callable[..., torch.Tensor] | None,
    device: torch.device,
    *,
    amp_dtype: torch.dtype | None,
    is_stopped: Callable[[], bool] = lambda: False,
    ranks: Ranks = ONE,
) -> Validation:
    """Metrics over all images, pooled; the network is left in eval mode. Each image is done by one of *ranks*."""
    from segstudio.ml.networks.output import NetworkOutput

    network.eval()
    count = len(classes)
    confusion = np.zeros((count, count), np.int64)
    losses: dict[int, float] = {}
    pictures: dict[int, ValidationPicture] = {}
    details = ValidationDetails(count)
    for i in range(ranks.rank, len(names), ranks.size):
        if is_stopped():
            break
        if isinstance(pairs, PairCache) and pairs.is_big(i):
            from segstudio.ml.training.validate_big import validate_big

            big = validate_big(
                network, pairs.big(i), names[i], count, normalise, loss, device, amp_dtype=amp_dtype, is_stopped=is_stopped
            )  # fmt: skip
            confusion += big.counts
            if big.loss is not None:
                losses[i] = big.loss
            if big.picture is not None:
                details.add(names[i], big.picture.truth, big.counts, None, partial(_given, big.picture))
                pictures |= {i: big.picture} if i < PICTURES else {}
            continue
        unit, truth = pairs[i]
        if isinstance(pairs, PairCache):
            logits = predict_logits(network, unit, normalise, device, amp_dtype=amp_dtype)
            unit = pairs.own_bands(unit)
        else:
            logits = pairs.logits(i, network, normalise, device, amp_dtype)
        # On CPU argmax over the channel is five times slower than max, with the same answer.
        prediction = logits.max(0).indices.to(torch.uint8).numpy()
        counts = joint_histogram(truth, prediction, count, IGNORE_INDEX)
        confusion += counts
        details.add(names[i], truth, counts, logits, partial(picture_of, names[i], unit, truth, prediction))
        if loss is not None:
            losses[i] = float(loss(NetworkOutput(logits[None]), torch.from_numpy(truth.astype(np.int64))[None]))
        if i < PICTURES:
            pictures[i] = picture_of(names[i], unit, truth, prediction)
    parts = ranks.gathered((confusion, losses, pictures, details))
    details = parts[0][3]
    for part in parts[1:]:
        details.add_all(part[3])
    confusion = sum((part[0] for part in parts[1:]), parts[0][0])
    # In the order of the images, whichever process did them: a mean of floats depends on it.
    losses, pictures = ({i: p[k][i] for i in range(len(names)) for p in parts if i in p[k]} for k in (1, 2))
    mean = float(np.mean(list(losses.values()))) if losses else float("nan")
    return Validation(
        mean, scores_from_confusion(confusion, list(classes)), confusion, tuple(pictures.values()), details
    )


def _given(picture: ValidationPicture) -> ValidationPicture:
    return picture


def picture_of(
    name: str, unit: npt.NDArray[Any], truth: npt.NDArray[np.uint8], prediction: npt.NDArray[np.uint8]
) -> ValidationPicture:
    """A small picture of an image, its labels and what was predicted."""
    factor = min(1.0, PICTURE_PX / max(truth.shape))
    size = (max(1, round(truth.shape[1] * factor)), max(1, round(truth.shape[0] * factor)))
    bands = unit[:3] if unit.shape[0] >= 3 else np.repeat(unit[:1], 3, axis=0)
    rgb = np.stack([cv2.resize(b.astype(np.float32), size, interpolation=cv2.INTER_AREA) for b in bands], axis=-1)
    rgb8 = (rgb.clip(0, 1) * 255).astype(np.uint8)
    planes = [cv2.resize(p, size, interpolation=cv2.INTER_NEAREST) for p in (truth, prediction)]
    return ValidationPicture(name, rgb8, planes[0], planes[1])
