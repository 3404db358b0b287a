"""The open project and the image at hand: the only owner of the document in a window, a test or a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.app.events import Signal
from segstudio.app.overlay_style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from segstudio.app.class_editor import ClassEditor
    from segstudio.app.proposal_desk import ProposalDesk
    from segstudio.app.settings import Settings
    from segstudio.core.classes import ClassDef, ClassTable
    from segstudio.core.display import DisplaySettings
    from segstudio.core.edits import Edit, Guard, Transaction, UndoStack
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.readers.base import ImageReader
    from segstudio.io.store.project import AddReport, ImageRecord, ProjectStore


class Session:
    """One project, one current image, its layers and undo stack; everything that changes them goes through here.

    Belongs to one thread. Nothing here raises for what a user did: refusals and failures become one sentence on
    ``notice``. Decoding is asynchronous where ``open_reader`` is given: it is called with (record, file) and answers
    later through :meth:`set_reader` or :meth:`reader_failed`; without it images open at once in this thread.

    Collaborators: ``class_editor`` (add, rename, merge … classes) and ``proposals`` (receive, accept, reject).
    """

    def __init__(
        self, settings: Settings | None = None, *, open_reader: Callable[[ImageRecord, Path], None] | None = None
    ) -> None:
        # -- what changed; slots get only what is named here
        self.project_changed: Signal[[]] = Signal()
        """A project was opened or closed."""
        self.images_changed: Signal[[]] = Signal()
        """Images were added or removed."""
        self.image_record_changed: Signal[[int]] = Signal()
        """Status, split or proposal flag of one image changed (image id)."""
        self.image_changed: Signal[[]] = Signal()
        """Another image is the current one (or none); its layers are there, its reader perhaps not yet."""
        self.reader_changed: Signal[[]] = Signal()
        """The current image's reader arrived, or failed (then ``reader`` is None and ``reader_error`` says why)."""
        self.layer_changed: Signal[[int, Rect]] = Signal()
        """Pixels (or the looks of segments) of a layer changed: layer id, dirty rectangle."""
        self.classes_changed: Signal[[]] = Signal()
        """The class table changed: names, colours, order, visibility, locks."""
        self.history_changed: Signal[[]] = Signal()
        """The undo stack changed."""
        self.selection_changed: Signal[[]] = Signal()
        """Current class, active object or object mode changed."""
        self.overlay_changed: Signal[[]] = Signal()
        """``overlay`` changed."""
        self.threshold_changed: Signal[[float]] = Signal()
        """The confidence threshold changed (0…1)."""
        self.display_changed: Signal[[]] = Signal()
        """``display`` (window/level) changed."""
        self.notice: Signal[[str]] = Signal()
        """One sentence for the user, plain text."""
        self.open_reader = open_reader
        self.settings: Settings
        self.class_editor: ClassEditor
        self.proposals: ProposalDesk
        raise NotImplementedError

    # -- project -------------------------------------------------------------------------------------------------

    @property
    def store(self) -> ProjectStore | None:
        """The open project's store."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether a project is open."""
        raise NotImplementedError

    @property
    def is_read_only(self) -> bool:
        """Whether edits are refused (another window has the project, or the disk is read-only)."""
        raise NotImplementedError

    @property
    def folder(self) -> Path | None:
        """The project's folder."""
        raise NotImplementedError

    def create_project(self, folder: Path, classes: ClassTable | None = None) -> bool:
        """Make and open a project; False (and a notice) when that failed."""
        raise NotImplementedError

    def open_project(self, folder: Path, *, read_only: bool = False) -> bool:
        """Open a project at the image, view, tool and class it was left at; False (and a notice) when that failed."""
        raise NotImplementedError

    def open_paths(self, paths: Sequence[Path]) -> bool:
        """What the command line or a drop gives: a project folder, images, or folders of images.

        Images go into the open project, else into a project made for their folder (its place is said in a notice).
        """
        raise NotImplementedError

    def close_project(self) -> None:
        """Close the project; what is on screen is remembered. Safe to call twice."""
        raise NotImplementedError

    def meta(self, key: str, default: Any = None) -> Any:
        """A JSON value kept in the project (default when none is open)."""
        raise NotImplementedError

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value in the project; silently nothing when read-only or closed."""
        raise NotImplementedError

    # -- images --------------------------------------------------------------------------------------------------

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """All images of the project, in the order they were added."""
        raise NotImplementedError

    def image_record(self, image_id: int) -> ImageRecord | None:
        """The record with this id."""
        raise NotImplementedError

    @property
    def image(self) -> ImageRecord | None:
        """The current image."""
        raise NotImplementedError

    @property
    def image_id(self) -> int | None:
        """The current image's id."""
        raise NotImplementedError

    def add_images(self, paths: Sequence[Path], *, copy: bool = False) -> AddReport | None:
        """Add files and folders (in this thread); failures are said in one notice."""
        raise NotImplementedError

    def images_were_added(self) -> None:
        """Read the list again after another thread's job added images."""
        raise NotImplementedError

    def remove_images(self, image_ids: Sequence[int]) -> None:
        """Take images and their labels out of the project (the files stay)."""
        raise NotImplementedError

    def select_image(self, image_id: int | None) -> None:
        """Make an image the current one; emits ``image_changed`` at once and ``reader_changed`` when it is decoded."""
        raise NotImplementedError

    def next_image(self, *, unlabelled: bool = False) -> bool:
        """Go to the next image in the shown order; False at the end."""
        raise NotImplementedError

    def previous_image(self) -> bool:
        """Go to the previous image in the shown order; False at the start."""
        raise NotImplementedError

    def set_order(self, image_ids: Sequence[int]) -> None:
        """The order (and choice) of images that next and previous follow: what the images panel shows."""
        raise NotImplementedError

    @property
    def reader(self) -> ImageReader | None:
        """The current image's reader, once it is there."""
        raise NotImplementedError

    @property
    def reader_error(self) -> str:
        """Why the current image can't be shown, or ""."""
        raise NotImplementedError

    def set_reader(self, image_id: int, reader: ImageReader) -> None:
        """A decoded image arrives; one that is no longer wanted is closed and dropped."""
        raise NotImplementedError

    def reader_failed(self, image_id: int, sentence: str) -> None:
        """Decoding failed; said once on ``notice``."""
        raise NotImplementedError

    def set_status(self, image_ids: Sequence[int], status: str) -> None:
        """Set "unlabelled", "in_progress" or "done"."""
        raise NotImplementedError

    def toggle_done(self) -> None:
        """Mark the current image done, or take that back; goes on to the next image where the setting says so."""
        raise NotImplementedError

    def set_split(self, image_ids: Sequence[int], split: str | None) -> None:
        """Put images into a split ("train", "val", "test") or none."""
        raise NotImplementedError

    # -- layers --------------------------------------------------------------------------------------------------

    @property
    def labels(self) -> LabelLayer | None:
        """The current image's label layer."""
        raise NotImplementedError

    @property
    def proposal(self) -> LabelLayer | None:
        """The current image's proposal layer, where there is one."""
        raise NotImplementedError

    @property
    def plane(self) -> int:
        """The z plane shown and painted (0 for flat images)."""
        raise NotImplementedError

    def segment_at(self, x: float, y: float) -> Segment | None:
        """The label segment under a point; None outside, on background and on ignore."""
        raise NotImplementedError

    def objects(self) -> list[Segment]:
        """Segments of the labels that are objects, by id."""
        raise NotImplementedError

    # -- edits ---------------------------------------------------------------------------------------------------

    @property
    def can_edit(self) -> bool:
        """Whether an edit would be taken: an image is open and the project is not read-only."""
        raise NotImplementedError

    @property
    def guard(self) -> Guard:
        """Where painting may go now: the setting, and never over locked classes."""
        raise NotImplementedError

    def begin(self, label: str, *, guard: Guard | None = None) -> Transaction | None:
        """Begin an edit of the labels; None (and a notice, once) when edits are refused."""
        raise NotImplementedError

    def paint_segment(self, transaction: Transaction) -> int:
        """The segment id that painting the current class writes: the active object, a new one, or the class's stuff."""
        raise NotImplementedError

    def painted(self, rect: Rect, layer: LabelLayer | None = None) -> None:
        """Tell the views that a transaction painted *rect*, before it is committed."""
        raise NotImplementedError

    def commit(self, transaction: Transaction) -> bool:
        """Finish an edit: written to disk and undoable; False when it changed nothing."""
        raise NotImplementedError

    def abort(self, transaction: Transaction) -> None:
        """Abandon an edit; the layer is as before."""
        raise NotImplementedError

    def apply(self, edit: Edit | None) -> bool:
        """Apply a ready-made edit, write it, make it undoable; False when there is nothing to do."""
        raise NotImplementedError

    @property
    def history(self) -> UndoStack | None:
        """The current image's undo stack."""
        raise NotImplementedError

    def undo(self) -> bool:
        """Take back the last edit of this image (or of the project's classes)."""
        raise NotImplementedError

    def redo(self) -> bool:
        """Do it again."""
        raise NotImplementedError

    def go_to_history(self, position: int) -> None:
        """Undo or redo until *position* edits are in force."""
        raise NotImplementedError

    def clear_labels(self) -> bool:
        """Erase every label of the current image, as one edit; locked classes stay."""
        raise NotImplementedError

    def delete_object(self, segment_id: int | None = None) -> bool:
        """Delete an object (the active one) of the labels, as one edit."""
        raise NotImplementedError

    def set_object_class(self, segment_id: int, class_id: int) -> bool:
        """Give an object another class, as one edit."""
        raise NotImplementedError

    # -- what is chosen ------------------------------------------------------------------------------------------

    @property
    def classes(self) -> ClassTable:
        """The project's classes."""
        raise NotImplementedError

    @property
    def current_class_id(self) -> int:
        """The class that tools paint; 0 when the project has none."""
        raise NotImplementedError

    @property
    def current_class(self) -> ClassDef | None:
        """The class that tools paint."""
        raise NotImplementedError

    def select_class(self, class_id: int) -> None:
        """Choose the class to paint; an unknown id does nothing."""
        raise NotImplementedError

    def select_class_number(self, number: int) -> None:
        """Choose the class by its key, 1…9."""
        raise NotImplementedError

    def swap_classes(self) -> None:
        """Back to the class used before this one."""
        raise NotImplementedError

    @property
    def active_object(self) -> int | None:
        """The segment id of the object that strokes go to, if any."""
        raise NotImplementedError

    def select_object(self, segment_id: int | None) -> None:
        """Choose the object that strokes go to; None ends that."""
        raise NotImplementedError

    @property
    def is_object_mode(self) -> bool:
        """Whether each stroke, polygon or fill begins an object of its own."""
        raise NotImplementedError

    def set_object_mode(self, is_on: bool) -> None:
        """Switch object mode."""
        raise NotImplementedError

    def new_object(self) -> None:
        """The next stroke begins an object, and further strokes go to it until :meth:`select_object` (None)."""
        raise NotImplementedError

    # -- view state ----------------------------------------------------------------------------------------------

    @property
    def overlay(self) -> OverlayStyle:
        """How layers are drawn."""
        raise NotImplementedError

    def set_overlay(self, style: OverlayStyle) -> None:
        """Draw layers another way."""
        raise NotImplementedError

    @property
    def min_confidence(self) -> float:
        """The threshold of what of a proposal is shown and accepted, 0…1."""
        raise NotImplementedError

    def set_min_confidence(self, value: float) -> None:
        """Move the threshold."""
        raise NotImplementedError

    @property
    def display(self) -> DisplaySettings | None:
        """Window/level and bands of the current image; None = automatic."""
        raise NotImplementedError

    def set_display(self, display: DisplaySettings | None) -> None:
        """Show the image's values another way; remembered with the image."""
        raise NotImplementedError

    def view_of(self, image_id: int) -> dict[str, float] | None:
        """The view (centre and zoom, the canvas's own keys) that an image was left at."""
        raise NotImplementedError

    def remember_view(self, image_id: int, view: dict[str, float]) -> None:
        """Keep the view of an image; written when the image or the project is left."""
        raise NotImplementedError
