"""Readers: right pixels for every kind of file, one sentence for every broken one."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from image_files import picture, png_bytes, png_chunk, save, whole
from PIL import Image
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.limits import sentences
from segstudio.io.readers.registry import list_images, open_image, probe, thumbnail


def agrees(path, expected, dtype=None):
    """The file opens as *expected* ((y, x) or (y, x, band)), and probe says so before."""
    expected = expected if expected.ndim == 3 else expected[:, :, None]
    described = probe(path)
    reader = open_image(path)
    assert described == reader.info
    assert (described.height, described.width, described.bands) == expected.shape
    assert described.dtype == str(dtype or expected.dtype) == str(whole(reader).dtype)
    assert np.array_equal(whole(reader), expected)
    small = thumbnail(path, 16)
    assert small.dtype == np.uint8 and small.shape[2] == 3 and max(small.shape) <= 16
    reader.close()


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_eight_bits(tmp_path, bands, suffix):
    values = picture(bands=bands)
    agrees(save(tmp_path / f"a{suffix}", values), values)


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_sixteen_bit_png_keeps_its_values(tmp_path, bands):
    values = np.random.default_rng(1).integers(0, 65536, (30, 20, bands)).astype(np.uint16)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[bands]
    assert cv2.imwrite(str(tmp_path / "a.png"), values[..., order])
    agrees(tmp_path / "a.png", values)


def test_sixteen_bit_grey_with_alpha(tmp_path):
    values = (np.arange(2 * 3 * 2) * 1000).reshape(2, 3, 2).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    (tmp_path / "a.png").write_bytes(png_bytes(3, 2, 16, 4, rows))
    agrees(tmp_path / "a.png", values)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_spread_over_the_range(tmp_path, bits):
    top = (1 << bits) - 1
    row = int("0" * bits + "1" * bits, 2) << (8 - 2 * bits)
    (tmp_path / "a.png").write_bytes(png_bytes(2, 1, bits, 0, bytes([0, row])))
    agrees(tmp_path / "a.png", np.array([[0, 255]], np.uint8))
    assert top


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.fromarray(picture(bands=1) % 7).convert("P")
    image.putpalette(list(range(21)) + [0] * 747)
    image.save(tmp_path / "a.png")
    agrees(tmp_path / "a.png", np.asarray(image.convert("RGB")))
    image.save(tmp_path / "b.png", transparency=3)
    agrees(tmp_path / "b.png", np.asarray(Image.open(tmp_path / "b.png").convert("RGBA")))


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".ppm"])
def test_other_lossless_files(tmp_path, suffix):
    values = picture()
    agrees(save(tmp_path / f"a{suffix}", values, **({"lossless": True} if suffix == ".webp" else {})), values)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planes"])
def test_tiff_of_every_type(tmp_path, dtype, bands, layout):
    values = (np.random.default_rng(2).random((48, 64, bands)) * 100).astype(dtype)
    options = {"photometric": "rgb" if bands >= 3 else "minisblack", "compression": "zlib"}
    stored = values[:, :, 0] if bands == 1 else values
    if layout == "tiles":
        options["tile"] = (16, 32)
    if layout == "planes" and bands > 1:
        stored, options["planarconfig"] = np.moveaxis(values, -1, 0), "separate"
    elif bands > 1:
        options["planarconfig"] = "contig"
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    kept = {"int8": "int16", "float16": "float32", "float64": "float32"}.get(dtype, dtype)
    agrees(tmp_path / "a.tif", values.astype(kept))


def test_tiff_with_nan_opens_and_has_a_thumbnail(tmp_path):
    values = np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)
    values[3:9, 4:20] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert np.array_equal(whole(open_image(tmp_path / "a.tif"))[..., 0], values, equal_nan=True)
    assert thumbnail(tmp_path / "a.tif", 20).max() > 200


def test_bilevel_and_white_is_zero_tiff(tmp_path):
    bits = picture(bands=1) > 100
    Image.fromarray(bits).save(tmp_path / "a.tif", compression="group4")
    agrees(tmp_path / "a.tif", bits.astype(np.uint8) * 255)
    tifffile.imwrite(tmp_path / "b.tif", picture(bands=1), photometric="miniswhite")
    agrees(tmp_path / "b.tif", 255 - picture(bands=1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_applied(tmp_path, orientation, suffix):
    values = np.zeros((16, 32, 3), np.uint8)
    values[:8, :8, 0] = 255
    values[8:, 24:, 1] = 255
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, values, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {".jpg": {"quality": 100, "subsampling": 0}, ".png": {}, ".webp": {"lossless": True}}[suffix]
        save(path, values, exif=exif, **options)
    from PIL import ImageOps

    source = Image.fromarray(values)
    source.getexif()[0x0112] = orientation
    turned = np.asarray(ImageOps.exif_transpose(source))
    found = whole(open_image(path))
    assert found.shape == turned.shape == (probe(path).height, probe(path).width, 3)
    assert np.abs(found.astype(int) - turned).max() < 8
    assert (thumbnail(path, 32).shape[0] > thumbnail(path, 32).shape[1]) == (orientation >= 5)


def test_cmyk_is_not_a_negative(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:, :8, 0] = 255  # cyan, beside paper white
    Image.fromarray(ink, "CMYK").save(tmp_path / "a.jpg", quality=100)
    found = whole(open_image(tmp_path / "a.jpg"))
    assert found[8, 14].min() > 245
    assert found[8, 2, 0] < 60 and found[8, 2, 2] > 200


def test_a_real_adobe_cmyk_photo():
    path = shared_data("hard_formats", "images", "pil_sample_cmyk.jpg")
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(whole(open_image(path)).astype(int) - expected).mean() < 25


def test_levels_halve_and_are_means(tmp_path):
    values = picture(600, 1000, 3)
    reader = open_image(save(tmp_path / "a.png", values))
    assert reader.info.levels == ((1000, 600), (500, 300), (250, 150))
    half = np.moveaxis(reader.read(1, 0, Rect(0, 0, 500, 300)), 0, -1)
    means = values.reshape(300, 2, 500, 2, 3).mean((1, 3))
    assert np.abs(half - means).max() <= 0.5 + 1e-6
    assert reader.read(2, 0, Rect(240, 140, 100, 100)).shape == (3, 10, 10)
    with pytest.raises(IndexError):
        reader.read(3, 0, Rect(0, 0, 1, 1))


def test_nobody_can_write_into_the_pixels(tmp_path):
    reader = open_image(save(tmp_path / "a.png", picture()))
    with pytest.raises(ValueError):
        reader.read(0, 0, Rect(0, 0, 4, 4))[0, 0, 0] = 1


def test_a_wrong_suffix_does_not_matter(tmp_path):
    values = picture()
    save(tmp_path / "a.png", values)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    agrees(tmp_path / "a.jpg", values)


def test_text_that_would_unpack_to_gigabytes_is_never_unpacked(tmp_path):
    import zlib

    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    extra = png_chunk(b"zTXt", b"Comment\0\0" + packed) + png_chunk(b"iCCP", b"x\0\0" + packed)
    (tmp_path / "a.png").write_bytes(png_bytes(2, 1, 8, 0, b"\0\1\2", extra))
    agrees(tmp_path / "a.png", np.array([[1, 2]], np.uint8))


def jpeg(**options):
    stream = io.BytesIO()
    Image.fromarray(picture(200, 300)).save(stream, "JPEG", **options)
    return stream.getvalue()


def tiff(**options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, picture(200, 300), photometric="rgb", **options)
    return stream.getvalue()


def big_bmp():
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(40)


BROKEN = {
    "empty.png": b"",
    "text.png": b"this is not an image at all",
    "zero.png": png_bytes(0, 0),
    "zero_wide.png": png_bytes(0, 10),
    "bomb.png": png_bytes(60000, 60000, 8, 2, bytes(1000)),
    "claims_much.png": png_bytes(20000, 20000, 8, 2, bytes(1000)),
    "claims_more.png": png_bytes(2**31 - 1, 2**31 - 1),
    "cut.png": png_bytes(100, 100, 8, 0, bytes(range(256)) * 40)[:-60],
    "few_rows.png": png_bytes(100, 100, 8, 0, bytes(101 * 50)),
    "bad_sum.png": png_bytes(2, 1, 8, 0, b"\0\1\2").replace(b"IDATx", b"IDATy"),
    "no_palette.png": png_bytes(2, 1, 8, 3, b"\0\1\2"),
    "odd_bits.png": png_bytes(2, 1, 3, 0, b"\0\1\2"),
    "head_only.png": png_bytes(10, 10)[:20],
    "cut.jpg": jpeg()[:5000],
    "head_only.jpg": jpeg()[:40],
    "cut.tif": tiff()[:5000],
    "cut_deflate.tif": tiff(compression="zlib", rowsperstrip=10)[:90000],
    "head_only.tif": tiff()[:8],
    "bomb.bmp": big_bmp(),
    "cut.webp": b"RIFF\x10\0\0\0WEBPVP8L",
    "cut.gif": b"GIF89a\x10",
    "mean.ppm": b"P6\n60000 60000\n255\n\0\0",
    "folder.dcm": b"II*\0" + bytes(124) + b"DICM",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("ignore")
def test_broken_files_give_one_sentence_at_once(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    for work in (open_image, thumbnail):
        started = time.monotonic()
        with pytest.raises(UserError) as caught:
            work(path)
        assert time.monotonic() - started < 2.0
        sentence = str(caught.value)
        assert name in sentence and "\n" not in sentence and caught.value.remedy


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(UserError, match=path.name):
            open_image(path)


def test_a_sixteen_bit_image_shows_something_in_its_thumbnail(tmp_path):
    values = np.linspace(1000, 1400, 4096).reshape(64, 64).astype(np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), values)
    small = thumbnail(tmp_path / "a.png", 32)
    assert small.min() < 20 and small.max() > 235


def test_folders_are_listed_in_natural_order_without_hidden_files(tmp_path):
    for name in ("b10.png", "b2.PNG", "a/c.tif", ".hidden.png", ".cache/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == ["c.tif", "b2.PNG", "b10.png"]


@pytest.mark.shared_data
def test_the_real_files_of_difficult_kinds():
    folder = shared_data("hard_formats", "images")
    for path in sorted(folder.iterdir()):
        try:
            reader = open_image(path)
        except UserError as error:
            assert path.suffix in (".dcm", ".gz") or "complex" in str(error), str(error)
            continue
        assert whole(reader).shape == (reader.info.height, reader.info.width, reader.info.bands)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "not enough memory to open"),
        (RuntimeError("can't start new thread"), "not enough memory to open"),
        (RuntimeError("no thread of the story holds"), "damaged or incomplete"),
    ],
)
def test_too_little_memory_is_not_taken_for_a_damaged_file(error: Exception, told: str) -> None:
    with pytest.raises(UserError, match=told), sentences(Path("a.png")):
        raise error
