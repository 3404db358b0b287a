"""What the networks cost: a table of all of them, and each wrapped one against the bare library's forward.

Run ``python tests/benchmarks/bench_networks.py``; ``--write`` puts the table into resources/docs/networks.md, ``--results FILE`` keeps each row
as it is measured, so that a run that was stopped goes on. 512², 3 bands, 21 classes, default encoder, float32, one thread. Times are CPU seconds
of the process (median of three, after one that is not counted; one of networks that take more than 3 s), so that other work on the machine hardly
counts; GPU times where torch finds one (bfloat16, channels_last, median of 20). ``ratio``: our forward / the library's, each measured in turn with
the other; the aim is 1.05 or less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from document import replace_section, table
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.costs import costs_of
from segstudio.ml.networks.table import ARCHITECTURES

SIDE, BANDS, CLASSES, AIM = 512, 3, 21, 1.05
SLOW_S = 3.0


def seconds(forward: Callable[[], object], times: int = 3) -> float:
    """Median CPU seconds of a forward."""
    taken = []
    for _ in range(times + 1):
        began = time.process_time()
        forward()
        taken.append(time.process_time() - began)
        if taken[-1] > SLOW_S:
            break
    return statistics.median(taken[1:] or taken)


def laid_out(network: nn.Module) -> nn.Module:
    """Channels last, as proposals use it; as it is where its kernels are three-dimensional."""
    is_flat = all(p.dim() < 5 for p in network.parameters())
    return network.to(memory_format=torch.channels_last) if is_flat else network  # type: ignore[call-overload, no-any-return]


def gpu_ms(network: nn.Module) -> float | None:
    """Median milliseconds on the GPU, None without one."""
    if not torch.cuda.is_available():
        return None
    network = laid_out(network.to("cuda", torch.bfloat16))
    x = torch.rand(1, BANDS, SIDE, SIDE, device="cuda", dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(23):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        network(x)
        end.record()
        torch.cuda.synchronize()
        taken.append(begin.elapsed_time(end))
    return statistics.median(taken[3:])


def row_of(name: str) -> dict[str, object]:
    """A network's line of the table."""
    torch.manual_seed(0)
    spec = ARCHITECTURES[name]
    costs = costs_of(name, "", bands=BANDS, classes=CLASSES, height=SIDE, width=SIDE)
    network = laid_out(build_network(name, "", bands=BANDS, classes=CLASSES).eval())
    x = torch.rand(1, BANDS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        cpu = seconds(lambda: network(x))
        gpu = gpu_ms(network)
    return {"network": name, "encoder": spec.default_encoder, "parameters": sum(p.numel() for p in network.parameters()),
            "multiply_adds": costs.multiply_adds if costs else None, "memory_bytes": costs.memory_bytes if costs else None,
            "cpu_ms": round(cpu * 1e3, 1), "gpu_ms": gpu}  # fmt: skip


class Bare(nn.Module):
    """An encoder and a decoder of the libraries, joined with nothing around them."""

    def __init__(self, encoder: nn.Module, decoder: Callable[[list[torch.Tensor], torch.Tensor], torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.encoder, self._decoder, self.parts = encoder, decoder, nn.ModuleList(parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits at the input's size."""
        logits = self._decoder(self.encoder(x), x)
        return F.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)


def bare_networks() -> dict[str, tuple[str, dict[str, object], nn.Module]]:
    """Network id → (encoder, options, the library's own)."""
    import segmentation_models_pytorch as smp
    import timm
    from segmentation_models_pytorch.decoders.pspnet.decoder import PSPDecoder
    from torchvision.models.segmentation import deeplabv3_resnet50

    torchvisions = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES)
    atrous = timm.create_model("resnet18", features_only=True, output_stride=8)
    psp = PSPDecoder(encoder_channels=[64, 64, 128, 256, 512], out_channels=512, dropout=0.1)
    psp_head = nn.Conv2d(512, CLASSES, 1)
    body = timm.create_model("hrnet_w18", features_only=True, feature_location="")
    wide = sum(body.feature_info.channels()[-4:])
    mix = nn.Sequential(nn.Conv2d(wide, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True), nn.Conv2d(wide, CLASSES, 1))

    def joined(features: list[torch.Tensor], _: torch.Tensor) -> torch.Tensor:
        branches = features[-4:]
        size = branches[0].shape[-2:]
        return mix(torch.cat([F.interpolate(b, size=size, mode="bilinear", align_corners=False) for b in branches], dim=1))

    return {
        "deeplabv3": ("resnet50", {"output_stride": 8}, torchvisions),
        "deeplabv3plus": ("resnet18", {}, smp.DeepLabV3Plus("tu-resnet18", encoder_weights=None, classes=CLASSES)),
        "pspnet": ("resnet18", {}, Bare(atrous, lambda features, _: psp_head(psp(features)), psp, psp_head)),
        "upernet": ("resnet18", {}, smp.UPerNet("tu-resnet18", encoder_weights=None, decoder_channels=256, classes=CLASSES)),
        "hrnet": ("hrnet_w18", {}, Bare(body, joined, mix)),
    }


def ratios() -> dict[str, dict[str, object]]:
    """Our forward and the library's, in turn."""
    found: dict[str, dict[str, object]] = {}
    x = torch.rand(1, BANDS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    for name, (encoder, options, bare) in bare_networks().items():
        network = build_network(name, encoder, bands=BANDS, classes=CLASSES, options=options)
        both = [m.eval().to(memory_format=torch.channels_last) for m in (network, bare)]
        with torch.inference_mode():
            taken: list[list[float]] = [[], []]
            for _ in range(6):
                for number, module in enumerate(both):
                    began = time.process_time()
                    module(x)
                    taken[number].append(time.process_time() - began)
        ours, theirs = (min(each[1:]) for each in taken)
        found[name] = {"encoder": encoder, "ours_ms": round(ours * 1e3, 1), "library_ms": round(theirs * 1e3, 1), "ratio": round(ours / theirs, 3)}
        print(json.dumps({name: found[name]}), flush=True)
    return found


def written(rows: list[dict[str, object]], against: dict[str, dict[str, object]]) -> list[str]:
    """The section of the page."""

    def number(value: object, divisor: float, digits: int = 1) -> str:
        return "" if value is None else f"{float(str(value)) / divisor:,.{digits}f}".replace(",", " ")

    body = [
        [f"`{r['network']}`", str(r["encoder"]), number(r["parameters"], 1e6, 2), number(r["multiply_adds"], 1e9), number(r["memory_bytes"], 2**20, 0),
         number(r["cpu_ms"], 1, 0), number(r["gpu_ms"], 1)]
        for r in rows
    ]  # fmt: skip
    lines = table(["network", "encoder", "parameters, M", "multiply-adds, 10⁹", "memory, MB", "CPU, ms", "GPU, ms"], body)
    if not any(r["gpu_ms"] for r in rows):
        lines += ["", "No GPU was at hand; `tests/benchmarks/bench_networks.py` fills that column where torch finds one."]
    if against:
        peers = [[f"`{n}`", str(r["encoder"]), str(r["ours_ms"]), str(r["library_ms"]), str(r["ratio"])] for n, r in against.items()]
        lines += ["", f"Networks whose parts a library keeps, against that library's own forward (aim: {AIM} or less):", ""]
        lines += table(["network", "encoder", "ours, ms", "library, ms", "ratio"], peers)
    return lines


def main() -> None:
    """Print a JSON line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(ARCHITECTURES), default=list(ARCHITECTURES), metavar="NETWORK")
    parser.add_argument("--results", type=Path, help="a JSON line a row; rows that are there are not measured again")
    parser.add_argument("--write", action="store_true", help="puts the table into resources/docs/networks.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = {}
    if options.results and options.results.exists():
        done = {row["network"]: row for row in map(json.loads, options.results.read_text().splitlines())}
    against = done.pop("", {}).get("against") or ratios()
    for name in options.only:
        if name not in done:
            done[name] = row_of(name)
            print(json.dumps(done[name]), flush=True)
        if options.results:
            lines = [{"network": "", "against": against}, *done.values()]
            options.results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if options.write:
        replace_section("costs", written([done[n] for n in ARCHITECTURES if n in done], against))


if __name__ == "__main__":
    main()
