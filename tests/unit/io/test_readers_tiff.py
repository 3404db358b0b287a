"""TIFF read window by window: tiles, strips, pyramids, stacks, OME, masks; what is broken costs only itself."""

from __future__ import annotations

import os
import struct
import threading
import time

import numpy as np
import pytest
import tifffile
from image_files import picture, whole
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers import tiff_plan
from segstudio.io.readers.registry import open_image, probe, thumbnail
from segstudio.io.readers.windowed import WindowedReader


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def windows(monkeypatch):
    """Even small pages are read in windows."""
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)


def opened(path):
    reader = open_image(path)
    assert isinstance(reader, WindowedReader)
    assert reader.info == probe(path)
    return reader


def same_windows(reader, expected, z=0, seed=0):
    """Random windows of the full level agree with *expected* (y, x, band)."""
    random = np.random.default_rng(seed)
    height, width = expected.shape[:2]
    for _ in range(12):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        rect = Rect(x, y, int(random.integers(1, width + 20)), int(random.integers(1, height + 20)))
        found = np.moveaxis(reader.read(0, z, rect), 0, -1)
        assert np.array_equal(found, expected[y : y + rect.height, x : x + rect.width])
        assert not found.flags.writeable


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 3, 5])
@pytest.mark.parametrize("layout", ["strips", "raw", "big endian", "tiles", "planes", "tiled planes"])
def test_windows_of_every_type_and_layout(tmp_path, windows, dtype, bands, layout):
    values = (np.random.default_rng(2).random((150, 130, bands)) * 100).astype(dtype)
    options = {"photometric": "rgb" if bands == 3 else "minisblack", "planarconfig": "contig" if bands > 1 else None}
    stored = values[:, :, 0] if bands == 1 else values
    if layout in ("strips", "tiles", "tiled planes"):
        options |= {"compression": "zlib", "predictor": 2 if np.dtype(dtype).kind in "iu" else None}
    if layout == "strips":
        options["rowsperstrip"] = 7
    if layout == "big endian":
        options |= {"byteorder": ">", "rowsperstrip": 11}
    if "tile" in layout:
        options["tile"] = (32, 48)
    if "planes" in layout and bands > 1:
        stored, options["planarconfig"] = np.moveaxis(values, -1, 0), "separate"
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    kept = {"int8": "int16", "float16": "float32", "float64": "float32"}.get(dtype, dtype)
    reader = opened(tmp_path / "a.tif")
    assert reader.info.bands == bands and reader.info.dtype == kept
    same_windows(reader, values.astype(kept))
    reader.close()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_files_are_turned_in_every_window(tmp_path, windows, orientation):
    values = picture(90, 140)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", tile=(32, 16), extratags=[(274, "H", 1, orientation, True)])
    from PIL import Image, ImageOps

    source = Image.fromarray(values)
    source.getexif()[0x0112] = orientation
    turned = np.asarray(ImageOps.exif_transpose(source))
    reader = opened(path)
    same_windows(reader, turned)
    assert np.array_equal(whole(reader), turned)


def test_palette_bits_and_ink_in_windows_are_those_of_the_whole(tmp_path, windows, monkeypatch):
    grey = picture(70, 90, 1)
    tifffile.imwrite(tmp_path / "palette.tif", grey, photometric="palette", colormap=np.random.default_rng(3).integers(0, 65536, (3, 256)).astype(np.uint16), tile=(32, 32))
    tifffile.imwrite(tmp_path / "white.tif", grey, photometric="miniswhite", tile=(32, 32))
    tifffile.imwrite(tmp_path / "bits.tif", grey > 90, tile=(32, 32))
    tifffile.imwrite(tmp_path / "ink.tif", picture(70, 90, 4), photometric="separated", tile=(32, 32))
    for path in sorted(tmp_path.glob("*.tif")):
        reader = opened(path)
        with monkeypatch.context() as small:
            small.setattr(tiff_plan, "MEMORY_BYTES", 1 << 30)
            expected = whole(open_image(path))
        same_windows(reader, expected)


def halves(values, count):
    """Means of 2×2 blocks, again and again."""
    levels = [values]
    for _ in range(count):
        height, width = levels[-1].shape[:2]
        levels.append(levels[-1].reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3)).round().astype(values.dtype))
    return levels


