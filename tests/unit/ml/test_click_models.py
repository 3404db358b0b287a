"""Click models: recognised, built and answering, at random weights of small or true size."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.ml.api import PromptAnswer, Prompts, PromptSegmenter
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.interactive.cards import CARDS, NEEDS_EXTRA, file_entry, interactive_entries
from segstudio.ml.interactive.embeddings import EmbeddingCache, bytes_of
from segstudio.ml.interactive.recognise import family_of, recognised
from segstudio.ml.interactive.run import Clicks, chosen
from segstudio.ml.registry import Catalog, install

transformers = pytest.importorskip("transformers", reason="needs the extra [sam]")

from segstudio.ml.interactive.adaptor import SamPrompter  # noqa: E402
from segstudio.ml.interactive.build import build_for  # noqa: E402
from segstudio.ml.interactive.loading import load_prompter  # noqa: E402

CARD = ModelCard("clicks", "Clicks", task="interactive", architecture="sam", background_index=None)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def shaken(module, seed=0, std=0.15):
    """*module* with parameters that make its answers differ from place to place."""
    generator = torch.Generator().manual_seed(seed)
    for value in [*module.parameters(), *module.buffers()]:
        if value.is_floating_point():
            value.data = torch.randn(value.shape, generator=generator) * std
    return module


def reference_sam(image_px=128, width=32):
    """Meta's own SAM, small."""
    modeling = pytest.importorskip("segment_anything.modeling", reason="needs segment-anything, the reference")
    side = image_px // 16
    return shaken(
        modeling.Sam(
            image_encoder=modeling.ImageEncoderViT(
                img_size=image_px, patch_size=16, embed_dim=width, depth=3, num_heads=2, mlp_ratio=2, out_chans=width,
                use_rel_pos=True, window_size=3, global_attn_indexes=(1,),
            ),
            prompt_encoder=modeling.PromptEncoder(
                embed_dim=width, image_embedding_size=(side, side), input_image_size=(image_px, image_px), mask_in_chans=16
            ),
            mask_decoder=modeling.MaskDecoder(
                num_multimask_outputs=3,
                transformer=modeling.TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=64, num_heads=8),
                transformer_dim=width, iou_head_depth=3, iou_head_hidden_dim=48,
            ),
        )
    ).eval()  # fmt: skip


def small_sam(image_px=128):
    width = 32
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": width, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": image_px, "mlp_dim": 64,
            "output_channels": width, "num_pos_feats": width // 2, "window_size": 3, "global_attn_indexes": [1],
        },
        prompt_encoder_config={"hidden_size": width, "image_size": image_px},
        mask_decoder_config={"hidden_size": width, "mlp_dim": 64, "iou_head_hidden_dim": 32},
    )  # fmt: skip
    return shaken(transformers.SamModel(config))


