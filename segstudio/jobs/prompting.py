"""Clicks in the model host: one click model is kept loaded beside the one that proposes, and pictures embedded.

The window runs a host of its own for clicks: a click must neither wait for a proposal of a thousand images nor end it.
"""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from segstudio.jobs.protocol import StageChanged
from segstudio.jobs.specs import PromptReply

if TYPE_CHECKING:
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import PromptSpec
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.interactive.run import Choice

MOST_ANSWERS = 64
"""So many former answers can be corrected, the newest."""

_clicks: dict[tuple[object, ...], Any] = {}
"""The click model in memory with its embeddings, by what identifies it; one at a time."""
_answers: OrderedDict[int, tuple[str, Any]] = OrderedDict()
"""Logits of the last answers, and which picture they are of, by number."""
_numbers = itertools.count(1)


def serve_prompts(spec: PromptSpec, port: Port) -> PromptReply:
    """Look at a picture, and say what the prompts mean in it.

    Raises
    ------
    UserError
        When the model or the device cannot be used.
    """
    from segstudio.ml.interactive.run import after, chosen

    clicks = _loaded(spec, port)
    if spec.prompts is None:
        clicks.embed(spec.key, spec.image, port.progress)
        return PromptReply(spec.key)
    key, logits = _answers.get(spec.after, ("", None))
    prompts = after(spec.prompts, logits if key == spec.key else None)
    answer = clicks.answer(spec.key, spec.image, prompts, port.progress)
    index = chosen(answer, cast("Choice", spec.choice))
    number = next(_numbers)
    _answers[number] = (spec.key, answer.logits[index])
    while len(_answers) > MOST_ANSWERS:
        _answers.popitem(last=False)
    probability = (answer.probabilities[index] * 255 + 0.5).astype(np.uint8)
    return PromptReply(spec.key, number, probability, float(answer.scores[index]))


def _loaded(spec: PromptSpec, port: Port) -> Any:
    from segstudio.ml.interactive.loading import load_prompter
    from segstudio.ml.interactive.run import Clicks
    from segstudio.ml.registry import Catalog

    kept = _clicks.get(_key(spec))
    if kept is None:
        port.send(StageChanged(text="Loading the click model"))
        entry: CatalogEntry = Catalog(Path(spec.project_folder) if spec.project_folder else None).find(spec.model)
        # Before the other is loaded: two may not fit a GPU.
        _clicks.clear()
        _answers.clear()
        kept = Clicks(load_prompter(entry, spec.device, port.progress, port))
        _clicks[_key(spec)] = kept
    hooks = getattr(kept.prompter, "hooks", None)
    if hooks is not None:
        hooks.cancel = port
    return kept


def _key(spec: PromptSpec) -> tuple[object, ...]:
    """A catalog id, or a file as it is now."""
    try:
        status = os.stat(spec.model)
    except OSError:
        return (spec.model, spec.project_folder, spec.device)
    return (spec.model, spec.project_folder, spec.device, status.st_size, status.st_mtime_ns)
