"""Curves as inline SVG: axes, gridlines, a legend; colours of a page that may be light or dark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_COLORS: tuple[str, ...] = (
    "#2c8fd6", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8b6fc9", "#7f7f7f", "#a65628", "#17a2a2",
)  # fmt: skip
"""Of lines that no class gives a colour; readable on white and on near-black."""
WIDTH_PX, HEIGHT_PX = 620, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 40


@dataclass(frozen=True)
class Line:
    """One curve; ``color`` "" takes the next of :data:`LINE_COLORS`."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str = ""
    is_dashed: bool = False


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover *low* … *high*."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if raw <= m * size * 1.0001)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def curves_svg(
    lines: Sequence[Line],
    *,
    title: str,
    x_title: str = "epoch",
    y_range: tuple[float, float] | None = None,
) -> str:
    """An SVG image of *lines* over whole-numbered x; "" when there is no point at all."""
    shown = [(i, line) for i, line in enumerate(lines) if line.points]
    if not shown:
        return ""
    xs = [x for _, line in shown for x, _ in line.points]
    ys = [y for _, line in shown for _, y in line.points]
    low, high = y_range or (min(0.0, *ys) if min(ys) < 0 else 0.0, max(ys) * 1.05 or 1.0)
    left, right = min(xs), max(xs)
    if left == right:
        left, right = left - 0.5, right + 0.5
    rows = math.ceil(len(shown) / 3)
    height = HEIGHT_PX + 18 * rows

    def place(x: float, y: float) -> tuple[float, float]:
        inner_w, inner_h = WIDTH_PX - _LEFT - _RIGHT, HEIGHT_PX - _TOP - _BOTTOM
        share = (min(max(y, low), high) - low) / (high - low)
        return _LEFT + (x - left) / (right - left) * inner_w, _TOP + (1 - share) * inner_h

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12" fill="currentColor">'
    ]
    for y in ticks(low, high):
        px, py = place(left, y)
        parts.append(_rule(px, WIDTH_PX - _RIGHT, py, 'stroke="currentColor" stroke-opacity="0.15"'))
        parts.append(_label(f"{y:g}", px - 6, py + 4, "end"))
    for x in ticks(left, right, 8):
        if x_title != "epoch" or x == round(x):
            px, py = place(x, low)
            parts.append(_label(f"{x:g}", px, py + 16, "middle"))
    parts.append(_label(escape(x_title), (_LEFT + WIDTH_PX - _RIGHT) / 2, HEIGHT_PX - 6, "middle"))
    for row, (index, line) in enumerate(shown):
        stroke = f'stroke="{escape(line.color or LINE_COLORS[index % len(LINE_COLORS)])}"'
        stroke += ' stroke-dasharray="5 4"' if line.is_dashed else ""
        spots = [place(x, y) for x, y in line.points]
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in spots)
        parts.append(f'<polyline points="{points}" fill="none" stroke-width="2" stroke-linejoin="round" {stroke}/>')
        if len(spots) == 1:
            parts.append(f'<circle cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="3" fill="none" {stroke}/>')
        parts += _legend(line.name, row, stroke)
    return "\n".join([*parts, "</svg>"])


def _legend(name: str, place: int, stroke: str) -> list[str]:
    x, y = _LEFT + place % 3 * ((WIDTH_PX - _LEFT) / 3), HEIGHT_PX + 8 + 18 * (place // 3)
    short = name if len(name) <= 24 else name[:23] + "…"
    text = f"{escape(short)}<title>{escape(name)}</title>"
    return [_rule(x, x + 18, y, f'stroke-width="3" {stroke}'), f'<text x="{x + 24:.1f}" y="{y + 4}">{text}</text>']


def _rule(left: float, right: float, y: float, look: str) -> str:
    return f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" {look}/>'


def _label(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill-opacity="0.75">{text}</text>'
