"""Who made a label, in words."""

from __future__ import annotations

from segstudio.core.clicked import CLICKED
from segstudio.gui.i18n import tr


def source_text(source: str) -> str:
    """Where an object came from, in words."""
    return {
        "hand": tr("by hand"),
        "model": tr("by a model"),
        "import": tr("imported"),
        "accepted": tr("accepted"),
    }.get(source, source)


def origin_text(source: str, model_id: str, confidence: float | None, is_reviewed: bool) -> str:
    """Where an object came from in a sentence: who made it, which model (and version) found it, how sure it was."""
    name = model_text(model_id)
    if source == "accepted":
        text = tr("Found by %1, accepted by you").replace("%1", name) if name else tr("A proposal that you accepted")
    elif source == "model":
        text = tr("Found by %1, not accepted yet").replace("%1", name) if name else tr("Found by a model")
    else:
        text = tr("Imported") if source == "import" else tr("Made by hand")
    if confidence is not None:
        text += ", " + tr("%1 % sure").replace("%1", str(round(confidence * 100)))
    if is_reviewed and source not in ("hand", "import"):
        text += ". " + tr("Checked by hand, so no model changes it")
    return text + "."


def model_text(model_id: str) -> str:
    """A model and its version, or that it was asked by clicks, in words."""
    model, at, version = model_id.rpartition("@")
    if not at:
        return model_id
    if f"@{version}" == CLICKED:
        return tr("%1 from your clicks").replace("%1", model)
    return tr("%1, version %2").replace("%1", model).replace("%2", version)


def short_model_text(model_id: str) -> str:
    """The same for a line of a list."""
    return model_text(model_id) if model_id.endswith(CLICKED) else model_id
