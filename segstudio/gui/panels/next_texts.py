"""Why an image is worth labelling next, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.next_desk import NextImage


def unsure_text(uncertainty: float) -> str:
    """0.043 → "4.3 % unsure"."""
    return tr("%1 % unsure").replace("%1", f"{100 * uncertainty:.1f}")


def reason_text(one: NextImage) -> str:
    """How unsure the model is of an image, and why it comes where it does."""
    why = {
        "unsure": tr("least sure"),
        "different": tr("unlike the others"),
        "both": tr("least sure, unlike others"),
        "": "",
    }[one.reason]
    return f"{unsure_text(one.uncertainty)} · {why}" if why else unsure_text(one.uncertainty)
