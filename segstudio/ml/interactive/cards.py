"""Models that answer a person's hints, as rows of the catalog. No torch here."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.ml.cards import IMAGENET_MEAN, IMAGENET_STD, ModelCard, WeightsKind, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.folders import cache_folder, installed_folder
from segstudio.ml.interactive.recognise import Found, recognised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

META = "https://dl.fbaipublicfiles.com/"
MOBILE_SAM_COMMIT = "f706ad9c4eb7f219c00d9050e46328518ffb65d2"
WINDOW_PX = 1024
"""The side of the square that every one of them looks at."""
NEEDS_EXTRA = "needs the extra [sam]: pip install 'segstudio[sam]'"
NO_PACKAGE = "no maintained package holds its network; MobileSAM is as small"
SUFFIXES = (".pth", ".pt")
"""Of the user's own files; a ``.safetensors`` is listed with the other models."""


def _card(
    short: str,
    name: str,
    architecture: str,
    encoder: str,
    parameters: int | None,
    url: str,
    size_bytes: int,
    sha256: str,
    description: str,
) -> ModelCard:
    file_name = url.rsplit("/", 1)[-1]
    kind: WeightsKind = "download" if url else "file"
    return ModelCard(
        id=f"sam/{short}",
        name=name,
        task="interactive",
        architecture=architecture,
        encoder=encoder,
        classes=(),
        background_index=None,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        window_px=WINDOW_PX,
        overlap_px=0,
        stride_px=16,
        weights=WeightsSource(kind, url=url, sha256=sha256, file_name=file_name, size_bytes=size_bytes),
        licence="Apache-2.0",
        data="SA-1B" if architecture != "sam2" else "SA-1B and SA-V",
        data_licence="SA-1B: research use of the images" if architecture != "sam2" else "SA-V: CC BY 4.0",
        parameters=parameters,
        description=description,
    )


# The digits in the names of Meta's SAM files are of the MD5, not of the SHA-256.
CARDS: tuple[ModelCard, ...] = (
    _card("mobile-sam", "MobileSAM", "mobile_sam", "tiny_vit", 9_808_452,
          f"https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/{MOBILE_SAM_COMMIT}/weights/mobile_sam.pt",
          40_728_226, "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
          "Click to segment, on a machine without a graphics card: SAM's decoder on a small encoder."),
    _card("sam2.1-tiny", "SAM 2.1 tiny", "sam2", "hiera_tiny", 31_440_721,
          f"{META}segment_anything_2/092824/sam2.1_hiera_tiny.pt", 156_008_466,
          "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
          "Click to segment: sharper outlines than SAM's, at a fraction of its cost. The first choice on most machines."),
    _card("sam2.1-small", "SAM 2.1 small", "sam2", "hiera_small", 38_538_577,
          f"{META}segment_anything_2/092824/sam2.1_hiera_small.pt", 184_416_285,
          "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
          "Click to segment: a little more exact than tiny, nearly as quick."),
    _card("sam2.1-base-plus", "SAM 2.1 base+", "sam2", "hiera_base_plus", 73_328_401,
          f"{META}segment_anything_2/092824/sam2.1_hiera_base_plus.pt", 323_606_802,
          "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
          "Click to segment with a graphics card, or with patience."),
    _card("sam2.1-large", "SAM 2.1 large", "sam2", "hiera_large", 216_924_865,
          f"{META}segment_anything_2/092824/sam2.1_hiera_large.pt", 898_083_611,
          "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
          "Click to segment with a graphics card: the most exact of SAM 2."),
    _card("sam2-tiny", "SAM 2 tiny", "sam2", "hiera_tiny", 31_440_721,
          f"{META}segment_anything_2/072824/sam2_hiera_tiny.pt", 155_906_050,
          "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
          "The first SAM 2; 2.1 is trained longer. For work that was begun with it."),
    _card("sam2-small", "SAM 2 small", "sam2", "hiera_small", 38_538_577,
          f"{META}segment_anything_2/072824/sam2_hiera_small.pt", 184_309_650,
          "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
          "The first SAM 2; 2.1 is trained longer. For work that was begun with it."),
    _card("sam2-base-plus", "SAM 2 base+", "sam2", "hiera_base_plus", 73_328_401,
          f"{META}segment_anything_2/072824/sam2_hiera_base_plus.pt", 323_493_298,
          "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
          "The first SAM 2; 2.1 is trained longer. For work that was begun with it."),
    _card("sam2-large", "SAM 2 large", "sam2", "hiera_large", 216_924_865,
          f"{META}segment_anything_2/072824/sam2_hiera_large.pt", 897_952_466,
          "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
          "The first SAM 2; 2.1 is trained longer. For work that was begun with it."),
    _card("sam-vit-b", "SAM ViT-B", "sam", "vit_b", 93_735_472,
          f"{META}segment_anything/sam_vit_b_01ec64.pth", 375_042_383,
          "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
          "Click to segment: the first SAM, which most fine-tuned ones (microscopy, medicine) come from."),
    _card("sam-vit-l", "SAM ViT-L", "sam", "vit_l", 312_342_832,
          f"{META}segment_anything/sam_vit_l_0b3195.pth", 1_249_524_607,
          "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
          "Click to segment with a graphics card: SAM with the large encoder."),
    _card("sam-vit-h", "SAM ViT-H", "sam", "vit_h", 641_090_608,
          f"{META}segment_anything/sam_vit_h_4b8939.pth", 2_564_550_879,
          "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
          "Click to segment with a large graphics card: SAM with the huge encoder."),
)  # fmt: skip

