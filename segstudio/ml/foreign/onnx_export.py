"""Writes a network as an ONNX file, and compares the two before the file gets its name."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.io.atomic import disk_error, sync_file, temp_sibling
from segstudio.ml.cards import CARD_KEY, WeightsSource
from segstudio.ml.foreign.onnx_card import is_runnable
from segstudio.ml.foreign.onnx_header import read_onnx_header
from segstudio.ml.foreign.onnx_segmenter import quiet_session
from segstudio.ml.foreign.plain_padding import with_plain_padding
from segstudio.ml.inference.loading import TorchSegmenter, load_segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.catalog_entry import CatalogEntry

OPSET = 18
"""Old enough for every runtime of the last years, new enough for what the networks compute."""
TOLERANCE = 1e-3
LARGE_LOGIT = 100.0
"""Where logits are larger than this, the tolerance grows with them: float32 has seven digits."""
IMAGE, LOGITS = "image", "logits"
MAX_BYTES = (1 << 31) - (1 << 20)
"""Protocol buffers hold no more in one file."""
# Pooling to a fixed number of fields and sampling at scales depend on the size in ways the tracer ponders for minutes and then gives up.
ONE_SIZE = frozenset({"deeplabv2", "pspnet", "upernet", "pixelnet", "smp:pspnet", "smp:upernet"})
# What torch and onnxscript say while they work is no business of the user's.
_CHATTY = ("torch.onnx", "onnxscript", "onnx_ir", "torch.export", "torch.fx")
_STEPS = 4


@dataclass(frozen=True)
class OnnxExport:
    """What was written: ``size_px`` 0 means that height and width are free (multiples of ``multiple_px``)."""

    path: str
    size_px: int
    multiple_px: int
    max_difference: float
    size_bytes: int
    note: str = ""


class _Logits(nn.Module):
    """A network that answers with its logits and nothing else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        answer: Any = self.network(image)
        if isinstance(answer, dict):
            return cast("torch.Tensor", answer["out"])
        return cast("torch.Tensor", answer[0] if isinstance(answer, tuple) else answer)


