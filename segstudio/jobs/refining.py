"""Refining a proposal, as the model host does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.jobs.protocol import ImageDone, StageChanged, WindowReady

if TYPE_CHECKING:
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import ImageTask, RefineSpec


def refine_image(spec: RefineSpec, port: Port) -> dict[str, object]:
    """Refine a proposal and send it piece by piece.

    Raises
    ------
    UserError
        When the method or an option is wrong, or the image cannot be read.
    Cancelled
        When the job was cancelled.
    """
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.refine.table import refinement

    chosen = refinement(spec.method, dict(spec.options))
    port.send(StageChanged(text="Refining"))
    task = spec.task
    planes = len(task.planes)
    reader = open_image(Path(task.path))
    try:
        check_size(task, (reader.info.width, reader.info.height))
        # torch comes in here, after the window was told what it waits for.
        from segstudio.ml.refine.guide import ReducedReader
        from segstudio.ml.refine.run import refine

        for number, z in enumerate(task.planes):
            check(port)

            def progress(done: float, of: float, what: str, before: int = number) -> None:
                if of > 0:
                    port.progress(before + done / of, planes, what)

            for piece in refine(
                ReducedReader(reader, spec.level) if spec.level else reader,
                spec.proposal,
                chosen,
                z=z,
                rects=task.rects,
                device=spec.device,
                progress=progress,
                cancel=port,
            ):
                port.send(WindowReady(image_id=task.image_id, generation=spec.generation, result=piece, z=z))
    finally:
        reader.close()
    port.send(ImageDone(image_id=task.image_id, generation=spec.generation))
    return {"images": 1, "failed": []}


def check_size(image: ImageTask, size_px: tuple[int, int]) -> None:
    """Nothing where the file has the size that the labels were made on.

    Raises
    ------
    UserError
        Where it has another.
    """
    if image.size_px not in (None, size_px):
        assert image.size_px is not None
        raise UserError(
            f"the file is now {size_px[0]}×{size_px[1]} pixels, in the project it is {image.size_px[0]}×{image.size_px[1]}",
            path=image.path,
            remedy="put the former file back, or add this one as another image",
        )
