"""Networks: shapes, pretrained weights that land, parameter counts, independence of batch mates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.ml.encoders.efficientnet_lite0 import load_imagenet, timm_key, weights_file
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import checked_encoder


@pytest.mark.parametrize("bands", [1, 3, 8])
@pytest.mark.parametrize("size", [(64, 64), (65, 97), (200, 70)])
def test_unet_answers_at_the_size_of_its_input(bands, size):
    network = build_network("unet", "efficientnet_lite0", bands=bands, classes=5).eval()
    with torch.inference_mode():
        assert network(torch.rand(1, bands, *size)).logits.shape == (1, 5, *size)


def test_plain_unet_has_the_parameters_of_the_paper():
    # 31.0 M at the paper's widths (published re-implementations count 31 031 685 with transposed convolutions; resizing
    # instead of them adds 1 %: a 3×3 convolution sees the wider concatenation).
    count = sum(p.numel() for p in build_network("unet", "none", bands=1, classes=2).parameters())
    assert count == pytest.approx(31.03e6, rel=0.02)


def test_every_tensor_of_the_package_lands_in_the_network():
    packed = torch.load(weights_file(), map_location="cpu", weights_only=True)
    assert len(packed) == 296
    assert len({timm_key(k) for k in packed}) == 296
    encoder = build_network("unet", "efficientnet_lite0", bands=3, classes=2, pretrained=True).encoder.body.state_dict()
    head = {"conv_head.weight", "bn2", "classifier"}
    landed = 0
    for key, value in packed.items():
        name = timm_key(key)
        if name in encoder:
            assert torch.equal(encoder[name], value), key
            landed += 1
        else:
            # Only ImageNet's head, behind the last feature, has no place in a segmentation network.
            assert any(name.startswith(h) for h in head), key
    assert landed == len(encoder) == 288
    assert set(load_imagenet()) == {timm_key(k) for k in packed}


def test_pretrained_encoder_knows_a_cat():
    import timm
    from PIL import Image

    skimage_data = pytest.importorskip("skimage.data")
    picture = Image.fromarray(skimage_data.chelsea()[:, 75:375]).resize((224, 224))
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    network.load_state_dict(load_imagenet())
    x = (torch.from_numpy(np.asarray(picture).astype(np.float32) / 255).permute(2, 0, 1)[None] - 0.498) / 0.502
    with torch.inference_mode():
        best = network.eval()(x).topk(3).indices[0].tolist()
    # 281 tabby, 282 tiger cat, 285 Egyptian cat.
    assert set(best) == {281, 282, 285}


def test_first_convolution_is_adapted_to_other_bands():
    grey = build_network(
        "unet", "efficientnet_lite0", bands=1, classes=2, pretrained=True
    ).encoder.body.conv_stem.weight
    colour = build_network(
        "unet", "efficientnet_lite0", bands=3, classes=2, pretrained=True
    ).encoder.body.conv_stem.weight
    assert torch.allclose(grey, colour.sum(1, keepdim=True), atol=1e-5)


def test_output_does_not_depend_on_batch_mates():
    torch.manual_seed(0)
    network = build_network("unet", "efficientnet_lite0", bands=3, classes=3).eval()
    x = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(x).logits[1:2], network(x[1:2]).logits, atol=1e-4)


def test_unknown_names_suggest_near_ones():
    with pytest.raises(UserError, match="unet"):
        build_network("unnet", "efficientnet_lite0", bands=3, classes=2)
    with pytest.raises(UserError, match="efficientnet_lite0"):
        checked_encoder("unet", "eficientnet_lite")
    assert checked_encoder("unet", "") == "efficientnet_lite0"
