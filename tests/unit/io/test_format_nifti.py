"""NIfTI in and out: label maps of us and of others, turned every way, damaged, or without a place in space."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from medical_files import AFFINES, write_nifti
from round_trips import Scene, class_table, facts, items_of, read_dataset, round_trip, scenes, write_dataset
from shared_data import shared_data

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, LayerBuilder
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.readers.registry import open_image, probe

nibabel = pytest.importorskip("nibabel")


def merged(scene: Scene) -> tuple:
    """What the format holds of a scene: objects are stuff of their class."""
    names = {item.id: item.name for item in scene.table}
    objects, stuff, ignored = facts(scene.layers, names, scene.width, scene.height)
    found = {name: np.frombuffer(bits, np.uint8) for name, bits in stuff.items()}
    for name, bits in objects:
        found[name] = found.get(name, np.zeros(len(bits), np.uint8)) | np.frombuffer(bits, np.uint8)
    return {name: bits.tobytes() for name, bits in found.items()}, ignored


@settings(max_examples=20, deadline=None)
@given(scenes())
def test_what_goes_out_comes_in(scene):
    with tempfile.TemporaryDirectory() as folder:
        back = round_trip("nifti", [scene], Path(folder))
    assert [item.name for item in back.classes] == [item.name for item in scene.table]
    assert [(item.value, item.color) for item in back.classes] == [(c.mask_value, c.color) for c in scene.table]
    objects, stuff, ignored = back.facts("image0.nii")
    assert not objects and (stuff, ignored) == merged(scene) and not back.problems


def label_volume(seed=0, shape=(7, 6, 5)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def read_all(source: Path, index=0, **options) -> np.ndarray:
    """(z, y, x) class index of the labels, 0 = none."""
    with opened(source, "nifti", options) as importer:
        found = list(importer.images())[index]
        layers = build_layers(found, range(1, len(importer.classes) + 1)).layers
        whole = Rect(0, 0, found.width, found.height)
        if not layers:
            return np.zeros((found.depth, found.height, found.width), np.uint16)
        return np.stack([layers[0].read_classes(whole, z) for z in range(found.depth)])


def shown(path: Path) -> np.ndarray:
    reader = open_image(path)
    try:
        whole = Rect(0, 0, reader.info.width, reader.info.height)
        return np.stack([reader.read(0, z, whole)[0] for z in range(reader.info.depth)])
    finally:
        reader.close()


def dataset(folder: Path, image_affine, label_affine, image, labels) -> Path:
    (folder / "imagesTr").mkdir(parents=True)
    (folder / "labelsTr").mkdir()
    write_nifti(folder / "imagesTr" / "case_0000.nii.gz", image, image_affine)
    write_nifti(folder / "labelsTr" / "case.nii.gz", labels, label_affine)
    document = {"labels": {"0": "background", "1": "a", "2": "b", "3": "c"}}
    (folder / "dataset.json").write_text("\ufeff" + json.dumps(document).replace(",", ",\r\n"), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", list(AFFINES))
def test_labels_with_other_axes_than_their_image_are_turned(tmp_path, name):
    values = label_volume()
    affine = AFFINES[name]
    every = list(itertools.product(itertools.permutations(range(3)), itertools.product((False, True), repeat=3)))
    expected = None
    for number, (axes, flips) in enumerate(every[:: 5 if name != "RAS" else 1]):
        turned = values.transpose(axes)
        change = np.zeros((4, 4))
        change[3, 3] = 1
        for new, (old, flip) in enumerate(zip(axes, flips)):
            change[old, new] = -1 if flip else 1
            change[old, 3] = values.shape[old] - 1 if flip else 0
        turned = turned[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
        folder = dataset(tmp_path / str(number), affine, affine @ change, values.astype(np.int16), turned)
        if expected is None:
            expected = shown(folder / "imagesTr" / "case_0000.nii.gz")
        assert np.array_equal(read_all(folder), expected)


def test_another_grid_is_a_sentence(tmp_path):
    values = label_volume()
    affine = AFFINES["RAS"].copy()
    moved = affine.copy()
    moved[0, 3] += 0.6 * affine[0, 0]
    with pytest.raises(UserError, match="another grid"):
        read_all(dataset(tmp_path / "half", affine, moved, values, values))
    with pytest.raises(UserError, match="another grid"):
        read_all(dataset(tmp_path / "oblique", affine, AFFINES["oblique"], values, values))
    finer = affine @ np.diag([0.5, 1, 1, 1])
    with pytest.raises(UserError, match="another grid"):
        read_all(dataset(tmp_path / "finer", affine, finer, values, values.repeat(2, 0)))


def test_labels_of_a_part_of_the_image_lie_where_they_are(tmp_path):
    image = np.zeros((7, 6, 5), np.int16)
    image[2:5, 1:4, 2:4] = label_volume(1, (3, 3, 2))
    affine = AFFINES["LPS"]
    part = affine.copy()
    part[:3, 3] = (affine @ [2, 1, 2, 1])[:3]
    folder = dataset(tmp_path / "part", affine, part, image, image[2:5, 1:4, 2:4].astype(np.uint8))
    assert np.array_equal(read_all(folder), shown(folder / "imagesTr" / "case_0000.nii.gz"))


def test_labels_whose_place_was_lost_are_laid_voxel_by_voxel(tmp_path):
    values = label_volume()
    folder = dataset(tmp_path / "eye", AFFINES["PIR"], np.eye(4), values, values)
    assert np.array_equal(read_all(folder), shown(folder / "imagesTr" / "case_0000.nii.gz"))
    with opened(folder) as importer:
        found = next(iter(importer.images()))
        list(found.open_labels(NEVER))
        list(found.open_labels(NEVER))
        assert [(one.where, one.count) for one in importer.problems] == [("case.nii.gz", 1)]
    folder = dataset(tmp_path / "size", AFFINES["PIR"], np.eye(4), values, values[:-1])
    with pytest.raises(UserError, match="another grid"):
        read_all(folder)


def test_the_projects_image_places_labels_that_came_alone(tmp_path):
    values = label_volume()
    image = write_nifti(tmp_path / "my case.nii.gz", values.astype(np.int16), AFFINES["PIR"])
    turned = write_nifti(
        tmp_path / "x.nii",
        np.ascontiguousarray(values[::-1]),
        AFFINES["PIR"] @ np.array([[-1, 0, 0, 6], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    (tmp_path / "alone").mkdir()
    labels = shutil.move(turned, tmp_path / "alone" / "my_case.nii")
    assert np.array_equal(read_all(Path(labels), images={"my case.nii.gz": image}), shown(image))


def test_a_picture_comes_back_as_it_was_seen(tmp_path):
    table = class_table()
    values = np.zeros((4, 6), np.uint16)
    values[0, 1:] = 1
    values[3, 0] = 2
    values[2, 2] = IGNORE
    layers = LayerBuilder(6, 4, [1, 2, 3, 4]).add_all([ClassPixels(0, 0, values)]).layers
    items = items_of([Scene(layers, 6, 4, table)], tmp_path / "images")
    write_dataset("nifti", items, table, tmp_path / "out")
    back = read_dataset("nifti", tmp_path / "out")
    assert np.array_equal(back.layers["image0.nii"][0].read_classes(Rect(0, 0, 6, 4)), values)
    alone = nibabel.load(tmp_path / "out" / "labels" / "image0.nii.gz")
    assert nibabel.aff2axcodes(alone.affine) == ("L", "P", "S")


def test_nibabel_reads_what_we_wrote(tmp_path):
    affine = AFFINES["oblique"]
    voxels = np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)
    image = write_nifti(tmp_path / "brain.nii.gz", voxels, affine)
    info = probe(image)
    table = class_table()
    pieces = [
        ClassPixels(0, 0, np.random.default_rng(z).integers(0, 5, (info.height, info.width)).astype(np.uint16), z)
        for z in range(info.depth)
    ]
    layers = LayerBuilder(info.width, info.height, [1, 2, 3, 4], depth=info.depth).add_all(pieces).layers
    item = ExportItem(
        1, "brain", "brain.nii.gz", image, info.width, info.height, None, lambda: layers, depth=info.depth
    )
    write_dataset("nifti", [item], table, tmp_path / "out")
    theirs = nibabel.load(tmp_path / "out" / "labels" / "brain.nii.gz")
    assert np.allclose(theirs.affine, affine, atol=1e-4) and theirs.shape == voxels.shape
    counts = np.unique(np.asarray(theirs.dataobj), return_counts=True)
    expected = np.bincount(np.concatenate([piece.values.ravel() for piece in pieces]), minlength=5)
    assert dict(zip(counts[0].tolist(), counts[1].tolist())) == dict(zip((0, 3, 7, 12, 200), expected.tolist()))
    assert np.array_equal(read_all(tmp_path / "out"), np.stack([piece.values for piece in pieces]))
    first = (tmp_path / "out" / "labels" / "brain.nii.gz").read_bytes()
    write_dataset("nifti", [item], table, tmp_path / "again")
    assert (tmp_path / "again" / "labels" / "brain.nii.gz").read_bytes() == first


def case_folder(folder: Path) -> Path:
    for case in ("BraTS_001", "BraTS_002"):
        place = folder / case
        place.mkdir(parents=True)
        for end in ("flair", "t1", "seg"):
            write_nifti(place / f"{case}_{end}.nii.gz", label_volume().astype(np.int16), AFFINES["LPS"])
        (place / f"._{case}_seg.nii.gz").write_bytes(b"\0\5\x16\7")
    return folder


def test_case_folders(tmp_path):
    back = read_dataset("nifti", case_folder(tmp_path / "brats"))
    assert list(back.layers) == ["BraTS_001_flair.nii", "BraTS_002_flair.nii"]
    assert [item.name for item in back.classes] == ["class 1", "class 2", "class 3"]
    assert {problem.sentence[:31] for problem in back.problems} == {"It has 2 images beside it: the "}


def test_splits_and_images_without_labels(tmp_path):
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / "d" / kind / split).mkdir(parents=True)
            write_nifti(tmp_path / "d" / kind / split / f"{split} 图.nii.gz", label_volume(), AFFINES["RAS"])
    write_nifti(tmp_path / "d" / "images" / "val" / "more.nii.gz", label_volume(), AFFINES["RAS"])
    back = read_dataset("nifti", tmp_path / "d")
    assert back.splits == {"train 图.nii": "train", "val 图.nii": "val"}
    assert [(problem.sentence, problem.count) for problem in back.problems] == [
        ("Images without a label file do not come", 1)
    ]


@pytest.mark.parametrize(
    ("labels", "names", "ignored"),
    [
        ({"background": 0, "organ": 1, "tumour": 2, "ignore": 3}, ["organ", "tumour"], 3),
        ({"background": 0, "whole": [1, 2], "organ": 1, "tumour": 2, "rest": 3}, ["organ", "tumour", "rest"], None),
        ({"0": "Background", "1": "organ", "3": "Organ", "x": "y"}, ["organ", "Organ 3"], None),
    ],
)
def test_class_lists_of_nnunet_and_the_decathlon(tmp_path, labels, names, ignored):
    values = label_volume()
    folder = dataset(tmp_path / "d", AFFINES["LPS"], AFFINES["LPS"], values, values)
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert [item.name for item in read_dataset("nifti", folder).classes] == names
    if ignored:
        assert np.array_equal(read_all(folder) == IGNORE, shown(folder / "labelsTr" / "case.nii.gz") == ignored)


def test_values_of_no_class_are_counted(tmp_path):
    values = np.zeros((4, 4, 2), np.float32)
    values[0] = [[1, 2], [0.5, np.nan], [-3, 7], [1e30, 70000]]
    folder = dataset(tmp_path / "d", AFFINES["LPS"], AFFINES["LPS"], values, values)
    back = read_dataset("nifti", folder)
    found = {problem.sentence: problem.count for problem in back.problems}
    assert found == {
        "The value 7 stands for no class: its pixels are left out": 1,
        "Values that are no whole numbers from 0 to 65535 are left out (pixels)": 5,
    }


def test_itk_snaps_descriptions(tmp_path):
    values = label_volume()
    folder = dataset(tmp_path / "d", AFFINES["LPS"], AFFINES["LPS"], values, values)
    (folder / "dataset.json").unlink()
    (folder / "snap.label").write_text(
        '# ITK-SnAP Label Description File\r\n    0     0    0    0        0  0  0    "Clear Label"\r\n'
        '    1   255    0    0        1  1  1    "left one"\r\n    3     0  255    0      0.5  1  1    "three"\r\n'
    )
    found = read_dataset("nifti", folder).classes
    assert [(item.name, item.color, item.value) for item in found] == [
        ("left one", "#ff0000", 1),
        ("three", "#00ff00", 3),
    ]


def test_damaged_and_hostile_files_are_sentences(tmp_path):
    values = label_volume()
    folder = dataset(tmp_path / "d", AFFINES["LPS"], AFFINES["LPS"], values, values)
    labels = folder / "labelsTr" / "case.nii.gz"
    good = gzip.decompress(labels.read_bytes())
    huge = bytearray(good)
    huge[40:48] = np.array([3, 32767, 32767, 32767], "<i2").tobytes()
    for name, content in {
        "empty": b"", "cut": good[:400], "short": good[:-9], "zeros": bytes(348), "huge": bytes(huge), "text": b"{}" * 400,
    }.items():  # fmt: skip
        labels.write_bytes(gzip.compress(content))
        with opened(folder, "nifti") as importer:
            found = list(importer.images())
            with pytest.raises(UserError):
                build_layers(found[0], range(1, 4))
        assert name
    write_nifti(labels, np.zeros((7, 6, 5, 3), np.uint8), AFFINES["LPS"])
    with opened(folder, "nifti") as importer, pytest.raises(UserError, match="3 values a voxel"):
        build_layers(next(iter(importer.images())), range(1, 4), (7, 6, 5))
    (folder / "dataset.json").write_text("[" * 5000)
    with pytest.raises(UserError, match="nested"):
        read_dataset("nifti", folder)


def test_links_that_lead_out_are_not_followed(tmp_path):
    outside = write_nifti(tmp_path / "secret.nii.gz", label_volume(), AFFINES["RAS"])
    (tmp_path / "d" / "labels").mkdir(parents=True)
    (tmp_path / "d" / "labels" / "a.nii.gz").symlink_to(outside)
    back = read_dataset("nifti", tmp_path / "d")
    assert not back.layers and "leads out" in back.problems[0].sentence


def test_what_it_looks_like(tmp_path):
    values = label_volume()
    assert detect(dataset(tmp_path / "a", AFFINES["LPS"], AFFINES["LPS"], values, values))[0] == ("nifti", 90)
    assert ("nifti", 50) in detect(case_folder(tmp_path / "b"))
    assert ("nifti", 60) in detect(tmp_path / "a" / "labelsTr" / "case.nii.gz")
    (tmp_path / "none").mkdir()
    assert not detect(tmp_path / "none")


def test_a_public_dataset_comes_as_it_is():
    source = shared_data("hippocampus_nifti")
    with opened(source) as importer:
        found = next(iter(importer.images()))
        assert found.image is not None
        names = [item.name for item in importer.classes]
        layers = build_layers(found, range(1, len(names) + 1)).layers
        theirs = nibabel.load(source / "masks" / found.image.name)
        values = np.asarray(theirs.dataobj)
        assert sum(layers[0].pixel_counts().values()) == np.count_nonzero(values)
        assert found.width * found.height * found.depth == values.size and not importer.problems
