"""The tables of project.db (version 4), for SQLAlchemy Core."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 4
"""Kept in SQLite's ``user_version``."""
APPLICATION_ID = 0x53454753
"""SQLite's ``application_id`` of our files: "SEGS"."""

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))
"""JSON values by name."""

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("mask_value", Integer, nullable=False),
    Column("color", String, nullable=False),
    Column("is_visible", Boolean, nullable=False),
    Column("is_locked", Boolean, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", String, nullable=False, unique=True),
    Column("path_hint", String, nullable=False, server_default=""),
    Column("name", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("bands", Integer, nullable=False),
    Column("dtype", String, nullable=False),
    Column("status", String, nullable=False),
    Column("split", String),
    Column("sha256", String, nullable=False),
    Column("added_s", Float, nullable=False),
    Column("file_bytes", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
"""``path`` is relative to the project inside it, else absolute; ``path_hint`` then says where it lay from there.

``sha256`` is "" until it is known, ``file_bytes`` 0: both tell a file that was moved.
"""

layers = Table(
    "layers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    UniqueConstraint("image_id", "name"),
    sqlite_autoincrement=True,
)

segments = Table(
    "segments",
    metadata,
    Column("layer_id", ForeignKey("layers.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("class_id", Integer, nullable=False),
    Column("is_object", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("model_id", String, nullable=False),
    Column("confidence", Float),
    Column("is_reviewed", Boolean, nullable=False),
    Column("pixels", Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
"""``pixels`` is kept up to date by every edit, so that counts need no tile."""

tiles = Table(
    "tiles",
    metadata,
    Column("layer_id", ForeignKey("layers.id", ondelete="CASCADE"), primary_key=True),
    Column("plane", Integer, primary_key=True),
    Column("z", Integer, primary_key=True),
    Column("ty", Integer, primary_key=True),
    Column("tx", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

edits = Table(
    "edits",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE")),
    Column("label", String, nullable=False),
    Column("created_s", Float, nullable=False),
    Column("is_undone", Boolean, nullable=False),
    Column("nbytes", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""The undo history; ``image_id`` is NULL for edits of the whole project."""

Index("edits_by_image", edits.c.image_id, edits.c.seq)

image_facts = Table(
    "image_facts",
    metadata,
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("at_s", Float, nullable=False),
)
"""What can be found out again; ``value`` is JSON. See :mod:`segstudio.io.store.facts`."""

efforts = Table(
    "efforts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_s", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("strokes", Integer, nullable=False),
    Column("pixels", Integer, nullable=False),
    Column("accepted_pixels", Integer, nullable=False),
    Column("model_id", String, nullable=False),
)
"""See :mod:`segstudio.io.store.efforts`."""
