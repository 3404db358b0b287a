"""About segstudio: version, licences."""

from __future__ import annotations

import platform

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

import segstudio
from segstudio.gui import icons
from segstudio.gui.dialogs.common import PlainDialog, heading, line, muted
from segstudio.gui.i18n import tr


class AboutDialog(PlainDialog):
    """Who made it, what it stands on."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, tr("About segstudio"), 460)
        head = QHBoxLayout()
        head.setSpacing(16)
        logo = QLabel()
        logo.setPixmap(icons.pixmap("segstudio", 64))
        head.addWidget(logo)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(heading(f"segstudio {segstudio.__version__}", 1.5))
        texts.addWidget(muted(tr("Label images with a model's help, then retrain it on your corrections.")))
        head.addLayout(texts, 1)
        self.column.addLayout(head)
        self.column.addWidget(line())
        self.column.addWidget(
            muted(f"Python {platform.python_version()} · Qt {qVersion()} · PySide6 {pyside_version}", small=True)
        )
        licence = QLabel(
            tr(
                "Free software under the Apache License 2.0. Qt and PySide6 are used under the LGPL 3, unchanged. "
                "Models carry licences of their own: see each model's card; “research use” marks those trained "
                "on data that is not free for every purpose."
            )
        )
        licence.setWordWrap(True)
        self.column.addWidget(licence)
        self.column.addStretch(1)
        self.add_buttons()
