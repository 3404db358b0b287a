"""Dataset folders for training, evaluation and conversion: ``voc:PATH``, ``camvid:PATH``, ``folder:IMAGES,MASKS`` …

Imports neither the project store nor a settings library: training starts where only the learning libraries are.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.io.dataset_volumes import NIFTI_ENDS, is_nifti_name, mask_plane, plane_samples, stem_of
from segstudio.io.readers.limits import check_size, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.io.readers.base import ImageReader

IGNORE_8BIT = 255
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
OBJECTS_FOLDER = "objects"
"""Beside a folder of masks: masks of object ids, 8 or 16 bits, 0 = none."""
SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = {**{s: s for s in SPLITS}, "training": "train", "validation": "val", "valid": "val", "testing": "test"}
"""Names that folders of splits have → split."""
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
    """An image and the file of its mask; ``split`` is "train", "val", "test" or None.

    ``objects`` is a mask of object ids, where the dataset has one; ids below ``lowest_object`` are no objects. Of a volume of
    ``depth`` planes it is plane ``z``. With ``has_ids`` the mask itself holds object ids: whatever is not 0 is class 1.
    """

    name: str
    image: Path
    mask: Path
    split: str | None
    ignore_values: frozenset[int] = frozenset({IGNORE_8BIT})
    objects: Path | None = None
    lowest_object: int = 1
    z: int = 0
    depth: int = 1
    has_ids: bool = False

    def load_mask(self) -> MaskArray:
        """(y, x) uint8 or uint16 mask values; ignored pixels are 255 (65535 in uint16).

        Raises
        ------
        UserError
                When the file is missing, damaged, no index mask, or of another size than the image.
        """
        values = self._values(self.mask)
        self.check_size(values)
        if self.has_ids:
            return (values > 0).astype(np.uint8)
        other = [v for v in self.ignore_values if v != IGNORE_8BIT]
        if other:
            values = values.copy()
            values[np.isin(values, other)] = IGNORE_8BIT if values.dtype == np.uint8 else 65535
        return values

    def load_objects(self) -> npt.NDArray[np.int32] | None:
        """(y, x) int32 ids of the objects, 0 = none; None where the dataset tells of none. UserError as for the mask."""
        if self.objects is None:
            return None
        values = self._values(self.objects)
        self.check_size(values, self.objects)
        none = IGNORE_8BIT if values.dtype == np.uint8 else 65535
        return np.where((values < self.lowest_object) | (values == none), 0, values).astype(np.int32)

    def _values(self, file: Path) -> MaskArray:
        if self.depth > 1 or is_nifti_name(file):
            return mask_plane(file, self.z)
        return read_index_mask(file)

    def open_windows(self) -> ImageReader | None:
        """A reader of the mask's values in windows; None where only all of it can be read."""
        return None if self.has_ids or self.depth > 1 else open_grey_tiff(self.mask)

    def check_size(self, values: npt.NDArray[Any], file: Path | None = None) -> None:
        """UserError when the mask is not of the image's size."""
        from segstudio.io.readers.registry import probe

        info = probe(self.image)
        if values.shape != (info.height, info.width):
            raise UserError(
                f"the mask is {values.shape[1]} × {values.shape[0]} pixels but its image {self.image.name} is "
                f"{info.width} × {info.height}",
                path=file or self.mask,
                remedy="make the mask anew at the image's size, or leave both out",
            )


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
    with sentences(path), Image.open(path, formats=("PNG", "TIFF", "BMP", "GIF")) as image:
        check_size(path, image.width, image.height, 2, path.stat().st_size)
        if image.mode not in {"1", "P", "L", "I;16", "I;16B", "I"}:
            raise UserError(
                f"The mask has colours ({image.mode}), not one class index a pixel",
                path=path,
                remedy="save it as a palette or grey PNG",
            )
        values: npt.NDArray[Any] = np.asarray(image)
        if values.dtype == np.bool_:
            return values.astype(np.uint8)
        if values.dtype != np.uint8 and values.size and (values.min() < 0 or values.max() > 65535):
            raise UserError("The mask holds values that no class has", path=path, remedy="keep them from 0 to 65535")
    return values if values.dtype == np.uint8 else values.astype(np.uint16)


