"""Parquet datasets in and out: what ``datasets`` and pyarrow read of ours, and what the hub's datasets bring."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from round_trips import Scene, class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.parquet import ParquetExporter
from segstudio.io.formats.parquet_rows import RowPlace, RowReader
from segstudio.io.formats.reading import build_layers, detect, opened

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@settings(max_examples=20, deadline=None)
@given(scenes())
def test_what_goes_out_comes_in(scene):
    with tempfile.TemporaryDirectory() as folder:
        back = round_trip("parquet", [scene], Path(folder))
    assert back.facts() == facts_of(scene) and not back.problems
    assert [(c.name, c.value, c.color) for c in back.classes] == [(c.name, c.mask_value, c.color) for c in scene.table]


def scene_of(values, *objects, classes=3) -> Scene:
    values = np.asarray(values, np.uint16)
    height, width = values.shape
    builder = LayerBuilder(width, height, range(1, classes + 1)).add_all([ClassPixels(0, 0, values), *objects])
    return Scene(builder.layers, width, height, class_table(classes))


def test_the_upper_layer_is_written_where_layers_overlap(tmp_path):
    lower, upper = np.ones((1, 3), bool), np.ones((1, 2), bool)
    scene = scene_of(np.zeros((1, 4)), FoundObject(0, 0, lower, 0), FoundObject(2, 0, upper, 1))
    objects, _, _ = round_trip("parquet", [scene], tmp_path).facts()
    assert sorted((name, np.unpackbits(np.frombuffer(bits, np.uint8)).sum()) for name, bits in objects) == [
        ("nucleus 2", 2),
        ("sky", 2),
    ]


def splits_dataset(folder: Path) -> list[Scene]:
    mask = np.ones((2, 2), bool)
    below = np.ones((5, 6), int)
    below[1:3, 1:3] = below[3:5, 3:5] = 0
    scenes_ = [
        scene_of(below * (number % 4), FoundObject(1, 1, mask, number % 3), FoundObject(3, 3, mask, 0))
        for number in range(5)
    ]
    scenes_[3] = scene_of(np.array([[0, IGNORE, 1]]))
    items = items_of(scenes_, folder / "images", ["train", "val", "train", "test", "val"])
    write_dataset("parquet", items, scenes_[0].table, folder / "out")
    return scenes_


def test_splits_come_back_in_order_and_the_same_bytes(tmp_path):
    scenes_ = splits_dataset(tmp_path)
    back = read_dataset("parquet", tmp_path / "out")
    assert back.splits == {"image0": "train", "image1": "val", "image2": "train", "image3": "test", "image4": "val"}
    assert all(back.facts(f"image{number}") == facts_of(scene) for number, scene in enumerate(scenes_))
    names = ["README.md", "classes.json", "data", "id2label.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    items = items_of(scenes_, tmp_path / "images", ["train", "val", "train", "test", "val"])
    write_dataset("parquet", items, scenes_[0].table, tmp_path / "again")
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").rglob("*.*")} == first
    assert "path: data/val-*" in first["README.md"].decode() and json.loads(first["id2label.json"])["12"] == "路面"


@pytest.mark.filterwarnings("ignore")
def test_datasets_reads_what_we_wrote(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    scenes_ = splits_dataset(tmp_path)
    rows = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in rows.items()} == {"train": 2, "validation": 2, "test": 1}
    first = rows["train"][0]
    assert isinstance(first["image"], Image.Image) and first["image"].size == (6, 5)
    scene = scenes_[0]
    flat = scene.layers[0].read_classes(Rect(0, 0, 6, 5))
    lut = scene.table.mask_value_lut(0, 255)
    assert np.array_equal(np.asarray(first["mask"]), lut[flat])
    assert np.unique(np.asarray(first["instances"]), return_counts=True)[1].tolist() == [22, 4, 4]
    category = rows["train"].features["objects"].feature["category"]
    assert [category.int2str(row["category"]) for row in first["objects"]] == ["sky", "sky"]
    assert rows["test"][0]["instances"] is None and np.asarray(rows["test"][0]["mask"]).tolist() == [[0, 255, 3]]


def test_pyarrow_reads_what_we_wrote(tmp_path):
    scenes_ = splits_dataset(tmp_path)
    table = parquet.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert table.column_names == ["image", "mask", "instances", "objects"] and table.num_rows == 2
    row = table.slice(1, 1).to_pylist()[0]
    assert row["image"]["path"] == "image2.png"
    assert row["image"]["bytes"] == (tmp_path / "images" / "image2.png").read_bytes()
    mask = np.asarray(Image.open(io.BytesIO(row["mask"]["bytes"])))
    flat = scenes_[2].layers[0].read_classes(Rect(0, 0, 6, 5))
    assert np.array_equal(mask, scenes_[2].table.mask_value_lut(0, 255)[flat])


def test_shards_and_row_groups(tmp_path, monkeypatch):
    import segstudio.io.formats.parquet as module

    monkeypatch.setattr(module, "SHARD_BYTES", 700)
    monkeypatch.setattr(module, "GROUP_ROWS", 1)
    scenes_ = splits_dataset(tmp_path)
    names = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert len(names) > 3 and names[0].startswith("test-00000-of-0000")
    back = read_dataset("parquet", tmp_path / "out")
    assert all(back.facts(f"image{number}") == facts_of(scene) for number, scene in enumerate(scenes_))


def test_many_values_need_16_bits(tmp_path):
    table = ClassTable().added("a", mask_value=300).added("b", mask_value=2)
    layers = LayerBuilder(3, 1, [1, 2]).add_all([ClassPixels(0, 0, np.array([[1, 2, IGNORE]], np.uint16))]).layers
    scene = Scene(layers, 3, 1, table)
    notes = write_dataset("parquet", items_of([scene], tmp_path / "i"), table, tmp_path / "out")
    assert notes == ["The masks are 16-bit grey, since a mask value is above 254."]
    assert read_dataset("parquet", tmp_path / "out").facts() == facts_of(scene)


def test_an_export_that_was_killed_while_it_was_checked_goes_on(tmp_path):
    scene = scene_of(np.ones((3, 3)))
    items = items_of([scene], tmp_path / "images")
    (tmp_path / "out").mkdir()
    first = ParquetExporter(tmp_path / "out", scene.table, {})
    written = first.write_image(items[0], NEVER)
    first.enter(items[0], written)
    first.finish([])
    again = ParquetExporter(tmp_path / "out", scene.table, {})
    again.enter(items[0], json.loads(json.dumps(written)))
    again.finish([])
    assert again.differs(items[0], NEVER) == "" and read_dataset("parquet", tmp_path / "out").facts() == facts_of(scene)


def png(values, mode=None) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(values), mode).save(stream, "PNG")
    return stream.getvalue()


MASK = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
PHOTO = png(np.zeros((2, 3, 3), np.uint8))


def theirs(folder: Path, rows, name="data/train-00000-of-00001.parquet", **beside) -> Path:
    """A dataset as others write it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    for stem, document in beside.items():
        (folder / f"{stem}.json").write_text("\ufeff" + json.dumps(document), encoding="utf-8")
    return folder


