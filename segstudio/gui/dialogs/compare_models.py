"""Which two models to compare, and on what part of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from segstudio.app.compare_desk import MOST_PX
from segstudio.gui.dialogs.common import PlainDialog, form_grid, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.model_chooser import ModelChooser
from segstudio.gui.panels.parts import combo

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter


class CompareModelsDialog(PlainDialog):
    """Two choosers: the current model and the one it was last compared with; the visible part, or the whole image."""

    def __init__(self, jobs: JobCenter, left_id: str = "", right_id: str = "") -> None:
        workspace = jobs.workspace
        super().__init__(workspace.window, tr("Compare two models"), 460)
        self._jobs = jobs
        entries = jobs.models.entries()
        self.left, self.right = ModelChooser(), ModelChooser()
        self.left.setAccessibleName(tr("Model on the left"))
        self.right.setAccessibleName(tr("Model on the right"))
        first, second = self._defaults(left_id, right_id)
        self.left.show_entries(entries, first)
        self.right.show_entries(entries, second)
        if not second:
            free = [model_id for model_id in self.right.ids() if model_id != first]
            self.right.setCurrentIndex(self.right.findData(free[0]) if free else -1)
        self.part = combo(tr("Compared part"), [(tr("The visible part"), False), (tr("The whole image"), True)])
        self.part.setToolTip(tr("Of a wide view the middle, %1 megapixels").replace("%1", f"{MOST_PX / 1e6:.1f}"))
        self.column.addWidget(
            muted(tr("Both propose on this image, one after the other. Nothing changes until you keep one of them."))
        )
        self.column.addLayout(form_grid([(tr("Left"), self.left), (tr("Right"), self.right), (tr("On"), self.part)], 8))
        self.note = muted("")
        self.column.addWidget(self.note)
        buttons = self.add_buttons(tr("Compare"))
        self.accept_button = next(
            button
            for button in buttons.findChildren(QPushButton)
            if buttons.buttonRole(button) == buttons.ButtonRole.AcceptRole
        )
        for chooser in (self.left, self.right):
            chooser.currentIndexChanged.connect(self._show_state)
        self._show_state()

    def _defaults(self, left_id: str, right_id: str) -> tuple[str, str]:
        """The two to begin with; "" for none known."""
        current = self._jobs.models.current_entry()
        first = left_id or ("" if current is None else current.card.id)
        kept = self._jobs.workspace.session.meta("compared", [])
        last = [str(one) for one in kept if one != first] if isinstance(kept, list) else []
        known = {entry.card.id for entry in self._jobs.models.entries()}
        second = right_id or next((one for one in reversed(last) if one in known), "")
        return first, second

    def _show_state(self) -> None:
        left, right = self.left.currentData(), self.right.currentData()
        is_one = bool(left) and left == right
        self.note.setText(tr("Choose two different models.") if is_one else "")
        self.note.setVisible(is_one)
        self.accept_button.setEnabled(bool(left) and bool(right) and not is_one)

    def accept(self) -> None:
        """Begin."""
        left, right = self.left.currentData(), self.right.currentData()
        super().accept()
        self._jobs.compare.start(str(left), str(right), is_whole=bool(self.part.currentData()))
