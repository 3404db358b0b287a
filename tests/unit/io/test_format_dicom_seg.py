"""DICOM segmentations out and in: what highdicom and pydicom read of ours, theirs, missing images, other grids, damage."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medical_files import AFFINES, FILLED_FIELDS, pydicom_file, volume, write_nifti, write_series
from round_trips import (
    Scene,
    class_table,
    facts_of,
    items_of,
    random_mask,
    read_dataset,
    round_trip,
    scenes,
    write_dataset,
)

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.dicom_out import made_uid
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.dicom_frames import lab_to_rgb
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.readers.registry import open_image, probe

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")


@settings(max_examples=12, deadline=None)
@given(scenes(overlap=True, largest=24, most_objects=4), st.booleans())
def test_what_goes_out_comes_in(scene, is_labelmap):
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(
            "dicom-seg",
            items_of([scene], Path(folder) / "i"),
            scene.table,
            Path(folder) / "out",
            {"labelmap": is_labelmap},
        )
        back = read_dataset("dicom-seg", Path(folder) / "out")
    assert back.facts() == facts_of(scene) and not back.problems
    assert [(c.name, c.value, c.color) for c in back.classes] == [(c.name, c.mask_value, c.color) for c in scene.table]


def labelled(image: Path, seed=0, name="") -> ExportItem:
    """Areas, ignored pixels and overlapping objects on a volume."""
    info = probe(image)
    rng = np.random.default_rng(seed)
    pieces = []
    for z in range(1, info.depth):
        values = rng.integers(0, 3, (info.height, info.width)).astype(np.uint16)
        values[0, :2] = IGNORE
        pieces.append(ClassPixels(0, 0, values, z))
    pieces += [
        FoundObject(0, 0, random_mask(rng, info.height, info.width), number % 4, z, key=number)
        for number in range(3)
        for z in range(info.depth)
        if (z + number) % 3
    ]
    layers = LayerBuilder(info.width, info.height, [1, 2, 3, 4], depth=info.depth).add_all(pieces).layers
    name = name or image.name
    return ExportItem(
        1, name.split(".")[0], name, image, info.width, info.height, None, lambda: layers, depth=info.depth
    )


def volume_facts(layers, width, height, depth):
    """Objects as a bag, stuff and ignored voxels by class id."""
    whole = Rect(0, 0, width, height)
    objects, stuff = [], {}
    for layer in layers:
        ids = np.stack([layer.read(whole, z) for z in range(depth)])
        for number in np.unique(ids):
            segment = layer.segments.get(int(number))
            if segment is not None and segment.is_object:
                objects.append((segment.class_id, (ids == number).tobytes()))
            elif number:
                key = IGNORE if segment is None else segment.class_id
                stuff[key] = stuff.get(key, False) | (ids == number)
    return sorted(objects), {key: mask.tobytes() for key, mask in stuff.items()}


def read_back(source: Path, **options):
    """(found image, facts, problems) of the only image."""
    with opened(source, "dicom-seg", options) as importer:
        (found,) = list(importer.images())
        layers = build_layers(found, range(1, len(importer.classes) + 1)).layers
        return found, volume_facts(layers, found.width, found.height, found.depth), list(importer.problems)


def series(folder: Path, **fields) -> Path:
    files = write_series(folder, volume(), SOPClassUID=pydicom.uid.CTImageStorage, **fields)
    return probe(files[0]).path


@pytest.mark.parametrize("is_labelmap", [False, True])
def test_a_series_and_its_segmentation(tmp_path, is_labelmap):
    item = labelled(series(tmp_path / "ct"), name="ct.dcm")
    notes = write_dataset("dicom-seg", [item], class_table(), tmp_path / "out", {"labelmap": is_labelmap})
    assert "were left out" in notes[0]
    found, facts, problems = read_back(tmp_path / "out")
    assert facts == volume_facts(item.layers(), item.width, item.height, item.depth) and not problems
    assert (found.name, found.depth) == ("ct.dcm", item.depth)
    assert found.image is not None and found.image.is_relative_to(tmp_path / "out")
    # Without the copies, the original series is found by its UIDs, whatever it is called.
    write_dataset("dicom-seg", [item], class_table(), tmp_path / "bare", {"images": False, "labelmap": is_labelmap})
    found, again, problems = read_back(tmp_path / "bare", images={"anything.dcm": item.image_file})
    assert again == facts and found.name == "anything.dcm" and found.image == item.image_file and not problems
    found, again, problems = read_back(tmp_path / "bare")
    assert again == facts and found.image is None and found.reason and not problems


@pytest.mark.parametrize("keeps", [False, True])
def test_names_of_patients(tmp_path, keeps):
    item = labelled(series(tmp_path / "ct", ReferringPhysicianName="Roe^Richard"), name="ct.dcm")
    notes = write_dataset("dicom-seg", [item], class_table(), tmp_path / "out", {"patient": keeps})
    content = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm"))
    for text in (*map(str, FILLED_FIELDS.values()), "Roe^Richard"):
        assert (text.encode() in content) == keeps, text
    assert ("hold the patients' names" in notes[0]) == keeps
    original = {pydicom.dcmread(path).SOPInstanceUID for path in (tmp_path / "ct").iterdir()}
    copies = [pydicom.dcmread(path) for path in sorted((tmp_path / "out" / "images" / "ct").iterdir())]
    assert {copy.SOPInstanceUID for copy in copies} == original
    theirs = {copy.SOPInstanceUID: copy.pixel_array for copy in copies}
    for path in (tmp_path / "ct").iterdir():
        source = pydicom.dcmread(path)
        assert np.array_equal(source.pixel_array, theirs[source.SOPInstanceUID])


def test_highdicom_reads_what_we_wrote(tmp_path):
    item = labelled(series(tmp_path / "ct"), name="ct.dcm")
    table = class_table()
    write_dataset("dicom-seg", [item], table, tmp_path / "out")
    uids = [
        header.SOPInstanceUID
        for header in sorted(
            (pydicom.dcmread(path) for path in (tmp_path / "out" / "images" / "ct").iterdir()),
            key=lambda header: header.ImagePositionPatient[2],
        )
    ]
    whole = Rect(0, 0, item.width, item.height)
    for index, layer in enumerate(item.layers()):
        name = "ct.dcm" if index == 0 else f"ct.layer{index + 1}.dcm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seg = highdicom.seg.segread(tmp_path / "out" / "segmentations" / name)
            planes = seg.get_pixels_by_source_instance(
                uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
            )
        ids = np.stack([layer.read(whole, z) for z in range(item.depth)])
        for number in seg.segment_numbers:
            told = seg.get_segment_description(number)
            mask = planes[..., list(seg.segment_numbers).index(number)] > 0
            (held,) = np.unique(ids[mask]).tolist()
            assert np.array_equal(ids == held, mask)
            if held != IGNORE:
                segment = layer.segments[held]
                assert told.segment_label == table.by_id(segment.class_id).name
                assert (told.tracking_uid is not None) == segment.is_object
        assert seg.SegmentsOverlap == "NO" and seg.FrameOfReferenceUID


def test_the_same_labels_give_the_same_bytes(tmp_path):
    item = labelled(series(tmp_path / "ct"), name="ct.dcm")
    for name in ("a", "b"):
        write_dataset("dicom-seg", [item], class_table(), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) > 10
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    other = labelled(item.image_file, seed=1, name="ct.dcm")
    write_dataset("dicom-seg", [other], class_table(), tmp_path / "c")
    uids = [pydicom.dcmread(tmp_path / n / "segmentations" / "ct.dcm").SOPInstanceUID for n in "ac"]
    assert uids[0] != uids[1]


@pytest.mark.parametrize("name", ["LPS", "PIR", "oblique"])
def test_a_nifti_volume_becomes_a_series_that_lies_where_it_lay(tmp_path, name):
    rng = np.random.default_rng(5)
    image = write_nifti(tmp_path / "brain.nii.gz", rng.normal(size=(9, 8, 4)).astype(np.float32), AFFINES[name])
    item = labelled(image)
    notes = write_dataset("dicom-seg", [item], class_table(), tmp_path / "out")
    assert notes == ["1 image: their values were written as DICOM in 65,536 steps; the labels are exact."]
    # On the project's own image, by where both lie in the patient.
    found, facts, problems = read_back(tmp_path / "out", images={"brain.nii.gz": image})
    assert facts == volume_facts(item.layers(), item.width, item.height, item.depth) and not problems
    assert found.image == image
    found, facts, problems = read_back(tmp_path / "out")
    assert found.image is not None and not problems and len(facts[0]) == 3
    ours, theirs = probe(found.image), probe(image)
    assert (ours.width, ours.height, ours.depth) == (theirs.width, theirs.height, theirs.depth)
    if name == "LPS":
        assert np.allclose(ours.metadata["affine"], theirs.metadata["affine"], atol=1e-4)
        whole = Rect(0, 0, ours.width, ours.height)
        copy, original = open_image(found.image), open_image(image)
        assert all(
            np.allclose(copy.read(0, z, whole), original.read(0, z, whole), atol=1e-3) for z in range(ours.depth)
        )


def test_a_stack_without_a_place_comes_back_plane_by_plane(tmp_path):
    import tifffile

    tifffile.imwrite(
        tmp_path / "stack.tif", np.zeros((5, 8, 9), np.uint8), metadata={"axes": "ZYX"}, photometric="minisblack"
    )
    item = labelled(tmp_path / "stack.tif")
    write_dataset("dicom-seg", [item], class_table(), tmp_path / "out")
    expected = volume_facts(item.layers(), 9, 8, 5)
    assert read_back(tmp_path / "out")[1] == expected
    assert read_back(tmp_path / "out", images={"stack.tif": tmp_path / "stack.tif"})[1] == expected


def their_segmentation(folder: Path, kind: str, labels, planes, sources=None, **options) -> Path:
    """A segmentation as highdicom's users write it, with codes of SNOMED CT."""
    from pydicom.sr.codedict import codes

    sources = sources or [
        pydicom.dcmread(path) for path in sorted(folder.parent.joinpath("ct").iterdir(), reverse=True)
    ]
    for source in sources:
        source.StudyInstanceUID, source.FrameOfReferenceUID = "1.2.3", "1.2.4"
        for keyword in ("PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"):
            setattr(source, keyword, "")
    descriptions = [
        highdicom.seg.SegmentDescription(number, label, codes.SCT.Organ, codes.SCT.Liver, "MANUAL")
        for number, label in enumerate(labels, start=1)
    ]
    folder.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = highdicom.seg.Segmentation(
            sources,
            planes,
            kind,
            descriptions,
            "1.2.5",
            1,
            f"1.2.5.{len(list(folder.iterdir()))}",
            1,
            "Other",
            "Tool",
            "1",
            "1",
            **options,
        )
        path = folder / f"seg{len(list(folder.iterdir()))}.dcm"
        found.save_as(path)
    return path


