"""Objects to click on: which images, which objects of them, as seen in a window; all seeded, none of it learnt from.

A case is a picture of at most 512 × 512 pixels (larger images are cut to a window around the object, as a person would zoom in), the mask of
one object in it, and where it is known. The sets, and which of their images count as held out:

==================  ========================================================  ======================================
set                 object                                                    held out
==================  ========================================================  ======================================
bsds                a region of one person's segmentation, 0.5–60 % of it      ``val.txt``
medscribble         the whole mask                                            the first, third … file
camvid-cars         a connected part of the class car, 300 px or more          ``images/test``
camvid              the same of the other classes                              ``images/test``
isbi                a 4-connected part of «not membrane», 300 px or more       sections 20–24 by name
drive               all vessels in a window of 256², 2 % of it or more         ``images/test``
nuclei              an object id, 60 px or more                                ``images/test``
==================  ========================================================  ======================================
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Mask = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.uint8]

VIEW_PX = 512
DRIVE_VIEW_PX = 256
CAR, LARGEST_SHARE = 8, 0.6
"""CamVid's value of cars; no object is a larger share of its picture, since then the ground is the object."""
SETS = ("bsds", "medscribble", "camvid-cars", "camvid", "isbi", "drive", "nuclei")


@dataclass(frozen=True, eq=False)
class Case:
    """One object to find: ``rgb`` (h, w, 3) uint8, ``truth`` (h, w) bool, ``known`` (h, w) bool where the truth is known."""

    set_name: str
    name: str
    rgb: Rgb
    truth: Mask
    known: Mask


@dataclass(frozen=True, eq=False)
class Target:
    """An object of a whole image; ``view_yx`` is where its window begins, None for one around it."""

    name: str
    mask: Mask
    known: Mask | None = None
    view_yx: tuple[int, int] | None = None


@dataclass(frozen=True)
class ImageSet:
    """Where a set's images lie and what is an object of one; ``side_px`` is the largest side of a picture."""

    folder: str
    held_out: Callable[[Path], list[Path]]
    learnt: Callable[[Path], list[Path]]
    objects: Callable[[Path], Iterator[Target]]
    side_px: int = VIEW_PX


def picture_of(image: Path) -> Rgb:
    """(h, w, 3) uint8 of an image file."""
    with Image.open(image) as opened:
        return np.asarray(opened.convert("RGB"))


def picture_digest(image: Path) -> str:
    """SHA-256 of an image's size and RGB values, so that a copy in another file format has the same."""
    rgb = np.ascontiguousarray(picture_of(image))
    return hashlib.sha256(f"{rgb.shape[0]}x{rgb.shape[1]}".encode() + rgb.tobytes()).hexdigest()


def cases_of(data: Path, set_name: str, count: int, *, seed: int = 0, learnt: bool = False) -> list[Case]:
    """*count* objects of a set, of as many images as there are: one of each, then a second. Fewer where it has fewer.

    The first *n* are the same whatever *count*. With *learnt* they are of the training part, to set a method's numbers on.
    """
    which = TABLE[set_name]
    folder = data / which.folder
    images = (which.learnt if learnt else which.held_out)(folder) if folder.is_dir() else []
    order = np.random.default_rng([seed, zlib.crc32(set_name.encode())]).permutation(len(images))
    taken: list[Case] = []
    remaining: dict[int, list[Target]] = {}
    while len(taken) < count and order.size:
        kept = []
        for index in order:
            if len(taken) == count:
                break
            if index not in remaining:
                found = [one for one in which.objects(images[index]) if one.mask.any()]
                np.random.default_rng([seed, int(index)]).shuffle(found)  # type: ignore[arg-type]
                remaining[index] = found[:4]
            if remaining[index]:
                taken.append(_case(set_name, images[index], remaining[index].pop(), which.side_px))
                kept.append(index)
        order = np.asarray(kept)
    return taken


