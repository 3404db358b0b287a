"""Where the models of proposals were unsure, kept as their answers come in: the key for uncertain places goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.core.proposal_doubt import ProposedDoubt, merged
from segstudio.io.looks import keep_proposed_cells, proposed_cells

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.core.layers import LabelLayer
    from segstudio.ml.api import WindowResult


class DoubtMaps:
    """One map for each image that is being answered; what a model of objects finds has none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._maps: dict[int, ProposedDoubt] = {}

    def add(self, image_id: int, layer: LabelLayer, z: int, result: WindowResult) -> None:
        """A window of plane *z* of an image whose proposal is *layer*."""
        found = self._maps.get(image_id)
        if found is None:
            found = self._maps[image_id] = ProposedDoubt(layer.width, layer.height, layer.depth)
        found.add(z, result.rect, result.class_index, result.confidence)

    def keep(self, image_id: int) -> None:
        """The image's answer is there; what an earlier one told of other parts of the image stays."""
        doubts, store = self._maps.pop(image_id, None), self._session.store
        if doubts is None or store is None:
            return
        cells = merged(proposed_cells(store.facts, image_id), *doubts.cells(), doubts.cell_px)
        try:
            keep_proposed_cells(store.facts, image_id, cells, doubts.cell_px)
        except UserError as error:
            self._session.say_once("next", error)
            return
        if image_id == self._session.image_id:
            self._session.what_next.places.renew()

    def clear(self) -> None:
        """The request is over, or failed."""
        self._maps.clear()
