"""The settings in force and their file: only what differs from the defaults is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from segstudio.app.events import Signal
from segstudio.app.setting_table import BY_KEY, SETTINGS, Setting, Value
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_NAME = "settings.json"
__all__ = ["BY_KEY", "SETTINGS", "Setting", "Settings", "Value"]


def config_folder() -> Path:
    """Where settings, keys and the recent list lie; ``SEGSTUDIO_CONFIG_DIR`` overrides it."""
    override = os.environ.get("SEGSTUDIO_CONFIG_DIR")
    return Path(override) if override else Path(platformdirs.user_config_dir("segstudio", appauthor=False))


def checked(setting: Setting, value: object) -> Value:
    """*value* as the setting's type, numbers within its range.

    Raises
    ------
    UserError
        When the value has another type, or is none of the choices.
    """
    wanted = type(setting.default)
    if wanted is bool:
        if isinstance(value, bool):
            return value
    elif wanted is str:
        if isinstance(value, str) and (not setting.choices or value in setting.choices):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        clamped = min(max(float(value), setting.minimum), setting.maximum)
        return int(round(clamped)) if wanted is int else clamped
    allowed = f"one of {', '.join(setting.choices)}" if setting.choices else f"a {wanted.__name__}"
    raise UserError(f"The setting {setting.key} can't be {value!r}", remedy=f"give {allowed}")


class Settings:
    """The values in force. ``changed(key, value)`` tells who listens; each change is written, at once or as ``schedule`` says.

    ``problem`` holds one sentence when the file could not be read (it was backed up) or written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = config_folder() if folder is None else folder
        self.changed: Signal[[str, Value]] = Signal()
        self.problem = ""
        self.schedule: Callable[[Callable[[], None]], None] | None = None
        """Puts off writing: a slider or a brush sized by dragging changes a setting at every move."""
        self._is_waiting = False
        self._overrides: dict[str, Value] = {}
        self._unknown: dict[str, object] = {}
        self._load()

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE_NAME

    def __getitem__(self, key: str) -> Value:
        return self._overrides.get(key, BY_KEY[key].default)

    def number(self, key: str) -> float:
        """A numeric setting as a float."""
        return float(self[key])

    def integer(self, key: str) -> int:
        """A numeric setting as an int."""
        return int(self[key])

    def flag(self, key: str) -> bool:
        """A yes-or-no setting."""
        return bool(self[key])

    def text(self, key: str) -> str:
        """A text setting."""
        return str(self[key])

    def set(self, key: str, value: object) -> None:
        """Change a setting, write the file, and tell the listeners; nothing when it is that already."""
        setting = BY_KEY[key]
        new = checked(setting, value)
        if new == self[key]:
            return
        if new == setting.default:
            self._overrides.pop(key, None)
        else:
            self._overrides[key] = new
        if self.schedule is None:
            self.flush()
        elif not self._is_waiting:
            self._is_waiting = True
            self.schedule(self.flush)
        self.changed.emit(key, new)

    def reset(self, key: str) -> None:
        """Back to the default."""
        self.set(key, BY_KEY[key].default)

    def reset_all(self) -> None:
        """Every setting of the dialog back to its default."""
        for setting in SETTINGS:
            if setting.group:
                self.reset(setting.key)

    def is_overridden(self, key: str) -> bool:
        """Whether it differs from the default."""
        return key in self._overrides

    def _load(self) -> None:
        self._overrides, self._unknown, self.problem = {}, {}, ""
        document, self.problem = read_json_object(self.path, "The settings file")
        for key, value in document.items():
            setting = BY_KEY.get(key)
            if setting is None:
                self._unknown[key] = value  # of a newer version: kept for it
                continue
            try:
                self._overrides[key] = checked(setting, value)
            except UserError as error:
                self.problem = self.problem or str(error)

    def flush(self) -> None:
        """Write the file now; call it before the program ends where ``schedule`` is set."""
        self._is_waiting = False
        self.problem = write_json_object(self.path, {**self._unknown, **self._overrides}, "settings")


def read_json_object(path: Path, what: str) -> tuple[dict[str, object], str]:
    """The JSON object in *path* ({} when there is no file) and a sentence when it was unreadable and set aside."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        if isinstance(document, dict):
            return document, ""
        reason = "it holds no table"
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{what} can't be read ({error.strerror or error}): {path}. The defaults are used."
    except ValueError as error:
        reason = str(error)
    backup = path.with_suffix(".broken.json")
    try:
        os.replace(path, backup)
    except OSError as error:
        return {}, f"{what} is damaged ({reason}) and can't be set aside ({error.strerror}): {path}. Delete it."
    return {}, f"{what} was damaged ({reason}); it was kept as {backup} and the defaults are used."


def write_json_object(path: Path, document: dict[str, object], what: str) -> str:
    """Write atomically; the sentence to show when that failed, else ""."""
    from segstudio.io.atomic import write_bytes_atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(path, (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"The {what} can't be written ({error.strerror or error}): {path}. They last until the program ends."
    return ""