def _case(set_name: str, image: Path, target: Target, side: int) -> Case:
    """What is seen in the window; the whole picture where it is no larger."""
    mask, (height, width) = target.mask, target.mask.shape
    rows, columns = np.nonzero(mask)
    middle = ((rows.min() + rows.max()) // 2 - side // 2, (columns.min() + columns.max()) // 2 - side // 2)
    wanted = target.view_yx or middle
    top, left = int(np.clip(wanted[0], 0, max(0, height - side))), int(np.clip(wanted[1], 0, max(0, width - side)))
    part = (slice(top, top + side), slice(left, left + side))
    known = np.ones(mask.shape, np.bool_) if target.known is None else target.known
    rgb = np.ascontiguousarray(picture_of(image)[part])
    return Case(set_name, f"{image.stem}:{target.name}", rgb, mask[part].copy(), known[part].copy())


# -- which images ------------------------------------------------------------------------------------------------------


def _listed(name: str) -> Callable[[Path], list[Path]]:
    return lambda folder: [folder / "images" / f"{stem}.jpg" for stem in (folder / f"{name}.txt").read_text().split()]


def _split(name: str) -> Callable[[Path], list[Path]]:
    return lambda folder: sorted(file for file in (folder / "images" / name).iterdir() if file.is_file())


def _part(chosen: slice) -> Callable[[Path], list[Path]]:
    return lambda folder: sorted((folder / "images").iterdir())[chosen]


# -- which objects -----------------------------------------------------------------------------------------------------


def _values(image: Path, folder: str = "masks") -> npt.NDArray[np.int32]:
    """The mask of the image's name in the folder beside ``images``."""
    parts = list(image.parts)
    parts[len(parts) - 1 - parts[::-1].index("images")] = folder
    with Image.open(Path(*parts).with_suffix(".png")) as opened:
        return np.asarray(opened).astype(np.int32)


def _parts_of(mask: Mask, least_px: int) -> Iterator[tuple[str, Mask]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for label in range(1, count):
        if least_px <= stats[label, cv2.CC_STAT_AREA] <= LARGEST_SHARE * mask.size:
            yield str(label), labels == label


def _bsds(image: Path) -> Iterator[Target]:
    people = sorted((image.parent.parent / "masks").glob(f"{image.stem}_*.png"))
    one = people[zlib.crc32(image.stem.encode()) % len(people)]
    with Image.open(one) as opened:
        regions = np.asarray(opened)
    for value in np.unique(regions):
        mask = regions == value
        if 0.005 <= mask.mean() <= LARGEST_SHARE:
            yield Target(f"{one.stem.rpartition('_')[2]}:{value}", mask)


def _medscribble(image: Path) -> Iterator[Target]:
    yield Target("mask", _values(image) > 127)


def _camvid(image: Path, is_car: bool) -> Iterator[Target]:
    values = _values(image)
    for value in range(11):
        if (value == CAR) == is_car:
            for name, mask in _parts_of(values == value, 300):
                yield Target(f"{value}:{name}", mask, values != 255)


def _isbi(image: Path) -> Iterator[Target]:
    for name, mask in _parts_of(_values(image) == 0, 300):
        yield Target(name, mask)


def _drive(image: Path) -> Iterator[Target]:
    values, side = _values(image), DRIVE_VIEW_PX
    for top in range(0, values.shape[0] - side + 1, side // 2):
        for left in range(0, values.shape[1] - side + 1, side // 2):
            part = (slice(top, top + side), slice(left, left + side))
            inside = np.zeros(values.shape, np.bool_)
            inside[part] = values[part] == 1
            if inside.sum() >= 0.02 * side * side and (values[part] == 255).mean() < 0.3:
                yield Target(f"{left},{top}", inside, values != 255, (top, left))


def _nuclei(image: Path) -> Iterator[Target]:
    ids = _values(image, "objects")
    for value in np.unique(ids[ids > 0]):
        mask = ids == value
        if mask.sum() >= 60:
            yield Target(str(value), mask)


TABLE = {
    "bsds": ImageSet("bsds500", _listed("val"), _listed("train"), _bsds),
    "medscribble": ImageSet("medscribble", _part(slice(0, None, 2)), _part(slice(1, None, 2)), _medscribble),
    "camvid-cars": ImageSet("camvid", _split("test"), _split("train"), lambda image: _camvid(image, True)),
    "camvid": ImageSet("camvid", _split("test"), _split("train"), lambda image: _camvid(image, False)),
    "isbi": ImageSet("isbi2012", _part(slice(20, 25)), _part(slice(0, 20)), _isbi),
    "drive": ImageSet("drive", _split("test"), _split("train"), _drive, DRIVE_VIEW_PX),
    "nuclei": ImageSet("nuclei", _split("test"), _split("train"), _nuclei),
}
