"""Reading NIfTI label maps: laid on their image by the affines, by turning axes alone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.grid_match import GridMatch, match_grids
from segstudio.core.layer_builder import ClassPixels
from segstudio.core.volumes import DisplayOrder
from segstudio.io.dataset_volumes import is_nifti_name, stem_of
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import ClassList, read_class_list, rows_of
from segstudio.io.formats.nifti_found import LabelFile, NiftiFiles, label_folders
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.project_images import ProjectImages
from segstudio.io.formats.safety import Limits, read_json
from segstudio.io.formats.value_map import ValueMap, classes_of_values, whole_values
from segstudio.io.readers.limits import sentences
from segstudio.io.readers.nifti import NiftiLayout, NiftiVoxels, is_nifti, layout_of, load_nifti
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.io.readers.base import ImageInfo

_RESAMPLE = "resample the label map onto the image's grid (nearest neighbour) in the program that made it"


@dataclass(frozen=True)
class _Labels:
    """A label file by its header: ``shape`` (x, y, z) and ``affine`` as shown, ``is_placed`` if it says where it lies."""

    layout: NiftiLayout
    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64] | None
    is_placed: bool


class NiftiImporter:
    """Reads folders of label maps (ours, nnU-Net's, the decathlon's, case folders) or one label file.

    Option ``images``: "" for the images beside the labels, or a mapping of the project's image names to files, which go first.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._source = source
        self._limits = limits
        self._files = NiftiFiles(source)
        self._mine = ProjectImages(options.get("images", ""))

    @staticmethod
    def looks_like(source: Path) -> int:
        """By the names of folders, and that a file begins as NIfTI does."""
        if source.is_file():
            with source.open("rb") as stream:
                return 60 if is_nifti(stream.read(4096)) else 0
        if not source.is_dir():
            return 0
        if next(iter(label_folders(source)), None) is not None:
            return 90
        places = [source, *(path for path in islice(source.iterdir(), 20) if path.is_dir())]
        return 50 if any(is_nifti_name(path) for place in places for path in islice(place.iterdir(), 50)) else 0

    @cached_property
    def _list(self) -> ClassList:
        """The classes: of a list in the folder or above the labels, of our sidecars, or of the values there are."""
        root = self._files.root
        for folder in (root, root.parent) if root.name.lower().startswith(("label", "mask", "seg")) else (root,):
            found = read_class_list(folder, self._limits)
            if found is not None:
                break
        else:
            found = self._of_sidecars() or self._of_values()
        for problem in found.problems:
            self.problems.once(problem.where, problem.sentence, problem.count)
        return found

    def _of_sidecars(self) -> ClassList | None:
        for file in islice(NiftiFiles(self._source), 1):
            sidecar = _sidecar(file.labels)
            if sidecar.is_file():
                found = rows_of(read_json(sidecar, self._limits), sidecar.name)
                return found if found.classes else None
        return None

    def _of_values(self) -> ClassList:
        values: set[int] = set()
        for file in NiftiFiles(self._source):
            with contextlib.suppress(UserError):
                for plane in _planes(file.labels, _read(file.labels)):
                    values |= set(np.flatnonzero(np.bincount(whole_values(plane)[0].ravel())).tolist())
        ignored = {255 if max(values, default=0) <= 255 else 65535}
        return ClassList(classes_of_values(values, ignored), ignored)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of the list; where there is none, one for each value (that reads all the label files)."""
        return self._list.classes

    def images(self) -> Iterator[FoundImage]:
        """Each label file with its image."""
        self._list  # noqa: B018 - read before the first label file: its problems come first
        files = NiftiFiles(self._source)
        for file in files:
            yield self._found(file)
        for problem in files.problems:
            self.problems.once(problem.where, problem.sentence, problem.count)

    def _found(self, file: LabelFile) -> FoundImage:
        mine = self._mine.find(file.stem, stem_of(file.image) if file.image else file.stem)
        name, image = mine if mine else (file.image.name if file.image else f"{file.stem}.nii.gz", file.image)
        reason = "" if image else "Its image is not in the dataset"
        size = (0, 0, 1)
        try:
            info = probe(image) if image else None
        except UserError as error:
            image, info, reason = None, None, str(error)
        try:
            size = (info.width, info.height, info.depth) if info else _read(file.labels).shape
        except UserError as error:
            reason = str(error)

        def open_labels(cancel: Cancel) -> Iterator[Piece]:
            return self._pieces(file, image, cancel)

        return FoundImage(name, image, *size[:2], open_labels, size[2], file.split, reason=reason)

    def _ignored(self, labels: Path) -> set[int]:
        """The values of ignored voxels: as the file's sidecar or the class list says, else the highest of its type."""
        with contextlib.suppress(UserError):
            sidecar = _sidecar(labels)
            said = rows_of(read_json(sidecar, self._limits), "").ignored if sidecar.is_file() else set()
            if said:
                return said
        owned = {item.value for item in self.classes}
        return self._list.ignored or {value for value in (255, 65535) if value not in owned}

    def _pieces(self, file: LabelFile, image: Path | None, cancel: Cancel) -> Iterator[Piece]:
        labels = _read(file.labels)
        values = ValueMap(self.classes, self._ignored(file.labels))
        with self.problems.of(file.labels.name) as note:
            if image is None:
                for z, plane in enumerate(_planes(file.labels, labels)):
                    check(cancel)
                    yield ClassPixels(0, 0, values.indices(plane, note), z)
                return
            match, is_said = _lie(file.labels, labels, image)
            if not is_said:
                note("The label map does not say where it lies: it is laid on its image voxel by voxel")
            turned = match.order.shown(_volume(file.labels, labels, values, note, cancel))
            x, y, z = match.offset
            for index in range(turned.shape[2]):
                check(cancel)
                yield ClassPixels(x, y, np.ascontiguousarray(turned[:, :, index].T), z + index)

    def close(self) -> None:
        """Nothing is kept open."""


