"""Reading the ``gpkg`` format: polygons of any program's GeoPackage, through SQLite alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from segstudio.core.errors import UserError
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.geojson_in import NO_AREA, polygon_of
from segstudio.io.formats.gpkg import CLASSES, IMAGE, LABELS, TRANSFORM
from segstudio.io.formats.map_features import MapShape
from segstudio.io.formats.map_importer import MapImporter, ShapeHead
from segstudio.io.formats.safety import RESTORE
from segstudio.io.formats.wkb import read_areas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.io.formats.map_importer import ShapeSource
    from segstudio.io.formats.safety import Limits

_MAGIC = b"SQLite format 3\0"
_IDS = (b"GPKG", b"GP10", b"GP11")
_ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_MOST_BYTES = 1 << 28
"""Of one geometry or text."""


@contextmanager
def opened_database(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, read-only and untouched: no journal is made or played back, no code of the file is run.

    Raises
    ------
    UserError
        When it is damaged, here or while it is read.
    """
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            yield connection
    except (sqlite3.Error, OverflowError) as error:
        raise UserError(f"The GeoPackage cannot be read ({error})", path=path, remedy=RESTORE) from error


class GpkgLayer:
    """One table of areas of a GeoPackage."""

    def __init__(self, path: Path, table: str, column: str, crs: str | None, limits: Limits) -> None:
        self.path = path
        # A table that segstudio wrote is called as all are: its file tells more.
        self.names: Sequence[str] = (path.stem, table) if table == LABELS else (table, path.stem)
        self._table, self._column, self._crs, self._limits = table, column, crs, limits

    def head(self) -> ShapeHead:
        """The coordinate system; what is known of the image in a file of segstudio."""
        with opened_database(self.path) as database:
            rows = _rows(database, IMAGE) if self._table == LABELS and _is_table(database, IMAGE) else iter(())
            row = next(rows, None)
        if row is None or "width" not in row:
            return ShapeHead(self._crs)
        image: dict[str, Any] = {key: row[key] for key in ("name", "width", "height") if key in row}
        if row.get("a") is None:
            return ShapeHead(None, True, image)
        image |= {"transform": [row.get(key) for key in TRANSFORM], "crs": row.get("crs") or ""}
        return ShapeHead(self._crs if image["crs"] else "", False, image)

    def shapes(self) -> Iterator[MapShape]:
        """The rows, one at a time."""
        with opened_database(self.path) as database:
            for row in _rows(database, self._table):
                yield self._shape(row)

    def _shape(self, row: dict[str, Any]) -> MapShape:
        data = row.pop(self._column, None)
        if data is None:
            return MapShape(row, fault="a feature has no geometry")
        try:
            polygons, has_others = read_areas(_body(data), self._limits.vertices)
        except ValueError as error:
            return MapShape(row, fault=str(error))
        faults = [NO_AREA] if has_others else []
        found = [good for rings in polygons if (good := polygon_of(rings, self._limits, faults))]
        return MapShape(row, found, "; ".join(dict.fromkeys(faults)))


def _body(data: Any) -> bytes:
    """The well-known binary behind the header of a GeoPackage's geometry."""
    if not isinstance(data, bytes) or len(data) < 8 or data[:2] != b"GP":
        raise ValueError("a geometry is none of a GeoPackage")
    envelope = _ENVELOPES.get(data[3] >> 1 & 7)
    if envelope is None:
        raise ValueError("a geometry has a damaged header")
    return data[8 + envelope :]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_table(database: sqlite3.Connection, name: str) -> bool:
    """Whether it is a table of its own, whose reading runs nothing: no view, no module."""
    row = database.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return row is not None and row[0] == "table" and not str(row[1]).lstrip().upper().startswith("CREATE VIRTUAL")


def _rows(database: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    cursor = database.execute(f"SELECT * FROM {_quoted(table)}")
    names = [column[0] for column in cursor.description]
    for values in cursor:
        yield dict(zip(names, values, strict=True))


def layers_of(path: Path, limits: Limits) -> list[GpkgLayer]:
    """The tables of areas of a file; UserError where it is damaged or holds none."""
    found = []
    with opened_database(path) as database:
        rows = database.execute(
            "SELECT g.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition"
            " FROM gpkg_geometry_columns g LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY g.table_name"
        ).fetchall()
        for table, column, organization, number, definition in rows:
            if not _is_table(database, str(table)):
                raise UserError(
                    f"“{str(table)[:80]}” is a view, which is not read", path=path, remedy="save it as a table"
                )
            found.append(GpkgLayer(path, str(table), str(column), _crs(organization, number, definition), limits))
    if not found:
        raise UserError("The GeoPackage holds no features", path=path, remedy="choose another file")
    return found


def _crs(organization: Any, number: Any, definition: Any) -> str | None:
    """How the system is called; None where it is undefined."""
    if str(organization).upper() == "EPSG" and isinstance(number, int) and number > 0:
        return f"EPSG:{number}"
    text = str(definition or "")
    is_defined = text and text != "undefined" and "Undefined" not in text[:60]
    return text if is_defined and str(organization).upper() != "NONE" else None


class GpkgImporter(MapImporter):
    """Reads files ``*.gpkg``: see :class:`MapImporter`."""

    suffixes = (".gpkg",)

    def sources_of(self, file: Path) -> Iterable[ShapeSource]:
        """The tables of areas."""
        journal = file.with_name(file.name + "-wal")
        if journal.is_file() and journal.stat().st_size:
            self.problems.note(
                file.name, "it is open in another program, whose last changes are not read: close it there"
            )
        return layers_of(file, self.limits)

    def listed(self) -> list[FoundClass] | None:
        """The classes of ``classes.json``, else of the table that segstudio writes into each file."""
        found = super().listed()
        if found is not None or not self._source.is_file():
            return found
        with opened_database(self._source) as database:
            if not (_is_table(database, CLASSES) and _is_table(database, IMAGE)):
                return None
            return [one for row in _rows(database, CLASSES) if (one := _class_of(row)) is not None]

    @staticmethod
    def looks_like(source: Path) -> int:
        """By the file's first bytes, or those of the first such files of a folder."""
        if source.is_file():
            return _likeness(source)
        found = [path for pattern in ("*.gpkg", "*/*.gpkg") for path in sorted(source.glob(pattern))[:3]]
        return min(90, max(map(_likeness, found), default=0))


def _class_of(row: Mapping[str, Any]) -> FoundClass | None:
    name, value = row.get("name"), row.get("value")
    if not isinstance(name, str) or not name:
        return None
    return FoundClass(name, str(row.get("color") or ""), value if isinstance(value, int) else None)


def _likeness(file: Path) -> int:
    try:
        with file.open("rb") as stream:
            head = stream.read(100)
    except OSError:
        return 0
    if not head.startswith(_MAGIC):
        return 0
    return 95 if head[68:72] in _IDS else 60 if file.suffix.lower() == ".gpkg" else 0
