"""Settings: one table that drives the dialog and the file; only what differs from the defaults is written.

Titles and helps are English; the window translates them with the context ``settings``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from segstudio.app.events import Signal
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

Value = bool | int | float | str
FILE_NAME = "settings.json"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. The type is the default's; numbers lie in ``minimum``…``maximum``; a text is one of ``choices``.

    ``group`` is the dialog's page, "" = not in the dialog (remembered state of tools and panels).
    """

    key: str
    default: Value
    title: str = ""
    group: str = ""
    help: str = ""
    minimum: float = 0.0
    maximum: float = 1e9
    step: float = 1.0
    unit: str = ""
    choices: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    # Appearance
    Setting(
        "look.theme",
        "system",
        "Colour scheme",
        "Appearance",
        "Light, dark, or as the system has it.",
        choices=("system", "light", "dark"),
    ),
    Setting(
        "look.language",
        "system",
        "Language",
        "Appearance",
        "Takes effect when segstudio opens again.",
        choices=("system", "en", "zh_CN"),
    ),
    Setting("look.thumbnail_px", 64, "Thumbnail size", "Appearance", "In the list of images.", 32, 256, 8, "px"),
    Setting("look.pixel_grid", True, "Pixel grid past 8×", "Appearance", "Thin lines between magnified pixels."),
    # Overlay
    Setting("overlay.opacity", 0.5, "Opacity", "Overlay", "Of labels and proposal over the image.", 0.0, 1.0, 0.05),
    Setting("overlay.mode", "fill", "Draw areas as", "Overlay", choices=("fill", "outline")),
    Setting("overlay.outline_width_px", 2, "Outline width", "Overlay", "", 1, 8, 1, "px"),
    # Painting
    Setting(
        "brush.size_px", 40.0, "Brush size", "Painting", "Full width of the brush in image pixels.", 1, 2000, 1, "px"
    ),
    Setting("brush.shape", "round", "Brush shape", "Painting", choices=("round", "square")),
    Setting("eraser.size_px", 40.0, "Eraser size", "Painting", "", 1, 2000, 1, "px"),
    Setting("eraser.shape", "round", "Eraser shape", "Painting", choices=("round", "square")),
    Setting("proposal_brush.size_px", 60.0, "Size of the accept and reject brush", "Painting", "", 1, 2000, 1, "px"),
    Setting(
        "paint.guard",
        "anywhere",
        "Paint over",
        "Painting",
        "Everything, only what has no label yet, or only one chosen class. Locked classes are never painted over.",
        choices=("anywhere", "background", "class"),
    ),
    Setting("paint.uses_pressure", True, "Pen pressure changes the size", "Painting"),
    Setting(
        "fill.max_px",
        4_000_000,
        "Largest area that fill takes",
        "Painting",
        "A larger area is refused with a sentence.",
        1_000,
        400_000_000,
        1_000,
        "px",
    ),
    # Proposals
    Setting(
        "proposal.min_confidence",
        0.0,
        "Least confidence shown",
        "Proposals",
        "What the model is less sure of is neither shown nor accepted.",
        0.0,
        1.0,
        0.05,
    ),
    Setting("proposal.keeps_hand", True, "Accepting never paints over hand labels", "Proposals"),
    Setting("model.device", "auto", "Device", "Proposals", "auto picks the graphics card where there is one."),
    Setting("model.window_px", 0, "Tile of the model", "Proposals", "0 = as the model's card says.", 0, 4096, 32, "px"),
    Setting("model.overlap_px", 0, "Overlap of tiles", "Proposals", "0 = as the model's card says.", 0, 1024, 8, "px"),
    # Work
    Setting("work.undo_budget_mib", 256, "Memory for undo", "Work", "Per image.", 16, 8192, 16, "MiB"),
    Setting("work.advances_when_done", True, "Go to the next image when one is marked done", "Work"),
    Setting("work.reopens_last", False, "Open the last project at start", "Work"),
    # Remembered, not in the dialog
    Setting("tool.current", "brush"),
    Setting("images.sort", "name", choices=("name", "status", "size", "added", "uncertainty")),
    Setting("images.is_descending", False),
    Setting("images.status_filter", "all", choices=("all", "unlabelled", "in_progress", "done", "proposal")),
    Setting("model.current", "nuclei"),
    Setting("window.geometry", ""),
    Setting("window.state", ""),
)

BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}


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
