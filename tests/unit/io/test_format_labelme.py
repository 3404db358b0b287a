"""The labelme format: round trips, what labelme itself makes of our files, and labelme's files as they really are."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.formats.labelme_in import LabelmeImporter
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits
from tests.round_trips import (
    Scene,
    class_table,
    facts_of,
    items_of,
    read_dataset,
    round_trip,
    scenes,
    write_dataset,
)

SQUARE = [[2, 2], [6, 2], [6, 6], [2, 6]]


@settings(max_examples=30, deadline=None)
@given(scenes(overlap=True, largest=24), st.sampled_from([{}, {"masks": True}, {"image_data": True}]))
def test_what_is_written_is_read(scene: Scene, options: dict[str, Any]) -> None:
    """Holes, touching objects, overlaps, single pixels, stuff and ignored pixels all come back."""
    with tempfile.TemporaryDirectory() as folder:
        found = round_trip("labelme", [scene], Path(folder), options)
        assert found.facts() == facts_of(scene)
        assert [(one.name, one.color, one.value) for one in found.classes] == [
            (one.name, one.color, one.mask_value) for one in scene.table
        ]
        assert not found.problems


def inside(points: list[list[float]], x: float, y: float) -> bool:
    """Whether a point lies in a polygon, by counting crossings: another way than the program's."""
    is_in = False
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            is_in = not is_in
    return is_in


def drawn_by_labelme(document: dict[str, Any]) -> dict[str, np.ndarray]:
    """The pixels of each label; the keys and types that labelme's loader insists on are checked."""
    size = document["imageHeight"], document["imageWidth"]
    assert isinstance(document["version"], str) and isinstance(document["flags"], dict)
    found: dict[str, np.ndarray] = {}
    for shape in document["shapes"]:
        assert isinstance(shape["label"], str) and isinstance(shape["flags"], dict)
        assert isinstance(shape["description"], str) and isinstance(shape["group_id"], int | None)
        assert all(isinstance(value, int | float) for point in shape["points"] for value in point)
        mask = np.zeros(size, np.bool_)
        if shape["shape_type"] == "mask":
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))).astype(bool)
            (x1, y1), (x2, y2) = np.asarray(shape["points"]).astype(int)
            mask[y1 : y2 + 1, x1 : x2 + 1] = pixels
        else:
            assert shape["shape_type"] == "polygon" and shape["mask"] is None
            rows = range(size[0])
            mask[:] = [[inside(shape["points"], x + 0.5, y + 0.5) for x in range(size[1])] for y in rows]
        found[shape["label"]] = found.get(shape["label"], np.zeros(size, np.bool_)) | mask
    return found


@settings(max_examples=12, deadline=None)
@given(scenes(largest=14, most_objects=3))
def test_labelme_reads_the_same_pixels(scene: Scene) -> None:
    """By its own rules: the keys of a shape, masks with both corners inside, polygons in places of pixels' edges."""
    with tempfile.TemporaryDirectory() as folder:
        write_dataset("labelme", items_of([scene], Path(folder, "in")), scene.table, Path(folder, "out"))
        document = json.loads(Path(folder, "out", "image0.json").read_bytes())
    drawn = drawn_by_labelme(document)
    names = {0: "", 65535: "__ignore__", **{one.id: one.name for one in scene.table}}
    for layer in scene.layers:
        classes = layer.read_classes(Rect(0, 0, scene.width, scene.height))
        for number in np.unique(classes).tolist():
            if number:
                assert drawn[names[number]][classes == number].all()
    assert sum(int(mask.sum()) for mask in drawn.values()) == sum(
        int((layer.read(layer.bounds) != 0).sum()) for layer in scene.layers
    )


def a_scene(*, holes: bool = False) -> Scene:
    from segstudio.core.layer_builder import FoundObject, LayerBuilder

    table = class_table(2)
    mask = np.ones((5, 6), np.bool_)
    if holes:
        mask[2, 2] = False
    first = FoundObject(1, 2, mask, 0, source="model", model_id="net@2", confidence=0.25, is_reviewed=True)
    second = FoundObject(8, 1, np.ones((2, 2), np.bool_), 1, is_object=False, source="accepted", model_id="net")
    builder = LayerBuilder(12, 9, [item.id for item in table]).add_all([first, second])
    return Scene(builder.layers, 12, 9, table)


