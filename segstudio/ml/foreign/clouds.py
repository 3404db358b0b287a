"""ukis-csmask as a segmenter: its tiles, its scaling, its network; windows and memory are ours."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.ml.foreign.clouds_cards import BAND_TITLES, BANDS, MISSING
from segstudio.ml.foreign.onnx_segmenter import SMALLEST_SHARE, CancelSlot, quiet_session

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.cards import ModelCard

DN_PER_REFLECTANCE = 10_000.0
"""Sentinel-2's whole numbers a unit of reflectance."""
LARGEST_REFLECTANCE = 20.0
"""No pixel reflects so much, however bright: such numbers are something else."""
OVERLAP = 0.2
"""The package's own."""
# Names under which files list the bands that the networks want.
_KNOWN = {
    "b02": "blue", "b2": "blue", "b03": "green", "b3": "green", "b04": "red", "b4": "red", "b08": "nir", "b8": "nir", "b8a": "nir",
    "b11": "swir16", "b12": "swir22", "nir08": "nir", "nir": "nir", "swir1": "swir16", "swir2": "swir22",
    **{band: band for band in BANDS},
}  # fmt: skip


def load(card: ModelCard, path: str, device: str) -> CloudSegmenter:
    """One of the networks of ukis-csmask.

    Raises
    ------
    UserError
        When the package is missing, or cannot run.
    """
    return CloudSegmenter(card, Path(path), device)


class CloudSegmenter:
    """Scales, tiles, computes and blends a window as ``ukis_csmask.mask.CSmask`` does an image."""

    def __init__(self, card: ModelCard, path: Path, device: str = "cpu") -> None:
        try:
            self._mask: Any = importlib.import_module("ukis_csmask.mask").CSmask
            self._utils: Any = importlib.import_module("ukis_csmask.utils")
        except ImportError as error:
            raise UserError(f"the model {card.id} {MISSING}", remedy="install it, or choose another model") from error
        self.card, self.path = card, path
        self.hooks = CancelSlot()
        self.scale = 1.0
        try:
            known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["data"]
            self.mean, self.std = known["dataset_statistics"]["img"]
            self.tile: tuple[int, int] = tuple(known["target_size"])
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"the package ukis-csmask is damaged ({error})", path=path, remedy="install it again"
            ) from error
        self.device = "cpu"
        self.to(device)

    def to(self, device: str) -> None:
        """Move to another device; where onnxruntime has no CUDA the model stays on the CPU."""
        self.session = quiet_session(self.path, device)
        self.input_name = self.session.get_inputs()[0].name
        has_cuda = "CUDAExecutionProvider" in self.session.get_providers()
        self.device = device if has_cuda and torch.cuda.is_available() else "cpu"

    def check_image(self, info: Any) -> None:
        """Look at an image's bands and type before its values are read.

        Raises
        ------
        UserError
            When it has other bands than the network reads, or 8-bit values, which are no reflectances.
        """
        wanted = BANDS[: self.card.bands]
        titles = ", ".join(BAND_TITLES[band] for band in wanted)
        metadata = getattr(info, "metadata", None) or {}
        bands = int(getattr(info, "bands", self.card.bands)) - (1 if metadata.get("alpha_band") is not None else 0)
        path = getattr(info, "path", None)
        if bands != self.card.bands:
            raise UserError(
                f"{self.card.id} reads {self.card.bands} bands in this order: {titles}; the image has {bands}",
                path=path,
                remedy="make a file of these bands",
            )
        names = [_KNOWN.get(str(name).strip().lower()) for name in metadata.get("band_names") or ()]
        if len(names) >= len(wanted) and all(names) and tuple(names[: len(wanted)]) != wanted:
            raise UserError(
                f"{self.card.id} reads the bands in this order: {titles}; the image says it has them in another",
                path=path,
                remedy="make a file with the bands in this order",
            )
        dtype = np.dtype(getattr(info, "dtype", "float32"))
        if dtype.kind in "iu" and dtype.itemsize == 1:
            raise UserError(
                f"{self.card.id} reads reflectances, which 8-bit values are not",
                path=path,
                remedy="use the 16-bit product, or reflectances 0 … 1 as floats",
            )
        self.scale = DN_PER_REFLECTANCE if dtype.kind in "iu" else 1.0

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits (N, 3, H, W) float32 of *batch* (N, bands, H, W): the logarithms of the package's probabilities."""
        answers = [self._probabilities(image) for image in batch.cpu().numpy()]
        logits = torch.from_numpy(np.stack(answers)).clamp_(min=SMALLEST_SHARE).log_()
        return logits.permute(0, 3, 1, 2).to(self.device)

    def _probabilities(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(h, w, 3) of (bands, h, w)."""
        values = np.moveaxis(image, 0, -1).astype(np.float32)
        if self.scale != 1.0:
            values /= np.float32(self.scale)
        if float(values.max(initial=0.0)) > LARGEST_REFLECTANCE:
            raise UserError(
                f"{self.card.id} reads reflectances 0 … 1, but the image holds {values.max():.4g}",
                remedy="divide its values (Sentinel-2's by 10 000) before adding it",
            )
        values = self._mask.normalize(values, self.mean, self.std)
        tiles = np.moveaxis(
            self._utils.tile_array(values, xsize=self.tile[0], ysize=self.tile[1], overlap=OVERLAP), -1, 1
        )
        answers = []
        for tile in tiles:
            check(self.hooks.cancel)
            answers.append(self._mask.softmax(self.session.run(None, {self.input_name: tile[None]})[0]))
        shares = np.moveaxis(np.concatenate(answers), 1, -1)
        size = (*values.shape[:2], shares.shape[3])
        joined = self._utils.untile_array(shares, size, overlap=OVERLAP, smooth_blending=True)
        return np.asarray(joined, np.float32)
