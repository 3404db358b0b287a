"""The small card over the canvas with the parameters of an operation on regions, and what it would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from segstudio.app.presenters.regions import ANYTHING, area_of, area_rows, preview_areas, thousands
from segstudio.app.region_requests import OPS, PLANES
from segstudio.app.setting_table import BY_KEY
from segstudio.gui.i18n import tr, tr_table
from segstudio.gui.panels.option_field import OptionField
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, combo, follow_theme, select_data, swatch, tool_button

if TYPE_CHECKING:
    from segstudio.app.region_desk import RegionDesk
    from segstudio.app.region_requests import RegionOutcome
    from segstudio.gui.canvas.widget import CanvasWidget

WIDTH_PX = 280
WAIT_MS = 120
"""So long after the last change of a parameter the preview is worked out."""
LOOK_MS = 300
"""So often it is looked whether the view has moved beyond the preview, and how far the work is."""


class RegionPopover(QFrame):
    """Parameters at the left upper corner of the canvas; the canvas stays usable. Enter applies, Esc closes."""

    def __init__(self, desk: RegionDesk, canvas: CanvasWidget) -> None:
        super().__init__(canvas)
        self.desk, self.canvas, self.session = desk, canvas, desk.session
        self.op_id = ""
        self.setObjectName("region-popover")
        self.setProperty("card", True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFixedWidth(WIDTH_PX)
        self.setAutoFillBackground(True)
        self._fields: dict[str, OptionField] = {}
        self._shown: tuple[RegionOutcome | None, int] | None = None
        self._build()
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self.look)
        self._tick = QTimer(self, interval=LOOK_MS)
        self._tick.timeout.connect(self._on_tick)
        desk.changed.connect(self._show_state)
        desk.applied.connect(self._on_applied)
        for signal in (
            self.session.selection_changed,
            self.session.classes_changed,
            self.session.history_changed,
            self.session.plane_changed,
        ):
            signal.connect(self._look_soon)
        self.session.settings.changed.connect(self._on_setting)
        self.session.image_changed.connect(self.close_card)
        canvas.installEventFilter(self)
        follow_theme(self)
        self.hide()

    def _build(self) -> None:
        self.title = QLabel()
        self.title.setProperty("heading", True)
        self.close_button = tool_button("close", tr("Close"), tr("Close without changing anything"), self.close_card)
        self.target = QLabel()
        self.target.setProperty("muted", True)
        self.target.setWordWrap(True)
        self.classes = combo(tr("The class to change to"), [])
        self.sides = (combo(tr("First area"), []), combo(tr("Second area"), []))
        self.choices = QVBoxLayout()
        self.choices.setSpacing(GAP_PX)
        self._side_rows = [
            self._row(text, box)
            for text, box in ((tr("To class"), self.classes), (tr("A"), self.sides[0]), (tr("B"), self.sides[1]))
        ]
        self.fields = QVBoxLayout()
        self.fields.setSpacing(GAP_PX)
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.result.setObjectName("region-result")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.apply_button = QPushButton(tr("Apply"))
        self.apply_button.setProperty("primary", True)
        self.apply_button.clicked.connect(self.apply)
        self.cancel_button = QPushButton(tr("Cancel"))
        self.cancel_button.clicked.connect(self._on_cancel)
        for label in (self.title, self.target, self.result):
            label.setTextFormat(Qt.TextFormat.PlainText)
        for box in (self.classes, *self.sides):
            box.currentIndexChanged.connect(self._look_soon)
        self._lay_out()

    def _row(self, text: str, box: QComboBox) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(GAP_PX)
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setBuddy(box)
        line.addWidget(label)
        line.addWidget(box, 1)
        self.choices.addWidget(row)
        return row

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.apply_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX + GAP_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX + GAP_PX)
        column.setSpacing(MARGIN_PX)
        column.addLayout(head)
        column.addWidget(self.target)
        column.addLayout(self.choices)
        column.addLayout(self.fields)
        column.addWidget(self.result)
        column.addWidget(self.bar)
        column.addLayout(buttons)

    # -- opening and closing ---------------------------------------------------------------------------------------

    def open_card(self, op_id: str) -> None:
        """Show the parameters of an operation, and begin its preview."""
        op = OPS[op_id]
        self.desk.forget()
        self.op_id = op_id
        self.title.setText(tr_table("actions", op.title))
        keys = (*op.settings, PLANES) if self._has_planes else op.settings
        for place, key in enumerate(keys):
            if key not in self._fields:
                self._fields[key] = OptionField(self.session.settings, BY_KEY[key])
            self.fields.removeWidget(self._fields[key])
            self.fields.insertWidget(place, self._fields[key], 0, Qt.AlignmentFlag.AlignLeft)
        for key, field in self._fields.items():
            field.setVisible(key in keys)
        self._fill_choices()
        self._show_state()
        self.show()
        self._place()
        self.raise_()
        first = self._fields[op.settings[0]].field if op.settings else self.apply_button
        (self.classes if op_id == "convert" else first).setFocus()
        self._tick.start()
        self.look()

    def close_card(self) -> None:
        """Leave without changing anything."""
        if self.isHidden():
            return
        self._wait.stop()
        self._tick.stop()
        self.hide()
        self.desk.forget()
        self._show_areas()
        self.canvas.setFocus()

    def apply(self) -> None:
        """Do it: one undo step."""
        self.desk.apply(self.op_id, **self._choices())
        self._show_state()

    def _on_applied(self, _: object) -> None:
        if not self.isHidden() and self.op_id:
            self.close_card()

    def _on_cancel(self) -> None:
        if self.desk.is_applying:
            self.desk.cancel()
        else:
            self.close_card()

    # -- preview ---------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Work out what would change now."""
        if self.isHidden() or self.desk.is_applying:
            return
        self._wait.stop()
        seen = self.canvas.visible_rect()
        if not seen.is_empty:
            margin = max(seen.width, seen.height) // 4
            self.desk.preview(self.op_id, within=seen.expanded(margin), **self._choices())
        self._show_state()

    def _look_soon(self, *_: object) -> None:
        if not self.isHidden():
            self._wait.start()

    def _on_setting(self, key: str, _: object) -> None:
        if key.startswith(("regions.", "paint.guard")):
            self._look_soon()

    def _on_tick(self) -> None:
        within = None if self.desk.outcome is None else self.desk.outcome.request.within
        seen = self.canvas.visible_rect()
        if within is not None and within.intersected(seen) != seen:
            self.look()
        self._show_state()

    def _choices(self) -> dict[str, object]:
        if self.op_id == "convert":
            return {"class_id": self.classes.currentData() or 0}
        if self.op_id == "boolean":
            return {"areas": tuple(area_of(box.currentData()) for box in self.sides if box.currentData())}
        return {}

    @property
    def _has_planes(self) -> bool:
        return self.session.labels is not None and self.session.labels.depth > 1

    def _fill_choices(self) -> None:
        target = self.desk.target()
        for row, is_seen in zip(
            self._side_rows, (self.op_id == "convert", self.op_id == "boolean", self.op_id == "boolean"), strict=True
        ):
            row.setVisible(is_seen)
        own = 0 if target is None else target.class_id
        _refill(self.classes, [(c.color, c.name, c.id) for c in self.session.classes if c.id != own])
        rows = area_rows(self.session, self.desk.label_layers())
        areas = [(color, text.replace(ANYTHING, tr("everything labelled")), key) for color, text, key in rows]
        for index, box in enumerate(self.sides):
            kept = box.currentData()
            _refill(box, areas)
            if areas and box.findData(kept) < 0:
                has_several = len(self.desk.label_layers()) > 1
                select_data(box, areas[-index if has_several else min(index, len(areas) - 1)][2])

    # -- showing ---------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        if not self.op_id:
            return
        desk = self.desk
        self.target.setText(self._target_text())
        waits = desk.outcome is None and desk.is_busy
        self.result.setText(tr("working it out…") if waits else _outcome_text(desk.outcome))
        done, total = desk.progress
        self.bar.setVisible(desk.is_busy)
        self.bar.setRange(0, 1000 if total else 0)
        self.bar.setValue(round(1000 * done / total) if total else 0)
        outcome = desk.outcome
        is_idle = outcome is not None and outcome.edit is None and outcome.request.within is None
        self.apply_button.setEnabled(not desk.is_applying and not is_idle)
        self._show_areas()
        self.adjustSize()

    def _show_areas(self) -> None:
        context = self.canvas.toolbox.context
        key = None if self.isHidden() else (self.desk.outcome, self.session.plane)
        if key != self._shown:
            self._shown = key
            outcome = None if key is None else key[0]
            context.extra_areas = () if outcome is None else preview_areas(outcome, self.session.plane)
            context.preview_changed.emit()

    def _target_text(self) -> str:
        """What it works on, by the one rule: the selected objects, else the class."""
        target = self.desk.target()
        if target is None:
            return tr("There is no class: add one in the Classes panel.")
        item = self.session.classes.by_id(target.class_id)
        name = "" if item is None else item.name
        if len(target.object_ids) > 1:
            return tr("%n selected objects", len(target.object_ids))
        if target.object_ids:
            return tr("Object %1 (%2)").replace("%1", str(target.object_ids[0])).replace("%2", name)
        if self.op_id == "boolean":
            return tr("Into the class “%1”").replace("%1", name)
        return tr("All of the class “%1”").replace("%1", name)

    def _place(self) -> None:
        self.adjustSize()
        self.move(max(0, self.canvas.width() - self.width() - 12), 12)

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

    def mousePressEvent(self, event: object) -> None:  # noqa: N802
        """Clicks on the card are not for the canvas below."""

    mouseReleaseEvent = mouseMoveEvent = mouseDoubleClickEvent = wheelEvent = mousePressEvent  # noqa: N815


def _refill(box: QComboBox, items: list[tuple[str, str, object]]) -> None:
    kept = box.currentData()
    box.blockSignals(True)
    box.clear()
    for color, text, data in items:
        box.addItem(swatch(color), text, data) if color else box.addItem(text, data)
    box.blockSignals(False)
    select_data(box, kept)


def _outcome_text(outcome: RegionOutcome | None) -> str:
    """What would change, in a line."""
    if outcome is None:
        return ""
    if outcome.edit is None:
        return tr("Nothing would change.") if outcome.request.within is None else tr("Nothing would change in view.")
    parts = []
    op_id = outcome.request.op_id
    if op_id in ("remove_small", "keep_largest"):
        parts.append(tr("%n pieces go", outcome.count))
    elif op_id == "fill_holes":
        parts.append(tr("%n holes", outcome.count))
    elif op_id in ("split_touching", "split_pieces"):
        parts.append(tr("%n objects", outcome.count))
    for sign, count in (("+", outcome.added_px), ("−", outcome.removed_px)):
        if count:
            parts.append(tr("%1 px").replace("%1", sign + thousands(count)))
    text = ", ".join(parts)
    return text if outcome.request.within is None else tr("In view: %1").replace("%1", text)