def small_sam2(image_px=128):
    width = 32
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 16, "num_attention_heads": 1, "image_size": [image_px, image_px],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }  # fmt: skip
    config = transformers.Sam2Config(
        vision_config={
            "model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": [128, 64, 32, 16],
            "backbone_feature_sizes": [[image_px // n] * 2 for n in (4, 8, 16)], "fpn_hidden_size": width,
        },
        prompt_encoder_config={"hidden_size": width, "image_size": image_px},
        mask_decoder_config={"hidden_size": width, "mlp_dim": 64, "iou_head_hidden_dim": 32},
    )  # fmt: skip
    return shaken(transformers.Sam2Model(config))


def small_mobile_sam(image_px=128):
    """SAM's small decoder behind TinyViT, whose windows fit any size."""
    from segstudio.ml.interactive.mobile import TinyVitEncoder

    module = small_sam(image_px)
    config = module.config.vision_config
    config.hidden_size = 320
    module.vision_encoder = TinyVitEncoder(config).eval()
    return module


SMALL = {"sam": small_sam, "mobile_sam": small_mobile_sam, "sam2": small_sam2}


@pytest.fixture(scope="module")
def made():
    """One small network of each family."""
    torch.set_num_threads(1)
    return {name: SamPrompter(make().eval(), CARD, "cpu", is_padded=name != "sam2") for name, make in SMALL.items()}


def picture(height=90, width=130, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def prompts(*points, box=None, previous=None, is_ambiguous=False):
    xy = np.array([p[:2] for p in points], np.float32).reshape(-1, 2)
    return Prompts(xy, np.array([p[2] for p in points], bool), box, previous, is_ambiguous)


# -- the catalog -----------------------------------------------------------------------------------------------------


def test_entries_say_what_they_are_and_what_is_missing():
    entries = {entry.card.id: entry for entry in interactive_entries()}
    assert {"sam/sam-vit-b", "sam/sam-vit-h", "sam/mobile-sam", "sam/sam2.1-tiny", "sam/sam2-large"} <= entries.keys()
    for card in CARDS:
        entry, weights = entries[card.id], card.weights
        assert card.task == "interactive" and card.licence == "Apache-2.0"
        assert weights.url.endswith(weights.file_name) and len(weights.sha256) == 64 and weights.size_bytes > 1 << 24
        assert entry.needs_download and "MB" in entry.reason and not entry.is_available
    assert len({card.weights.sha256 for card in CARDS}) == len(CARDS)
    refused = entries["sam/efficient-sam"]
    assert not refused.is_available and not refused.needs_download and "MobileSAM" in refused.reason


def test_without_the_extra_one_sentence_says_which(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    entries = list(interactive_entries())
    assert all(not entry.is_available and not entry.needs_download for entry in entries)
    assert entries[0].reason == NEEDS_EXTRA and "pip install 'segstudio[sam]'" in NEEDS_EXTRA


def test_a_file_that_was_fetched_makes_its_entry_available(folders):
    card = CARDS[0]
    file = folders / "cache" / "models" / card.weights.file_name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    entry = next(e for e in interactive_entries() if e.card.id == card.id)
    assert entry.is_available and entry.card.weights.path == str(file)
    with pytest.raises(UserError, match="not the weights of MobileSAM"):
        load_prompter(entry, "cpu")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_parameters_of_the_cards_are_those_of_the_networks(card):
    module = {"sam": true_sam, "sam2": true_sam2, "mobile_sam": true_mobile_sam}[card.architecture](card.encoder)
    numbers = sum(value.numel() for name, value in module.named_parameters() if "positional_embedding" not in name)
    assert numbers == pytest.approx(card.parameters, rel=1e-4)


def true_sam(encoder):
    width, layers, heads, whole = {
        "vit_b": (768, 12, 12, [2, 5, 8, 11]),
        "vit_l": (1024, 24, 16, [5, 11, 17, 23]),
        "vit_h": (1280, 32, 16, [7, 15, 23, 31]),
    }[encoder]
    vision = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "global_attn_indexes": whole,
    }
    with torch.device("meta"):
        return transformers.SamModel(transformers.SamConfig(vision_config=vision))


def true_mobile_sam(_encoder):
    from segstudio.ml.interactive.mobile import TinyVitEncoder

    config = transformers.SamConfig(
        vision_config={"hidden_size": 320, "num_hidden_layers": 0, "global_attn_indexes": []}
    )
    module = transformers.SamModel(config)
    module.vision_encoder = TinyVitEncoder(config.vision_config)
    return module


def true_sam2(encoder):
    """SAM 2 as :mod:`segstudio.ml.interactive.build` makes it from tensors, without any memory."""
    width, stages, whole = {
        "hiera_tiny": (96, (1, 2, 7, 2), 7),
        "hiera_small": (96, (1, 2, 11, 2), 7),
        "hiera_base_plus": (112, (2, 3, 16, 3), 14),
        "hiera_large": (144, (2, 6, 36, 4), 7),
    }[encoder]
    heads = {96: 1, 112: 2, 144: 2}[width]
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": width, "num_attention_heads": heads,
        "blocks_per_stage": list(stages), "embed_dim_per_stage": [width << n for n in range(4)],
        "num_attention_heads_per_stage": [heads << n for n in range(4)],
        "window_size_per_stage": [8, 4, 16, 8] if width == 144 else [8, 4, 14, 7],
        "window_positional_embedding_background_size": [whole, whole],
    }  # fmt: skip
    vision = {
        "model_type": "sam2_vision_model", "backbone_config": backbone,
        "backbone_channel_list": [width << n for n in range(3, -1, -1)],
    }  # fmt: skip
    with torch.device("meta"):
        return transformers.Sam2Model(transformers.Sam2Config(vision_config=vision))


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_recognised_by_its_tensors_and_works(folders):
    file = folders / "colleague.pth"
    torch.save(reference_sam().state_dict(), file)
    found = recognised(file)
    assert found is not None and (found.architecture, found.encoder) == ("sam", "")
    entry = Catalog().find(str(file))
    assert entry.card.task == "interactive" and entry.is_available and entry.card.id == "colleague"
    prompter = load_prompter(entry, "cpu")
    assert isinstance(prompter, PromptSegmenter)
    answer = prompter.predict(prompter.embed(picture()), prompts((40, 50, True), is_ambiguous=True))
    assert answer.probabilities.shape == (3, 90, 130)
    installed = install(file)
    assert installed.card.weights.path.endswith("colleague.pth")
    assert any(e.card.id == "colleague" and e.is_available for e in Catalog().entries())


def test_files_that_transformers_wrote_are_read_too(folders):
    import safetensors.torch

    file = folders / "converted.safetensors"
    module = small_sam()
    safetensors.torch.save_file({name: value.clone() for name, value in module.state_dict().items()}, file)
    entry = Catalog().find(str(file))
    assert entry.card.task == "interactive" and entry.is_available
    prompter = load_prompter(entry, "cpu")
    same = SamPrompter(module.eval(), CARD, "cpu", is_padded=True)
    given = prompts((40, 50, True), box=(10, 10, 90, 80))
    wanted = same.predict(same.embed(picture()), given)
    np.testing.assert_allclose(prompter.predict(prompter.embed(picture()), given).logits, wanted.logits, atol=1e-5)
    install(file)
    assert [e.card.id for e in Catalog().entries() if e.card.id == "converted" and e.is_available] == ["converted"]


def test_a_true_sam_2_is_built_from_its_tensors_alone():
    """From files of transformers, an early one, and with the parts for videos, at no memory."""
    state = {
        name: torch.zeros(1).expand(value.shape) for name, value in true_sam2("hiera_base_plus").state_dict().items()
    }
    state = {name.replace(".o_proj.", ".out_proj."): value for name, value in state.items()}
    module, family = build_for({**state, "memory_encoder.bias": torch.zeros(1)}, "sam2.safetensors")
    assert family == "sam2" and not any(value.is_meta for value in module.state_dict().values())
    backbone = module.config.vision_config.backbone_config
    assert backbone.blocks_per_stage == [2, 3, 16, 3] and backbone.global_attention_blocks == [12, 16, 20]
    assert backbone.window_size_per_stage == [8, 4, 14, 7] and backbone.num_attention_heads_per_stage == [2, 4, 8, 16]


def test_the_published_names_of_every_family_are_known():
    decoder = "mask_decoder.iou_token.weight"
    blocks = {f"image_encoder.blocks.{n}.norm1.weight" for n in range(24)}
    assert family_of(frozenset({"image_encoder.pos_embed", decoder, *blocks})).encoder == "vit_l"
    trunk = {f"image_encoder.trunk.blocks.{n}.norm1.weight" for n in range(16)}
    found = family_of(frozenset({"image_encoder.trunk.pos_embed_window", f"sam_{decoder}", *trunk}))
    assert (found.architecture, found.encoder) == ("sam2", "hiera_small")
    assert family_of(frozenset({"image_encoder.patch_embed.seq.0.c.weight", decoder})).architecture == "mobile_sam"
    assert family_of(frozenset({"encoder.conv.weight"})) is None


def test_files_that_are_none_are_not_taken_for_one(folders):
    assert recognised(folders / "missing.pth") is None
    for name, content in (("empty.pth", b""), ("text.pt", b"hello"), ("cut.pth", b"PK\x03\x04cut off")):
        (folders / name).write_bytes(content)
        assert recognised(folders / name) is None and file_entry(folders / name) is None
    torch.save({"conv.weight": torch.zeros(1)}, folders / "other.pth")
    assert file_entry(folders / "other.pth") is None


def test_bad_weights_end_in_one_sentence(folders):
    state = reference_sam().state_dict()
    file = folders / "sam.pth"

    def message(**changes):
        torch.save({**state, **changes}, file)
        with pytest.raises(UserError) as error:
            load_prompter(file_entry(file), "cpu")
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "not finite" in message(**{"mask_decoder.iou_token.weight": torch.full((1, 32), torch.nan)})
    assert "differ, such as" in message(**{"mask_decoder.transformer.norm_final_attn.bias": torch.zeros(7)})
    assert "differ, such as" in message(surprise=torch.zeros(1))
    del state["mask_decoder.iou_prediction_head.layers.2.bias"]
    assert "differ, such as" in message()
    torch.save(reference_sam().state_dict(), file)
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        cut = max(i.header_offset for i in archive.infolist() if "/data/" in i.filename)
    entry = file_entry(file)
    file.write_bytes(whole[: cut // 2])
    with pytest.raises(UserError, match="damaged"):
        load_prompter(entry, "cpu")


class Sly:
    def __reduce__(self):
        return (print, ("it ran",))


def test_code_in_a_weights_file_is_refused_and_never_runs(folders, capsys):
    file = folders / "sly.pth"
    torch.save({**reference_sam().state_dict(), "more": Sly()}, file)
    entry = file_entry(file)  # it looks like one
    with pytest.raises(UserError, match="may run code"):
        load_prompter(entry, "cpu")
    assert "it ran" not in capsys.readouterr().out


def test_the_window_side_needs_no_torch_and_no_transformers():
    code = (
        "import sys; import segstudio.ml.interactive.cards as c, segstudio.ml.interactive.embeddings, "
        "segstudio.ml.interactive.run, segstudio.ml.interactive.loading, segstudio.jobs.prompting, segstudio.app.tools.prompt;"
        "list(c.interactive_entries()); bad = {'torch', 'transformers', 'timm'} & set(sys.modules); print(bad);"
        "sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -- against the reference ---------------------------------------------------------------------------------------------


def test_a_checkpoint_of_sam_gives_the_references_answers():
    reference = reference_sam()
    module, family = build_for(reference.state_dict(), "sam.pth")
    assert family == "sam"
    square = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(3))
    points, labels = torch.tensor([[[30.0, 40.0], [90.0, 20.0]]]), torch.tensor([[1, 0]])
    box, mask = torch.tensor([[10.0, 10.0, 100.0, 90.0]]), torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        embedding = reference.image_encoder(square)
        torch.testing.assert_close(module.get_image_embeddings(square), embedding, atol=1e-5, rtol=1e-4)
        for given_box, given_mask, several in ((None, None, True), (box, mask, False)):
            sparse, dense = reference.prompt_encoder(points=(points, labels), boxes=given_box, masks=given_mask)
            wanted, scores = reference.mask_decoder(
                image_embeddings=embedding,
                image_pe=reference.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
            found = module(
                image_embeddings=embedding,
                input_points=points[None],
                input_labels=labels[None],
                input_boxes=None if given_box is None else given_box[None],
                input_masks=given_mask,
                multimask_output=several,
            )
            torch.testing.assert_close(found.pred_masks[0], wanted, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(found.iou_scores[0], scores, atol=1e-5, rtol=1e-4)
            assert float(wanted.std()) > 1e-3


# -- the adaptor --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("size", [(90, 130), (1, 1000), (1000, 1), (1, 1), (300, 7)])
def test_pictures_of_any_size_are_answered_at_their_own(made, family, size):
    prompter = made[family]
    embedding = prompter.embed(picture(*size))
    assert embedding.nbytes > 0
    answer = prompter.predict(embedding, prompts((size[1] / 2, size[0] / 2, True), is_ambiguous=True))
    assert answer.probabilities.shape == (3, *size) and answer.probabilities.dtype == np.float32
    assert (
        np.isfinite(answer.probabilities).all() and 0 <= answer.probabilities.min() <= answer.probabilities.max() <= 1
    )
    assert list(answer.scores) == sorted(answer.scores, reverse=True) and answer.logits.shape[0] == 3
    one = prompter.predict(embedding, prompts((size[1] / 2, size[0] / 2, True)))
    assert one.probabilities.shape == (1, *size)


@pytest.mark.parametrize("family", SMALL)
def test_every_kind_of_prompt_changes_the_answer(made, family):
    prompter = made[family]
    embedding = prompter.embed(picture())

    def answer(*points, **more):
        return prompter.predict(embedding, prompts(*points, **more)).logits

    first = answer((40, 50, True))
    np.testing.assert_array_equal(first, answer((40, 50, True)))
    others = {
        "elsewhere": answer((100, 20, True)),
        "negative": answer((40, 50, False)),
        "second": answer((40, 50, True), (100, 20, False)),
        "box": answer((40, 50, True), box=(10, 10, 90, 80)),
        "box alone": answer(box=(10, 10, 90, 80)),
        "other box": answer(box=(10, 10, 120, 80)),
        "correction": answer((40, 50, True), previous=first[0]),
    }
    for name, other in others.items():
        assert np.abs(other - first).max() > 1e-6, name
    assert np.abs(others["box alone"] - others["other box"]).max() > 1e-6
    with pytest.raises(UserError, match="a point or a box"):
        answer()


def test_the_answer_lies_where_the_picture_lies(made):
    """A padded square: logits that grow to the right must do so over the picture's width alone."""
    prompter = made["sam"]
    frame, square = prompter._square(picture(50, 200))
    assert square.shape == (3, 128, 128) and not square[:, 32:].any() and square[:, :32].any()
    ramp = np.tile(np.arange(32, dtype=np.float32), (32, 1))
    full = prompter._enlarged(ramp, frame)
    assert full.shape == (50, 200)
    np.testing.assert_allclose(full[25, 20:180], (np.arange(20, 180) + 0.5) * 32 / 200 - 0.5, atol=0.02)
    tall, _ = prompter._square(picture(200, 50))
    full = prompter._enlarged(ramp, tall)
    np.testing.assert_allclose(full[100, 10:40], (np.arange(10, 40) + 0.5) * 32 / 200 - 0.5, atol=0.05)


def test_only_pictures_of_three_8_bit_bands_are_taken(made):
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(UserError, match="three 8-bit bands"):
            made["sam"].embed(bad)


def test_cancelling_ends_a_look_at_a_picture_between_two_layers():
    prompter = SamPrompter(small_sam().eval(), CARD, "cpu", is_padded=True)
    prompter.hooks.cancel = CancelToken()
    prompter.embed(picture())
    prompter.hooks.cancel.set()
    with pytest.raises(Cancelled):
        prompter.embed(picture())


def test_tiny_vit_as_published_is_read():
    """Names and shapes of mobile_sam.pt, from the network itself back to what its authors call them."""
    import re

    from segstudio.ml.interactive.names import _tiny_vit_name

    body = small_mobile_sam().vision_encoder.body
    for name, _ in body.named_parameters():
        published = re.sub(r"^stages\.(\d)\.downsample\.", lambda m: f"layers.{int(m[1]) - 1}.downsample.", name)
        published = re.sub(r"^stages\.", "layers.", published)
        published = re.sub(r"^patch_embed\.conv(\d)\.", lambda m: f"patch_embed.seq.{2 * (int(m[1]) - 1)}.", published)
        published = re.sub(r"\.conv\.(weight|bias)$", r".c.\1", published)
        assert _tiny_vit_name(published) == f"vision_encoder.body.{name}"
    with torch.no_grad():
        assert body.forward_features(torch.zeros(1, 3, 128, 128)).shape == (1, 320, 8, 8)  # /16, not /32


# -- keeping embeddings, falling back, choosing ---------------------------------------------------------------------------


class Counted:
    """A click model that counts, and has no room on its device."""

    def __init__(self, device="cpu", room=True):
        self.card, self.device, self.room = CARD, device, room
        self.looks = 0

    def to(self, device):
        self.device = device

    def embed(self, image):
        if self.device != "cpu" or not self.room:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.looks += 1
        return image.astype(np.float32)

    def predict(self, embedding, prompts):
        masks = np.zeros((1, *embedding.shape[:2]), np.float32)
        return PromptAnswer(masks, np.ones(1, np.float32), masks)


def test_a_picture_is_looked_at_once():
    model = Counted()
    clicks = Clicks(model)
    for _ in range(3):
        clicks.answer("a", picture(), prompts((1, 1, True)))
    clicks.embed("a", picture())
    assert model.looks == 1
    clicks.answer("b", picture(seed=2), prompts((1, 1, True)))
    clicks.answer("a", picture(), prompts((1, 1, True)))
    assert model.looks == 2


def test_embeddings_are_kept_within_a_budget_the_longest_unused_dropped():
    cache = EmbeddingCache(budget_bytes=2500)
    for key in "abc":
        cache.get(key, lambda: np.zeros(1000, np.uint8))
        if key == "b":
            cache.get("a", lambda: pytest.fail("a is there"))
    assert ("a" in cache, "b" in cache, "c" in cache) == (True, False, True) and cache.held_bytes == 2000
    cache.get("huge", lambda: np.zeros(9000, np.uint8))
    assert len(cache) == 1 and "huge" in cache
    cache.clear()
    assert cache.held_bytes == 0
    assert bytes_of({"a": [torch.zeros(4), (np.zeros(2),)]}) == 32


def test_a_device_without_room_gives_way_to_the_cpu_and_says_so(monkeypatch):
    monkeypatch.setattr("segstudio.ml.interactive.run._free", lambda device: None)
    said = []
    model = Counted("cuda:0")
    clicks = Clicks(model)
    clicks.answer("a", picture(), prompts((1, 1, True)), lambda done, total, what: said.append(what))
    assert model.device == "cpu" and "Out of memory on cuda:0: going on with the CPU" in said
    with pytest.raises(UserError, match="not enough memory"):
        Clicks(Counted(room=False)).embed("a", picture())


def test_an_answer_of_another_size_is_refused():
    class Wrong(Counted):
        def predict(self, embedding, prompts):
            masks = np.zeros((1, 5, 5), np.float32)
            return PromptAnswer(masks, np.ones(1, np.float32), masks)

    with pytest.raises(UserError, match="answers with"):
        Clicks(Wrong()).answer("a", picture(), prompts((1, 1, True)))


def test_one_of_several_masks_is_chosen():
    masks = np.zeros((4, 10, 10), np.float32)
    masks[0, :5], masks[1, :2], masks[3] = 1, 1, 1
    answer = PromptAnswer(masks, np.array([0.5, 0.9, 0.95, 0.1], np.float32), masks)
    assert [chosen(answer, choice) for choice in ("best", "smallest", "largest")] == [1, 1, 3]
    empty = PromptAnswer(masks[2:3], np.ones(1, np.float32), masks[2:3])
    assert chosen(empty, "smallest") == 0


def test_a_model_of_another_task_takes_no_clicks():
    card = replace(CARD, task="semantic", weights=WeightsSource("file"))
    with pytest.raises(UserError, match="takes no clicks"):
        load_prompter(CatalogEntry(card), "cpu")
    assert json.loads(CARDS[0].dumps())["task"] == "interactive"
