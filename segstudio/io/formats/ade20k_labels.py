"""Numbers and names of ADE20K's classes, of the challenge's 150 and of a project's own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.class_lists import ClassList
from segstudio.io.formats.safety import read_json, read_text, whole_number

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.safety import Limits

LABELS_FILE = "labels.json"
INFO_FILE = "objectInfo150.txt"
MOST_FULL = 6654
"""What red and green of ``_seg.png`` can tell: red / 10 · 256 + green."""
IGNORE_FULL = 6655
# The 150 of the scene parsing challenge in its order (Zhou et al., CVPR 2017; objectInfo150.txt), the first name of each.
CHALLENGE = (
    "wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door, table, "
    "mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat, fence, "
    "desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers, counter, sand, sink, "
    "skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway, "
    "river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop, stove, palm, kitchen island, "
    "computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower, chandelier, awning, streetlight, "
    "booth, television receiver, airplane, dirt track, apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, "
    "poster, stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, "
    "waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle, lake, "
    "dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan, pier, crt screen, plate, "
    "monitor, bulletin board, shower, radiator, glass, clock, flag"
).split(", ")
_INFO = re.compile(r"^\s*(\d{1,5})\s+[\d.eE+-]+\s+\d+\s+\d+\s+\d+\s+(\S.*?)\s*$")


def numbers_of(classes: ClassTable, most: int) -> dict[int, int]:
    """Class id → number, from 1: the mask values where they can be, else by place.

    Raises
    ------
    UserError
        When there are more than *most* classes.
    """
    if len(classes) > most:
        raise UserError(f"The full layout of ADE20K holds {most} classes", remedy="leave out the option layout")
    if all(1 <= item.mask_value <= most for item in classes):
        return {item.id: item.mask_value for item in classes}
    return {item.id: place for place, item in enumerate(classes, start=1)}


def labels_text(classes: ClassTable, numbers: dict[int, int]) -> str:
    """What ``labels.json`` holds."""
    rows = [
        {"id": numbers[item.id], "name": item.name, "color": item.color, "value": item.mask_value} for item in classes
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def read_labels(root: Path, limits: Limits) -> dict[int, FoundClass] | None:
    """Number → class of a dataset that we wrote; None where it has no such list. UserError when it is damaged."""
    path = root / LABELS_FILE
    if not path.is_file():
        return None
    document: Any = read_json(path, limits)
    try:
        found = {}
        for row in document:
            value = None if row.get("value") is None else whole_number(row["value"], 0, 65534)
            found[whole_number(row["id"], 1, 65534)] = FoundClass(str(row["name"]), str(row.get("color", "")), value)
        return found
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The list of labels cannot be read ({error})", path=path, remedy="take it away") from error


def read_info(root: Path, limits: Limits) -> dict[int, FoundClass] | None:
    """Number → class of ``objectInfo150.txt``, the first of a class's names; None where there is none."""
    path = root / INFO_FILE
    if not path.is_file():
        return None
    names = {int(row[1]): row[2] for line in read_text(path, limits).splitlines() if (row := _INFO.match(line))}
    return (
        by_number({number: name.split(",")[0].strip() for number, name in names.items() if number}) if names else None
    )


def by_number(names: dict[int, str]) -> dict[int, FoundClass]:
    """Classes of names; where two are called alike the second has its number in the name."""
    listed = ClassList(FoundClass(name, "", number) for number, name in sorted(names.items()))
    return {item.value: item for item in listed.classes if item.value is not None}
