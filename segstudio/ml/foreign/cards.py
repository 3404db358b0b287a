"""Models that come in other files than ours, as rows of the catalog. No torch here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml import download as downloads
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.folders import installed_folder
from segstudio.ml.foreign.clouds_cards import cloud_entries
from segstudio.ml.foreign.onnx_card import LOADER, MISSING, is_runnable, read_onnx_card

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

U2NETP = ModelCard(
    id="u2netp",
    name="U²-Net-P: the salient object",
    architecture="u2netp",
    classes=("background", "salient object"),
    # One window holds the whole picture: the graph reads 320×320 and nothing else.
    window_px=4096,
    overlap_px=0,
    stride_px=1,
    working_short_side_px=320,
    weights=WeightsSource(
        "download",
        url="https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        file_name="u2netp.onnx",
        size_bytes=4_574_861,
    ),
    licence="Apache-2.0",
    data="DUTS-TR, 10 553 photographs",
    data_licence="photographs of ImageNet and SUN, each under its own terms",
    split="",
    parameters=1_125_485,
    description=(
        "Cuts out what catches the eye in a photograph, whatever it is. Qin et al. 2020, arXiv:2005.09007. It sees the whole "
        "picture at 320 × 320 pixels, so fine detail is lost: refine its proposal, or mend its border by hand."
    ),
    options={"output": "probabilities", "output_name": "1959", "fit": "whole", "by_maximum": True},
    loader=LOADER,
)


def foreign_entries() -> Iterator[CatalogEntry]:
    """One entry for each; what cannot be used says why."""
    yield from _installed()
    yield _u2netp()
    yield from cloud_entries()


def onnx_entry(path: Path, card: ModelCard | None = None) -> CatalogEntry:
    """An ONNX file as a model.

    Raises
    ------
    UserError
        When it is no network that segments an image.
    """
    card = card or read_onnx_card(path)
    return CatalogEntry(card) if is_runnable() else CatalogEntry(card, False, MISSING)


def _installed() -> Iterator[CatalogEntry]:
    folder = installed_folder()
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".onnx" and not p.name.startswith("."))
    except OSError:
        return
    for file in files:
        try:
            # The user's own name for it, as of every installed file.
            yield onnx_entry(file, replace(read_onnx_card(file), id=file.stem))
        except UserError as error:
            broken = WeightsSource("file", str(file), file_name=file.name)
            yield CatalogEntry(ModelCard(file.stem, file.stem, weights=broken), False, error.message)


def _u2netp() -> CatalogEntry:
    file = downloads.cached_file(U2NETP)
    is_here = file.is_file()
    card = replace(U2NETP, weights=replace(U2NETP.weights, path=str(file))) if is_here else U2NETP
    if not is_runnable():
        return CatalogEntry(card, False, MISSING)
    return (
        CatalogEntry(card) if is_here else CatalogEntry(card, False, "not downloaded yet (5 MB)", needs_download=True)
    )
