"""What a network costs, found without computing anything: its operations run on torch's ``meta`` device, which knows shapes only.

Multiply-adds are those of convolutions and matrix products, as :mod:`torch.utils.flop_counter` counts them (halved);
memory is the most bytes of tensors that live at a time, the weights apart. Libraries below torch (oneDNN, cuDNN) take workspace
besides.
"""

from __future__ import annotations

import importlib
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.costs import REFERENCE_BANDS, REFERENCE_CLASSES, REFERENCE_PX, CostRow, EncoderFacts
from segstudio.ml.networks.table import ENCODERS
from segstudio.ml.training.losses import SegmentationLoss

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

FEW_CLASSES = 2
"""The other number of classes at which everything is measured; between the two it grows evenly."""
SMALL_BATCH, LARGE_BATCH = 2, 4
"""What one image more costs in training is the difference of the two, so that gradients of the weights stay out of it."""


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside this, ``peak_bytes`` is the most bytes that tensors made inside held at a time, ``multiply_adds`` what was computed.

    torch works out shapes on the meta device in Python; an operation on shapes seen before is answered from memory, ten times as quickly.
    """

    _seen: ClassVar[dict[Any, tuple[Any, ...]]] = {}

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live_bytes = self.peak_bytes = self.multiply_adds = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def leave_out(self, module: nn.Module) -> None:
        """Do not count the parameters and buffers of *module*."""
        for tensor in (*module.parameters(), *module.buffers()):
            self._watch(tensor, is_counted=False)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and look at what it made."""
        kwargs = kwargs or {}
        answer = _answer(func, args, kwargs, self._seen)
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.multiply_adds += count(*args, **kwargs, out_val=answer) // 2
        for item in answer if isinstance(answer, (tuple, list)) else (answer,):
            if isinstance(item, torch.Tensor):
                self._watch(item)
        return answer

    def _watch(self, tensor: torch.Tensor, *, is_counted: bool = True) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if key in self._known:
            return
        size = storage.nbytes() if is_counted else 0

        def forget(_: object) -> None:
            del self._known[key]
            self.live_bytes -= size

        self._known[key] = weakref.ref(storage, forget)
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)


def _answer(func: Any, args: Any, kwargs: Any, seen: dict[Any, tuple[Any, ...]]) -> Any:
    """What *func* gives, by what it gave for the same shapes; views, and what is not known to make new tensors, are run."""
    schema = func._schema
    if any(result.alias_info for result in schema.returns):
        is_in_place = len(schema.returns) == 1 and schema.returns[0].alias_info.is_write and schema.name.endswith("_")
        return args[0] if is_in_place else func(*args, **kwargs)
    try:
        key = (func, _look(args), _look(tuple(sorted(kwargs.items()))))
        found = seen.get(key)
    except TypeError:  # something that cannot be a key
        return func(*args, **kwargs)
    if found is not None:
        made = tuple(
            None if one is None else torch.empty_strided(*one[:2], dtype=one[2], device="meta") for one in found
        )
        return made if len(schema.returns) > 1 else made[0]
    answer = func(*args, **kwargs)
    parts = answer if isinstance(answer, tuple) else (answer,)
    # Some views (_unsafe_view) don't say that they are.
    given = {item.untyped_storage()._cdata for item in tree_iter((args, kwargs)) if isinstance(item, torch.Tensor)}
    if len(parts) == len(schema.returns) and all(part is None or _is_new(part, given) for part in parts):
        seen[key] = tuple(None if part is None else (tuple(part.shape), part.stride(), part.dtype) for part in parts)
    return answer


def _is_new(part: Any, given: set[int]) -> bool:
    is_meta = type(part) is torch.Tensor and part.device.type == "meta"
    return is_meta and part.untyped_storage()._cdata not in given


def _look(value: Any) -> Any:
    """*value* with tensors replaced by what their operations' shapes depend on."""
    if isinstance(value, torch.Tensor):
        return (tuple(value.shape), value.stride(), value.dtype, value.device.type)
    return tuple(_look(item) for item in value) if isinstance(value, (tuple, list)) else value


