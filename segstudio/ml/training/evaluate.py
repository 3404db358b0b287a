"""Metrics of a catalog model on labelled images, predicted as proposals are: tiled, blended, at the card's working scale."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.calibration import CalibrationSum
from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.metrics import ScoreSum, worst_first
from segstudio.core.progress import no_progress
from segstudio.io.readers.kept import KeptReaders
from segstudio.ml.api import ObjectResult, WindowResult
from segstudio.ml.model_options import with_options
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training.evaluate_extras import Asked, Extras
from segstudio.ml.training.evaluate_planes import ImageResults
from segstudio.ml.training.sources import check_plane, known_target, load_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.core.boundary_metrics import Tolerance
    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.training.sources import IndexMask, TrainImage


def evaluate(
    *,
    model: str,
    project: str = "",
    data: str = "",
    split: str = "val",
    class_names: tuple[str, ...] = (),
    device: str = "auto",
    boundary_tolerance_px: Tolerance | None = None,
    is_per_image: bool = False,
    split_of: str = "",
    asked: Asked | None = None,
    options: Mapping[str, object] | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> dict[str, Any]:
    """The scores of *model* on one split, over the classes of the labels; the model's classes go to theirs by name.

    With *is_per_image* also ``per_image``: a row for each image with its file and plane, the worst first.
    The split is the one of the run that made the model, or the model *split_of*, so that two are held against each other on the
    same images. ``calibration`` is None for models that find objects and for methods: they have no confidence for each pixel.
    *asked* adds ``cells`` and ``objects`` (:mod:`segstudio.ml.training.evaluate_extras`); *options* are the model's own.

    Raises
    ------
    UserError
        When the model or the data cannot be used, the split is empty, or no class name is shared.
    """
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.registry import Catalog

    plan = TrainPlan(out="", project=project, data=data, class_names=class_names).checked()
    catalog = Catalog(Path(project) if project else None)
    entry = catalog.find(model)
    splitter = catalog.find(split_of) if split_of else entry
    weights = Path(splitter.card.weights.path or split_of or model)
    labels = load_data(_as_trained(plan, weights), is_for_training=False)
    images = labels.of_split(split)
    if not images:
        have = sorted({i.split for i in labels.images})
        raise UserError(f"the split {split} is empty", path=project or None, remedy=f"choose one of {', '.join(have)}")
    segmenter = load_segmenter(replace(entry, card=with_options(entry.card, options or {})), device)
    lut = _class_lut(segmenter.card.classes, labels.classes, model)
    count = len(labels.classes)
    total = ScoreSum(count, IGNORE_INDEX, boundary_tolerance_px)
    calibration = CalibrationSum()
    # Models of volumes give classes only.
    has_probabilities = segmenter.card.task == "semantic" and not segmenter.card.window_depth
    extras = Extras(asked or Asked(), labels, lut, split, has_probabilities)
    rows = []
    results = ImageResults(segmenter, images)
    with closing(KeptReaders()) as readers:
        for done, image in enumerate(images):
            check(cancel)
            progress(done, len(images), f"Evaluating {image.name}")
            found = _truth_and_prediction(results, readers, image, lut, _background(labels.classes), extras, cancel)
            truth, prediction, confidence = found
            counts = total.add(truth, prediction)
            if confidence is not None:
                calibration.add(confidence, prediction == truth, truth != IGNORE_INDEX)
            if is_per_image:
                rows.append({**counts.row(image.name), "file": str(image.file), "z": image.z})
    progress(len(images), len(images), "Evaluating")
    document = {
        **extras.document(total.scores(list(labels.classes))),
        "calibration": None if calibration.error is None else calibration.scores(),
        "split": split,
        "images": len(images),
        "model": segmenter.card.id,
    }
    return {**document, "per_image": worst_first(rows)} if is_per_image else document


def _truth_and_prediction(
    results: ImageResults,
    readers: KeptReaders,
    image: TrainImage,
    lut: IndexMask,
    background: int,
    extras: Extras,
    cancel: Cancel = NEVER,
) -> tuple[IndexMask, IndexMask, IndexMask | None]:
    """(y, x) class indices of one image, or of one plane of a volume: labelled, and found by the model.

    With them its confidence × 255, where it has one for each pixel.
    """
    truth = known_target(image)
    # What no object covers is background, where the labels have one.
    prediction = np.full(truth.shape, background, np.uint8)
    confidence = np.zeros(truth.shape, np.uint8) if results.has_confidence else None
    with readers.opened(image.file) as reader:
        check_plane(reader.info, image.z)
        if (reader.info.height, reader.info.width) != truth.shape:
            raise UserError(
                f"the mask is {truth.shape[1]}×{truth.shape[0]} pixels but the image {reader.info.width}×{reader.info.height}",
                path=image.file,
                remedy="replace one of them",
            )
        extras.begin(truth)
        for result in results.of(image, reader, extras.watch, cancel):
            place = prediction[result.rect.slices]
            if isinstance(result, ObjectResult):
                extras.found(result)
                place[result.mask] = lut[result.class_index]
            else:
                place[:] = lut[result.class_index]
            if confidence is not None and isinstance(result, WindowResult):
                confidence[result.rect.slices] = result.confidence
    extras.end(image, prediction)
    if image.window is None:
        return truth, prediction, confidence
    part = image.window.slices
    return truth[part], prediction[part], None if confidence is None else confidence[part]


def _as_trained(plan: TrainPlan, weights: Path) -> TrainPlan:
    """*plan* with the splits of the run that made the model: its validation images, none it learnt from."""
    if not (weights.parent / "config.json").is_file():
        return plan
    run = TrainPlan.load(weights.parent)
    return replace(
        plan, seed=run.seed, val_fraction=run.val_fraction, split_by=run.split_by, group_by=run.group_by,
        block_px=run.block_px, fold=run.fold, patch_px=run.patch_px,
    )  # fmt: skip


def _background(classes: tuple[str, ...]) -> int:
    return next((i for i, name in enumerate(classes) if name.casefold() == "background"), IGNORE_INDEX)


def _class_lut(model: tuple[str, ...], wanted: tuple[str, ...], ref: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Model class index → class index of the labels, by name; what has no match is background or ignored."""
    by_name = {name.casefold(): i for i, name in enumerate(wanted)}
    other = _background(wanted)
    lut = np.full(256, other, np.uint8)
    matches = 0
    for index, name in enumerate(model[:256]):
        found = by_name.get(name.casefold())
        if found is not None:
            lut[index] = found
            matches += name.casefold() != "background"
    if matches == 0:
        raise UserError(
            f"{ref} shares no class with the labels",
            remedy=f"it knows {', '.join(model)}; the labels {', '.join(wanted)}; --classes renames theirs",
        )
    return lut
