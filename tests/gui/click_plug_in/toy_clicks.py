"""A click model as a plug-in: what is connected to a point and of its colour. No torch, no weights."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np

from segstudio.core.errors import UserError
from segstudio.ml.api import PromptAnswer
from segstudio.ml.cards import ModelCard, WeightsSource

CARD = ModelCard(
    "toy-clicks",
    "Toy clicks",
    task="interactive",
    architecture="toy",
    background_index=None,
    window_px=256,
    overlap_px=0,
    weights=WeightsSource("file"),
    licence="Apache-2.0",
    loader="toy_clicks:load",
)
ALIKE = 60.0


def load(card, path, device):
    return ToyClicks(card, device)


def note(what):
    """What was done, for the test to count."""
    log = os.environ.get("TOY_CLICKS_LOG")
    if log:
        with Path(log).open("a") as file:
            file.write(f"{what}\n")


class ToyClicks:
    def __init__(self, card, device):
        self.card, self.device = card, device

    def to(self, device):
        self.device = device

    def embed(self, image):
        note("embed {}x{}".format(*image.shape[1::-1]))
        time.sleep(float(os.environ.get("TOY_CLICKS_S", "0")))
        if image.max() == 13:
            raise UserError("the toy does not like this picture")
        return image.astype(np.float32)

    def predict(self, embedding, prompts):
        note(f"predict {len(prompts.points_xy)} {prompts.previous is not None}")
        if os.path.exists(os.environ.get("TOY_CLICKS_KILL", "")):
            os.kill(os.getpid(), signal.SIGKILL)
        shape = embedding.shape[:2]
        near, far = np.zeros(shape, bool), np.full(shape, np.inf)
        if prompts.previous is not None and prompts.previous.shape == shape:  # a mask, not an answer of its own
            near |= prompts.previous > 0
        for (x, y), is_positive in zip(prompts.points_xy, prompts.is_positive, strict=True):
            row, column = (min(max(int(v), 0), side - 1) for v, side in ((y, shape[0]), (x, shape[1])))
            distance = np.linalg.norm(embedding - embedding[row, column], axis=2)
            if is_positive:
                _, pieces = cv2.connectedComponents((distance < ALIKE).astype(np.uint8))
                near |= pieces == pieces[row, column]
            else:
                far = np.minimum(far, distance)
        if prompts.box_xyxy is not None:
            left, top, right, bottom = (round(v) for v in prompts.box_xyxy)
            inside = np.zeros(shape, bool)
            inside[top:bottom, left:right] = True
            near |= inside & (np.linalg.norm(embedding - embedding[0, 0], axis=2) > ALIKE)
        mask = near & (far > ALIKE / 2)
        masks = np.stack([mask, near | mask, np.ones(shape, bool)]) if prompts.is_ambiguous else mask[None]
        probabilities = np.where(masks, 0.9, 0.1).astype(np.float32)
        scores = np.linspace(0.9, 0.5, len(masks)).astype(np.float32)
        return PromptAnswer(probabilities, scores, np.where(masks, 2.0, -2.0).astype(np.float32)[:, ::4, ::4])
