"""The start page: recent projects with a picture each, New, Open, Open sample; files can be dropped anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.recent import RecentProject
from segstudio.gui import icons, theme
from segstudio.gui.action_binding import ActionBinder
from segstudio.gui.i18n import tr, tr_table

if TYPE_CHECKING:
    from segstudio.gui.thumbnails import ThumbnailLoader

THUMB_PX = QSize(88, 66)
SHOWN = 8
WIDEST_PX = 980


class StartPage(QWidget):
    """What the window shows while no project is open."""

    project_chosen = Signal(str)
    project_forgotten = Signal(str)

    def __init__(self, binder: ActionBinder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("start_page")
        self._binder = binder
        self._cards: list[ProjectCard] = []
        self._loader: ThumbnailLoader | None = None
        self._icon_buttons: list[tuple[QPushButton, str]] = []
        inner = QWidget()
        inner.setMaximumWidth(WIDEST_PX)
        columns = QHBoxLayout(inner)
        columns.setContentsMargins(32, 24, 32, 24)
        columns.setSpacing(40)
        columns.addLayout(self._make_left(), 0)
        columns.addLayout(self._make_right(), 1)
        outer = QHBoxLayout()
        outer.addStretch(1)
        outer.addWidget(inner, 10)
        outer.addStretch(1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(2)
        column.addLayout(outer)
        column.addStretch(3)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.viewport().setAutoFillBackground(False)
        body.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        theme.theme_manager().changed.connect(self._on_theme_changed)

    def set_projects(self, projects: Iterable[RecentProject]) -> None:
        """Show these, newest first."""
        for card in self._cards:
            self._grid.removeWidget(card)
            card.deleteLater()
        self._cards = []
        for place, project in enumerate(list(projects)[:SHOWN]):
            card = ProjectCard(project)
            card.chosen.connect(self.project_chosen)
            card.forgotten.connect(self.project_forgotten)
            self._grid.addWidget(card, place // 2, place % 2)
            self._cards.append(card)
        self._none.setVisible(not self._cards)

    def load_thumbnails(self) -> None:
        """Ask for the pictures; called once the window stands."""
        wanted = [card.project.thumbnail for card in self._cards if card.project.thumbnail]
        if not wanted:
            return
        if self._loader is None:
            from segstudio.gui.thumbnails import ThumbnailLoader

            self._loader = ThumbnailLoader(self)
            self._loader.loaded.connect(self._on_thumbnail_loaded)
        ratio = self.devicePixelRatioF()
        for path in wanted:
            self._loader.request(path, round(THUMB_PX.width() * ratio * 1.4))

    def shut_down(self) -> None:
        """Wait for the worker."""
        if self._loader is not None:
            self._loader.shut_down()

    @property
    def cards(self) -> list[ProjectCard]:
        """The recent projects shown."""
        return list(self._cards)

    def _make_left(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(12)
        logo = QLabel()
        logo.setPixmap(icons.pixmap("segstudio", 40))
        name = QLabel("segstudio")
        name.setFont(theme.title_font(name.font(), 1.9))
        head.addWidget(logo)
        head.addWidget(name)
        head.addStretch(1)
        claim = QLabel(tr("Label images with a model's help, then retrain it on your corrections."))
        claim.setProperty("muted", True)
        claim.setWordWrap(True)
        column.addLayout(head)
        column.addWidget(claim)
        column.addSpacing(12)
        for number, action_id in enumerate(
            ("file.open_images", "file.open_project", "file.new_project", "file.open_sample")
        ):
            column.addWidget(self._make_button(action_id, is_primary=number == 0))
        column.addSpacing(12)
        drop = QFrame()
        drop.setObjectName("drop_hint")
        row = QHBoxLayout(drop)
        row.setContentsMargins(12, 12, 12, 12)
        row.setSpacing(12)
        self._drop_icon = QLabel()
        self._drop_icon.setPixmap(icons.pixmap("drop", 20, "muted"))
        text = QLabel(tr("Or drop images, a folder or a project anywhere in this window."))
        text.setWordWrap(True)
        text.setProperty("muted", True)
        row.addWidget(self._drop_icon)
        row.addWidget(text, 1)
        self._drop = drop
        self._style_drop()
        column.addWidget(drop)
        column.addStretch(1)
        return column

    def _make_right(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(12)
        heading = QLabel(tr("Recent projects"))
        heading.setFont(theme.title_font(heading.font(), 1.15))
        column.addWidget(heading)
        self._none = QLabel(tr("Projects you open are listed here. “Open sample” shows the whole way on real images."))
        self._none.setWordWrap(True)
        self._none.setProperty("muted", True)
        column.addWidget(self._none)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        column.addStretch(1)
        return column

    def _make_button(self, action_id: str, *, is_primary: bool) -> QPushButton:
        spec = self._binder.specs[action_id]
        button = QPushButton("  " + tr_table("actions", spec.text))
        button.setObjectName(f"start.{action_id}")
        button.setToolTip(self._binder.tool_tip(action_id))
        button.setProperty("primary", is_primary)
        button.setProperty("start", True)
        button.setIconSize(QSize(16, 16))
        button.setMinimumSize(220, 34)
        self._icon_buttons.append((button, spec.icon))
        button.setIcon(icons.icon(spec.icon, "accent_text" if is_primary else "text"))
        button.clicked.connect(self._binder.action(action_id).trigger)
        return button

    def _style_drop(self) -> None:
        border = theme.color("border_strong").name()
        self._drop.setStyleSheet(f"#drop_hint {{ border: 1px dashed {border}; border-radius: 8px; }}")

    def _on_theme_changed(self) -> None:
        for button, name in self._icon_buttons:
            button.setIcon(icons.icon(name, "accent_text" if button.property("primary") else "text"))
        self._drop_icon.setPixmap(icons.pixmap("drop", 20, "muted"))
        self._style_drop()
        for card in self._cards:
            card.restyle()

    def _on_thumbnail_loaded(self, path: str, image: QImage) -> None:
        for card in self._cards:
            if card.project.thumbnail == path and not image.isNull():
                card.set_picture(image)


class ProjectCard(QPushButton):
    """One recent project: picture, name, place, when."""

    chosen = Signal(str)
    forgotten = Signal(str)

    def __init__(self, project: RecentProject) -> None:
        super().__init__()
        self.project = project
        self._has_picture = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(220)
        self.setAccessibleName(tr("Open the project") + f" {project.name}")
        self.setToolTip(project.folder)
        self._picture = QLabel(self)
        self._picture.setFixedSize(THUMB_PX)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        name = QLabel(project.name)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setProperty("heading", True)
        facts = QLabel(" · ".join(filter(None, [tr("%n image(s)", project.images), age_text(project.opened_s)])))
        place = QLabel()
        place.setTextFormat(Qt.TextFormat.PlainText)
        self._place = place
        for label in (facts, place):
            label.setProperty("muted", True)
            label.setFont(theme.small_font(label.font()))
        for label in (name, facts, place, self._picture):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.setMinimumWidth(0)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addStretch(1)
        texts.addWidget(name)
        texts.addWidget(facts)
        texts.addWidget(place)
        texts.addStretch(1)
        self._forget = QToolButton(self)
        self._forget.setIcon(icons.icon("close", "muted"))
        self._forget.setIconSize(QSize(16, 16))
        self._forget.setToolTip(tr("Take it off this list; its files stay"))
        self._forget.setAccessibleName(tr("Take %1 off the list").replace("%1", project.name))
        self._forget.clicked.connect(self._on_forget)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 4, 10)
        row.setSpacing(12)
        row.addWidget(self._picture)
        row.addLayout(texts, 1)
        row.addWidget(self._forget, 0, Qt.AlignmentFlag.AlignTop)
        self.setEnabled(True)
        self.clicked.connect(self._on_clicked)
        self.restyle()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for the picture: the style sheet's rules for buttons know nothing of it."""
        return QSize(280, THUMB_PX.height() + 20)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """No lower than the picture."""
        return QSize(220, THUMB_PX.height() + 20)

    def set_picture(self, image: QImage) -> None:
        """Show *image*, cut to the frame."""
        ratio = self.devicePixelRatioF()
        size = THUMB_PX * ratio
        scaled = QPixmap.fromImage(image).scaled(
            size, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        )
        result = QPixmap(size)
        result.fill(Qt.GlobalColor.transparent)
        painter = QPainter(result)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QPainterPath()
        frame.addRoundedRect(0, 0, size.width(), size.height(), 6 * ratio, 6 * ratio)
        painter.setClipPath(frame)
        painter.drawPixmap((size.width() - scaled.width()) // 2, (size.height() - scaled.height()) // 2, scaled)
        painter.end()
        result.setDevicePixelRatio(ratio)
        self._has_picture = True
        self._picture.setPixmap(result)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        if not self._has_picture:
            self._picture.setPixmap(icons.pixmap("folder", 24, "muted"))
            self._picture.setStyleSheet(f"background: {theme.color('window').name()}; border-radius: 6px;")
        self._forget.setIcon(icons.icon("close", "muted"))

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """Shorten the folder's middle to what fits."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        room = self.width() - THUMB_PX.width() - 64
        folder = self.project.folder
        home = str(Path.home())
        shown = "~" + folder[len(home) :] if folder.startswith(home + "/") else folder
        metrics = self._place.fontMetrics()
        self._place.setText(metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, max(40, room)))

    def _on_clicked(self) -> None:
        self.chosen.emit(self.project.folder)

    def _on_forget(self) -> None:
        self.forgotten.emit(self.project.folder)


def age_text(moment_s: float, now_s: float | None = None) -> str:
    """How long ago, in a word or two; "" for no time."""
    if moment_s <= 0:
        return ""
    days = int(((time.time() if now_s is None else now_s) - moment_s) // 86_400)
    if days <= 0:
        return tr("today")
    if days == 1:
        return tr("yesterday")
    if days < 30:
        return tr("%n day(s) ago", days)
    return time.strftime("%Y-%m-%d", time.localtime(moment_s))