def test_who_made_it_comes_back_and_bytes_are_the_same(tmp_path: Path) -> None:
    scene = a_scene()
    found = round_trip("labelme", [scene], tmp_path)
    segments = sorted(found.layers["image0"][0].segments.values(), key=lambda one: one.id)
    wanted = sorted(scene.layers[0].segments.values(), key=lambda one: one.is_object)
    assert [replace(one, id=0) for one in segments] == [replace(one, id=0) for one in wanted]
    first = (tmp_path / "out" / "image0.json").read_bytes()
    write_dataset("labelme", items_of([scene], tmp_path / "images"), scene.table, tmp_path / "again")
    assert (tmp_path / "again" / "image0.json").read_bytes() == first


def test_holes_are_told_and_splits_are_kept(tmp_path: Path) -> None:
    scene = a_scene(holes=True)
    items = items_of([scene, scene], tmp_path / "in", ["train", "odd one"])
    notes = write_dataset("labelme", items, scene.table, tmp_path / "out")
    assert notes == ["labelme's polygons cannot hold holes: 2 segments were written as masks."]
    found = read_dataset("labelme", tmp_path / "out")
    assert found.splits == {"image0": "train", "image1": "odd one"}
    assert all(found.images.values())
    assert detect(tmp_path / "out")[0] == ("labelme", 95)
    (tmp_path / "out" / "train" / "image0.json").write_text(
        (tmp_path / "out" / "train" / "image0.json").read_text("utf-8").replace('"points":[[8,1]', '"points":[[7,1]'),
        "utf-8",
    )
    from segstudio.io.formats.labelme import LabelmeExporter

    assert LabelmeExporter(tmp_path / "out", scene.table, {}).differs(items[0], NEVER)


def test_a_class_with_labelmes_own_word_is_refused(tmp_path: Path) -> None:
    from segstudio.io.formats.labelme import LabelmeExporter

    with pytest.raises(UserError, match="__ignore__"):
        LabelmeExporter(tmp_path / "out", class_table(1).added("__ignore__"), {})


def a_document(*shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "4.5.6",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "a b.png",
        "imageData": None,
        "imageHeight": 20,
        "imageWidth": 30,
        **more,
    }