def _sidecar(labels: Path) -> Path:
    return labels.with_name(f"{stem_of(labels)}.json")


def _read(path: Path) -> _Labels:
    """The label file's header.

    Raises
    ------
    UserError
        When it is no NIfTI file, or has more than one value a voxel.
    """
    with sentences(path):
        layout = layout_of(path, load_nifti(path))
        if layout.bands != 1:
            remedy = "save one label map of them, with a value for each class"
            raise UserError(f"The label file has {layout.bands} values a voxel", path=path, remedy=remedy)
        info = probe(path)
        affine = info.metadata.get("affine")
        codes = [int(layout.header[name]) for name in ("sform_code", "qform_code")]
        matrix = None if affine is None else np.asarray(affine, np.float64)
        return _Labels(layout, (info.width, info.height, info.depth), matrix, matrix is not None and any(codes))


def _planes(path: Path, labels: _Labels) -> Iterator[npt.NDArray[Any]]:
    """(y, x) values of each plane as shown."""
    with sentences(path):
        voxels = NiftiVoxels(path, load_nifti(path), labels.layout)
        for z in range(labels.shape[2]):
            yield voxels.plane(z)[:, :, 0]


def _volume(path: Path, labels: _Labels, values: ValueMap, note: Any, cancel: Cancel = NEVER) -> npt.NDArray[np.uint16]:
    """(x, y, z) class indices as shown."""
    volume = np.empty(labels.shape[::-1], np.uint16)
    for z, plane in enumerate(_planes(path, labels)):
        check(cancel)
        volume[z] = values.indices(plane, note)
    return volume.transpose(2, 1, 0)


def _lie(path: Path, labels: _Labels, image: Path) -> tuple[GridMatch, bool]:
    """(how the shown label map lies on the shown image, False where only the label map does not say it).

    Raises
    ------
    UserError
        When the grids differ by more than the order of axes.
    """
    info = probe(image)
    onto = info.metadata.get("affine")
    if onto is not None and labels.is_placed and labels.affine is not None:
        match = match_grids(onto, labels.affine, labels.shape)
        if match is not None:
            return match, True
        plain = _as_stored(labels, image, info) if _says_nothing(labels.layout.affine) else None
        if plain is None:
            raise UserError(
                f"The label map lies on another grid than its image {image.name}", path=path, remedy=_RESAMPLE
            )
        return plain, False
    plain = _as_stored(labels, image, info)
    is_said = onto is None
    if plain is None:
        sides = " × ".join(str(side) for side in labels.layout.shape)
        raise UserError(
            f"The label map has {sides} voxels, its image {image.name} {info.width} × {info.height} × {info.depth}",
            path=path,
            remedy=_RESAMPLE,
        )
    return plain, is_said


def _says_nothing(affine: npt.NDArray[np.float64] | None) -> bool:
    """Whether an affine is what programs write that lost the image's: no turn and no origin."""
    return affine is None or bool(np.allclose(affine, np.diag(np.abs(np.diag(affine))), atol=1e-6))


def _as_stored(labels: _Labels, image: Path, info: ImageInfo) -> GridMatch | None:
    """Voxel by voxel in the files' own order; None where the sizes differ."""
    shape, order = (info.width, info.height, info.depth), DisplayOrder()
    if info.metadata.get("format") == "NIfTI":
        with sentences(image):
            layout = layout_of(image, load_nifti(image))
        shape, order = layout.shape, layout.order
    if labels.layout.shape != shape:
        return None
    own = labels.layout.order
    # Shown labels → stored labels = stored image → shown image.
    axes = [own.axes.index(axis) for axis in order.axes]
    flips = [order.flips[k] != own.flips[axis] for k, axis in enumerate(axes)]
    return GridMatch(DisplayOrder((axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2])), (0, 0, 0))
