"""What continuous learning is to do. No torch here: the window and the command line share it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.core.errors import UserError

DEFAULT_ARCH = "unet"
DEFAULT_ENCODER = "efficientnet_lite0"


@dataclass(frozen=True)
class LearnPlan:
    """How a project's corrections are learnt while they are made.

    ``project`` is its folder. ``start_from`` is a catalog id or a weights file to begin with; "" goes on from the project's
    current version (:mod:`segstudio.ml.continuous.versions`) where there is one, else starts from the encoder's ImageNet
    weights (``is_pretrained``) or from nothing; ``is_fresh`` leaves versions that are there aside. ``arch`` and ``encoder``
    count where nothing is gone on from.

    ``image_ids`` () learns from all images, else from these only. ``held_out`` is the share of labelled regions, drawn by their
    places, that is never trained on: the gate judges by them.

    A *round* is ``round_steps`` steps (0 = as many as take about ``round_seconds``, which is not the same on each
    machine) and a check on what is held out. ``patience`` rounds without a better version make it wait for new labels.
    ``gain`` is by how much the mean Dice must be better for a version to be accepted. ``kept_versions`` is how many files
    stay beside the current one.

    ``max_rounds`` and ``max_minutes`` end it (0 = never), ``is_watching`` False ends it where it would wait for new labels.
    ``patch_px`` 0 = chosen by the images and the device: on a CPU many small patches teach faster than few large ones.
    ``ema_decay`` averages the parameters that are judged and kept (0 = none).
    """

    project: str
    start_from: str = ""
    is_fresh: bool = False
    arch: str = DEFAULT_ARCH
    encoder: str = DEFAULT_ENCODER
    is_pretrained: bool = True
    image_ids: tuple[int, ...] = ()

    held_out: float = 0.2
    round_steps: int = 0
    round_seconds: float = 15.0
    patience: int = 6
    gain: float = 0.001
    kept_versions: int = 9
    max_rounds: int = 0
    max_minutes: float = 0.0
    is_watching: bool = True
    poll_seconds: float = 1.0

    patch_px: int = 0
    batch: int = 8
    lr: float = 1e-3
    encoder_lr_factor: float = 0.3
    weight_decay: float = 1e-4
    ema_decay: float = 0.98
    loss: str = "ce+dice"
    augment: str = "standard"
    working_long_side_px: int = 0

    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return dataclasses.asdict(self)

    def checked(self) -> LearnPlan:
        """The plan itself.

        Raises
        ------
        UserError
            When a value cannot be worked with.
        """
        if not self.project or not (Path(self.project) / "project.db").is_file():
            raise UserError("There is no segstudio project", path=Path(self.project), remedy="name a project's folder")
        for name, least, most in _LIMITS:
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(
                    f"{name.replace('_', ' ')} is {value:g}", remedy=f"give a number from {least:g} to {most:g}"
                )
        if 0 < self.patch_px < 32:
            raise UserError(f"a patch of {self.patch_px} px is too small to learn from", remedy="give 64 or more")
        return self


_LIMITS = (
    ("held_out", 0.05, 0.5), ("round_steps", 0, 100_000), ("round_seconds", 0.5, 3600), ("patience", 1, 1000),
    ("gain", 0.0, 0.5), ("kept_versions", 1, 1000), ("batch", 1, 256), ("lr", 1e-7, 1.0), ("ema_decay", 0.0, 0.9999),
    ("patch_px", 0, 4096), ("max_rounds", 0, 1e9), ("max_minutes", 0, 1e9), ("poll_seconds", 0.01, 60), ("threads", 0, 1024),
)  # fmt: skip
