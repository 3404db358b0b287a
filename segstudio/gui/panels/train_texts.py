"""The lines under the fields of the train panel: when to choose a network, where weights are, what a run costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr
from segstudio.gui.panels.model_chooser import size_text

if TYPE_CHECKING:
    from segstudio.app.presenters.training_choices import TrainingChoices
    from segstudio.app.presenters.training_costs import Estimate
    from segstudio.ml.step_times import TimeEstimate
    from segstudio.ml.train_events import RunStarted

TWO_LINES = 100
"""So many letters go into two lines of the panel; the list's tool tips have room for all."""

UNITS = {"s": "s", "min": "min", "h": "h", "days": "days"}
"""Units of a time."""

_STOPS = re.compile("[.;] |[。；]")


def advice_of(arch: str) -> str:
    """When to choose a network, a paragraph."""
    from segstudio.ml.advice import NETWORKS

    return tr(NETWORKS[arch]) if arch in NETWORKS else ""


def about_text(arch: str) -> str:
    """What a network is good for, in a line or two."""
    from segstudio.ml.networks.table import ARCHITECTURES

    text = tr(ARCHITECTURES[arch].description) if arch in ARCHITECTURES else ""
    if len(text) <= TWO_LINES:
        return text
    ends = [stop.start() for stop in _STOPS.finditer(text, 0, TWO_LINES)]
    return text[: ends[-1]] + "." if ends else text


def weights_text(choices: TrainingChoices) -> str:
    """Where the weights that a run begins with are."""
    if choices.start == "model":
        return tr("Starts from a model you have")
    if choices.start == "scratch":
        return tr("Starts from scratch: wants many labels and many epochs")
    return {
        "installed": tr("ImageNet weights are installed: works offline"),
        "cached": tr("ImageNet weights were fetched before"),
        "fetched": tr("ImageNet weights are fetched when the run starts (timm)"),
        "none": tr("ImageNet weights are missing: start from scratch"),
    }[choices.weights_state]


def costs_text(found: Estimate | None) -> str:
    """Parameters, multiply-adds a patch and memory of a batch."""
    if found is None:
        return tr("What this network costs is known when it has been built")
    text = tr("%1 M parameters · %2 G multiply-adds a patch · about %3 to train")
    for place, value in (
        ("%1", _short(found.parameters / 1e6)),
        ("%2", _short(found.multiply_adds / 1e9)),
        ("%3", size_text(found.training_bytes)),
    ):
        text = text.replace(place, value)
    return text if found.is_usual else text + " " + tr("(with its usual options)")


def span_text(seconds: float) -> str:
    """A time in the unit and precision that suits it: "40 s", "12 min", "3.5 h", "2 days"."""
    from segstudio.ml.step_times import span

    number, _, unit = span(seconds).partition(" ")
    return f"{number}\u00a0{tr(UNITS[unit])}"


def time_text(found: TimeEstimate | None) -> str:
    """How long a run will take, with an honest range, and on what that rests."""
    if found is None:
        return ""
    text = tr("about %1 on this computer (%2)").replace("%1", span_text(found.seconds)).replace("%2", found.device)
    low, high = span_text(found.low_s), span_text(found.high_s)
    if found.source in ("same", "alike"):
        return text if low == high else text + ", " + tr("%1 to %2").replace("%1", low).replace("%2", high)
    text = (
        tr("%1 to %2 on this computer (%3), judged by runs of other networks")
        if found.source == "other"
        else tr("%1 to %2 on this computer (%3): a rough guess, since nothing was trained here yet")
    )
    return text.replace("%1", low).replace("%2", high).replace("%3", found.device)


def warning_text(found: Estimate | None) -> str:
    """What to do when that is too much; "" when it is not."""
    if found is None or not found.exceeds:
        return ""
    text = (
        tr("The graphics card has %1, which is too little: choose a smaller patch or batch, or a lighter network")
        if found.exceeds == "gpu"
        else tr(
            "This computer has %1 of memory, which is too little: choose a smaller patch or batch, or a lighter network"
        )
    )
    return text.replace("%1", size_text(found.available_bytes))


def started_text(started: RunStarted | None) -> str:
    """Parameters of the network that is trained, how many of them are frozen, the device, and what else was told."""
    if started is None:
        return ""
    text = tr("%1 M parameters, %2 M of them frozen") if started.frozen else tr("%1 M parameters")
    text = text.replace("%1", _short(started.parameters / 1e6)).replace("%2", _short(started.frozen / 1e6))
    return " · ".join(filter(None, (text, started.device, started.note)))


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 100 else f"{number:.0f}"
