"""What the catalog's window shows: all models, networks, encoders and refinements, filtered, with what each costs here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.presenters.favourites import favourites, set_favourite
from segstudio.ml.inference.windows import make_axis
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, NO_ENCODER

if TYPE_CHECKING:
    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.networks.costs import NetworkCosts
    from segstudio.ml.networks.table import ArchitectureSpec

KINDS: tuple[tuple[str, str], ...] = (
    ("semantic", "Classes for every pixel"),
    ("instance", "Objects"),
    ("interactive", "Clicks and boxes"),
    ("classic", "No network needed"),
    ("network", "Networks to train"),
    ("encoder", "Encoders"),
    ("refine", "Refinements"),
)
"""Kind of a row and the title of its group, in the order shown."""
STATES: tuple[tuple[str, str], ...] = (
    ("ready", "Ready"),
    ("favourite", "Favourites"),
    ("download", "To download"),
    ("train", "To be trained"),
)
"""What the rows can be narrowed to."""


def kind_of(entry: CatalogEntry) -> str:
    """The key of its group in :data:`KINDS`."""
    return "network" if entry.card.weights.kind == "untrained" else entry.card.task


def state_of(entry: CatalogEntry) -> str:
    """What it is counted as: "ready", "download", "train", or "" for what cannot be used."""
    if entry.card.weights.kind == "untrained":
        return "train"
    if entry.card.task == "encoder":
        return "ready" if entry.is_available else "download"
    return "ready" if entry.is_available else "download" if entry.needs_download else ""


@dataclass(frozen=True)
class ImageCosts:
    """What proposing for the open image takes: so many windows, each of ``window``'s size, and their multiply-adds together."""

    width: int
    height: int
    windows: int
    window: NetworkCosts

    @property
    def multiply_adds(self) -> int:
        """Of all windows."""
        return self.windows * self.window.multiply_adds


