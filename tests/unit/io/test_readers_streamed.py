"""Large files without tiles: streamed once into a pyramid that is kept; the cache keeps within its bounds."""

from __future__ import annotations

import io
import os
import threading
import time

import numpy as np
import pytest
import tifffile
from image_files import picture, png_bytes, save, whole
from PIL import Image

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers import png, pyramid_cache, streamed, tiff, tiff_plan, windowed
from segstudio.io.readers.pyramid import PyramidSink, PyramidTiles, build, load_tiles
from segstudio.io.readers.registry import open_image, probe, thumbnail
from segstudio.io.readers.windowed import WindowedReader

pytest.importorskip("pyvips")


@pytest.fixture(autouse=True)
def small_is_large(tmp_path, monkeypatch):
    """Every image counts as a large one, and the cache is the test's own."""
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(streamed, "STREAMED_PIXELS", 0)


def kept(tmp_path):
    folder = tmp_path / "cache" / "pyramids"
    return sorted(folder.iterdir()) if folder.exists() else []


def halves(values, levels):
    """Means of 2×2 blocks of (y, x, band), an odd last row or column counted twice, for each further level."""
    found = [values]
    for _ in levels[1:]:
        last = found[-1]
        last = np.pad(last, ((0, last.shape[0] % 2), (0, last.shape[1] % 2), (0, 0)), mode="edge").astype(float)
        height, width = last.shape[0] // 2, last.shape[1] // 2
        found.append(np.rint(last.reshape(height, 2, width, 2, -1).mean((1, 3)) + 1e-9))
    return found


