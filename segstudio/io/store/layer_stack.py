"""The label layers of an image as a stack: their order, which were deleted, and making, naming and ordering them.

Order and deletions are kept beside the layers, in the project's JSON values: a project that has one layer an image, as
all older ones do, needs neither. A deleted layer was emptied by an edit; when that edit is undone it holds something
again, and so it is there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore


@dataclass(frozen=True, slots=True)
class StackState:
    """``order`` holds layer ids, the lowest first; layers that are not in it lie above, oldest first."""

    order: tuple[int, ...] = ()
    removed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, value: Any) -> StackState:
        """As kept in the project; the plain state for anything else."""
        if not isinstance(value, dict):
            return cls()
        order, removed = value.get("order"), value.get("removed")
        return cls(_ids(order), frozenset(_ids(removed)))

    def as_json(self) -> dict[str, list[int]]:
        """As kept in the project."""
        return {"order": list(self.order), "removed": sorted(self.removed)}

    def is_there(self, layer: LabelLayer) -> bool:
        """Whether a layer was not deleted, or holds something again."""
        return layer.id not in self.removed or not layer.is_blank

    def sorted(self, layers: Sequence[LabelLayer]) -> list[LabelLayer]:
        """*layers* in order; label layers before proposals, and deleted ones after those that are there."""
        place = {layer_id: index for index, layer_id in enumerate(self.order)}

        def key(layer: LabelLayer) -> tuple[bool, bool, int, int]:
            return (layer.kind != "labels", not self.is_there(layer), place.get(layer.id, len(place)), layer.id)

        return sorted(layers, key=key)


def _ids(value: Any) -> tuple[int, ...]:
    return tuple(item for item in value if isinstance(item, int)) if isinstance(value, list) else ()


def stack_key(image_id: int) -> str:
    """The name under which an image's state is kept."""
    return f"layers:{image_id}"


def state_of(store: ProjectStore, image_id: int) -> StackState:
    """The state of an image's layers."""
    return StackState.of(store.get_meta(stack_key(image_id)))


def in_order(store: ProjectStore, image_id: int, layers: Sequence[LabelLayer]) -> list[LabelLayer]:
    """The layers of one image as their stack orders them. KeyError when there are none: the image is unknown."""
    if not layers:
        raise KeyError(image_id)
    return state_of(store, image_id).sorted(layers)


def label_layers(store: ProjectStore, image_id: int) -> list[LabelLayer]:
    """The image's label layers, the lowest first, without those that were deleted; never none."""
    state = state_of(store, image_id)
    labels = [layer for layer in store.layers(image_id) if layer.kind == "labels"]
    return [layer for layer in labels if state.is_there(layer)] or labels[:1]


def add_labels(store: ProjectStore, image_id: int, name: str) -> LabelLayer:
    """Make an empty label layer; *name* must not be in use in the image. UserError when it cannot be written."""
    from segstudio.io.store.layer_rows import add_layer

    with store._database.transaction() as connection:
        layer_id = add_layer(connection, image_id, name, "labels")
    return next(layer for layer in store.layers(image_id) if layer.id == layer_id)


def rename(store: ProjectStore, layer: LabelLayer, name: str) -> None:
    """Another name, not in use in the image. UserError when it cannot be written."""
    import sqlalchemy as sa

    from segstudio.io.store import schema

    with store._database.transaction() as connection:
        connection.execute(sa.update(schema.layers).where(schema.layers.c.id == layer.id).values(name=name))
    layer.name = name
