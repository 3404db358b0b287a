"""Where a pixel lies: on the map, in the patient, or in the image's own unit."""

from __future__ import annotations

import pytest

from segstudio.app.map_position import position_text


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, ""),
        ({"transform": (0.5, 0, 442000, 0, -0.5, 5412000), "crs": "EPSG:32633"}, "442005.25, 5411989.75"),
        ({"transform": (0.5, 0, 442000, 0, -0.5, 5412000)}, "442005.25, 5411989.75"),
        ({"transform": (10.0, 0, 500000, 0, -10.0, 0)}, "500105, -205"),
        ({"transform": (0.0, 2.0, 100, 3.0, 0.0, 50)}, "141.0, 81.5"),
        ({"transform": (0.001, 0, 14, 0, -0.001, 48), "crs": 'GEOGCS["WGS 84"]'}, "47.9795° N  14.0105° E"),
        ({"transform": (0.001, 0, -70, 0, -0.001, -33), "crs": "EPSG:4326"}, "33.0205° S  69.9895° W"),
        ({"spacing": (0.25, 0.5, 1.0), "spacing_unit": "µm"}, "2.62, 10.25 µm"),
        ({"affine": ((-1, 0, 0, 90), (0, -1, 0, 10), (0, 0, 2, -72)), "spacing": (1, 1, 2)}, "R 80.0  P 10.0  I 66.0 mm"),
    ],
)
def test_the_middle_of_a_pixel(metadata, text):
    assert position_text(metadata, 10, 20, 3) == text
