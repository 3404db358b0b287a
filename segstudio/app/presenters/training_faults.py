"""Why a run could not start as it is chosen: the plan's own sentences, each at the field that it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segstudio.app.presenters.training_choices import OWN, TrainingChoices, default_of
from segstudio.app.presenters.training_field_table import BY_KEY, FIELDS
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.ml.plan import TrainPlan

MOST = 8
"""So many faults are looked for at once."""
_OPTION = re.compile(r"--([a-z][a-z-]*)")
_OTHER_NAMES = {
    "size": "patch_px",
    "ema": "ema_decay",
    "working_long_side": "working_long_side_px",
    "warmup": "warmup_share",
}


def faults_of(
    choices: TrainingChoices,
    plan_of: Callable[[TrainingChoices], TrainPlan],
    classes: Sequence[str] = (),
    last: Sequence[str] = (),
) -> dict[str, str]:
    """Field → why a plan with it is refused, for each field that is to blame; {} when *plan_of* (choices) can be worked with.

    To blame is the field whose default changes what is said, of several the one that was changed *last*; "" where that is none.
    """
    found = _own_faults(choices, classes)
    if "group_by" in found:
        # The plan would blame the choice of groups, whose default is another choice; what is missing is how they are told.
        choices = choices.changed(split_by=default_of("split_by"))
    for _ in range(MOST):
        sentence = _refusal(plan_of(choices))
        if not sentence:
            break
        key = _blamed(choices, plan_of, sentence, last)
        if key in found:
            break
        found[key] = in_the_window(sentence)
        if not key:
            break
        choices = choices.changed(**{key: default_of(key)})
    return found


def in_the_window(sentence: str) -> str:
    """A sentence of the command line with the options that it names as fields of the window, begun with a capital."""
    text = _OPTION.sub(lambda match: _title(match.group(1)), sentence)
    return text[:1].upper() + text[1:]


def _title(option: str) -> str:
    key = option.replace("-", "_")
    field = BY_KEY.get(_OTHER_NAMES.get(key, key))
    return f"--{option}" if field is None else f"“{field.title}”"


def _refusal(plan: TrainPlan) -> str:
    try:
        plan.checked()
    except UserError as error:
        return str(error)
    return ""


def _blamed(
    choices: TrainingChoices,
    plan_of: Callable[[TrainingChoices], TrainPlan],
    sentence: str,
    last: Sequence[str],
) -> str:
    changed = [field.key for field in FIELDS if choices.value(field.key) != default_of(field.key)]
    changed += [key for key in ("freeze", "refine", "arch_options") if key in OWN]
    cures = [key for key in changed if _refusal(plan_of(choices.changed(**{key: default_of(key)}))) != sentence]
    words = sentence.casefold()
    # Where several would help (a weight, or the loss that takes none), the one changed last, then the one spoken of.
    latest = [key for key in cures if key in last]
    named = [
        key
        for key in cures
        if key.replace("_", " ") in words or (key in BY_KEY and BY_KEY[key].title.casefold() in words)
    ]
    return next(iter([*latest, *named, *cures]), "")


def _own_faults(choices: TrainingChoices, classes: Sequence[str]) -> dict[str, str]:
    """What only the project can tell."""
    weights = choices.value("class_weights")
    if weights and classes and len(weights) != len(classes):
        names = ", ".join(classes)
        return {
            "class_weights": f"There are {len(weights)} weights for {len(classes)} classes ({names}): give one for each."
        }
    name = choices.value("ignored_as")
    if name and classes and name not in classes:
        return {"ignored_as": f"No label is of the class {name}: label some of it, or choose another class."}
    if choices.value("split_by") == "group" and not choices.value("group_by"):
        return {"group_by": "Say how groups are told: folder, or a regular expression."}
    return {}
