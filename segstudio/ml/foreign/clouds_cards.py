"""Cards of ukis-csmask: clouds and their shadows in satellite images. Nothing of the package is imported here."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.foreign.onnx_card import is_runnable

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "ukis_csmask"
MISSING = "needs the extra [clouds]: pip install 'segstudio[clouds]'"
LOADER = "segstudio.ml.foreign.clouds:load"
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""The order in which the networks read them; those of four bands stop at the fourth."""
BAND_TITLES = {
    "blue": "blue", "green": "green", "red": "red", "nir": "near infrared", "swir16": "short-wave infrared 1.6 µm",
    "swir22": "short-wave infrared 2.2 µm",
}  # fmt: skip


@dataclass(frozen=True)
class _Kind:
    key: str
    bands: int
    level: str
    title: str
    parameters: int


_KINDS = (
    _Kind("6b_l1c", 6, "l1c", "6 bands, top of atmosphere", 19_544_475),
    _Kind("6b_l2a", 6, "l2a", "6 bands, atmosphere corrected", 19_544_475),
    _Kind("4b_l1c", 4, "l1c", "4 bands, top of atmosphere", 19_543_611),
    _Kind("4b_l2a", 4, "l2a", "4 bands, atmosphere corrected", 19_543_611),
)


def cloud_entries() -> Iterator[CatalogEntry]:
    """The four networks of ukis-csmask; disabled where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    for kind in _KINDS:
        file = Path(places[0]) / f"model_{kind.key}.onnx" if places else None
        card = _card(kind, file)
        if file is None or not is_runnable():
            yield CatalogEntry(card, False, MISSING)
        elif not file.is_file():
            yield CatalogEntry(card, False, "its weights are missing from the package: install ukis-csmask again")
        else:
            yield CatalogEntry(card)


def _card(kind: _Kind, file: Path | None) -> ModelCard:
    names = ", ".join(BAND_TITLES[band] for band in BANDS[: kind.bands])
    what = (
        "before correction of the atmosphere (Level-1C)"
        if kind.level == "l1c"
        else "corrected for the atmosphere (Level-2A)"
    )
    return ModelCard(
        id=f"clouds/{kind.key}",
        name=f"Clouds and shadows, {kind.title}",
        architecture="unet",
        encoder="efficientnet-b4",
        classes=("background", "cloud", "cloud shadow"),
        colors=("", "#ffffff", "#4c4c8c"),
        bands=kind.bands,
        # The package scales by itself, so that its answer is its own.
        mean=(0.0,) * kind.bands,
        std=(1.0,) * kind.bands,
        scaling="none",
        window_px=1024,
        overlap_px=128,
        stride_px=1,
        weights=WeightsSource("file", str(file or ""), file_name=f"model_{kind.key}.onnx"),
        licence="Apache-2.0",
        data="Sentinel-2 and Landsat scenes with cloud masks, Wieland et al. 2019, doi:10.1016/j.rse.2019.05.022",
        parameters=kind.parameters,
        description=(
            f"Clouds and their shadows in Sentinel-2 and Landsat images of about 30 m a pixel, {what}; ukis-csmask of the German "
            f"Aerospace Center. Reads {kind.bands} bands in this order: {names}. Values are reflectances 0 … 1; whole numbers are "
            "taken as Sentinel-2's and divided by 10 000."
        ),
        options={"level": kind.level, "key": kind.key},
        loader=LOADER,
    )
