"""One row of the action table, and how a row is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needs = Literal["", "project", "image", "edit", "proposal", "object"]
"""What must be there for the action to be enabled: "edit" = an image in a project that is not read-only."""

MENUS: tuple[str, ...] = ("File", "Edit", "View", "Label", "Model", "Train", "Help")


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command.

    ``shortcuts`` are portable key texts as Qt reads them; ``menu`` is one of :data:`MENUS` or "" (palette and keys
    only); actions with another ``group`` than the one before are parted by a line; ``tip`` is one sentence.
    ``is_held`` marks keys that act while held (hide labels): the window feeds press and release. ``submenu`` is the
    English title of the menu within the menu that it stands in, "" = in the menu itself.
    """

    id: str
    text: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    menu: str = ""
    group: str = ""
    is_checkable: bool = False
    needs: Needs = ""
    tip: str = ""
    is_held: bool = False
    submenu: str = ""


def spec(
    action_id: str,
    text: str,
    keys: str = "",
    icon: str = "",
    menu: str = "",
    group: str = "",
    needs: Needs = "",
    tip: str = "",
    *,
    checkable: bool = False,
    held: bool = False,
    submenu: str = "",
) -> ActionSpec:
    """A row of a table: *keys* parted by spaces, the rest as :class:`ActionSpec` has it."""
    shortcuts = tuple(key for key in keys.split(" ") if key)
    return ActionSpec(action_id, text, shortcuts, icon, menu, group, checkable, needs, tip, held, submenu)
