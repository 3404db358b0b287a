"""The ``gpkg`` format: what is labelled as polygons in a GeoPackage (OGC 12-128r18), on the map where their images lie."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error
from segstudio.io.formats.geojson import image_facts
from segstudio.io.formats.map_features import difference_of, map_features
from segstudio.io.formats.map_place import MapPlace, place_of
from segstudio.io.formats.pixels import make_folder, place_image, write_classes
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.wkb import multi_polygon
from segstudio.io.readers.extras import needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.formats.map_features import MapFeature

LABELS, IMAGE, CLASSES = "labels", "image", "classes"
"""Tables: the polygons, what is known of their image, the list of classes."""
TRANSFORM = ("a", "b", "c", "d", "e", "f")
_BATCH = 2000
_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("class", ""), ("value", -1), ("color", ""), ("id", -1), ("is_object", False), ("is_ignore", False), ("confidence", 0.5),
    ("layer", ""), ("source", ""), ("models", ""), ("is_reviewed", False),
)  # fmt: skip
"""Name and an example of each attribute."""
_NO_CRS = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["unknown",1]]'
_DATE = "2000-01-01T00:00:00.000Z"


class GpkgExporter:
    """Writes a GeoPackage an image (a folder a split, when split) and ``classes.json``.

    Its table ``labels`` holds what ``geojson`` has as features, each a MultiPolygon, in the image's CRS; of an image without a place
    they are pixels, y downwards. ``image`` tells name, size and transform of the image, ``classes`` the class list. Options:
    ``images`` (False) copies the images.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        needs("pyogrio", "GeoPackages", "geo")
        self._folder = folder
        self._classes = classes
        self._with_images = bool(options.get("images", False))
        self._without_place = 0

    def _file(self, item: ExportItem) -> Path:
        return self._folder / (item.split or "") / f"{item.stem}.gpkg"

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the polygons of one image."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count what the notes tell."""
        self._without_place += not written

    def write_image(self, item: ExportItem, cancel: Cancel) -> bool:
        """Write the polygons of one image; whether it is on the map."""
        place = place_of(item.image_file)
        copy = ""
        if self._with_images:
            copy = place_image(item, make_folder(self._folder / "images" / (item.split or "")))
        file = self._file(item)
        make_folder(file.parent)
        try:
            # A killed export may have left part of it, to which would be added.
            file.unlink(missing_ok=True)
            _write_labels(file, map_features(item, self._classes, place, cancel), place.crs, cancel)
            _write_table(file, IMAGE, [_image_row(image_facts(item, copy, place))])
            rows = [{"value": one.mask_value, "name": one.name, "color": one.color} for one in self._classes]
            _write_table(file, CLASSES, rows)
            _without_dates(file)
        except OSError as error:
            raise disk_error(error, file) from error
        except (RuntimeError, ValueError, sqlite3.Error) as error:  # pyogrio's are RuntimeErrors
            raise UserError(
                f"The GeoPackage cannot be written ({error})", path=file, remedy="check the disk"
            ) from error
        return place.is_on_map

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the polygons back without GDAL, bring them to pixels, fill them and compare with the layers."""
        from segstudio.io.formats.gpkg_in import layers_of

        (layer,) = layers_of(self._file(item), Limits())
        place: MapPlace = place_of(item.image_file)
        return difference_of(layer.shapes(), item, self._classes, place, cancel)

    def notes(self) -> list[str]:
        """Say what has no place on a map."""
        if not self._without_place:
            return []
        have = "1 image has" if self._without_place == 1 else f"{self._without_place} images have"
        return [f"{have} no place on a map: the polygons are in pixels, y downwards."]


def _write_labels(file: Path, features: Iterable[MapFeature], crs: str, cancel: Cancel) -> None:
    rest, is_new = iter(features), True
    while (batch := list(islice(rest, _BATCH))) or is_new:
        check(cancel)
        _write_batch(file, batch, crs, is_new=is_new)
        is_new = False


def _write_batch(file: Path, features: Sequence[MapFeature], crs: str, *, is_new: bool) -> None:
    from pyogrio.raw import write

    geometry = np.empty(len(features), object)
    geometry[:] = [multi_polygon(feature.polygons) for feature in features]
    columns = [_column([feature.properties.get(name) for feature in features], like) for name, like in _COLUMNS]
    write(
        str(file),
        geometry,
        [values for values, _ in columns],
        [name for name, _ in _COLUMNS],
        field_mask=[absent for _, absent in columns],
        layer=LABELS,
        driver="GPKG",
        geometry_type="MultiPolygon",
        crs=crs or _NO_CRS,
        append=not is_new,
    )


def _column(values: Sequence[Any], like: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """(values, which are absent) of one attribute; texts need no second one."""
    if isinstance(like, str):
        texts = np.empty(len(values), object)
        texts[:] = [", ".join(value) if isinstance(value, list) else value for value in values]
        return texts, None
    absent = np.array([value is None for value in values], np.bool_)
    kind = np.bool_ if isinstance(like, bool) else np.int64 if isinstance(like, int) else np.float64
    # A truth that is not told is none.
    filled = [type(like)() if value is None else value for value in values]
    return np.array(filled, kind), None if isinstance(like, bool) else absent


def _image_row(facts: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: facts[key] for key in ("name", "width", "height")}
    return row | dict(zip(TRANSFORM, facts["transform"])) | {"crs": facts["crs"]} if "transform" in facts else row


def _write_table(file: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table without geometry."""
    from pyogrio.raw import write

    keys = list(rows[0]) if rows else ["name"]
    columns = [_column([row[key] for row in rows], rows[0][key] if rows else "") for key in keys]
    write(str(file), None, [values for values, _ in columns], keys, layer=name, driver="GPKG", append=True)


def _without_dates(file: Path) -> None:
    """The same project gives the same bytes."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE gpkg_contents SET last_change = ?", (_DATE,))
