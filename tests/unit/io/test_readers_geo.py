"""GeoTIFF with and without rasterio, slides and what GDAL reads; missing extras are one sentence."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tifffile
from image_files import picture, whole
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers import geo, slide, tiff_plan
from segstudio.io.readers.registry import find_reader, list_images, open_image, probe, thumbnail

UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
POINT = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 2, 3072, 0, 1, 32633)
DEGREES = (1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326)
OWN = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32767)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    geo._wkt.cache_clear()


@pytest.fixture
def blocked(monkeypatch):
    """As if the extras were not installed."""
    for name in ("rasterio", "rasterio.crs", "openslide"):
        monkeypatch.setitem(sys.modules, name, None)


def geotiff(path, *, keys=UTM, tags=(), values=None):
    extra = [(34735, 3, len(keys), keys, True)] if keys else []
    for code, numbers in tags:
        extra.append((code, 12, len(numbers), tuple(map(float, numbers)), True))
    tifffile.imwrite(path, picture() if values is None else values, photometric="rgb", metadata=None, extratags=extra)
    return path


SCALE = (33550, (0.5, 0.25, 0))
TIE = (33922, (0, 0, 0, 442_000, 5_412_000, 0))
PLACES = {
    "corner": ([SCALE, TIE], UTM, (0.5, 0.0, 442_000, 0.0, -0.25, 5_412_000)),
    "tie inside": ([SCALE, (33922, (10, 20, 0, 442_005, 5_411_995, 0))], UTM, (0.5, 0.0, 442_000, 0.0, -0.25, 5_412_000)),
    "pixel is point": ([SCALE, TIE], POINT, (0.5, 0.0, 441_999.75, 0.0, -0.25, 5_412_000.125)),
    "rotated": ([(34264, (0.3, 0.4, 0, 100, 0.4, -0.3, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1))], UTM, (0.3, 0.4, 100, 0.4, -0.3, 200)),
    "exact points": ([(33922, (0, 0, 0, 100, 200, 0, 60, 0, 0, 160, 200, 0, 0, 40, 0, 100, 120, 0))], DEGREES, (1.0, 0.0, 100.0, 0.0, -2.0, 200.0)),
    "no crs": ([SCALE, TIE], None, (0.5, 0.0, 442_000, 0.0, -0.25, 5_412_000)),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("extra", ["with rasterio", "without"])
def test_the_transform_of_pixel_corners(tmp_path, name, extra, request):
    if extra == "without":
        request.getfixturevalue("blocked")
    else:
        pytest.importorskip("rasterio")
    tags, keys, expected = PLACES[name]
    path = geotiff(tmp_path / "a.tif", keys=keys, tags=tags)
    metadata = probe(path).metadata
    assert metadata["transform"] == pytest.approx(expected)
    assert open_image(path).info.metadata == metadata
    number = {UTM: "32633", POINT: "32633", DEGREES: "4326"}.get(keys)
    if number is None:
        assert "crs" not in metadata
    elif extra == "without":
        assert metadata["crs"] == f"EPSG:{number}"
    else:
        from rasterio.crs import CRS

        assert CRS.from_wkt(metadata["crs"]).to_epsg() == int(number)


def test_the_same_as_rasterio_says(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    for name, (tags, keys, _) in PLACES.items():
        path = geotiff(tmp_path / f"{name}.tif", keys=keys, tags=tags)
        with rasterio.open(path) as dataset:
            if name != "exact points":  # rasterio leaves points as points
                assert tuple(dataset.transform)[:6] == pytest.approx(probe(path).metadata["transform"]), name


def test_points_that_no_transform_meets_stay_points(tmp_path):
    points = (0, 0, 0, 100, 200, 0, 60, 0, 0, 160, 200, 0, 0, 40, 0, 100, 120, 0, 60, 40, 0, 190, 90, 0)
    metadata = probe(geotiff(tmp_path / "a.tif", tags=[(33922, points)])).metadata
    assert "transform" not in metadata
    assert metadata["gcps"][3] == (60.0, 40.0, 190.0, 90.0, 0.0) and len(metadata["gcps"]) == 4


@pytest.mark.parametrize("tags", [[(33550, (0, 0, 0)), TIE], [(34264, (0,) * 16)], [(33922, (float("nan"),) * 24)], [(33550, (1, float("inf"), 0)), TIE], [(33550, (1,)), TIE]])
def test_transforms_that_place_nothing_are_left_out(tmp_path, tags, capfd):
    path = geotiff(tmp_path / "a.tif", tags=tags)
    assert "transform" not in probe(path).metadata
    assert np.array_equal(whole(open_image(path)), picture())
    assert capfd.readouterr().out == ""


def test_a_system_without_a_number_needs_rasterio_and_says_so(tmp_path, blocked):
    reader = open_image(geotiff(tmp_path / "a.tif", keys=OWN, tags=[SCALE, TIE]))
    assert "crs" not in reader.info.metadata and reader.info.metadata["transform"][0] == 0.5
    (sentence,) = reader.notices
    assert "pip install segstudio[geo]" in sentence and "a.tif" in sentence and "\n" not in sentence


@pytest.mark.shared_data
def test_a_real_projection_without_a_number():
    pytest.importorskip("rasterio")
    info = probe(shared_data("hard_formats", "images", "goes.tif"))
    assert "Geostationary" in info.metadata["crs"] and info.levels[1] == (271, 271)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["rgb_utm", "rgba_uint16", "shade_webmercator", "goes", "float_nan", "alpha", "spacenet_ms", "spacenet_buildings"])
def test_real_geotiffs_say_what_rasterio_says(name, monkeypatch):
    rasterio = pytest.importorskip("rasterio")
    path = shared_data("hard_formats", "images", f"{name}.tif")
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    reader = open_image(path)
    with rasterio.open(path) as dataset:
        values = dataset.read()
        metadata = reader.info.metadata
        found, expected = np.moveaxis(whole(reader), -1, 0), values.astype(reader.info.dtype)
        if name == "goes":  # JPEG inside: two decoders may round apart
            assert np.abs(found.astype(int) - expected).mean() < 0.5 and np.array_equal(np.moveaxis(found, 0, -1), tifffile.imread(path))
        else:
            assert np.array_equal(found, expected, equal_nan=True)
        if not dataset.transform.is_identity:
            assert metadata["transform"] == pytest.approx(tuple(dataset.transform)[:6])
        if dataset.crs:
            from rasterio.crs import CRS

            assert CRS.from_wkt(metadata["crs"]) == dataset.crs
        if dataset.nodata is not None:
            assert metadata["nodata"] == pytest.approx(dataset.nodata, nan_ok=True)
        valid = reader.valid_mask(0, 0, Rect(0, 0, dataset.width, dataset.height))
        expected = dataset.dataset_mask() > 0
        valid = np.ones_like(expected) if valid is None else valid
        assert np.array_equal(valid, expected)


@pytest.mark.shared_data
@pytest.mark.parametrize("kind", ["cog", "geotiff"])
@pytest.mark.parametrize("compress", ["deflate", "jpeg", "lzw", "zstd"])
def test_aerial_photographs_written_by_gdal(tmp_path, kind, compress, monkeypatch):
    """Bands, levels, an internal mask and names come back, small enough to be read whole or not."""
    rasterio = pytest.importorskip("rasterio")
    from PIL import Image
    from rasterio.enums import Resampling

    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    image = shared_data("massroads", "images", "10078660_15.jpg")
    values = np.moveaxis(np.asarray(Image.open(image).convert("RGB")), -1, 0)
    path = tmp_path / "a.tif"
    place = rasterio.Affine(1.0, 0.2, 300_000.0, 0.1, -1.0, 4_700_000.0)
    about = {"width": 1500, "height": 1500, "count": 3, "dtype": "uint8", "crs": "EPSG:26986", "transform": place, "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": compress, "photometric": "RGB"}
    mask = np.full((1500, 1500), 255, np.uint8)
    mask[:300, 900:] = 0
    plain = tmp_path / "plain.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(plain if kind == "cog" else path, "w", driver="GTiff", **about) as target:
            target.write(values)
            target.write_mask(mask)
            for band, name in enumerate(("red", "green & more", "blue"), 1):
                target.set_band_description(band, name)
            if kind == "geotiff":
                target.build_overviews([2, 4], Resampling.average)
        if kind == "cog":
            from rasterio.shutil import copy

            copy(plain, path, driver="COG", compress=compress, blocksize=256)
    reader = open_image(path)
    info = reader.info
    assert info.metadata["transform"] == pytest.approx(tuple(place)[:6]) and info.metadata["band_names"][1] == "green & more"
    assert info.levels[:3] == ((1500, 1500), (750, 750), (375, 375)) and reader.info == probe(path)
    with rasterio.open(path) as dataset:
        expected = dataset.read()
        tolerance = 1.0 if compress == "jpeg" else 0.0  # two decoders spread colour differently
        assert np.abs(np.moveaxis(whole(reader), -1, 0).astype(int) - expected).mean() <= tolerance
    with rasterio.open(path, overview_level=0) as dataset:
        half = dataset.read()
        assert np.abs(reader.read(1, 0, Rect(0, 0, 750, 750)).astype(int) - half).mean() <= tolerance
    assert np.array_equal(reader.valid_mask(0, 0, Rect(0, 0, 1500, 1500)), mask > 0)
    coarse = reader.valid_mask(2, 0, Rect(0, 0, 375, 375))
    assert not coarse[:74, 226:].any() and coarse[:, :224].all()
    assert thumbnail(path, 100).shape == (100, 100, 3)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 4, 13])
def test_any_number_of_bands_of_any_type(tmp_path, dtype, bands, monkeypatch):
    rasterio = pytest.importorskip("rasterio")
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    values = (np.random.default_rng(1).random((bands, 70, 90)) * 100).astype(dtype)
    for interleave in ("pixel", "band"):
        path = tmp_path / f"{interleave}.tif"
        about = {"width": 90, "height": 70, "count": bands, "dtype": dtype, "tiled": True, "blockxsize": 32, "blockysize": 32, "interleave": interleave, "compress": "deflate", "crs": "EPSG:4326", "transform": rasterio.Affine(0.1, 0, 5, 0, -0.1, 50)}
        with rasterio.open(path, "w", driver="GTiff", **about) as target:
            target.write(values)
        reader = open_image(path)
        assert reader.info.bands == bands
        assert np.array_equal(np.moveaxis(whole(reader), -1, 0), values.astype(reader.info.dtype))


# -- JPEG 2000 and Imagine -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "driver"), [(".jp2", "JP2OpenJPEG"), (".img", "HFA")])
def test_what_gdal_alone_can_read(tmp_path, suffix, driver):
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(1).integers(0, 4000, (4, 600, 700)).astype(np.uint16)
    path = tmp_path / f"a{suffix}"
    about = {"width": 700, "height": 600, "count": 4, "dtype": "uint16", "crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)}
    options = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver.startswith("JP2") else {}
    with rasterio.open(path, "w", driver=driver, **about, **options) as target:
        target.write(values)
    assert list_images(tmp_path) == [path]
    reader = open_image(path)
    assert reader.info == probe(path) and reader.info.bands == 4
    assert reader.info.metadata["transform"] == (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)
    assert np.array_equal(np.moveaxis(whole(reader), -1, 0), values)
    part = reader.read(0, 0, Rect(300, 200, 90, 80))
    assert np.array_equal(part, values[:, 200:280, 300:390])
    assert thumbnail(path, 64).shape == (55, 64, 3)
    reader.close()


def test_jpeg_2000_without_rasterio_names_the_extra(tmp_path, blocked):
    path = tmp_path / "a.jp2"
    path.write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100))
    for work in (probe, open_image, thumbnail):
        with pytest.raises(UserError) as caught:
            work(path)
        assert "pip install segstudio[geo]" in str(caught.value) and "a.jp2" in str(caught.value)


def test_broken_jpeg_2000(tmp_path):
    pytest.importorskip("rasterio")
    path = tmp_path / "a.jp2"
    path.write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100))
    with pytest.raises(UserError, match=r"a\.jp2"):
        open_image(path)


# -- slides ----------------------------------------------------------------------------------------------------------


def slide_file(path):
    """A tiled TIFF, which openslide knows, under a slide's name."""
    values = np.kron(picture(12, 16, 3), np.ones((64, 64, 1), np.uint8))
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "tile": (256, 256), "compression": "zlib", "metadata": None}
        file.write(values, **options)
        file.write(values[::4, ::4].copy(), subfiletype=1, **options)
    return values


