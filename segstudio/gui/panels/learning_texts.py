"""What the learning panel says: what is done now, what came of the last round, what there is to learn from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr
from segstudio.gui.panels.learning_tables import LEAST_CHANGE, figure_text
from segstudio.gui.panels.train_texts import span_text

if TYPE_CHECKING:
    from segstudio.app.presenters.learning import LearningData, LearningPresenter

SHORT_S = 5.0
"""A rest of a round shorter than this is not told: it would be over before it is read."""


def data_text(data: LearningData, presenter: LearningPresenter) -> str:
    """Before it begins: what it does, and what there is to learn from."""
    if data.problem:
        return tr(data.problem)
    if not data.images:
        have = tr("Nothing is labelled yet: it waits for your first strokes.")
    else:
        have = tr("%n image(s) with labels", data.images) + " · " + tr("%n class(es)", data.classes)
    if presenter.versions:
        return have
    return f"{tr('A model learns from each of your corrections, and takes over where it is better.')}\n{have}"


def now_text(presenter: LearningPresenter) -> str:
    """While it runs: the round, what it picked up last, and where it computes."""
    progress = presenter.progress
    started, taken = progress.started, progress.taken
    lines = [_round_text(presenter)]
    if taken is not None:
        lines.append(
            tr("Picked up at %1: %n pixel(s) of %2", taken.pixels)
            .replace("%1", time.strftime("%H:%M:%S", time.localtime(taken.at_s)))
            .replace("%2", names_text(presenter, taken.image_ids))
        )
    if started is not None:
        text = tr("%n image(s) with labels", max(started.images, progress.images))
        regions = taken if taken is not None and taken.regions_train else started
        if regions.regions_train or regions.regions_val:
            held = tr("%1 places, %2 of them held out")
            count = regions.regions_train + regions.regions_val
            text += " · " + held.replace("%1", str(count)).replace("%2", str(regions.regions_val))
        lines.append(text)
        lines.extend(tr(note) for note in (started.note, *progress.notes[-2:]) if note)
    if progress.state == "waiting":
        lines.append(tr(progress.stage_text))
    return "\n".join(filter(None, lines))


def _round_text(presenter: LearningPresenter) -> str:
    progress = presenter.progress
    step = progress.step
    if step is None or progress.state != "fitting":
        return ""
    parts = [tr("Round %1").replace("%1", str(step.round)), f"{tr('loss')} {step.loss:.3f}"]
    if step.seconds_left is not None and step.seconds_left >= SHORT_S:
        parts.append(tr("%1 left").replace("%1", span_text(step.seconds_left)))
    if progress.started is not None:
        parts.append(progress.started.device)
    return " · ".join(parts)


def names_text(presenter: LearningPresenter, image_ids: tuple[int, ...]) -> str:
    """The first image's name, and how many more."""
    names = [name for name in map(presenter.image_name, image_ids) if name]
    if not names:
        return "–"
    return names[0] if len(names) == 1 else names[0] + " " + tr("and %n more", len(names) - 1)


def verdict_text(presenter: LearningPresenter) -> tuple[str, str]:
    """(sentence, how it is meant: "good", "warning" or "muted") on the last round that was judged; ("", "") before one."""
    checked = presenter.progress.checked
    if checked is None:
        return "", ""
    figures = f"{figure_text(checked.before)} → {figure_text(checked.after)}"
    current = presenter.current
    number = "" if current is None else str(current.number)
    if checked.is_accepted:
        made = str(checked.version.number) if checked.version is not None else number
        if checked.before is None:
            first = tr("Version %1 is the first: mean Dice %2 on labels that were held out.")
            return first.replace("%1", made).replace("%2", figure_text(checked.after)), "good"
        text = tr("Version %1 is better on labels that were held out: mean Dice %2.")
        return text.replace("%1", made).replace("%2", figures), "good"
    if checked.before is None or checked.after is None or current is None:
        return tr(checked.reason), "muted"
    if checked.after < checked.before - LEAST_CHANGE:
        text = tr(
            "What it learned since was refused: mean Dice %2 on labels that were held out. Version %1 stays in use."
        )
        return text.replace("%1", number).replace("%2", figures), "warning"
    if checked.after >= checked.before + LEAST_CHANGE and checked.reason:
        return tr(checked.reason), "warning"  # better on the whole, but a class was spoilt
    text = tr("Nothing better yet: mean Dice %2 on labels that were held out. Version %1 stays in use.")
    return text.replace("%1", number).replace("%2", figures), "muted"
