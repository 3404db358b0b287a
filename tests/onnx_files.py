"""Small ONNX files made by hand, for tests of several floors."""

from __future__ import annotations

import numpy as np
import pytest


def write_onnx(
    path,
    *,
    bands=3,
    channels=3,
    height="h",
    width="w",
    count="n",
    end="",
    last=False,
    metadata=None,
    weight=None,
    element="FLOAT",
    input_shape=None,
    domain="",
):
    """A 1×1 convolution whose weights are *weight* (channels, bands), else fixed random ones; then *end* (an operator)."""
    onnx = pytest.importorskip("onnx", reason="needs the extra [onnx]")
    from onnx import TensorProto, helper, numpy_helper

    kind = getattr(TensorProto, element)
    weight = np.random.default_rng(3).normal(size=(channels, bands)) if weight is None else np.asarray(weight)
    channels, bands = weight.shape
    tensors = [numpy_helper.from_array(weight[:, :, None, None].astype(np.float32), "weight")]
    nodes, image = [], "image"
    if element != "FLOAT":
        nodes.append(helper.make_node("Cast", [image], ["float"], to=TensorProto.FLOAT))
        image = "float"
    if last:
        nodes.append(helper.make_node("Transpose", [image], ["first"], perm=[0, 3, 1, 2]))
        image = "first"
    nodes.append(helper.make_node("Conv", [image, "weight"], ["raw"], kernel_shape=[1, 1]))
    answer = "raw"
    if end:
        options = {"axis": 1} if end in ("Softmax", "ArgMax") else {}
        nodes.append(helper.make_node(end, [answer], ["ended"], domain=domain, **options))
        answer = "ended"
    if last:
        nodes.append(helper.make_node("Transpose", [answer], ["turned"], perm=[0, 2, 3, 1]))
        answer = "turned"
    shape = (lambda c: [count, height, width, c]) if last else (lambda c: [count, c, height, width])
    out_kind, out_shape = TensorProto.FLOAT, shape(channels)
    if end == "ArgMax":
        out_kind, out_shape = TensorProto.INT64, shape(1)
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", kind, input_shape or shape(bands))],
        [helper.make_tensor_value_info(answer, out_kind, out_shape)],
        tensors,
    )
    opsets = [helper.make_opsetid("", 18)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets, producer_name="tests")
    model.ir_version = 9
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
    return path


def answer_of(weight, images):
    """What the graph computes before *end*: (N, channels, H, W) of (N, bands, H, W)."""
    return np.einsum("kc,nchw->nkhw", np.asarray(weight, np.float32), images)
