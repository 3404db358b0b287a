"""YOLO segmentation: outlines written and read back, read by the rules of Ultralytics, and files as others leave them."""

from __future__ import annotations

import os
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image
from round_trips import Scene, class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.cancel import NEVER
from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import FoundObject, LayerBuilder
from segstudio.core.polygons import fill_rings, outlines
from segstudio.io.formats.reading import detect, opened
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.yolo import joined_rings
from segstudio.io.formats.yolo_yaml import read_data

LOOSE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def packed(mask: np.ndarray) -> bytes:
    return np.packbits(mask).tobytes()


def scene_of(width: int, height: int, objects: list[FoundObject], table: ClassTable | None = None) -> Scene:
    table = class_table() if table is None else table
    builder = LayerBuilder(width, height, [item.id for item in table])
    return Scene(builder.add_all(objects).layers, width, height, table)


def filled(scene: Scene) -> Counter:
    """The scene's objects with their holes filled."""
    objects: Counter = Counter()
    for (name, data), count in facts_of(scene)[0].items():
        size = scene.width * scene.height
        mask = np.unpackbits(np.frombuffer(data, np.uint8))[:size].reshape(scene.height, scene.width)
        outer, _ = outlines(mask)
        rect = Rect(0, 0, scene.width, scene.height)
        objects[name, packed(np.any([fill_rings([ring], rect) for ring in outer], axis=0))] += count
    return objects


@given(scene=scenes(overlap=True))
@LOOSE
def test_objects_come_back_with_holes_filled_and_nothing_else(tmp_path_factory, scene: Scene):
    found = round_trip("yolo-seg", [scene], tmp_path_factory.mktemp("yolo"))
    objects, stuff, ignored = found.facts()
    assert objects == filled(scene) and not stuff and not any(ignored) and not found.problems
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]


@given(scene=scenes(overlap=True))
@LOOSE
def test_holes_come_back_where_they_are_cut_out(tmp_path_factory, scene: Scene):
    found = round_trip("yolo-seg", [scene], tmp_path_factory.mktemp("yolo"), {"holes": True})
    assert found.facts()[0] == facts_of(scene)[0] and not found.problems


def test_the_way_there_and_back_adds_nothing():
    rng = np.random.default_rng(5)
    for _ in range(50):
        mask = rng.random((12, 15)) < 0.5
        mask[3, 3] = True
        outer, holes = outlines(mask)
        assert np.array_equal(fill_rings([*outer, *holes], Rect(0, 0, 15, 12)), mask)
        path = np.asarray(joined_rings([*outer, *holes]), np.float64)
        from segstudio.core.brush import polygon_mask

        found, rect = polygon_mask([(x, y) for x, y in path.tolist()], (15, 12))
        full = np.zeros_like(mask)
        full[rect.slices] = found
        assert np.array_equal(full, mask)


def ultralytics(folder, split: str):
    """As verify_image_label and polygons2masks of Ultralytics read a dataset (written from their documentation).

    (name, class, (h, w) mask by cv2.fillPoly) of each line.
    """
    import yaml

    data = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    assert {"train", "val", "names"} <= set(data) and set(data["names"]) == set(range(data["nc"]))
    found = []
    for image in sorted((folder / data[split]).iterdir()):
        label = folder / data[split].replace("images", "labels") / f"{image.stem}.txt"
        with Image.open(image) as picture:
            width, height = picture.size
        for line in label.read_text("utf-8").split("\n"):
            if not line:
                continue
            cells = line.split()
            points = np.array(cells[1:], np.float32).reshape(-1, 2)
            assert len(points) >= 3 and points.min() >= 0 and points.max() <= 1
            mask = np.zeros((height, width), np.uint8)
            cv2.fillPoly(mask, [np.asarray(points * (width, height), np.int32)], 1)
            found.append((image.stem, data["names"][int(cells[0])], mask > 0))
    return found