EFFICIENT_SAM = _card(
    "efficient-sam", "EfficientSAM", "efficient_sam", "vit_tiny", None, "", 0, "",
    "SAM's abilities taught to a small plain transformer.",
)  # fmt: skip


def interactive_entries() -> Iterator[CatalogEntry]:
    """One entry for each, then the user's own files; what cannot be used says why."""
    for card in CARDS:
        yield _entry(card)
    yield CatalogEntry(EFFICIENT_SAM, False, NO_PACKAGE)
    for file in _files(installed_folder()):
        entry = file_entry(file)
        if entry is not None:
            yield entry


def file_entry(path: Path) -> CatalogEntry | None:
    """The click model whose weights *path* holds, recognised by its tensors; None when it is none.

    Never raises: a damaged file is none.
    """
    found = recognised(path)
    if found is None:
        return None
    card = _card_of(found)
    source = WeightsSource("file", str(path), file_name=path.name, size_bytes=path.stat().st_size)
    card = replace(card, id=path.stem, name=f"{card.name} ({path.stem})", weights=source)
    return CatalogEntry(card, *_usable())


def _card_of(found: Found) -> ModelCard:
    """The card of a family and encoder; one of a size that nobody published has no encoder's name."""
    for card in CARDS:
        if (card.architecture, card.encoder) == (found.architecture, found.encoder):
            return card
    first = next(card for card in CARDS if card.architecture == found.architecture)
    return replace(first, name=found.architecture, encoder="", parameters=None)


def _entry(card: ModelCard) -> CatalogEntry:
    file = cache_folder() / card.weights.file_name
    is_here = file.is_file()
    if is_here:
        card = replace(card, weights=replace(card.weights, path=str(file)))
    is_usable, reason = _usable()
    if not is_usable:
        return CatalogEntry(card, False, reason)
    if is_here:
        return CatalogEntry(card)
    return CatalogEntry(
        card, False, f"not downloaded yet ({card.weights.size_bytes / 1e6:.0f} MB)", needs_download=True
    )


def _usable() -> tuple[bool, str]:
    # Looking for it imports nothing.
    return (True, "") if importlib.util.find_spec("transformers") is not None else (False, NEEDS_EXTRA)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
    except OSError:
        return []