def their_planes() -> np.ndarray:
    planes = np.zeros((8, 10, 12), np.uint8)
    planes[2:5, 2:6, 3:7] = 1
    planes[4:6, 6:9, 1:4] = 2
    return planes


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("has_images", [True, False])
def test_segmentations_of_others(tmp_path, kind, has_images):
    write_series(tmp_path / "ct", volume())
    their_segmentation(tmp_path / "seg", kind, ["Liver", "Spleen"], their_planes())
    found, (objects, stuff), problems = read_back(tmp_path if has_images else tmp_path / "seg")
    assert not objects and not problems and found.depth == 8
    assert {key: np.frombuffer(bits, bool).reshape(8, 10, 12).tolist() for key, bits in stuff.items()} == {
        1: (their_planes() == 1).tolist(),
        2: (their_planes() == 2).tolist(),
    }
    with opened(tmp_path) as importer:
        assert [item.name for item in importer.classes] == ["Liver", "Spleen"]


def test_fractions_count_from_one_half(tmp_path):
    write_series(tmp_path / "ct", volume())
    planes = np.zeros((8, 10, 12), np.float32)
    planes[3] = np.linspace(0, 1, 120, dtype=np.float32).reshape(10, 12)
    their_segmentation(tmp_path / "seg", "FRACTIONAL", ["Liver"], planes)
    _, (_, stuff), problems = read_back(tmp_path)
    mask = np.frombuffer(stuff[1], bool).reshape(8, 10, 12)
    assert mask[3].sum() == 60 and mask.sum() == 60 and "fractions" in problems[0].sentence


