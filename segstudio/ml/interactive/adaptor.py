"""SAM, MobileSAM and SAM 2 as one :class:`segstudio.ml.api.PromptSegmenter`.

Kirillov et al., «Segment Anything», 2023; Ravi et al., «SAM 2: Segment Anything in Images and Videos», 2024. Shapes:

    picture (y, x, 3), of any size
    SAM: longer side resampled to 1024, the rest of the square zeros; SAM 2: the square itself
    (1, 3, 1024, 1024)  →  embedding (1, 256, 64, 64), SAM 2's with (1, 32, 256, 256) and (1, 64, 128, 128) besides
    points, box, former logits  →  logits (M, 256, 256), scores (M,)
    probabilities (M, y, x): one resampling straight from 256² to the picture
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from segstudio.core.errors import UserError
from segstudio.ml.api import PromptAnswer, Prompts
from segstudio.ml.inference.loading import CancelHooks
from segstudio.ml.interactive.pictures import check_picture
from segstudio.ml.interactive.run import MASK_LOGIT

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.cards import ModelCard

LIMIT_LOGIT = 32.0
"""As the authors do, logits that are given back are kept within this."""


@dataclass(frozen=True, eq=False)
class Frame:
    """How a picture of ``width`` × ``height`` lies in the square: its pixels times ``scale_xy`` (x, y)."""

    width: int
    height: int
    scale_xy: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Embedding:
    """What prompts share: feature maps, coarse ones last, and where the picture lies in them."""

    features: tuple[torch.Tensor, ...]
    frame: Frame

    @property
    def nbytes(self) -> int:
        """What it takes of the device's memory."""
        return sum(int(feature.nbytes) for feature in self.features)


class SamPrompter:
    """A network of the SAM family and what it needs: pictures in its square, prompts in its pixels, answers in yours."""

    def __init__(self, module: Any, card: ModelCard, device: str, *, is_padded: bool) -> None:
        self.card, self.device = card, device
        self.module, self.is_padded = module, is_padded
        self.hooks = CancelHooks(module)
        self.image_px = int(self.module.prompt_encoder.input_image_size)
        self.to(device)

    def to(self, device: str) -> None:
        """Move to another device."""
        self.module = self.module.to(device)
        self.device = device

    def embed(self, image: npt.NDArray[np.uint8]) -> Embedding:
        """The embedding of *image* (y, x, 3) uint8 RGB.

        Raises
        ------
        UserError
            When it is no such image, or empty.
        """
        check_picture(image)
        frame, square = self._square(image)
        with torch.inference_mode():
            found = self.module.get_image_embeddings(torch.from_numpy(square)[None].to(self.device))
        features = tuple(found) if isinstance(found, list | tuple) else (found,)
        return Embedding(features, frame)

    def predict(self, embedding: object, prompts: Prompts) -> PromptAnswer:
        """Up to three masks of what *prompts* mean, the likeliest first.

        Raises
        ------
        UserError
            When there is neither a point nor a box.
        """
        assert isinstance(embedding, Embedding)
        if not len(prompts.points_xy) and prompts.box_xyxy is None:
            raise UserError("a click model needs a point or a box", remedy="click on the object")
        given = self._given(embedding.frame, prompts)
        features = embedding.features
        with torch.inference_mode():
            answer = self.module(
                image_embeddings=list(features) if len(features) > 1 else features[0],
                multimask_output=prompts.is_ambiguous,
                **given,
            )
        scores = answer.iou_scores[0, 0].float().cpu().numpy()
        order = np.argsort(-scores, kind="stable")
        logits = answer.pred_masks[0, 0].float().clamp(-LIMIT_LOGIT, LIMIT_LOGIT).cpu().numpy()[order]
        full = np.stack([self._enlarged(one, embedding.frame) for one in logits])
        return PromptAnswer(_sigmoid(full), scores[order], logits)

    def mask_logits(self, embedding: object, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """(256, 256) float32: *mask* (y, x) bool over the picture as :attr:`Prompts.previous`."""
        assert isinstance(embedding, Embedding)
        side, frame = self.image_px // 4, embedding.frame
        width = max(1, min(side, round(frame.width * frame.scale_xy[0] / 4)))
        height = max(1, min(side, round(frame.height * frame.scale_xy[1] / 4)))
        share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        logits = np.full((side, side), -MASK_LOGIT, np.float32)
        logits[:height, :width] = (2 * share - 1) * MASK_LOGIT
        return logits

    # -- the square ------------------------------------------------------------------------------------------------

    def _square(self, image: npt.NDArray[np.uint8]) -> tuple[Frame, npt.NDArray[np.float32]]:
        """The picture, normalised, in a (3, side, side) float32 square."""
        side, (height, width) = self.image_px, image.shape[:2]
        if self.is_padded:
            longer = max(height, width)
            size = (max(1, round(width * side / longer)), max(1, round(height * side / longer)))
        else:
            size = (side, side)
        is_smaller = size[0] * size[1] < width * height
        seen = cv2.resize(image, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)
        mean = np.asarray(self.card.mean, np.float32) * 255
        std = np.asarray(self.card.std, np.float32) * 255
        square = np.zeros((side, side, 3), np.float32)
        square[: size[1], : size[0]] = (seen.astype(np.float32) - mean) / std
        frame = Frame(width, height, (size[0] / width, size[1] / height))
        return frame, np.ascontiguousarray(square.transpose(2, 0, 1))

    def _given(self, frame: Frame, prompts: Prompts) -> dict[str, torch.Tensor]:
        """The prompts in the square's pixels, as the network's keywords."""
        scale = np.asarray(frame.scale_xy, np.float32)
        given: dict[str, torch.Tensor] = {}
        # The network adds half a pixel itself: it counts pixels, we measure positions.
        if len(prompts.points_xy):
            points = np.asarray(prompts.points_xy, np.float32).reshape(-1, 2) * scale - 0.5
            given["input_points"] = torch.from_numpy(points)[None, None].to(self.device)
            labels = np.asarray(prompts.is_positive, np.int64).reshape(-1)
            given["input_labels"] = torch.from_numpy(labels)[None, None].to(self.device)
        if prompts.box_xyxy is not None:
            box = np.asarray(prompts.box_xyxy, np.float32).reshape(2, 2) * scale - 0.5
            given["input_boxes"] = torch.from_numpy(box.reshape(1, 1, 4)).to(self.device)
        if prompts.previous is not None:
            given["input_masks"] = torch.from_numpy(np.asarray(prompts.previous, np.float32))[None, None].to(
                self.device
            )
        return given

    def _enlarged(self, logits: npt.NDArray[np.float32], frame: Frame) -> npt.NDArray[np.float32]:
        """(h, w) logits of the square as (height, width) of the picture."""
        step_x = frame.scale_xy[0] * logits.shape[1] / self.image_px
        step_y = frame.scale_xy[1] * logits.shape[0] / self.image_px
        # Middle of a pixel to middle of a pixel.
        places = np.array([[step_x, 0, step_x / 2 - 0.5], [0, step_y, step_y / 2 - 0.5]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (frame.width, frame.height)
        # What is cut off beyond the picture must not be mixed in.
        rows, columns = math.ceil(step_y * frame.height), math.ceil(step_x * frame.width)
        part = np.ascontiguousarray(logits[: max(1, rows), : max(1, columns)])
        warped = cv2.warpAffine(part, places, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.float32)


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # exp of -32 … 32 overflows nothing.
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
