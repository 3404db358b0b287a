"""A confusion matrix as a picture: rows are truth, columns prediction, cells the share of the truth's pixels."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL import Image, ImageFont

MAX_DRAWN = 254
"""More classes than that make no picture that a person could read."""
RIGHT_COLOR, WRONG_COLOR = "#2f6fd0", "#c2560a"
"""Of the diagonal, and of what was taken for something else; the share is the colour's opacity."""
LIGHT_TEXT_FROM = 0.45
"""On a cell of so large a share the number is white."""
_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "Helvetica.ttc", "LiberationSans-Regular.ttf")
_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc", "msyh.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf", "NotoSerifCJK-Bold.ttc", "NotoSerifCJK-Regular.ttc", "simsun.ttc", "Arial Unicode.ttf",
)  # fmt: skip
_MAX_NAME_PX = 170
_GAP_PX = 6


@dataclass(frozen=True)
class ConfusionTable:
    """What is drawn: (n, n) ``counts`` and ``shares`` of the truth's pixels 0…1, NaN where the truth has none."""

    names: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]

    def cell_text(self, row: int, column: int) -> str:
        """The cell's percentage; "" for nothing, and for what rounds to nothing."""
        share = self.shares[row, column]
        return "" if np.isnan(share) or share < 0.005 else f"{100 * share:.0f}"

    def hint(self, row: int, column: int) -> str:
        """A cell in words: what was taken for what, how often."""
        share = self.shares[row, column]
        amount = "" if np.isnan(share) else f"{100 * share:.2f} % "
        return f"{self.names[row]} → {self.names[column]}: {amount}({self.counts[row, column]:,} px)"

    def row_text(self, row: int) -> str:
        """How many pixels of this class the truth has."""
        return short_count(int(self.counts[row].sum()))


@dataclass(frozen=True)
class ConfusionLayout:
    """Places in pixels: the matrix begins at (``left``, ``top``) and has cells of ``cell``."""

    cell: int
    left: int
    top: int
    font: int
    small_font: int
    count: int
    right: int

    @property
    def width(self) -> int:
        """Of the whole picture."""
        return self.left + self.cell * self.count + self.right

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return self.top + self.cell * self.count + 2 * _GAP_PX + self.font + 8

    @property
    def has_numbers(self) -> bool:
        """Whether cells are large enough for their percentage."""
        return self.cell >= 18