def test_ultralytics_reads_what_we_write(tmp_path):
    ring = np.ones((12, 14), np.bool_)
    ring[4:8, 4:9] = False
    two = np.zeros((5, 20), np.bool_)
    two[:, :6] = two[:, 12:] = True
    table = ClassTable.from_names(["no", 'it\'s: "odd"', "路面 #1"])
    scene = scene_of(40, 30, [FoundObject(2, 3, ring, 0), FoundObject(10, 20, two, 2)], table)
    items = items_of([scene, scene_of(9, 9, [], table)], tmp_path / "images", ["train", "val"])
    notes = write_dataset("yolo-seg", items, table, tmp_path / "out")
    assert "joined by cuts" in notes[0]
    found = ultralytics(tmp_path / "out", "train")
    assert [(stem, name) for stem, name, _ in found] == [("image0", "no"), ("image0", "路面 #1")] and not ultralytics(
        tmp_path / "out", "val"
    )
    for (_, _, mask), (x, y, part) in zip(found, ((2, 3, ~np.zeros_like(ring)), (10, 20, two))):
        ours = np.zeros((30, 40), np.bool_)
        ours[y : y + part.shape[0], x : x + part.shape[1]] = part
        # fillPoly paints the border too, and here the cut between the two parts.
        extra = mask & ~cv2.dilate(ours.astype(np.uint8), np.ones((3, 3))).astype(bool)
        assert (mask & ours).sum() == ours.sum() and extra.sum() <= 6
    assert read_dataset("yolo-seg", tmp_path / "out").splits == {"image0": "train", "image1": "val"}
    assert detect(tmp_path / "out")[0] == ("yolo-seg", 90)


def dataset(
    root, lines: str = "", data: str = "names: [cat, 狗]\r\ntrain: ../train/images\r\nval: ../valid/images\r\n"
):
    """As Roboflow leaves it: data.yaml whose paths lead out, folders a split."""
    for split in ("train", "valid"):
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
    Image.new("RGB", (20, 10)).save(root / "train" / "images" / "a b.jpg")
    (root / "train" / "labels" / "a b.txt").write_bytes(lines.encode("utf-8-sig"))
    if data:
        (root / "data.yaml").write_bytes(data.encode("utf-8-sig"))
    return root


SQUARE = "0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.8"
MASK = np.zeros((10, 20), np.bool_)
MASK[2:8, 2:10] = True


def test_roboflows_layout(tmp_path):
    found = read_dataset("yolo-seg", dataset(tmp_path, f"1 {SQUARE}\r\n"))
    assert (
        found.facts("a b")[0] == {("狗", packed(MASK)): 1} and found.splits == {"a b": "train"} and not found.problems
    )
    assert detect(tmp_path)[0][0] == "yolo-seg" and detect(tmp_path / "data.yaml")[0][0] == "yolo-seg"
    assert read_dataset("yolo-seg", tmp_path / "data.yaml").facts("a b") == found.facts("a b")


@pytest.mark.parametrize("lines", [f"1 {SQUARE} 0.93", f"1 {SQUARE}\n1 {SQUARE}"])
def test_confidences_and_lines_that_stand_twice(tmp_path, lines):
    found = read_dataset("yolo-seg", dataset(tmp_path, lines))
    assert found.facts("a b")[0] == {("狗", packed(MASK)): 1}
    assert len(found.problems) == lines.count("\n")


BAD = {
    "0 0.3 0.5 0.4 0.6": "A line holds a box, no outline: boxes are no masks",
    "0 0.1 0.1": "A line cannot be read",
    "0 0.1 0.1 0.2 0.2 0.3": "A line cannot be read: a polygon of fewer than three points",
    "0 nan 0.1 0.2 0.2 0.3 0.4": "A line cannot be read",
    "0 1e308 0.1 0.2 0.2 0.3 0.4": "A line cannot be read",
    "0 inf 0.1 0.2 0.2 0.3 0.4": "A line cannot be read",
    "0 x y z a b c": "A line cannot be read: it holds what is no number",
    f"-1 {SQUARE}": "A line cannot be read",
    f"1.5 {SQUARE}": "A line cannot be read",
    f"7 {SQUARE}": "The class 7 is not in the list of names: its objects are left out",
    "0 12 30 200 30 200 80": "An outline is left out: it is not in shares of the image's size",
    "0 0.1 0.1 0.1001 0.1 0.1 0.1001": "An outline covers no pixel",
}


def test_lines_that_hold_no_outline_are_told(tmp_path):
    found = read_dataset("yolo-seg", dataset(tmp_path, "\n".join([*BAD, f"0 {SQUARE}"])))
    assert found.facts("a b")[0] == {("cat", packed(MASK)): 1}
    assert sum(item.count for item in found.problems) == len(BAD)
    told = [item.sentence for item in found.problems]
    assert all(any(sentence.startswith(text) for sentence in told) for text in BAD.values())
    boxes = read_dataset("yolo-seg", tmp_path, {"boxes": True}).facts("a b")[0]
    box = np.zeros((10, 20), np.bool_)
    box[2:8, 2:10] = True
    assert boxes["cat", packed(box)] == 2, "centre 0.3, 0.5, size 0.4, 0.6 is the very square"


def test_an_outline_that_crosses_itself_and_one_beyond_the_edge(tmp_path):
    lines = "0 0.1 0.1 0.9 0.9 0.9 0.1 0.1 0.9\n1 -0.2 -0.2 0.25 -0.2 0.25 0.5 -0.2 0.5"
    found = read_dataset("yolo-seg", dataset(tmp_path, lines))
    corner = np.zeros((10, 20), np.bool_)
    corner[:5, :5] = True
    objects = dict(found.facts("a b")[0])
    assert objects["狗", packed(corner)] == 1 and len(objects) == 2 and not found.problems


