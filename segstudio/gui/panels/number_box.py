"""A field for numbers of any size: no zeros that say nothing, steps as large as the number asks for."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox

DIGITS = 6
_DECIMALS = 9


class NumberBox(QDoubleSpinBox):
    """Shows 180 as 180 and 0.05 as 0.05."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(_DECIMALS)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """As few digits as it takes."""
        text = f"{value:.{DIGITS}g}" if abs(value) < 10**DIGITS else f"{value:.0f}"
        if "e" in text:
            text = f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
        return text.replace(".", self.locale().decimalPoint())
