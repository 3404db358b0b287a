"""``models list`` and ``models info``: every row of the method literature, costs, filters, near names."""

import json

import pytest

from segstudio.cli.main import main
from segstudio.cli.model_text import WIDTH

NETWORKS = """
    fcn32s fcn16s fcn8s unet unetplusplus unet3plus segnet deconvnet deeplabv1 deeplabv2 deeplabv3 deeplabv3plus pspnet refinenet hrnet
    ocrnet enet bisenet upernet pixelnet fastfcn vnet
""".split()
TORCHVISION = """
    fcn_resnet50 fcn_resnet101 deeplabv3_resnet50 deeplabv3_resnet101 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large
    maskrcnn_resnet50_fpn maskrcnn_resnet50_fpn_v2
""".split()
ENCODERS = """
    alexnet vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn resnet18 resnet34 resnet50 resnet101 resnet152 inception_v3 densenet121
    densenet169 densenet201 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large efficientnet_lite0 efficientnet_b0 hrnet_w18 hrnet_w32
    hrnet_w48 xception convnext_tiny convnext_small convnext_base
""".split()
REFINEMENTS = ["crf", "crfrnn", "mrf"]
CLASSIC = [
    "depth",
    "stereo",
    "edges",
    "spectral-residual",
    "fine-grained",
    "slic",
    "felzenszwalb",
    "watershed",
    "otsu",
    "local-threshold",
]


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


def run(capsys, *arguments):
    code = main(["models", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def listed(capsys, *arguments):
    code, out, err = run(capsys, "list", "--json", *arguments)
    assert code == 0 and err == ""
    return {row["id"]: row for row in json.loads(out)}


def test_every_method_of_the_literature_is_listed(capsys):
    rows = listed(capsys)
    wanted = {
        *NETWORKS,
        *(f"torchvision/{name}" for name in TORCHVISION),
        *(f"encoder/{name}" for name in ENCODERS),
        *(f"refine/{name}" for name in REFINEMENTS),
        *(f"classic/{name}" for name in CLASSIC),
    }
    assert len(NETWORKS) == 22 and wanted <= rows.keys(), sorted(wanted - rows.keys())
    tasks = {name: rows[name]["task"] for name in ("unet", "encoder/vgg16", "refine/crf", "classic/slic")}
    assert list(tasks.values()) == ["semantic", "encoder", "refine", "classic"]
    for name in NETWORKS:
        row = rows[name]
        assert row["weights"] == "untrained" and not row["available"]
        assert row["parameters"] > 3e5 and row["multiply_adds"] > 1e9 and row["memory_bytes"] > 4 * row["parameters"]
        assert row["licence"] and row["source"] and len(row["advice"]) > 100
    assert all(rows[name]["advice"] for name in wanted)


def test_costs_grow_with_the_size_that_is_asked_for(capsys):
    small, large = (listed(capsys, "--size", size) for size in ("512", "1024x2048"))
    for name in ("unet", "nuclei", "torchvision/fcn_resnet50", "encoder/resnet50"):
        assert large[name]["multiply_adds"] == 8 * small[name]["multiply_adds"]
        assert large[name]["parameters"] == small[name]["parameters"] and large[name]["at_size"] == [1024, 2048]
    assert small["classic/otsu"]["multiply_adds"] is None
    with pytest.raises(SystemExit) as wrong:
        main(["models", "list", "--size", "12xx5"])
    assert wrong.value.code == 2 and "640x480" in capsys.readouterr().err


def test_list_is_narrowed_by_task_and_words(capsys):
    encoders = listed(capsys, "--task", "encoder")
    assert set(encoders) == {name for name in listed(capsys) if name.startswith("encoder/")}
    street = listed(capsys, "--task", "semantic", "--search", "STREET scenes")
    assert (
        {"street", "ocrnet"} <= street.keys() and "vessels" not in street and "torchvision/fcn_resnet50" not in street
    )
    code, out, _ = run(capsys, "list", "--search", "no-such-word")
    assert code == 0 and "no model matches" in out


def test_text_is_grouped_by_task_and_fits_a_hundred_columns(capsys):
    code, out, _ = run(capsys, "list")
    lines = out.splitlines()
    assert code == 0 and max(map(len, lines)) <= WIDTH == 100
    heads = [
        line.split(":")[0]
        for line in lines
        if line and line.split(":")[0] in ("semantic", "instance", "classic", "refine", "encoder")
    ]
    assert heads == ["semantic", "instance", "classic", "refine", "encoder"]
    row = next(line for line in lines if line.startswith("fcn8s "))
    assert "134.4 M" in row and "110.9" in row and "to be trained" in row


def test_info_of_an_encoder_and_of_a_network(capsys):
    code, out, _ = run(capsys, "info", "resnet50")
    assert code == 0 and "encoder/resnet50" in out and "2, 4, 8, 16, 32; dilated" in out and "pspnet" in out
    code, out, _ = run(capsys, "info", "vgg16")
    assert "dilated" not in out and "for:            unet, " in out and "fcn8s" in out
    code, out, _ = run(capsys, "info", "deeplabv3plus", "--size", "640x480")
    assert "arXiv:1802.02611" in out and "640×480" in out and "choose it:      The all-round choice" in out
    code, out, err = run(capsys, "info", "resnet5O")
    assert code == 1 and "encoder/resnet50" in err


def test_an_encoder_cannot_be_proposed_with_nor_downloaded(capsys):
    code, out, err = run(capsys, "download", "encoder/resnet18")
    assert code == 1 and out == "" and "--encoder resnet18" in err and err.count("\n") == 1
