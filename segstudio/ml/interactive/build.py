"""The networks of the SAM family, as ``transformers`` and ``timm`` hold them, built to fit a checkpoint's tensors."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.ml.interactive.cards import NEEDS_EXTRA
from segstudio.ml.interactive.names import mobile_sam_state, renamed_sam2_state, sam2_state, sam_state
from segstudio.ml.interactive.recognise import Found, family_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    State = Mapping[str, torch.Tensor]

HIERA_WINDOWS: dict[tuple[int, int], tuple[tuple[int, ...], tuple[int, ...]]] = {
    (96, 12): ((8, 4, 14, 7), (5, 7, 9)),
    (96, 16): ((8, 4, 14, 7), (7, 10, 13)),
    (112, 24): ((8, 4, 14, 7), (12, 16, 20)),
    (144, 48): ((8, 4, 16, 8), (23, 33, 43)),
}
"""(width, number of blocks) → windows of the stages and the blocks that look everywhere: no tensor tells them."""
HIERA_HEADS = {96: 1, 112: 2, 144: 2}


@contextmanager
def quiet_offline() -> Iterator[None]:
    """While transformers is imported and builds: no network, no telemetry, no advice. Nothing is fetched from a hub."""
    wanted = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_VERBOSITY": "error"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def transformers_module() -> Any:
    """The package, imported when first needed: that takes seconds.

    Raises
    ------
    UserError
        When it is not installed, or is too old.
    """
    with quiet_offline():
        try:
            import transformers

            return transformers
        except ImportError as error:
            raise UserError(
                f"click models of the SAM family cannot be used here ({str(error).splitlines()[0]})",
                remedy=NEEDS_EXTRA.removeprefix("needs the extra [sam]: "),
            ) from error


def build_for(state: State, path: Path) -> tuple[nn.Module, str]:
    """(network with the weights of *state*, its family).

    Raises
    ------
    UserError
        When they are of another network, not whole or not finite; when the extra is missing.
    """
    found = family_of(frozenset(state))
    if found is None:
        raise UserError(
            "the weights file holds none of the click models that segstudio knows",
            path=path,
            remedy="choose a file of SAM, MobileSAM or SAM 2",
        )
    try:
        with quiet_offline():
            module, renamed = _BUILDERS[found.architecture](state, found)
    except (KeyError, IndexError, ValueError) as error:
        raise UserError(
            f"the weights are not those of a whole {found.architecture} network ({error})",
            path=path,
            remedy="download the file again, or choose another",
        ) from error
    _fit(module, renamed, path, found.architecture)
    return module.eval().requires_grad_(False), found.architecture


def sam_config(state: State, vision: dict[str, Any], image_px: int) -> Any:
    """A ``SamConfig`` whose decoder fits *state* (in transformers' names)."""
    tokens, hidden = state["mask_decoder.mask_tokens.weight"].shape
    layers = _count(state, r"mask_decoder\.transformer\.layers\.(\d+)\.")
    return transformers_module().SamConfig(
        vision_config={"num_pos_feats": state[_POSITIONS].shape[1], "output_channels": hidden, **vision},
        prompt_encoder_config={"hidden_size": hidden, "image_size": image_px},
        mask_decoder_config={
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "mlp_dim": state["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
            "num_multimask_outputs": tokens - 1,
            "iou_head_hidden_dim": state["mask_decoder.iou_prediction_head.proj_in.weight"].shape[0],
        },
    )


_POSITIONS = "shared_image_embedding.positional_embedding"


def _sam(given: State, found: Found) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    state = dict(given) if found.is_renamed else sam_state(given)
    patch = state["vision_encoder.patch_embed.projection.weight"].shape[-1]
    image_px = state["vision_encoder.pos_embed"].shape[1] * patch
    layers = _count(state, r"vision_encoder\.layers\.(\d+)\.")
    # The tables of relative positions tell windows from blocks that look everywhere, and the width of a head.
    tables = [state[f"vision_encoder.layers.{index}.attn.rel_pos_h"].shape for index in range(layers)]
    whole = 2 * (image_px // patch) - 1
    windows = {rows for rows, _ in tables if rows != whole}
    width = state["vision_encoder.pos_embed"].shape[-1]
    vision = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // tables[0][1],
        "image_size": image_px,
        "patch_size": patch,
        "window_size": (min(windows) + 1) // 2 if windows else 0,
        "global_attn_indexes": [index for index, (rows, _) in enumerate(tables) if rows == whole],
        "mlp_dim": state["vision_encoder.layers.0.mlp.lin1.weight"].shape[0],
    }
    config = sam_config(state, vision, image_px)
    with torch.device("meta"):  # filled at once: no random start of 640 million numbers
        module = transformers_module().SamModel(config)
    return module, state


def _mobile_sam(given: State, found: Found) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    from segstudio.ml.interactive.mobile import mobile_sam

    state = mobile_sam_state(given)
    return mobile_sam(state), state


def _sam2(given: State, found: Found) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    state = renamed_sam2_state(given) if found.is_renamed else sam2_state(given)
    module = transformers_module()
    with torch.device("meta"):
        built = module.Sam2Model(module.Sam2Config(vision_config=_hiera(state)))
    return built, state


def _hiera(state: State) -> dict[str, Any]:
    """The configuration of SAM 2's encoder."""
    blocks = _count(state, r"vision_encoder\.backbone\.blocks\.(\d+)\.")
    width = state["vision_encoder.backbone.pos_embed"].shape[1]
    windows, everywhere = HIERA_WINDOWS[(width, blocks)]
    # A stage begins where a block changes the width.
    starts = [n for n in range(blocks) if f"vision_encoder.backbone.blocks.{n}.proj.weight" in state]
    stages = [end - start for start, end in zip([0, *starts], [*starts, blocks], strict=True)]
    widths = [width << stage for stage in range(len(stages))]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": HIERA_HEADS[width],
        "blocks_per_stage": stages,
        "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [HIERA_HEADS[width] << stage for stage in range(len(stages))],
        "window_size_per_stage": list(windows),
        "global_attention_blocks": list(everywhere),
        "window_positional_embedding_background_size": list(state["vision_encoder.backbone.pos_embed"].shape[-2:]),
    }
    return {"model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": widths[::-1]}


def _count(state: State, pattern: str) -> int:
    return len({match[1] for match in (re.match(pattern, name) for name in state) if match})


def _fit(module: nn.Module, state: dict[str, torch.Tensor], path: Path, family: str) -> None:
    """Put *state* into *module*, every name, shape and value checked."""
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    have = {name: tuple(value.shape) for name, value in state.items()}
    wrong = sorted(
        name
        for name in wanted.keys() | have.keys()
        if wanted.get(name) != have.get(name) and not name.endswith("num_batches_tracked")
    )
    if wrong:
        raise UserError(
            f"the weights are not those of a whole {family} network: {len(wrong)} parameters differ, such as {wrong[0]}",
            path=path,
            remedy="download the file again, or choose another",
        )
    for name, value in state.items():
        if value.is_floating_point():
            state[name] = value.float()
            if not bool(torch.isfinite(state[name]).all()):
                raise UserError(f"the parameter {name} is not finite", path=path, remedy="download the weights again")
    module.load_state_dict(state, strict=False, assign=True)


_BUILDERS = {"sam": _sam, "mobile_sam": _mobile_sam, "sam2": _sam2}
