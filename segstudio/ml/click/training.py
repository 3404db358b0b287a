"""Training a click model on episodes with simulated clicks.

As RITM does (Sofiiuk et al. 2021), the network sees clicks that correct its own answers, and its own former mask. Since
prompts meet the head only, a batch is encoded once and every answer on the way is learned from, not just the last.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from segstudio.core.simulated_clicks import Click, iou, next_click
from segstudio.ml.click import maps as prompt_maps
from segstudio.ml.click.loss import normalised_focal_loss, soft_iou_loss
from segstudio.ml.click.network import ClickNet
from segstudio.ml.training.precision import keep_depthwise_in_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from segstudio.ml.click.episodes import Episode

MOST_ANSWERS = 5
"""So many answers are asked for in a row: objects that need many clicks are met on the way, too."""
MEAN = (0.498, 0.498, 0.498)
STD = (0.502, 0.502, 0.502)


@dataclass(frozen=True)
class ClickPlan:
    """How long and how a click model is trained; the rate rises for a twentieth of the time and falls as a cosine."""

    minutes: float
    batch: int = 8
    lr: float = 1e-3
    encoder_share: float = 0.25
    """Of the encoder's learning rate."""
    weight_decay: float = 1e-2
    seed: int = 1
    frozen_part: float = 0.2
    """Of the time, at its beginning, in which only the head learns: steps cost a third then."""
    average: float = 0.999
    """Each step, the averaged weights keep so much of what they were."""


class Hints:
    """The prompts of one episode so far."""

    def __init__(self, episode: Episode, rng: np.random.Generator) -> None:
        self.episode, self.rng = episode, rng
        self.maps = prompt_maps.empty_maps(*episode.truth.shape)
        self.clicks: list[Click] = []
        self._points: list[tuple[float, float, bool]] = []
        kind = rng.random()
        if kind < 0.25:
            prompt_maps.mark_box(self.maps, _loose_box(episode.truth, rng))
        if kind < 0.1:
            return
        predicted = np.zeros_like(episode.truth)
        if kind > 0.9:
            predicted = _damaged(episode.truth, rng)
            self.maps[3] = predicted
        self.correct(predicted)
        if rng.random() < 0.1:
            self._scribble()
        if rng.random() < 0.25:
            self._more(int(rng.integers(1, 7)))

    def correct(self, predicted: npt.NDArray[np.bool_]) -> None:
        """Add the click that corrects *predicted*."""
        click = next_click(self.episode.truth, predicted, self.clicks, self.rng, ~self.episode.valid)
        if click is not None:
            self._add(click)

    def _add(self, click: Click) -> None:
        self.clicks.append(click)
        prompt_maps.mark_point(self.maps, click.x + 0.5, click.y + 0.5, click.is_positive)
        self._points.append((click.x + 0.5, click.y + 0.5, click.is_positive))

    def _more(self, count: int) -> None:
        for _ in range(count):
            side = self.episode.truth if self.rng.random() < 0.5 else self.episode.valid & ~self.episode.truth
            places = np.flatnonzero(side)
            if len(places):
                y, x = np.unravel_index(int(places[self.rng.integers(len(places))]), side.shape)
                self._add(Click(int(x), int(y), bool(side is self.episode.truth)))

    def _scribble(self) -> None:
        """A line between two places of the object, as far as it stays on it."""
        places = np.argwhere(self.episode.truth)
        ends = places[self.rng.integers(len(places), size=2)][:, ::-1].astype(np.float32) + 0.5
        steps = np.linspace(ends[0], ends[1], 24).astype(np.float32)
        on = self.episode.truth[steps[:, 1].astype(int), steps[:, 0].astype(int)]
        steps = steps[: int(np.argmin(on)) if not on.all() else len(steps)]
        if len(steps):
            prompt_maps.mark_line(self.maps, steps, True)
            self._points += [(float(x), float(y), True) for x, y in prompt_maps.along(steps, 4)]

    def points(self) -> npt.NDArray[np.float32]:
        """(K, 3) as the network takes them."""
        return prompt_maps.point_list(self._points)


