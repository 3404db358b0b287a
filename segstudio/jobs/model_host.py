"""The model host: keeps the last model loaded and proposes with it, or answers clicks with one."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.jobs.prompting import serve_prompts, serve_sweep
from segstudio.jobs.protocol import ImageDone, ImageFailed, StageChanged, WindowReady
from segstudio.jobs.refining import check_size, refine_image
from segstudio.jobs.specs import LookSpec, PrefetchSpec, PromptSpec, ProposeSpec, RefineSpec, SweepSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.progress import ProgressSink
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import ImageTask

_loaded: dict[tuple[object, ...], Any] = {}
"""The model in memory, by what identifies it; one at a time, since two may not fit a GPU."""


def serve(spec: object, port: Port) -> object:
    """Propose, look, refine, answer prompts or prefetch.

    Raises
    ------
    UserError
        When the model or the only image cannot be used.
    """
    if isinstance(spec, PrefetchSpec):
        return _model(spec.model, spec.project_folder, spec.device, port).card.id
    if isinstance(spec, PromptSpec):
        return serve_prompts(spec, port)
    if isinstance(spec, SweepSpec):
        return serve_sweep(spec, port)
    if isinstance(spec, RefineSpec):
        # What was loaded stays: a refinement has no weights.
        return refine_image(spec, port)
    if isinstance(spec, LookSpec):
        from segstudio.jobs.looking import look_at_images

        return look_at_images(spec, _model(spec.model, spec.project_folder, spec.device, port, spec.options), port)
    if not isinstance(spec, ProposeSpec):
        raise TypeError(f"the model host does not serve {type(spec).__name__}")
    segmenter = _model(spec.model, spec.project_folder, spec.device, port, spec.options)
    failed: list[tuple[int, str]] = []
    if segmenter.card.task != "classic":
        from segstudio.ml.inference.ladder import start_over

        start_over(segmenter)
    began_s = time.perf_counter()  # the model is loaded
    for index, task in enumerate(spec.tasks):
        check(port)
        try:
            _propose(segmenter, spec, task, index, port)
        except UserError as error:
            if len(spec.tasks) == 1:
                raise
            failed.append((task.image_id, str(error)))
            port.send(ImageFailed(image_id=task.image_id, generation=spec.generation, sentence=str(error)))
            continue
        port.send(ImageDone(image_id=task.image_id, generation=spec.generation))
    seconds = time.perf_counter() - began_s
    from segstudio.ml.api import memory_note

    note = memory_note(segmenter)
    return {"images": len(spec.tasks) - len(failed), "failed": failed, "seconds": seconds, "note": note}


def _propose(segmenter: Any, spec: ProposeSpec, task: ImageTask, index: int, port: Port) -> None:
    from segstudio.io.readers.registry import open_image

    total = len(spec.tasks)

    def progress(done: float, of: float, what: str) -> None:
        if of > 0:
            port.progress(index + done / of, total, what)

    reader = open_image(Path(task.path))
    try:
        check_size(task, (reader.info.width, reader.info.height))
        for z, result in _results(segmenter, reader, spec, task, progress, port):
            port.send(WindowReady(image_id=task.image_id, generation=spec.generation, result=result, z=z))
    finally:
        reader.close()


def _results(
    segmenter: Any, reader: Any, spec: ProposeSpec, task: ImageTask, progress: ProgressSink, port: Port
) -> Iterator[tuple[int, Any]]:
    """(plane, result) of the planes that are asked for."""
    if segmenter.card.task == "classic":
        # Straight to the method: it needs no torch, which takes seconds to import.
        for place, z in enumerate(task.planes):
            check(port)

            def sink(done: float, of: float, what: str, at: int = place) -> None:
                progress(at + (done / of if of > 0 else 0.0), len(task.planes), what)

            for result in segmenter.propose(reader, z=z, rects=task.rects, progress=sink, cancel=port):
                yield z, result
        return
    from segstudio.ml.inference.volumes import propose_planes

    yield from propose_planes(
        segmenter,
        reader,
        task.planes,
        rects=task.rects,
        window_px=spec.window_px,
        overlap_px=spec.overlap_px,
        progress=progress,
        cancel=port,
    )


def _model(
    ref: str, project_folder: str | None, device: str, port: Port, options: tuple[tuple[str, Any], ...] = ()
) -> Any:
    port.send(StageChanged(text="Loading the model"))
    from segstudio.ml.model_options import values_of, with_options
    from segstudio.ml.registry import Catalog

    found = Catalog(Path(project_folder) if project_folder else None).find(ref)
    entry = replace(found, card=with_options(found.card, dict(options)))
    if entry.card.task == "classic":
        from segstudio.ml.classic.segmenter import ClassicSegmenter

        # What was loaded stays: a method takes no memory beside it.
        return ClassicSegmenter(entry.card)
    # torch comes in here, after the window was told what it waits for.
    from segstudio.ml.inference.loading import load_segmenter

    key = (ref, device, *values_of(entry.card).items(), entry.card.weights.path, _stamp(entry.card.weights.path))
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_segmenter(entry, device, port.progress, port)
    return _loaded[key]


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of the weights file: a run that goes on writes new weights under the same name."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)
