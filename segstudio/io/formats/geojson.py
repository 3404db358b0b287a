"""The ``geojson`` format: what is labelled as polygons with holes, on the map where their images lie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import check
from segstudio.io.atomic import disk_error
from segstudio.io.formats.map_features import MapFeature, difference_of, map_features
from segstudio.io.formats.map_place import MapPlace, needs_rasterio, place_of
from segstudio.io.formats.pixels import make_folder, place_image, write_classes
from segstudio.io.formats.safety import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem


class GeoJsonExporter:
    """Writes a FeatureCollection an image (a folder a split, when split) and ``classes.json``.

    An object is one feature (a Polygon, or a MultiPolygon where it has several parts), of stuff each connected part is
    one, and of what is ignored (``"is_ignore": true``). Outlines follow the pixels' edges: filled, they give back the very
    pixels. Coordinates are those of the image's CRS, named in a ``crs`` member as GDAL does; of an image without a place they
    are pixels, y downwards. The member ``image`` tells name, size and transform, so that labels can be read without it.
    Options: ``wgs84`` (False) writes longitude and latitude as RFC 7946 wants them, ``images`` (False) copies the images.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._is_wgs84 = bool(options.get("wgs84", False))
        self._with_images = bool(options.get("images", False))
        if self._is_wgs84:
            needs_rasterio()
        self._without_place = 0
        self._unprojected = 0

    def _file(self, item: ExportItem) -> Path:
        return self._folder / (item.split or "") / f"{item.stem}.geojson"

    def _place(self, item: ExportItem) -> MapPlace:
        return place_of(item.image_file, is_wgs84=self._is_wgs84)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the polygons of one image."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count what the notes tell."""
        is_placed, is_unprojected = written
        self._without_place += not is_placed
        self._unprojected += is_unprojected

    def write_image(self, item: ExportItem, cancel: Cancel) -> list[bool]:
        """Write the polygons of one image; whether it is on the map, and whether it could not be brought to degrees."""
        place = self._place(item)
        copy = ""
        if self._with_images:
            copy = place_image(item, make_folder(self._folder / "images" / (item.split or "")))
        file = self._file(item)
        make_folder(file.parent)
        try:
            with file.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(json.dumps(_head(item, copy, place), ensure_ascii=False)[:-1] + ', "features": [\n')
                for number, feature in enumerate(map_features(item, self._classes, place, cancel)):
                    check(cancel)
                    stream.write(",\n" if number else "")
                    stream.write(json.dumps(_written(feature, number + 1), ensure_ascii=False, allow_nan=False))
                stream.write("\n]}\n")
        except OSError as error:
            raise disk_error(error, file) from error
        return [place.is_on_map, place.is_on_map and self._is_wgs84 and not place.is_wgs84]

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the polygons back, bring them to pixels, fill them and compare with the layers."""
        from segstudio.io.formats.geojson_in import GeoJsonFile

        shapes = GeoJsonFile(self._file(item), Limits()).shapes()
        return difference_of(shapes, item, self._classes, self._place(item), cancel)

    def notes(self) -> list[str]:
        """Say what has no place on a map, and that RFC 7946 would have degrees."""
        notes = []
        if self._without_place:
            notes.append(f"{_have(self._without_place)} no place on a map: the polygons are in pixels, y downwards.")
        if self._unprojected:
            have = _have(self._unprojected)
            notes.append(f"{have} a transform but no known CRS: the polygons stayed in its coordinates.")
        return notes


def _have(count: int) -> str:
    return "1 image has" if count == 1 else f"{count} images have"


def _head(item: ExportItem, copy: str, place: MapPlace) -> dict[str, Any]:
    """The members of the collection before its features."""
    head: dict[str, Any] = {"type": "FeatureCollection", "name": item.stem}
    if place.crs_name:
        head["crs"] = {"type": "name", "properties": {"name": place.crs_name}}
    if not place.is_on_map:
        head["coordinates"] = "pixels, y downwards"
    head["image"] = image_facts(item, copy, place)
    return head


def image_facts(item: ExportItem, copy: str, place: MapPlace) -> dict[str, Any]:
    """What labels need to know of their image to come back to its pixels; *copy* is the name of its copy, "" for none."""
    name = copy or f"{item.stem}{item.image_file.suffix.lower()}"
    facts: dict[str, Any] = {"name": name, "width": item.width, "height": item.height}
    if place.transform is not None:
        facts |= {"transform": list(place.transform), "crs": place.crs}
    return facts


def _written(feature: MapFeature, number: int) -> dict[str, Any]:
    polygons = feature.polygons
    if len(polygons) > 1:
        geometry: dict[str, Any] = {"type": "MultiPolygon", "coordinates": polygons}
    else:
        geometry = {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "Feature", "id": number, "properties": feature.properties, "geometry": geometry}