def agrees(path, expected, tolerance=0):
    expected = expected if expected.ndim == 3 else expected[:, :, None]
    described = probe(path)
    reader = open_image(path)
    assert isinstance(reader, WindowedReader) and reader.info == described
    assert (described.height, described.width, described.bands) == expected.shape
    assert np.abs(whole(reader).astype(int) - expected).max() <= tolerance
    for level, (width, height) in enumerate(described.levels):
        values = np.moveaxis(reader.read(level, 0, Rect(0, 0, width, height)), 0, -1)
        if described.metadata.get("orientation", 1) == 1:
            # Rounding adds up from level to level.
            assert np.abs(values - halves(expected, described.levels)[level]).max() <= tolerance + level
        part = reader.read(level, 0, Rect(width // 3, height // 4, 40, 30))
        assert np.array_equal(np.moveaxis(part, 0, -1), values[height // 4 :][:30, width // 3 :][:, :40])
    reader.close()
    small = thumbnail(path, 64)
    assert max(small.shape[:2]) == 64 and (small.shape[0] > small.shape[1]) == (described.height > described.width)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_png_values_are_unchanged_at_every_level(tmp_path, bands):
    values = picture(1201, 1503, bands)
    agrees(save(tmp_path / "a.png", values), values)
    assert len(kept(tmp_path)) == 1


def test_sixteen_bit_png(tmp_path):
    import cv2

    values = np.random.default_rng(1).integers(0, 65536, (700, 600, 3)).astype(np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    agrees(tmp_path / "a.png", values)


def test_few_bits_palettes_and_transparency(tmp_path):
    values = picture(300, 520, 1)
    Image.fromarray(values > 90).save(tmp_path / "bits.png")
    agrees(tmp_path / "bits.png", (values > 90).astype(np.uint8) * 255)
    image = Image.fromarray(values % 7).convert("P")
    image.putpalette(list(range(21)) + [0] * 747)
    image.save(tmp_path / "palette.png")
    agrees(tmp_path / "palette.png", np.asarray(image.convert("RGB")))
    image.save(tmp_path / "clear.png", transparency=3)
    agrees(tmp_path / "clear.png", np.asarray(Image.open(tmp_path / "clear.png").convert("RGBA")))
    rgb = picture(300, 520, 3)
    Image.fromarray(rgb).save(tmp_path / "key.png", transparency=tuple(rgb[0, 0].tolist()))
    agrees(tmp_path / "key.png", rgb)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_orientation_is_applied_on_the_way_out(tmp_path, orientation, suffix):
    values = np.kron(picture(20, 30, 3), np.ones((32, 32, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a{suffix}", values, exif=exif, **({"quality": 97, "subsampling": 0} if suffix == ".jpg" else {}))
    from PIL import ImageOps

    with Image.open(path) as image:
        turned = np.asarray(ImageOps.exif_transpose(image))
    agrees(path, turned, tolerance=0 if suffix == ".png" else 3)


def test_jpeg_is_as_pillow_sees_it(tmp_path):
    smooth = np.asarray(Image.fromarray(picture(40, 50, 3)).resize((1500, 1200), Image.Resampling.BICUBIC))
    for name, image in (("rgb", Image.fromarray(smooth)), ("grey", Image.fromarray(smooth[..., 0]))):
        image.save(tmp_path / f"{name}.jpg", quality=90)
        with Image.open(tmp_path / f"{name}.jpg") as found:
            agrees(tmp_path / f"{name}.jpg", np.asarray(found), tolerance=3)
    image.convert("CMYK").save(tmp_path / "ink.jpg")
    assert not isinstance(open_image(tmp_path / "ink.jpg"), WindowedReader)


def test_a_deflated_tiff_in_one_strip_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    monkeypatch.setattr(tiff, "_WHOLE_CHUNK_BYTES", 0)
    values = picture(900, 1100, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", compression="zlib", rowsperstrip=900)
    agrees(tmp_path / "a.tif", values)
    assert len(kept(tmp_path)) == 1


# -- the cache -------------------------------------------------------------------------------------------------------


def test_the_second_opening_decodes_nothing_even_under_another_name(tmp_path, monkeypatch):
    values = picture(700, 800, 3)
    path = save(tmp_path / "a.png", values)
    open_image(path).close()
    os.rename(path, tmp_path / "b.png")
    monkeypatch.setattr(streamed, "_rows", None)
    reader = open_image(tmp_path / "b.png")
    assert np.array_equal(whole(reader), values)


def test_another_content_under_the_same_name_is_not_taken_from_the_cache(tmp_path):
    path = save(tmp_path / "a.png", picture(700, 800, 3))
    open_image(path).close()
    values = picture(700, 800, 3, seed=5)
    save(path, values)
    assert np.array_equal(whole(open_image(path)), values)


@pytest.mark.parametrize("harm", ["cut", "empty", "noise"])
def test_a_damaged_cache_is_made_anew(tmp_path, harm):
    values = picture(700, 800, 3)
    path = save(tmp_path / "a.png", values)
    open_image(path).close()
    (file,) = kept(tmp_path)
    data = file.read_bytes()
    file.write_bytes({"cut": data[:-30], "empty": b"", "noise": os.urandom(len(data))}[harm])
    reader = open_image(path)
    assert np.array_equal(whole(reader), values) and len(kept(tmp_path)) == 1


def test_the_cache_keeps_within_its_budget_oldest_out_first(tmp_path, monkeypatch):
    first = save(tmp_path / "a.png", picture(700, 800, 3))
    open_image(first).close()
    (oldest,) = kept(tmp_path)
    os.utime(oldest, (1, 1))
    open_image(save(tmp_path / "b.png", picture(700, 800, 3, seed=1))).close()
    assert len(kept(tmp_path)) == 2
    monkeypatch.setattr(pyramid_cache, "BUDGET_BYTES", int(oldest.stat().st_size * 2.5))
    open_image(save(tmp_path / "c.png", picture(700, 800, 3, seed=2))).close()
    assert oldest not in kept(tmp_path) and kept(tmp_path)


class FullDisk:
    """A file that takes so many bytes, the last write but a part of what it gets."""

    def __init__(self, room):
        self.file, self.room = io.BytesIO(), room

    def write(self, data):
        if self.room == 0:
            raise OSError(28, "No space left on device")
        taken = min(self.room, len(data))
        self.room -= taken
        return self.file.write(bytes(data[:taken]))

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("room", [0, 10, 400_000, 1_900_000])
def test_a_full_disk_costs_the_kept_file_and_no_pixel(room):
    values = picture(1100, 1300, 1)[:, :, None]
    tiles = PyramidTiles(((1300, 1100), (650, 550)), 1, "uint8")
    sink = PyramidSink(tiles, FullDisk(room))
    build([values[:300], values[300:301], values[301:]], 1300, tiles.sizes, sink)
    pyramid = pyramid_cache.Pyramid(tiles, lambda number, _: sink.kept[number], lambda: None)
    if sink.file is not None:
        assert room > 1_800_000
        return
    assert sink.error.errno == 28
    assert np.array_equal(pyramid.read(0, Rect(0, 0, 1300, 1100)), values)
    assert np.abs(pyramid.read(1, Rect(0, 0, 650, 550)) - halves(values, [0, 1])[1]).max() <= 1


def test_no_room_is_said_in_one_sentence_and_the_image_opens(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid_cache, "SPARE_BYTES", 1 << 60)
    values = picture(700, 800, 3)
    reader = open_image(save(tmp_path / "a.png", values))
    assert np.array_equal(whole(reader), values) and kept(tmp_path) == []
    (sentence,) = reader.notices
    assert "\n" not in sentence and "pyramids" in sentence and sentence.endswith(".")


def test_a_cache_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "file"))
    values = picture(700, 800, 3)
    reader = open_image(save(tmp_path / "a.png", values))
    assert np.array_equal(whole(reader), values) and len(reader.notices) == 1


def test_left_over_parts_are_swept_after_a_day(tmp_path):
    folder = tmp_path / "cache" / "pyramids"
    folder.mkdir(parents=True)
    for name, age in (("old.part", 1), ("young.part", None)):
        (folder / name).write_bytes(b"x")
        if age:
            os.utime(folder / name, (age, age))
    open_image(save(tmp_path / "a.png", picture(700, 800, 3))).close()
    names = [file.name for file in kept(tmp_path)]
    assert "old.part" not in names and "young.part" in names and len(names) == 2


def test_cancelling_leaves_nothing_behind(tmp_path):
    path = save(tmp_path / "a.png", picture(1400, 800, 3))
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(Cancelled):
        open_image(path, cancel)
    assert kept(tmp_path) == []


def test_the_table_of_a_pyramid_survives_the_file(tmp_path):
    values = picture(600, 700, 3)
    open_image(save(tmp_path / "a.png", values)).close()
    (file,) = kept(tmp_path)
    tiles = load_tiles(file)
    assert tiles.sizes[0] == (700, 600) and tiles.bands == 3 and tiles.dtype == "uint8"
    assert all((places[..., 1] > 0).all() for places in tiles.places)


def test_a_small_picture_gives_way_to_an_opening_and_comes_from_its_pyramid(tmp_path, monkeypatch):
    values = picture(2000, 700, 3)
    path = save(tmp_path / "a.png", values)
    began, reduced, tries = threading.Event(), streamed._reduced, []

    def slow(path, info, orientation, level, given_up):
        tries.append(given_up)
        began.set()
        assert given_up._event.wait(20)
        return reduced(path, info, orientation, level, given_up)

    monkeypatch.setattr(streamed, "_reduced", slow)
    found = []
    looker = threading.Thread(target=lambda: found.append(thumbnail(path, 64)))
    looker.start()
    assert began.wait(20)
    reader = open_image(path)
    looker.join(20)
    assert found[0].shape[0] == 64 and len(tries) == 1, "the second look finds the pyramid"
    assert np.array_equal(whole(reader), values)


def test_a_reduction_that_is_given_up_ends_at_once(tmp_path):
    path = save(tmp_path / "a.png", picture(2000, 1700, 3))
    info = probe(path)
    given_up = CancelToken()
    given_up.set()
    assert streamed._reduced(path, info, 1, 2, given_up) is None
    small = streamed._reduced(path, info, 1, 2, CancelToken())
    assert np.abs(small - halves(np.asarray(Image.open(path)), [0, 1, 2])[2]).max() <= 2


def test_a_reduction_that_is_under_way_is_given_up_before_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "_ASK_S", 0.005)
    lines = np.arange(7000, dtype=np.uint16)
    values = np.repeat((lines[:, None] * lines // 7 % 251).astype(np.uint8)[:, :, None], 3, axis=2)
    path = save(tmp_path / "a.png", values, compress_level=1)
    info = probe(path)
    began = time.perf_counter()
    # So small a picture is one row of libvips' tiles: it tells of no progress on the way.
    assert streamed._reduced(path, info, 1, 6, CancelToken()) is not None
    whole_s = time.perf_counter() - began
    given_up = CancelToken()
    threading.Timer(0.1 * whole_s, given_up.set).start()
    began = time.perf_counter()
    assert streamed._reduced(path, info, 1, 6, given_up) is None
    assert time.perf_counter() - began < 0.8 * whole_s
    # What was killed is not kept: the next look goes through.
    assert streamed._reduced(path, info, 1, 6, CancelToken()) is not None


def test_a_large_file_is_walked_over_once(tmp_path, monkeypatch):
    monkeypatch.setattr(png, "_LARGE_BYTES", 0)
    walks, walked = [], png._walked
    monkeypatch.setattr(png, "_walked", lambda *a: (walks.append(a), walked(*a))[1])
    png._walked_once.cache_clear()
    path = save(tmp_path / "a.png", picture(60, 50))
    first = probe(path)
    open_image(path).close()
    thumbnail(path, 16)
    assert len(walks) == 1
    save(path, picture(70, 50))
    assert (first.height, probe(path).height) == (60, 70) and len(walks) == 2


# -- bad files -------------------------------------------------------------------------------------------------------

GOOD = png_bytes(600, 600, 8, 0, b"".join(b"\0" + bytes(range(256)) + bytes(344) for _ in range(600)))


@pytest.mark.parametrize(
    "name,data",
    [
        ("bomb.png", png_bytes(60_000, 60_000, 8, 2, bytes(10_000))),
        ("full_bomb.png", None),
        ("few_rows.png", png_bytes(600, 600, 8, 0, bytes(601 * 300))),
        ("bad_data.png", GOOD.replace(GOOD[60:70], b"0123456789", 1)),
        ("cut.png", GOOD[: len(GOOD) // 2]),
    ],
)
def test_broken_large_files_are_one_sentence_and_leave_nothing(tmp_path, name, data):
    path = tmp_path / name
    if data is None:  # every one of its 60 000 × 60 000 pixels is there
        import zlib

        packer = zlib.compressobj(9)
        start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
        block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
        packed = start + block * (60_000 * 60_001 // (1 << 20) + 1) + packer.flush()
        data = png_bytes(60_000, 60_000, 8, 0).replace(png_bytes(60_000, 60_000, 8, 0)[33:-12], _idat(packed))
    path.write_bytes(data)
    for work in (open_image, thumbnail):
        with pytest.raises(UserError) as caught:
            work(path)
        assert name in str(caught.value) and "\n" not in str(caught.value) and caught.value.remedy
    assert kept(tmp_path) == []


def _idat(packed):
    from image_files import png_chunk

    return png_chunk(b"IDAT", packed)


def test_a_cut_jpeg(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(picture(900, 900)).save(stream, "JPEG")
    (tmp_path / "a.jpg").write_bytes(stream.getvalue()[: stream.tell() // 2])
    with pytest.raises(UserError, match=r"a\.jpg"):
        open_image(tmp_path / "a.jpg")
    assert kept(tmp_path) == []


# -- tiled files without levels --------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A tiled file whose coarse levels have to be made in the background."""
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    monkeypatch.setattr(windowed, "_TAIL_PX", 0)
    monkeypatch.setattr(windowed, "_DIRECT_PX", 0)
    values = np.kron(picture(15, 19, 3), np.ones((64, 64, 1), np.uint8))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", tile=(64, 64), compression="zlib")
    return tmp_path / "a.tif", values


def test_coarse_levels_are_made_once_and_kept(tmp_path, bare):
    path, values = bare
    agrees(path, values)
    (file,) = kept(tmp_path)
    assert load_tiles(file).sizes[0] == (608, 480), "the full level stays in the image's own file"


def test_a_window_that_listens_gets_a_blurred_look_at_once_and_then_the_picture(bare, monkeypatch):
    path, values = bare
    go = threading.Event()
    make = windowed.make_pyramid

    def slow(*arguments, **more):
        assert go.wait(20)
        return make(*arguments, **more)

    monkeypatch.setattr(windowed, "make_pyramid", slow)
    reader = open_image(path)
    refined = threading.Event()
    reader.watch(lambda sentence: refined.set() if not sentence else None)
    whole_level = Rect(0, 0, *reader.info.levels[2])
    look = reader.read(2, 0, whole_level)
    assert look.shape == (3, whole_level.height, whole_level.width)
    assert np.abs(look.mean((1, 2)) - values.mean((0, 1))).max() < 10
    assert np.array_equal(reader.read(0, 0, Rect(70, 80, 50, 40)), np.moveaxis(values[80:120, 70:120], -1, 0))
    go.set()
    assert refined.wait(20)
    better = np.moveaxis(reader.read(2, 0, whole_level), 0, -1)
    assert np.abs(better - halves(values, [0, 1, 2])[2]).max() <= 2
    reader.close()


def test_closing_gives_up_what_is_being_made(tmp_path, bare):
    path, _ = bare
    reader = open_image(path)
    reader.watch(lambda sentence: None)
    reader.read(1, 0, Rect(0, 0, 10, 10))
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "image-pyramid"]
    assert all(file.suffix != ".part" for file in kept(tmp_path))