@pytest.mark.parametrize("kind", ["subifds", "reduced pages", "bigtiff"])
def test_a_pyramid_s_own_levels_are_read(tmp_path, kind):
    levels = halves(picture(512, 768, 3), 2)
    levels[1][:, :, 0] = 7  # only the file can know
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=kind == "bigtiff") as file:
        options = {"photometric": "rgb", "tile": (128, 128), "compression": "zlib", "metadata": None}
        is_nested = kind != "reduced pages"
        file.write(levels[0], subifds=2 if is_nested else None, **options)
        for level in levels[1:]:
            file.write(level, subfiletype=1, **options)
    reader = opened(path)
    assert reader.info.levels[:3] == ((768, 512), (384, 256), (192, 128))
    for index, level in enumerate(levels):
        height, width = level.shape[:2]
        assert np.array_equal(np.moveaxis(reader.read(index, 0, Rect(0, 0, width, height)), 0, -1), level)
    assert thumbnail(path, 96).shape == (64, 96, 3)


def test_levels_of_uneven_steps_are_found_and_strangers_are_not_taken_for_levels(tmp_path):
    values = picture(512, 512, 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        options = {"photometric": "rgb", "tile": (128, 128), "metadata": None}
        file.write(values, **options)
        file.write(values[::2, ::2], subfiletype=1, **options)
        file.write(values[::16, ::16], subfiletype=1, **options)
        file.write(values[:100, :300], subfiletype=1, **options)  # a label photograph of another shape
        file.write(values[:64, :64, 0], photometric="minisblack", subfiletype=1, metadata=None)
    reader = opened(tmp_path / "a.tif")
    assert reader.info.levels == ((512, 512), (256, 256), (32, 32))
    assert np.array_equal(reader.read(2, 0, Rect(0, 0, 32, 32)), np.moveaxis(values[::16, ::16], -1, 0))
    reader.close()


def test_missing_levels_are_means_of_the_stored_ones(tmp_path, windows):
    values = picture(700, 900, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", tile=(128, 128))
    reader = opened(tmp_path / "a.tif")
    assert reader.info.levels == ((900, 700), (450, 350), (225, 175))
    half = np.moveaxis(reader.read(1, 0, Rect(0, 0, 450, 350)), 0, -1)
    assert np.abs(half - values.reshape(350, 2, 450, 2, 3).mean((1, 3))).max() <= 0.5 + 1e-6
    part = reader.read(1, 0, Rect(100, 60, 40, 30))
    assert np.array_equal(np.moveaxis(part, 0, -1), half[60:90, 100:140])
    reader.close()


# -- stacks ----------------------------------------------------------------------------------------------------------


def test_pages_of_one_size_are_planes(tmp_path):
    values = np.random.default_rng(4).integers(0, 65536, (7, 60, 80)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata=None)
    reader = opened(tmp_path / "a.tif")
    assert (reader.info.depth, reader.info.bands, reader.info.dtype) == (7, 1, "uint16")
    for z in range(7):
        same_windows(reader, values[z, :, :, None], z, seed=z)
    for z in (-1, 7):
        with pytest.raises(IndexError):
            reader.read(0, z, Rect(0, 0, 1, 1))
    assert thumbnail(tmp_path / "a.tif", 40).shape == (30, 40, 3)


def test_ome_channels_are_bands_and_the_rest_is_depth(tmp_path):
    values = np.random.default_rng(5).integers(0, 256, (2, 4, 3, 40, 50)).astype(np.uint8)
    about = {"axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2000.0, "PhysicalSizeZUnit": "nm", "Channel": {"Name": ["DAPI", "GFP & co", "red"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", values, ome=True, metadata=about, photometric="minisblack", tile=(16, 16))
    reader = opened(tmp_path / "a.ome.tif")
    info = reader.info
    assert (info.depth, info.bands, info.width, info.height) == (8, 3, 50, 40)
    for z in range(8):
        same_windows(reader, np.moveaxis(values.reshape(8, 3, 40, 50)[z], 0, -1), z)
    assert info.metadata["spacing"] == (0.5, 0.25, 2.0) and info.metadata["spacing_unit"] == "µm"
    assert info.metadata["band_names"] == ("DAPI", "GFP & co", "red")


def test_an_ome_pyramid_of_several_bands(tmp_path):
    values = np.random.default_rng(6).integers(0, 65536, (3, 256, 384)).astype(np.uint16)
    small = values[:, ::2, ::2]
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", bigtiff=True) as file:
        options = {"photometric": "minisblack", "tile": (64, 64), "compression": "zlib"}
        file.write(values, subifds=1, metadata={"axes": "CYX"}, **options)
        file.write(small, subfiletype=1, **options)
    reader = opened(tmp_path / "a.ome.tif")
    assert reader.info.levels[:2] == ((384, 256), (192, 128)) and reader.info.bands == 3 and reader.info.depth == 1
    assert np.array_equal(reader.read(1, 0, Rect(0, 0, 192, 128)), small)


def test_an_imagej_stack_whose_planes_have_no_pages_of_their_own(tmp_path):
    values = np.random.default_rng(7).integers(0, 65536, (5, 2, 30, 40)).astype(np.uint16)
    about = {"axes": "ZCYX", "spacing": 3.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata=about, resolution=(4.0, 4.0))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        order = file.byteorder
    data = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, first)
    struct.pack_into(f"{order}I", data, first + 2 + 12 * count, 0)  # as ImageJ writes stacks of more than 4 GB: one page
    (tmp_path / "b.tif").write_bytes(data)
    for name in ("a.tif", "b.tif"):
        reader = opened(tmp_path / name)
        assert (reader.info.depth, reader.info.bands) == (5, 2), name
        same_windows(reader, np.moveaxis(values[3], 0, -1), 3)
        assert reader.info.metadata["spacing"] == (0.25, 0.25, 3.0)


@pytest.mark.shared_data
def test_a_real_stack_opens_plane_by_plane():
    path = shared_data("volumes", "nuclei3d.tif")
    reader = opened(path)
    expected = tifffile.imread(path)
    assert reader.info.depth == len(expected) == 31
    for z in (0, 15, 30):
        assert np.array_equal(reader.read(0, z, Rect(0, 0, 57, 61))[0], expected[z])


# -- what is valid ---------------------------------------------------------------------------------------------------


def test_nodata_alpha_and_the_file_s_own_mask(tmp_path, windows):
    values = picture(64, 64, 1) | 1
    values[10:20, 5:30] = 0
    tifffile.imwrite(tmp_path / "nodata.tif", values, tile=(32, 32), extratags=[(42113, "s", 0, "0", True)])
    alpha = picture(64, 64, 4) | 1
    alpha[10:20, 5:30, 3] = 0
    tifffile.imwrite(tmp_path / "alpha.tif", alpha, photometric="rgb", extrasamples=["unassalpha"], tile=(32, 32))
    with tifffile.TiffWriter(tmp_path / "mask.tif") as file:
        file.write(picture(64, 64, 3), photometric="rgb", tile=(32, 32), metadata=None)
        file.write(values > 0, photometric="mask", subfiletype=4, metadata=None)
    for name in ("nodata", "alpha", "mask"):
        reader = opened(tmp_path / f"{name}.tif")
        found = reader.valid_mask(0, 0, Rect(0, 0, 64, 64))
        assert np.array_equal(found, values > 0), name
        assert reader.valid_mask(0, 0, Rect(32, 32, 32, 32)) is None
        small = reader.valid_mask(0, 0, Rect(4, 9, 3, 3))
        assert np.array_equal(small, (values > 0)[9:12, 4:7])


def test_small_files_decoded_whole_know_it_too(tmp_path):
    values = picture(64, 64, 3) | 1
    values[10:20, 5:30] = 9
    values[0, 0] = (9, 9, 8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=[(42113, "s", 0, "9", True)])
    reader = open_image(tmp_path / "a.tif")
    assert reader.info.metadata["nodata"] == 9.0
    assert np.array_equal(reader.valid_mask(0, 0, Rect(0, 0, 64, 64)), (values != 9).any(axis=2))
    floats = np.random.default_rng(1).random((40, 40)).astype(np.float32)
    floats[3:5] = np.nan
    tifffile.imwrite(tmp_path / "b.tif", floats, extratags=[(42113, "s", 0, "nan", True)])
    assert np.array_equal(open_image(tmp_path / "b.tif").valid_mask(0, 0, Rect(0, 0, 40, 40)), ~np.isnan(floats))


def test_an_alpha_band_that_nobody_filled_is_no_mask(tmp_path):
    values = picture(64, 64, 4)
    values[:, :, 3] = 0
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    assert open_image(tmp_path / "a.tif").valid_mask(0, 0, Rect(0, 0, 64, 64)) is None


# -- what is broken --------------------------------------------------------------------------------------------------


def tiled_file(path, values=None):
    values = picture(256, 256, 3) if values is None else values
    tifffile.imwrite(path, values, photometric="rgb", tile=(64, 64), compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        return values, page.dataoffsets, page.databytecounts, page.tags["TileByteCounts"].valueoffset


def test_a_damaged_tile_costs_only_itself_and_one_sentence(tmp_path, windows):
    path = tmp_path / "a.tif"
    values, offsets, counts, _ = tiled_file(path)
    data = bytearray(path.read_bytes())
    for index in (5, 6):
        data[offsets[index] : offsets[index] + counts[index]] = b"\xff" * counts[index]
    path.write_bytes(data)
    reader = opened(path)
    heard = []
    reader.watch(heard.append)
    expected = values.copy()
    expected[64:128, 64:192] = 0
    assert np.array_equal(whole(reader), expected)
    assert np.array_equal(whole(reader), expected)
    assert len(heard) == 1 and reader.notices == tuple(heard)
    # Two threads decode: either of the two tiles may be met first.
    assert "a.tif" in heard[0] and ("(at 64, 64)" in heard[0] or "(at 128, 64)" in heard[0]) and "\n" not in heard[0]
    assert np.array_equal(reader.valid_mask(0, 0, Rect(0, 0, 256, 256)), expected.any(axis=2) | (values == 0).all(axis=2) & ~np.isin(np.indices((256, 256))[0] // 64, 1))


@pytest.mark.parametrize("count", [0, 3, 2**31])
def test_wrong_byte_counts(tmp_path, windows, count):
    path = tmp_path / "a.tif"
    values, _, _, where = tiled_file(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, where + 4 * 9, count)
    path.write_bytes(data)
    reader = opened(path)
    expected = values.copy()
    expected[128:192, 64:128] = 0
    assert np.array_equal(whole(reader), expected)
    assert len(reader.notices) == (0 if count == 0 else 1)  # no bytes stand for background in sparse files


def test_a_file_cut_short_shows_what_is_there(tmp_path, windows):
    path = tmp_path / "a.tif"
    values, offsets, _, _ = tiled_file(path)
    header = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].offset < offsets[0]
    path.write_bytes(header[: offsets[12] + 5])
    reader = opened(path)
    expected = values.copy()
    expected[192:] = 0
    assert np.array_equal(whole(reader), expected) and len(reader.notices) == 1
    path.write_bytes(header[: offsets[0]])
    with pytest.raises(UserError, match=r"a\.tif"):
        open_image(path)


def test_a_file_that_vanishes_while_open_is_read_on_or_named(tmp_path, windows):
    path = tmp_path / "a.tif"
    values = tiled_file(path)[0]
    reader = opened(path)
    os.unlink(path)
    try:
        assert np.array_equal(whole(reader), values)
    except UserError as error:
        assert "a.tif" in str(error)


def test_a_file_that_changes_while_open_is_refused(tmp_path, windows, monkeypatch):
    from segstudio.io.readers import file_bytes

    monkeypatch.setattr(file_bytes, "_LOOK_S", -1.0)
    path = tmp_path / "a.tif"
    tiled_file(path)
    reader = opened(path)
    reader.read(0, 0, Rect(0, 0, 64, 64))
    tiled_file(path, picture(256, 256, 3, seed=9))
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match=r"a\.tif.*changed by another program"):
        reader.read(0, 0, Rect(100, 100, 64, 64))


def test_a_damaged_level_is_left_out(tmp_path):
    levels = halves(picture(512, 512, 3), 2)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "tile": (128, 128), "metadata": None}
        file.write(levels[0], **options)
        file.write(levels[1], subfiletype=1, **options)
        file.write(levels[2], subfiletype=1, **options)
    with tifffile.TiffFile(path) as file:
        tag = file.pages[1].tags["TileOffsets"]
    data = bytearray(path.read_bytes())
    data[tag.valueoffset : tag.valueoffset + 16] = struct.pack("<4I", *[2**31] * 4)
    path.write_bytes(data)
    assert opened(path).info.levels == ((512, 512), (128, 128))


# -- threads and memory ----------------------------------------------------------------------------------------------


def test_many_threads_read_the_same_file(tmp_path, windows):
    values = picture(600, 600, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", tile=(64, 64), compression="zlib")
    reader = opened(tmp_path / "a.tif")
    faults = []

    def work(seed):
        try:
            same_windows(reader, values, seed=seed)
        except BaseException as error:  # noqa: BLE001 - told to the test
            faults.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    reader.close()
    with pytest.raises(ValueError):
        reader.read(0, 0, Rect(0, 0, 1, 1))


def test_a_large_tiled_file_reads_only_the_tiles_asked_for(tmp_path):
    """40 000 × 40 000 pixels of which nearly all tiles are left out: 1.6 GB that nobody may decode."""
    path = tmp_path / "a.tif"
    tile = picture(1024, 1024, 1)

    def tiles():
        for index in range(40 * 40):
            yield tile if index in (0, 41) else None

    tifffile.imwrite(path, tiles(), shape=(40_960, 40_960), dtype=np.uint8, tile=(1024, 1024), compression="zlib", bigtiff=True, metadata=None, photometric="minisblack")
    began = time.perf_counter()
    reader = opened(path)
    assert np.array_equal(reader.read(0, 0, Rect(1024, 1024, 1024, 1024))[0], tile)
    assert not reader.read(0, 0, Rect(39_000, 39_000, 1024, 1024)).any()
    assert thumbnail(path, 128).shape == (128, 128, 3)
    assert time.perf_counter() - began < 5.0
    assert reader._cache.nbytes <= 128 << 20
    reader.close()
