"""DICOM: files of every kind decoded right, series put together, no word of a patient anywhere."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
from medical_files import FILLED_FIELDS, PATIENT, pydicom_file, volume, write_series, write_slice
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.volumes import axis_letters, plane_name
from segstudio.io.readers.dicom_header import is_dicom
from segstudio.io.readers.planes import cut
from segstudio.io.readers.registry import files_of, list_images, one_per_image, open_image, probe, thumbnail

pydicom = pytest.importorskip("pydicom")


def shown(reader, z=0):
    return reader.read(0, z, Rect(0, 0, reader.info.width, reader.info.height))


def reference(path):
    """What pydicom itself makes of the pixels, (frame, y, x, sample)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, force=True)
        if header.PhotometricInterpretation == "PALETTE COLOR":
            pixels = pydicom.pixels.apply_color_lut(header.pixel_array, header)
            pixels = (pixels >> 8 if pixels.max() > 255 else pixels).astype(np.uint8)
        else:
            pixels = header.pixel_array.astype(np.float64)
            pixels = pixels * float(header.get("RescaleSlope", 1)) + float(header.get("RescaleIntercept", 0))
            pixels = pixels * float(header.get("DoseGridScaling", 1))
        frames, samples = int(header.get("NumberOfFrames", 1) or 1), pixels.shape[-1] if pixels.shape[-1] == 3 else 1
    return pixels.reshape(frames, header.Rows, header.Columns, samples)


