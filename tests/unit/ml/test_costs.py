"""What networks cost: the table against networks measured anew, and how figures grow with size, classes and bands."""

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from segstudio.ml import advice
from segstudio.ml.cards import ModelCard
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.networks import costs, measure
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.costs import ENCODER_ALONE, TORCHVISION, costs_of
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS
from segstudio.ml.registry import Catalog
from segstudio.ml.torchvision_cards import TORCHVISION_CARDS

REMEDY = "run packaging/measure_networks.py"


def test_the_table_has_a_row_for_each_pair_that_fits_and_no_other():
    table = costs.table()
    for arch, spec in ARCHITECTURES.items():
        assert sorted(table[arch]) == sorted(spec.encoders), f"{arch}: {REMEDY}"
    assert sorted(table[ENCODER_ALONE]) == sorted(ENCODERS), REMEDY
    semantic = sorted(card.architecture for card in TORCHVISION_CARDS if card.task == "semantic")
    assert sorted(table[TORCHVISION]) == semantic and set(table) == {*ARCHITECTURES, ENCODER_ALONE, TORCHVISION}
    assert all(
        row.parameters > 0 and row.multiply_adds > 0 and row.memory > 0 for of in table.values() for row in of.values()
    )
    assert all(row.training > row.memory / 2 for arch in ARCHITECTURES for row in table[arch].values())


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [
        ("enet", "none"), ("fcn8s", "vgg16"), ("unet", "resnet18"), ("segnet", "vgg16"), ("bisenet", "vgg11"),
        ("deeplabv3plus", "mobilenet_v3_small"), ("unetplusplus", "vgg11"), ("vnet", "none"),
    ],
)  # fmt: skip
def test_rows_are_what_measuring_gives(arch, encoder):
    found, kept = measure.network_row(arch, encoder), costs.table()[arch][encoder]
    assert found == pytest.approx(kept, rel=0.01, abs=1), f"stale: {REMEDY} {arch}"
    assert found.parameters == kept.parameters


def test_rows_of_encoders_and_torchvision_are_what_measuring_gives():
    assert measure.encoder_row("alexnet") == costs.table()[ENCODER_ALONE]["alexnet"], REMEDY
    name = "lraspp_mobilenet_v3_large"
    assert measure.torchvision_row(name) == pytest.approx(costs.table()[TORCHVISION][name], rel=0.01), REMEDY
    for card in TORCHVISION_CARDS:
        if card.task == "semantic":
            assert costs.table()[TORCHVISION][card.architecture].parameters == card.parameters
    assert measure.facts_of_encoder("resnet18") == costs.encoder_facts("resnet18"), REMEDY
    assert costs.encoder_facts("resnet18").strides == (2, 4, 8, 16, 32)


def test_figures_follow_classes_bands_and_size():
    with torch.device("meta"):
        net = build_network("unet", "mobilenet_v3_small", bands=7, classes=40)
    found = costs_of("unet", "mobilenet_v3_small", bands=7, classes=40, height=256, width=1024)
    assert found is not None and found.parameters == sum(p.numel() for p in net.parameters())
    tally = measure.Tally()
    tally.leave_out(net.eval())
    with torch.no_grad(), tally:
        net(torch.empty(1, 7, 256, 1024, device="meta"))
    assert found.multiply_adds == pytest.approx(tally.multiply_adds, rel=0.01)
    assert found.memory_bytes == pytest.approx(tally.peak_bytes + 4 * found.parameters, rel=0.1)
    # torch's own counter, on real numbers.
    net = build_network("unet", "mobilenet_v3_small", bands=3, classes=21).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        net(torch.rand(1, 3, 64, 64))
    small = costs_of("unet", "mobilenet_v3_small", height=64, width=64)
    assert small.multiply_adds == pytest.approx(flops.get_total_flops() / 2, rel=0.01)
    # Sides are padded to the stride: 500 costs what 512 does, 513 more.
    odd, even, over = (costs_of("unet", "mobilenet_v3_small", height=side, width=512) for side in (500, 512, 513))
    assert odd.multiply_adds == even.multiply_adds < over.multiply_adds
    assert even.training_bytes(8) - even.training_bytes(4) == 4 * even.training_image_bytes > 0


def test_what_is_not_known_costs_none():
    assert costs_of("unet", "timm:regnety_002") is None and costs_of("net9000") is None
    assert costs_of("unet") == costs_of("unet", "efficientnet_lite0")
    narrow = ModelCard("a", "A", architecture="unet", encoder="none", classes=("b", "x"), parameters=2_000_000)
    assert CatalogEntry(narrow).costs() is None, "another width than the table's"


def test_peak_counts_what_lives_at_a_time():
    for _ in range(2):  # the second time from memory
        tally = measure.Tally()
        with tally:
            first = torch.empty(1000, device="meta")
            second = first + 1
            del first
            third = second[:500] * 2
            view = torch.ops.aten._unsafe_view(third, (5, 100))
            del second
            product = view @ torch.empty(100, 1, device="meta")
        assert (tally.peak_bytes, tally.live_bytes) == (8000, 2020) and tally.multiply_adds == 500
        assert view.shape == (5, 100) and product.shape == (5, 1)
        del third, view, product


def test_every_network_encoder_and_model_has_its_paragraph():
    assert set(advice.NETWORKS) == set(ARCHITECTURES) and set(advice.ENCODERS) == set(ENCODERS)
    for entry in Catalog().entries():
        words = len(entry.advice.split())
        least = 25 if entry.card.weights.kind == "untrained" else 8
        assert words >= least, f"{entry.card.id}: {entry.advice!r}"
    paragraphs = [*advice.NETWORKS.values(), *advice.MODELS.values()]
    assert len(set(paragraphs)) == len(paragraphs)


def test_costs_are_read_without_torch():
    code = (
        "import sys; from segstudio.ml.registry import Catalog; rows = [e.to_json() for e in Catalog().entries()];"
        "assert any(r['multiply_adds'] for r in rows); bad = {'torch', 'timm'} & set(sys.modules); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
