"""torchvision's Mask R-CNN: objects with masks at the image's own size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.loading import CancelHooks

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    from segstudio.ml.cards import ModelCard

MIN_SCORE = 0.3
"""Objects below are noise; the confidence slider works on the rest."""


class MaskRcnnSegmenter:
    """Mask R-CNN on a device."""

    def __init__(self, module: nn.Module, card: ModelCard, device: str = "cpu") -> None:
        self.card = card
        network: Any = module.eval().requires_grad_(False)
        self.module = network
        network.roi_heads.score_thresh = MIN_SCORE
        self.hooks = CancelHooks(module)
        self.device = device
        self.to(device)

    def to(self, device: str) -> None:
        """Move to another device."""
        self.module = self.module.to(device)
        self.device = device

    def find_objects(self, image: torch.Tensor, width: int, height: int) -> list[ObjectResult]:
        """Objects in *image* (3, h, w) float32 in 0 … 1, best first, in pixels of *width* × *height*."""
        model: Any = self.module
        with torch.inference_mode():
            # The parts of GeneralizedRCNN.forward without its last one, which pastes a mask of the whole image for each
            # object: 100 objects on 4096² would need 6.7 GB.
            images, _ = model.transform([image.to(self.device)], None)
            features = model.backbone(images.tensors)
            proposals, _ = model.rpn(images, features, None)
            found = model.roi_heads(features, proposals, images.image_sizes, None)[0][0]
        seen_height, seen_width = images.image_sizes[0]
        boxes = found["boxes"].cpu().numpy().astype(np.float64)
        boxes *= [width / seen_width, height / seen_height] * 2
        masks = found["masks"][:, 0].float().cpu().numpy()
        results = []
        for box, label, score, mask in zip(
            boxes, found["labels"].tolist(), found["scores"].tolist(), masks, strict=True
        ):
            pasted = paste_mask(mask, box, width, height)
            if pasted is not None:
                results.append(ObjectResult(*pasted, int(label), float(score)))
        return sorted(results, key=lambda r: -r.score)


def paste_mask(
    mask: npt.NDArray[np.float32], box_xyxy: npt.NDArray[np.float64], width: int, height: int
) -> tuple[Rect, npt.NDArray[np.bool_]] | None:
    """(rectangle, (h, w) bool) of a (28, 28) mask of probabilities over a box; None where nothing is left inside.

    Cut to what is set and to the image.
    """
    side = mask.shape[0]
    grown = (side + 2) / side
    centre_x, centre_y = (box_xyxy[0] + box_xyxy[2]) / 2, (box_xyxy[1] + box_xyxy[3]) / 2
    box_width = max(box_xyxy[2] - box_xyxy[0], 1.0) * grown
    box_height = max(box_xyxy[3] - box_xyxy[1], 1.0) * grown
    left, top = centre_x - box_width / 2, centre_y - box_height / 2
    rect = Rect(math.floor(left), math.floor(top), math.ceil(box_width) + 1, math.ceil(box_height) + 1)
    rect = rect.clipped(width, height)
    if rect.is_empty:
        return None
    padded = np.pad(mask, 1)
    scale_x, scale_y = padded.shape[1] / box_width, padded.shape[0] / box_height
    at_x = (np.arange(rect.x, rect.right) + 0.5 - left) * scale_x - 0.5
    at_y = (np.arange(rect.y, rect.bottom) + 0.5 - top) * scale_y - 0.5
    grid_x, grid_y = np.meshgrid(at_x.astype(np.float32), at_y.astype(np.float32))
    values = cv2.remap(padded.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    is_set = values >= 0.5
    rows, columns = np.flatnonzero(is_set.any(axis=1)), np.flatnonzero(is_set.any(axis=0))
    if not len(rows):
        return None
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return Rect(rect.x + x0, rect.y + y0, x1 - x0, y1 - y0), is_set[y0:y1, x0:x1].copy()
