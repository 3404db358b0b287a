"""ImageNet weights that cannot be had: one sentence, and soon."""

from __future__ import annotations

import socket
import time

import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.ml.encoders import fetching
from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.build import build_network


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No address can be looked up, no weights are cached, no proxy is set; what is asked for is written down."""
    asked = []

    def lookup(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    for name in ("HF_ENDPOINT", "HF_HUB_CACHE", "HF_HOME", "TORCH_HOME", *fetching._PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return asked


@pytest.mark.parametrize(
    ("arch", "encoder", "host"),
    [("unet", "resnet18", "huggingface.co"), ("segnet", "vgg16_bn", "huggingface.co"), ("hrnet", "hrnet_w18", "huggingface.co"),
     ("unet", "alexnet", "download.pytorch.org"), ("unet", "timm:regnety_002", "huggingface.co")],
)  # fmt: skip
def test_without_a_network_it_is_said_at_once(offline, arch, encoder, host):
    began = time.perf_counter()
    with pytest.raises(UserError) as refused:
        build_network(arch, encoder, bands=3, classes=2, pretrained=True)
    # The hub's own client tries for three quarters of a minute.
    assert offline == [host] and time.perf_counter() - began < 15
    assert "cannot be fetched (no connection). Connect once" in str(refused.value) and "--no-pretrained" in str(refused.value)


def test_installed_weights_ask_nobody(offline):
    encoder = build_encoder("efficientnet_lite0", pretrained=True)
    assert offline == [] and encoder.body.conv_stem.weight.abs().max() > 0.1


def test_a_mirror_is_asked_in_place_of_the_hub(offline, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example:8443")
    with pytest.raises(UserError), fetching.fetching("resnet18", True, is_cached=False):
        pass
    assert offline == ["mirror.example"]


def test_a_proxy_or_a_cache_is_left_to_the_client(offline, monkeypatch):
    with fetching.fetching("resnet18", True, is_cached=True):
        pass
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with fetching.fetching("resnet18", True, is_cached=False):
        pass
    assert offline == []
    with pytest.raises(UserError, match="TimeoutError"), fetching.fetching("resnet18", True, is_cached=True):
        raise TimeoutError


def test_without_weights_wanted_errors_are_not_dressed_up():
    with pytest.raises(RuntimeError, match="plain"), fetching.fetching("resnet18", False, is_cached=False):
        raise RuntimeError("plain")


@pytest.mark.parametrize(
    ("name", "words"),
    [("timm:vit_tiny_patch16_224", "cannot be an encoder"), ("timm:mixer_s16_224", "cannot be an encoder"),
     ("timm:swin_tiny_patch4_window7_224", "cannot be an encoder"), ("timm:nonsense", "timm has no network")],
)  # fmt: skip
def test_what_is_no_encoder_is_found_before_anything_is_fetched(offline, name, words):
    with pytest.raises(UserError, match=words):
        build_encoder(name, pretrained=True)
    assert offline == []


def test_networks_of_timm_without_published_weights_can_start_from_scratch(offline):
    import timm

    bare = next(n for n in timm.list_models("resnet*", pretrained=False) if not timm.get_pretrained_cfg(n).has_weights)
    with pytest.raises(UserError, match="no ImageNet weights"):
        build_encoder(f"timm:{bare}", pretrained=True)
    assert isinstance(build_encoder(f"timm:{bare}"), torch.nn.Module) and offline == []
