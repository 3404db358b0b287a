"""Measure every network with every encoder that fits, and write resources/models/networks.json (some ten minutes).

    python packaging/measure_networks.py [NETWORK …]

With networks named, only their rows are measured anew. Run it after a change of a network, an encoder or the versions of torch and timm;
tests/unit/ml/test_costs.py says when rows are stale.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from segstudio.ml.networks import measure
from segstudio.ml.networks.costs import ENCODER_ALONE, TORCHVISION
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS
from segstudio.ml.torchvision_cards import TORCHVISION_CARDS

FILE = Path(__file__).parents[1] / "resources" / "models" / "networks.json"


def wanted() -> list[tuple[str, str]]:
    """(network, encoder) of every row of the table."""
    rows = [(arch, name) for arch, spec in ARCHITECTURES.items() for name in spec.encoders]
    rows += [(TORCHVISION, card.architecture) for card in TORCHVISION_CARDS if card.task == "semantic"]
    return rows + [(ENCODER_ALONE, name) for name in ENCODERS]


def measured(arch: str, name: str) -> list[int]:
    if arch == TORCHVISION:
        return list(measure.torchvision_row(name))
    if arch == ENCODER_ALONE:
        return list(measure.encoder_row(name))
    return list(measure.network_row(arch, name))


def main() -> None:
    torch.set_num_threads(1)
    only = set(sys.argv[1:])
    kept = json.loads(FILE.read_text(encoding="utf-8"))["rows"] if only else {}
    rows: dict[str, dict[str, list[int]]] = {}
    for arch, name in wanted():
        if only and arch not in only:
            rows.setdefault(arch, {})[name] = kept[arch][name]
            continue
        began = time.monotonic()
        rows.setdefault(arch, {})[name] = row = measured(arch, name)
        print(
            f"{arch:14} {name:20} {row[0] / 1e6:8.2f} M {row[3] / 1e9:9.2f} GMAC {time.monotonic() - began:5.1f} s",
            flush=True,
        )
    document = {"rows": rows, "encoders": {name: measure.facts_of_encoder(name) for name in ENCODERS}}
    text = json.dumps(document, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"')
    FILE.write_text(text + "\n", encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
