"""After a crash: the next start says so and offers the report. Nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.crash import CrashReport
    from segstudio.gui.main_window import MainWindow


def offer(window: MainWindow, reports: Sequence[CrashReport]) -> None:
    """One sentence in the bar, with the report behind a link; either answer removes the files."""
    if not reports:
        return

    def show() -> None:
        from segstudio.gui.dialogs.details import DetailsDialog

        text = "\n\n".join(report.text for report in reports)
        DetailsDialog(window, tr("What segstudio wrote down when it ended:"), text).show()
        forget()

    def forget() -> None:
        for report in reports:
            report.forget()

    window.notices.say(
        tr("segstudio did not end well last time. Every finished stroke is on disk; a report was kept."),
        "warning",
        (Offer(tr("Show report"), show), Offer(tr("Delete report"), forget)),
        key="crash-report",
        stays=True,
    )