class CatalogPresenter:
    """The rows of the catalog and what can be done with each; read anew by :meth:`refresh`."""

    def __init__(self, models: ModelsPresenter) -> None:
        self.models = models
        self.session = models.session
        self._entries: list[CatalogEntry] | None = None

    @property
    def entries(self) -> list[CatalogEntry]:
        """Everything there is; read when first asked for."""
        if self._entries is None:
            from segstudio.ml.registry import Catalog

            # What the project has set of classic methods shows here too.
            known = {entry.card.id: entry for entry in self.models.entries}
            everything = Catalog(self.session.folder).entries()
            self._entries = [known.get(entry.card.id, entry) for entry in everything]
        return self._entries

    def refresh(self) -> None:
        """Read the catalog again when it is next asked for."""
        self._entries = None

    def entry(self, model_id: str) -> CatalogEntry | None:
        """The row with this id."""
        return next((entry for entry in self.entries if entry.card.id == model_id), None)

    def rows(self, kind: str = "", state: str = "") -> list[CatalogEntry]:
        """The rows of this kind and state ("" = all), in groups, favourites first in each."""
        liked = set(favourites(self.session.settings))
        order = {key: number for number, (key, _) in enumerate(KINDS)}
        chosen = [
            entry
            for entry in self.entries
            if kind in ("", kind_of(entry))
            and (state in ("", state_of(entry)) or (state == "favourite" and entry.card.id in liked))
        ]
        return sorted(chosen, key=lambda e: (order.get(kind_of(e), len(order)), e.card.id not in liked))

    # -- favourites ----------------------------------------------------------------------------------------------

    def is_favourite(self, model_id: str) -> bool:
        """Whether it is marked."""
        return model_id in favourites(self.session.settings)

    def toggle_favourite(self, model_id: str) -> bool:
        """Mark it, or no more; whether it is marked now."""
        is_marked = not self.is_favourite(model_id)
        set_favourite(self.session.settings, model_id, is_marked)
        return is_marked

    # -- what it is ----------------------------------------------------------------------------------------------

    def network(self, entry: CatalogEntry) -> ArchitectureSpec | None:
        """The network of ours that a row is or was trained from."""
        return ARCHITECTURES.get(entry.card.architecture)

    def encoders(self, entry: CatalogEntry) -> tuple[str, ...]:
        """Encoders that an untrained network can be given; none where there is no choice."""
        spec = self.network(entry)
        return spec.encoders if spec is not None and entry.card.weights.kind == "untrained" else ()

    def networks_for(self, encoder: str) -> list[str]:
        """Titles of the networks that take this encoder."""
        return [spec.title for spec in ARCHITECTURES.values() if encoder in spec.encoders]

    def encoder_title(self, encoder: str) -> str:
        """The name of an encoder as listed; "" for a network's own."""
        spec = ENCODERS.get(encoder)
        return spec.title if spec is not None else "" if encoder == NO_ENCODER else encoder

    # -- what it costs -------------------------------------------------------------------------------------------

    def costs(self, entry: CatalogEntry, encoder: str = "") -> NetworkCosts | None:
        """What one window costs, of the size that this image would be cut into; None where it is not known."""
        width, height = self._window(entry)
        return entry.costs(height, width, encoder=encoder, classes=len(self.session.classes) + 1)

    def image_costs(self, entry: CatalogEntry, encoder: str = "") -> ImageCosts | None:
        """What proposing for the open image takes; None with none open, or where it is not known."""
        image, window = self.session.image, self.costs(entry, encoder)
        if image is None or window is None or entry.card.task == "encoder":
            return None
        side_px, overlap_px = self._tile_px(entry), self._overlap_px(entry)
        width, height = self._worked_on(entry, image.width, image.height)
        counts = [len(make_axis(0, side, side_px, overlap_px, entry.card.stride_px)) for side in (width, height)]
        return ImageCosts(image.width, image.height, math.prod(counts), window)

    def _tile_px(self, entry: CatalogEntry) -> int:
        return self.session.settings.integer("model.window_px") or entry.card.window_px

    def _overlap_px(self, entry: CatalogEntry) -> int:
        return self.session.settings.integer("model.overlap_px") or entry.card.overlap_px

    def _window(self, entry: CatalogEntry) -> tuple[int, int]:
        """(width, height): a tile, or what a smaller image needs."""
        image, side_px = self.session.image, self._tile_px(entry)
        if image is None or not image.width or not image.height:
            return side_px, side_px
        overlap_px, stride = self._overlap_px(entry), entry.card.stride_px
        width, height = self._worked_on(entry, image.width, image.height)
        return (
            make_axis(0, width, side_px, overlap_px, stride).size_px,
            make_axis(0, height, side_px, overlap_px, stride).size_px,
        )

    @staticmethod
    def _worked_on(entry: CatalogEntry, width: int, height: int) -> tuple[int, int]:
        """The image's size once it is brought to the model's working size."""
        card = entry.card
        wanted = card.working_long_side_px or card.working_short_side_px
        side = max(width, height) if card.working_long_side_px else min(width, height)
        scale = wanted / side if wanted and side else 1.0
        return max(1, round(width * scale)), max(1, round(height * scale))

    # -- what can be done ----------------------------------------------------------------------------------------

    def can_propose(self, entry: CatalogEntry) -> bool:
        """Whether it can be made the current model."""
        return entry.card.task in ("semantic", "instance", "classic") and entry.is_available

    def can_train(self, entry: CatalogEntry) -> bool:
        """Whether a run can begin from it: a network, an encoder, or a model of one of our networks."""
        if entry.card.task == "encoder":
            return bool(self.networks_for(entry.card.encoder))
        if self.network(entry) is None or entry.card.task != "semantic":
            return False
        return entry.is_available or entry.card.weights.kind == "untrained"

    def training_choices(self, entry: CatalogEntry, encoder: str = "", current_arch: str = "") -> dict[str, str]:
        """What to set in the train panel: network, encoder and model to start from.

        For an encoder the network stays *current_arch* where that takes it, else becomes the first that does.
        """
        card = entry.card
        if card.task == "encoder":
            fitting = [spec.id for spec in ARCHITECTURES.values() if card.encoder in spec.encoders]
            arch = current_arch if current_arch in fitting else fitting[0]
            return {"arch": arch, "encoder": card.encoder, "start_from": ""}
        start = "" if card.weights.kind == "untrained" else card.id
        return {"arch": card.architecture, "encoder": encoder or card.encoder, "start_from": start}
