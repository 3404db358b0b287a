"""Actions of the window: one QAction for each row of the action table, run through one ``trigger(action_id)``.

Menus, keys, tool bar, command palette and tests all end here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from segstudio.app.actions import ACTIONS, ActionSpec
from segstudio.gui import icons
from segstudio.gui.i18n import tr_table

Handler = Callable[[], object]
CheckHandler = Callable[[bool], object]

CANVAS_KEYS = frozenset(
    "Tab Return Enter Shift+Return Esc Escape Del Delete Backspace Space PgDown PgUp Home End".split()
)
"""Keys that lists, fields and buttons need for themselves: as commands they work while the canvas has the focus."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is there, as far as actions ask: decides which are enabled."""

    has_project: bool = False
    has_image: bool = False
    can_edit: bool = False
    has_proposal: bool = False
    has_object: bool = False

    def fulfils(self, spec: ActionSpec) -> bool:
        """Whether what *spec* needs is there."""
        return {
            "": True,
            "project": self.has_project,
            "image": self.has_image,
            "edit": self.can_edit,
            "proposal": self.has_proposal,
            "object": self.has_object,
        }[spec.needs]


class ActionBinder(QObject):
    """Owns the QActions. Handlers are bound by id; an action without one stays disabled."""

    def __init__(self, window: QWidget, specs: Iterable[ActionSpec] = ACTIONS) -> None:
        super().__init__(window)
        self._window = window
        self._specs: dict[str, ActionSpec] = {spec.id: spec for spec in specs}
        self._actions: dict[str, QAction] = {}
        self._handlers: dict[str, Handler] = {}
        self._check_handlers: dict[str, CheckHandler] = {}
        self._vetoes: dict[str, Callable[[], bool]] = {}
        self._canvas: QWidget | None = None
        self.situation = Situation()
        for spec in self._specs.values():
            self._actions[spec.id] = self._make_action(spec)

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def specs(self) -> Mapping[str, ActionSpec]:
        """The rows, by id, with the keys in force."""
        return self._specs

    def action(self, action_id: str) -> QAction:
        """The QAction of a row; KeyError for an unknown id."""
        return self._actions[action_id]

    def title(self, action_id: str) -> str:
        """The name in the language in force."""
        return tr_table("actions", self._specs[action_id].text)

    def is_enabled(self, action_id: str) -> bool:
        """Whether triggering it would do something now."""
        return self._actions[action_id].isEnabled()

    def bound_ids(self) -> list[str]:
        """Ids that have a handler, in the table's order."""
        return [key for key in self._specs if key in self._handlers or key in self._check_handlers]

    # -- binding ---------------------------------------------------------------------------------------------------

    def bind(self, action_id: str, handler: Handler, *, when: Callable[[], bool] | None = None) -> None:
        """Run *handler* when the action is triggered; *when* may veto it beyond what the table says it needs."""
        if action_id not in self._specs:
            raise KeyError(action_id)
        self._handlers[action_id] = handler
        if when is not None:
            self._vetoes[action_id] = when
        self._enable(action_id)

    def bind_check(self, action_id: str, handler: CheckHandler, *, when: Callable[[], bool] | None = None) -> None:
        """Run *handler* with the new state of a checkable action."""
        if not self._specs[action_id].is_checkable:
            raise ValueError(f"{action_id} is not checkable")
        self._check_handlers[action_id] = handler
        if when is not None:
            self._vetoes[action_id] = when
        self._enable(action_id)

    def set_checked(self, action_id: str, is_checked: bool) -> None:
        """Show a state without running the handler."""
        # setChecked emits toggled, never triggered, which is what handlers hang on.
        self._actions[action_id].setChecked(is_checked)

    def trigger(self, action_id: str) -> bool:
        """Do it, as if chosen from the menu; False when it is not enabled now."""
        action = self._actions[action_id]
        if not action.isEnabled():
            return False
        action.trigger()
        return True

    def refresh(self, situation: Situation | None = None) -> None:
        """Enable what can be done in this situation (the last one when none is given)."""
        if situation is not None:
            self.situation = situation
        for action_id in self._specs:
            self._enable(action_id)

    # -- keys ------------------------------------------------------------------------------------------------------

    def set_keys(self, keys: Mapping[str, Iterable[str]]) -> None:
        """Put other keys in force: action id → portable key texts; ids not named keep theirs."""
        for action_id, shortcuts in keys.items():
            if action_id in self._specs:
                self._specs[action_id] = replace(self._specs[action_id], shortcuts=tuple(shortcuts))
                self._apply_keys(action_id)

    def set_canvas(self, canvas: QWidget) -> None:
        """The widget whose focus is asked for by :data:`CANVAS_KEYS`."""
        self._canvas = canvas
        for action_id in self._specs:
            self._apply_keys(action_id)

    def held_action(self, key_text: str) -> str | None:
        """The id of the action that acts while this key is held."""
        for spec in self._specs.values():
            if spec.is_held and key_text in spec.shortcuts:
                return spec.id
        return None

    def refresh_icons(self) -> None:
        """Draw the icons again, in the theme's colours."""
        for action_id, spec in self._specs.items():
            if not self._actions[action_id].icon().isNull():
                self._actions[action_id].setIcon(icons.icon(spec.icon))

    def give_icon(self, action_id: str) -> QAction:
        """The action with its icon drawn: icons are made when first shown, not at start."""
        action = self._actions[action_id]
        if action.icon().isNull():
            action.setIcon(icons.icon(self._specs[action_id].icon))
            # In a menu the mark of what is on goes before the picture.
            action.setIconVisibleInMenu(not action.isCheckable())
        return action

    # -- inside ----------------------------------------------------------------------------------------------------

    def _make_action(self, spec: ActionSpec) -> QAction:
        action = QAction(tr_table("actions", spec.text), self)
        action.setObjectName(spec.id)
        action.setCheckable(spec.is_checkable)
        action.setEnabled(False)
        action.setStatusTip(tr_table("actions", spec.tip))
        if spec.id == "file.quit":
            action.setMenuRole(QAction.MenuRole.QuitRole)
        elif spec.id == "help.about":
            action.setMenuRole(QAction.MenuRole.AboutRole)
        elif spec.id == "edit.settings":
            action.setMenuRole(QAction.MenuRole.PreferencesRole)
        else:
            action.setMenuRole(QAction.MenuRole.NoRole)
        action.triggered.connect(self._on_triggered)
        return action

    def _apply_keys(self, action_id: str) -> None:
        spec, action = self._specs[action_id], self._actions[action_id]
        action.setToolTip(self.tool_tip(action_id))
        if spec.is_held:
            # The window feeds press and release itself; the menu shows the key all the same.
            keys = "\t" + native_key(spec.shortcuts[0]) if spec.shortcuts else ""
            action.setText(tr_table("actions", spec.text) + keys)
            return
        action.setShortcuts([QKeySequence(key, QKeySequence.SequenceFormat.PortableText) for key in spec.shortcuts])
        needs_canvas = any(key in CANVAS_KEYS for key in spec.shortcuts)
        if needs_canvas and self._canvas is not None:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self._window.removeAction(action)
            self._canvas.addAction(action)
        elif not needs_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            self._window.addAction(action)

    def tool_tip(self, action_id: str) -> str:
        """Name, key and one sentence, as plain text."""
        spec = self._specs[action_id]
        keys = ", ".join(native_key(key) for key in spec.shortcuts)
        title = tr_table("actions", spec.text).rstrip("…")
        head = f"{title} ({keys})" if keys else title
        return f"{head}\n{tr_table('actions', spec.tip)}" if spec.tip else head

    def _on_triggered(self, is_checked: bool) -> None:
        sender = self.sender()
        action_id = sender.objectName() if sender is not None else ""
        if action_id in self._check_handlers:
            self._check_handlers[action_id](is_checked)
        elif action_id in self._handlers:
            self._handlers[action_id]()

    def _enable(self, action_id: str) -> None:
        spec = self._specs[action_id]
        is_bound = action_id in self._handlers or action_id in self._check_handlers
        veto = self._vetoes.get(action_id)
        enabled = is_bound and self.situation.fulfils(spec) and (veto is None or veto())
        action = self._actions[action_id]
        if action.isEnabled() != enabled:
            action.setEnabled(enabled)


def native_key(key: str) -> str:
    """A portable key text as this system writes it (⌘ on macOS)."""
    return QKeySequence(key, QKeySequence.SequenceFormat.PortableText).toString(
        QKeySequence.SequenceFormat.NativeText
    )
