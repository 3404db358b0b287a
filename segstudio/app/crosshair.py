"""The voxel at which all views of a volume meet: the plane shown, and a column and row in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from segstudio.app.session_planes import PlanesPart


class CrossHair:
    """(x, y) of the session's current volume; z is the session's plane. In the middle of each image at first."""

    def __init__(self, session: PlanesPart) -> None:
        self.moved: Signal[[]] = Signal()
        """It lies at another voxel, or another image is shown."""
        self._session = session
        self._x = self._y = 0
        session.image_changed.connect(self._on_image_changed)
        session.plane_changed.connect(self._on_plane_changed)

    @property
    def position(self) -> tuple[int, int, int]:
        """(x, y, z) of the voxel."""
        return self._x, self._y, self._session.plane

    def move_to(self, x: float, y: float, z: int | None = None) -> None:
        """Go to the voxel (the nearest there is); another *z* changes the plane shown."""
        layer = self._session.labels
        if layer is None:
            return
        at = (min(max(int(x // 1), 0), layer.width - 1), min(max(int(y // 1), 0), layer.height - 1))
        has_moved = at != (self._x, self._y)
        self._x, self._y = at
        # A change of plane tells by itself.
        if not (z is not None and self._session.set_plane(z)) and has_moved:
            self.moved.emit()

    def _on_image_changed(self) -> None:
        layer = self._session.labels
        self._x, self._y = (0, 0) if layer is None else (layer.width // 2, layer.height // 2)
        self.moved.emit()

    def _on_plane_changed(self, _z: int) -> None:
        self.moved.emit()
