"""Where a dataset keeps masks and their images: pairs of files by stem, in folders of splits or without."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.io.datasets import IMAGE_SUFFIXES, SPLIT_FOLDERS
from segstudio.io.formats.mask_files import MASK_SUFFIXES
from segstudio.io.formats.safety import is_link_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from segstudio.io.formats.problems import ProblemList

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "JPEGImages", "imagesTr", "photos")
MASK_FOLDERS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annots",
    "segmentation",
    "segmentations",
    "gt",
    "labelsTr",
)
MASK_ENDS = (
    "", "_mask", "-mask", "_masks", "_label", "_labels", "_gt", "_seg", "_segmentation", "_L", "_mask1", "_manual1", "_GT",
)  # fmt: skip
"""What masks' stems have at their end beyond the image's."""
_ALL_IMAGES = frozenset({*IMAGE_SUFFIXES, ".gif", ".jp2", ".ppm", ".pgm", ".dcm"})
_DEEPEST = 8


@dataclass(frozen=True)
class MaskPair:
    """A mask, its image (None: missing), the split and the folder below it that it lies in."""

    mask: Path
    image: Path | None
    split: str | None
    group: str


def child(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of *names*, whatever its case, that is a folder in *folder*."""
    try:
        there = {entry.name.casefold(): entry.name for entry in os.scandir(folder) if entry.is_dir()}
    except OSError:
        return None
    for name in names:
        if name.casefold() in there:
            return folder / there[name.casefold()]
    return None


def find_folders(root: Path, images: str = "", masks: str = "") -> list[tuple[Path | None, Path, str | None]]:
    """(folder of images, folder of masks, split) as the dataset has them: side by side, or in each folder of a split."""
    if images or masks:
        return [(root / images if images else None, root / masks if masks else root, None)]
    mask, image = child(root, MASK_FOLDERS), child(root, IMAGE_FOLDERS)
    if mask is not None:
        return [(image, mask, None)]
    found: list[tuple[Path | None, Path, str | None]] = []
    for name, split in SPLIT_FOLDERS.items():
        folder = child(root, (name,))
        inner = None if folder is None else child(folder, MASK_FOLDERS)
        if folder is not None and inner is not None:
            found.append((child(folder, IMAGE_FOLDERS), inner, split))
    return found or [(image, root, None)]


def pairs(folders: list[tuple[Path | None, Path, str | None]], root: Path, problems: ProblemList) -> Iterator[MaskPair]:
    """All masks in order, with the image of the same stem at the same place."""
    for images, masks, split in folders:
        for folder, names in _walk(masks, root, problems):
            below = folder.relative_to(masks).parts
            place = masks if images is None else images.joinpath(*below)
            by_stem = images_by_stem(place, root, problems)
            named, rest = split_of(below)
            own_split, group = (split, "/".join(below)) if split else (named, rest)
            used: set[str] = set()
            for mask, image in _matched(folder, names, by_stem, is_mixed=place == folder):
                used.update(() if image is None else (image,))
                yield MaskPair(mask, None if image is None else place / image, own_split, group)
            left = [name for name in by_stem.values() if name not in used] if images is not None else []
            if left and names:
                problems.note("/".join((masks.name, *below)), "Images that have no mask do not come", len(left))


def split_of(below: tuple[str, ...]) -> tuple[str | None, str]:
    """(split, the folders below it) of the folders that a file lies in."""
    split = SPLIT_FOLDERS.get(below[0].casefold()) if below else None
    return split, "/".join(below[1:] if split else below)


def _matched(
    folder: Path, names: list[str], by_stem: dict[str, str], *, is_mixed: bool
) -> Iterator[tuple[Path, str | None]]:
    taken: set[str] = set()
    for name in names:
        stem = os.path.splitext(name)[0]
        image = _image_of(name, stem, by_stem, is_mixed)
        if is_mixed and name in taken:
            continue  # it is the image of a mask
        if is_mixed and image is None and any(end and stem + end in _stems(names) for end in MASK_ENDS):
            continue  # it is the image of another file here
        key = image or stem
        if key in taken:
            continue  # the same mask once more, as another kind of file
        taken.add(key)
        yield folder / name, image


def _stems(names: list[str]) -> frozenset[str]:
    return frozenset(os.path.splitext(name)[0] for name in names)


def _image_of(name: str, stem: str, by_stem: dict[str, str], is_mixed: bool) -> str | None:
    for end in MASK_ENDS:
        if end and not stem.endswith(end):
            continue
        found = by_stem.get(stem[: len(stem) - len(end)].casefold())
        if found is not None and not (is_mixed and found == name):
            return found
    # "image.jpg.png"
    inner = os.path.splitext(stem)[0].casefold()
    found = by_stem.get(inner) if stem.casefold() != inner else None
    return found if found is not None and found.casefold() == stem.casefold() else None


def _walk(folder: Path, root: Path, problems: ProblemList) -> Iterator[tuple[Path, list[str]]]:
    for place, folders, files in os.walk(folder):
        here = folder.__class__(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and depth < _DEEPEST)
        for name in [name for name in folders if is_link_out(here / name, root)]:
            problems.note(name, "The link leads out of the dataset: it is not followed")
            folders.remove(name)
        names = [name for name in files if os.path.splitext(name)[1].casefold() in MASK_SUFFIXES]
        rank = {suffix: index for index, suffix in enumerate(MASK_SUFFIXES)}
        names.sort(key=lambda name: (os.path.splitext(name)[0], rank[os.path.splitext(name)[1].casefold()]))
        yield here, _kept(here, names, root, problems)


def _kept(folder: Path, names: list[str], root: Path, problems: ProblemList) -> list[str]:
    kept = []
    for name in names:
        if name.startswith("."):
            continue
        if is_link_out(folder / name, root):
            problems.note(name, "The link leads out of the dataset: it is not followed")
        else:
            kept.append(name)
    return kept


def images_by_stem(folder: Path, root: Path, problems: ProblemList) -> dict[str, str]:
    """Stem (lower case) → name of each image in a folder; the first in order where two have one stem."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return {}
    found: dict[str, str] = {}
    for name in _kept(folder, [n for n in names if os.path.splitext(n)[1].casefold() in _ALL_IMAGES], root, problems):
        found.setdefault(os.path.splitext(name)[0].casefold(), name)
    return found
