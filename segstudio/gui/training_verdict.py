"""After a run that started from a model: is the new one better? Both are evaluated on the same validation images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from segstudio.app.presenters.training_evaluation import verdict
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer
from segstudio.jobs.specs import EvaluateSpec

if TYPE_CHECKING:
    from segstudio.app.presenters.training import TrainingPresenter
    from segstudio.app.presenters.training_evaluation import Verdict
    from segstudio.gui.job_center import JobCenter

WAIT_MS = 4000
"""The first proposal with the new model goes before."""
CHEAP_PX = 8_000_000
"""So many pixels to validate are judged without being asked."""


class TrainingJudge(QObject):
    """Waits until the window's models are at rest, evaluates the start model and the new one, and tells."""

    def __init__(self, jobs: JobCenter, presenter: TrainingPresenter) -> None:
        super().__init__(jobs)
        self._jobs, self._presenter = jobs, presenter
        self._pair: tuple[str, str, str] | None = None
        self._start_scores: dict[str, Any] | None = None
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._on_time)

    @property
    def is_waiting(self) -> bool:
        """Whether a comparison is to come, or under way."""
        return self._pair is not None

    def begin(self, start_id: str, model_id: str, device: str) -> None:
        """Judge *model_id* against *start_id* soon; where that would take long it is offered in the panel instead."""
        self._pair = (start_id, model_id, device)
        self._start_scores = None
        if self._presenter.times.val_pixels(self._presenter.draft()) <= CHEAP_PX:
            self._timer.start()
        else:
            self._presenter.offer_verdict()

    def go(self) -> None:
        """Judge now, as asked by the person."""
        if self._pair is not None:
            self._on_time()

    def stop(self) -> None:
        """Another run begins, or the project closes."""
        self._timer.stop()
        self._pair = None

    def _on_time(self) -> None:
        if self._pair is None:
            return
        if self._jobs.models.is_busy or self._jobs.evaluations.is_running:
            self._timer.start()
            return
        self._evaluate(self._pair[0], self._on_start_scores)

    def _evaluate(self, model_id: str, done: Any) -> None:
        folder = self._presenter.session.folder
        if self._pair is None or folder is None:
            return
        spec = EvaluateSpec(model_id, str(folder), "val", self._pair[2], split_of=self._pair[1])
        # What it can't be compared with (no class in common, say) is no failure of the run.
        self._jobs.evaluations.start(spec, done, is_said=False)

    def _on_start_scores(self, scores: dict[str, Any] | None) -> None:
        self._start_scores = scores
        if scores is None or self._pair is None:
            self._pair = None
            return
        self._evaluate(self._pair[1], self._on_new_scores)

    def _on_new_scores(self, scores: dict[str, Any] | None) -> None:
        pair, self._pair = self._pair, None
        if pair is None or scores is None or self._start_scores is None:
            return
        found = verdict(self._start_scores, scores, pair[0], pair[1])
        if found is None:
            return
        self._presenter.receive_verdict(found)
        if found.is_worse:
            keep = Offer(tr("Keep the old model"), lambda: self._jobs.models.choose(found.start_id))
            self._jobs.workspace.window.notices.say(verdict_text(found), "warning", (keep,), key="verdict")


def verdict_text(found: Verdict) -> str:
    """Better, worse or alike, with the figures and the classes that lost."""
    if found.is_better:
        text = tr(
            "Better than the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).", found.images
        )
    elif found.is_worse:
        text = tr(
            "Worse than the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).", found.images
        )
    else:
        text = tr(
            "As good as the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).", found.images
        )
    for place, value in (("%1", found.start_id), ("%2", f"{found.before:.3f}"), ("%3", f"{found.after:.3f}")):
        text = text.replace(place, value)
    if found.worse and not found.is_worse:
        lost = ", ".join(f"{name} {before:.2f} → {after:.2f}" for name, before, after in found.worse[:4])
        text += " " + tr("Worse in: %1.").replace("%1", lost)
    return text
