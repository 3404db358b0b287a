"""Writes project.db exactly as version 1 of the store did: its own SQL, so that it stays what it was."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from segstudio.io.store.blobs import TileEncoder, encode_edit, encode_tile

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer

_SQL = """
CREATE TABLE meta (key VARCHAR NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE classes (id INTEGER NOT NULL PRIMARY KEY, position INTEGER NOT NULL, name VARCHAR NOT NULL,
  mask_value INTEGER NOT NULL, color VARCHAR NOT NULL, is_visible BOOLEAN NOT NULL, is_locked BOOLEAN NOT NULL);
CREATE TABLE images (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path VARCHAR NOT NULL UNIQUE, name VARCHAR NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL, depth INTEGER NOT NULL, bands INTEGER NOT NULL,
  dtype VARCHAR NOT NULL, status VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, added_s FLOAT NOT NULL);
CREATE TABLE layers (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
  UNIQUE (image_id, name));
CREATE INDEX ix_layers_image_id ON layers (image_id);
CREATE TABLE segments (layer_id INTEGER NOT NULL REFERENCES layers (id) ON DELETE CASCADE, id INTEGER NOT NULL,
  class_id INTEGER NOT NULL, is_object BOOLEAN NOT NULL, source VARCHAR NOT NULL, model_id VARCHAR NOT NULL,
  confidence FLOAT, is_reviewed BOOLEAN NOT NULL, PRIMARY KEY (layer_id, id)) WITHOUT ROWID;
CREATE TABLE tiles (layer_id INTEGER NOT NULL REFERENCES layers (id) ON DELETE CASCADE, plane INTEGER NOT NULL,
  z INTEGER NOT NULL, ty INTEGER NOT NULL, tx INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (layer_id, plane, z, ty, tx));
CREATE TABLE edits (seq INTEGER NOT NULL PRIMARY KEY, image_id INTEGER REFERENCES images (id) ON DELETE CASCADE,
  label VARCHAR NOT NULL, created_s FLOAT NOT NULL, is_undone BOOLEAN NOT NULL, nbytes INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX edits_by_image ON edits (image_id, seq);
INSERT INTO meta VALUES ('next_class_id', '3'), ('user:current', '1');
INSERT INTO classes VALUES (1, 0, 'cell', 1, '#e69f00', 1, 0), (2, 1, 'gland', 2, '#56b4e9', 1, 1);
PRAGMA application_id = 1397049171;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def write_v1_project(folder: Path, layer: LabelLayer, edits: list[Edit]) -> None:
    """A version-1 project of one image whose labels are *layer*, made by *edits* (image 1, layer 1)."""
    folder.mkdir()
    with sqlite3.connect(folder / "project.db") as file:
        file.executescript(_SQL)
        size = (layer.width, layer.height, layer.depth)
        row = (1, "images/a.png", "a.png", *size, 3, "uint8", "in_progress", "", 1.0)
        file.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        file.execute("INSERT INTO layers VALUES (1, 1, 'labels', 'labels')")
        for item in layer.segments.values():
            values = (1, item.id, item.class_id, item.is_object, item.source, item.model_id, None, item.is_reviewed)
            file.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        for z, ty, tx in layer.tiles.keys():
            blob = encode_tile(layer.tiles.get((z, ty, tx)))
            file.execute("INSERT INTO tiles VALUES (1, 0, ?, ?, ?, ?)", (z, ty, tx, blob))
        for seq, edit in enumerate(edits, 1):
            data = encode_edit(edit, TileEncoder())
            file.execute("INSERT INTO edits VALUES (?, 1, ?, 2.0, 0, ?, ?)", (seq, edit.label, len(data), data))
    file.close()


def labels_array(layer: LabelLayer) -> np.ndarray:
    """All class ids."""
    return layer.read_classes(layer.bounds)
