"""Dataset folders for training, evaluation and conversion: ``voc:PATH``, ``camvid:PATH``, ``folder:IMAGES,MASKS``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

IGNORE_8BIT = 255
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
SPLITS = ("train", "val", "test")
CAMVID_CLASSES = (
    ("sky", "#808080"), ("building", "#800000"), ("pole", "#c0c080"), ("road", "#804080"), ("pavement", "#3c28de"),
    ("tree", "#808000"), ("sign-symbol", "#c08080"), ("fence", "#404080"), ("car", "#400080"), ("pedestrian", "#404000"),
    ("bicyclist", "#0080c0"),
)  # fmt: skip
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

MaskArray = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True)
class DatasetClass:
    """A class of a dataset: the value its pixels have in the masks, its name and colour ("" = not given)."""

    value: int
    name: str
    color: str = ""


@dataclass(frozen=True)
class Sample:
    """An image and the file of its mask; ``split`` is "train", "val", "test" or None."""

    name: str
    image: Path
    mask: Path
    split: str | None
    ignore_values: frozenset[int] = frozenset({IGNORE_8BIT})

    def load_mask(self) -> MaskArray:
        """(y, x) uint8 or uint16 mask values; ignored pixels are 255 (65535 in uint16).

        Raises
        ------
        UserError
            When the file is missing, damaged or no index mask.
        """
        values = read_index_mask(self.mask)
        other = [v for v in self.ignore_values if v != IGNORE_8BIT]
        if other:
            values = values.copy()
            values[np.isin(values, other)] = IGNORE_8BIT if values.dtype == np.uint8 else 65535
        return values


@dataclass(frozen=True)
class DatasetFolder:
    """A dataset: its classes (empty where only the masks' values tell) and samples."""

    spec: str
    classes: tuple[DatasetClass, ...]
    samples: tuple[Sample, ...]

    def of_split(self, split: str) -> tuple[Sample, ...]:
        """The samples of one split."""
        return tuple(s for s in self.samples if s.split == split)


def read_index_mask(path: Path) -> MaskArray:
    """(y, x) values of an index mask: palette indices, or grey of 8 or 16 bits.

    Raises
    ------
    UserError
        When the file cannot be read or holds colours instead of indices.
    """
    try:
        with Image.open(path) as image:
            if image.mode == "1":
                return np.asarray(image.convert("L"), np.uint8)
            if image.mode not in {"P", "L", "I;16", "I"}:
                raise UserError(
                    f"the mask has mode {image.mode}, not one index a pixel",
                    path=path,
                    remedy="save it as palette or grey PNG",
                )
            values: npt.NDArray[Any] = np.asarray(image)
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"the mask cannot be read ({error})", path=path, remedy="restore the file or leave it out"
        ) from error
    return values if values.dtype == np.uint8 else values.astype(np.uint16)


def parse_data_spec(spec: str) -> DatasetFolder:
    """The dataset that *spec* names.

    Raises
    ------
    UserError
        For an unknown kind, a missing folder, or a dataset without a pair of image and mask.
    """
    kind, _, rest = spec.partition(":")
    reader = _READERS.get(kind)
    if reader is None or not rest:
        raise UserError(
            f"--data {spec} names no dataset", remedy=f"write one of {', '.join(k + ':…' for k in _READERS)}"
        )
    folder = reader(spec, rest)
    if not folder.samples:
        raise UserError("no image with a mask was found", path=rest, remedy="masks must be named as the images, as PNG")
    return folder


def _existing(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UserError("this folder does not exist", path=path, remedy="check the path after --data")
    return path


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def _pairs(
    images: Path, masks: Path, split: str | None, ignore: frozenset[int] = frozenset({IGNORE_8BIT})
) -> list[Sample]:
    found = []
    for image in _files(images):
        mask = next((m for s in MASK_SUFFIXES if (m := masks / f"{image.stem}{s}").is_file()), None)
        if mask is not None:
            found.append(Sample(f"{split}/{image.name}" if split else image.name, image, mask, split, ignore))
    return found


def _split_pairs(images: Path, masks: Path) -> list[Sample]:
    splits = [s for s in SPLITS if (images / s).is_dir() and (masks / s).is_dir()]
    if splits:
        return [sample for s in splits for sample in _pairs(images / s, masks / s, s)]
    return _pairs(images, masks, None)


def _classes_file(*folders: Path) -> tuple[DatasetClass, ...]:
    for folder in folders:
        file = folder / "classes.json"
        if file.is_file():
            try:
                rows = json.loads(file.read_text(encoding="utf-8-sig"))
                return tuple(DatasetClass(int(r["value"]), str(r["name"]), str(r.get("color", ""))) for r in rows)
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise UserError(
                    f"the class list cannot be read ({error})", path=file, remedy='it is [{"value", "name", "color"}]'
                ) from error
    return ()


def _folder(spec: str, rest: str) -> DatasetFolder:
    parts = rest.split(",")
    if len(parts) != 2:
        raise UserError(f"--data {spec} needs two folders", remedy="write folder:IMAGES,MASKS")
    images, masks = _existing(parts[0]), _existing(parts[1])
    return DatasetFolder(spec, _classes_file(masks, masks.parent), tuple(_split_pairs(images, masks)))


def _camvid(spec: str, rest: str) -> DatasetFolder:
    root = _existing(rest)
    classes = tuple(DatasetClass(i, name, color) for i, (name, color) in enumerate(CAMVID_CLASSES))
    if (root / "images").is_dir() and (root / "masks").is_dir():
        return DatasetFolder(spec, classes, tuple(_split_pairs(root / "images", root / "masks")))
    samples: list[Sample] = []
    for split in SPLITS:
        images, masks = root / split, root / f"{split}annot"
        if images.is_dir() and masks.is_dir():
            samples += _pairs(images, masks, split, frozenset({11, IGNORE_8BIT}))
    return DatasetFolder(spec, classes, tuple(samples))


def _voc(spec: str, rest: str) -> DatasetFolder:
    root = _existing(rest)
    inner = sorted(root.glob("VOC2*")) or sorted(root.glob("VOCdevkit/VOC2*"))
    root = inner[-1] if inner and not (root / "SegmentationClass").is_dir() else root
    masks, images = root / "SegmentationClass", root / "JPEGImages"
    if not masks.is_dir() or not images.is_dir():
        raise UserError("this is no VOC dataset", path=root, remedy="it holds JPEGImages and SegmentationClass")
    by_stem = {p.stem: p for p in _files(images)}
    samples: list[Sample] = []
    seen: set[str] = set()
    for split in SPLITS:
        listing = root / "ImageSets" / "Segmentation" / f"{split}.txt"
        for name in listing.read_text(encoding="utf-8").split() if listing.is_file() else ():
            if name in by_stem and (masks / f"{name}.png").is_file() and name not in seen:
                seen.add(name)
                samples.append(Sample(by_stem[name].name, by_stem[name], masks / f"{name}.png", split))
    if not samples:
        samples = _pairs(images, masks, None)
    classes = _classes_file(root) or tuple(DatasetClass(i, name) for i, name in enumerate(VOC_CLASSES))
    return DatasetFolder(spec, classes, tuple(samples))


_READERS: dict[str, Callable[[str, str], DatasetFolder]] = {"camvid": _camvid, "folder": _folder, "voc": _voc}