def a_shape(points: Any, kind: Any = "polygon", label: Any = "cell", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def read_one(
    folder: Path, document: Any, *, raw: bytes | None = None, **options: Any
) -> tuple[np.ndarray, list[Any], list[str]]:
    """(class index + 1 of each pixel, segments, sentences) of one file."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "a b.json").write_bytes(json.dumps(document).encode() if raw is None else raw)
    with opened(folder, "labelme", options) as importer:
        found = list(importer.images())
        if not found:
            return np.zeros((0, 0)), [], [one.sentence for one in importer.problems]
        layers = build_layers(found[0], range(1, len(importer.classes) + 1)).layers
        told = [one.sentence for one in importer.problems]
    shown = np.zeros((20, 30), int)
    segments = []
    for layer in layers:
        part = layer.read_classes(layer.bounds)
        shown = np.where(part, part, shown)
        segments += list(layer.segments.values())
    return shown, segments, told


def test_shapes_become_areas(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(np.array([[1, 0], [1, 1]], np.uint8) * 255).save(png, format="PNG")
    mask = base64.b64encode(png.getvalue()).decode()
    cases: list[tuple[dict[str, Any], int]] = [
        (a_shape(SQUARE), 16),
        (a_shape(SQUARE, None), 16),
        (a_shape([[6, 6], [2, 2]], "rectangle"), 16),
        (a_shape(SQUARE, "oriented_rectangle"), 16),
        (a_shape([[10, 10], [13, 10]], "circle"), int(sum((x + 0.5) ** 2 + (y + 0.5) ** 2 <= 9 for x in range(-4, 4) for y in range(-4, 4)))),
        (a_shape([[5, 5], [6, 6]], "mask", mask=mask), 3),
        (a_shape([[-3, -3], [2, -3], [2, 2], [-3, 2]]), 4),
        (a_shape([[0, 0], [4, 4], [4, 0], [0, 4]]), 4 + 4),
    ]  # fmt: skip
    for number, (shape, count) in enumerate(cases):
        shown, _, told = read_one(tmp_path / str(number), a_document(shape))
        assert (int((shown == 1).sum()), told) == (count, []), shape


def test_lines_and_points_are_drawn_as_labelme_draws_them(tmp_path: Path) -> None:
    line = a_shape([[5, 10], [20, 10]], "line")
    shown, _, told = read_one(tmp_path / "a", a_document(line))
    assert shown[5:15, 10].all() and not shown[4, 10] and not shown[15, 10]
    assert told == ["Lines came as areas 10 pixels wide, as labelme draws them"]
    shown, _, told = read_one(tmp_path / "b", a_document(a_shape([[15, 10]], "point")))
    assert shown[5:16, 15].sum() >= 10 and told == ["Points came as areas 11 pixels wide, as labelme draws them"]
    shown, _, told = read_one(tmp_path / "c", a_document(line), line_width=0)
    assert not shown.any() and told == ["Left out: a line"]


def test_groups_holes_and_ignored_pixels(tmp_path: Path) -> None:
    far = [[x + 10, y] for x, y in SQUARE]
    hole = [[3, 3], [4, 3], [4, 4], [3, 4]]
    shown, segments, told = read_one(
        tmp_path,
        a_document(
            a_shape(hole, label="_background_"),
            a_shape(SQUARE, group_id=4),
            a_shape(far, group_id=4),
            a_shape(hole, label="_background_"),
            a_shape([[20, 10], [22, 10], [22, 12], [20, 12]], label="__ignore__"),
        ),
    )
    assert told == [] and len(segments) == 1 and segments[0].is_object and segments[0].source == "import"
    assert (shown == 1).sum() == 31 and shown[3, 3] == 0 and (shown == 65535).sum() == 4


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (a_shape([[1, 1], [5, 5]]), "a polygon of fewer than three points"),
        (a_shape([[1, 1, 1], [5, 5, 1]]), "a shape whose points are no list of x and y"),
        (a_shape("12"), "a shape whose points are no list of x and y"),
        (a_shape([[0, 0], [1e308, 0], [5, 5]]), "a polygon with a point that is no place in an image"),
        (a_shape([[0, 0], ["a", 0], [5, 5]]), "a polygon that is no list of numbers"),
        (a_shape([[40, 40], [50, 40], [50, 50]]), "a shape that covers the centre of no pixel of the image"),
        (a_shape([[1, 1]], "circle"), "a shape with too few points"),
        (a_shape([[1, 1], [1e9, 1]], "circle"), "a shape with a value that is no place in an image"),
        (a_shape([[1, 1], [2, 2]], "mask", mask="no base64!"), "a picture that is no base64 text"),
        (a_shape([[1, 1], [2, 2]], "mask", mask="QUJD"), "a mask that is no picture"),
        (a_shape([[1, 1], [2, 2]], "mask"), "a picture that is no base64 text"),
        (a_shape(SQUARE, "spline"), "a shape of the type “spline”, which has no area that is known"),
        (a_shape(SQUARE, ["polygon"]), "a shape of the type “['polygon']”, which has no area that is known"),
        (a_shape(SQUARE, label=""), "a shape without a label"),
        (a_shape(SQUARE, label=None), "a shape without a label"),
    ],
)  # fmt: skip
def test_what_cannot_come_is_told(tmp_path: Path, shape: dict[str, Any], sentence: str) -> None:
    shown, _, told = read_one(
        tmp_path, a_document(shape, a_shape([[20, 10], [25, 10], [25, 15], [20, 15]], label="other"))
    )
    assert told == [f"Left out: {sentence}"]
    assert (shown != 0).sum() == 25


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1, 2]", b'{"shapes": 3}', b'{"shapes": [NaN]}', b"[" * 100_000, b'{"shapes":' * 5000]
)
def test_damaged_files_are_told(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "good.json").write_text(json.dumps(a_document(a_shape(SQUARE), imagePath="good.png")))
    _, segments, told = read_one(tmp_path, None, raw=text)
    assert len(told) == 1 and len(segments) == 1


def test_a_mask_larger_than_the_image_is_not_decoded(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.new("1", (9000, 9000)).save(png, format="PNG")
    shape = a_shape([[1, 1], [2, 2]], "mask", mask=base64.b64encode(png.getvalue()).decode())
    assert read_one(tmp_path, a_document(shape))[2] == ["Left out: a mask that is larger than the image"]


def test_too_many_vertices_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(a_document(a_shape([[x % 7, x % 5] for x in range(300)]))))
    importer = LabelmeImporter(tmp_path, {}, Limits(vertices=200))
    assert not list(next(importer.images()).open_labels(NEVER))
    assert importer.problems[0].sentence == "Left out: a polygon of more than 200 points"


def find(folder: Path) -> Any:
    return next(LabelmeImporter(folder, {}, Limits()).images())


def test_images_are_found_however_they_are_named(tmp_path: Path) -> None:
    for name in ("images/细胞 1.png", "labels/x.txt", "other/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes())
    for named, where in {
        "..\\images\\细胞 1.png": "images/细胞 1.png",
        "C:\\Users\\我\\Desktop\\细胞 1.png": "images/细胞 1.png",
        "/data/me/细胞 1.png": "images/细胞 1.png",
        "../../../etc/passwd": None,
        "../other/b.png": "other/b.png",
        "b.png": None,
        "": None,
        "nul\0.png": None,
    }.items():
        text = json.dumps(a_document(imagePath=named), ensure_ascii=False).replace("\n", "\r\n")
        (tmp_path / "labels" / "a.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
        found = find(tmp_path)
        assert found.image == (tmp_path / where if where else None), named
        assert bool(found.reason) == (where is None)


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json").write_text(json.dumps(a_document(a_shape(SQUARE))))
    (outside / "a b.png").write_bytes(cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes())
    data = tmp_path / "data"
    data.mkdir()
    (data / "link.json").symlink_to(outside / "a.json")
    (data / "folder").symlink_to(outside)
    assert not list(LabelmeImporter(data, {}, Limits()).images())
    (data / "b.json").write_text(json.dumps(a_document(a_shape(SQUARE))))
    (data / "a b.png").symlink_to(outside / "a b.png")
    assert find(data).image is None


def test_an_embedded_image_is_saved(tmp_path: Path) -> None:
    shades = np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    png = cv2.imencode(".png", shades)[1].tobytes()
    data = base64.b64encode(png).decode()
    document = a_document(a_shape(SQUARE), imageData=data, imagePath="gone.png", imageHeight=None)
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = find(tmp_path)
    assert (found.name, found.image, found.width, found.height, found.reason) == ("gone.png", None, 30, 20, "")
    found.save_image(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes() == png
    found.save_image(tmp_path / "saved.tif")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "saved.tif")), shades)
    (tmp_path / "a.json").write_text(json.dumps({**document, "imageData": "QUJD"}))
    found = find(tmp_path)
    assert (found.width, found.height) == (0, 0) and not list(found.open_labels(NEVER))
    with pytest.raises(UserError, match="no picture"):
        found.save_image(tmp_path / "saved.png")


def test_a_turned_photo_has_the_size_it_is_shown_with(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "a b.jpg", exif=exif)
    document = a_document(imagePath="a b.jpg", imageWidth=None)
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert (find(tmp_path).width, find(tmp_path).height) == (20, 30)


def test_two_files_for_one_image_are_told(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(a_document(a_shape(SQUARE))))
    importer = LabelmeImporter(tmp_path, {}, Limits())
    assert len(list(importer.images())) == len(list(importer.images())) == 1
    assert [(one.where, one.sentence, one.count) for one in importer.problems] == [
        ("b.json", "The file is for a b.png as one before; it was left out", 1)
    ]
