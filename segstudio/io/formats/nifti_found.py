"""Which NIfTI files of a folder are labels, and of which images: our layout, nnU-Net's, the decathlon's, and case folders."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.io.dataset_volumes import is_nifti_name, stem_of
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import Problem
from segstudio.io.formats.safety import is_link_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = re.compile(
    r"(labels?|masks?|segmentations?|segs?|annotations?|ground_?truth|gt)((?:_?(?:tr|ts|train|val|test))?)", re.I
)
_IMAGES = ("images", "image", "imgs", "volumes", "img", "scans")
_OF_LABELS = re.compile(r"^(.*)[-_.](?:seg|segmentation|labels?|mask|labelmap|gt|dseg|roi)\d*$", re.I)
_CHANNEL = re.compile(r"^(.*)_(\d{4})$")
_SPLIT_ENDS = {"tr": "train", "ts": "test", "train": "train", "val": "val", "test": "test"}


@dataclass(frozen=True)
class LabelFile:
    """A label map and the image it belongs to (None: not there)."""

    stem: str
    labels: Path
    image: Path | None
    split: str | None = None


class NiftiFiles:
    """The label files of a folder or of one file, in a fixed order; ``problems`` tells what is passed over."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.root = source if source.is_dir() else source.parent
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[LabelFile]:
        if self.source.is_file():
            yield self._alone(self.source)
            return
        folders = list(label_folders(self.root))
        if folders:
            for folder, ending, split in folders:
                yield from self._of_folder(folder, ending, split)
            return
        yield from self._of_cases()

    def _alone(self, file: Path) -> LabelFile:
        folder = file.parent
        match = _FOLDER.fullmatch(folder.name)
        if match:
            images = _images_beside(folder, match[2])
            return LabelFile(stem_of(file), file, _image_of(stem_of(file), images))
        return LabelFile(*self._case_of(file, self._listed(folder)))

    def _listed(self, folder: Path) -> list[Path]:
        """The NIfTI files in *folder*; links that lead out are told of."""
        found = []
        for path in sorted(folder.iterdir()):
            if not is_nifti_name(path) or path.name.startswith(".") or not path.is_file():
                continue
            if is_link_out(path, self.root):
                self.problems.append(Problem(path.name, "The link leads out of the dataset: it is not followed"))
                continue
            found.append(path)
        return found

    def _of_folder(self, folder: Path, ending: str, split: str | None) -> Iterator[LabelFile]:
        images = _images_beside(folder, ending) if split is None or ending else _split_images(folder)
        labels = self._listed(folder)
        used = set()
        for file in labels:
            stem = stem_of(file)
            image = _image_of(stem, images)
            used.add(stem)
            yield LabelFile(stem, file, image, split)
        without = {_channel_stem(stem) for stem in images} - used - {stem for stem in images if stem in used}
        if without:
            self.problems.append(Problem(folder.name, "Images without a label file do not come", len(without)))

    def _of_cases(self) -> Iterator[LabelFile]:
        """Files that are called labels, beside their images; where none is, every file is taken for labels."""
        for place, folders, _ in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files = self._listed(Path(place))
            named = [file for file in files if _OF_LABELS.match(stem_of(file))]
            if named:
                for file in named:
                    yield LabelFile(*self._case_of(file, files))
            elif place == str(self.root) and not folders:
                for file in files:
                    yield LabelFile(stem_of(file), file, None)

    def _case_of(self, file: Path, files: list[Path]) -> tuple[str, Path, Path | None]:
        """(stem, labels, image): the image is called as the labels without their ending, or begins so."""
        match = _OF_LABELS.match(stem_of(file))
        if match is None:
            return stem_of(file), file, None
        others = {stem_of(path): path for path in files if not _OF_LABELS.match(stem_of(path))}
        if match[1] in others:
            return match[1], file, others[match[1]]
        near = [path for stem, path in others.items() if re.match(rf"{re.escape(match[1])}[-_.]", stem)]
        if len(near) > 1:
            self.problems.append(
                Problem(file.name, f"It has {len(near)} images beside it: the labels go to {near[0].name}")
            )
        return (stem_of(near[0]), file, near[0]) if near else (match[1], file, None)


def label_folders(root: Path) -> Iterator[tuple[Path, str, str | None]]:
    """(folder of label files, the ending of its name, split) of a dataset; nothing where the folders are not called so."""
    named = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    for folder in named:
        match = _FOLDER.fullmatch(folder.name)
        if match is None:
            continue
        split = _SPLIT_ENDS.get(match[2].strip("_").lower())
        if _has_nifti(folder):
            yield folder, match[2], split
        for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
            if below.name.lower() in SPLIT_FOLDERS and _has_nifti(below):
                yield below, "", SPLIT_FOLDERS[below.name.lower()]
    for folder in named:
        if folder.name.lower() in SPLIT_FOLDERS:
            for below, ending, _ in label_folders(folder):
                yield below, ending or "/", SPLIT_FOLDERS[folder.name.lower()]
    if not named and _FOLDER.fullmatch(root.name) and _has_nifti(root):
        match = _FOLDER.fullmatch(root.name)
        yield root, match[2] if match else "", None


def _has_nifti(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(is_nifti_name(Path(entry.name)) and not entry.name.startswith(".") for entry in entries)


def _images_beside(folder: Path, ending: str) -> dict[str, Path]:
    """Stem → image of the folder of images that belongs to a folder of labels (``labelsTr`` → ``imagesTr``)."""
    ending = ending.strip("/")
    for place in sorted(folder.parent.iterdir()) if folder.parent.is_dir() else ():
        if place.is_dir() and place.name.lower() in {name + ending.lower() for name in _IMAGES}:
            return _by_stem(place, folder.parent)
    return {}


def _split_images(folder: Path) -> dict[str, Path]:
    """As :func:`_images_beside`, for ``labels/train`` → ``images/train``."""
    for name in sorted(folder.parent.parent.iterdir()):
        place = name / folder.name
        if name.name.lower() in _IMAGES and place.is_dir():
            return _by_stem(place, folder.parent.parent)
    return {}


def _by_stem(folder: Path, root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_nifti_name(path) and not path.name.startswith(".") and path.is_file() and not is_link_out(path, root):
            found.setdefault(stem_of(path), path)
    return found


def _channel_stem(stem: str) -> str:
    match = _CHANNEL.match(stem)
    return match[1] if match else stem


def _image_of(stem: str, images: dict[str, Path]) -> Path | None:
    """The image of that stem, or its first channel (nnU-Net's ``_0000``)."""
    return images.get(stem) or images.get(f"{stem}_0000")