KINDS = [
    "693_J2KI.dcm", "CT_small.dcm", "ExplVR_BigEnd.dcm", "GDCMJ2K_TextGBR.dcm", "J2K_pixelrep_mismatch.dcm",
    "JPEG-lossy.dcm", "JPEG2000.dcm", "JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm", "JPGExtended.dcm",
    "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_padded.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_gdcm_KY.dcm", "SC_rgb_jls_lossy_sample.dcm", "SC_rgb_jpeg.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_small_odd.dcm", "SC_rgb_small_odd_jpeg.dcm", "SC_ybr_full_422_uncompressed.dcm", "examples_jpeg2k.dcm",
    "examples_overlay.dcm", "examples_palette.dcm", "examples_rgb_color.dcm", "examples_ybr_color.dcm",
    "image_dfl.dcm", "liver_1frame.dcm", "rtdose.dcm", "rtdose_rle.dcm",
]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_values_of_pydicoms_files(tmp_path, name):
    path = pydicom_file(name, tmp_path)
    described = probe(path)
    reader = open_image(path)
    info = reader.info
    expected = reference(path)
    assert (info.depth, info.height, info.width, info.bands) == expected.shape
    assert (described.depth, described.dtype, described.bands) == (info.depth, info.dtype, info.bands)
    for z in {0, info.depth // 2, info.depth - 1}:
        values = shown(reader, z)
        assert str(values.dtype) == info.dtype
        assert np.allclose(np.moveaxis(values, 0, -1), expected[z], rtol=1e-6)
    assert thumbnail(path, 32).shape[2] == 3
    reader.close()


def test_what_the_compressed_pictures_show_is_the_uncompressed_one(tmp_path):
    """Not only what pydicom says: lossless kinds of one picture are the same picture."""
    plain = shown(open_image(pydicom_file("MR_small.dcm", tmp_path / "plain")))
    for name in ("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        assert np.array_equal(shown(open_image(pydicom_file(name, tmp_path / name))), plain)
    rgb = shown(open_image(pydicom_file("SC_rgb_gdcm_KY.dcm", tmp_path / "rgb"))).astype(int)
    for name in ("SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_ybr_full_422_uncompressed.dcm"):
        other = shown(open_image(pydicom_file(name, tmp_path / name))).astype(int)
        assert np.median(abs(other - rgb)) <= 2, name


def test_lossless_jpeg_through_imagecodecs(tmp_path):
    """pydicom alone has no decoder for it; the frame is made here by libjpeg-turbo."""
    imagecodecs = pytest.importorskip("imagecodecs")
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLosslessSV1

    values = volume(32, 24, 1)[0]
    (path,) = write_series(tmp_path, values[None])
    header = pydicom.dcmread(path)
    header.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    coded = imagecodecs.jpeg8_encode((values.astype(int) + 1024).astype(np.uint16), lossless=True, bitspersample=12)
    header.PixelData = encapsulate([coded])
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True
    header.save_as(path)
    assert np.array_equal(shown(open_image(path))[0], values)


def test_series_is_one_volume_sorted_by_place(tmp_path):
    voxels = volume()
    paths = write_series(tmp_path / "ct", voxels)
    for path in (paths[0], paths[5]):  # whichever slice is named
        reader = open_image(path)
        info = reader.info
        assert (info.width, info.height, info.depth, info.bands, info.dtype) == (12, 10, 8, 1, "int16")
        assert np.array_equal(np.stack([shown(reader, z)[0] for z in range(8)]), voxels)
        reader.close()
    assert info.metadata["modality"] == "CT" and info.metadata["spacing"] == (0.5, 0.7, 3.0)
    assert info.metadata["window_presets"] == (("SOFT", 399.0, 39.5), ("LUNG", 1499.0, -600.5))
    assert info.metadata["name"] == "ct.dcm" and info.metadata["files"] == 8
    assert "notes" not in info.metadata
    affine = np.array(info.metadata["affine"])
    assert axis_letters(affine) == (("R", "L"), ("A", "P"), ("I", "S")) and plane_name(affine, 2) == "axial"
    # The third voxel of the second row of plane 4, in the file's own words (LPS), with the first two signs turned.
    assert np.allclose(affine @ [2, 1, 4, 1], [20 - 2 * 0.5, 30 - 0.7, 112, 1])
    assert sorted(files_of(paths[3])) == sorted(paths)


def test_first_window_of_the_file_is_how_it_is_displayed(tmp_path):
    reader = open_image(write_series(tmp_path, volume())[0])
    display = reader.info.metadata["display"]
    assert (display.low, display.high, display.invert) == (-160.0, 239.0, False)
    reader = open_image(write_series(tmp_path / "m1", volume(), PhotometricInterpretation="MONOCHROME1")[0])
    assert reader.info.metadata["display"].invert


def test_coronal_series_keeps_its_plane(tmp_path):
    folder = tmp_path / "cor"
    folder.mkdir()
    for z, plane in enumerate(volume()):
        write_slice(
            folder / f"{z}.dcm", plane, z,
            ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"], ImagePositionPatient=["0", str(-2 * z), "50"],
        )  # fmt: skip
    info = probe(folder / "0.dcm")
    affine = info.metadata["affine"]
    assert plane_name(affine, 2) == "coronal" and axis_letters(affine)[1] == ("S", "I")
    assert np.allclose(info.metadata["spacing"], (0.5, 0.7, 2.0))


def test_gaps_and_doubles_are_sentences(tmp_path):
    paths = write_series(tmp_path / "gap", volume())
    paths[3].unlink()
    reader = open_image(paths[0])
    assert reader.info.depth == 7
    (note,) = reader.info.metadata["notes"]
    assert "1 slices of the series are missing" in note
    voxels = volume()
    paths = write_series(tmp_path / "double", voxels)
    write_slice(tmp_path / "double" / "again", voxels[2], 2)  # the same instance
    write_slice(tmp_path / "double" / "other", voxels[4] + 1, 4, SOPInstanceUID="1.2.3.77", InstanceNumber=500)
    reader = open_image(paths[1])
    assert reader.info.depth == 8
    assert np.array_equal(shown(reader, 4)[0], voxels[4])
    notes = " ".join(reader.info.metadata["notes"])
    assert "copies of others" in notes and "lies already" in notes


def test_times_at_each_place_are_bands(tmp_path):
    voxels = volume()
    folder = tmp_path / "dyn"
    folder.mkdir()
    for time in (1, 0):
        for z, plane in enumerate(voxels):
            write_slice(
                folder / f"t{time}z{z}", plane + 100 * time, z,
                TemporalPositionIdentifier=time + 1, SOPInstanceUID=f"1.2.3.{time}.{z}",
            )  # fmt: skip
    reader = open_image(folder / "t0z0")
    assert (reader.info.depth, reader.info.bands, reader.info.is_rgb) == (8, 2, False)
    assert np.array_equal(shown(reader, 3), np.stack([voxels[3], voxels[3] + 100]))


def test_folders_name_one_image_a_series(tmp_path):
    write_series(tmp_path / "study", volume())
    for z, plane in enumerate(volume(6, 5, 4)):  # a second series among the files of the first
        write_slice(tmp_path / "study" / f"{z}.dcm", plane, z, SeriesInstanceUID="1.2.3.9", SOPInstanceUID=f"1.2.3.9.{z}")
    (tmp_path / "study" / "notes").write_text("no image")
    (tmp_path / "study" / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(100))
    found = list_images(tmp_path)
    assert len(found) == 2
    assert sorted(probe(path).depth for path in found) == [4, 8]
    assert one_per_image([*(tmp_path / "study").glob("IM*")]) == [tmp_path / "study" / "IM0008"]


def test_slices_of_another_size_are_an_image_of_their_own(tmp_path):
    voxels = volume()
    paths = write_series(tmp_path, voxels)
    write_slice(tmp_path / "scout", np.zeros((30, 20), np.int16), 50)
    assert open_image(paths[0]).info.depth == 8
    assert (probe(tmp_path / "scout").width, probe(tmp_path / "scout").depth) == (20, 1)


def test_pictures_that_are_no_slices_stay_apart(tmp_path):
    for z, plane in enumerate(volume()[:3]):
        write_slice(tmp_path / f"{z}.dcm", plane, z, Modality="DX", ImagePositionPatient=None)
    assert len(list_images(tmp_path)) == 3 and probe(tmp_path / "1.dcm").depth == 1


def test_slices_without_a_place_go_by_number(tmp_path):
    voxels = volume()
    paths = write_series(tmp_path, voxels, ImagePositionPatient=None)
    reader = open_image(paths[0])
    assert np.array_equal(shown(reader, 0)[0], voxels[-1])  # instance numbers run the other way
    assert "affine" not in reader.info.metadata and reader.info.metadata["spacing"] == (0.5, 0.7, 3.0)
    assert "order of their numbers" in reader.info.metadata["notes"][0]


def test_one_broken_slice_is_named_when_it_is_wanted(tmp_path):
    paths = write_series(tmp_path, volume())
    content = paths[6].read_bytes()
    paths[6].write_bytes(content[:-40])
    reader = open_image(paths[0])
    assert shown(reader, 2).shape == (1, 10, 12)
    with pytest.raises(UserError, match="not as long as its header says") as caught:
        shown(reader, 6)
    assert caught.value.path == paths[6]
    across = cut(reader, "y", 4)  # the rest goes on
    assert np.array_equal(across[0, :6], volume()[:6, 4]) and (across[0, 6] == across[0, :6].min()).all()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rtplan.dcm", r"holds no pixels \(RTPLAN\)"),
        ("test-SR.dcm", r"holds no pixels \(SR\)"),
        ("waveform_ecg.dcm", "holds no pixels"),
        ("MR_truncated.dcm", "not as long as its header says"),
        ("badVR.dcm", "damaged or incomplete"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", "cannot be decoded"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, sentence):
    with pytest.raises(UserError, match=sentence):
        open_image(pydicom_file(name, tmp_path))


def test_wrong_lengths_are_one_sentence(tmp_path):
    (path,) = write_series(tmp_path, volume()[:1], Rows=4000)
    with pytest.raises(UserError, match="not as long as its header says"):
        probe(path)


def test_files_without_preamble_are_known(tmp_path):
    path = pydicom_file("CT_small.dcm", tmp_path)
    bare = tmp_path / "bare" / "ct.dcm"
    bare.parent.mkdir()
    bare.write_bytes(path.read_bytes()[132:])
    assert is_dicom(bare.read_bytes()[:512])
    assert np.array_equal(shown(open_image(bare)), shown(open_image(path)))
    for other in (b"II*\0" + bytes(200), b"\x08\0\x99\x99" + bytes(200), b"hello " * 40, bytes(200)):
        assert not is_dicom(other)


def test_no_word_of_the_patient(tmp_path, caplog):
    """Neither in what is told of the image, nor in sentences, nor in logs, however broken the file is."""
    caplog.set_level(logging.DEBUG)
    path = write_series(tmp_path / "a", volume())[0]
    info = open_image(path).info
    said = repr(info.metadata) + info.metadata["name"]
    broken = tmp_path / "b" / "x.dcm"
    broken.parent.mkdir()
    content = path.read_bytes()
    for end in range(150, len(content), 37):
        for damaged in (content[:end], content[:end] + b"\xff\xff" + content[end + 2 :]):
            broken.write_bytes(damaged)
            try:
                said += repr(open_image(broken).info.metadata)
            except UserError as error:
                said += str(error)
    said += caplog.text
    for secret in (PATIENT, "Doe", FILLED_FIELDS["PatientID"], "1970"):
        assert secret not in said


def test_missing_package_is_one_sentence_with_the_way_out(tmp_path, monkeypatch):
    path = pydicom_file("CT_small.dcm", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(UserError, match=r"pip install segstudio\[medical\]"):
        open_image(path)


@pytest.mark.shared_data
def test_shared_files():
    folder = shared_data("hard_formats", "images")
    refused = {}
    for path in sorted(folder.glob("*.dcm")):
        try:
            reader = open_image(path)
        except UserError as error:
            refused[path.name] = str(error)
            continue
        assert np.allclose(np.moveaxis(shown(reader), 0, -1), reference(path)[0], rtol=1e-6), path.name
    assert list(refused) == ["rtplan.dcm"]
