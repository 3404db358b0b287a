"""Looks at images in the model host: how unsure the model is of each and where, and which labels it doubts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.jobs.protocol import ImageFailed, ImageLooked
from segstudio.jobs.refining import check_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.io.store.project import ProjectStore
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import ImageTask, LookSpec


def look_at_images(spec: LookSpec, segmenter: Any, port: Port) -> dict[str, object]:
    """Look at each image; an :class:`ImageLooked` for each that could be read.

    Raises
    ------
    UserError
        When the model cannot tell how sure it is, or the only image cannot be read.
    """
    from segstudio.ml.inference.looking import check_measure

    other = _other(spec, port) if spec.measure == "models" else None
    check_measure(segmenter, spec.measure, other)  # before the first image
    failed: list[tuple[int, str]] = []
    with ExitStack() as stack:
        store = _project(spec, stack)
        for index, task in enumerate(spec.tasks):
            check(port)
            try:
                look = _look(spec, task, index, segmenter, other, store, port)
            except UserError as error:
                if len(spec.tasks) == 1:
                    raise
                failed.append((task.image_id, str(error)))
                port.send(ImageFailed(image_id=task.image_id, sentence=str(error)))
                continue
            port.send(ImageLooked(image_id=task.image_id, look=look))
    return {"images": len(spec.tasks) - len(failed), "failed": failed}


def _look(
    spec: LookSpec, task: ImageTask, index: int, segmenter: Any, other: Any, store: ProjectStore | None, port: Port
) -> Any:
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.inference.looking import look_at

    total = len(spec.tasks)

    def progress(done: float, of: float, what: str) -> None:
        if of > 0:
            port.progress(index + done / of, total, what)

    reader = open_image(Path(task.path))
    try:
        check_size(task, (reader.info.width, reader.info.height))
        labelled = (
            None if store is None else labels_for(store, task.image_id, spec.class_map, len(segmenter.card.classes))
        )
        return look_at(
            segmenter, reader, measure=spec.measure, other=other, labelled=labelled, progress=progress, cancel=port
        )
    finally:
        reader.close()


def labels_for(store: ProjectStore, image_id: int, class_map: Iterable[tuple[int, int]], classes: int) -> Any:
    """What the model is held against; None where nothing is labelled."""
    from segstudio.ml.inference.looking import Labelled

    record = store.image(image_id)
    if record.status == "unlabelled":
        return None
    layer = store.labels_layer(image_id)
    # A class of the model that the project does not have is compared with nothing.
    class_ids = np.full(max(1, classes), IGNORE, np.uint16)
    for class_index, class_id in class_map:
        class_ids[class_index] = class_id
    return Labelled(lambda z, rect: layer.read_classes(rect, z), class_ids, is_done=record.status == "done")


def _project(spec: LookSpec, stack: ExitStack) -> ProjectStore | None:
    if not spec.checks_labels or spec.project_folder is None:
        return None
    from segstudio.io.store.project import ProjectStore

    return stack.enter_context(ProjectStore.open(Path(spec.project_folder), read_only=True))


def _other(spec: LookSpec, port: Port) -> Any:
    if not spec.other:
        return None
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.registry import Catalog

    catalog = Catalog(Path(spec.project_folder) if spec.project_folder else None)
    return load_segmenter(catalog.find(spec.other), spec.device, port.progress, port)
