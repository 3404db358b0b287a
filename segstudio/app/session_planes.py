"""The part of the session that is about planes: which one of a volume or stack is shown and painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.session_choices import ChoicesPart

if TYPE_CHECKING:
    from segstudio.core.edits import Edit


class PlanesPart(ChoicesPart):
    """The plane at hand; each image is found again at the plane it was left at."""

    @property
    def plane_count(self) -> int:
        """How many planes the current image has; 1 for flat ones, 0 with no image."""
        return 0 if self.labels is None else max(1, self.labels.depth)

    @property
    def is_volume(self) -> bool:
        """Whether there is more than one plane to go through."""
        return self.plane_count > 1

    def set_plane(self, z: int) -> bool:
        """Show and paint another plane (the nearest there is); False when it is the one shown.

        Tools abandon what they have begun; ``plane_changed`` follows.
        """
        count = self.plane_count
        z = min(max(int(z), 0), count - 1)
        if count == 0 or z == self._plane:
            return False
        self.work_interrupted.emit()
        self._plane = z
        if self.image_id is not None:
            self._left_planes[self.image_id] = z
        self.plane_changed.emit(z)
        return True

    def step_plane(self, step: int) -> bool:
        """Go *step* planes on (negative: back), to the first or last at most."""
        return self.set_plane(self._plane + step)

    def plane_of(self, image_id: int) -> int:
        """The plane that an image was left at; 0 when it was never left."""
        if image_id not in self._left_planes:
            kept = self.meta(f"plane:{image_id}", 0)
            self._left_planes[image_id] = kept if isinstance(kept, int) and kept >= 0 else 0
        return self._left_planes[image_id]

    def _enter_plane(self, image_id: int | None) -> None:
        """Another image is at hand: the plane it was left at, without a signal of its own."""
        z = 0 if image_id is None else self.plane_of(image_id)
        self._plane = min(z, max(0, self.plane_count - 1))

    def _show_plane_of(self, edit: Edit) -> None:
        """What was undone or redone on other planes only must be seen: go to the nearest of them."""
        labels = self.labels
        changes = [change for change in edit.changes if labels is not None and change.layer_id == labels.id]
        planes = {tile.key[0] for change in changes for tile in change.tiles}
        if planes and self._plane not in planes:
            self.set_plane(min(planes, key=lambda z: abs(z - self._plane)))

    def _write_view(self, image_id: int | None) -> None:
        super()._write_view(image_id)
        if image_id is not None and self.is_volume and image_id in self._left_planes:
            self.set_meta(f"plane:{image_id}", self._left_planes[image_id])
