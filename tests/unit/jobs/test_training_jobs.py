"""What the trainer's and the task's process do beside runs: search a rate, evaluate; both can be stopped."""

from __future__ import annotations

import pytest

from segstudio.core.errors import Cancelled, UserError
from segstudio.jobs import task_host, trainer_host
from segstudio.jobs.protocol import StageChanged, TrainEvent
from segstudio.jobs.specs import EvaluateSpec, FindRateSpec
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import LrFound, LrPoint
from segstudio.ml.training import lr_finder
from tests.small_projects import offer_bright, small_project


class Listener:
    """A port that keeps what is sent, and is cancelled after so many reports of progress."""

    def __init__(self, cancelled_after: int = 1000) -> None:
        self.sent: list[object] = []
        self.reports: list[tuple[float, float, str]] = []
        self._left = cancelled_after

    def send(self, message: object) -> None:
        self.sent.append(message)

    def progress(self, done: float, total: float, what: str) -> None:
        self.reports.append((done, total, what))
        self._left -= 1

    def is_set(self) -> bool:
        return self._left <= 0

    def is_paused(self) -> bool:
        return False


def test_a_rate_is_searched_in_the_trainers_process(monkeypatch):
    plan, port = TrainPlan(out="", project="p"), Listener()

    def find_rate(asked, sink, control):
        assert asked is plan and control is port
        sink(LrPoint(1, 2, 1e-6, 1.0))
        return LrFound(0.01, "found")

    monkeypatch.setattr(lr_finder, "find_rate", find_rate)
    assert trainer_host.serve(FindRateSpec(plan), port) == LrFound(0.01, "found")
    assert isinstance(port.sent[0], StageChanged)
    assert [message.event for message in port.sent if isinstance(message, TrainEvent)] == [LrPoint(1, 2, 1e-6, 1.0)]


def test_a_model_is_evaluated_with_a_row_for_each_image_and_stopped_between_them(tmp_path, monkeypatch):
    offer_bright(monkeypatch, tmp_path)
    project = small_project(tmp_path / "project", images=5)
    port = Listener()
    scores = task_host.serve(EvaluateSpec("bright", str(project), "train", "cpu", boundary_tolerance_px=2.0), port)
    assert scores["mean_iou"] == 1.0 and scores["boundary_f1"] == 1.0 and scores["calibration"] is not None
    assert len(scores["per_image"]) == scores["images"] == 4
    assert [what for _, _, what in port.reports][0].startswith("Evaluating im") and port.reports[-1][:2] == (4, 4)
    other = task_host.serve(EvaluateSpec("bright", str(project), "train", "cpu", split_of="bright"), Listener())
    assert [row["image"] for row in other["per_image"]] == [row["image"] for row in scores["per_image"]]
    stopped = Listener(cancelled_after=1)
    with pytest.raises(Cancelled):
        task_host.serve(EvaluateSpec("bright", str(project), "train", "cpu"), stopped)
    assert len(stopped.reports) == 1
    with pytest.raises(UserError, match="split test"):
        task_host.serve(EvaluateSpec("bright", str(project), "test", "cpu"), Listener())
