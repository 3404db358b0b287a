"""What the overlay controls do: change the session's overlay style and confidence threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from segstudio.app.overlay_style import Heat, OverlayStyle
    from segstudio.app.session import Session

OPACITY_STEP = 0.1
CONFIDENCE_STEP = 0.05


class OverlayPresenter:
    """``changed`` when the controls must be read again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        session.overlay_changed.connect(self.changed.emit)
        session.threshold_changed.connect(self._on_threshold_changed)

    @property
    def style(self) -> OverlayStyle:
        """How layers are drawn."""
        return self.session.overlay

    def set_opacity(self, opacity: float) -> None:
        """0…1."""
        self.session.set_overlay(replace(self.style, opacity=round(min(max(opacity, 0.0), 1.0), 3)))

    def step_opacity(self, direction: int) -> None:
        """One notch stronger (+1) or weaker (-1)."""
        self.set_opacity(self.style.opacity + direction * OPACITY_STEP)

    def set_mode(self, mode: Literal["fill", "outline"]) -> None:
        """Filled areas or outlines."""
        self.session.set_overlay(replace(self.style, mode=mode))

    def set_outline_width(self, width_px: int) -> None:
        """In screen pixels, 1…8."""
        self.session.set_overlay(replace(self.style, outline_width_px=min(max(width_px, 1), 8)))

    def set_shows_labels(self, is_on: bool) -> None:
        """Show or hide the labels."""
        self.session.set_overlay(replace(self.style, shows_labels=is_on))

    def set_shows_proposal(self, is_on: bool) -> None:
        """Show or hide the proposal."""
        self.session.set_overlay(replace(self.style, shows_proposal=is_on))

    def set_shows_difference(self, is_on: bool) -> None:
        """Show where labels and proposal differ."""
        self.session.set_overlay(replace(self.style, shows_difference=is_on))

    def set_heat(self, heat: Heat) -> None:
        """Show the model's confidence, its uncertainty, or none of it."""
        self.session.set_overlay(replace(self.style, heat=heat))

    def set_shows_unseen(self, is_on: bool) -> None:
        """Veil what nobody looked at."""
        self.session.set_overlay(replace(self.style, shows_unseen=is_on))

    def set_shows_grid(self, is_on: bool) -> None:
        """The pixel grid past 8×."""
        self.session.set_overlay(replace(self.style, shows_grid=is_on))

    def set_hidden(self, is_hidden: bool) -> None:
        """Hide all while a key is held."""
        self.session.set_overlay(replace(self.style, is_hidden=is_hidden))

    @property
    def min_confidence(self) -> float:
        """The threshold, 0…1."""
        return self.session.min_confidence

    def set_min_confidence(self, value: float) -> None:
        """Move the threshold: no new inference."""
        self.session.set_min_confidence(round(value, 3))

    def step_confidence(self, direction: int) -> None:
        """One notch higher (+1) or lower (-1)."""
        self.set_min_confidence(self.min_confidence + direction * CONFIDENCE_STEP)

    def _on_threshold_changed(self, value: float) -> None:
        self.changed.emit()
