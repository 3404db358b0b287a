"""ONNX models as segmenters, computed by onnxruntime."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.ml.foreign.onnx_card import MISSING, is_runnable
from segstudio.ml.foreign.tiles import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.ml.cards import ModelCard

SMALLEST_SHARE = 1e-6
"""Probabilities are kept this far from 0 and 1, so that their logarithms are finite."""
POLL_S = 0.05
ERRORS_ONLY = 3
TYPES: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8
}  # fmt: skip


def load(card: ModelCard, path: str, device: str) -> OnnxSegmenter:
    """The ONNX model at *path* on *device*; what :attr:`segstudio.ml.cards.ModelCard.loader` names.

    Raises
    ------
    UserError
        When onnxruntime is missing, or cannot run the file.
    """
    return OnnxSegmenter(card, Path(path), device)


def quiet_session(path: Path, device: str) -> Any:
    """An inference session that says nothing on the terminal, on as many cores as torch uses.

    Raises
    ------
    UserError
        When onnxruntime is missing, or cannot run the file.
    """
    if not is_runnable():
        raise UserError(f"the ONNX model {MISSING}", path=path, remedy="install it, or choose another model")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY + 1
    options.intra_op_num_threads = torch.get_num_threads()
    providers: list[Any] = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(device.partition(":")[2] or 0)}))
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
    except Exception as error:  # noqa: BLE001 - a damaged graph may raise any of onnxruntime's own kinds
        raise UserError(
            f"onnxruntime cannot run the ONNX file ({_plain(error)})",
            path=path,
            remedy="ask its maker for another file",
        ) from error


class CancelSlot:
    """Where the engine puts the flag that ends a forward pass."""

    def __init__(self) -> None:
        self.cancel: Cancel = NEVER


class OnnxSegmenter:
    """A graph with one image in and scores out.

    The card's options say what the graph does not: ``output`` "logits" or "probabilities"; ``output_name``; ``fit`` "whole"
    (a fixed input gets the whole picture, resampled; else windows of its size); ``channels`` "last"; ``by_maximum`` (values
    are divided by the picture's largest before mean and std, as U²-Net's are).
    """

    def __init__(self, card: ModelCard, path: Path, device: str = "cpu") -> None:
        self.card, self.path = card, path
        self.hooks = CancelSlot()
        self.device = "cpu"
        self.to(device)
        image = self.session.get_inputs()[0]
        self.input_name, self.dtype = str(image.name), TYPES.get(image.type)
        if self.dtype is None or len(self.session.get_inputs()) != 1:
            raise UserError(
                f"the ONNX model does not read one image but {image.type}", path=path, remedy="choose another"
            )
        self.is_last = card.options.get("channels") == "last"
        sides = image.shape[1:3] if self.is_last else image.shape[2:4]
        self.fixed = tuple(side if isinstance(side, int) and side > 0 else 0 for side in sides)
        self.max_count = image.shape[0] if isinstance(image.shape[0], int) and image.shape[0] > 0 else 0
        names = [output.name for output in self.session.get_outputs()]
        wanted = str(card.options.get("output_name", names[0]))
        self.output_name = wanted if wanted in names else names[0]
        self.is_probability = card.options.get("output") == "probabilities"

    def to(self, device: str) -> None:
        """Move to another device; where onnxruntime has no CUDA the model stays on the CPU."""
        self.session = quiet_session(self.path, device)
        has_cuda = "CUDAExecutionProvider" in self.session.get_providers()
        self.device = device if has_cuda and torch.cuda.is_available() else "cpu"

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, H, W) float32 of *batch* (N, C, H, W) float32, on the model's device."""
        with torch.inference_mode():
            images = self._by_maximum(batch.float().cpu())
            height, width = images.shape[-2:]
            fixed = (self.fixed[0] or height, self.fixed[1] or width)
            if self.card.options.get("fit") == "whole" and any(self.fixed):
                small = F.interpolate(images, size=fixed, mode="bilinear", align_corners=False, antialias=True)
                answer = F.interpolate(self._scores(small), size=(height, width), mode="bilinear", align_corners=False)
                return self._logits(answer).to(self.device)
            return self._logits(self._in_windows(images, fixed)).to(self.device)

    def _in_windows(self, images: torch.Tensor, fixed: tuple[int, int]) -> torch.Tensor:
        height, width = images.shape[-2:]
        if fixed == (height, width):
            padded = _padded(images, 1 if any(self.fixed) else self.card.stride_px)
            return self._scores(padded)[..., :height, :width]
        tiling = Tiling(height, width, *fixed)
        return torch.stack([tiling.joined(self._scores(tiling.cut(image))) for image in images])

    def _by_maximum(self, images: torch.Tensor) -> torch.Tensor:
        """Values divided by the largest of each picture, where the card asks for it."""
        if not self.card.options.get("by_maximum"):
            return images
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.card.mean, self.card.std))
        unit = images * std + mean
        largest = unit.flatten(1).max(dim=1).values.clamp(min=SMALLEST_SHARE)
        return (unit / largest[:, None, None, None] - mean) / std

    def _scores(self, images: torch.Tensor) -> torch.Tensor:
        """What the graph answers, (N, K, h, w) float32 at the size of *images*, at most as many at once as it takes."""
        parts = []
        step = self.max_count or len(images)
        for at in range(0, len(images), step):
            check(self.hooks.cancel)
            parts.append(self._run(images[at : at + step]))
        answer = torch.cat(parts)
        if answer.shape[-2:] != images.shape[-2:]:
            answer = F.interpolate(answer, size=images.shape[-2:], mode="bilinear", align_corners=False)
        return answer

    def _run(self, images: torch.Tensor) -> torch.Tensor:
        values: npt.NDArray[Any] = images.numpy()
        if self.dtype is np.uint8:
            values = (values * 255.0).round().clip(0, 255)
        values = values.astype(self.dtype, copy=False)
        if self.is_last:
            values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
        with _stoppable(self.hooks.cancel) as options:
            try:
                found = self.session.run([self.output_name], {self.input_name: values}, options)[0]
            except Exception as error:
                check(self.hooks.cancel)
                if "allocat" in str(error).lower() or "out of memory" in str(error).lower():
                    raise MemoryError(_plain(error)) from error
                raise UserError(
                    f"the ONNX model {self.card.id} failed on an image of {images.shape[-1]}×{images.shape[-2]} px ({_plain(error)})",
                    path=self.path,
                    remedy="choose another size of tiles, or another model",
                ) from error
        answer = torch.from_numpy(np.asarray(found, dtype=np.float32))
        if answer.ndim != 4:
            raise UserError(
                f"the ONNX model {self.card.id} answers with {tuple(answer.shape)}, not with a score for every class and pixel",
                path=self.path,
                remedy="choose another model",
            )
        return answer.permute(0, 3, 1, 2) if self.is_last else answer

    def _logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores as logits whose softmax is the model's probability; one channel becomes two classes."""
        has_one = scores.shape[1] == 1 and len(self.card.classes) == 2
        if self.is_probability:
            shares = scores.clamp(SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)
            scores = torch.logit(shares) if has_one else shares.log()
        if has_one:
            scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
        return scores.contiguous()


@contextmanager
def _stoppable(cancel: Cancel) -> Iterator[Any]:
    """Run options that end the run when *cancel* is set: onnxruntime asks nobody between two layers."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = ERRORS_ONLY + 1
    if cancel is NEVER:
        yield options
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_S):
            if cancel.is_set():
                options.terminate = True
                return

    watcher = threading.Thread(target=watch, name="onnx cancel", daemon=True)
    watcher.start()
    try:
        yield options
    finally:
        done.set()
        watcher.join()


def _padded(images: torch.Tensor, multiple: int) -> torch.Tensor:
    height, width = images.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not (bottom or right):
        return images
    mode = "reflect" if bottom < height and right < width else "replicate"
    return F.pad(images, (0, right, 0, bottom), mode=mode)


def _plain(error: BaseException) -> str:
    """The gist of one of onnxruntime's messages, in one line."""
    words = " ".join(str(error).split())
    return words[:200] if words else type(error).__name__
