"""GeoJSON: out and in again without loss, what GDAL makes of ours, files of QGIS and QuPath, hostile ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from map_files import TRANSFORMS, map_image, map_item, map_trip, places
from round_trips import class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.errors import UserError
from segstudio.io.formats.reading import build_layers, detect, opened


@settings(max_examples=40, deadline=None)
@given(scene=scenes(overlap=True), place=places)
def test_what_is_written_is_read(tmp_path_factory, scene, place):
    folder = tmp_path_factory.mktemp("geojson")
    found = map_trip("geojson", scene, folder, place)
    assert found.facts() == facts_of(scene)
    assert [item.name for item in found.classes] == [item.name for item in scene.table]
    assert not found.problems
