"""Cards of ONNX files: the one inside, the one beside, or one drawn from the graph. No torch and no onnxruntime here."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

from segstudio.core.errors import UserError
from segstudio.ml.cards import CARD_KEY, ModelCard, WeightsSource
from segstudio.ml.foreign.onnx_header import KNOWN_DOMAINS, OnnxHeader, TensorInfo, read_onnx_header
from segstudio.ml.foreign.wishes import Wishes, background_of

ARCHITECTURE = "onnx"
"""The architecture of a graph that is no network of ours."""
LOADER = "segstudio.ml.foreign.onnx_segmenter:load"
SIDECAR_SUFFIX = ".card.json"
MISSING = "needs the extra [onnx]: pip install 'segstudio[onnx]'"
FEW = 16
"""As many channels as this in last place, and more in first, mean that a file counts its channels last."""
MAX_BANDS = 4096
# What leaves scores as they are, between the function that made them and the output.
_PASSING = frozenset(
    {"Identity", "Cast", "Resize", "Upsample", "Slice", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Dropout"}
)
_PROBABILITIES = frozenset({"Sigmoid", "Softmax", "HardSigmoid"})
_LABELS = frozenset({"ArgMax", "TopK", "NonMaxSuppression"})


def is_runnable() -> bool:
    """Whether onnxruntime is installed; it is not imported."""
    return importlib.util.find_spec("onnxruntime") is not None


def sidecar_of(path: Path) -> Path:
    """Where the card of an installed ONNX file lies."""
    return path.with_name(path.name + SIDECAR_SUFFIX)


def read_onnx_card(path: Path, wishes: Wishes | None = None) -> ModelCard:
    """The card of an ONNX file, ready to be loaded from *path* (kind "file").

    The one inside wins; else the one beside it, unless *wishes* are given; else it is drawn from the graph.

    Raises
    ------
    UserError
        When the file is damaged, or is no network that segments an image.
    """
    path = Path(path)
    wishes = wishes or Wishes()
    if wishes.is_empty and (beside := _beside(path)) is not None:
        return beside
    header = read_onnx_header(path)
    _refuse_outside(path, header)
    inside = header.metadata.get(CARD_KEY)
    try:
        card = _told(ModelCard.loads(inside), wishes) if inside else drawn_card(path, header, wishes)
    except UserError as error:
        raise UserError(error.message, path=path, remedy=error.remedy or "choose another file") from error
    return _at(card, path)


def _beside(path: Path) -> ModelCard | None:
    try:
        card = ModelCard.loads(sidecar_of(path).read_text(encoding="utf-8"))
        is_same = card.weights.size_bytes in (0, path.stat().st_size)
    except (OSError, UnicodeDecodeError, UserError):
        return None
    return _at(card, path) if is_same else None


def _at(card: ModelCard, path: Path) -> ModelCard:
    source = WeightsSource("file", str(path), file_name=path.name, size_bytes=path.stat().st_size)
    return replace(card, weights=source, loader=LOADER)


def _told(card: ModelCard, wishes: Wishes) -> ModelCard:
    """The card inside, with what the person says on top."""
    if wishes.classes:
        if len(wishes.classes) != len(card.classes):
            wishes.names(len(card.classes))
        card = replace(card, classes=wishes.classes, background_index=background_of(wishes.classes))
    if wishes.mean or wishes.std:
        mean, std = wishes.statistics(card.bands)
        card = replace(card, mean=mean if wishes.mean else card.mean, std=std if wishes.std else card.std)
    return card


def _refuse_outside(path: Path, header: OnnxHeader) -> None:
    if header.has_outside_weights:
        raise UserError(
            "the ONNX file keeps its weights in other files, which segstudio does not follow",
            path=path,
            remedy="save the model as one file",
        )
    strange = sorted({node.domain for node in header.nodes} - KNOWN_DOMAINS)
    if strange and not strange[0].startswith("pkg."):
        raise UserError(
            f"the ONNX file needs operators of {strange[0]}, which onnxruntime does not have",
            path=path,
            remedy="ask its maker for a file of standard operators",
        )


def drawn_card(path: Path, header: OnnxHeader, wishes: Wishes) -> ModelCard:
    """A card from the graph alone: bands, classes, window and kind of output.

    Raises
    ------
    UserError
        When the graph has another shape than (N, bands, height, width) in and (N, classes, height, width) out.
    """
    image = _image_input(header)
    is_last = _counts_channels_last(image)
    shape = image.shape or ()
    bands, height, width = (shape[3], shape[1], shape[2]) if is_last else (shape[1], shape[2], shape[3])
    if not isinstance(bands, int) or bands > MAX_BANDS:
        raise UserError(
            "the ONNX file does not say how many bands it reads", remedy="export it with a fixed number of bands"
        )
    scores = _score_output(header, is_last)
    channels = scores.shape[3 if is_last else 1] if scores.shape else 0
    if not isinstance(channels, int) or channels < 1:
        raise UserError(
            "the ONNX file does not say how many classes it tells apart",
            remedy="export it with a fixed number of classes",
        )
    classes = wishes.names(channels)
    mean, std = wishes.statistics(bands)
    options = _options(header, scores, is_last, wishes)
    name = wishes.model_id or path.stem
    card = ModelCard(
        id=name, name=name, architecture=ARCHITECTURE, classes=classes,
        background_index=0 if channels == 1 else background_of(classes),
        bands=bands, mean=mean, std=std, scaling=wishes.scaling, options=options,
        licence=wishes.licence, parameters=header.parameters or None,
        description=f"An ONNX model by {header.producer or 'another program'}. Its file does not say what its classes are, "
        "nor how its images were scaled.",
    )  # fmt: skip
    return _cut(card, height, width, whole=options.get("fit") == "whole")


def _image_input(header: OnnxHeader) -> TensorInfo:
    if len(header.inputs) != 1:
        names = ", ".join(i.name for i in header.inputs[:4])
        raise UserError(
            f"the ONNX model has {len(header.inputs)} inputs ({names}), where segstudio gives it one image",
            remedy="choose a model that reads one image",
        )
    image = header.inputs[0]
    if image.shape is None or len(image.shape) != 4:
        raise UserError(
            f"the ONNX model's input is {_shape_text(image)}, not an image (count, bands, height, width)",
            remedy="choose a model that reads images",
        )
    if image.element not in ("float", "float16", "uint8", "double"):
        raise UserError(
            f"the ONNX model reads numbers of {image.element}, not an image", remedy="choose a model that reads images"
        )
    if isinstance(image.shape[0], int) and image.shape[0] != 1:
        raise UserError(
            f"the ONNX model reads exactly {image.shape[0]} images at once",
            remedy="export it for one image, or any number",
        )
    return image


def _counts_channels_last(image: TensorInfo) -> bool:
    _, first, _, last = image.shape or (0, 0, 0, 0)
    return isinstance(last, int) and last <= FEW and not (isinstance(first, int) and first <= FEW)


def _score_output(header: OnnxHeader, is_last: bool) -> TensorInfo:
    maps = [
        o
        for o in header.outputs
        if o.shape is not None and len(o.shape) == 4 and o.element in ("float", "float16", "double")
    ]
    if maps:
        return maps[0]
    makers = {name: node for node in header.nodes for name in node.outputs}
    first = header.outputs[0]
    if any(_maker(makers, o.name) in _LABELS for o in header.outputs) or first.element in ("int64", "int32", "uint8"):
        raise UserError(
            "the ONNX model answers with finished labels, where segstudio needs the scores of every class",
            remedy="export it without the last step (argmax)",
        )
    raise UserError(
        f"the ONNX model answers with {_shape_text(first)}, not with a score for every class and pixel",
        remedy="choose a model of semantic segmentation",
    )


def _options(header: OnnxHeader, scores: TensorInfo, is_last: bool, wishes: Wishes) -> dict[str, Any]:
    makers = {name: node for node in header.nodes for name in node.outputs}
    found = "probabilities" if _maker(makers, scores.name) in _PROBABILITIES else "logits"
    options: dict[str, Any] = {"output": wishes.output or found, "output_name": scores.name}
    if wishes.fit == "whole":
        options["fit"] = "whole"
    if is_last:
        options["channels"] = "last"
    return options


def _maker(makers: dict[str, Any], name: str) -> str:
    """The kind of operation that made *name*, looking through those that leave values alone."""
    for _ in range(64):
        node = makers.get(name)
        if node is None:
            return ""
        if node.kind not in _PASSING or not node.inputs:
            return str(node.kind)
        name = node.inputs[0]
    return ""


def _cut(card: ModelCard, height: int | str, width: int | str, *, whole: bool) -> ModelCard:
    """The card with windows that suit the input; the segmenter itself sees to windows of exactly the fixed size."""
    fixed = [side for side in (height, width) if isinstance(side, int)]
    if whole:
        # One window holds the whole picture at working scale, and the segmenter brings it to the fixed size.
        side = min(fixed) if fixed else 512
        return replace(card, window_px=4096, overlap_px=0, stride_px=1, working_short_side_px=side)
    if not fixed:
        return replace(card, window_px=512, overlap_px=96, stride_px=32)
    side = min(max(32, max(fixed)), 1024)
    return replace(card, window_px=side, overlap_px=side // 4, stride_px=side)


def _shape_text(info: TensorInfo) -> str:
    if info.shape is None:
        return "of no written shape"
    return (
        "(" + " × ".join(str(side) if side else "?" for side in info.shape) + ")" if info.shape else "a single number"
    )
