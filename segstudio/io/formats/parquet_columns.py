"""Which columns of a Parquet file hold pictures, masks and objects, whoever made it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

IMAGE_NAMES = ("image", "images", "img", "pixel_values", "picture", "photo", "input_image", "jpg", "png")
MASK_NAMES = (
    "mask", "masks", "label", "labels", "annotation", "annotations", "segmentation_mask", "segmentation", "semantic_mask",
    "semantic_segmentation", "label_mask", "seg", "seg_mask", "gt", "ground_truth",
)  # fmt: skip
OBJECT_NAMES = ("instances", "instance", "instance_mask", "instance_map")
NAME_NAMES = ("file_name", "filename", "image_name", "name", "image_id", "id")


@dataclass(frozen=True)
class Columns:
    """Names of columns, "" where there is none. ``is_picture``: each value is {bytes, path}; else bytes, or rows of numbers."""

    image: str
    mask: str
    instances: str = ""
    objects: str = ""
    name: str = ""
    image_is_picture: bool = True
    mask_is_picture: bool = True


def find_columns(schema: Any) -> Columns | None:
    """The columns by their types and names; None where no column is a mask."""
    kinds = {name: _kind(schema.field(name).type) for name in schema.names}
    lower = {name.casefold(): name for name in schema.names}

    def pick(names: tuple[str, ...], wanted: tuple[str, ...]) -> str:
        return next((lower[name] for name in names if name in lower and kinds[lower[name]] in wanted), "")

    mask = pick(MASK_NAMES, ("picture", "bytes", "numbers"))
    image = pick(IMAGE_NAMES, ("picture", "bytes"))
    instances = pick(OBJECT_NAMES, ("picture",))
    if not mask:
        return None
    objects = "objects" if instances and kinds.get("objects") == "rows" else ""
    name = pick(NAME_NAMES, ("text",))
    return Columns(image, mask, instances, objects, name, kinds.get(image) == "picture", kinds.get(mask) == "picture")


def _kind(found: Any) -> str:
    """What a type can be: "picture" {bytes, path}, "bytes", "numbers" (rows of them), "rows" {id, category}, "text", ""."""
    from pyarrow import types

    if isinstance(found, _extension()):
        found = found.storage_type
    if types.is_struct(found):
        names = {found.field(index).name for index in range(found.num_fields)}
        return "picture" if "bytes" in names or names == {"path"} else ""
    if types.is_binary(found) or types.is_large_binary(found):
        return "bytes"
    if types.is_string(found) or types.is_large_string(found):
        return "text"
    if not _is_list(found):
        return ""
    inner = found.value_type
    if types.is_struct(inner):
        names = {inner.field(index).name for index in range(inner.num_fields)}
        return "rows" if {"id", "category"} <= names else ""
    if _is_list(inner) and (types.is_integer(inner.value_type) or types.is_floating(inner.value_type)):
        return "numbers"
    return ""


def _extension() -> Any:
    import pyarrow

    return pyarrow.BaseExtensionType


def _is_list(found: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found))


def _features(schema: Any) -> dict[str, Any]:
    """What ``datasets`` says of the columns, {} where it does not."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def category_names(schema: Any) -> list[str]:
    """The names that ``objects`` numbers its classes by; [] where they are not told."""
    found: Any = _features(schema).get("objects")
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, dict) and "feature" in found:
        found = found["feature"]
    try:
        names = found["category"]["names"]
    except (KeyError, TypeError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
