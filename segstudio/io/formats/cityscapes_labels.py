"""The labels of Cityscapes, and the ids that classes of a project get beside them.

Ids, colours and which have instances: cityscapesScripts, helpers/labels.py (Cordts et al., CVPR 2016).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.formats.safety import read_json, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.safety import Limits

# id, name, colour, train id (255: not scored)
_OFFICIAL = (
    (4, "static", "#000000", 255), (5, "dynamic", "#6f4a00", 255), (6, "ground", "#510051", 255),
    (7, "road", "#804080", 0), (8, "sidewalk", "#f423e8", 1), (9, "parking", "#faaaa0", 255),
    (10, "rail track", "#e6968c", 255), (11, "building", "#464646", 2), (12, "wall", "#66669c", 3),
    (13, "fence", "#be9999", 4), (14, "guard rail", "#b4a5b4", 255), (15, "bridge", "#966464", 255),
    (16, "tunnel", "#96785a", 255), (17, "pole", "#999999", 5), (18, "polegroup", "#999999", 255),
    (19, "traffic light", "#faaa1e", 6), (20, "traffic sign", "#dcdc00", 7), (21, "vegetation", "#6b8e23", 8),
    (22, "terrain", "#98fb98", 9), (23, "sky", "#4682b4", 10), (24, "person", "#dc143c", 11), (25, "rider", "#ff0000", 12),
    (26, "car", "#00008e", 13), (27, "truck", "#000046", 14), (28, "bus", "#003c64", 15), (29, "caravan", "#00005a", 255),
    (30, "trailer", "#00006e", 255), (31, "train", "#005064", 16), (32, "motorcycle", "#0000e6", 17),
    (33, "bicycle", "#770b20", 18),
)  # fmt: skip
UNLABELED, OUT_OF_ROI = 0, 3
VOID_NAMES = ("unlabeled", "ego vehicle", "rectification border", "out of roi")
"""Ids 0 … 3: no label, and what is ignored."""
PLATE = "license plate"
"""Its id is −1: only polygons have it."""
FIRST_INSTANCE = 1000
"""Ids of objects are 1000 · class + number; smaller ones are classes."""
MOST_OBJECTS = 1000
HIGHEST_WITH_OBJECTS = 64
LABELS_FILE = "labels.json"
_HAS_INSTANCES = frozenset(range(24, 34))


@dataclass(frozen=True)
class CityLabel:
    """A label: its id in the masks, the value that the project's masks have for it, and whether single ones are told apart."""

    id: int
    name: str
    color: str
    train_id: int = 255
    value: int | None = None

    @property
    def has_instances(self) -> bool:
        """Whether the official rules tell objects of it apart."""
        return self.id in _HAS_INSTANCES


OFFICIAL = tuple(CityLabel(*row, value=row[0]) for row in _OFFICIAL)


def labels_of(classes: ClassTable) -> dict[int, CityLabel]:
    """Class id → label: classes of official names have the official ids, others those from 34 on.

    Raises
    ------
    UserError
        When there are more classes than ids.
    """
    official = {label.name: label for label in OFFICIAL}
    taken = {official[item.name.casefold()].id for item in classes if item.name.casefold() in official}
    free = iter([number for number in (*range(34, 255), *range(4, 34)) if number not in taken])
    found = {}
    for item in classes:
        known = official.get(item.name.casefold())
        number = known.id if known is not None else next(free, None)
        if number is None:
            raise UserError("Cityscapes masks hold up to 251 classes", remedy="export as masks or coco")
        train_id = 255 if known is None else known.train_id
        found[item.id] = CityLabel(number, item.name, item.color, train_id, item.mask_value)
    return found


def labels_text(labels: Iterable[CityLabel]) -> str:
    """What ``labels.json`` holds."""
    rows = [{"id": item.id, "name": item.name, "color": item.color, "value": item.value} for item in labels]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def read_labels(root: Path, limits: Limits) -> tuple[CityLabel, ...] | None:
    """The labels of a dataset that we wrote; None where it has no such list.

    Raises
    ------
    UserError
        When the list is damaged.
    """
    path = root / LABELS_FILE
    if not path.is_file():
        return None
    document: Any = read_json(path, limits)
    try:
        found = []
        for row in document:
            value = None if row.get("value") is None else whole_number(row["value"], 0, 65534)
            found.append(
                CityLabel(whole_number(row["id"], 1, 65534), str(row["name"]), str(row.get("color", "")), 255, value)
            )
        if len({label.id for label in found}) < len(found) or len({label.name for label in found}) < len(found):
            raise ValueError("a label stands in it twice")
        return tuple(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The list of labels cannot be read ({error})", path=path, remedy="take it away") from error