def confusion_table(confusion: Any, names: Sequence[str] | None = None) -> ConfusionTable:
    """The table of (n, n) counts, rows truth; "class 0" … where there are no *names*.

    Raises
    ------
    UserError
        When it is no square of whole numbers, when names are missing, or when there are too many classes.
    """
    try:
        values = np.asarray(confusion, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError("the confusion matrix is no table of numbers", remedy="evaluate the model anew") from error
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size or not np.isfinite(values).all():
        raise UserError("the confusion matrix is no square of numbers", remedy="evaluate the model anew")
    if (values < 0).any() or (values > 2**62).any():
        raise UserError("the confusion matrix holds counts that cannot be", remedy="evaluate the model anew")
    n = values.shape[0]
    if n > MAX_DRAWN:
        raise UserError(f"{n} classes are too many for a picture", remedy="use the numbers of --json")
    known = tuple(str(name) for name in names) if names is not None else tuple(f"class {i}" for i in range(n))
    if len(known) != n:
        raise UserError(f"{len(known)} class names for {n} classes", remedy="give a name for each class")
    counts = values.astype(np.int64)
    totals = values.sum(axis=1, keepdims=True)
    shares = np.full(values.shape, np.nan)
    np.divide(values, totals, out=shares, where=totals > 0)
    return ConfusionTable(known, counts, shares)


def layout_of(table: ConfusionTable) -> ConfusionLayout:
    """Cells of 14 to 56 px, so that two classes are no thumbnail and forty no poster."""
    n = len(table.names)
    cell = max(14, min(56, 880 // n))
    font = 13
    small = max(8, min(13, cell * 9 // 22))
    longest = max(text_width_px(shortened(name, font), font) for name in table.names)
    right = 16 + max(text_width_px(table.row_text(i), small) for i in range(n)) + _GAP_PX
    return ConfusionLayout(
        cell=cell,
        left=round(longest) + font + 3 * _GAP_PX + 8,
        top=round(longest) + font + 3 * _GAP_PX + 8,
        font=font,
        small_font=small,
        count=n,
        right=max(round(right), 48),
    )


def short_count(value: int) -> str:
    """A count in few letters, such as “950”, “12 k” and “3.4 M”."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.1f} {letter}" if value < 10 * size else f"{value / size:.0f} {letter}"
    return str(value)


def text_width_px(text: str, font_px: int) -> float:
    """About how wide *text* is drawn."""
    return font_px * sum(1.0 if unicodedata.east_asian_width(one) in "WF" else 0.58 for one in text)


def shortened(name: str, font_px: int, room_px: int = _MAX_NAME_PX) -> str:
    """*name* on one line, cut with … where it is wider than *room_px*."""
    flat = " ".join(name.split()) or "–"
    if text_width_px(flat, font_px) <= room_px:
        return flat
    while flat and text_width_px(flat + "…", font_px) > room_px:
        flat = flat[:-1]
    return flat.rstrip() + "…"


def confusion_svg(table: ConfusionTable, *, is_embedded: bool = False) -> str:
    """An SVG image; *is_embedded*: a part of a page, whose text colour and background it takes on."""
    at = layout_of(table)
    ink = "currentColor" if is_embedded else "#1a1e25"
    side = at.cell * at.count
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at.width} {at.height}" width="{at.width}" '
        f'height="{at.height}" role="img" aria-label="Confusion matrix: rows are truth, columns prediction" '
        f'font-family="sans-serif" fill="{ink}">'
    ]
    if not is_embedded:
        parts.append(f'<rect width="{at.width}" height="{at.height}" fill="#ffffff"/>')
    central, faint = 'dominant-baseline="central"', 'fill-opacity="0.7"'
    for i, name in enumerate(table.names):
        label = f"{escape(shortened(name, at.font))}<title>{escape(name)}</title>"
        across, down = at.left + (i + 0.5) * at.cell, at.top + (i + 0.5) * at.cell
        parts += [
            _svg_text(label, at.left - _GAP_PX, down, at.font, f'text-anchor="end" {central}'),
            _svg_text(label, across, at.top - _GAP_PX, at.font, central, is_upright=True),
            _svg_text(table.row_text(i), at.left + side + _GAP_PX, down, at.small_font, f"{faint} {central}"),
        ]
    parts += [_svg_cell(table, at, r, c) for r in range(at.count) for c in range(at.count)]
    bold = 'font-weight="bold" text-anchor="middle"'
    note = "% of the truth; at the right its pixels"
    parts += [
        f'<rect x="{at.left}" y="{at.top}" width="{side}" height="{side}" fill="none" stroke="{ink}" stroke-opacity="0.5"/>',
        _svg_text("truth", at.font, at.top + side / 2, at.font, bold, is_upright=True),
        _svg_text("prediction", at.left + side / 2, at.font + 2, at.font, bold),
        _svg_text(note, at.left, at.height - 8, at.small_font, faint),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _svg_text(label: str, x: float, y: float, size: int, more: str, *, is_upright: bool = False) -> str:
    """A text element of what is escaped already; *is_upright*: it runs upwards from (x, y)."""
    place = f'transform="translate({x:g} {y:g}) rotate(-90)"' if is_upright else f'x="{x:g}" y="{y:g}"'
    return f'<text {place} font-size="{size}" {more}>{label}</text>'


def _svg_cell(table: ConfusionTable, at: ConfusionLayout, row: int, column: int) -> str:
    share, number = table.shares[row, column], table.cell_text(row, column)
    if not share > 0.0005:  # also where there is none (NaN)
        return ""
    x, y = at.left + column * at.cell, at.top + row * at.cell
    color = RIGHT_COLOR if row == column else WRONG_COLOR
    cell = (
        f'<rect x="{x}" y="{y}" width="{at.cell}" height="{at.cell}" fill="{color}" fill-opacity="{share:.3f}">'
        f"<title>{escape(table.hint(row, column))}</title></rect>"
    )
    if not number or not at.has_numbers:
        return cell
    white = ' fill="#ffffff"' if share > LIGHT_TEXT_FROM else ""
    more = f'text-anchor="middle" dominant-baseline="central" pointer-events="none"{white}'
    return cell + _svg_text(number, x + at.cell / 2, y + at.cell / 2, at.small_font, more)


def confusion_image(table: ConfusionTable, scale: int = 2) -> Image.Image:
    """The same as a picture of pixels, *scale* times as large, on white."""
    from PIL import Image, ImageDraw

    at = layout_of(table)
    image = Image.new("RGB", (at.width * scale, at.height * scale), "#ffffff")
    draw = ImageDraw.Draw(image)
    everything = "".join(table.names)
    font, small = _font(everything, at.font * scale), _font("0", at.small_font * scale)
    side = at.cell * at.count
    for row in range(at.count):
        for column in range(at.count):
            _draw_cell(draw, table, at, (row, column), scale, small)
        name = shortened(table.names[row], at.font)
        middle = at.top + row * at.cell + at.cell / 2
        draw.text(((at.left - _GAP_PX) * scale, middle * scale), name, "#1a1e25", font, anchor="rm")
        where = ((at.left + side + _GAP_PX) * scale, middle * scale)
        draw.text(where, table.row_text(row), "#55606e", small, anchor="lm")
        column_middle = round((at.left + row * at.cell + at.cell / 2) * scale)
        _draw_upright(image, name, (column_middle, (at.top - _GAP_PX) * scale), font)
    corner = (at.left * scale, at.top * scale)
    draw.rectangle((*corner, (at.left + side) * scale, (at.top + side) * scale), outline="#8d96a3", width=scale)
    caption = _font("a", at.font * scale)
    draw.text(((at.left + side / 2) * scale, scale * 4), "prediction", "#1a1e25", caption, anchor="ma")
    length = draw.textlength("truth", caption)
    _draw_upright(image, "truth", (at.font * scale, round((at.top + side / 2) * scale + length / 2)), caption)
    draw.text((corner[0], (at.height - 6) * scale), "% of the truth; at the right its pixels", "#55606e", small, "ls")
    return image


def _draw_cell(
    draw: Any, table: ConfusionTable, at: ConfusionLayout, cell: tuple[int, int], scale: int, font: Any
) -> None:
    share = table.shares[cell]
    if not share > 0.0005:
        return
    color = RIGHT_COLOR if cell[0] == cell[1] else WRONG_COLOR
    rgb = [round(255 + (int(color[i : i + 2], 16) - 255) * float(share)) for i in (1, 3, 5)]
    x, y = (at.left + cell[1] * at.cell) * scale, (at.top + cell[0] * at.cell) * scale
    size = at.cell * scale
    draw.rectangle((x, y, x + size, y + size), fill=tuple(rgb))
    number = table.cell_text(*cell)
    if number and at.has_numbers:
        fill = "#ffffff" if share > LIGHT_TEXT_FROM else "#1a1e25"
        draw.text((x + size / 2, y + size / 2), number, fill, font, anchor="mm")


def _draw_upright(image: Image.Image, text: str, foot: tuple[int, int], font: ImageFont.FreeTypeFont) -> None:
    """*text* from *foot* (x of its middle, y where it begins) upwards."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = font.getbbox(text)
    line = Image.new("L", (max(1, round(right)), max(1, round(bottom) + 2)), 0)
    ImageDraw.Draw(line).text((0, 0), text, 255, font)
    turned = line.rotate(90, expand=True)
    middle = round((top + bottom) / 2)
    image.paste(Image.new("RGB", turned.size, "#1a1e25"), (foot[0] - middle, foot[1] - turned.height), turned)


def _font(text: str, size_px: int) -> ImageFont.FreeTypeFont:
    """A font of this machine that has the letters; else the one that comes with Pillow, which has the Latin ones."""
    from PIL import ImageFont

    is_wide = any(unicodedata.east_asian_width(one) in "WF" for one in text)
    for name in (*(_WIDE_FONTS if is_wide else ()), *_FONTS):
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def confusion_file(table: ConfusionTable, suffix: str) -> bytes:
    """The picture as the bytes of a file with this suffix, ".svg" or ".png".

    Raises
    ------
    UserError
        For another suffix.
    """
    if suffix.lower() == ".svg":
        return confusion_svg(table).encode()
    if suffix.lower() == ".png":
        buffer = io.BytesIO()
        confusion_image(table).save(buffer, "PNG")
        return buffer.getvalue()
    raise UserError(f"{suffix or 'no suffix'} is no kind of picture known here", remedy="name a file .png or .svg")


def check_picture_name(path: Path) -> None:
    """Raise UserError when no picture of a confusion matrix can be written under this name."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise UserError("the picture's kind is not known", path=path, remedy="name a file .png or .svg")
