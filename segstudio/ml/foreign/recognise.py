"""Which network a list of weights belongs to, by names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Literal

import torch
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.foreign.table import SMP, TORCHVISION
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES

PROBE = 7
"""Classes that a network is tried with; what differs from the file by the same factor everywhere gives the file's."""
SMP_DECODERS = (
    "unet",
    "unetplusplus",
    "manet",
    "linknet",
    "fpn",
    "pspnet",
    "deeplabv3",
    "deeplabv3plus",
    "pan",
    "upernet",
    "segformer",
)
# The first words of the names of our networks' parameters, so that only those are built that it may be.
FIRST_WORDS = {
    "unet": "encoder head ups",
    "unetplusplus": "encoder heads nodes",
    "unet3plus": "encoder heads nodes presence",
    "fcn32s": "body fully score up_last",
    "fcn16s": "body fully score score_skips up_last ups",
    "fcn8s": "body fully score score_skips up_last ups",
    "segnet": "body head stages",
    "deconvnet": "body head stages waist",
    "deeplabv1": "body branches fully head",
    "deeplabv2": "aspp encoder",
    "deeplabv3": "context encoder head",
    "deeplabv3plus": "decoder encoder head",
    "pspnet": "auxiliary decoder encoder head",
    "refinenet": "blocks encoder head last",
    "hrnet": "body head mix",
    "ocrnet": "body context head pixels regions",
    "enet": "down_1 down_2 initial last stage_1 stage_2 stage_3 stage_4 stage_5 up_4 up_5",
    "bisenet": "after_4 after_5 encoder fusion head mean refine_4 refine_5 sides spatial",
    "upernet": "auxiliary decoder encoder head",
    "pixelnet": "body fully head mlp norms",
    "fastfcn": "auxiliary encoder head jpu mix",
    "vnet": "downs head stages ups",
}
_COUNTER = "num_batches_tracked"
Builder = Callable[[int, int], nn.Module]
"""(bands, channels) → network."""


@dataclass(frozen=True)
class Recognised:
    """A network that has exactly these weights; ``channels`` of its answer, ``state`` with the network's own names."""

    architecture: str
    encoder: str
    bands: int
    channels: int
    state: dict[str, torch.Tensor]
    task: Literal["semantic", "instance"] = "semantic"
    options: dict[str, Any] = field(default_factory=dict)

    def network(self) -> nn.Module:
        """The network with random parameters."""
        return build(self.architecture, self.encoder, self.bands, self.channels, self.options)


def recognise(state: Mapping[str, torch.Tensor]) -> Recognised | None:
    """The network of ours, torchvision's or segmentation-models-pytorch's that has these weights; None when none has."""
    bands = first_bands(state)
    if not bands:
        return None
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    for architecture, encoder, options, task in _candidates(shapes):
        make = partial(_built, architecture, encoder, options)
        channels = channels_of(make, shapes, bands)
        if channels:
            kept = {**options, **({"channels": 1} if channels == 1 else {})}
            return Recognised(architecture, encoder, bands, channels, dict(state), task, kept)
    return None


def first_bands(state: Mapping[str, torch.Tensor]) -> int:
    """Bands that the first convolution reads; 0 where there is none."""
    return next((int(value.shape[1]) for value in state.values() if value.ndim == 4), 0)


def channels_of(make: Builder, shapes: Mapping[str, tuple[int, ...]], bands: int) -> int:
    """Channels of the answer with which *make* gives a network of exactly these shapes; 0 where there are none."""
    wanted = _shapes(make, bands, PROBE)
    if wanted is None or not _same_names(wanted, shapes):
        return 0
    factors = {
        (theirs, ours)
        for name, shape in wanted.items()
        if name in shapes and len(shape) == len(shapes[name])
        for ours, theirs in zip(shape, shapes[name], strict=True)
        if ours != theirs
    }
    channels = {theirs * PROBE // ours for theirs, ours in factors if theirs * PROBE % ours == 0}
    if not factors:
        channels = {PROBE}
    if len(channels) != 1:
        return 0
    found = channels.pop()
    exact = _shapes(make, bands, found)
    is_exact = exact is not None and all(exact[name] == shape for name, shape in shapes.items() if name in exact)
    return found if is_exact and _same_names(exact or {}, shapes) else 0


def _same_names(wanted: Mapping[str, Any], have: Mapping[str, Any]) -> bool:
    # Files of old lack the counters of batch norms; they play no part in inference.
    return all(name.endswith(_COUNTER) and name in wanted for name in wanted.keys() ^ have.keys())


def _shapes(make: Builder, bands: int, channels: int) -> dict[str, tuple[int, ...]] | None:
    try:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in make(bands, channels).state_dict().items()}
    except (UserError, ValueError, RuntimeError, TypeError, KeyError, NotImplementedError):
        # This pair cannot be built for so many bands or classes, so the file is not of it.
        return None


