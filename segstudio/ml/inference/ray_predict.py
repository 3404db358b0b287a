"""Masks of many images on a Ray cluster: whole images, and bands of large ones, shared out by Ray Data."""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from dataclasses import dataclass
from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.io.atomic import TEMP_PREFIX
from segstudio.ml.api import WindowResult
from segstudio.ml.cluster import STARTS, cluster
from segstudio.ml.inference.bands import band_classes, bands_of
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.inference.predict import predict_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.inference.predict import Prediction
    from segstudio.ml.refine.table import Refinement


@dataclass(frozen=True)
class Wish:
    """What is to be predicted, and how; the arguments of :func:`segstudio.ml.inference.predict.predict_file`."""

    entry: CatalogEntry
    device: str = "auto"
    has_probabilities: bool = False
    window_px: int | None = None
    overlap_px: int | None = None
    refinement: Refinement | None = None

    def options(self) -> dict[str, Any]:
        """Keyword arguments of ``predict_file``."""
        names = ("has_probabilities", "window_px", "overlap_px", "refinement")
        return {name: getattr(self, name) for name in names}


class Attempts:
    """An actor that outlives the workers and counts how often each piece of work was begun."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """How often *work* was begun, this time included."""
        self._begun[work] += 1
        return self._begun[work]


class Worker:
    """A process of the cluster that has the model loaded. Ray Data replaces one that dies and does its work again."""

    def __init__(self, wish: Wish, attempts: Any) -> None:
        self._wish, self._attempts = wish, attempts
        self._segmenter: AnySegmenter | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Predict the image, or the band of it, that *row* names; the answer or the error as bytes."""
        import ray

        wish = self._wish
        try:
            # Else an image that ends every process would be tried for ever.
            if ray.get(self._attempts.begin.remote(f"{row['mask']}/{row['first']}")) > STARTS:
                raise UserError(
                    f"the process that predicted it ended {STARTS} times, perhaps because memory ran out",
                    path=row["image"],
                    remedy="predict it with --engine local, or with a smaller --tile",
                )
            if self._segmenter is None:
                self._segmenter = load_segmenter(wish.entry, wish.device)
            image, mask = Path(row["image"]), Path(row["mask"])
            answer: object
            if row["stop"]:
                band = range(row["first"], row["stop"])
                answer = band_classes(self._segmenter, image, band, wish.window_px, wish.overlap_px)  # type: ignore[arg-type]
            else:
                answer = predict_file(self._segmenter, image, mask, **wish.options())
        except UserError as error:
            answer = error
        return {"answer": pickle.dumps(answer)}


def predict_on_cluster(
    wish: Wish,
    images: Sequence[Path],
    targets: Sequence[Path],
    *,
    processes: int = 2,
    progress: ProgressSink = no_progress,
) -> tuple[AnySegmenter, list[Prediction]]:
    """The model and what was written for each of *images*: the same files as one process writes.

    A process that dies is replaced and its image or band done again. Images and *targets* must lie where every machine of the
    cluster sees them.

    Raises
    ------
    UserError
        When Ray is missing, or as ``predict_file`` does, for the first image that fails.
    """
    # Here too, for its card; and what must be downloaded is there before the processes look for it.
    segmenter = load_segmenter(wish.entry, "cpu", progress)
    plain = wish.refinement is None and not wish.has_probabilities
    bands = [bands_of(segmenter, image, wish.window_px, wish.overlap_px) if plain else [] for image in images]
    rows = [
        {"image": str(image.resolve()), "mask": str(target.resolve()), "first": part.start, "stop": part.stop}
        for image, target, parts in zip(images, targets, bands, strict=True)
        for part in parts or [range(0)]
    ]
    written = []
    gpus = _gpus(wish.device)
    with cluster(processes, gpus) as ray:
        answers = _answers(ray, wish, rows, processes, gpus)
        done = 0
        for image, target, parts in zip(images, targets, bands, strict=True):
            progress(done, len(rows), f"Predicting {image.name}")
            if parts:
                find = partial(_pieces, answers, len(parts))
                written.append(predict_file(segmenter, image, target, find=find))
            else:
                written.append(next(answers))
            done += max(1, len(parts))
        # To its end, so that Ray Data counts its work while the cluster is there.
        next(answers, None)
        progress(done, len(rows), "Predicting")
    _sweep(targets)
    return segmenter, written


def _sweep(targets: Sequence[Path]) -> None:
    """Take away what processes that died had begun: all of *targets* are whole, and nobody writes them any more."""
    for target in targets:
        stem = target.name.partition(".")[0]
        for path in target.parent.glob(f"{TEMP_PREFIX}*-{escape(stem)}.*"):
            path.unlink(missing_ok=True)


def _pieces(answers: Iterator[Any], count: int, _segmenter: object, reader: Any, **_: object) -> Iterator[WindowResult]:
    """The results of an image whose bands come from *answers*."""
    for _number in range(count):
        top, found = next(answers)
        rect = Rect(0, top, int(reader.info.width), len(found))
        yield WindowResult(rect, found, np.zeros((1, 1), np.uint8))


def _answers(ray: Any, wish: Wish, rows: list[dict[str, Any]], processes: int, gpus: int) -> Iterator[Any]:
    """What the processes answer, in the order of *rows*."""
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    attempts = ray.remote(Attempts).options(num_cpus=0).remote()
    table = data.from_items(rows, override_num_blocks=len(rows))
    found = table.map(
        Worker,  # type: ignore[arg-type]
        fn_constructor_kwargs={"wish": wish, "attempts": attempts},
        compute=data.ActorPoolStrategy(size=min(processes, len(rows))),
        num_cpus=1,
        num_gpus=gpus / processes if gpus else None,
    )
    try:
        for row in found.iter_rows():
            answer = pickle.loads(row["answer"])
            if isinstance(answer, UserError):
                raise answer
            yield answer
    except ray.exceptions.RayError as error:
        raise UserError(
            f"the cluster gave up ({type(error).__name__}); masks written so far are kept",
            remedy="run it again, or predict with --engine local",
        ) from error


def _gpus(device: str) -> int:
    import torch

    return torch.cuda.device_count() if device in ("", "auto", "cuda") and torch.cuda.is_available() else 0