def test_segments_of_one_label_are_objects_and_may_overlap(tmp_path):
    write_series(tmp_path / "ct", volume())
    planes = np.zeros((8, 10, 12, 3), np.uint8)
    planes[2:5, 2:6, 3:7, 0] = 1
    planes[4:6, 4:9, 5:9, 1] = 1
    planes[:, 0, :, 2] = 1
    their_segmentation(tmp_path / "seg", "BINARY", ["Lesion", "Lesion", "Bone"], planes)
    _, (objects, stuff), problems = read_back(tmp_path)
    assert sorted(np.frombuffer(bits, bool).sum() for _, bits in objects) == [40, 48] and not problems
    assert list(stuff) == [2]


def test_two_readers_of_one_series_are_one_image(tmp_path):
    write_series(tmp_path / "ct", volume())
    for label in ("A", "B"):
        their_segmentation(tmp_path / "seg", "BINARY", [label], (their_planes() > 0).astype(np.uint8))
    _, (_, stuff), _ = read_back(tmp_path)
    assert stuff[1] == stuff[2]


def test_a_grid_that_is_turned_or_cut_is_laid_in_place_and_another_is_told(tmp_path):
    write_series(tmp_path / "ct", volume())
    path = their_segmentation(tmp_path / "seg", "BINARY", ["Liver", "Spleen"], their_planes())
    header = pydicom.dcmread(path)
    # The same voxels stored from right to left.
    shared = header.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
    for frame in header.PerFrameFunctionalGroupsSequence:
        x, y, z = frame.PlanePositionSequence[0].ImagePositionPatient
        frame.PlanePositionSequence[0].ImagePositionPatient = [x + 11 * 0.5, y, z]
    header.save_as(path)
    _, (_, stuff), problems = read_back(tmp_path)
    assert not problems
    assert np.array_equal(np.frombuffer(stuff[1], bool).reshape(8, 10, 12), (their_planes() == 1)[:, :, ::-1])
    for frame in header.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 0.2
        del frame.DerivationImageSequence
    header.save_as(path)
    _, (_, stuff), problems = read_back(tmp_path)
    assert not stuff and problems[0].sentence.startswith("A frame lies in no plane") and problems[0].count == 5


