"""The network and its loader: only the model's own process comes here."""

import torch
from torch import nn

from segstudio.ml.cards import ModelCard


class Bright(nn.Module):
    """The mean of 3 × 3 pixels against a threshold, as two logits."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate")
        nn.init.constant_(self.smooth.weight, 1 / 9)
        nn.init.constant_(self.smooth.bias, -threshold)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        logit = 40 * self.smooth(batch)
        return torch.cat([-logit, logit], dim=1)


class BrightSegmenter:
    """A `segstudio.ml.api.Segmenter`: a card, a device, and these two methods are all it takes."""

    def __init__(self, card: ModelCard, device: str) -> None:
        self.card = card
        self.network = Bright(card.options["threshold"]).eval()
        self.to(device)

    def to(self, device: str) -> None:
        self.device = device
        self.network.to(device)

    @torch.inference_mode()
    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        return self.network(batch.to(self.device))


def load(card: ModelCard, weights_path: str, device: str) -> BrightSegmenter:
    """What the card's `loader` names; `weights_path` is "" for a card without a weights file."""
    return BrightSegmenter(card, device)
