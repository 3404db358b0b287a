"""Refines a proposal of any size, piece by piece: the window's job and the command line come here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.inference.devices import choose_device, free_cached, is_out_of_memory
from segstudio.ml.inference.windows import disjoint
from segstudio.ml.refine.channels import channels_of, probabilities_of, segments_of
from segstudio.ml.refine.crf import dense_crf
from segstudio.ml.refine.guide import Guide
from segstudio.ml.refine.mrf import deep_parsing
from segstudio.ml.refine.parameters import MrfParameters
from segstudio.ml.refine.proposal import MOST_MARGIN_PX, RefinedPiece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.refine.proposal import Proposal
    from segstudio.ml.refine.table import Refinement

PIECE_PX = 512
"""Side of what is refined at once, without its margin; memory follows it and not the image."""


def refine(
    reader: Reader,
    proposal: Proposal,
    refinement: Refinement,
    *,
    z: int = 0,
    rects: Sequence[Rect] | None = None,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[RefinedPiece]:
    """*proposal*, made to follow the image, on plane *z* or in *rects* of it: disjoint pieces, row by row.

    The proposal is read while the answer is written, so give a copy (:class:`~segstudio.ml.refine.proposal.LayerProposal`) where
    the answer goes into the same layer. Each stuff segment and each object stays what it is; pixels change hands between those
    that are near. Pixels without data, and ignored ones, stay as they are. Where a piece holds one segment, nothing is computed.

    Raises
    ------
    UserError
        When the image cannot be read, memory does not suffice, or the device is not there.
    Cancelled
        When *cancel* is set; within a second.
    """
    chosen = choose_device(device)
    guide = Guide(reader, z)
    whole = Rect(0, 0, guide.width, guide.height)
    regions = disjoint([rect.intersected(whole) for rect in ([whole] if rects is None else rects)])
    pieces = [piece for region in regions for piece in pieces_of(region)]
    engine = Engine(refinement, chosen, cancel)
    for index, piece in enumerate(pieces):
        check(cancel)

        def sink(done: float, total: float, what: str, at: int = index) -> None:
            progress(at + done / max(1.0, total), len(pieces), what)

        sink(0, 1, "Refining")
        yield _refined(guide, proposal, refinement, engine, piece, z, sink)
    progress(len(pieces), max(1, len(pieces)), "Refining")


def pieces_of(region: Rect) -> list[Rect]:
    """*region* cut at multiples of :data:`PIECE_PX`, row by row: a pixel's piece does not depend on what was asked for."""
    first_x, first_y = region.x // PIECE_PX * PIECE_PX, region.y // PIECE_PX * PIECE_PX
    return [
        Rect(x, y, PIECE_PX, PIECE_PX).intersected(region)
        for y in range(first_y, region.bottom, PIECE_PX)
        for x in range(first_x, region.right, PIECE_PX)
    ]


class Engine:
    """A method on a device; goes over to the CPU when the device's memory runs out."""

    def __init__(self, refinement: Refinement, device: str, cancel: Cancel = NEVER) -> None:
        # torch multiplies no sparse matrices on Apple's GPUs.
        self.refinement, self.device, self.cancel = refinement, "cpu" if device == "mps" else device, cancel
        self.margin_px = min(MOST_MARGIN_PX, refinement.margin_px)

    def __call__(
        self,
        probabilities: npt.NDArray[np.float32],
        image: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_] | None,
        progress: ProgressSink = no_progress,
    ) -> npt.NDArray[np.float32]:
        """(K, h, w) probabilities refined along *image* (B, h, w) in 0 … 255, where *valid* (h, w).

        Raises
        ------
        UserError
            When the CPU's memory does not suffice.
        Cancelled
            When the cancel flag is set.
        """
        given = torch.from_numpy(probabilities), torch.from_numpy(np.ascontiguousarray(image))
        mask = None if valid is None or valid.all() else torch.from_numpy(valid)
        while True:
            try:
                return self._run(given, mask, progress)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.device == "cpu":
                    raise UserError(
                        "there is not enough memory to refine this", remedy="close other programs, or choose mrf"
                    ) from error
            free_cached(self.device)
            progress(0, 1, f"Out of memory on {self.device}: going on with the CPU")
            self.device = "cpu"

    def _run(
        self, given: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor | None, progress: ProgressSink
    ) -> npt.NDArray[np.float32]:
        probabilities, image = (each.to(self.device) for each in given)
        valid = None if mask is None else mask.to(self.device)
        parameters = self.refinement.parameters
        with torch.inference_mode():
            if isinstance(parameters, MrfParameters):
                found = deep_parsing(
                    probabilities, image, parameters, valid=valid, progress=progress, cancel=self.cancel
                )
            else:
                found = dense_crf(probabilities, image, parameters, valid=valid, progress=progress, cancel=self.cancel)
        return np.asarray(found.cpu().numpy(), np.float32)


def _refined(
    guide: Guide,
    proposal: Proposal,
    refinement: Refinement,
    engine: Engine,
    piece: Rect,
    z: int,
    progress: ProgressSink,
) -> RefinedPiece:
    outer = piece.expanded(engine.margin_px).clipped(guide.width, guide.height)
    ids, confidence = proposal.read(outer, z), proposal.read_confidence(outer, z)
    inner = piece.moved(-outer.x, -outer.y).slices
    as_it_is = RefinedPiece(piece, ids[inner], confidence[inner])
    if _is_of_one(ids):
        return as_it_is
    channels = channels_of(ids, proposal.object_ids, refinement.reach_px)
    if len(channels) < 2:
        return as_it_is
    image, valid = guide.read(outer)
    takes_part = channels.index >= 0 if valid is None else (channels.index >= 0) & valid
    if not takes_part[inner].any():
        return as_it_is
    channels.index[~takes_part] = -1
    beliefs = engine(probabilities_of(channels, ids, confidence, refinement.certainty), image, takes_part, progress)
    found, sure = segments_of(channels, beliefs, ids)
    values = np.where(takes_part, np.rint(sure * 255).clip(1, 255).astype(np.uint8), confidence)
    values[(found == 0) | (found == IGNORE)] = 0
    return RefinedPiece(piece, np.ascontiguousarray(found[inner]), np.ascontiguousarray(values[inner]))


def _is_of_one(ids: npt.NDArray[np.uint16]) -> bool:
    return bool((ids == ids[0, 0]).all())
