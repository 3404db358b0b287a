"""A mask of a GeoTIFF keeps CRS and transform."""

from __future__ import annotations

import numpy as np
import tifffile

from segstudio.io.geo_tags import GEO_TAGS, read_geo_tags
from segstudio.io.geotiff import read_strips, strips_of, write_geotiff

SCALE, TIE = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 442000.0, 5_412_000.0, 0.0)
KEYS = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633)


def test_geo_tags_survive_unchanged(tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    extra = [(33550, 12, 3, SCALE, True), (33922, 12, 6, TIE, True), (34735, 3, len(KEYS), KEYS, True)]
    tifffile.imwrite(source, np.zeros((300, 290, 3), np.uint8), photometric="rgb", extratags=extra, metadata=None)
    mask = (np.arange(300 * 290) % 3).reshape(300, 290).astype(np.uint8)
    write_geotiff(target, 290, 300, strips_of(mask), np.uint8, read_geo_tags(source))
    assert np.array_equal(np.concatenate([strip.copy() for strip in read_strips(target)]), mask)
    assert np.array_equal(tifffile.imread(target), mask)
    with tifffile.TiffFile(source) as a, tifffile.TiffFile(target) as b:
        for code in GEO_TAGS:
            assert (code in a.pages[0].tags) == (code in b.pages[0].tags)
            if code in a.pages[0].tags:
                assert a.pages[0].tags[code].value == b.pages[0].tags[code].value


def test_plain_and_broken_files_have_none(tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 4), np.uint8))
    (tmp_path / "broken.tif").write_bytes(b"II*\0 no more")
    assert read_geo_tags(tmp_path / "plain.tif") == read_geo_tags(tmp_path / "broken.tif") == ()
    assert read_geo_tags(tmp_path / "x.png") == ()
