"""What an ONNX file says of itself: inputs, outputs, metadata. Read without onnxruntime, and never run. No torch here."""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml.foreign.protobuf import Buffer, DamagedMessage, Span, fields, number, numbers, part, text

if TYPE_CHECKING:
    from pathlib import Path

# The element types of ONNX that an image or scores may come in; the numbers are those of TensorProto.DataType.
ELEMENTS = {
    1: "float",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "double",
    16: "bfloat16",
}
KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""What onnxruntime computes by itself; other operators would need a library of their maker's."""
_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: ``shape`` holds numbers, or names (or "") for what is free; None where no shape is written."""

    name: str
    element: str
    shape: tuple[int | str, ...] | None


@dataclass(frozen=True)
class Node:
    """One operation of the graph."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str = ""


@dataclass(frozen=True)
class OnnxHeader:
    """An ONNX file's outline; ``parameters`` counts the numbers of its initializers."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    nodes: tuple[Node, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    producer: str = ""
    opset: int = 0
    parameters: int = 0
    has_outside_weights: bool = False


@dataclass
class _Graph:
    nodes: list[Node] = field(default_factory=list)
    inputs: list[TensorInfo] = field(default_factory=list)
    outputs: list[TensorInfo] = field(default_factory=list)
    weights: set[str] = field(default_factory=set)
    parameters: int = 0
    has_outside_weights: bool = False


def read_onnx_header(path: Path) -> OnnxHeader:
    """The outline of an ONNX file; weights are passed over, so that it takes milliseconds.

    Raises
    ------
    UserError
        When the file is missing, empty, cut short, or no ONNX file.
    """
    try:
        status = path.stat()
        return _read(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise UserError(f"the file cannot be read ({error})", path=path, remedy="choose another file") from error


@lru_cache(maxsize=32)
def _read(path: Path, size: int, _time: int) -> OnnxHeader:
    if size == 0:
        raise UserError("the weights file is empty", path=path, remedy=_AGAIN)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _model(data)
        except DamagedMessage as error:
            _refuse(path, size, bytes(data[:16]), error)
            raise AssertionError from error


def _refuse(path: Path, size: int, start: bytes, error: DamagedMessage) -> None:
    # Field 1 or 8 (versions) comes first in every file that an exporter wrote.
    if error.wanted > size and start[:1] in (b"\x08", b"\x12", b"\x42", b"\x3a"):
        raise UserError(
            f"the ONNX file is cut short: it has {size:,} bytes and should have at least {error.wanted:,}",
            path=path,
            remedy=_AGAIN,
        ) from error
    raise UserError(f"this is no ONNX file ({error})", path=path, remedy="choose another file") from error


def _model(data: Buffer) -> OnnxHeader:
    metadata: dict[str, str] = {}
    graph: _Graph | None = None
    producer, opset = "", 0
    for key, value in fields(data, (0, len(data))):
        if key == 2:
            producer = text(data, value)
        elif key == 7:
            graph = _graph(data, part(value))
        elif key == 8:
            entry = dict(fields(data, part(value)))
            if text(data, entry.get(1, (0, 0))) in ("", "ai.onnx"):
                opset = number(entry.get(2, 0))
        elif key == 14:
            entry = dict(fields(data, part(value)))
            metadata[text(data, entry.get(1, (0, 0)))] = text(data, entry.get(2, (0, 0)))
    if graph is None or not graph.outputs:
        raise DamagedMessage("it holds no graph")
    return OnnxHeader(
        # Files of old list the weights among the inputs.
        inputs=tuple(i for i in graph.inputs if i.name not in graph.weights),
        outputs=tuple(graph.outputs),
        nodes=tuple(graph.nodes),
        metadata=metadata,
        producer=producer,
        opset=opset,
        parameters=graph.parameters,
        has_outside_weights=graph.has_outside_weights,
    )


def _graph(data: Buffer, span: Span) -> _Graph:
    graph = _Graph()
    for key, value in fields(data, span):
        if key == 1:
            graph.nodes.append(_node(data, part(value)))
        elif key == 5:
            _initializer(data, part(value), graph)
        elif key == 11:
            graph.inputs.append(_tensor_info(data, part(value)))
        elif key == 12:
            graph.outputs.append(_tensor_info(data, part(value)))
    return graph


def _node(data: Buffer, span: Span) -> Node:
    inputs, outputs, kind, domain = [], [], "", ""
    for key, value in fields(data, span):
        if key == 1:
            inputs.append(text(data, value))
        elif key == 2:
            outputs.append(text(data, value))
        elif key == 4:
            kind = text(data, value)
        elif key == 7:
            domain = text(data, value)
    return Node(kind, tuple(inputs), tuple(outputs), domain)


def _initializer(data: Buffer, span: Span, graph: _Graph) -> None:
    dims: list[int] = []
    for key, value in fields(data, span):
        if key == 1:
            dims += numbers(data, value)
        elif key == 8:
            graph.weights.add(text(data, value))
        elif key == 14 and number(value) == 1:
            graph.has_outside_weights = True
    graph.parameters += math.prod(dims)


def _tensor_info(data: Buffer, span: Span) -> TensorInfo:
    name, element = "", ""
    shape: tuple[int | str, ...] | None = None
    for key, value in fields(data, span):
        if key == 1:
            name = text(data, value)
        elif key == 2:
            for kind, inner in fields(data, part(value)):
                if kind != 1:
                    element = "no tensor"
                    continue
                for item, content in fields(data, part(inner)):
                    if item == 1:
                        element = ELEMENTS.get(number(content), f"type {number(content)}")
                    elif item == 2:
                        shape = tuple(_dimension(data, part(d)) for n, d in fields(data, part(content)) if n == 1)
    return TensorInfo(name, element, shape)


def _dimension(data: Buffer, span: Span) -> int | str:
    for key, value in fields(data, span):
        if key == 1:
            size = number(value)
            return size if size > 0 else ""
        if key == 2:
            return text(data, value)
    return ""