def test_multi_frame_images(tmp_path):
    image = pydicom_file("rtdose.dcm", tmp_path / "dose")
    item = labelled(image, name="rtdose.dcm")
    write_dataset("dicom-seg", [item], class_table(), tmp_path / "out")
    found, facts, problems = read_back(tmp_path / "out")
    assert facts == volume_facts(item.layers(), item.width, item.height, item.depth) and not problems


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "examples_palette.dcm", "examples_jpeg2k.dcm", "examples_rgb_color.dcm"]
)
def test_single_files_of_others(tmp_path, name):
    try:
        image = pydicom_file(name, tmp_path / "in")
        info = probe(image)
    except UserError as error:
        pytest.skip(str(error))
    scene_layers = LayerBuilder(info.width, info.height, [1]).add_all([
        FoundObject(3, 4, np.ones((5, 6), bool), 0), ClassPixels(0, 0, np.eye(info.height, info.width, dtype=np.uint16))
    ]).layers  # fmt: skip
    item = ExportItem(1, "one", "one.dcm", image, info.width, info.height, None, lambda: scene_layers)
    write_dataset("dicom-seg", [item], class_table(), tmp_path / "out")
    back = read_dataset("dicom-seg", tmp_path / "out")
    assert back.facts("one") == facts_of(Scene(scene_layers, info.width, info.height, class_table()))


def test_colours_and_long_names(tmp_path):
    name = "一个 很长 的名字 " + "x" * 120
    table = ClassTable().added(name, color="#123456", mask_value=9).added("b", color="#fedcba")
    layers = LayerBuilder(3, 2, [1, 2]).add_all([ClassPixels(0, 0, np.array([[1, 2, 0]], np.uint16))]).layers
    scene = Scene(layers, 3, 2, table)
    write_dataset("dicom-seg", items_of([scene], tmp_path / "i"), table, tmp_path / "out")
    (tmp_path / "out" / "classes.json").unlink()
    back = read_dataset("dicom-seg", tmp_path / "out")
    assert back.facts() == facts_of(scene)
    assert [(item.name, item.color) for item in back.classes] == [(name, "#123456"), ("b", "#fedcba")]


