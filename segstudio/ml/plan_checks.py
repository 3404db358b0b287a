"""What a training plan must hold to be worked with; each refusal is one sentence. No torch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from segstudio.core.errors import UserError
from segstudio.core.splits import group_pattern
from segstudio.ml.plan import (
    MAX_REFINED_PATCH_PX,
    AugmentOn,
    ClassBalance,
    Mix,
    Optimiser,
    Precision,
    Sampling,
    Schedule,
    SplitBy,
    shown,
)
from segstudio.ml.training.augment_table import checked_options

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan

MAX_PATCH_VOXELS = 1 << 24
"""Of a patch of a volume: 256 × 256 in 256 planes."""


def check_plan(plan: TrainPlan) -> None:
    """Check everything that can be told without the data.

    Raises
    ------
    UserError
        When a value cannot be worked with.
    """
    if bool(plan.project) == bool(plan.data):
        raise UserError("a run trains on a project or on a dataset", remedy="name exactly one of them")
    for name, low in (("epochs", 1), ("batch", 1), ("patch_px", 32), ("workers", 0), ("patience", 0), ("processes", 1)):
        if getattr(plan, name) < low:
            raise UserError(f"{name} is {getattr(plan, name)}", remedy=f"give at least {low}")
    if not plan.lr > 0:
        raise UserError(f"the learning rate is {plan.lr}", remedy="give a number above 0, such as 0.001")
    if not 0 < plan.val_fraction < 1:
        raise UserError(f"the validation share is {plan.val_fraction}", remedy="give a number between 0 and 1")
    if not 0 < plan.scale[0] <= plan.scale[1]:
        raise UserError(f"the scale range is {plan.scale}", remedy="give two numbers above 0, the smaller first")
    if plan.visdom and not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", plan.visdom):
        raise UserError(
            f"{plan.visdom} is no address of a Visdom server", remedy="give one such as http://localhost:8097"
        )
    _check_choices(plan)
    checked_options(plan.augment, plan.augment_options)
    _check_optimisation(plan)
    _check_loss(plan)
    _check_network(plan)
    _check_refinement(plan)
    _check_split(plan)
    _check_volume(plan)


def _check_choices(plan: TrainPlan) -> None:
    kinds = {
        "split_by": SplitBy, "sampling": Sampling, "mix": Mix, "augment_on": AugmentOn, "optimiser": Optimiser,
        "schedule": Schedule, "precision": Precision,
    }  # fmt: skip
    for name, kind in kinds.items():
        if getattr(plan, name) not in get_args(kind):
            raise UserError(
                f"{name.replace('_', ' ')} is {getattr(plan, name)!r}",
                remedy=f"choose one of {', '.join(get_args(kind))}",
            )


def _check_optimisation(plan: TrainPlan) -> None:
    shares = (("momentum", plan.momentum), ("ema decay", plan.ema_decay))
    for name, value in shares:
        if not 0 <= value < 1:
            raise UserError(f"the {name} is {value}", remedy="give a number from 0 to below 1")
    numbers = (
        ("step epochs", plan.step_epochs, 0), ("gradient norm", plan.clip_norm, 0), ("accumulated steps", plan.accumulate, 1),
        ("minutes between checkpoints", plan.checkpoint_minutes, 0), ("weight decay", plan.weight_decay, 0),
        ("encoder's rate factor", plan.encoder_lr_factor, 0), ("mixed share", plan.mix_share, 0),
    )  # fmt: skip
    for name, value, low in numbers:
        if not low <= value < float("inf"):
            raise UserError(f"the {name} is {value}", remedy=f"give at least {low}")
    if not 0 <= plan.warmup_share < 1:
        raise UserError(f"the warm-up is {plan.warmup_share} of the run", remedy="give a number from 0 to below 1")
    if not 0 < plan.step_factor <= 1:
        raise UserError(f"the step factor is {plan.step_factor}", remedy="give a number above 0, at most 1")
    if plan.is_nesterov and not (plan.optimiser == "sgd" and plan.momentum > 0):
        raise UserError("Nesterov's momentum is a kind of momentum of sgd", remedy="choose sgd and a momentum above 0")
    if plan.mix_share > 1:
        raise UserError(f"the mixed share is {plan.mix_share}", remedy="give a number from 0 to 1")
    if any(not 0 <= weight < float("inf") for weight in plan.aux_weights):
        raise UserError(
            f"the weights of auxiliary losses are {shown(plan.aux_weights)}", remedy="give numbers from 0 on"
        )


def _check_split(plan: TrainPlan) -> None:
    if plan.fold and not (len(plan.fold) == 2 and plan.fold[1] >= 2 and 1 <= plan.fold[0] <= plan.fold[1]):
        raise UserError(f"the fold is {shown(plan.fold)}", remedy="give K/N, such as 1/5 for the first of five")
    if plan.block_px < 0:
        raise UserError(f"blocks have a side of {plan.block_px} px", remedy="give a size in pixels, or 0 to choose one")
    if plan.split_by == "group":
        if not plan.group_by:
            raise UserError(
                "a split by group needs a rule that tells the groups",
                remedy="give --group-by folder, or a regular expression such as ^(patient[0-9]+)_",
            )
        group_pattern(plan.group_by)


def _check_volume(plan: TrainPlan) -> None:
    if plan.slices < 1 or plan.slices % 2 == 0:
        raise UserError(f"{plan.slices} slices have no middle one", remedy="give an odd number, such as 3")
    if plan.patch_depth < 0:
        raise UserError(f"the patch depth is {plan.patch_depth}", remedy="give planes a patch, or 0 for flat patches")
    if plan.patch_depth and plan.arch != "vnet":
        raise UserError(
            f"{plan.arch} does not learn from volumes",
            remedy="choose vnet, or --slices for neighbouring planes as bands",
        )
    if plan.patch_depth and plan.slices > 1:
        raise UserError(
            "a patch is a volume, or a plane with its neighbours, not both", remedy="give --patch-depth or --slices"
        )
    if plan.patch_depth:
        _check_volume_patches(plan)


def _check_volume_patches(plan: TrainPlan) -> None:
    from segstudio.ml.loss_table import parse_loss

    obstacles = {
        "the loss boundary measures distances in flat patches": any(p.id == "boundary" for p in parse_loss(plan.loss)),
        f"a refinement ({plan.refine}) ends flat networks only": bool(plan.refine),
        f"{plan.mix} pastes into flat patches only": plan.mix != "none",
        "voxels of volumes are kept as they are, so there is no working long side": bool(plan.working_long_side_px),
    }
    for obstacle, is_there in obstacles.items():
        if is_there:
            raise UserError(obstacle, remedy="leave it out, or --patch-depth")
    voxels = plan.patch_depth * plan.patch_px**2
    if voxels > MAX_PATCH_VOXELS:
        raise UserError(
            f"a patch of {plan.patch_px} × {plan.patch_px} pixels and {plan.patch_depth} planes has too many voxels",
            remedy="give a smaller --size, such as 96, or fewer planes",
        )


def _check_loss(plan: TrainPlan) -> None:
    from segstudio.ml.loss_table import parse_loss

    parts = parse_loss(plan.loss)
    if plan.class_balance not in get_args(ClassBalance):
        raise UserError(
            f"classes cannot be balanced by {plan.class_balance!r}",
            remedy=f"choose one of {', '.join(get_args(ClassBalance))}",
        )
    if any(not 0 <= weight < float("inf") for weight in plan.class_weights):
        raise UserError(f"the class weights are {shown(plan.class_weights)}", remedy="give numbers from 0 on")
    is_border_right = len(plan.border_weight) == 2 and all(0 < v < float("inf") for v in plan.border_weight)
    if plan.border_weight and not is_border_right:
        raise UserError(
            f"the border weight is {shown(plan.border_weight)}",
            remedy="give two numbers above 0, w0 and sigma, such as 10,5",
        )
    _check_sources(plan)
    is_weighted = bool(plan.class_weights or plan.class_balance != "none" or plan.border_weight)
    if is_weighted and not any(part.counts_pixels for part in parts):
        what = "a border weight" if plan.border_weight else "class weights"
        raise UserError(
            f"the loss {plan.loss} is not a mean over pixels, which {what} could weigh",
            remedy="leave them out, or add ce to the loss",
        )


def _check_sources(plan: TrainPlan) -> None:
    from segstudio.ml.source_weights import are_weighed, check_source_weights

    check_source_weights(plan.source_weights)
    if not are_weighed(plan.source_weights):
        return
    if not plan.project:
        raise UserError(
            "a dataset folder does not say who made its labels", remedy="weigh the sources of projects only"
        )
    if plan.patch_depth:
        raise UserError(
            "the sources of labels are not weighed in patches of volumes",
            remedy="leave the weights out, or --patch-depth",
        )


def _check_refinement(plan: TrainPlan) -> None:
    from segstudio.ml.refine.table import checked_layers

    if not checked_layers(plan.refine):
        return
    if plan.arch == "pixelnet":
        raise UserError(
            "pixelnet learns from single pixels, which have none beside them to refine",
            remedy="train without a refinement, and refine its proposals afterwards",
        )
    if plan.patch_px > MAX_REFINED_PATCH_PX:
        raise UserError(
            f"a refinement that learns needs too much memory for patches of {plan.patch_px} px",
            remedy=f"give --size {MAX_REFINED_PATCH_PX} or less",
        )


def _check_network(plan: TrainPlan) -> None:
    from segstudio.ml.networks.options import merged_options
    from segstudio.ml.networks.table import NO_ENCODER, checked_encoder

    encoder = checked_encoder(plan.arch, plan.encoder)
    is_encoder_known = bool(plan.encoder) or not plan.start_from
    if is_encoder_known:
        merged_options(plan.arch, encoder, plan.arch_options)
    if not 0 <= plan.freeze <= 1:
        raise UserError(f"the frozen share is {plan.freeze}", remedy="give a number from 0 to 1")
    if plan.freeze and encoder == NO_ENCODER and is_encoder_known:
        raise UserError(
            f"{plan.arch} brings its own encoder, which knows nothing yet, so it cannot be frozen",
            remedy="freeze nothing, or choose a network with an encoder of its own choice",
        )
    if plan.freeze and not plan.is_pretrained and not plan.start_from:
        raise UserError(
            "an encoder that starts from scratch cannot be frozen: it knows nothing yet",
            remedy="freeze nothing, or start from ImageNet weights or another model",
        )
