"""Click models on a device, from their catalog entries. torch comes in only when a model asks for it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.ml.click.cards import ARCHITECTURE as CLICK_NETWORK
from segstudio.ml.registry import weights_file

if TYPE_CHECKING:
    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import PromptSegmenter
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.catalog_entry import CatalogEntry


def load_prompter(
    entry: CatalogEntry, device: str = "auto", progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> PromptSegmenter:
    """The click model on *device*, its weights fetched first where they are not here.

    Raises
    ------
    UserError
        When the model or the device cannot be used; when the weights are of another network, damaged or hold code.
    Cancelled
        When *cancel* was set during a download.
    """
    if entry.card.task != "interactive":
        raise UserError(
            f"the model {entry.card.id} takes no clicks",
            remedy="`segstudio models list` names those of task interactive",
        )
    card = weights_file(entry, progress, cancel).card
    progress(0, 0, f"Loading {card.name}")
    chosen = _device(device)
    if card.loader:
        return _from_plug_in(card, chosen)
    if card.architecture == CLICK_NETWORK:
        from segstudio.ml.click.prompter import load

        return load(card, card.weights.path, chosen)
    return _sam_family(card, chosen)


def _device(name: str) -> str:
    if name.strip().lower() == "cpu":
        return "cpu"  # a plug-in without torch need not wait for it
    from segstudio.ml.inference.devices import choose_device

    return choose_device(name)


def _from_plug_in(card: ModelCard, device: str) -> PromptSegmenter:
    module, _, function = card.loader.partition(":")
    try:
        build = getattr(importlib.import_module(module), function)
        return cast("PromptSegmenter", build(card, card.weights.path, device))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the plug-in of the model {card.id} failed ({type(error).__name__}: {error})",
            remedy="update or remove the plug-in",
        ) from error


def _sam_family(card: ModelCard, device: str) -> PromptSegmenter:
    if not card.weights.path:
        raise UserError(f"the model {card.id} has no weights", remedy="download it, or choose another model")
    import torch

    from segstudio.ml.interactive.adaptor import SamPrompter
    from segstudio.ml.interactive.build import build_for
    from segstudio.ml.interactive.checkpoints import read_tensors

    path = Path(card.weights.path)
    try:
        module, family = build_for(read_tensors(path), path)
        return SamPrompter(module, card, device, is_padded=family != "sam2")
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the model {card.id} does not fit the memory of {device}",
            remedy="choose the device cpu, or a smaller model",
        ) from error
