"""Tables as CSV text that spreadsheets open and never run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A header of *keys* and a line a row; None and what a row lacks are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow([cell(row.get(key)) for key in keys])
    return out.getvalue()


def cell(value: object) -> object:
    """A value for a CSV file: a text that a spreadsheet would run as a formula is quoted with an apostrophe."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