def build(architecture: str, encoder: str, bands: int, channels: int, options: Mapping[str, Any]) -> nn.Module:
    """A network of ours, ``torchvision:…`` or ``smp:…``, with random parameters.

    Raises
    ------
    UserError
        For an unknown one, or when the package is missing.
    """
    return _built(architecture, encoder, options, bands, channels)


def _built(architecture: str, encoder: str, options: Mapping[str, Any], bands: int, channels: int) -> nn.Module:
    if architecture.startswith(TORCHVISION):
        return _torchvision(architecture.removeprefix(TORCHVISION), channels, bool(options.get("aux")))
    if architecture.startswith(SMP):
        return _smp(architecture.removeprefix(SMP), encoder, bands, channels)
    own = {key: value for key, value in options.items() if key != "channels"}
    return build_network(architecture, encoder, bands=bands, classes=channels, options=own)


def _torchvision(name: str, channels: int, has_aux: bool) -> nn.Module:
    import torchvision

    options: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": channels}
    if name.startswith("maskrcnn"):
        return torchvision.models.detection.__dict__[name](**options)  # type: ignore[no-any-return]
    if not name.startswith("lraspp"):
        options["aux_loss"] = has_aux
    return torchvision.models.segmentation.__dict__[name](**options)  # type: ignore[no-any-return]


def _smp(name: str, encoder: str, bands: int, channels: int) -> nn.Module:
    try:
        import segmentation_models_pytorch as smp
    except ImportError as error:
        raise UserError(
            "this model needs segmentation-models-pytorch, which is not installed",
            remedy="pip install segmentation-models-pytorch",
        ) from error
    return smp.create_model(name, encoder, None, in_channels=bands, classes=channels)  # type: ignore[no-any-return]


Candidate = tuple[str, str, dict[str, Any], Literal["semantic", "instance"]]


def _candidates(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Candidate]:
    """Networks worth trying, by the first words of the names."""
    first = {name.partition(".")[0] for name in shapes}
    if "roi_heads" in first:
        for name in ("maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"):
            yield TORCHVISION + name, "resnet50", {}, "instance"
    elif first <= {"backbone", "classifier", "aux_classifier"}:
        for name in ("fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101",
                     "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"):  # fmt: skip
            encoder = name.split("_", 1)[1]
            yield TORCHVISION + name, encoder, {"aux": "aux_classifier" in first}, "semantic"
    elif "segmentation_head" in first:
        yield from _smp_candidates(shapes)
    else:
        yield from _own_candidates(first, shapes)


def _own_candidates(first: set[str], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Candidate]:
    for name, words in FIRST_WORDS.items():
        if set(words.split()) == first:
            for encoder in dict.fromkeys((ARCHITECTURES[name].default_encoder, *ARCHITECTURES[name].encoders)):
                yield name, encoder, {}, "semantic"


def _smp_candidates(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Candidate]:
    try:
        import segmentation_models_pytorch as smp
    except ImportError:
        return
    encoder_names, decoder = ({n for n in shapes if n.startswith(part)} for part in ("encoder.", "decoder."))
    decoders = [name for name in SMP_DECODERS if _has_decoder(name, decoder)]
    for encoder in smp.encoders.get_encoder_names() if decoders else ():
        if _same_names(dict.fromkeys(_encoder_names(encoder)), dict.fromkeys(encoder_names)):
            for name in decoders:
                yield SMP + name, encoder, {}, "semantic"


@cache
def _encoder_names(encoder: str) -> tuple[str, ...]:
    """Names of the parameters of an encoder of segmentation-models-pytorch."""
    import segmentation_models_pytorch as smp

    try:
        with torch.device("meta"):
            return tuple(f"encoder.{name}" for name in smp.encoders.get_encoder(encoder, weights=None).state_dict())
    except (ValueError, RuntimeError, TypeError, KeyError, NotImplementedError):
        return ()


def _has_decoder(name: str, decoder: set[str]) -> bool:
    """Whether the decoder of a network with a plain encoder has the names of the file's."""
    own = _shapes(partial(_built, SMP + name, "mit_b0" if name == "segformer" else "resnet18", {}), 3, PROBE)
    return own is not None and {n for n in own if n.startswith("decoder.")} ^ decoder <= {
        n for n in decoder if n.endswith(_COUNTER)
    }
