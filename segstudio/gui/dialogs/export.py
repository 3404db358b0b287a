"""Export: a format, a folder, which images, a split; then it runs in the background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, form_grid, muted
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.job_center import JobCenter
    from segstudio.jobs.specs import ExportSpec

FORMATS: tuple[tuple[str, str, str], ...] = (
    ("masks", "PNG masks", "One index mask an image, palette PNG, with classes.json: read by nearly everything."),
    ("voc", "Pascal VOC", "The VOCdevkit layout: JPEGImages, SegmentationClass, SegmentationObject, ImageSets."),
    ("coco", "COCO", "One JSON with RLE and polygons, objects and stuff."),
    ("geotiff", "GeoTIFF", "Index masks that lie on the map: CRS and transform of the image, tiled, in the classes' colours."),
    ("geojson", "GeoJSON", "Polygons with holes on the map, one file an image: for QGIS and other map programs."),
    ("nifti", "NIfTI volumes", "A label map a volume, with the image's own affine, spacing and order of voxels."),
)
"""(id, title, one sentence)."""
OPTIONS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "coco": (("polygons", "Polygons in place of RLE", False), ("stuff", "Areas (stuff) beside objects", True)),
    "geotiff": (("images", "Copy the images, too", True),),
    "geojson": (("wgs84", "Longitude and latitude (WGS84) in place of the image's CRS", False),),
    "nifti": (("images", "The images too, as NIfTI without patient data", True),),
}
"""Format id → (option, title, default)."""
SPLITS = ("train", "val", "test")


class ExportDialog(PlainDialog):
    """Remembers what was chosen last with the project."""

    def __init__(self, parent: QWidget | None, session: Session, jobs: JobCenter) -> None:
        super().__init__(parent, tr("Export"), 560)
        self._session, self._jobs = session, jobs
        kept = session.meta("export", {})
        kept = kept if isinstance(kept, dict) else {}
        self.format = QComboBox()
        self.format.setAccessibleName(tr("Format"))
        for format_id, title, _ in FORMATS:
            self.format.addItem(tr(title), format_id)
        self.format.setCurrentIndex(max(0, self.format.findData(kept.get("format", "masks"))))
        self.format.currentIndexChanged.connect(self._on_format)
        self._about = muted("", small=True)
        self.folder = QLineEdit(str(kept.get("folder", "")) or self._suggested_folder())
        self.folder.setAccessibleName(tr("Into the folder"))
        choose = QPushButton(tr("Choose…"))
        choose.clicked.connect(self._on_choose)
        where = QHBoxLayout()
        where.setSpacing(4)
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        self.images = QComboBox()
        self.images.setAccessibleName(tr("Images"))
        labelled = sum(record.status != "unlabelled" for record in session.images)
        done = sum(record.status == "done" for record in session.images)
        self.images.addItem(tr("all labelled (%1)").replace("%1", str(labelled)), "labelled")
        self.images.addItem(tr("only done (%1)").replace("%1", str(done)), "done")
        self.images.addItem(tr("all (%1)").replace("%1", str(len(session.images))), "all")
        self.images.setCurrentIndex(0 if labelled else 2)
        self.has_split = QCheckBox(tr("Split into training, validation and test"))
        self.has_split.setChecked(bool(kept.get("split")))
        self.has_split.toggled.connect(self._show_split)
        self._split_box = QWidget()
        self.column.addLayout(
            form_grid(
                ((tr("Format"), self.format), ("", self._about), (tr("Into the folder"), where), (tr("Images"), self.images)),
                spacing_px=8,
            )
        )
        self.options: dict[tuple[str, str], QCheckBox] = {}
        for format_id, rows in OPTIONS.items():
            for name, title, is_on in rows:
                box = QCheckBox(tr(title))
                box.setChecked(is_on)
                self.options[format_id, name] = box
                self.column.addWidget(box)
        self.column.addWidget(self.has_split)
        self.column.addWidget(self._make_split())
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setProperty("danger", True)
        self._problem.hide()
        self.column.addWidget(self._problem)
        self.column.addStretch(1)
        self.add_buttons(tr("Export"))
        self._on_format()
        self._show_split()

    def spec(self) -> ExportSpec:
        """What is to be done.

        Raises
        ------
        UserError
            When the folder can't be used or the shares of the split don't add up.
        """
        from segstudio.jobs.specs import ExportSpec

        folder = self._checked_folder()
        split, seed = "", 0
        if self.has_split.isChecked():
            shares = {name: box.value() for name, box in self.shares.items()}
            if abs(sum(shares.values()) - 100) > 0.01:
                raise UserError(
                    f"The shares add up to {sum(shares.values()):g} %", remedy="make them 100 % together"
                )
            split = ",".join(f"{name}={share / 100:g}" for name, share in shares.items() if share > 0)
            seed = self.seed.value()
        wanted = self.images.currentData()
        ids = None
        if wanted != "all":
            ids = tuple(
                record.id
                for record in self._session.images
                if record.status == "done" or (wanted == "labelled" and record.status != "unlabelled")
            )
            if not ids:
                raise UserError("There is no such image", remedy="choose all images, or label some first")
        chosen = str(self.format.currentData())
        options = tuple((name, box.isChecked()) for (owner, name), box in self.options.items() if owner == chosen)
        return ExportSpec(str(self._session.folder), chosen, str(folder), split, seed, ids, options)

    def accept(self) -> None:
        """Begin; what stands in the way is said here and the dialog stays."""
        try:
            spec = self.spec()
        except UserError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self._session.set_meta(
            "export", {"format": spec.format, "folder": "", "split": spec.split, "parent": str(Path(spec.out).parent)}
        )
        self._jobs.exports.start(spec)
        super().accept()

    @property
    def problem(self) -> str:
        """What stands in the way, or ""."""
        return "" if self._problem.isHidden() else self._problem.text()

    def _make_split(self) -> QWidget:
        row = QHBoxLayout(self._split_box)
        row.setContentsMargins(24, 0, 0, 0)
        row.setSpacing(8)
        self.shares: dict[str, QDoubleSpinBox] = {}
        titles = {"train": tr("training"), "val": tr("validation"), "test": tr("test")}
        for name, share in zip(SPLITS, (70.0, 15.0, 15.0), strict=True):
            box = QDoubleSpinBox()
            box.setRange(0, 100)
            box.setDecimals(0)
            box.setSuffix(" %")
            box.setValue(share)
            box.setAccessibleName(titles[name])
            box.setMinimumWidth(72)
            row.addWidget(QLabel(titles[name]))
            row.addWidget(box)
            self.shares[name] = box
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setAccessibleName(tr("Seed"))
        self.seed.setToolTip(tr("The same seed gives the same split"))
        self.seed.setMinimumWidth(64)
        row.addWidget(QLabel(tr("seed")))
        row.addWidget(self.seed)
        row.addStretch(1)
        return self._split_box

    def _suggested_folder(self) -> str:
        folder = self._session.folder
        kept = self._session.meta("export", {})
        parent = Path(str(kept.get("parent", ""))) if isinstance(kept, dict) and kept.get("parent") else None
        if folder is None:
            return ""
        base = (parent if parent is not None and parent.is_dir() else folder.parent) / f"{folder.name}-export"
        candidate, number = base, 2
        while candidate.exists():
            candidate, number = base.with_name(f"{base.name}-{number}"), number + 1
        return str(candidate)

    def _checked_folder(self) -> Path:
        text = self.folder.text().strip()
        if not text:
            raise UserError("No folder was chosen", remedy="name one that is not there yet")
        folder = Path(text).expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError("There is something in that folder already", path=folder, remedy="name a fresh one")
        return folder

    def _on_format(self) -> None:
        self._about.setText(tr(FORMATS[self.format.currentIndex()][2]))
        for (owner, _), box in self.options.items():
            box.setVisible(owner == self.format.currentData())

    def _show_split(self) -> None:
        self._split_box.setVisible(self.has_split.isChecked())

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Into the folder"), str(Path(self.folder.text()).parent))
        if chosen:
            folder = Path(chosen)
            is_used = any(folder.iterdir())
            self.folder.setText(str(folder / f"{Path(self.folder.text()).name or 'export'}" if is_used else folder))
