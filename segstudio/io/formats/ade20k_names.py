"""What the classes of the full ADE20K are called: by the JSON beside each mask (2021), or its ``_atr.txt`` (2016).

The index that comes with the dataset is a pickle, which could run anything: it is not opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.formats.ade20k_labels import IGNORE_FULL
from segstudio.io.formats.mask_files import look_at_mask
from segstudio.io.formats.safety import read_json, read_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from segstudio.io.formats.safety import Limits


def names_in_full(masks: Iterable[Path], limits: Limits) -> dict[int, str]:
    """Class number → name for all numbers that the masks hold; "class 12" where no file tells. Damaged files are passed over."""
    found: dict[int, str] = {}
    for mask in masks:
        stem = mask.name.removesuffix("_seg.png")
        try:
            told = _of_json(mask.with_name(f"{stem}.json"), limits)
            if told is None:
                told = _of_text(mask, mask.with_name(f"{stem}_atr.txt"), limits)
        except UserError:
            continue
        for number, name in told.items():
            if name or number not in found:
                found[number] = name or f"class {number}"
    return found


def _of_json(path: Path, limits: Limits) -> dict[int, str] | None:
    if not path.is_file():
        return None
    document: Any = read_json(path, limits)
    annotation = document.get("annotation") if isinstance(document, dict) else None
    rows = annotation.get("object") if isinstance(annotation, dict) else None
    names: dict[int, str] = {}
    for row in rows if isinstance(rows, list) else [rows] if isinstance(rows, dict) else []:
        try:
            if whole_number((row.get("parts") or {}).get("part_level", 0)) == 0:
                names[whole_number(row["name_ndx"], 1, IGNORE_FULL - 1)] = " ".join(
                    str(row["name"]).split(",")[0].split()
                )
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    # A file that names nothing of use: the mask's numbers are known at least.
    return names or None


def _of_text(mask: Path, path: Path, limits: Limits) -> dict[int, str]:
    """``001 # 0 # 0 # sky # sky # ""``: the n-th number in blue is object n; its red and green tell the class."""
    names: dict[int, str] = {}
    if path.is_file():
        for line in read_text(path, limits).splitlines():
            cells = [cell.strip() for cell in line.split("#")]
            if len(cells) >= 5 and cells[0].isdecimal() and cells[1] == "0":
                names[int(cells[0])] = cells[3].split(",")[0].strip()
    found: dict[int, str] = {}
    pairs: set[int] = set()
    for colors in look_at_mask(mask).colors():
        pairs.update(np.unique(colors).tolist())
    blues = sorted({color & 0xFF for color in pairs} | {0})
    for color in sorted(pairs):
        number = (color >> 16) // 10 * 256 + (color >> 8 & 0xFF)
        if 0 < number < IGNORE_FULL:
            found[number] = names.get(blues.index(color & 0xFF), "") or found.get(number, "")
    return found
