"""What the tests of learning in the window share: versions on the disk without torch, and what a learner would say."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

from segstudio.jobs import protocol
from segstudio.ml.cards import CARD_KEY, ModelCard, WeightsSource
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    ImageChange,
    LearningStarted,
    LearnStageChanged,
    RoundProgress,
    VersionInfo,
)

CARD = ModelCard(
    "learned", "Learned", architecture="unet", encoder="none", classes=("background", "road", "tree"),
    weights=WeightsSource("project"),
)  # fmt: skip


def weights(card: ModelCard = CARD) -> bytes:
    """A safetensors file of one number that carries a card."""
    head = {
        "__metadata__": {CARD_KEY: card.dumps(), "format": "pt"},
        "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + struct.pack("<f", 1.0)


def make_version(
    folder: Path, dice: float, images: tuple[ImageChange, ...] = (), card: ModelCard = CARD
) -> VersionInfo:
    """Put a version into a project, as the gate does."""
    now = versions.current(folder)
    number = versions.next_number(folder)
    card = replace(card, id=versions.model_id_of(number), name=f"Learned, version {number}")
    info = VersionInfo(
        0, "", "", 0.0, dice, dice - 0.1, images, made_from=0 if now is None else now.number, labelled_pixels=3200
    )
    return versions.add_version(folder, weights(card), info)


class Learner:
    """Speaks through a fake thread as the learner's process would."""

    def __init__(self, thread, folder: Path) -> None:
        self.thread, self.folder = thread, folder

    def say(self, event: object) -> None:
        """One event."""
        self.thread.message_received.emit(protocol.LearnEvent(0, event))

    def begin(self, **values: object) -> None:
        """The labels are read."""
        self.say(LearnStageChanged("reading"))
        found = {
            "model_id": "", "version": 0, "device": "cpu", "classes": ("background", "road", "tree"),
            "colors": ("#000000", "#808080", "#00ff00"), "parameters": 1000, "images": 2, "regions_train": 8,
            "regions_val": 2,
        }  # fmt: skip
        self.say(LearningStarted(**{**found, **values}))

    def work(self, image_id: int = 1, step: int = 3) -> None:
        """It picked up a correction and is in the middle of a round."""
        self.say(CorrectionsTaken((image_id,), 1234, 1.7e9, 9, 3))
        self.say(LearnStageChanged("fitting", image_id))
        self.say(RoundProgress(4, step, 20, 0.321, 12.0))

    def accept(self, before: float | None, after: float, images: tuple[ImageChange, ...] = ()) -> VersionInfo:
        """A round brought a better version."""
        info = make_version(self.folder, after, images)
        self.say(LearnStageChanged("checking"))
        self.say(Checked(4, True, before, after, images, "", info))
        return info

    def refuse(self, before: float | None, after: float | None, images: tuple[ImageChange, ...] = ()) -> None:
        """A round brought nothing better."""
        self.say(LearnStageChanged("checking"))
        self.say(Checked(5, False, before, after, images, "It is worse.", None, waited=1, patience=6))
