"""Lengths and areas against figures worked out by hand or known from geodesy."""

from __future__ import annotations

import math

import pytest

from segstudio.core.measure import GroundScale, crs_unit, in_units, metres_per_degree, polygon_area, scale_of

UTM = (
    'PROJCS["WGS 84 / UTM zone 33N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["scale_factor",0.9996],UNIT["metre",1],AXIS["Easting",EAST]]'
)
FEET = UTM.replace('UNIT["metre",1]', 'UNIT["US survey foot",0.304800609601219]')
DEGREES = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],UNIT["degree",0.0174532925199433]]'
)
DEGREES_2 = 'GEOGCRS["WGS 84",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]],CS[ellipsoidal,2]]'
UTM_2 = (
    'PROJCRS["x",BASEGEOGCRS["WGS 84",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]],'
    'PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433]]],CS[Cartesian,2],LENGTHUNIT["kilometre",1000]]'
)


def test_spacing_gives_millimetres_also_where_pixels_are_not_square() -> None:
    scale = scale_of({"spacing": (0.5, 2.0, 3.0), "spacing_unit": "mm"})
    assert scale.length([(0, 0), (10, 0), (10, 10)]) == pytest.approx(0.025)
    assert in_units(scale, scale.length([(0, 0), (8, 1.5)]), "length") == "5 mm"
    assert scale.area([(0, 0), (10, 0), (10, 10), (0, 10)]) == pytest.approx(100e-6)
    assert in_units(scale, 100e-6, "area") == "100 mm²"
    assert in_units(scale, 64 * scale.pixel_area(3, 3) * scale.plane_m, "volume") == "192 mm³"
    assert scale.plane_m == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("value", "of", "unit", "words"),
    [
        (0.0123, "length", "mm", "12.3 mm"),
        (0.9, "length", "mm", "900 mm"),
        (4e-6, "length", "µm", "4 µm"),
        (0.0123, "length", "µm", "12.3 mm"),
        (640, "length", "m", "640 m"),
        (12_340, "length", "m", "12.34 km"),
        (25_000, "area", "m", "2.5 ha"),
        (999, "area", "m", "999 m²"),
        (3.2e6, "area", "m", "3.2 km²"),
        (4e-9, "area", "µm", "4,000 µm²"),
        (5e-5, "volume", "mm", "50 cm³"),
    ],
)
def test_values_come_in_the_unit_people_use(value: float, of: str, unit: str, words: str) -> None:
    assert in_units(GroundScale("metric", unit=unit), value, of) == words  # type: ignore[arg-type]


def test_a_projected_crs_counts_in_its_own_unit() -> None:
    transform = (0.5, 0.0, 500_000.0, 0.0, -0.5, 5_000_000.0)
    scale = scale_of({"transform": transform, "crs": UTM})
    assert scale.length([(10, 10), (110, 10)]) == pytest.approx(50)
    assert scale.area([(0, 0), (100, 0), (100, 100), (0, 100)]) == pytest.approx(2500)
    feet = scale_of({"transform": transform, "crs": FEET})
    assert feet.length([(0, 0), (0, 100)]) == pytest.approx(50 * 0.3048006)
    assert crs_unit(UTM_2) == ("metric", 1000.0)
    assert crs_unit(DEGREES) == crs_unit(DEGREES_2) == ("degrees", 1.0)
    assert crs_unit("EPSG:4326") == ("degrees", 1.0) and crs_unit("EPSG:32633") == ("metric", 1.0)
    assert crs_unit("LOCAL_CS[]") == ("unknown", 1.0) == crs_unit("")


def test_a_rotated_transform_keeps_lengths() -> None:
    cos, sin = math.cos(0.4), math.sin(0.4)
    scale = scale_of({"transform": (2 * cos, 2 * sin, 7, 2 * sin, -2 * cos, 9), "crs": UTM})
    assert scale.length([(0, 0), (30, 40)]) == pytest.approx(100)
    assert scale.pixel_area(5, 5) == pytest.approx(4)


def test_degrees_become_metres_by_the_latitude() -> None:
    # Length of a degree at the equator, at 45° and at 60° (NGA tables, metres).
    for latitude, longitude_m, latitude_m in (
        (0, 111_319.5, 110_574.3),
        (45, 78_846.8, 111_131.8),
        (60, 55_800, 111_412),
    ):
        assert metres_per_degree(latitude) == pytest.approx((longitude_m, latitude_m), rel=1e-4)
    scale = scale_of({"transform": (0.001, 0, 10, 0, -0.001, 60), "crs": DEGREES})
    assert scale.length([(0, 0), (1000, 0)]) == pytest.approx(55_800, rel=1e-3)
    assert in_units(scale, scale.length([(0, 0), (100, 0)]), "length") == "≈ 5.58 km"
    assert scale.pixel_area(0, 0) == pytest.approx(55.8 * 111.41, rel=1e-3)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"spacing": (0, 0, 1)}, {"spacing": "wrong"}, {"transform": (1, 1, 0, 1, 1, 0)}, {"transform": (1, 2)}],
)
def test_without_a_scale_there_are_only_pixels(metadata: dict[str, object]) -> None:
    scale = scale_of(metadata)
    assert scale.kind == "none" and in_units(scale, 5.0, "length") == ""
    assert scale.length([(0, 0), (3, 4)]) == 5


def test_a_transform_without_a_crs_says_map_units() -> None:
    scale = scale_of({"transform": (2, 0, 0, 0, -2, 0)})
    assert in_units(scale, scale.length([(0, 0), (3, 4)]), "length") == "10 map units"


def test_the_area_of_a_polygon() -> None:
    assert polygon_area([(0, 0), (10, 0), (10, 5), (0, 5)]) == 50
    assert polygon_area([(0, 0), (4, 0), (0, 3)]) == 6
    far = [(5e8 + x, 4e9 + y) for x, y in ((0, 0), (4, 0), (0, 3))]
    assert polygon_area(far) == pytest.approx(6)