def values_of(source: Path) -> list[tuple[str, np.ndarray]]:
    with opened(source, "parquet") as importer:
        classes = importer.classes
        result = []
        for found in list(importer.images()):
            layers = build_layers(found, range(1, len(classes) + 1)).layers
            result.append((found.name, layers[0].read_classes(Rect(0, 0, found.width, found.height))))
        return result


EXPECTED = np.where(MASK == 255, IGNORE, MASK.astype(int))


@pytest.mark.parametrize(
    "row",
    [
        {"image": {"bytes": PHOTO, "path": "C:\\Bilder\\a b.jpg"}, "annotation": {"bytes": png(MASK), "path": None}},
        {"pixel_values": {"bytes": PHOTO, "path": "a b.jpg"}, "label": {"bytes": png(MASK), "path": "x"}, "n": 3},
        {"image": PHOTO, "mask": png(MASK), "file_name": "/data/x/a b.jpg"},
        {
            "Image": {"bytes": PHOTO, "path": "../../a b.jpg"},
            "Mask": {"bytes": png(MASK.astype(np.uint16)), "path": ""},
        },
        {"image": {"bytes": PHOTO, "path": "a b.jpg"}, "mask": MASK.tolist()},
        {
            "image": {"bytes": PHOTO, "path": "a b.jpg"},
            "mask": {"bytes": png(np.repeat(MASK[..., None], 3, 2)), "path": ""},
        },
    ],
)
def test_what_others_write(tmp_path, row):
    source = theirs(tmp_path, [row], id2label={"0": "background", "1": "wall", "2": "sky 天"})
    grey = "The mask is saved as a colour picture; its grey was taken as values"
    assert {problem.sentence for problem in read_dataset("parquet", source).problems} <= {grey}
    ((name, values),) = values_of(source)
    assert name == "a b.jpg" and np.array_equal(values, EXPECTED)
    with opened(source) as importer:
        assert [item.name for item in importer.classes] == ["wall", "sky 天"]
        found = next(iter(importer.images()))
        found.save_image(tmp_path / "saved.png")
        assert (tmp_path / "saved.png").read_bytes() == PHOTO and found.split == "train"


