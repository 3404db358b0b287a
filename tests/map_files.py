"""Images on a map, and export items of random layers on them, for tests of what lies on maps."""

from __future__ import annotations

import numpy as np
import tifffile
from hypothesis import strategies as st
from round_trips import Scene, read_dataset, write_dataset

from segstudio.io.formats.base import ExportItem

UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
PLACES = {
    "north up": [(33550, 12, 3, (0.5, 0.25, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 442000.5, 5.412e6, 0.0), True)],
    "rotated": [
        (34264, 12, 16, (0.3, 0.4, 0, 442000.0, 0.4, -0.3, 0, 5.412e6, 0, 0, 0, 0, 0, 0, 0, 1), True),
    ],
    "no CRS": [(33550, 12, 3, (2.0, 2.0, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 100.0, 200.0, 0.0), True)],
}
TRANSFORMS = {
    "north up": (0.5, 0.0, 442000.5, 0.0, -0.25, 5.412e6),
    "rotated": (0.3, 0.4, 442000.0, 0.4, -0.3, 5.412e6),
    "no CRS": (2.0, 0.0, 100.0, 0.0, -2.0, 200.0),
}
places = st.sampled_from(["north up", "rotated", "no CRS", None])


def place_tags(place):
    """tifffile's extratags of a place; none for None."""
    tags = list(PLACES[place]) if place else []
    if place and place != "no CRS":
        tags.append((34735, 3, len(UTM), UTM, True))
    return tags


def map_image(path, place, width, height):
    """An RGB GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shades = np.linspace(0, 255, height * width * 3).reshape(height, width, 3).astype(np.uint8)
    tifffile.imwrite(path, shades, photometric="rgb", extratags=place_tags(place), metadata=None)
    return path


def map_item(scene: Scene, folder, place, name="image0.tif", split=None) -> ExportItem:
    """The scene as labels of a new GeoTIFF in *folder*."""
    file = map_image(folder / name, place, scene.width, scene.height)
    stem = name.rsplit(".", 1)[0]
    return ExportItem(1, stem, name, file, scene.width, scene.height, split, lambda: list(scene.layers))


def map_trip(format_id, scene, folder, place, options=None, reading=None):
    """Write the scene on an image at a place, and read it."""
    write_dataset(format_id, [map_item(scene, folder / "images", place)], scene.table, folder / "out", options)
    return read_dataset(format_id, folder / "out", reading)