def export_onnx(
    entry: CatalogEntry,
    target: Path,
    *,
    size_px: int = 0,
    opset: int = OPSET,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> OnnxExport:
    """Write the model's network to *target*, for images of any size or windows of exactly *size_px*.

    Count, height and width of the images stay free where the network can be traced so; else the file takes windows of one
    size, and the note says it. The file is compared with the network in onnxruntime and named only when they agree.

    Raises
    ------
    UserError
        When the model is no semantic network of torch, an extra is missing, the two disagree by more than 1e-3, or the disk
        refuses.
    Cancelled
        When *cancel* was set.
    """
    _require_packages()
    if entry.card.task != "semantic":
        raise UserError(
            f"the model {entry.card.id} is no network of semantic segmentation, and only those are exported",
            remedy="choose another model",
        )
    if entry.card.options.get("refine"):
        raise UserError(
            f"the model {entry.card.id} ends with a refinement, for which ONNX has no operators",
            remedy="export a network that was trained without one, and refine its proposals",
        )
    if entry.card.window_depth:
        raise UserError(
            f"the model {entry.card.id} looks at volumes, and ONNX files are run on flat images only",
            remedy="keep the weights file; segstudio runs it as it is",
        )
    if not target.parent.is_dir():
        raise UserError("the folder is missing", path=target.parent, remedy="make it first, or choose another")
    progress(0, _STEPS, "Loading the model")
    segmenter = load_segmenter(entry, "cpu", cancel=cancel)
    if not isinstance(segmenter, TorchSegmenter):
        raise UserError(f"the model {entry.card.id} is no network of torch", remedy="choose another model")
    for part in segmenter.module.modules():
        part._forward_pre_hooks.clear()  # The cancel hooks would be traced into the graph.
    check(cancel)
    module = with_plain_padding(segmenter.module.to(memory_format=torch.contiguous_format))
    return _Exporter(_Logits(module).eval(), segmenter.card, target, opset, progress, cancel).run(size_px)


def _require_packages() -> None:
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing or not is_runnable():
        raise UserError("the export needs the extra [onnx]", remedy="pip install 'segstudio[onnx]'")


class _Exporter:
    def __init__(
        self, module: nn.Module, card: ModelCard, target: Path, opset: int, progress: ProgressSink, cancel: Cancel
    ) -> None:
        self.module, self.card, self.target, self.opset = module, card, target, opset
        self.progress, self.cancel = progress, cancel
        network = getattr(module.network, "stride_px", card.stride_px)
        self.multiple_px = max(int(network) if isinstance(network, int) else 32, 1)

    def run(self, size_px: int) -> OnnxExport:
        note = f"{self.card.architecture} can be written for windows of one size only"
        if size_px:
            return self._fixed(size_px, "")
        if self.card.architecture in ONE_SIZE:
            return self._fixed(_window(self.card.window_px, self.multiple_px), note)
        try:
            return self._free()
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - the exporter may fail in any way; a window of one size often works
            logging.getLogger(__name__).info("no free sizes for %s: %s", self.card.id, error)
        check(self.cancel)
        return self._fixed(_window(self.card.window_px, self.multiple_px), note)

    def _free(self) -> OnnxExport:
        # Derived dimensions: the tracer then knows that nothing is left over on the way down, which it must decide once.
        multiple, dim = self.multiple_px, torch.export.Dim
        shapes = {
            0: dim("count", min=1),
            2: _times(multiple, dim("rows", min=2)),
            3: _times(multiple, dim("columns", min=2)),
        }
        self.progress(1, _STEPS, "Tracing the network")
        program = self._program(_image(self.card.bands, 2, 4 * multiple, 5 * multiple), shapes)
        small = max(2, -(-64 // multiple)) * multiple
        samples = [(1, small, small), (2, 4 * multiple, 5 * multiple), (1, small + multiple, 3 * small)]
        card = replace(self.card, stride_px=_common(self.card.stride_px, multiple))
        return self._written(program, card, samples, 0, "")

    def _fixed(self, size_px: int, note: str) -> OnnxExport:
        if not 32 <= size_px <= 4096:
            raise UserError(f"a window of {size_px} px is not possible", remedy="choose 32 to 4096")
        self.progress(1, _STEPS, "Tracing the network")
        image = _image(self.card.bands, 1, size_px, size_px)
        try:
            program = self._program(image, None)
        except Exception as error:
            raise UserError(
                f"{self.card.architecture} cannot be written as ONNX ({_first_line(error)})",
                remedy="keep the weights file; segstudio runs it as it is",
            ) from error
        card = replace(
            self.card,
            window_px=size_px,
            overlap_px=min(self.card.overlap_px, size_px // 4),
            stride_px=min(size_px, 1024),
        )
        return self._written(program, card, [(1, size_px, size_px)], size_px, note)

    def _program(self, image: torch.Tensor, shapes: dict[int, Any] | None) -> Any:
        with _quiet(), torch.no_grad():
            return torch.onnx.export(
                self.module,
                (image,),
                dynamo=True,
                input_names=[IMAGE],
                output_names=[LOGITS],
                dynamic_shapes=None if shapes is None else (shapes,),
                opset_version=self.opset,
                verbose=False,
            )

    def _written(
        self, program: Any, card: ModelCard, samples: list[tuple[int, int, int]], size_px: int, note: str
    ) -> OnnxExport:
        check(self.cancel)
        self.progress(2, _STEPS, "Writing the file")
        # No paths of this machine go into a file that is made to be passed on.
        source = WeightsSource("file", file_name=self.target.name)
        card = replace(card, weights=source, loader="", id=self.target.stem)
        program.model.metadata_props[CARD_KEY] = card.dumps()
        temp = temp_sibling(self.target)
        try:
            if sum(p.numel() * p.element_size() for p in self.module.parameters()) > MAX_BYTES:
                raise UserError(
                    "the network is larger than the 2 GB that one ONNX file holds", remedy="choose a smaller one"
                )
            with _quiet():
                program.save(str(temp), external_data=False)
            self.progress(3, _STEPS, "Comparing the file with the network")
            difference = self._difference(temp, samples)
            if read_onnx_header(temp).metadata.get(CARD_KEY) != card.dumps():
                raise UserError("the ONNX file lost its card", path=self.target, remedy="report this")
            sync_file(temp)
            size = temp.stat().st_size
            temp.replace(self.target)
        except OSError as error:
            raise disk_error(error, self.target) from error
        finally:
            temp.unlink(missing_ok=True)
        self.progress(_STEPS, _STEPS, "Written")
        return OnnxExport(str(self.target), size_px, self.multiple_px, difference, size, note)

    def _difference(self, path: Path, samples: list[tuple[int, int, int]]) -> float:
        """The largest difference of logits between file and network over *samples* (count, height, width).

        Raises
        ------
        UserError
            When it is too large.
        """
        session = quiet_session(path, "cpu")
        worst = 0.0
        for count, height, width in samples:
            check(self.cancel)
            image = _image(self.card.bands, count, height, width)
            with torch.inference_mode():
                wanted = self.module(image).float().numpy()
            found = np.asarray(session.run([LOGITS], {IMAGE: image.numpy()})[0])
            worst = max(worst, _checked(wanted, found, self.card, self.target))
        return worst


def _checked(wanted: npt.NDArray[Any], found: npt.NDArray[Any], card: ModelCard, target: Path) -> float:
    if found.shape != wanted.shape:
        raise UserError(
            f"the ONNX file of {card.id} answers with {found.shape} in place of {wanted.shape}, so it was not kept",
            path=target,
            remedy="export it for one size of window (--size)",
        )
    difference = float(np.abs(found - wanted).max(initial=0.0))
    allowed = TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0)) / LARGE_LOGIT)
    if not difference <= allowed:
        raise UserError(
            f"the ONNX file of {card.id} differs from its network by {difference:.2g}, so it was not kept",
            path=target,
            remedy="keep the weights file; segstudio runs it as it is",
        )
    return difference


def _image(bands: int, count: int, height: int, width: int) -> torch.Tensor:
    """A smooth picture with noise, normalised, the same each time."""
    generator = torch.Generator().manual_seed(height * 8191 + width)
    coarse = torch.randn(count, bands, 5, 7, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return smooth + 0.2 * torch.randn(count, bands, height, width, generator=generator)


def _window(window_px: int, multiple_px: int) -> int:
    return max(-(-min(window_px, 512) // multiple_px) * multiple_px, 32)


def _common(stride_px: int, multiple_px: int) -> int:
    return int(np.lcm(stride_px, multiple_px)) if multiple_px > 1 else stride_px


def _times(factor: int, dim: Any) -> Any:
    return factor * dim if factor > 1 else dim


def _first_line(error: BaseException) -> str:
    """What went wrong, without the exporter's advice to its programmers."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:160]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings and log lines of torch's exporter."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