def test_rows_without_names_masks_or_classes(tmp_path):
    picture, mask = {"bytes": PHOTO, "path": None}, {"bytes": png(MASK), "path": None}
    rows = [{"image": picture, "mask": mask}, {"image": picture, "mask": None}, {"image": None, "mask": mask}]
    source = theirs(
        tmp_path, [*rows, {"image": picture, "mask": {"bytes": b"no picture", "path": None}}], "test.parquet"
    )
    with opened(source, "parquet") as importer:
        assert [item.name for item in importer.classes] == ["class 1", "class 2"]
        found = list(importer.images())
        assert [(one.name, one.width, one.split) for one in found] == [
            ("test_00000.png", 3, "test"), ("test_00002.png", 3, "test"), ("test_00003.png", 0, "test"),
        ]  # fmt: skip
        assert found[1].save_image is None and found[1].reason
        with pytest.raises(UserError):
            list(found[2].open_labels(NEVER))
        assert {problem.where: problem.sentence for problem in importer.problems} == {
            "test.parquet": "Rows without a mask do not come",
            "test.parquet row 4": importer.problems[0].sentence,
        }


def test_two_rows_of_one_name_keep_apart(tmp_path):
    row = {"image": {"bytes": PHOTO, "path": "a.png"}, "mask": {"bytes": png(MASK), "path": None}}
    assert [name for name, _ in values_of(theirs(tmp_path, [row, row, row]))] == ["a.png", "a-2.png", "a-3.png"]


def test_pictures_beside_the_table_never_leave_its_folder(tmp_path):
    folder = tmp_path / "d"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(PHOTO)
    (folder / "m.png").write_bytes(png(MASK))
    (tmp_path / "secret.png").write_bytes(png(MASK))
    rows = [
        {"image": {"bytes": None, "path": "images/a.png"}, "mask": {"bytes": None, "path": "m.png"}},
        {
            "image": {"bytes": None, "path": str(tmp_path / "secret.png")},
            "mask": {"bytes": None, "path": "../secret.png"},
        },
    ]
    schema = pyarrow.schema([(n, pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])) for n in ("image", "mask")])  # fmt: skip
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema), folder / "a.parquet")
    with opened(folder, "parquet") as importer:
        found = list(importer.images())
        assert found[0].image == folder / "images" / "a.png" and found[0].width == 3
        assert found[1].image is None and found[1].reason
        with pytest.raises(UserError, match="missing"):
            list(found[1].open_labels(NEVER))


