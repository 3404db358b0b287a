"""Which arrays of an npz archive are masks, objects and images, whatever program saved them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from segstudio.io.datasets import SPLIT_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.io.npz_files import ArrayHead, NpzReader

IMAGE_KEYS = ("image", "img", "imgs", "images", "x", "data", "volume", "raw", "arr_0")
MASK_KEYS = (
    "mask", "masks", "label", "labels", "gt", "gts", "seg", "segmentation", "annotation", "y", "target", "lbl", "arr_1",
)  # fmt: skip
OBJECT_KEYS = ("instances", "instance", "inst_map", "inst", "object_ids", "objects")
_MANY = ("images", "x")
"""Images so called are many of them, not the planes of one."""
MOST_BANDS = 4096


@dataclass(frozen=True)
class Labelled:
    """The mask array of an archive (and its image array, "" = none): ``count`` images of (depth, height, width).

    ``bands`` are those of the image, ``is_band_first`` whether they come before its rows; ``has_ids``: it holds object ids.
    """

    mask: str
    image: str
    count: int
    depth: int
    height: int
    width: int
    bands: int = 1
    is_band_first: bool = False
    has_ids: bool = False
    split: str | None = None

    @property
    def size(self) -> int:
        """Pixels of one image."""
        return self.depth * self.height * self.width


def find_arrays(archive: NpzReader, stack: str = "") -> tuple[list[Labelled], list[str]]:
    """(what is labelled in an archive, sentences about masks that are of no use).

    *stack* says what an array of three axes is: "volume", "images", or "" by the names.
    """
    names = {name.casefold(): name for name in archive.heads}
    found: list[Labelled] = []
    refused: list[str] = []
    for prefix, split in _prefixes(names):
        key = next((prefix + key for key in (*OBJECT_KEYS, *MASK_KEYS) if prefix + key in names), "")
        if not key:
            continue
        image = next((prefix + key for key in IMAGE_KEYS if prefix + key in names), "")
        is_many = stack == "images" or (not stack and (split is not None or image.removeprefix(prefix) in _MANY))
        has_ids = key.removeprefix(prefix) in OBJECT_KEYS
        one = _labelled(archive, names[key], names.get(image, ""), has_ids, split, is_many=is_many)
        if isinstance(one, str):
            refused.append(one)
        else:
            found.append(one)
    return found, refused


def _prefixes(names: dict[str, str]) -> Iterator[tuple[str, str | None]]:
    yield "", None
    for word, split in SPLIT_FOLDERS.items():
        if any(name.startswith(f"{word}_") for name in names):
            yield f"{word}_", split


def _labelled(
    archive: NpzReader, mask: str, image: str, has_ids: bool, split: str | None, *, is_many: bool
) -> Labelled | str:
    head = archive.heads[mask]
    if head.dtype.kind not in "biuf":
        return f"The array “{mask[:60]}” holds no numbers"
    sides = _plain(head)
    if not 2 <= len(sides) <= 4 or not prod(sides):
        return f"The array “{mask[:60]}” of {' × '.join(map(str, head.shape))} is no mask of one value a pixel"
    if len(sides) == 2:
        count, depth = 1, 1
    elif len(sides) == 3:
        count, depth = (sides[0], 1) if is_many else (1, sides[0])
    else:
        count, depth = sides[0], sides[1]
    bands, is_first = (1, False) if not image else _bands(archive.heads[image], sides)
    if not bands and len(sides) == 3 and len(_plain(archive.heads[image])) == 3:
        return f"The array “{mask[:60]}” has {sides[-1]} values a pixel"
    name = image if bands else ""
    return Labelled(mask, name, count, depth, sides[-2], sides[-1], max(1, bands), is_first, has_ids, split)


def _plain(head: ArrayHead) -> tuple[int, ...]:
    """The shape without a last or first axis of 1, as long as more than two are left."""
    sides = head.shape
    if len(sides) > 2 and sides[-1] == 1:
        sides = sides[:-1]
    elif len(sides) > 2 and sides[0] == 1:
        sides = sides[1:]
    return sides


def _bands(head: ArrayHead, mask: tuple[int, ...]) -> tuple[int, bool]:
    """(bands of the image, whether they come first); (0, False) where it is none of the mask's size."""
    if head.dtype.kind not in "biuf":
        return 0, False
    if prod(head.shape) == prod(mask) and head.shape[-1] in (1, mask[-1]):
        return 1, False
    if head.shape[:-1] == mask and head.shape[-1] <= MOST_BANDS:
        return head.shape[-1], False
    if (
        len(head.shape) == len(mask) + 1
        and (*head.shape[:-3], *head.shape[-2:]) == mask
        and head.shape[-3] <= MOST_BANDS
    ):
        return head.shape[-3], True
    return 0, False
