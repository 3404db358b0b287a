"""Averaging a model's answers to mirrored, turned and resized copies of each window: slower, and a little better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from segstudio.ml.api import Segmenter
    from segstudio.ml.cards import ModelCard

_X = (-1,)


def _turned(turns: int, *, is_mirrored: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(there, back) of one view: mirrored left to right, then quarter turns."""

    def there(x: torch.Tensor) -> torch.Tensor:
        return torch.rot90(x.flip(_X) if is_mirrored else x, turns, (-2, -1))

    def back(x: torch.Tensor) -> torch.Tensor:
        straight = torch.rot90(x, -turns, (-2, -1))
        return straight.flip(_X) if is_mirrored else straight

    return there, back


_VIEWS = {
    1: [(0, False)],
    2: [(0, False), (0, True)],
    4: [(0, False), (0, True), (2, False), (2, True)],
    8: [(turns, is_mirrored) for turns in range(4) for is_mirrored in (False, True)],
}
"""Quarter turns and mirroring of each view: none, left to right, also top to bottom, and all that a square has."""


def sides(count: int) -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """(there, back) of each of 1, 2, 4 or 8 views: what turns a picture, and what turns the answer back."""
    return [_turned(turns, is_mirrored=is_mirrored) for turns, is_mirrored in _VIEWS[count]]


_SCALES = {1: (1.0,), 3: (0.75, 1.0, 1.25), 5: (0.5, 0.75, 1.0, 1.25, 1.5)}
"""Sizes that are averaged, as factors of the window's (multi-scale inputs, Chen et al. 2017, arXiv:1606.00915)."""


class ViewsSegmenter:
    """A semantic model that looks at each window from 2, 4 or 8 sides and in 3 or 5 sizes; everything else is the model's own.

    What is averaged are probabilities; their logarithm is the answer, so that its softmax is the average.
    """

    def __init__(self, segmenter: Segmenter, views: int, scales: int = 1) -> None:
        self._segmenter = segmenter
        self._views = sides(views)
        self._scales = _SCALES[scales]

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self._segmenter.card

    @property
    def device(self) -> str:
        """Where the model is."""
        return self._segmenter.device

    def __getattr__(self, name: str) -> Any:
        """Whatever else the model has: its hooks, its check of an image."""
        return getattr(self._segmenter, name)

    def to(self, device: str) -> None:
        """Move to another device."""
        self._segmenter.to(device)

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, H, W) float32 of *batch* (N, C, H, W), on the model's device."""
        total: torch.Tensor | None = None
        with torch.inference_mode():
            for factor in self._scales:
                x = self._resized(batch, factor)
                for there, back in self._views:
                    answer = back(torch.softmax(self._segmenter.predict(there(x).contiguous()), 1))
                    if answer.shape[-2:] != batch.shape[-2:]:
                        answer = F.interpolate(answer, size=batch.shape[-2:], mode="bilinear", align_corners=False)
                    total = answer if total is None else total + answer
            assert total is not None
            # Not a chance of 0 exactly: its logarithm would be no number that can be blended.
            return torch.log((total / (len(self._views) * len(self._scales))).clamp_min(1e-38))

    def _resized(self, batch: torch.Tensor, factor: float) -> torch.Tensor:
        """*batch* at about *factor* of its size, in whole strides of the network."""
        stride = max(1, self.card.stride_px)
        size = [max(stride, round(side * factor / stride) * stride) for side in batch.shape[-2:]]
        if factor == 1.0 or size == list(batch.shape[-2:]):
            return batch
        return F.interpolate(batch, size=size, mode="bilinear", align_corners=False, antialias=factor < 1)


def with_views(segmenter: Any, options: Mapping[str, Any]) -> Any:
    """*segmenter* as it is, or looking from as many sides and in as many sizes as the options ``views`` and ``scales`` say."""
    views, scales = int(options.get("views", 1)), int(options.get("scales", 1))
    if (views, scales) == (1, 1) or segmenter.card.task != "semantic":
        return segmenter
    return ViewsSegmenter(segmenter, views, scales)