def open_grey_tiff(path: Path) -> ImageReader | None:
    """A reader of a grey TIFF of 8 or 16 bits, whose windows cost no more than themselves; None for any other file.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    from segstudio.io.geo_tags import TIFF_SUFFIXES
    from segstudio.io.readers.registry import open_image

    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with sentences(path), Image.open(path, formats=("TIFF",)) as image:
        if image.mode not in {"L", "I;16", "I;16B"} or getattr(image, "n_frames", 1) > 1:
            return None
    return open_image(path)


def parse_data_spec(spec: str) -> DatasetFolder:
    """The dataset that *spec* names.

    Raises
    ------
    UserError
        For an unknown kind, a missing folder, or a dataset without a pair of image and mask.
    """
    kind, _, rest = spec.partition(":")
    target = READERS.get(kind)
    if target is None or not rest:
        raise UserError(
            f"--data {spec} names no dataset", remedy=f"write one of {', '.join(k + ':…' for k in READERS)}"
        )
    module, _, name = target.partition(":")
    reader: Callable[[str, str], DatasetFolder] = getattr(importlib.import_module(module), name)
    folder = reader(spec, rest)
    if not folder.samples:
        raise UserError("no image with a mask was found", path=rest, remedy="masks must be named as the images, as PNG")
    return folder


def existing_folder(text: str) -> Path:
    """The folder that *text* names; UserError when there is none."""
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UserError("this folder does not exist", path=path, remedy="check the path after --data")
    return path


def _files(folder: Path) -> list[Path]:
    return sorted(
        p for p in folder.iterdir() if (p.suffix.lower() in IMAGE_SUFFIXES or is_nifti_name(p)) and p.is_file()
    )


def mask_pairs(
    images: Path,
    masks: Path,
    split: str | None,
    ignore: frozenset[int] = frozenset({IGNORE_8BIT}),
    objects: Path | None = None,
) -> list[Sample]:
    """The images of a folder that have a mask of the same stem in another folder; a mask of objects, too, in *objects*."""
    found = []
    for image in _files(images):
        mask = _mask_of(image, masks)
        if mask is not None:
            ids = None if objects is None else _mask_of(image, objects)
            name = f"{split}/{image.name}" if split else image.name
            found += plane_samples(Sample(name, image, mask, split, ignore, objects=ids))
    return found


def _mask_of(image: Path, folder: Path) -> Path | None:
    ends = (*MASK_SUFFIXES, *NIFTI_ENDS)
    return next((m for s in ends if (m := folder / f"{stem_of(image)}{s}").is_file()), None)


def _objects_beside(masks: Path) -> Path | None:
    """The folder ``objects`` beside one of ``masks``."""
    folder = masks.parent / OBJECTS_FOLDER
    return folder if masks.name != OBJECTS_FOLDER and folder.is_dir() else None


def _split_pairs(images: Path, masks: Path) -> list[Sample]:
    splits = [(name, s) for name, s in SPLIT_FOLDERS.items() if (images / name).is_dir() and (masks / name).is_dir()]
    objects = _objects_beside(masks)
    if splits:
        return [
            sample
            for name, s in splits
            for sample in mask_pairs(
                images / name, masks / name, s, objects=None if objects is None else objects / name
            )
        ]
    return mask_pairs(images, masks, None, objects=objects)


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
    first, _, rest = rest.partition(",")
    second, _, kind = rest.partition(",")
    if not second or kind not in ("", "objects"):
        raise UserError(
            f"--data {spec} needs two folders", remedy="write folder:IMAGES,MASKS (folder:IMAGES,IDS,objects for ids)"
        )
    image, mask = Path(first).expanduser(), Path(second).expanduser()
    if image.is_file() and mask.is_file():
        samples, classes = plane_samples(Sample(image.name, image, mask, None)), _classes_file(mask.parent)
    else:
        images, masks = existing_folder(first), existing_folder(second)
        samples, classes = _split_pairs(images, masks), _classes_file(masks, masks.parent)
    if kind:
        samples = [replace(sample, has_ids=True, objects=sample.mask) for sample in samples]
        classes = (DatasetClass(0, "background"), DatasetClass(1, "object"))
    return DatasetFolder(spec, classes, tuple(samples))


def _camvid(spec: str, rest: str) -> DatasetFolder:
    root = existing_folder(rest)
    classes = tuple(DatasetClass(i, name, color) for i, (name, color) in enumerate(CAMVID_CLASSES))
    if (root / "images").is_dir() and (root / "masks").is_dir():
        return DatasetFolder(spec, classes, tuple(_split_pairs(root / "images", root / "masks")))
    samples: list[Sample] = []
    for split in SPLITS:
        images, masks = root / split, root / f"{split}annot"
        if images.is_dir() and masks.is_dir():
            samples += mask_pairs(images, masks, split, frozenset({11, IGNORE_8BIT}))
    return DatasetFolder(spec, classes, tuple(samples))


def _voc(spec: str, rest: str) -> DatasetFolder:
    root = existing_folder(rest)
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
        for line in listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else ():
            name = line.strip()
            if name in by_stem and (masks / f"{name}.png").is_file() and name not in seen:
                seen.add(name)
                mask, ids = masks / f"{name}.png", root / "SegmentationObject" / f"{name}.png"
                objects = ids if ids.is_file() else None
                samples.append(Sample(by_stem[name].name, by_stem[name], mask, split, objects=objects))
    if not samples:
        samples = mask_pairs(images, masks, None, objects=root / "SegmentationObject")
    classes = _classes_file(root) or tuple(DatasetClass(i, name) for i, name in enumerate(VOC_CLASSES))
    return DatasetFolder(spec, classes, tuple(samples))


READERS: dict[str, str] = {
    "camvid": "segstudio.io.datasets:_camvid",
    "folder": "segstudio.io.datasets:_folder",
    "voc": "segstudio.io.datasets:_voc",
    "coco": "segstudio.io.dataset_coco:read_coco",
    "ade20k": "segstudio.io.dataset_scenes:read_ade20k",
    "cityscapes": "segstudio.io.dataset_scenes:read_cityscapes",
}
"""Kind of dataset → "module:function" that reads (spec, what follows the kind)."""
