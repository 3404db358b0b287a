"""The folder of a run: config.json, metrics.jsonl, best and last weights, state.pt."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone


class RunFolder:
    """Paths and small files of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best, self.last = folder / "best.safetensors", folder / "last.safetensors"
        self.state, self.metrics, self.config = folder / "state.pt", folder / "metrics.jsonl", folder / "config.json"

    def prepare(self, plan: TrainPlan) -> None:
        """Make the folder for a new run, or check that it can go on.

        Raises
        ------
        UserError
            When the folder holds another run (without ``--resume``), or cannot be made.
        """
        if plan.is_resumed:
            if not self.state.is_file():
                remedy = "choose another --out" if self.last.is_file() else "start without --resume"
                raise UserError("there is no checkpoint to go on from", path=self.folder, remedy=remedy)
            return
        # A plan alone is left by a run that never got to its first step: it may be begun anew.
        if any(file.exists() for file in (self.state, self.last, self.best, self.metrics)):
            remedy = "choose another --out" + (", or give --resume" if self.state.is_file() else "")
            raise UserError("this folder holds a run already", path=self.folder, remedy=remedy)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"the run's folder cannot be made ({error.strerror})", path=self.folder, remedy="choose another --out"
            ) from error
        self.write_json(self.config, plan.to_json())

    @staticmethod
    def write_json(path: Path, document: object) -> None:
        """Write JSON atomically."""
        write_bytes_atomic(path, json.dumps(document, indent=1, ensure_ascii=False).encode())

    def read_metrics(self, before_epoch: int) -> list[dict[str, Any]]:
        """The lines of epochs up to *before_epoch*; a line that was not finished, by a killed run, is left out."""
        if not self.metrics.is_file():
            return []
        *whole, _ = self.metrics.read_text(encoding="utf-8").split("\n")
        lines = [json.loads(line) for line in whole if line.strip()]
        return [line for line in lines if line["epoch"] <= before_epoch]

    def rewrite_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replace ``metrics.jsonl``: a resumed run drops what its checkpoint does not know."""
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_bytes_atomic(self.metrics, text.encode())

    def append_metrics(self, done: EpochDone) -> None:
        """One more line in ``metrics.jsonl``.

        Raises
        ------
        UserError
            When the disk is full.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done.to_json(), ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())  # the checkpoint that counts this epoch must not be on the disk before it
        except OSError as error:
            raise UserError(
                f"the metrics cannot be written ({error.strerror})", path=self.metrics, remedy="free some space"
            ) from error
