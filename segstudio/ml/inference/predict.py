"""Index masks of image files, without a project."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from segstudio.core.cancel import NEVER
from segstudio.core.classes import PALETTE
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.io.atomic import disk_error, sync_file, temp_sibling
from segstudio.io.formats.index_png import write_index_png
from segstudio.io.geo_tags import read_geo_tags
from segstudio.io.geotiff import drop_nodata, strips_of, write_geotiff
from segstudio.io.validity import validity_of
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.mask_rows import CountedRows, painted_mask, rows_of
from segstudio.ml.inference.predict_volume import SUFFIX as VOLUME_SUFFIX
from segstudio.ml.inference.predict_volume import predict_volume, volume_name
from segstudio.ml.inference.run import propose, semantic_logits, window_result
from segstudio.ml.refine.masks import refine_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.io.geo_tags import GeoTags
    from segstudio.ml.api import AnySegmenter, Segmenter, WindowResult
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.refine.table import Refinement

PROBABILITIES = ".probabilities.npy"


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
    segmenter: AnySegmenter,
    image: Path,
    mask_file: Path,
    *,
    has_probabilities: bool = False,
    window_px: int | None = None,
    overlap_px: int | None = None,
    refinement: Refinement | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
    find: Callable[..., Iterator[Any]] = propose,
) -> Prediction:
    """Write the index mask of *image* to *mask_file*; values are the model's class indices, 255 (65535) where no data is.

    With *has_probabilities* a float16 array (class, y, x) goes beside it as ``STEM.probabilities.npy``. A *refinement* works
    on the probabilities of a semantic model; of others the finished mask is refined, which makes one of its objects. *find* gives the
    results of a semantic model in place of :func:`segstudio.ml.inference.run.propose`.

    Raises
    ------
    UserError
        When the image cannot be read, the mask cannot be written, or the image is a stack.
    """
    from segstudio.io.readers.registry import open_image

    card = segmenter.card
    options: dict[str, Any] = {
        "window_px": window_px, "overlap_px": overlap_px, "refinement": refinement, "progress": progress, "cancel": cancel
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
        dtype = np.dtype(np.uint8 if ignore == 255 else np.uint16)
        objects = None
        beside = mask_file.with_name(mask_file.stem + PROBABILITIES)
        validity = validity_of(reader)
        if has_probabilities and card.task == "classic":
            raise UserError("a classic method gives no probabilities", path=image, remedy="leave out --probabilities")
        with ExitStack() as stack:
            if card.task in ("instance", "classic"):
                mask = stack.enter_context(painted_mask(mask_file.parent, (info.height, info.width), dtype))
                objects = _paint_results(segmenter, reader, mask, options)
                if refinement is not None:
                    found = mask
                    mask = stack.enter_context(painted_mask(mask_file.parent, (info.height, info.width), dtype))
                    refine_mask(reader, found, mask, refinement, 0, segmenter.device, progress, cancel)
                strips = strips_of(mask)
            else:
                if has_probabilities:
                    results = _with_probabilities(segmenter, reader, beside, options)  # type: ignore[arg-type]
                else:
                    results = find(segmenter, reader, **options)
                strips = rows_of(results, info.width, info.height, dtype)
            rows = CountedRows(strips, info.width, len(card.classes), validity, ignore)
            _write(mask_file, (info.width, info.height), rows, dtype, card, read_geo_tags(image), ignore)
            counts = rows.counts
    pixels = {name: int(counts[i]) for i, name in enumerate(card.classes) if counts[i]}
    written = str(beside) if has_probabilities and card.task != "instance" else ""
    return Prediction(str(image), str(mask_file), info.width, info.height, pixels, written, objects)


def _predict_volume(
    segmenter: AnySegmenter,
    image: Path,
    mask_file: Path,
    has_probabilities: bool,
    options: dict[str, Any],
) -> Prediction:
    if has_probabilities:
        raise UserError("probabilities are written of flat images only", path=image, remedy="leave out --probabilities")
    (width, height, depth), counts, objects = predict_volume(segmenter, image, mask_file, options)
    pixels = {name: int(counts[i]) for i, name in enumerate(segmenter.card.classes) if counts[i]}
    return Prediction(str(image), str(mask_file), width, height, pixels, "", objects, depth)


def _write(
    path: Path,
    size: tuple[int, int],
    rows: CountedRows,
    dtype: np.dtype[Any],
    card: ModelCard,
    tags: GeoTags,
    nodata: int,
) -> None:
    """A GeoTIFF, an 8-bit palette PNG or a 16-bit grey one, written as *rows* come; there as a whole or not at all."""
    temp = temp_sibling(path)
    try:
        if path.suffix == ".tif":
            write_geotiff(temp, *size, rows, dtype, tags, nodata=nodata)
            if not rows.has_ignored:
                drop_nodata(temp)
        else:
            write_index_png(temp, *size, rows, _palette(card) if dtype == np.uint8 else None)
        sync_file(temp)
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    except UserError as error:
        if isinstance(error.__cause__, OSError) and error.path == temp:
            raise disk_error(error.__cause__, path) from error.__cause__
        raise
    finally:
        temp.unlink(missing_ok=True)


def _palette(card: ModelCard) -> npt.NDArray[np.uint8]:
    colors = []
    shift = 0 if card.background_index is None else 1
    for index in range(256):
        color = PALETTE[(index - shift) % len(PALETTE)]
        if index < len(card.colors) and len(card.colors[index]) == 7:
            color = card.colors[index]
        if index == card.background_index or index == 255:
            color = "#000000" if index != 255 else "#ffffff"
        colors.append([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return np.array(colors, np.uint8)


def _paint_results(
    segmenter: AnySegmenter, reader: Reader, mask: npt.NDArray[Any], options: dict[str, Any]
) -> int | None:
    """Paint what a model of objects or a classic method finds; how many objects, None where it gave a map."""
    count = 0 if segmenter.card.task == "instance" else None
    for result in propose(segmenter, reader, **options):
        if isinstance(result, ObjectResult):
            count = (count or 0) + 1
            part = mask[result.rect.slices]
            # Best first: a later one covers only what is free.
            part[result.mask & (part == 0)] = result.class_index
        else:
            mask[result.rect.slices] = result.class_index
    return count


def _with_probabilities(
    segmenter: Segmenter, reader: Reader, path: Path, options: dict[str, Any]
) -> Iterator[WindowResult]:
    """The model's results; their probabilities are in *path* once the last was taken."""
    temp = temp_sibling(path)
    shape = (len(segmenter.card.classes), int(reader.info.height), int(reader.info.width))
    try:
        array = np.lib.format.open_memmap(temp, mode="w+", dtype=np.float16, shape=shape)
        try:
            for rect, logits in semantic_logits(segmenter, reader, **options):
                rows, columns = rect.slices
                array[:, rows, columns] = torch.softmax(logits, 0).half().cpu().numpy()
                yield window_result(rect, logits)
            array.flush()
        finally:
            del array
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temp.unlink(missing_ok=True)
