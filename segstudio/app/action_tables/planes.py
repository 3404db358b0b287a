"""Planes of volumes and stacks: moving through them, carrying labels from one to the next, copy and paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.app.action_spec import ActionSpec

PLANES: tuple[ActionSpec, ...] = ()
