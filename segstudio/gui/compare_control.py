"""The way to the comparison of two models; what it needs is loaded when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.comparison import Comparison
    from segstudio.gui.job_center import JobCenter


class CompareControl:
    """What the window calls to compare; nothing of it is made before the first time."""

    def __init__(self, jobs: JobCenter) -> None:
        self._jobs = jobs
        self._comparison: Comparison | None = None

    @property
    def comparison(self) -> Comparison:
        """The parts on the canvas."""
        if self._comparison is None:
            from segstudio.gui.comparison import Comparison

            self._comparison = Comparison(self._jobs)
        return self._comparison

    @property
    def is_on(self) -> bool:
        """Whether two models are being compared."""
        return self._comparison is not None and self._comparison.is_on

    def ask(self, left_id: str = "", right_id: str = "") -> None:
        """Ask which two models to compare, beginning with these."""
        from segstudio.gui.dialogs.compare_models import CompareModelsDialog

        CompareModelsDialog(self._jobs, left_id, right_id).open()

    def start(self, left_id: str, right_id: str, *, is_whole: bool = False) -> bool:
        """Compare two models on the visible part of the open image, or on all of it; False when it can't begin."""
        return self.comparison.start(left_id, right_id, is_whole=is_whole)

    def close(self) -> bool:
        """End it without a trace; False when nothing was compared."""
        return self._comparison is not None and self._comparison.close()

    def shut_down(self) -> None:
        """The window closes."""
        if self._comparison is not None:
            self._comparison.shut_down()
