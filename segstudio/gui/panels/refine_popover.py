"""The small card over the canvas for refining the proposal: method, options, and a live preview of what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout

from segstudio.app.presenters.regions import thousands
from segstudio.app.setting_table import BY_KEY
from segstudio.gui.i18n import tr
from segstudio.gui.panels.option_field import OptionField
from segstudio.gui.panels.option_form import OptionForm
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, combo, follow_theme, select_data, set_icon, tool_button

if TYPE_CHECKING:
    from segstudio.app.refine_desk import RefineDesk
    from segstudio.core.geometry import Rect
    from segstudio.gui.canvas.widget import CanvasWidget

WIDTH_PX = 300
WAIT_MS = 150
"""So long after the last change of an option, or move of the view, the preview is made."""
LOOK_MS = 100
"""So often it is looked whether the view has moved."""
PLANES, PREVIEW = "refine.planes", "refine.preview"


class RefinePopover(QFrame):
    """At the right upper corner of the canvas, which stays usable. Enter applies, Esc closes and drops the preview.

    It can be dragged elsewhere, and folded to what is below the options, where it hides what one wants to see.
    """

    def __init__(self, desk: RefineDesk, canvas: CanvasWidget) -> None:
        super().__init__(canvas)
        self.desk, self.canvas, self.session = desk, canvas, desk.session
        self.setObjectName("refine-popover")
        self.setProperty("card", True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFixedWidth(WIDTH_PX)
        self.setAutoFillBackground(True)
        self._failure = ""
        self._grip: QPoint | None = None
        self._is_moved = False
        self._build()
        self._lay_out()
        self._seen: Rect | None = None
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self.look)
        self._tick = QTimer(self, interval=LOOK_MS)
        self._tick.timeout.connect(self._on_tick)
        desk.changed.connect(self._show_state)
        desk.choice.changed.connect(self._on_choice)
        self.session.layer_changed.connect(self._on_layer_changed)
        self.session.plane_changed.connect(self._look_soon)
        self.session.history_changed.connect(self._look_soon)
        self.session.settings.changed.connect(self._on_setting)
        self.session.image_changed.connect(self.close_card)
        canvas.installEventFilter(self)
        follow_theme(self)
        self.hide()

    def _build(self) -> None:
        self.title = QLabel(tr("Refine the proposal"))
        self.title.setProperty("heading", True)
        self.close_button = tool_button("close", tr("Close"), tr("Close without changing anything"), self.close_card)
        self.fold_button = tool_button("up", tr("Fold"), tr("Hide the options, or show them"), self._on_fold)
        self.method = combo(tr("Method"), [(tr(card.name), card.id) for card in self.desk.choice.cards])
        self.method.currentIndexChanged.connect(lambda _: self.desk.choice.choose(self.method.currentData()))
        self.form = OptionForm()
        self.form.changed.connect(self._on_option)
        settings = self.session.settings
        self.planes = OptionField(settings, BY_KEY[PLANES])
        self.preview = OptionField(settings, BY_KEY[PREVIEW])
        self.reset_button = tool_button(
            "reload", tr("Defaults"), tr("All options as they were at first"), self._on_reset
        )
        self.result = QLabel()
        self.result.setObjectName("refine-result")
        self.result.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.apply_button = QPushButton(tr("Apply"))
        self.apply_button.setProperty("primary", True)
        self.apply_button.clicked.connect(self.apply)
        self.cancel_button = QPushButton(tr("Cancel"))
        self.cancel_button.clicked.connect(self.close_card)
        for label in (self.title, self.result):
            label.setTextFormat(Qt.TextFormat.PlainText)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.fold_button)
        head.addWidget(self.close_button)
        method = QHBoxLayout()
        method.setSpacing(GAP_PX)
        method.addWidget(self.method, 1)
        method.addWidget(self.reset_button)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        buttons.addWidget(self.preview)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.apply_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX + GAP_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX + GAP_PX)
        column.setSpacing(MARGIN_PX)
        column.addLayout(head)
        column.addLayout(method)
        column.addWidget(self.form)
        column.addWidget(self.planes, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.result)
        column.addWidget(self.bar)
        column.addLayout(buttons)

    # -- opening and closing ---------------------------------------------------------------------------------------

    def open_card(self) -> None:
        """Show the card, and begin the preview."""
        self._failure, self._seen = "", None
        self._is_moved = False
        self._set_folded(False)
        self._show_choice()
        self._show_state()
        self.show()
        self._place()
        self.raise_()
        self.method.setFocus()
        self._tick.start()
        self.look()

    def close_card(self) -> None:
        """Leave without changing anything; the preview goes."""
        if self.isHidden():
            return
        self._put_away()
        self.desk.forget()

    def apply(self) -> None:
        """Refine all of it in the background: one undo step. The job strip tells how far it is."""
        whole = self.session.is_volume and self.session.settings.text(PLANES) == "whole volume"
        if self.desk.apply(is_whole_volume=whole):
            self._put_away()

    def stop_looking(self, sentence: str) -> None:
        """No preview until something is changed: the last one failed."""
        self._failure = sentence
        self._show_state()

    def _put_away(self) -> None:
        self._wait.stop()
        self._tick.stop()
        self.hide()
        self.canvas.setFocus()

    # -- preview ---------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Preview what is seen now."""
        self._wait.stop()
        if self.isHidden() or self._failure:
            return
        self._seen = self.canvas.visible_rect()
        if self.session.settings.flag(PREVIEW):
            self.desk.look(self._seen)
        else:
            self.desk.forget()
        self._show_state()

    def _look_soon(self, *_: object) -> None:
        if not self.isHidden():
            self._failure = ""
            self._wait.start()

    def _on_tick(self) -> None:
        seen = self.canvas.visible_rect()
        if seen != self._seen:
            self._seen = seen
            self._look_soon()

    def _on_layer_changed(self, layer_id: int, _: object) -> None:
        # Drawing a preview changes what is seen of the layer too, but not its revision: then there is nothing to do.
        proposal = self.session.proposal
        if proposal is not None and layer_id == proposal.id and not self.desk.is_busy and self.desk.preview is None:
            self._look_soon()

    def _on_setting(self, key: str, _: object) -> None:
        if key in (PREVIEW, "model.device"):
            self._look_soon()

    def _on_option(self, key: str, value: object) -> None:
        self.desk.choice.set_option(self.desk.choice.card, key, value)

    def _on_reset(self) -> None:
        self.desk.choice.reset()

    def _on_fold(self) -> None:
        self._set_folded(not self.form.isHidden())

    def _set_folded(self, is_folded: bool) -> None:
        for part in (self.method, self.reset_button, self.form):
            part.setHidden(is_folded)
        self.planes.setVisible(not is_folded and self.session.is_volume)
        set_icon(self.fold_button, "down" if is_folded else "up")
        self._fit()

    def _on_choice(self) -> None:
        self._show_choice()
        self._look_soon()
        if not self.isHidden():
            self._place()

    # -- showing ---------------------------------------------------------------------------------------------------

    def _show_choice(self) -> None:
        card = self.desk.choice.card
        select_data(self.method, card.id)
        self.method.setToolTip(tr(card.description))
        self.form.show_options([o for o in self.desk.choice.options_of(card) if not o.is_minor], card.options)

    def _show_state(self) -> None:
        desk = self.desk
        obstacle = desk.obstacle
        self.result.setText(self._result_text(tr(obstacle)))
        done, total = desk.progress
        self.bar.setVisible(desk.is_busy)
        self.bar.setRange(0, 1000 if total else 0)
        self.bar.setValue(round(1000 * done / total) if total else 0)
        self.apply_button.setEnabled(not obstacle)
        if not self.isHidden():
            self._fit()

    def _result_text(self, obstacle: str) -> str:
        """What is seen, in a line or two."""
        desk = self.desk
        if obstacle or self._failure:
            return obstacle or self._failure
        if not self.session.settings.flag(PREVIEW):
            return tr("Apply refines the whole proposal.")
        if desk.is_too_wide:
            return tr("Zoom in to see a preview; Apply refines all of it.")
        preview = desk.preview
        if preview is None or (desk.is_busy and preview.is_complete):
            return tr(desk.stage) or tr("working it out…")
        if not preview.changed_px:
            text = tr("Nothing would change in view.")
        else:
            text = tr("In view: %1 px change").replace("%1", thousands(preview.changed_px))
        if not preview.is_complete:
            return text + "\n" + tr("reduced so far, now exactly…")
        if preview.part.level:
            note = tr("Seen at 1/%1 of the size; zoom in for each pixel.").replace("%1", str(2**preview.part.level))
            return f"{text}\n{note}"
        return text

    def _fit(self) -> None:
        self.layout().activate()
        height = self.sizeHint().height()
        if height != self.height():
            self.resize(WIDTH_PX, height)

    def _place(self) -> None:
        self._fit()
        if not self._is_moved:
            self.move(max(0, self.canvas.width() - self.width() - 12), 12)
        self._keep_inside()

    def _keep_inside(self) -> None:
        right, low = self.canvas.width() - self.width(), self.canvas.height() - self.height()
        self.move(max(0, min(self.x(), right)), max(0, min(self.y(), low)))

    # -- Qt events -------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay in the corner when the canvas is resized."""
        if watched is self.canvas and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Plain keys are the card's while it has the focus: Tab, Esc and Enter are commands of the canvas below, too."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            command = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
            if not event.modifiers() & (command | Qt.KeyboardModifier.MetaModifier):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter applies, Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.apply_button.isEnabled():
                self.apply()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Clicks on the card are not for the canvas below: it is dragged by them."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag the card within the canvas."""
        if self._grip is not None:
            self._is_moved = True
            self.move(self.mapToParent(event.position().toPoint() - self._grip))
            self._keep_inside()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The card stays where it is."""
        self._grip = None

    def wheelEvent(self, event: object) -> None:  # noqa: N802
        """Not for the canvas below."""

    mouseDoubleClickEvent = wheelEvent  # noqa: N815
