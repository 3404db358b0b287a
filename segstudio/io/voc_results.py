"""Results as the VOC devkit reads them: ``results/VOC2012/Segmentation/comp5_test_cls/NAME.png``, and its table of accuracies.

Everingham et al., The PASCAL VOC2012 development kit, section 9 (segmentation): index masks of each image's size, 0 background.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import PALETTE
from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error
from segstudio.io.formats.index_png import write_index_png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

COMPETITION = "comp5"
"""Learnt from the challenge's own training images only; comp6 is for others."""
TABLE_NAME = "accuracies.txt"


def results_folder(out: Path, split: str, year: str = "VOC2012") -> Path:
    """Where the devkit looks for the masks of *split* below its own folder, *out*."""
    return out / "results" / year / "Segmentation" / f"{COMPETITION}_{split}_cls"


class VocResults:
    """Writes the masks of a split, and at the end the table.

    Parameters
    ----------
    out
        The devkit's folder, or any other; made when missing.
    values, names, colors
        The value in the masks, the name and the colour ("#rrggbb" or "") of each class, by index.
    """

    def __init__(
        self, out: Path, split: str, values: Sequence[int], names: Sequence[str], colors: Sequence[str] = ()
    ) -> None:
        if max(values) > 254:
            raise UserError(
                f"VOC results hold values up to 254, and {names[int(np.argmax(values))]} has {max(values)}",
                path=out,
                remedy="give the classes smaller mask values",
            )
        self.folder = results_folder(out, split)
        self._names = tuple(names)
        self._lut = np.full(256, 255, np.uint8)
        self._lut[: len(values)] = values
        self._palette = _palette(values, colors)
        self._written: dict[str, str] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self.folder) from error

    def write(self, image: str, class_index: npt.NDArray[np.uint8]) -> Path:
        """Write the mask of *image*, whose stem names it: (y, x) class indices, 255 where nothing is known.

        Raises
        ------
        UserError
            When two images have one stem, or the disk does not take it.
        """
        stem = image.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if stem in self._written:
            raise UserError(
                f"{self._written[stem]} and {image} would both be written to {stem}.png",
                path=self.folder,
                remedy="VOC knows images by their name alone: give each its own",
            )
        self._written[stem] = image
        path = self.folder / f"{stem}.png"
        height, width = class_index.shape
        write_index_png(path, width, height, [self._lut[class_index]], self._palette)
        return path

    def write_table(self, scores: dict[str, Any]) -> Path:
        """Write what the devkit's ``VOCevalseg`` prints, from the document of ``segstudio evaluate``."""
        path = self.folder / TABLE_NAME
        try:
            path.write_text(table_text(scores), encoding="utf-8")
        except OSError as error:
            raise disk_error(error, path) from error
        return path


def table_text(scores: dict[str, Any]) -> str:
    """Accuracy of each class in per cent (intersection over union) and their average, laid out as ``VOCevalseg`` does."""
    overall = scores["pixel_accuracy"]
    lines = [f"Percentage of pixels correctly labelled overall: {_percent(overall)}"]
    lines.append("Accuracy for each class (intersection/union measure)")
    lines += [f"  {row['name']:>14}: {_percent(row['iou'])}" for row in scores["per_class"]]
    return "\n".join([*lines, "-------------------------", f"Average accuracy: {_percent(scores['mean_iou'])}", ""])


def read_table(path: Path) -> dict[str, float | None]:
    """Class name → accuracy 0 … 100 of a table that :func:`table_text` or the devkit made; UserError when it is none."""
    try:
        text = path.read_text(encoding="utf-8")
        head, _, rest = text.partition("(intersection/union measure)\n")
        rows, line, _ = rest.partition("-------------------------")
        if not head or not line:
            raise ValueError("it has no accuracies")
        cells = [row.rsplit(":", 1) for row in rows.splitlines() if row.strip()]
        return {name.strip(): None if "nan" in value else float(value.strip(" %")) for name, value in cells}
    except (OSError, ValueError) as error:
        raise UserError(f"the table cannot be read ({error})", path=path, remedy="write it anew") from error


def _percent(share: float | None) -> str:
    return "   nan%" if share is None else f"{100 * share:6.3f}%"


def _palette(values: Sequence[int], colors: Sequence[str]) -> npt.NDArray[np.uint8]:
    palette = np.zeros((256, 3), np.uint8)
    for index, value in enumerate(values):
        given = colors[index] if index < len(colors) and len(colors[index]) == 7 else ""
        color = given or ("#000000" if value == 0 else PALETTE[(value - 1) % len(PALETTE)])
        palette[value] = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    palette[255] = 255
    return palette
