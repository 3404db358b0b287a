"""``click-base`` as a :class:`segstudio.ml.api.PromptSegmenter`: a look at the whole picture, then a closer one.

The whole picture is seen at a fixed scale, whatever its size; where the object turns out small, or hints lie close together,
it is looked at again from nearer by (zoom-in, Sofiiuk et al. 2021), and a hint that corrects an answer from nearer still, around
what it changed. Features of the first two looks are kept in the embedding, so that a further hint costs the head alone
there as long as the closer look still holds what it is about. Each look is taken of the mirrored picture, too, and the two
answers' logits are averaged.

    picture (y, x, 3)  →  longer side resampled to 384, padded to multiples of 32  →  coarse logits
    square around the object, ≥ 1.4 × as large  →  256 × 256  →  logits  →  put back at the picture's scale
    square around a correction, 3 × as large as what it changed  →  256 × 256  →  logits  →  faded into those before
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import PromptAnswer, Prompts
from segstudio.ml.click import maps as prompt_maps
from segstudio.ml.click.framing import around, bounds, fade, focus, marks_of, still_holds
from segstudio.ml.click.many import is_cut, one_click, shared_square
from segstudio.ml.click.network import ClickNet
from segstudio.ml.click.settle import settled
from segstudio.ml.inference.loading import CancelHooks
from segstudio.ml.interactive.pictures import check_picture
from segstudio.ml.weights import load_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.cards import ModelCard

COARSE_PX, CLOSE_PX = 384, 256
"""Longer sides of what the network sees: of the whole picture, and of a piece of it."""
ROOM = 1.5
"""A closer look is so many times as wide as what it is about."""
CLOSER = 0.75
"""Pieces wider than this part of the picture are not looked at again."""
KEPT_LOOKS = 6
MOST_WIDENINGS = 1
LIMIT = 20.0


@dataclass(eq=False)
class Look:
    """A piece of the picture as the network saw it: its rectangle, pixels of the network for one of it, features."""

    rect: Rect
    scale_xy: tuple[float, float]
    size: tuple[int, int]
    padded: tuple[int, int]
    features: list[torch.Tensor]


@dataclass(eq=False)
class Embedding:
    """A picture and the looks that were taken at it."""

    rgb: npt.NDArray[np.uint8]
    whole: Look
    near: list[Look] = field(default_factory=list)
    shared: dict[Rect, Look] = field(default_factory=dict)
    """Squares of a grid, which many single clicks share."""

    @property
    def nbytes(self) -> int:
        """What it takes, with the closer looks that may come."""
        one = sum(int(f.nbytes) for f in self.whole.features)
        return int(self.rgb.nbytes) + one * (1 + KEPT_LOOKS + len(self.shared))


def load(card: ModelCard, path: str, device: str) -> ClickPrompter:
    """The click model of a weights file, on *device* (a card of architecture ``click``).

    Raises
    ------
    UserError
        When the file is missing, damaged or of another network.
    """
    state, _ = load_weights(Path(path))
    network = ClickNet()
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            "the weights are of another network", path=Path(path), remedy="install segstudio again"
        ) from error
    return ClickPrompter(network, card, device)


class ClickPrompter:
    """The network on a device; pictures and answers are arrays."""

    def __init__(self, network: ClickNet, card: ModelCard, device: str) -> None:
        self.card, self.device = card, device
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.hooks = CancelHooks(self.network)
        self.to(device)

    def to(self, device: str) -> None:
        """Move to another device."""
        self.network = self.network.to(device)
        self.device = device

    def embed(self, image: npt.NDArray[np.uint8]) -> Embedding:
        """The embedding of *image* (y, x, 3) uint8 RGB.

        Raises
        ------
        UserError
            When it is no such image, or empty.
        """
        check_picture(image)
        height, width = image.shape[:2]
        return Embedding(image, self._look(image, Rect(0, 0, width, height), COARSE_PX))

    def predict(self, embedding: object, prompts: Prompts) -> PromptAnswer:
        """The mask of what *prompts* mean; with ``is_ambiguous`` a second one, of the piece nearer to the click.

        Raises
        ------
        UserError
            When there is no positive hint at all.
        """
        assert isinstance(embedding, Embedding)
        _check(prompts)
        height, width = embedding.rgb.shape[:2]
        former = None if prompts.previous is None else _sized(prompts.previous, width, height)
        answers: list[npt.NDArray[np.float32]] = []
        if former is None:
            answers.append(self._answer(embedding.whole, prompts, None))
        before = former if former is not None else answers[0]
        found = self._closer(embedding, bounds(_sigmoid(before), prompts), prompts, before)
        if found is not None:
            answers.insert(0, found)
        elif former is not None:
            answers.append(self._answer(embedding.whole, prompts, former))
        marks = marks_of(prompts)
        if former is not None:
            answers[0] = self._focused(embedding, prompts, former, settled(answers[0], marks))
        kept = [settled(one, marks) for one in (answers if prompts.is_ambiguous else answers[:1])]
        logits = np.stack(kept)
        probabilities = _sigmoid(logits)
        scores = np.array([score(one) for one in probabilities], np.float32)
        # The nearer look is the better one, unless it found nothing.
        order = np.argsort([0 if one.max(initial=0) >= 0.5 else 1 for one in probabilities], kind="stable")
        return PromptAnswer(probabilities[order], scores[order], logits[order])

    takes_scribbles = True
    """Lines reach :meth:`predict` as they were drawn."""

    def mask_logits(self, embedding: object, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """*mask* (y, x) over the picture as :attr:`Prompts.previous`: ± 6, its edge a little soft as an answer's is."""
        assert isinstance(embedding, Embedding)
        soft = cv2.GaussianBlur(np.where(mask, 6.0, -6.0).astype(np.float32), (0, 0), 0.8)
        return np.asarray(soft, np.float32)

    def predict_points(
        self, embedding: object, points_xy: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """((N, y, x) probabilities, (N,) scores) of (N, 2) points, each as if it were the only hint.

        The whole picture is asked for all of them at once; closer looks are squares of a grid, which neighbours share. As there
        are many, mirror images are not looked at.
        """
        assert isinstance(embedding, Embedding)
        height, width = embedding.rgb.shape[:2]
        asked = [one_click(point) for point in points_xy]
        found: list[npt.NDArray[np.float32]] = []
        for prompts, coarse in zip(
            asked, self._answers(embedding.whole, asked, is_mirrored=False) if asked else [], strict=True
        ):
            square = shared_square(bounds(_sigmoid(coarse), prompts), ROOM, width, height)
            logits = coarse
            if square is not None:
                look = embedding.shared.get(square)
                if look is None:
                    look = embedding.shared[square] = self._look(embedding.rgb, square, CLOSE_PX, is_mirrored=False)
                logits = self._answers(look, [prompts], coarse, is_mirrored=False)[0]
                if is_cut(logits, square):
                    logits = coarse
            found.append(_sigmoid(settled(logits, marks_of(prompts))))
        probabilities = np.stack(found) if found else np.zeros((0, height, width), np.float32)
        return probabilities, np.array([score(one) for one in found], np.float32)

    # -- looks -----------------------------------------------------------------------------------------------------

    def _closer(
        self, embedding: Embedding, subject: Rect, prompts: Prompts, former: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32] | None:
        """The answer of a look from nearer by, None where the whole picture must do; one that it cuts off is widened."""
        height, width = embedding.rgb.shape[:2]
        logits = former
        for _ in range(MOST_WIDENINGS + 1):
            rect = around(subject, ROOM, width, height)
            if max(rect.width, rect.height) > CLOSER * max(width, height):
                return None
            look = next((one for one in embedding.near if still_holds(one.rect, subject, rect)), None)
            if look is None:
                look = self._look(embedding.rgb, rect, CLOSE_PX)
                embedding.near.insert(0, look)
                del embedding.near[KEPT_LOOKS:]
            logits = self._answer(look, prompts, logits)
            if not is_cut(logits, look.rect):
                break
            subject = subject.united(bounds(_sigmoid(logits), prompts))
        return logits

    def _focused(
        self, embedding: Embedding, prompts: Prompts, old: npt.NDArray[np.float32], new: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """*new*, and where a mark corrected *old* what a look around the correction says."""
        height, width = new.shape
        rect = focus(old, new, marks_of(prompts))
        if rect is None:
            return new
        seen = self._answer(self._look(embedding.rgb, rect, CLOSE_PX), prompts, new)
        weight = fade(rect, width, height)
        out = new.copy()
        out[rect.slices] += weight * (seen[rect.slices] - new[rect.slices])
        return out

    def _look(self, rgb: npt.NDArray[np.uint8], rect: Rect, side_px: int, *, is_mirrored: bool = True) -> Look:
        """Encode *rect* of the picture, its longer side resampled to *side_px*."""
        piece = rgb[rect.y : rect.bottom, rect.x : rect.right]
        scale = side_px / max(rect.width, rect.height)
        size = (max(1, round(rect.width * scale)), max(1, round(rect.height * scale)))
        seen = cv2.resize(piece, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        padded = (-(-size[0] // 32) * 32, -(-size[1] // 32) * 32)
        square = np.zeros((3, padded[1], padded[0]), np.float32)
        mean = np.asarray(self.card.mean, np.float32) * 255
        std = np.asarray(self.card.std, np.float32) * 255
        square[:, : size[1], : size[0]] = ((seen.astype(np.float32) - mean) / std).transpose(2, 0, 1)
        seen_by = torch.from_numpy(square)[None]
        given = (_mirrored(seen_by) if is_mirrored else seen_by).to(self.device)
        with torch.inference_mode(), self._precision():
            features = self.network.encode(given.contiguous(memory_format=torch.channels_last))
        return Look(rect, (size[0] / rect.width, size[1] / rect.height), size, padded, features)

    def _answer(self, look: Look, prompts: Prompts, former: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
        """Logits over the whole picture; where the look did not reach nothing is found."""
        return self._answers(look, [prompts], former)[0]

    def _answers(
        self,
        look: Look,
        asked: list[Prompts],
        former: npt.NDArray[np.float32] | None = None,
        *,
        is_mirrored: bool = True,
    ) -> list[npt.NDArray[np.float32]]:
        """Logits over the whole picture for each of several questions about one look, and about its mirror image."""
        drawn = [_drawn(look, prompts) for prompts in asked]
        maps = np.stack([one for one, _ in drawn])
        points = np.full((len(drawn), max(len(p) for _, p in drawn), 3), -1, np.float32)
        for row, (_, places) in zip(points, drawn, strict=True):
            row[: len(places)] = places
        rect = look.rect
        if former is not None:
            part = _sigmoid(former[rect.y : rect.bottom, rect.x : rect.right])
            maps[:, 3, : look.size[1], : look.size[0]] = cv2.resize(part, look.size, interpolation=cv2.INTER_LINEAR)
        places_xy, given = torch.from_numpy(points), torch.from_numpy(maps)
        features = [feature[:1].expand(len(drawn), -1, -1, -1) for feature in look.features]
        if is_mirrored:
            other = places_xy.clone()
            other[..., 0] = look.padded[0] - other[..., 0]
            places_xy, given = torch.cat([places_xy, other]), _mirrored(given)
            features = [torch.cat([f, m[1:].expand_as(f)]) for f, m in zip(features, look.features, strict=True)]
        given = given.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), self._precision():
            logits = self.network.head(features, given, places_xy.to(self.device)).float()
        if is_mirrored:
            logits = (logits[: len(drawn)] + logits[len(drawn) :].flip(-1)) / 2
        parts = logits[:, 0, : look.size[1], : look.size[0]].clamp(-LIMIT, LIMIT).cpu().numpy()
        found = []
        for part in parts:
            full = np.full(self._shape_of(look, former), -LIMIT, np.float32)
            piece = cv2.resize(part, (rect.width, rect.height), interpolation=cv2.INTER_LINEAR)
            full[rect.y : rect.bottom, rect.x : rect.right] = piece
            found.append(full)
        return found

    @staticmethod
    def _shape_of(look: Look, former: npt.NDArray[np.float32] | None) -> tuple[int, int]:
        return (look.rect.height, look.rect.width) if former is None else (former.shape[0], former.shape[1])

    def _precision(self) -> torch.autocast:
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=kind in ("cpu", "cuda"))


def score(probability: npt.NDArray[np.float32]) -> float:
    """How sure an answer is, 0 … 1: how little its area depends on the threshold, times its mean probability inside.

    The stability score of SAM (Kirillov et al. 2023, § D.3), with thresholds of 0.3 and 0.7.
    """
    inner, outer = int((probability >= 0.7).sum()), int((probability >= 0.3).sum())
    inside = probability >= 0.5
    if not outer or not inside.any():
        return 0.0
    return float(inner / outer * probability[inside].mean())


def _check(prompts: Prompts) -> None:
    has_positive = bool(np.any(prompts.is_positive)) or any(one.is_positive for one in prompts.scribbles)
    if not has_positive and prompts.box_xyxy is None and prompts.previous is None:
        raise UserError("a click model needs a point, a line or a box on the object", remedy="click on the object")


def _drawn(look: Look, prompts: Prompts) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The hints in the look's pixels: maps (4, y, x) and points (K, 3)."""
    maps = prompt_maps.empty_maps(look.padded[1], look.padded[0])
    scale = np.asarray(look.scale_xy, np.float32)
    corner = np.array([look.rect.x, look.rect.y], np.float32)
    listed: list[tuple[float, float, bool]] = []
    for line in prompts.scribbles:
        places = (np.asarray(line.points_xy, np.float32).reshape(-1, 2) - corner) * scale
        prompt_maps.mark_line(maps, places, line.is_positive)
        listed += [(float(x), float(y), line.is_positive) for x, y in prompt_maps.along(places)]
    for place, is_positive in zip(np.asarray(prompts.points_xy).reshape(-1, 2), prompts.is_positive, strict=True):
        x, y = (place - corner) * scale
        prompt_maps.mark_point(maps, float(x), float(y), bool(is_positive))
        listed.append((float(x), float(y), bool(is_positive)))
    if prompts.box_xyxy is not None:
        box = (np.asarray(prompts.box_xyxy, np.float32).reshape(2, 2) - corner) * scale
        prompt_maps.mark_box(maps, box.ravel().tolist())
    inside = [(x, y, kind) for x, y, kind in listed if 0 <= x <= look.size[0] and 0 <= y <= look.size[1]]
    return maps, prompt_maps.point_list(inside)


def _mirrored(batch: torch.Tensor) -> torch.Tensor:
    """(2 N, C, y, x): *batch*, and then its mirror image."""
    return torch.cat([batch, batch.flip(-1)])


def _sized(logits: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    if logits.shape == (height, width):
        return logits
    return np.asarray(cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -LIMIT, LIMIT))), np.float32)
