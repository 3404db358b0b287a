"""A model's answers: taken in as they come, then accepted or rejected; each is one undoable edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.geometry import Rect


class ProposalDesk:
    """Between the model's process and the document. Hand labels are never touched by a result.

    A request carries a generation; :meth:`begin` gives the next one, and what comes with another is dropped.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def generation(self) -> int:
        """The generation whose results are taken."""
        raise NotImplementedError

    def begin(self, class_map: Mapping[int, int], model_id: str, version: str = "") -> int:
        """A request starts: model class index → class id (0 drops it). The generation to send with it."""
        raise NotImplementedError

    def receive_window(self, image_id: int, generation: int, result: Any) -> bool:
        """Write a WindowResult or ObjectResult into the proposal of its image; False when it was dropped as stale."""
        raise NotImplementedError

    def finish_proposal(self, image_id: int, generation: int | None = None) -> bool:
        """The image is done: one undoable edit, committed."""
        raise NotImplementedError

    def cancel(self) -> None:
        """No more results are wanted; what came so far is kept, as one edit an image."""
        raise NotImplementedError

    def abandon(self) -> None:
        """The request failed: unfinished proposals are taken back."""
        raise NotImplementedError

    @property
    def has_proposal(self) -> bool:
        """Whether the current image shows something to accept."""
        raise NotImplementedError

    def accept_all(self) -> bool:
        """All that is shown becomes labels."""
        raise NotImplementedError

    def accept_classes(self, class_ids: Sequence[int]) -> bool:
        """What is shown of these classes becomes labels."""
        raise NotImplementedError

    def accept_at(self, x: float, y: float) -> bool:
        """The object (connected area) under a point becomes a label."""
        raise NotImplementedError

    def accept_mask(self, rect: Rect, mask: npt.NDArray[np.bool_]) -> bool:
        """What a brush went over becomes labels; mask is (h, w) over rect."""
        raise NotImplementedError

    def reject_all(self) -> bool:
        """Drop what is shown."""
        raise NotImplementedError

    def reject_classes(self, class_ids: Sequence[int]) -> bool:
        """Drop what is shown of these classes."""
        raise NotImplementedError

    def reject_at(self, x: float, y: float) -> bool:
        """Drop the object under a point."""
        raise NotImplementedError

    def reject_mask(self, rect: Rect, mask: npt.NDArray[np.bool_]) -> bool:
        """Drop what a brush went over."""
        raise NotImplementedError
