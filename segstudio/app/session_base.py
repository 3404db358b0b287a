"""What every part of the session shares: its signals, its state, and how it speaks to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.app.events import Signal
from segstudio.app.overlay_style import OverlayStyle
from segstudio.app.settings import Settings
from segstudio.core.classes import ClassTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.app.document import Document, Documents
    from segstudio.core.display import DisplaySettings
    from segstudio.core.edits import Edit, Transaction, UndoStack, Validity
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.io.readers.base import ImageReader
    from segstudio.io.store.project import ImageRecord, ProjectStore


class SessionBase:
    """Signals and state; slots get only what is named here."""

    def __init__(self, settings: Settings | None, open_reader: Callable[[ImageRecord, Path], None] | None) -> None:
        self.project_changed: Signal[[]] = Signal()
        """A project was opened or closed."""
        self.images_changed: Signal[[]] = Signal()
        """Images were added or removed."""
        self.image_record_changed: Signal[[int]] = Signal()
        """Status, split or proposal flag of one image changed (image id)."""
        self.image_records_changed: Signal[[list[int]]] = Signal()
        """Many images changed at once (their ids): status, split, or whether their files are there."""
        self.work_interrupted: Signal[[]] = Signal()
        """Tools must abandon what they have begun: undo, another image or the end of the project is next."""
        self.image_changed: Signal[[]] = Signal()
        """Another image is the current one (or none); its layers are there, its reader perhaps not yet."""
        self.reader_changed: Signal[[]] = Signal()
        """The current image's reader arrived, or failed (then ``reader`` is None and ``reader_error`` says why)."""
        self.plane_changed: Signal[[int]] = Signal()
        """Another plane (z) of the same image is shown and painted."""
        self.layer_changed: Signal[[int, Rect]] = Signal()
        """Pixels (or the looks of segments) of a layer changed: layer id, dirty rectangle."""
        self.layers_changed: Signal[[]] = Signal()
        """The current image's label layers changed: which there are, order, names, eyes, the one that is worked on."""
        self.classes_changed: Signal[[]] = Signal()
        """The class table changed: names, colours, order, visibility, locks."""
        self.history_changed: Signal[[]] = Signal()
        """The undo stack changed."""
        self.edit_recorded: Signal[[Edit, bool]] = Signal()
        """An edit came into force and stands in the history: (the edit, whether undo or redo brought it)."""
        self.project_closing: Signal[[]] = Signal()
        """The project closes next; its store can still be written to."""
        self.selection_changed: Signal[[]] = Signal()
        """Current class, active object or object mode changed."""
        self.overlay_changed: Signal[[]] = Signal()
        """``overlay`` changed."""
        self.threshold_changed: Signal[[float]] = Signal()
        """The confidence threshold changed (0…1)."""
        self.display_changed: Signal[[]] = Signal()
        """``display`` (window/level) changed."""
        self.sample_wanted: Signal[[]] = Signal()
        """Somebody looks at a histogram: the canvas shall tell values of the image (``found_sample``)."""
        self.sample_changed: Signal[[]] = Signal()
        """``sample`` changed."""
        self.notice: Signal[[str]] = Signal()
        """One sentence for the user, plain text."""
        self.settings = Settings() if settings is None else settings
        self.open_reader = open_reader
        self.slow_adder: Callable[[Sequence[Path], bool], bool] | None = None
        """A window's way to add many images without a halt: (paths, copy) to whether it took them over."""
        self.check_files: Callable[[], None] | None = None
        """A window's way to look which files are missing without a halt; without it that is done on opening."""
        self.is_adding = False
        """Whether ``slow_adder`` is at work."""
        self._selects_added = False
        self.close_reader: Callable[[ImageReader], None] = _close
        """Closes a reader that is no longer shown; a window whose workers still read from it puts its own here."""
        self._store: ProjectStore | None = None
        self._documents: Documents | None = None
        self._document: Document | None = None
        self._records: dict[int, ImageRecord] = {}
        self._order: tuple[int, ...] = ()
        self._reader: ImageReader | None = None
        self._reader_error = ""
        self._classes = ClassTable()
        self._project_history: UndoStack | None = None
        self._open_transaction: Transaction | None = None
        self._current_class = 0
        self._last_class = 0
        self._active_object: int | None = None
        self._selected_objects: tuple[int, ...] = ()
        self._is_object_mode = False
        self._wants_new_object = False
        self._plane = 0
        self._left_planes: dict[int, int] = {}
        self._overlay = OverlayStyle(
            opacity=self.settings.number("overlay.opacity"),
            mode="outline" if self.settings.text("overlay.mode") == "outline" else "fill",
            outline_width_px=self.settings.integer("overlay.outline_width_px"),
            shows_grid=self.settings.flag("look.pixel_grid"),
        )
        self._is_writing_style = False
        self._display: DisplaySettings | None = None
        self._auto_display: DisplaySettings | None = None
        self._sample: tuple[ImageReader, npt.NDArray[Any]] | None = None
        self._watchers = 0
        self._validity: tuple[ImageReader | None, Validity | None] | None = None
        self._views: dict[int, dict[str, float]] = {}
        self._said: set[str] = set()
        self._is_failing_to_write = False

    @property
    def store(self) -> ProjectStore | None:
        """The open project's store."""
        return self._store

    @property
    def documents(self) -> Documents | None:
        """The documents in memory, for those who write to images that are not shown."""
        return self._documents

    @property
    def is_open(self) -> bool:
        """Whether a project is open."""
        return self._store is not None

    @property
    def is_read_only(self) -> bool:
        """Whether edits are refused (another window has the project, or the disk is read-only)."""
        return self._store is not None and self._store.is_read_only

    @property
    def folder(self) -> Path | None:
        """The project's folder."""
        return None if self._store is None else self._store.folder

    @property
    def classes(self) -> ClassTable:
        """The project's classes."""
        return self._classes

    @property
    def image_id(self) -> int | None:
        """The current image's id."""
        return None if self._document is None else self._document.image_id

    @property
    def image(self) -> ImageRecord | None:
        """The current image."""
        return None if self._document is None else self._records.get(self._document.image_id)

    @property
    def labels(self) -> LabelLayer | None:
        """The current image's label layer."""
        return None if self._document is None else self._document.labels

    @property
    def proposal(self) -> LabelLayer | None:
        """The current image's proposal layer, where there is one."""
        return None if self._document is None else self._document.proposal

    @property
    def plane(self) -> int:
        """The z plane shown and painted (0 for flat images)."""
        return self._plane

    @property
    def can_edit(self) -> bool:
        """Whether an edit would be taken: an image is open and the project is not read-only."""
        return self._document is not None and not self.is_read_only

    def say(self, sentence: object) -> None:
        """Tell the user one sentence."""
        self.notice.emit(str(sentence))

    def say_once(self, key: str, sentence: object) -> None:
        """Tell the user one sentence, at most once a project for each *key*."""
        if key not in self._said:
            self._said.add(key)
            self.say(sentence)

    def refuses_edits(self) -> bool:
        """True, and said once, when the project can't be changed."""
        if self._store is None:
            return True
        if self._store.is_read_only:
            reason = self._store.read_only_reason or "it is open elsewhere, or the disk is read-only"
            self.say_once("read-only", f"This project is read-only: {reason.rstrip('.')}. Nothing can be changed here.")
            return True
        return False

    def meta(self, key: str, default: Any = None) -> Any:
        """A JSON value kept in the project (default when none is open)."""
        return default if self._store is None else self._store.get_meta(key, default)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value in the project; silently nothing when read-only, closed or not writable now."""
        from segstudio.core.errors import UserError

        if self._store is None or self._store.is_read_only:
            return
        try:
            self._store.set_meta(key, value)
        except UserError as error:
            self.say_once("meta", error)


def _close(reader: ImageReader) -> None:
    reader.close()
