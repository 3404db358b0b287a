"""Writing augmented copies of the training images to a folder: how many, how large, where; then it runs in the background."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, form_grid, muted
from segstudio.gui.i18n import tr
from segstudio.jobs.specs import AugmentSpec
from segstudio.ml.plan import TrainPlan

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

KEPT_FIELDS = (
    "project",
    "val_fraction",
    "split_by",
    "group_by",
    "block_px",
    "fold",
    "is_leak_allowed",
    "scale",
    "seed",
)
"""What the run that is chosen and the folder have in common beside the augmentation."""


class AugmentFolderDialog(PlainDialog):
    """Begins with a folder beside the project."""

    def __init__(self, parent: QWidget, workspace: Workspace, preset: str, options: Mapping[str, object]) -> None:
        super().__init__(parent, tr("Write augmented copies"), 520)
        self._workspace, self._preset, self._options = workspace, preset, dict(options)
        self.copies = QSpinBox()
        self.copies.setRange(1, 1000)
        self.copies.setValue(4)
        self.size = QSpinBox()
        self.size.setRange(0, 8192)
        self.size.setSingleStep(32)
        self.size.setSuffix(" px")
        self.size.setSpecialValueText(tr("whole images"))
        self.size.setKeyboardTracking(False)
        self.originals = QCheckBox(tr("The training images themselves, too"))
        self.originals.setChecked(True)
        self.folder = QLineEdit(self._suggested_folder())
        choose = QPushButton(tr("Choose…"))
        choose.clicked.connect(self._on_choose)
        where = QHBoxLayout()
        where.setSpacing(4)
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        names = (tr("Copies of each image"), tr("Size"), tr("Into the folder"))
        for name, field in zip(names, (self.copies, self.size, self.folder), strict=True):
            field.setAccessibleName(name)
        self.column.addWidget(
            muted(
                tr(
                    "Only training images get copies; images for validation and testing are copied as they are. Masks and "
                    "class list are written as by the export of PNG masks."
                )
            )
        )
        self.column.addLayout(
            form_grid(
                [(names[0], self.copies), (names[1], self.size), ("", self.originals), (names[2], where)], spacing_px=8
            )
        )
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("danger", True)
        self.problem.hide()
        self.column.addWidget(self.problem)
        self.column.addStretch(1)
        self.add_buttons(tr("Write"))

    def spec(self) -> AugmentSpec:
        """What is to be done.

        Raises
        ------
        UserError
            When the folder can't be used, or nothing would be changed.
        """
        text = self.folder.text().strip()
        folder = Path(text).expanduser()
        if not text:
            raise UserError("No folder was chosen", remedy="name one that is not there yet")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError("There is something in that folder already", path=folder, remedy="name a fresh one")
        if 0 < self.size.value() < 32:
            raise UserError("Patches so small hold nothing", remedy="give 32 px or more, or 0 for whole images")
        draft = self._workspace.jobs.training.presenter.draft()
        kept = {name: getattr(draft, name) for name in KEPT_FIELDS}
        plan = TrainPlan(out=str(folder), **kept, augment=self._preset, augment_options=self._options)  # type: ignore[arg-type]
        return AugmentSpec(
            plan.checked(), str(folder), self.copies.value(), self.size.value(), self.originals.isChecked()
        )

    def accept(self) -> None:
        """Begin; what stands in the way is said here and the dialog stays."""
        try:
            spec = self.spec()
        except UserError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        self._workspace.jobs.exports.start(spec)
        super().accept()

    def _suggested_folder(self) -> str:
        folder = self._workspace.session.folder
        if folder is None:
            return ""
        base = folder.parent / f"{folder.name}-augmented"
        candidate, number = base, 2
        while candidate.exists():
            candidate, number = base.with_name(f"{base.name}-{number}"), number + 1
        return str(candidate)

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Into the folder"), str(Path(self.folder.text()).parent))
        if chosen:
            folder = Path(chosen)
            name = Path(self.folder.text()).name or "augmented"
            self.folder.setText(str(folder / name if any(folder.iterdir()) else folder))
