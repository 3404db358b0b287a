"""Every command a person can give, in one table: menus, keys, command palette, key sheet and tests all read this.

Texts are English; the window translates them with the context ``actions``. The rows stand in ``action_tables``.
"""

from __future__ import annotations

from segstudio.app.action_spec import MENUS, ActionSpec, Needs
from segstudio.app.action_tables.file_edit import EDIT, FILE, HELP
from segstudio.app.action_tables.label import CLASS_KEYS, LABEL, TOOLS
from segstudio.app.action_tables.learning import LEARNING
from segstudio.app.action_tables.model_train import MODEL, TRAIN
from segstudio.app.action_tables.next_ import NEXT
from segstudio.app.action_tables.planes import PLANES
from segstudio.app.action_tables.regions import REGIONS
from segstudio.app.action_tables.view import VIEW

__all__ = ["ACTIONS", "BY_ID", "MENUS", "ActionSpec", "Needs", "action"]

ACTIONS: tuple[ActionSpec, ...] = (
    *FILE,
    *EDIT,
    *VIEW,
    *TOOLS,
    *LABEL,
    *REGIONS,
    *PLANES,
    *CLASS_KEYS,
    *MODEL,
    *NEXT,
    *TRAIN,
    *LEARNING,
    *HELP,
)
"""All commands, in menu order."""

BY_ID: dict[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}


def action(action_id: str) -> ActionSpec:
    """The command with this id; KeyError for an unknown one."""
    return BY_ID[action_id]
