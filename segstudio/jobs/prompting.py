"""Clicks in the model host: one click model is kept loaded beside the one that proposes, and pictures embedded.

The window runs a host of its own for clicks: a click must neither wait for a proposal of a thousand images nor end it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from segstudio.core.cancel import check
from segstudio.jobs.protocol import StageChanged
from segstudio.jobs.specs import PromptReply, SweepReply

if TYPE_CHECKING:
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import PromptSpec, SweepSpec
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.interactive.run import Choice

MOST_ANSWERS = 64
"""So many former answers can be corrected, the newest."""

SWEPT_AT_ONCE = 4
"""Points of a sweep between two looks at the clock."""

_clicks: dict[tuple[object, ...], Any] = {}
"""The click model in memory with its embeddings, by what identifies it; one at a time."""
_answers: OrderedDict[int, tuple[str, Any]] = OrderedDict()
"""Logits of the last answers, and which picture they are of, by number."""
_numbers = itertools.count((os.getpid() << 24) + 1)
"""Of replies; those of a host that died name none of this one's."""


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
    if key != spec.key:
        logits = None if spec.mask is None else clicks.mask_logits(spec.key, spec.image, spec.mask, port.progress)
    prompts = after(spec.prompts, logits)
    answer = clicks.answer(spec.key, spec.image, prompts, port.progress)
    index = chosen(answer, cast("Choice", spec.choice))
    number = next(_numbers)
    _answers[number] = (spec.key, answer.logits[index])
    while len(_answers) > MOST_ANSWERS:
        _answers.popitem(last=False)
    probability = (answer.probabilities[index] * 255 + 0.5).astype(np.uint8)
    return PromptReply(spec.key, number, probability, float(answer.scores[index]))


def serve_sweep(spec: SweepSpec, port: Port) -> SweepReply:
    """Ask the first of many points, as many as there is time for.

    Raises
    ------
    UserError
        When the model or the device cannot be used.
    Cancelled
        When it was told to stop.
    """
    from segstudio.ml.interactive.everything import Covered, find_at

    clicks = _loaded(spec, port)
    clicks.embed(spec.key, spec.image, port.progress)
    covered, found = Covered((spec.image.shape[0], spec.image.shape[1])), []
    began_s, asked = time.perf_counter(), 0
    while asked < len(spec.points_xy):
        check(port)
        points = covered.open_points(spec.points_xy[asked : asked + SWEPT_AT_ONCE])
        for one in find_at(clicks, spec.key, spec.image, points, port.progress):
            found.append(one)
            covered.add(one)
        asked = min(asked + SWEPT_AT_ONCE, len(spec.points_xy))
        if time.perf_counter() - began_s >= spec.most_s:
            break
    return SweepReply(spec.key, asked, tuple(found))


def _loaded(spec: PromptSpec | SweepSpec, port: Port) -> Any:
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


def _key(spec: PromptSpec | SweepSpec) -> tuple[object, ...]:
    """A catalog id, or a file as it is now."""
    try:
        status = os.stat(spec.model)
    except OSError:
        return (spec.model, spec.project_folder, spec.device)
    return (spec.model, spec.project_folder, spec.device, status.st_size, status.st_mtime_ns)
