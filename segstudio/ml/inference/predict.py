"""Index masks of image files, without a project."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from segstudio.core.cancel import NEVER
from segstudio.core.classes import PALETTE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.io.atomic import disk_error, sync_file, temp_sibling, write_bytes_atomic
from segstudio.io.geo_tags import read_geo_tags
from segstudio.io.geotiff import strips_of, write_geotiff
from segstudio.io.validity import validity_of
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.predict_volume import SUFFIX as VOLUME_SUFFIX
from segstudio.ml.inference.predict_volume import predict_volume, volume_name
from segstudio.ml.inference.run import propose, semantic_logits, window_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.io.geo_tags import GeoTags
    from segstudio.ml.api import InstanceSegmenter, Segmenter
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.inference.sources import Reader

PROBABILITIES = ".probabilities.npy"
STRIP_ROWS = 1024


@dataclass(frozen=True)
class Prediction:
    """What was written for one image: the mask's file, its size, pixels of each class, the probabilities' file."""

    image: str
    mask: str
    width: int
    height: int
    pixels: dict[str, int]
    probabilities: str = ""
    objects: int | None = None
    depth: int = 1


def output_files(images: Sequence[Path], out: Path) -> list[Path]:
    """The mask file of each image: its stem in *out*, and a suffix that can hold its geometry.

    ``.tif`` for a GeoTIFF (whose geo-reference it keeps), ``.nii.gz`` for a medical volume (whose affine it keeps),
    else ``.png``.

    Raises
    ------
    UserError
        When a mask would replace an image that is read, or two images have one stem.
    """
    sources = {path.resolve() for path in images}
    taken: dict[Path, Path] = {}
    for path in images:
        target = out / (volume_name(path) or f"{path.stem}{'.tif' if read_geo_tags(path) else '.png'}")
        if target.resolve() in sources:
            raise UserError("the mask would replace an image that is read", path=target, remedy="choose another --out")
        if target in taken:
            raise UserError(
                f"{taken[target]} and {path} would both be written to {target}", remedy="predict them into two folders"
            )
        taken[target] = path
    return list(taken)


def predict_file(
    segmenter: Segmenter | InstanceSegmenter,
    image: Path,
    mask_file: Path,
    *,
    has_probabilities: bool = False,
    window_px: int | None = None,
    overlap_px: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Prediction:
    """Write the index mask of *image* to *mask_file*; values are the model's class indices, 255 (65535) where no data is.

    With *has_probabilities* a float16 array (class, y, x) goes beside it as ``STEM.probabilities.npy``.

    Raises
    ------
    UserError
        When the image cannot be read, the mask cannot be written, or the image is a stack.
    """
    from segstudio.io.readers.registry import open_image

    card = segmenter.card
    options: dict[str, Any] = {
        "window_px": window_px, "overlap_px": overlap_px, "progress": progress, "cancel": cancel
    }  # fmt: skip
    if mask_file.name.endswith(VOLUME_SUFFIX):
        return _predict_volume(segmenter, image, mask_file, has_probabilities, options)
    with closing(open_image(image)) as reader:
        info = reader.info
        if info.depth > 1:
            raise UserError(
                f"the image is a stack of {info.depth} planes, which a PNG mask cannot hold",
                path=image,
                remedy="add it to a project and use `segstudio propose`",
            )
        # 255 (65535) is left free for pixels without data.
        ignore = 255 if len(card.classes) <= 255 else 65535
        mask = np.zeros((info.height, info.width), np.uint8 if ignore == 255 else np.uint16)
        objects = None
        beside = mask_file.with_name(mask_file.stem + PROBABILITIES)
        if card.task == "instance":
            objects = _paint_objects(segmenter, reader, mask, options)
        elif has_probabilities:
            _write_probabilities(segmenter, reader, mask, beside, options)  # type: ignore[arg-type]
        else:
            for result in propose(segmenter, reader, **options):
                mask[result.rect.slices] = result.class_index
        counts = np.zeros(len(card.classes), np.int64)
        has_nodata = False
        validity = validity_of(reader)
        for y in range(0, info.height, STRIP_ROWS):
            rows = mask[y : y + STRIP_ROWS]
            valid = None if validity is None else validity(0, Rect(0, y, info.width, len(rows)))
            if valid is not None:
                rows[~valid] = ignore
                has_nodata = True
            counts += np.bincount(rows.ravel(), minlength=len(counts))[: len(counts)]
    if mask_file.suffix == ".tif":
        _write_tif(mask_file, mask, read_geo_tags(image), ignore if has_nodata else None)
    else:
        write_bytes_atomic(mask_file, index_png(mask, card))
    pixels = {name: int(counts[i]) for i, name in enumerate(card.classes) if counts[i]}
    written = str(beside) if has_probabilities and card.task != "instance" else ""
    return Prediction(str(image), str(mask_file), info.width, info.height, pixels, written, objects)


def _predict_volume(
    segmenter: Segmenter | InstanceSegmenter,
    image: Path,
    mask_file: Path,
    has_probabilities: bool,
    options: dict[str, Any],
) -> Prediction:
    if has_probabilities:
        raise UserError(
            "probabilities are written of flat images only", path=image, remedy="leave out --probabilities"
        )
    (width, height, depth), counts, objects = predict_volume(segmenter, image, mask_file, options)
    pixels = {name: int(counts[i]) for i, name in enumerate(segmenter.card.classes) if counts[i]}
    return Prediction(str(image), str(mask_file), width, height, pixels, "", objects, depth)


def _write_tif(path: Path, mask: npt.NDArray[Any], tags: GeoTags, nodata: int | None) -> None:
    """A GeoTIFF that is there as a whole or not at all."""
    height, width = mask.shape
    temp = temp_sibling(path)
    try:
        write_geotiff(temp, width, height, strips_of(mask), mask.dtype, tags, nodata=nodata)
        sync_file(temp)
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temp.unlink(missing_ok=True)


def index_png(mask: npt.NDArray[Any], card: ModelCard) -> bytes:
    """An 8-bit palette PNG of (y, x) uint8 class indices, or a 16-bit grey one of uint16."""
    buffer = io.BytesIO()
    if mask.dtype == np.uint8:
        picture = Image.fromarray(mask)
        picture.putpalette(_palette(card))
        picture.save(buffer, "PNG", compress_level=1)
    else:
        Image.fromarray(mask.astype(np.uint16)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _palette(card: ModelCard) -> list[int]:
    colors = []
    shift = 0 if card.background_index is None else 1
    for index in range(256):
        color = PALETTE[(index - shift) % len(PALETTE)]
        if index < len(card.colors) and len(card.colors[index]) == 7:
            color = card.colors[index]
        if index == card.background_index or index == 255:
            color = "#000000" if index != 255 else "#ffffff"
        colors += [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return colors


def _paint_objects(
    segmenter: Segmenter | InstanceSegmenter, reader: Reader, mask: npt.NDArray[Any], options: dict[str, Any]
) -> int:
    count = 0
    for result in propose(segmenter, reader, **options):
        if isinstance(result, ObjectResult):
            count += 1
            part = mask[result.rect.slices]
            # Best first: a later one covers only what is free.
            part[result.mask & (part == 0)] = result.class_index
    return count


def _write_probabilities(
    segmenter: Segmenter, reader: Reader, mask: npt.NDArray[Any], path: Path, options: dict[str, Any]
) -> None:
    temp = temp_sibling(path)
    shape = (len(segmenter.card.classes), *mask.shape)
    try:
        array = np.lib.format.open_memmap(temp, mode="w+", dtype=np.float16, shape=shape)
        try:
            for rect, logits in semantic_logits(segmenter, reader, **options):
                rows, columns = rect.slices
                array[:, rows, columns] = torch.softmax(logits, 0).half().cpu().numpy()
                mask[rect.slices] = window_result(rect, logits).class_index
            array.flush()
        finally:
            del array
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temp.unlink(missing_ok=True)
