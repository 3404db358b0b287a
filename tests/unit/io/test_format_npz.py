"""NumPy archives in and out: every segment of every layer, and the archives that other programs save."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medical_files import AFFINES, write_nifti
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

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.npz import NpzExporter
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.readers.registry import open_image, probe


@settings(max_examples=25, deadline=None)
@given(scenes(overlap=True))
def test_what_goes_out_comes_in(scene):
    with tempfile.TemporaryDirectory() as folder:
        back = round_trip("npz", [scene], Path(folder))
    assert back.facts() == facts_of(scene) and not back.problems
    assert [(c.name, c.value, c.color) for c in back.classes] == [(c.name, c.mask_value, c.color) for c in scene.table]


def test_unlabelled_pixels_stay_so_where_a_class_owns_0(tmp_path):
    table = ClassTable().added("sky", mask_value=0)
    values = np.array([[0, 1, IGNORE]], np.uint16)
    scene = Scene(LayerBuilder(3, 1, [1]).add_all([ClassPixels(0, 0, values)]).layers, 3, 1, table)
    assert round_trip("npz", [scene], tmp_path).facts() == facts_of(scene)
    assert np.load(tmp_path / "out" / "image0.npz")["mask"].tolist() == [[255, 0, 255]]


def test_who_made_an_object_is_kept(tmp_path):
    made = FoundObject(
        1, 0, np.ones((2, 2), bool), 0, source="model", model_id="m@1", confidence=0.25, is_reviewed=True
    )
    scene = Scene(LayerBuilder(4, 4, [1]).add_all([made]).layers, 4, 4, class_table(1))
    layer = round_trip("npz", [scene], tmp_path).layers["image0"][0]
    segment = layer.segments[1]
    assert (segment.source, segment.model_id, segment.confidence, segment.is_reviewed) == ("model", "m@1", 0.25, True)


def volume_item(folder: Path, affine, seed=0) -> tuple[ExportItem, ClassTable]:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    image = write_nifti(folder / "brain.nii.gz", rng.integers(-99, 99, (9, 8, 4)).astype(np.int16), affine)
    info = probe(image)
    pieces = [
        ClassPixels(0, 0, rng.integers(0, 3, (info.height, info.width)).astype(np.uint16), z) for z in range(info.depth)
    ]
    objects = [
        FoundObject(0, 0, random_mask(rng, info.height, info.width), number % 4, z, key=number)
        for number in range(4)
        for z in range(info.depth)
        if rng.random() < 0.7
    ]
    layers = LayerBuilder(info.width, info.height, [1, 2, 3, 4], depth=info.depth).add_all([*pieces, *objects]).layers
    item = ExportItem(
        1, "brain", "brain.nii.gz", image, info.width, info.height, "val", lambda: layers, depth=info.depth
    )
    return item, class_table()


def volume_facts(layers, names, whole, depth):
    found = []
    for layer in layers:
        ids = np.stack([layer.read(whole, z) for z in range(depth)])
        for segment in layer.segments.values():
            if (ids == segment.id).any() and segment.is_object:
                found.append((names[segment.class_id], (ids == segment.id).tobytes()))
    stuff = {
        name: np.any([
            np.isin(
                np.stack([layer.read(whole, z) for z in range(depth)]),
                [s.id for s in layer.segments.values() if names[s.class_id] == name and not s.is_object],
            )
            for layer in layers
        ], axis=0).tobytes()
        for name in names.values()
    }  # fmt: skip
    return sorted(found), stuff


@pytest.mark.parametrize("name", ["LPS", "PIR", "oblique"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_volumes_with_objects_that_overlap(tmp_path, name, seed):
    item, table = volume_item(tmp_path / "images", AFFINES[name], seed)
    assert write_dataset("npz", [item], table, tmp_path / "out") == []
    with opened(tmp_path / "out") as importer:
        found = next(iter(importer.images()))
        assert (found.name, found.split, found.depth) == ("brain.nii.gz", "val", item.depth)
        layers = build_layers(found, [1, 2, 3, 4]).layers
        found.save_image(tmp_path / found.name)
    whole = Rect(0, 0, item.width, item.height)
    names = {c.id: c.name for c in table}
    assert volume_facts(layers, names, whole, item.depth) == volume_facts(item.layers(), names, whole, item.depth)
    saved, original = open_image(tmp_path / found.name), open_image(item.image_file)
    assert all(np.array_equal(saved.read(0, z, whole), original.read(0, z, whole)) for z in range(item.depth))
    assert np.allclose(saved.info.metadata["affine"], original.info.metadata["affine"], atol=1e-4)


def test_numpy_reads_what_we_wrote(tmp_path):
    item, table = volume_item(tmp_path / "images", AFFINES["LPS"])
    write_dataset("npz", [item], table, tmp_path / "out")
    with np.load(tmp_path / "out" / "val" / "brain.npz", allow_pickle=False) as theirs:
        whole = Rect(0, 0, item.width, item.height)
        layers = item.layers()
        assert theirs["segments"].shape == (len(layers), item.depth, item.height, item.width)
        for index, layer in enumerate(layers):
            for z in range(item.depth):
                assert np.array_equal(theirs["segments"][index, z], layer.read(whole, z))
        rows = json.loads(str(theirs["segment_table"]))
        assert {row["class"] for row in rows} <= {c.name for c in table} and str(theirs["name"]) == "brain.nii.gz"
        assert theirs["image"].dtype == np.int16 and theirs["affine"].shape == (4, 4)
        assert set(np.unique(theirs["mask"])) <= {0, 3, 7, 12, 200}
    first = (tmp_path / "out" / "val" / "brain.npz").read_bytes()
    write_dataset("npz", [item], table, tmp_path / "again")
    assert (tmp_path / "again" / "val" / "brain.npz").read_bytes() == first


def test_without_images(tmp_path):
    scene = Scene(LayerBuilder(3, 2, [1]).layers, 3, 2, class_table(1))
    write_dataset("npz", items_of([scene], tmp_path / "i"), scene.table, tmp_path / "out", {"images": False})
    with opened(tmp_path / "out") as importer:
        found = next(iter(importer.images()))
        assert found.save_image is None and found.reason and found.name == "image0.png"


def values_of(source: Path, **options) -> dict[str, np.ndarray]:
    """Image name → (z, y, x) class index, or the number of objects."""
    result = {}
    with opened(source, "npz", options) as importer:
        names = importer.classes
        for found in list(importer.images()):
            builder = build_layers(found, range(1, len(names) + 1))
            layers = builder.layers or LayerBuilder(found.width, found.height, [1], depth=found.depth).layers
            whole = Rect(0, 0, found.width, found.height)
            if not layers:
                result[found.name] = np.zeros((found.depth, found.height, found.width))
            elif builder.counts.objects:
                result[found.name] = sum(builder.counts.objects.values())
            else:
                result[found.name] = np.stack([layers[0].read_classes(whole, z) for z in range(found.depth)])
            if found.save_image:
                found.save_image(source.parent / found.name)
                info = probe(source.parent / found.name)
                assert (info.width, info.height, info.depth) == (found.width, found.height, found.depth)
    return result


RNG = np.random.default_rng(3)
PLANE = RNG.integers(0, 3, (5, 7)).astype(np.int64)
STACK = RNG.integers(0, 3, (3, 5, 7))


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"image": np.zeros((5, 7)), "label": PLANE.astype(float)}, {"a.tif": PLANE[None]}),
        ({"img": np.zeros((5, 7, 3), np.uint8), "Mask": PLANE[..., None]}, {"a.png": PLANE[None]}),
        ({"image": np.zeros((3, 5, 7), np.uint8), "mask": np.asfortranarray(PLANE)}, {"a.png": PLANE[None]}),
        ({"imgs": np.zeros((3, 5, 7), np.uint8), "gts": STACK.astype(np.uint8)}, {"a.tif": STACK}),
        (
            {"X": np.zeros((3, 5, 7, 1), np.float32), "y": STACK[..., None].astype(np.int32)},
            {f"a_000{i}.tif": STACK[i : i + 1] for i in range(3)},
        ),
        (
            {"val_images": np.zeros((3, 5, 7), np.uint8), "val_masks": STACK, "train_images": np.zeros((3, 5, 7), bool)},
            {f"a_val_000{i}.png": STACK[i : i + 1] for i in range(3)},
        ),
        ({"arr_0": np.zeros((5, 7), np.uint16), "arr_1": PLANE > 0}, {"a.png": (PLANE > 0)[None]}),
        ({"x": np.zeros((2, 3, 5, 7), np.int8), "mask": np.stack([STACK, STACK])}, {"a_0000.tif": STACK, "a_0001.tif": STACK}),
        ({"image": np.zeros((5, 7), np.uint8), "inst_map": PLANE * 10**12}, {"a.png": 2}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*low contrast")
def test_what_other_programs_save(tmp_path, arrays, expected):
    (tmp_path / "d").mkdir()
    np.savez_compressed(tmp_path / "d" / "a.npz", **arrays)
    found = values_of(tmp_path / "d")
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name


def test_a_stack_by_option_and_names_of_classes(tmp_path):
    np.savez(tmp_path / "a.npz", label=STACK, class_names=np.array(["Background", "红", "blue"]))
    assert [len(v) for v in values_of(tmp_path / "a.npz", stack="images").values()] == [1, 1, 1]
    with opened(tmp_path / "a.npz") as importer:
        assert [(c.name, c.value) for c in importer.classes] == [("红", 1), ("blue", 2)]
    with pytest.raises(UserError, match="no kind of stack"):
        values_of(tmp_path / "a.npz", stack="x")


class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/never-made-by-a-test", "w"))


def raw_npy(descr, shape, data=b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


HOSTILE = {
    "pickle": ("Python objects", pickle.dumps(Bomb())),
    "huge": ("cannot be read", raw_npy("<u8", (2**40, 2**20))),
    "negative": ("cannot be read", raw_npy("<u2", (-4, 5))),
    "cut": ("cannot be read", raw_npy("<u2", (4, 5), b"123")),
    "structured": ("cannot be read", raw_npy([("a", "<u2")], (1,), b"12")),
    "magic": ("cannot be read", b"\x93NUMPX\1\0"),
    "header": ("cannot be read", b"\x93NUMPY\1\0\xff\xff" + b"(" * 9000),
    "text": ("no numbers", raw_npy("<U2", (1,), b"12345678")),
    "line": ("no mask", raw_npy("<u2", (2,), b"1234")),
    "none": ("no mask", raw_npy("<u2", (0, 7))),
}


@pytest.mark.parametrize("what", list(HOSTILE))
def test_hostile_arrays_are_problems(tmp_path, what):
    sentence, content = HOSTILE[what]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("mask.npy", content)
    back = read_dataset("npz", tmp_path)
    assert not back.layers and len(back.problems) == 1
    assert sentence in back.problems[0].sentence or "objects are not" in back.problems[0].sentence
    assert not Path("/tmp/never-made-by-a-test").exists()


def test_an_object_array_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", masks=np.array([Bomb(), 1], object))
    back = read_dataset("npz", tmp_path)
    assert "Python objects are not" in back.problems[0].sentence
    assert not Path("/tmp/never-made-by-a-test").exists()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_changed_bytes_never_end_in_a_traceback(data):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rng = np.random.default_rng(data.draw(st.integers(0, 9)))
        scene = Scene(
            LayerBuilder(9, 8, [1]).add_all([FoundObject(0, 0, random_mask(rng, 8, 9), 0)]).layers, 9, 8, class_table(1)
        )
        write_dataset("npz", items_of([scene], place / "images"), scene.table, place / "out")
        content = bytearray((place / "out" / "image0.npz").read_bytes())
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (place / "out" / "image0.npz").write_bytes(
            content[: data.draw(st.sampled_from([len(content), len(content) // 2]))]
        )
        try:
            read_dataset("npz", place / "out")
        except UserError:
            pass


def test_tables_that_do_not_fit_are_told(tmp_path):
    scene = Scene(
        LayerBuilder(9, 8, [1]).add_all([FoundObject(0, 0, np.ones((2, 3), bool), 0)]).layers, 9, 8, class_table(1)
    )
    write_dataset("npz", items_of([scene], tmp_path / "images"), scene.table, tmp_path / "out")
    with np.load(tmp_path / "out" / "image0.npz") as theirs:
        arrays = dict(theirs)
    for table, count in ((json.dumps([{"layer": 0, "id": 1, "class": "other"}]), 6), ("[" * 9999, 6), ("[1, {}]", 6)):
        np.savez(tmp_path / "out" / "image0.npz", **arrays | {"segment_table": np.array(table)})
        back = read_dataset("npz", tmp_path / "out")
        assert back.problems[-1].count == count and len(back.problems) >= 2 and not back.facts()[0]


def test_cancel_and_a_full_reader(tmp_path):
    scene = Scene(LayerBuilder(9, 8, [1]).layers, 9, 8, class_table(1))
    item = items_of([scene], tmp_path / "images")[0]
    cancel = Event()
    cancel.set()
    (tmp_path / "out").mkdir()
    with pytest.raises(Cancelled):
        NpzExporter(tmp_path / "out", scene.table, {}).write(item, cancel)
    assert not list((tmp_path / "out").iterdir())
    NpzExporter(tmp_path / "out", scene.table, {}).write(item, NEVER)
    (tmp_path / "out" / "image0.npz").write_bytes((tmp_path / "out" / "image0.npz").read_bytes()[:300])
    with pytest.raises(UserError):
        NpzExporter(tmp_path / "out", scene.table, {}).differs(item, NEVER)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_parts_of_ids(seed):
    ids = np.random.default_rng(seed).integers(-2, 5, (6, 5)) * 10**9
    again = np.zeros_like(ids)
    for number, x, y, mask in parts_of(ids):
        again[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = number
    assert np.array_equal(again, np.maximum(ids, 0))


def test_what_it_looks_like(tmp_path):
    np.savez(tmp_path / "a.npz", label=STACK)
    assert detect(tmp_path) == [("npz", 70)] and detect(tmp_path / "a.npz")[0] == ("npz", 70)
    np.savez(tmp_path / "a.npz", weights=STACK)
    assert not detect(tmp_path)
