"""Writes every network as ONNX and compares it with onnxruntime: ``python tests/benchmarks/sweep_onnx.py [ID …] [--out FILE.json]``.

Not part of the tests: the large networks take minutes. Each gets its lightest encoder, as the graph's operations are the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard
from segstudio.ml.foreign.onnx_export import export_onnx
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER
from segstudio.ml.registry import Catalog
from segstudio.ml.weights import save_weights

LIGHT = ("resnet18", "mobilenet_v3_small", "hrnet_w18")
CLASSES = ("background", "one", "two")


def lightest(name: str) -> str:
    """The lightest encoder that a network takes."""
    encoders = ARCHITECTURES[name].encoders
    return next(
        (e for e in (NO_ENCODER, *LIGHT) if e in encoders and (e != NO_ENCODER or len(encoders) == 1)), encoders[0]
    )


def settle(network: torch.nn.Module) -> None:
    """Give batch norms the statistics of their features, and heads that begin at 0 some noise: logits as large as a trained network's."""
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = None
        for parameter in network.parameters():
            if not bool(parameter.any()):
                parameter.add_(torch.randn_like(parameter) * 0.01)
        network.train()(torch.randn(2, 3, 96, 96))
    network.eval()


def one(name: str, folder: Path) -> dict[str, object]:
    """Export one network with random weights; what came of it."""
    encoder = lightest(name)
    torch.manual_seed(0)
    network = build_network(name, encoder, bands=3, classes=len(CLASSES))
    settle(network)
    weights = folder / f"{name}.safetensors"
    save_weights(
        weights, network.state_dict(), ModelCard(name, name, architecture=name, encoder=encoder, classes=CLASSES)
    )
    del network
    row: dict[str, object] = {"network": name, "encoder": encoder}
    begin = time.perf_counter()
    try:
        done = export_onnx(Catalog().find(weights), folder / f"{name}.onnx")
        row |= {
            "size_px": done.size_px or "free",
            "difference": done.max_difference,
            "bytes": done.size_bytes,
            "note": done.note,
        }
    except UserError as error:
        row["refused"] = str(error)
    row["seconds"] = round(time.perf_counter() - begin, 1)
    for file in folder.iterdir():
        file.unlink()
    return row


def main() -> None:
    """Go through the networks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ids", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.ids or ARCHITECTURES:
            rows.append(one(name, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
            if args.out:
                args.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