def _loose_box(truth: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
    size = np.array([box[2] - box[0], box[3] - box[1]] * 2)
    left, top, right, bottom = box + rng.normal(0, 0.04, 4) * size
    return float(left), float(top), float(right), float(bottom)


def _damaged(truth: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """The object with a piece missing, a piece too much, or grown or shrunk."""
    import cv2

    side = truth.shape[0]
    size = int(rng.integers(1, max(2, side // 24)))
    kernel = np.ones((2 * size + 1, 2 * size + 1), np.uint8)
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    mask = change(truth.astype(np.uint8), kernel)
    at = rng.integers(side, size=2)
    cv2.circle(mask, (int(at[0]), int(at[1])), int(side * rng.uniform(0.05, 0.2)), int(rng.integers(2)), -1)
    return np.asarray(mask > 0)


def pictures_of(episodes: Sequence[Episode]) -> torch.Tensor:
    """(N, 3, s, s) float32, normalised, channels last."""
    stacked = np.stack([one.rgb for one in episodes]).transpose(0, 3, 1, 2).astype(np.float32) / 255
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (MEAN, STD))
    return torch.from_numpy((stacked - mean) / std).contiguous(memory_format=torch.channels_last)


def prompts_of(hints: Sequence[Hints]) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps (N, 4, s, s) and points (N, K, 3), padded with kind −1."""
    found = [one.points() for one in hints]
    longest = max(len(points) for points in found)
    padded = np.full((len(found), longest, 3), -1, np.float32)
    for row, points in zip(padded, found, strict=True):
        row[: len(points)] = points
    maps = torch.from_numpy(np.stack([one.maps for one in hints]))
    return maps.contiguous(memory_format=torch.channels_last), torch.from_numpy(padded)


class ClickTrainer:
    """A network in training; :meth:`run` yields the figures of every *report_s* seconds."""

    def __init__(self, plan: ClickPlan, state: dict[str, torch.Tensor] | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.network = ClickNet(pretrained=state is None)
        if state is not None:
            self.network.load_state_dict(state)
        self.network = self.network.to(memory_format=torch.channels_last)
        keep_depthwise_in_float32(self.network)
        self.averaged = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        encoder = [p for name, p in self.network.named_parameters() if name.startswith("encoder.")]
        head = [p for name, p in self.network.named_parameters() if not name.startswith("encoder.")]
        groups = [{"params": head, "share": 1.0}, {"params": encoder, "share": plan.encoder_share}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.lr, weight_decay=plan.weight_decay)
        self.steps = 0
        self._encoder_learns = True

    def run(self, batches: Callable[[float], list[Episode]], report_s: float = 30.0) -> Iterator[dict[str, float]]:
        """Train for the plan's minutes on what *batches* (told the part of the time that is over) gives."""
        rng = np.random.default_rng(self.plan.seed)
        began = said = time.monotonic()
        losses: list[float] = []
        ious: list[float] = []
        while (elapsed := time.monotonic() - began) < self.plan.minutes * 60:
            part = elapsed / (self.plan.minutes * 60)
            self._set_rate(part)
            self._freeze(part < self.plan.frozen_part)
            loss, first, last = self.step(batches(part), rng)
            losses.append(loss)
            ious.append(last)
            if time.monotonic() - said > report_s:
                said = time.monotonic()
                yield {
                    "steps": self.steps,
                    "minutes": elapsed / 60,
                    "loss": float(np.mean(losses)),
                    "iou": float(np.mean(ious)),
                }
                losses.clear()
                ious.clear()

    def step(self, episodes: list[Episode], rng: np.random.Generator) -> tuple[float, float, float]:
        """One step on a batch; (loss, mean IoU of the first answer, of the last)."""
        self.network.train()
        if not self._encoder_learns:
            self.network.encoder.eval()
        truth = torch.from_numpy(np.stack([one.truth for one in episodes])[:, None].astype(np.float32))
        valid = torch.from_numpy(np.stack([one.valid for one in episodes])[:, None].astype(np.float32))
        hints = [Hints(one, rng) for one in episodes]
        answers = int(rng.integers(1, MOST_ANSWERS + 1))
        figures: list[float] = []
        total = torch.zeros(())
        with torch.autocast("cpu", torch.bfloat16):
            features = self.network.encode(pictures_of(episodes))
            for number in range(answers):
                logits = self.network.head(features, *prompts_of(hints))
                loss = normalised_focal_loss(logits, truth, valid) + 0.5 * soft_iou_loss(logits, truth, valid)
                total = total + loss / answers
                masks = (logits.detach()[:, 0] > 0).numpy()
                figures.append(
                    float(np.mean([iou(e.truth, m, ~e.valid) for e, m in zip(episodes, masks, strict=True)]))
                )
                if number < answers - 1:
                    probability = torch.sigmoid(logits.detach()[:, 0]).numpy()
                    for one, mask, map_ in zip(hints, masks, probability, strict=True):
                        one.correct(mask)
                        one.maps[3] = map_
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if math.isfinite(float(total.detach())):
            self.optimiser.step()
            self._average()
        self.steps += 1
        return float(total.detach()), figures[0], figures[-1]

    def _freeze(self, is_frozen: bool) -> None:
        if self._encoder_learns == is_frozen:
            self._encoder_learns = not is_frozen
            for parameter in self.network.encoder.parameters():
                parameter.requires_grad_(not is_frozen)

    def _set_rate(self, part: float) -> None:
        rise = min(1.0, part / 0.05 + 0.01)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.lr * group["share"] * rise * max(fall, 0.01)

    def _average(self) -> None:
        keep = min(self.plan.average, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.averaged[name].lerp_(value, 1 - keep)
                else:
                    self.averaged[name].copy_(value)
