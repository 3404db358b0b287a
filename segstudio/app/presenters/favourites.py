"""Favourite models: which ids the person has marked; kept in the settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.app.settings import Settings

FAVOURITES = "model.favourites"
"""The setting that holds the ids, as a JSON list."""


def favourites(settings: Settings) -> list[str]:
    """Ids of the favourites, the first marked first."""
    try:
        found = json.loads(settings.text(FAVOURITES) or "[]")
    except ValueError:
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def set_favourite(settings: Settings, model_id: str, is_favourite: bool) -> None:
    """Mark a model as a favourite, or no more; kept in the settings."""
    others = [one for one in favourites(settings) if one != model_id]
    kept = [*others, model_id] if is_favourite else others
    settings.set(FAVOURITES, json.dumps(kept, ensure_ascii=False) if kept else "")