def test_colours_of_the_class_list(tmp_path):
    colors = np.zeros((2, 3, 3), np.uint8)
    colors[0, 1], colors[1] = (255, 0, 0), (0, 0, 255)
    row = {"image": {"bytes": PHOTO, "path": "a.png"}, "mask": {"bytes": png(colors), "path": None}}
    rows = [{"value": 1, "name": "red", "color": "#ff0000"}, {"value": 2, "name": "blue", "color": "#0000ff"}]
    ((_, values),) = values_of(theirs(tmp_path, [row], classes=rows))
    assert values.tolist() == [[0, 1, 0], [2, 2, 2]]


def test_objects_without_a_table_take_the_class_below_them(tmp_path):
    ids = np.array([[0, 7, 0], [9, 9, 0]], np.uint16)
    row = {"image": {"bytes": PHOTO, "path": "a.png"}, "mask": {"bytes": png(MASK), "path": None}}
    source = theirs(tmp_path, [row | {"instances": {"bytes": png(ids), "path": None}}])
    objects, stuff, _ = read_dataset("parquet", source).facts("a")
    assert sorted(name for name, _ in objects) == ["class 1", "class 2"] and list(stuff) == ["class 2"]


def test_damaged_files_are_problems(tmp_path):
    source = splits_dataset(tmp_path) and tmp_path / "out"
    file = source / "data" / "train-00000-of-00001.parquet"
    content = file.read_bytes()
    for damaged in (b"", b"PAR1", content[:-30], content[: len(content) // 2], b"PAR1" + bytes(400) + b"PAR1"):
        file.write_bytes(damaged)
        back = read_dataset("parquet", source)
        assert len(back.layers) == 3 and "damaged" in back.problems[0].sentence
    theirs(source, [{"text": "a", "label": 3}], "data/train-00000-of-00001.parquet")
    assert "No column" in read_dataset("parquet", source).problems[0].sentence


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_changed_bytes_never_end_in_a_traceback(data):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scene = scene_of(np.ones((3, 4)), FoundObject(1, 1, np.ones((2, 2), bool), 1))
        write_dataset("parquet", items_of([scene], place / "images"), scene.table, place / "out")
        file = place / "out" / "data" / "train-00000-of-00001.parquet"
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(content)
        try:
            read_dataset("parquet", place / "out")
        except UserError:
            pass


def test_rows_are_read_one_after_the_other(tmp_path):
    rows = [{"image": PHOTO, "number": number} for number in range(50)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=20)
    reader = RowReader(tmp_path / "a.parquet")
    assert len(reader) == 50
    order = [3, 3, 19, 20, 49, 1, 45, 44]
    places = list(reader.places())
    assert [reader.row(places[number], ("number",))["number"] for number in order] == order
    assert places[20] == RowPlace(1, 0)
    reader.close()


def test_what_it_looks_like(tmp_path):
    splits_dataset(tmp_path)
    assert detect(tmp_path / "out")[0] == ("parquet", 90)
    theirs(tmp_path / "text", [{"text": "a", "label": 3}])
    assert not detect(tmp_path / "text")


def test_the_picture_is_the_one_that_was_labelled(tmp_path):
    scene = scene_of(np.ones((4, 5)))
    items = items_of([scene], tmp_path / "images")
    turned = cv2.imread(str(items[0].image_file))
    picture = Image.fromarray(np.ascontiguousarray(np.rot90(turned)))
    exif = picture.getexif()
    exif[274] = 6
    picture.save(tmp_path / "images" / "image0.jpg", exif=exif, quality=95)
    from dataclasses import replace

    item = replace(items[0], name="image0.jpg", image_file=tmp_path / "images" / "image0.jpg")
    write_dataset("parquet", [item], scene.table, tmp_path / "out")
    row = parquet.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet").to_pylist()[0]
    assert row["image"]["path"] == "image0.png" and Image.open(io.BytesIO(row["image"]["bytes"])).size == (5, 4)