def test_a_slide_is_read_at_its_own_levels(tmp_path):
    pytest.importorskip("openslide")
    path = tmp_path / "a.svslide"
    values = slide_file(path)
    assert find_reader(path).module == slide.__name__
    reader = open_image(path)
    assert reader.info == probe(path) and reader.info.levels[:2] == ((1024, 768), (256, 192))
    assert np.array_equal(whole(reader), values)
    assert np.array_equal(np.moveaxis(reader.read(1, 0, Rect(17, 30, 100, 90)), 0, -1), values[::4, ::4][30:120, 17:117])
    assert thumbnail(path, 64).shape == (48, 64, 3)
    reader.close()


def test_a_slide_without_openslide_names_the_extra(tmp_path, blocked):
    slide_file(tmp_path / "a.mrxs")
    for work in (probe, open_image, thumbnail):
        with pytest.raises(UserError) as caught:
            work(tmp_path / "a.mrxs")
        assert "pip install segstudio[wsi]" in str(caught.value) and "a.mrxs" in str(caught.value)


def test_what_is_no_slide(tmp_path):
    pytest.importorskip("openslide")
    (tmp_path / "a.mrxs").write_bytes(b"\xff\xd8\xff" + bytes(500))
    with pytest.raises(UserError, match=r"a\.mrxs"):
        open_image(tmp_path / "a.mrxs")


def test_an_aperio_slide_knows_its_scale(tmp_path):
    values = picture(512, 512, 3)
    about = "Aperio Image Library v11.2.1 \r\n512x512 [0,0 512x512] (256x256) JPEG/RGB Q=70|AppMag = 40|MPP = 0.2525"
    tifffile.imwrite(tmp_path / "a.svs", values, photometric="rgb", tile=(256, 256), description=about, metadata=None)
    info = probe(tmp_path / "a.svs")
    assert info.metadata["spacing"][:2] == (0.2525, 0.2525) and info.metadata["spacing_unit"] == "µm"
    assert np.array_equal(whole(open_image(tmp_path / "a.svs")), values)