@given(st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=50, deadline=None)
def test_lab_is_what_highdicom_makes_of_rgb(color):
    value = highdicom.color.CIELabColor.from_rgb(*color).value
    assert lab_to_rgb(value[0] / 655.35, value[1] / 257 - 128, value[2] / 257 - 128) == color


def test_who_made_a_segment(tmp_path):
    rows = [("hand", ""), ("model", "unet@2"), ("accepted", "unet@2")]
    pieces = [
        FoundObject(2 * n, 0, np.ones((2, 2), bool), 0, source=source, model_id=model)
        for n, (source, model) in enumerate(rows)
    ]
    scene = Scene(LayerBuilder(8, 4, [1]).add_all(pieces).layers, 8, 4, class_table(1))
    layer = round_trip("dicom-seg", [scene], tmp_path).layers["image0"][0]
    assert [(s.source, s.model_id) for s in layer.segments.values()] == rows
    header = pydicom.dcmread(tmp_path / "out" / "segmentations" / "image0.dcm")
    assert [row.SegmentAlgorithmType for row in header.SegmentSequence] == ["MANUAL", "AUTOMATIC", "SEMIAUTOMATIC"]


def test_a_liver_of_another_program_without_its_images(tmp_path):
    """One of pydicom's files, made by dcmqi and cut down to one of three frames."""
    pydicom_file("liver_1frame.dcm", tmp_path)
    with opened(tmp_path) as importer:
        assert [(item.name, item.color) for item in importer.classes] == [("Liver", "#dd8265")]
        (found,) = list(importer.images())
        assert (found.width, found.height, found.image) == (512, 512, None)
        counts = build_layers(found, [1]).counts
        assert counts.pixels == {0: int(pydicom.dcmread(tmp_path / "liver_1frame.dcm").pixel_array.sum())}
        assert [problem.sentence[:45] for problem in importer.problems] == [
            "The segmentation has another number of frames"
        ]


def small(folder: Path) -> Path:
    layers = LayerBuilder(9, 7, [1]).add_all([FoundObject(1, 1, np.ones((3, 4), bool), 0)]).layers
    write_dataset(
        "dicom-seg", items_of([Scene(layers, 9, 7, class_table(1))], folder / "i"), class_table(1), folder / "out"
    )
    return folder / "out"


def test_damaged_files_are_sentences(tmp_path):
    source = small(tmp_path)
    file = source / "segmentations" / "image0.dcm"
    content = file.read_bytes()
    for damaged in (content[:200], content[: len(content) // 2], content[:-8], content[:132] + bytes(300)):
        file.write_bytes(damaged)
        try:
            back = read_dataset("dicom-seg", source)
            assert not back.layers
        except UserError as error:
            assert "Traceback" not in str(error)
    header = pydicom.dcmread(file.parent / "x.dcm") if (file.parent / "x.dcm").exists() else None
    file.write_bytes(content)
    header = pydicom.dcmread(file)
    del header.SegmentSequence
    header.save_as(file)
    back = read_dataset("dicom-seg", source)
    assert back.problems[-1].sentence == "Pixels of segments that are not described are left out"
    assert back.problems[-1].count == 12


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_changed_bytes_never_end_in_a_traceback(tmp_path_factory, data):
    source = small(tmp_path_factory.mktemp("fuzz"))
    file = source / "segmentations" / "image0.dcm"
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        read_dataset("dicom-seg", source)
    except UserError:
        pass


def test_links_are_not_followed_out(tmp_path):
    source = small(tmp_path)
    (tmp_path / "d" / "segmentations").mkdir(parents=True)
    (tmp_path / "d" / "segmentations" / "a.dcm").symlink_to(source / "segmentations" / "image0.dcm")
    assert not read_dataset("dicom-seg", tmp_path / "d").layers


def test_what_it_looks_like(tmp_path):
    source = small(tmp_path)
    assert detect(source)[0] == ("dicom-seg", 95)
    assert detect(source / "segmentations" / "image0.dcm") == [("dicom-seg", 95)]
    assert ("dicom-seg", 95) not in detect(source / "images")


def test_uids_are_uids():
    uid = made_uid("a", "b")
    assert pydicom.uid.UID(uid).is_valid and len(uid) <= 64 and uid == made_uid("a", "b") != made_uid("ab")
