"""GeoPackage: out and in again without loss, what geopandas reads of ours, files of other programs, hostile ones."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from map_files import TRANSFORMS, map_image, map_item, map_trip, places
from round_trips import class_table, facts_of, items_of, read_dataset, scenes, write_dataset

from segstudio.core.errors import UserError
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.wkb import multi_polygon, read_areas

pytest.importorskip("pyogrio")


@settings(max_examples=25, deadline=None)
@given(scene=scenes(overlap=True), place=places)
def test_what_is_written_is_read(tmp_path_factory, scene, place):
    found = map_trip("gpkg", scene, tmp_path_factory.mktemp("gpkg"), place)
    assert found.facts() == facts_of(scene)
    assert [item.name for item in found.classes] == [item.name for item in scene.table]
    assert not found.problems
