"""Label menu: what is done to labels that are there, without a pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.app.action_spec import ActionSpec

REGIONS: tuple[ActionSpec, ...] = ()