def network_row(arch: str, encoder: str) -> CostRow:
    """The costs of a network of ours with this encoder.

    Raises
    ------
    UserError
        For an unknown network or encoder, or a pair that does not fit.
    """

    def build(bands: int, classes: int) -> nn.Module:
        return build_network(arch, encoder, bands=bands, classes=classes)

    return _row(build)


def torchvision_row(builder: str) -> CostRow:
    """The costs of torchvision's semantic network *builder* ("fcn_resnet50"), as inference loads it; training is not measured."""
    from torchvision.models import segmentation

    options = {} if builder.startswith("lraspp") else {"aux_loss": True}

    def build(_: int, classes: int) -> nn.Module:
        module: nn.Module = getattr(segmentation, builder)(
            weights=None, weights_backbone=None, num_classes=classes, **options
        )
        return module

    return _row(build, has_bands=False, is_trained=False)


def encoder_row(name: str) -> CostRow:
    """The costs of an encoder alone, at output stride 32."""
    return _row(lambda bands, _: build_encoder(name, bands=bands), has_classes=False, is_trained=False)


def facts_of_encoder(name: str) -> EncoderFacts:
    """Strides, channels, and the licence that timm names for an encoder's ImageNet weights ("" where it names none)."""
    with torch.device("meta"):
        built = build_encoder(name)
    timm = importlib.import_module("timm")
    found = timm.get_pretrained_cfg(ENCODERS[name].timm_name) if name != "alexnet" else None
    return EncoderFacts(built.reductions, built.channels, str(getattr(found, "license", "") or ""))


def _row(
    build: Callable[[int, int], nn.Module], *, has_bands: bool = True, has_classes: bool = True, is_trained: bool = True
) -> CostRow:
    bands, many = REFERENCE_BANDS, REFERENCE_CLASSES

    def made(bands: int, classes: int) -> nn.Module:
        with torch.device("meta"):
            return build(bands, classes)

    net = made(bands, many)
    parameters, (adds, peak) = _count(net), _inference(net, bands)
    of_class, adds_of_class, peak_of_class, few_training = 0.0, 0.0, 0.0, 0.0
    if has_classes:
        small = made(bands, FEW_CLASSES)
        step = many - FEW_CLASSES
        small_adds, small_peak = _inference(small, bands)
        of_class = (parameters - _count(small)) / step
        adds_of_class, peak_of_class = (adds - small_adds) / step, (peak - small_peak) / step
        few_training = _training(small, bands, FEW_CLASSES) if is_trained else 0.0
    of_band, adds_of_band = 0.0, 0.0
    if has_bands:
        wider = made(bands + 1, many)
        of_band = _count(wider) - parameters
        adds_of_band = _inference(wider, bands + 1)[0] - adds
    training = _training(net, bands, many) if is_trained else 0.0
    training_of_class = (training - few_training) / (many - FEW_CLASSES) if is_trained else 0.0
    numbers = (
        parameters, of_class, of_band, adds, adds_of_class, adds_of_band, peak, peak_of_class, training, training_of_class,
    )  # fmt: skip
    return CostRow(*map(round, numbers))


def _count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def _inference(net: nn.Module, bands: int) -> tuple[int, int]:
    """(multiply-adds, most bytes alive) of one window of the reference size."""
    net.eval()
    tally = Tally()
    tally.leave_out(net)
    with torch.no_grad(), tally:
        net(torch.empty(1, bands, REFERENCE_PX, REFERENCE_PX, device="meta"))
    return tally.multiply_adds, tally.peak_bytes


def _training(net: nn.Module, bands: int, classes: int) -> float:
    """Most bytes alive that one image more of the reference size costs in a step."""
    net.train()
    loss = SegmentationLoss("ce+dice")
    peaks = []
    for batch in (SMALL_BATCH, LARGE_BATCH):
        net.zero_grad(set_to_none=True)
        tally = Tally()
        tally.leave_out(net)
        with tally:
            images = torch.empty(batch, bands, REFERENCE_PX, REFERENCE_PX, device="meta")
            target = torch.empty(batch, REFERENCE_PX, REFERENCE_PX, dtype=torch.int64, device="meta")
            loss(net(images), target).backward()
        peaks.append(tally.peak_bytes)
        del images, target
    return (peaks[1] - peaks[0]) / (LARGE_BATCH - SMALL_BATCH)
