"""Which keys run which command: the defaults of the action table, and what the user bound otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.actions import ACTIONS, BY_ID
from segstudio.app.events import Signal
from segstudio.app.settings import config_folder, read_json_object, write_json_object
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME = "keys.json"
_ORDER = ("Meta", "Ctrl", "Alt", "Shift")
_MODIFIERS = {name.lower(): name for name in _ORDER} | {"control": "Ctrl", "cmd": "Ctrl", "command": "Ctrl"}
_KEYS = {
    "escape": "Esc", "esc": "Esc", "delete": "Del", "del": "Del", "return": "Return", "enter": "Enter",
    "pageup": "PgUp", "pgup": "PgUp", "pagedown": "PgDown", "pgdown": "PgDown", "backspace": "Backspace",
    "tab": "Tab", "space": "Space", "up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home",
    "end": "End", "ins": "Ins", "insert": "Ins", **{f"f{n}": f"F{n}" for n in range(1, 36)},
}  # fmt: skip
RESERVED = {"Space": "moving the picture", "Alt": "the picker"}
"""Keys the canvas itself uses while held."""


def normalised(shortcut: str) -> str:
    """A key text in Qt's portable order and spelling ("shift+ctrl+z" → "Ctrl+Shift+Z").

    Raises
    ------
    UserError
        When it names no key.
    """
    text = shortcut.strip()
    # The key itself may be "+": then the text ends in "++", or is "+".
    if text.endswith("++") or text == "+":
        names, key = [n for n in text[:-1].split("+") if n], "+"
    else:
        *names, key = [part.strip() for part in text.split("+")]
    try:
        modifiers = {_MODIFIERS[name.lower()] for name in names}
    except KeyError as error:
        raise UserError(f"{shortcut!r} is no key", remedy="write for example Ctrl+Shift+Z") from error
    if not key or key.lower() in _MODIFIERS or (len(key) > 1 and key.lower() not in _KEYS):
        raise UserError(f"{shortcut!r} is no key", remedy="write for example Ctrl+Shift+Z")
    main = _KEYS.get(key.lower(), key.upper()) if len(key) > 1 else key.upper()
    return "+".join([name for name in _ORDER if name in modifiers] + [main])


class Keymap:
    """The keys in force. ``changed(action id)`` is emitted for every action whose keys change.

    ``problem`` holds one sentence when the file was damaged, not writable, or names a key that can't be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = config_folder() if folder is None else folder
        self.changed: Signal[[str]] = Signal()
        self.problem = ""
        self._overrides: dict[str, tuple[str, ...]] = {}
        self._unknown: dict[str, object] = {}
        self._load()

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE_NAME

    def shortcuts(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action, the first one is shown in menus; KeyError for an unknown action."""
        spec = BY_ID[action_id]
        return self._overrides.get(action_id, spec.shortcuts)

    def shortcut_text(self, action_id: str) -> str:
        """The first key, for tooltips; "" when it has none."""
        keys = self.shortcuts(action_id)
        return keys[0] if keys else ""

    def owner(self, shortcut: str) -> str | None:
        """The action that a key runs."""
        key = normalised(shortcut)
        return next((spec.id for spec in ACTIONS if key in self.shortcuts(spec.id)), None)

    def conflicts(self, action_id: str, shortcuts: Iterable[str]) -> list[tuple[str, str]]:
        """(key, other action's id) for every key that another action has already; id "" = the canvas's own key."""
        found: list[tuple[str, str]] = []
        for shortcut in shortcuts:
            key = normalised(shortcut)
            if key in RESERVED:
                found.append((key, ""))
                continue
            owner = next((s.id for s in ACTIONS if s.id != action_id and key in self.shortcuts(s.id)), None)
            if owner is not None:
                found.append((key, owner))
        return found

    def set(self, action_id: str, shortcuts: Iterable[str], *, takes_over: bool = False) -> None:
        """Bind an action to these keys (none: unbound) and write the file.

        Raises
        ------
        UserError
            When a key is no key, or another action has it and ``takes_over`` is false.
        """
        keys = tuple(dict.fromkeys(normalised(shortcut) for shortcut in shortcuts))
        taken = self.conflicts(action_id, keys)
        for key, other in taken:
            if not other:
                raise UserError(f"{key} is used for {RESERVED[key]}", remedy="choose another key")
            if not takes_over:
                raise UserError(
                    f"{key} already runs “{BY_ID[other].text}”", remedy="choose another key, or take it over"
                )
        for key, other in taken:
            self._put(other, tuple(k for k in self.shortcuts(other) if k != key))
        self._put(action_id, keys)
        self._write()
        for changed in dict.fromkeys([*(other for _, other in taken), action_id]):
            self.changed.emit(changed)

    def reset(self, action_id: str) -> None:
        """Back to the default keys; those that another action took meanwhile stay with that one."""
        free = [key for key in BY_ID[action_id].shortcuts if not self.conflicts(action_id, [key])]
        self.set(action_id, free)

    def reset_all(self) -> None:
        """All keys as delivered."""
        changed = tuple(self._overrides)
        self._overrides.clear()
        self._write()
        for action_id in changed:
            self.changed.emit(action_id)

    def is_overridden(self, action_id: str) -> bool:
        """Whether the keys differ from the defaults."""
        return action_id in self._overrides

    def _put(self, action_id: str, keys: tuple[str, ...]) -> None:
        if keys == BY_ID[action_id].shortcuts:
            self._overrides.pop(action_id, None)
        else:
            self._overrides[action_id] = keys

    def _load(self) -> None:
        document, self.problem = read_json_object(self.path, "The file of keyboard shortcuts")
        for action_id, keys in document.items():
            if action_id not in BY_ID:
                self._unknown[action_id] = keys
                continue
            try:
                if not isinstance(keys, list):
                    raise UserError(f"The keys of {action_id} are no list", path=self.path, remedy="delete that line")
                self._overrides[action_id] = tuple(normalised(str(key)) for key in keys)
            except UserError as error:
                self.problem = self.problem or str(error)

    def _write(self) -> None:
        document: dict[str, object] = {**self._unknown, **{name: list(keys) for name, keys in self._overrides.items()}}
        self.problem = write_json_object(self.path, document, "keyboard shortcuts")
