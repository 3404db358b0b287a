"""Which class a feature on a map is of, in files of any program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.map_features import IGNORE_NAME
from segstudio.io.formats.safety import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASS_FIELDS = (
    "class", "class_name", "classname", "label", "category", "category_name", "klasse", "landuse", "land_use", "landcover",
    "land_cover", "dn", "value", "class_id", "classid", "fid_class",
)  # fmt: skip
"""Attributes that other programs keep the class in, the first that a feature has; gdal_polygonize writes DN."""
_MOST_NAME = 200


def color_of(value: Any) -> str:
    """``#rrggbb`` of a text like it, of three numbers, or of QuPath's one number; "" for anything else."""
    if isinstance(value, str):
        text = value.strip().lower()
        is_hex = len(text) == 7 and text[0] == "#" and all(character in "0123456789abcdef" for character in text[1:])
        return text if is_hex else ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"#{value & 0xFFFFFF:06x}"
    if isinstance(value, (list, tuple)) and len(value) >= 3:
        if all(isinstance(part, int) and 0 <= part <= 255 for part in value[:3]):
            return "#" + "".join(f"{part:02x}" for part in value[:3])
    return ""


@dataclass
class ClassBook:
    """The classes of a dataset of shapes, in the order they were met; ``is_closed``: a list named them all."""

    classes: list[FoundClass] = field(default_factory=list)
    is_closed: bool = False
    class_field: str = ""
    _places: dict[str, int] = field(default_factory=dict)
    _values: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed, self.classes = self.classes, []
        for one in listed:
            self.add(one)

    def add(self, one: FoundClass) -> int:
        """The place of a class, which is new or known by its name."""
        place = self._places.setdefault(one.name, len(self.classes))
        if place == len(self.classes):
            self.classes.append(one)
            if one.value is not None:
                self._values.setdefault(one.value, one.name)
        return place

    def place(self, name: str) -> int | None:
        """Where a class is, None where it is not."""
        return self._places.get(name)

    def class_of(self, properties: Mapping[str, Any], otherwise: str) -> FoundClass:
        """The class that a feature's attributes tell; *otherwise* names it where they tell none."""
        quick = properties.get("class") if not self.class_field else None
        if isinstance(quick, str) and quick:
            return FoundClass(quick[:_MOST_NAME], color_of(properties.get("color")), _value(properties.get("value")))
        told = self._told(properties)
        if isinstance(told, dict):  # QuPath: {"name", "color" or "colorRGB"}
            name = str(told.get("name") or otherwise)[:_MOST_NAME]
            return FoundClass(name, color_of(told.get("color", told.get("colorRGB"))))
        value = _value(told)
        if value is not None:
            return FoundClass(self._values.get(value, f"class {value}"), "", value)
        if isinstance(told, str) and told.strip():
            return FoundClass(told.strip()[:_MOST_NAME], color_of(properties.get("color")))
        return FoundClass(otherwise)

    def _told(self, properties: Mapping[str, Any]) -> Any:
        if self.class_field:
            return properties.get(self.class_field)
        if isinstance(properties.get("classification"), dict):
            return properties["classification"]
        lower = {str(key).casefold(): value for key, value in properties.items()}
        return next((lower[key] for key in CLASS_FIELDS if lower.get(key) not in (None, "")), None)


def _value(told: Any) -> int | None:
    """The whole number that is meant, None where there is none."""
    if told is None or isinstance(told, (bool, dict, list)):
        return None
    try:
        return whole_number(told, 0, 2**31 - 1)
    except ValueError:
        return None


def is_ignored(properties: Mapping[str, Any]) -> bool:
    """Whether a feature says where labels are to be ignored."""
    return bool(properties.get("is_ignore")) and properties.get("class", IGNORE_NAME) == IGNORE_NAME
