"""Index masks of medical volumes: a NIfTI file that lies on the volume voxel by voxel."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.nifti_labels import grid_of, write_labels
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.run import propose
from segstudio.ml.inference.volumes import propose_planes, sees_volumes
from segstudio.ml.refine.masks import refine_mask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.progress import ProgressSink
    from segstudio.io.readers.base import ImageReader
    from segstudio.ml.api import AnySegmenter

SUFFIX = ".nii.gz"


def volume_name(path: Path) -> str:
    """The mask's file name where *path* is a NIfTI file or a DICOM series, "" for any other image, readable or not."""
    from segstudio.io.readers.registry import find_reader, probe

    try:
        kind = find_reader(path).name
        if kind == "NIfTI":
            lower = path.name.lower()
            end = next((end for end in (SUFFIX, ".nii") if lower.endswith(end)), "")
            return path.name[: len(path.name) - len(end)] + SUFFIX
        if kind == "DICOM":
            info = probe(path)
            if info.depth > 1:
                return str(info.metadata.get("name", path.name)).rsplit(".", 1)[0] + SUFFIX
    except UserError:
        pass  # said when it is read
    return ""


def predict_volume(
    segmenter: AnySegmenter, image: Path, file: Path, options: dict[str, Any]
) -> tuple[tuple[int, int, int], npt.NDArray[np.int64], int | None]:
    """Write the class index of every voxel of *image* to *file*, plane by plane.

    *options* are those of :func:`segstudio.ml.inference.run.propose`.

    Returns
    -------
    tuple
        ((width, height, depth), voxels of each class index, objects found or None).

    Raises
    ------
    UserError
        When the volume cannot be read or the mask cannot be written.
    """
    from segstudio.io.readers.registry import open_image

    card = segmenter.card
    counts = np.zeros(max(1, len(card.classes)), np.int64)
    found = 0
    with closing(open_image(image)) as reader:
        info = reader.info
        grid = grid_of(info.path, info)

        def planes() -> Iterator[npt.NDArray[Any]]:
            nonlocal found
            whole = _all_planes(segmenter, reader, options) if sees_volumes(segmenter) else None
            for z in range(info.depth):
                mask, objects = _plane(segmenter, reader, z, options) if whole is None else (whole[z], 0)
                found += objects
                counts[:] += np.bincount(mask.ravel(), minlength=len(counts))[: len(counts)]
                yield mask

        write_labels(file, grid, planes(), np.uint8 if len(card.classes) <= 256 else np.uint16)
    return (info.width, info.height, info.depth), counts, found if card.task == "instance" or found else None


def _all_planes(segmenter: AnySegmenter, reader: ImageReader, options: dict[str, Any]) -> npt.NDArray[Any]:
    """(z, y, x) class indices by a model for volumes, whose windows hold many planes."""
    info = reader.info
    masks = np.zeros(
        (info.depth, info.height, info.width), np.uint8 if len(segmenter.card.classes) <= 256 else np.uint16
    )
    for z, result in propose_planes(segmenter, reader, range(info.depth), **options):
        assert not isinstance(result, ObjectResult)
        masks[(z, *result.rect.slices)] = result.class_index
    return masks


def _plane(
    segmenter: AnySegmenter, reader: ImageReader, z: int, options: dict[str, Any]
) -> tuple[npt.NDArray[Any], int]:
    info = reader.info
    progress: ProgressSink = options["progress"]

    def sink(done: float, total: float, what: str) -> None:
        progress(z + (done / total if total else 0.0), info.depth, what)

    mask = np.zeros((info.height, info.width), np.uint8 if len(segmenter.card.classes) <= 256 else np.uint16)
    count = 0
    for result in propose(segmenter, reader, **{**options, "z": z, "progress": sink}):
        if isinstance(result, ObjectResult):
            count += 1
            part = mask[result.rect.slices]
            part[result.mask & (part == 0)] = result.class_index
        else:
            mask[result.rect.slices] = result.class_index
    refinement = options.get("refinement")
    if refinement is not None and segmenter.card.task != "semantic":
        refine_mask(reader, mask.copy(), mask, refinement, z, segmenter.device, sink, options["cancel"])
    return mask, count
