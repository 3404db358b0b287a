"""Evaluate a model: scores on a split, by class, as a confusion matrix, and by image with the worst first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters import training_evaluation as texts
from segstudio.app.presenters.training_evaluation import CLASS_COLUMNS, IMAGE_COLUMNS, SUMMARY, figure, place_of
from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.model_chooser import ModelChooser
from segstudio.gui.panels.parts import combo
from segstudio.gui.panels.train_tables import ScoreTable

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

TOLERANCE_PX = 2.0
SPLITS = ("val", "test", "train")
EVALUATING = "Evaluating "
"""How the process says which image it is at."""


class EvaluateDialog(PlainDialog):
    """Stays open beside the main window, so that its rows can be looked at on the canvas."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.window, tr("Evaluate a model"), 760, 560)
        self._workspace, self._jobs = workspace, workspace.jobs
        self.scores: dict[str, Any] | None = None
        self._model_id = ""
        self._had_difference: bool | None = None
        self.model = ModelChooser()
        entry = self._jobs.models.current_entry()
        self.model.show_entries(self._jobs.models.entries(), "" if entry is None else entry.card.id)
        self.split = combo(tr("Images"), [(self._split_title(one), one) for one in SPLITS])
        self.split.setToolTip(tr("Images that the model did not learn from say how good it is on new ones"))
        self.run_button = QPushButton(tr("Evaluate"))
        self.run_button.setProperty("primary", True)
        self.run_button.setDefault(True)
        self.run_button.clicked.connect(self._on_run)
        self.column.addLayout(self._make_head())
        self.state = muted(tr("Compares what the model finds with the labels. Labels and proposals stay as they are."))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.column.addWidget(self.state)
        self.column.addWidget(self.bar)
        self.tabs = QTabWidget()
        self.tabs.setEnabled(False)
        self._make_tabs()
        self.column.addWidget(self.tabs, 1)
        self._make_buttons()
        self._jobs.evaluations.progressed.connect(self._on_progressed)
        self._jobs.models.changed.connect(self._show_models)

    def choose_model(self, model_id: str) -> None:
        """Choose a model, as if by hand."""
        row = self.model.findData(model_id)
        if row >= 0:
            self.model.setCurrentIndex(row)

    # -- building --------------------------------------------------------------------------------------------------

    def _make_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for title, field, stretch in ((tr("Model"), self.model, 3), (tr("On"), self.split, 2)):
            label = QLabel(title)
            label.setBuddy(field)
            row.addWidget(label)
            row.addWidget(field, stretch)
        row.addWidget(self.run_button)
        return row

    def _make_tabs(self) -> None:
        summary = QWidget()
        column = QVBoxLayout(summary)
        column.setContentsMargins(0, 12, 0, 0)
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(12)
        self._figures.setVerticalSpacing(2)
        self._figures.setColumnStretch(2, 1)
        self.values: dict[str, QLabel] = {}
        for place, (key, title, about) in enumerate(SUMMARY):
            value = self.values[key] = QLabel("–")
            self._figures.addWidget(QLabel(tr(title)), place, 0)
            self._figures.addWidget(value, place, 1)
            self._figures.addWidget(muted(tr(about), small=True), place, 2)
        column.addLayout(self._figures)
        self.classes = ScoreTable([(key, tr(title)) for key, title in CLASS_COLUMNS])
        self.classes.setAccessibleName(tr("Scores by class"))
        column.addWidget(self.classes, 1)
        self._matrix_page = QVBoxLayout()
        matrix = QWidget()
        matrix.setLayout(self._matrix_page)
        self._matrix_page.setContentsMargins(0, 12, 0, 0)
        self.tabs.addTab(summary, tr("Summary"))
        self.tabs.addTab(self._make_images(), tr("Images, worst first"))
        self.tabs.addTab(matrix, tr("Confusion"))
        self.tabs.addTab(self._make_calibration(), tr("Calibration"))

    def _make_images(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 12, 0, 0)
        column.addWidget(muted(tr("Double-click a row, or press Enter on it, to see the image."), small=True))
        self.images = ScoreTable([(key, tr(title)) for key, title in IMAGE_COLUMNS])
        self.images.setAccessibleName(tr("Scores by image, the worst first"))
        self.images.opened.connect(self.open_image)
        column.addWidget(self.images, 1)
        self.differs = QCheckBox(tr("Let the model propose there, and show where it differs from the labels"))
        self.differs.setChecked(True)
        self.differs.setToolTip(tr("An image that has a proposal keeps it"))
        column.addWidget(self.differs)
        return page

    def _make_calibration(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 12, 0, 0)
        self.calibration_text = muted("")
        column.addWidget(self.calibration_text)
        titles = (("span", tr("The model is sure to")), ("accuracy", tr("It is right in")), ("pixels", tr("Pixels")))
        self.calibration = ScoreTable(list(titles))
        self.calibration.setAccessibleName(tr("Calibration"))
        column.addWidget(self.calibration, 1)
        return page

    def _make_buttons(self) -> None:
        buttons = self.add_buttons()
        self.export_button = QPushButton(tr("Export"))
        self.export_button.setEnabled(False)
        menu = QMenu(self.export_button)
        for title, name, make in (
            (tr("Everything as JSON…"), "evaluation.json", texts.as_json),
            (tr("Images as CSV…"), "images.csv", texts.images_csv),
            (tr("Classes as CSV…"), "classes.csv", texts.classes_csv),
        ):
            menu.addAction(title, partial(self._on_export, name, make))
        menu.addAction(tr("Evaluate again, and write VOC result files…"), self._on_voc)
        self.export_button.setMenu(menu)
        buttons.addButton(self.export_button, QDialogButtonBox.ButtonRole.ActionRole)

    # -- evaluating ------------------------------------------------------------------------------------------------

    def _on_voc(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, tr("Into the folder"), str(self._workspace.session.folder or "")
        )
        if folder and not self._jobs.evaluations.is_running:
            self.run(voc_results=folder)

    def _on_run(self) -> None:
        self.run()

    def run(self, voc_results: str = "") -> None:
        """Begin what is chosen, or stop what runs; the masks go to a folder too, when one is named."""
        from segstudio.jobs.specs import EvaluateSpec

        evaluations = self._jobs.evaluations
        if evaluations.is_running:
            evaluations.cancel()
            self.state.setText(tr("Stopping"))
            return
        folder, model_id = self._workspace.session.folder, self.model.currentData()
        if folder is None or not model_id:
            self.state.setText(tr("Choose a model."))
            return
        device = self._workspace.settings.text("model.device")
        split = str(self.split.currentData())
        spec = EvaluateSpec(
            str(model_id), str(folder), split, device, boundary_tolerance_px=TOLERANCE_PX, voc_results=voc_results
        )
        self._model_id = str(model_id)
        if evaluations.start(spec, self._on_done):
            self._show_running(True)

    def _on_progressed(self, done: float, total: float, what: str) -> None:
        self.bar.setRange(0, round(total))
        self.bar.setValue(round(done))
        is_image = what.startswith(EVALUATING)
        self.state.setText(tr("Evaluating %1").replace("%1", what.removeprefix(EVALUATING)) if is_image else what)

    def _on_done(self, scores: dict[str, Any] | None) -> None:
        self._show_running(False)
        if scores is None:
            self.state.setText(tr("Nothing was evaluated."))
            return
        self.show_scores(scores)

    def _show_running(self, is_running: bool) -> None:
        self.run_button.setText(tr("Stop") if is_running else tr("Evaluate"))
        self.bar.setVisible(is_running)
        self.bar.setRange(0, 0)
        self.model.setEnabled(not is_running)
        self.split.setEnabled(not is_running)
        if is_running:
            self.state.setText(tr("Loading the model"))

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_scores(self, scores: dict[str, Any]) -> None:
        """Show an evaluation."""
        self.scores = scores
        said = tr("%1 on %n image(s) or plane(s)", scores["images"]).replace("%1", str(scores["model"]))
        self.state.setText(f"{said} · {self._split_title(scores['split'])}")
        if scores.get("voc_results"):
            self.state.setText(tr("Written to %1.").replace("%1", str(scores["voc_results"])))
        figures = {**scores, **(scores.get("objects") or {})}
        for key, label in self.values.items():
            label.setText(figure(figures.get(key)))
        self.classes.show_rows(scores["per_class"], figure)
        self.images.show_rows(scores.get("per_image", []), figure)
        self._show_matrix(scores)
        self._show_calibration(scores.get("calibration"))
        self.tabs.setEnabled(True)
        self.export_button.setEnabled(True)

    def _show_matrix(self, scores: dict[str, Any]) -> None:
        from segstudio.gui.panels.confusion_view import ConfusionView

        if self._matrix_page.count() == 0:
            self.matrix = ConfusionView()
            self._matrix_page.addWidget(
                muted(
                    tr("Rows are the labels, columns what the model found: mistakes lie off the diagonal."), small=True
                )
            )
            self._matrix_page.addWidget(self.matrix, 1)
        self.matrix.show_confusion([row["name"] for row in scores["per_class"]], scores["confusion"])

    def _show_calibration(self, found: dict[str, Any] | None) -> None:
        rows = [] if found is None else [bin_ for bin_ in found["bins"] if bin_["pixels"]]
        self.calibration.setVisible(bool(rows))
        if found is None:
            self.calibration_text.setText(tr("This kind of model does not say how sure it is of each pixel."))
            return
        self.calibration_text.setText(
            tr(
                "A model that is 80 % sure should be right in 80 % of such pixels. "
                "Expected calibration error: %1 (0 is best)."
            ).replace("%1", figure(found["expected_calibration_error"]))
        )
        shown = [{**one, "span": f"{100 * one['from']:.0f} – {100 * one['to']:.0f} %"} for one in rows]
        self.calibration.show_rows(shown, lambda v: f"{100 * v:.1f} %" if isinstance(v, float) else figure(v))

    def _show_models(self) -> None:
        self.model.show_entries(self._jobs.models.entries(), str(self.model.currentData() or ""))

    def _split_title(self, split: str) -> str:
        return {
            "val": tr("validation images"), "test": tr("test images"), "train": tr("training images"),
        }[split]  # fmt: skip

    # -- an image --------------------------------------------------------------------------------------------------

    def open_image(self, row: dict[str, Any]) -> bool:
        """Show the image of a row on the canvas; False when it has gone from the project."""
        session = self._workspace.session
        place = place_of(session, row)
        if place is None:
            self.state.setText(tr("This image is no longer in the project."))
            return False
        session.select_image(place.image_id)
        # The plane is known once the file is open, which may take a turn of the event loop.
        QTimer.singleShot(0, self, lambda: self._go_to_plane(place.image_id, place.z))
        return True

    def _go_to_plane(self, image_id: int, z: int) -> None:
        session = self._workspace.session
        if session.image_id != image_id:
            return
        if z:
            session.set_plane(z)
        record = session.image_record(image_id)
        if not self.differs.isChecked() or session.is_read_only:
            return
        if not record.has_proposal and not self._jobs.models.is_busy:
            self._jobs.models.choose(self._model_id)
            self._jobs.models.propose([image_id], only_shown_plane=True)
        self._show_difference(True)

    def _show_difference(self, is_on: bool) -> None:
        from dataclasses import replace

        session = self._workspace.session
        if self._had_difference is None:
            self._had_difference = session.overlay.shows_difference
        session.set_overlay(replace(session.overlay, shows_difference=is_on))

    # -- files -----------------------------------------------------------------------------------------------------

    def _on_export(self, name: str, make: Any) -> None:
        folder = self._workspace.session.folder
        wanted = str((folder or Path()) / name)
        file, _ = QFileDialog.getSaveFileName(self, tr("Export"), wanted)
        if file and self.scores is not None:
            self.export(Path(file), make(self.scores))

    def export(self, file: Path, text: str) -> None:
        """Write a result; what stands against it is said."""
        try:
            texts.write_text(file, text)
        except UserError as error:
            self.state.setText(str(error))
            return
        self.state.setText(tr("Written to %1.").replace("%1", str(file)))

    def done(self, result: int) -> None:
        """Stop what runs, and show labels and proposal as before."""
        if self._jobs.evaluations.is_running:
            self._jobs.evaluations.cancel()
        if self._had_difference is False:
            self._show_difference(False)
        self._jobs.evaluations.progressed.disconnect(self._on_progressed)
        self._jobs.models.changed.disconnect(self._show_models)
        super().done(result)
