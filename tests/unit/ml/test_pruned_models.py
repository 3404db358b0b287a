"""A trained UNet++ proposes at any depth up to the one it was trained with."""

from __future__ import annotations

import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.model_options import PRUNE, SEMANTIC, options_of, values_of, with_options
from segstudio.ml.networks.build import build_network
from segstudio.ml.weights import save_weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A UNet++ of depth 3 in a weights file: its network, and its card with the file's path."""
    torch.manual_seed(0)
    network = build_network("unetplusplus", "mobilenet_v3_small", bands=3, classes=2, options={"depth": 3}).eval()
    file = tmp_path_factory.mktemp("run") / "best.safetensors"
    card = ModelCard("deep", "Deep", architecture="unetplusplus", encoder="mobilenet_v3_small", classes=("a", "b"), options={"depth": 3})
    save_weights(file, network.state_dict(), card)
    return network, ModelCard(**{**card.__dict__, "weights": WeightsSource("project", path=str(file))})


def own(card):
    """What its network adds to the options of every semantic model."""
    return [option for option in options_of(card) if option not in SEMANTIC]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_loaded_model_answers_at_the_chosen_depth(trained, depth):
    network, card = trained
    chosen = with_options(card, {PRUNE: depth})
    assert values_of(chosen)[PRUNE] == depth and chosen.options["depth"] == 3
    x = torch.rand(1, 3, 64, 64)
    network.depth = depth
    with torch.inference_mode():
        expected = network.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last)).logits
    answer = load_segmenter(CatalogEntry(chosen), "cpu").predict(x)
    torch.testing.assert_close(answer, expected)
    network.depth = 3
    # As deep as it was trained is what it does unasked.
    unasked = load_segmenter(CatalogEntry(card), "cpu").predict(x)
    assert torch.equal(unasked, answer) == (depth == 3)


def test_only_what_fits_can_be_set(trained):
    _, card = trained
    assert [option.high for option in own(card)] == [3] and values_of(card)[PRUNE] == 3
    for given, words in (({PRUNE: 4}, "from 1 to 3"), ({"depht": 2}, "did you mean"), ({"x": 1}, "no option")):
        with pytest.raises(UserError) as refused:
            with_options(card, given)
        assert words in str(refused.value).casefold()
    plain = ModelCard("u", "U", architecture="unet", classes=("a", "b"), options={"depth": "deep"}, weights=WeightsSource("file"))
    assert own(plain) == []
    with pytest.raises(UserError, match="no option"):
        with_options(plain, {PRUNE: 1})
    # A file's card is anybody's: what it says of its depth may be nonsense.
    odd = ModelCard("o", "O", architecture="unetplusplus", classes=("a", "b"), options={"depth": "deep"}, weights=WeightsSource("file"))
    assert [option.high for option in own(odd)] == [4]