def test_ten_million_vertices_are_refused_at_once(tmp_path):
    found = read_dataset("yolo-seg", dataset(tmp_path, "0 " + "0.1 0.2 " * 10_000_000))
    assert not found.facts("a b")[0] and "more than 2,000,000 points" in found.problems[0].sentence


def test_images_without_labels_and_labels_without_images(tmp_path):
    root = dataset(tmp_path, f"0 {SQUARE}")
    Image.new("RGB", (5, 5)).save(root / "valid" / "images" / "none.png")
    (root / "valid" / "labels" / "gone.txt").write_text(f"1 {SQUARE}")
    found = read_dataset("yolo-seg", root)
    assert set(found.layers) == {"a b", "none"} and not found.layers["none"]
    (problem,) = found.problems
    assert problem.where == "gone" and "missing" in problem.sentence
    elsewhere = tmp_path / "elsewhere.png"
    Image.new("RGB", (20, 10)).save(elsewhere)
    for images in ({"Gone.png": elsewhere}, str(tmp_path)):
        if isinstance(images, str):
            elsewhere.rename(tmp_path / "gone.png")
        found = read_dataset("yolo-seg", root, {"images": images})
        assert not found.problems and len(found.layers) == 3


def test_without_a_data_file(tmp_path):
    root = dataset(tmp_path, f"3 {SQUARE}", data="")
    assert detect(root)[0] == ("yolo-seg", 80)
    found = read_dataset("yolo-seg", root)
    assert [item.name for item in found.classes] == ["class 3"] and found.splits == {"a b": "train"}
    (root / "classes.txt").write_text("a\nb\nc\nd\n")
    assert read_dataset("yolo-seg", root).facts("a b")[0] == {("d", packed(MASK)): 1}


def test_data_files_of_all_kinds(tmp_path):
    def names(text):
        (tmp_path / "data.yaml").write_text(text, "utf-8")
        return read_data(tmp_path / "data.yaml", Limits()).names

    assert names("names:\n  0: no\n  5: 'a: b'\ntrain: x") == {0: "no", 5: "a: b"}, "gaps, and a class called no"
    assert names("names:\n- yes\n- 2001-01-01\n- 1.0\n") == {0: "yes", 1: "2001-01-01", 2: "1.0"}
    assert names("nc: 2\ntrain: x") == {0: "class 0", 1: "class 1"}
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(20)
    )
    assert names(bomb + "names: *u") == dict(enumerate(f"class {i}" for i in range(9)))
    for text in (
        "names: !!python/object/apply:os.system ['touch /tmp/never']",
        "[" * 3000,
        "names: {a: b}",
        "- 1",
        "names: 'x",
        "a: *b",
    ):
        try:
            assert all(isinstance(name, str) for name in names(text).values())
        except UserError:
            pass
    assert not os.path.exists("/tmp/never")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_nothing_outside_is_read(tmp_path):
    root = tmp_path / "d"
    dataset(
        root, f"0 {SQUARE}", data="names: [cat]\npath: /\ntrain: /etc\nval: ../../secret\ntest: C:\\train\\images\n"
    )
    (tmp_path / "secret").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "secret" / "x.png")
    (tmp_path / "out.txt").write_text(f"0 {SQUARE}")
    os.symlink(tmp_path / "out.txt", root / "train" / "labels" / "z.txt")
    os.symlink(tmp_path / "secret", root / "train" / "images" / "more")
    Image.new("RGB", (5, 5)).save(root / "train" / "images" / "z.png")
    found = read_dataset("yolo-seg", root)
    assert set(found.layers) == {"a b", "z"} and not found.layers["z"] and found.splits["z"] == "test"
    assert sum("link" in item.sentence for item in found.problems) == 2


def test_objects_come_in_boxes_that_are_no_larger_than_they_are(tmp_path):
    """Shares are rounded: a corner at 343.9999999 must not widen the box."""
    mask = np.ones((7, 9), np.bool_)
    objects = [FoundObject(x, y, mask, 0, key=(x, y)) for x in range(3, 680, 13) for y in (5, 17)]
    round_trip("yolo-seg", [scene_of(693, 31, objects)], tmp_path)
    with opened(tmp_path / "out", "yolo-seg") as importer:
        (image,) = importer.images()
        pieces = list(image.open_labels(NEVER))
    assert len(pieces) == len(objects) and all(piece.mask.shape == (7, 9) for piece in pieces)
