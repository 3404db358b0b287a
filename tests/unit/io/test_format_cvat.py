"""CVAT for images 1.1: round trips, a reader written from CVAT's description, and CVAT's files as they really are."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import FoundObject, LayerBuilder
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.cvat import CvatExporter
from segstudio.io.formats.cvat_in import CvatImporter
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.table import entry_of, load_target
from tests.round_trips import Scene, class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset


@settings(max_examples=30, deadline=None)
@given(scenes(overlap=True, largest=24), st.booleans())
def test_what_is_written_is_read(scene: Scene, polygons: bool) -> None:
    """Holes, touching objects, overlaps, single pixels, stuff and ignored pixels all come back."""
    with tempfile.TemporaryDirectory() as folder:
        found = round_trip("cvat", [scene], Path(folder), {"polygons": polygons})
        assert found.facts() == facts_of(scene)
        assert [(one.name, one.color, one.value) for one in found.classes] == [
            (one.name, one.color, one.mask_value) for one in scene.table
        ]
        assert not found.problems


def masks_of(path: Path) -> dict[str, np.ndarray]:
    """The pixels of each label of a file with one image, by CVAT's description of ``<mask>``."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "annotations" and root.findtext("version") == "1.1"
    assert root.findtext("meta/task/size") == "1"
    known = {label.findtext("name") for label in root.iter("label")}
    (image,) = root.findall("image")
    size = int(image.attrib["height"]), int(image.attrib["width"])
    found: dict[str, np.ndarray] = {}
    for shape in image:
        assert shape.tag == "mask" and shape.attrib["label"] in known
        values: list[int] = []
        for number, count in enumerate(shape.attrib["rle"].split(", ")):
            values += [number % 2] * int(count)
        left, top, width, height = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
        mask = found.setdefault(shape.attrib["label"], np.zeros(size, np.bool_))
        part = np.array(values, bool).reshape(height, width)
        assert part.any(axis=1)[[0, -1]].all() and part.any(axis=0)[[0, -1]].all()
        mask[top : top + height, left : left + width] |= part
    return found


@settings(max_examples=15, deadline=None)
@given(scenes(overlap=True, largest=20))
def test_a_reader_by_the_description_sees_the_same_pixels(scene: Scene) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_dataset("cvat", items_of([scene], Path(folder, "in")), scene.table, Path(folder, "out"))
        found = masks_of(Path(folder, "out", "annotations.xml"))
    names = {65535: "__ignore__", **{one.id: one.name for one in scene.table}}
    wanted: dict[str, np.ndarray] = {}
    for layer in scene.layers:
        classes = layer.read_classes(Rect(0, 0, scene.width, scene.height))
        for number in np.unique(classes[classes > 0]).tolist():
            mask = wanted.setdefault(names[number], np.zeros(classes.shape, np.bool_))
            mask |= classes == number
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_who_made_it_splits_and_bytes(tmp_path: Path) -> None:
    table = class_table(2)
    given_ = [
        FoundObject(1, 2, np.ones((3, 3), np.bool_), 0, source="model", model_id="net & <co>", confidence=0.25),
        FoundObject(5, 2, np.ones((3, 3), np.bool_), 0, source="accepted", is_reviewed=True),
        FoundObject(8, 1, np.ones((2, 2), np.bool_), 1, is_object=False, source="hand"),
        FoundObject(1, 2, np.ones((3, 3), np.bool_), 1),
    ]
    scene = Scene(LayerBuilder(12, 9, [one.id for one in table]).add_all(given_).layers, 12, 9, table)
    items = items_of([scene, scene], tmp_path / "in", ["train", "odd one"])
    assert write_dataset("cvat", items, table, tmp_path / "a") == []
    write_dataset("cvat", items, table, tmp_path / "b")
    assert (tmp_path / "a" / "annotations.xml").read_bytes() == (tmp_path / "b" / "annotations.xml").read_bytes()
    assert not list((tmp_path / "a").glob(".*"))
    found = read_dataset("cvat", tmp_path / "a")
    assert found.splits == {"image0": "train", "image1": "odd one"} and all(found.images.values())
    assert detect(tmp_path / "a")[0] == ("cvat", 95)
    for written, read in zip(scene.layers, found.layers["image0"], strict=True):
        key = lambda one: (one.class_id, one.source)  # noqa: E731
        rows = [sorted((replace(one, id=0) for one in layer.segments.values()), key=key) for layer in (written, read)]
        assert rows[0] == rows[1]
    text = (tmp_path / "a" / "annotations.xml").read_text("utf-8")
    (tmp_path / "a" / "annotations.xml").write_text(text.replace('left="5"', 'left="6"', 1), "utf-8")
    exporter = CvatExporter(tmp_path / "a", table, {})
    assert exporter.differs(items[0], NEVER) and not exporter.differs(items[1], NEVER)


def test_holes_are_told(tmp_path: Path) -> None:
    table = class_table(1)
    mask = np.ones((5, 5), np.bool_)
    mask[2, 2] = False
    scene = Scene(LayerBuilder(9, 9, [1]).add_all([FoundObject(1, 1, mask, 0)]).layers, 9, 9, table)
    notes = write_dataset("cvat", items_of([scene], tmp_path / "in"), table, tmp_path / "out", {"polygons": True})
    assert notes == ["CVAT's polygons cannot hold holes: 1 segments were written as masks."]
    with pytest.raises(UserError, match="__ignore__"):
        CvatExporter(tmp_path / "x", table.added("__ignore__"), {})


HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><labels>'
LABELS = "<label><name>car</name><color>#FF0000</color></label><label><name>never used</name></label>"


def a_file(*shapes: str, name: str = "a.png", labels: str = LABELS, size: str = 'width="30" height="20"') -> str:
    image = f'<image id="7" name="{name}" {size}>{"".join(shapes)}</image>'
    return f"{HEAD}{labels}</labels></task></meta>{image}</annotations>"


def read_one(folder: Path, text: str | bytes) -> tuple[np.ndarray, list[Any], list[str]]:
    """(class index + 1 of each pixel, segments, sentences)."""
    folder.mkdir(exist_ok=True)
    (folder / "annotations.xml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with opened(folder, "cvat") as importer:
        found = next(importer.images())
        layers = build_layers(found, range(1, len(importer.classes) + 1)).layers
        told = [one.sentence for one in importer.problems]
    shown = np.zeros((20, 30), int)
    for layer in layers:
        part = layer.read_classes(layer.bounds)
        shown = np.where(part, part, shown)
    return shown, [one for layer in layers for one in layer.segments.values()], told


POLYGON = (
    '<polygon label="car" source="manual" occluded="0" points="2.00,2.00;6.00,2.00;6.00,6.00;2.00,6.00" z_order="0"/>'
)


def test_shapes_become_areas(tmp_path: Path) -> None:
    for number, (shape, count, told) in enumerate(
        [
            (POLYGON, 16, []),
            ('<box label="car" xtl="2" ytl="2" xbr="6.0" ybr="6"/>', 16, ["Boxes came as filled rectangles"]),
            (
                '<box label="car" xtl="2" ytl="4" xbr="8" ybr="6" rotation="90"/>',
                12,
                ["Boxes came as filled rectangles"],
            ),
            ('<ellipse label="car" cx="10" cy="10" rx="4" ry="2"/>', 28, []),
            ('<ellipse label="car" cx="10" cy="10" rx="4" ry="2" rotation="90.0"/>', 28, []),
            ('<mask label="car" rle="1, 2, 1" left="3" top="4" width="2" height="2"/>', 2, []),
            ('<mask label="car" rle="0,3" left="3" top="4" width="2" height="2"/>', 3, []),
            ('<mask label="car" rle="0, 8" left="-1" top="-1" width="2" height="4"/>', 3, []),
        ]
    ):
        shown, _, sentences = read_one(tmp_path / str(number), a_file(shape))
        assert (int((shown == 1).sum()), sentences) == (count, told), shape


def test_upper_shapes_lie_over_lower_ones_and_groups_are_one_object(tmp_path: Path) -> None:
    upper = POLYGON.replace('"car"', '"top"').replace('z_order="0"', 'z_order="2"')
    far = POLYGON.replace("2.00,", "12.00,").replace("6.00,", "16.00,").replace("<polygon", '<polygon group_id="3"')
    near = POLYGON.replace(",2.00", ",12.00").replace(",6.00", ",16.00").replace("<polygon", '<polygon group_id="3"')
    shown, segments, told = read_one(tmp_path, a_file(upper, POLYGON, far, near))
    assert told == [] and len(segments) == 3 and all(one.source == "import" and one.is_object for one in segments)
    assert (shown[2:6, 2:6] == 3).all() and (shown == 1).sum() == 32


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ('<polyline label="car" points="1,1;5,5"/>', "lines, which have no area"),
        ('<points label="car" points="1,1"/>', "points, which have no area"),
        ('<cuboid label="car" xtl1="1"/>', "cuboids, which have no area"),
        ('<tag label="car"/>', "tags, which have no area"),
        ('<blob label="car"/>', "a shape of the unknown kind “blob”"),
        ('<polygon label="car" points="1,1;5,5"/>', "a polygon of fewer than three points"),
        ('<polygon label="car"/>', "a polygon of fewer than three points"),
        ('<polygon label="car" points="1,1;nan,5;7,7"/>', "a polygon with a point that is no place in an image"),
        ('<polygon label="car" points="1,1;1e308,5;7,7"/>', "a polygon with a point that is no place in an image"),
        ('<polygon label="car" points="1,1;x,5;7,7"/>', "a polygon that is no list of numbers"),
        ('<polygon label="car" points="1,1;5;7,7"/>', "a polygon with an x that has no y"),
        ('<box label="car" xtl="2" ytl="2" xbr="6"/>', "a shape with a value that is no number"),
        ('<ellipse label="car" cx="5" cy="5" rx="0" ry="2"/>', "an ellipse without a size"),
        ('<ellipse label="car" cx="5" cy="5" rx="1e9" ry="2"/>', "a shape with a value that is no place in an image"),
        ('<mask label="car" rle="1, 9" left="3" top="4" width="2" height="2"/>', "a mask whose run lengths do not add up to its box"),
        ('<mask label="car" rle="-1, 2" left="3" top="4" width="2" height="2"/>', "a mask whose run lengths do not add up to its box"),
        ('<mask label="car" rle="" left="3" top="4" width="2" height="2"/>', "a mask whose run lengths are no numbers"),
        (f'<mask label="car" rle="1,{9**40}" left="3" top="4" width="2" height="2"/>', "a mask whose run lengths are no numbers"),
        ('<mask label="car" rle="4" left="3" top="4" width="2" height="2"/>', "a mask without pixels in the image"),
        ('<mask label="car" rle="0, 4" left="90" top="4" width="2" height="2"/>', "a mask without pixels in the image"),
        (POLYGON.replace('label="car"', ""), "a shape without a label"),
    ],
)  # fmt: skip
def test_what_cannot_come_is_told(tmp_path: Path, shape: str, sentence: str) -> None:
    shown, _, told = read_one(tmp_path, a_file(shape, POLYGON))
    assert told == [f"Left out: {sentence}"]
    assert (shown == 1).sum() == 16


def test_a_mask_that_claims_a_huge_box_takes_no_memory(tmp_path: Path) -> None:
    _, _, told = read_one(
        tmp_path, a_file('<mask label="car" rle="0, 4" left="0" top="0" width="99999" height="99999"/>')
    )
    assert told == ["Left out: a mask whose box has no size, or a larger one than the image"]


def test_files_of_other_hands(tmp_path: Path) -> None:
    """BOM, CRLF, UTF-16, no head, Chinese labels."""
    text = a_file(POLYGON.replace("car", "汽车"), labels="").replace("><", ">\r\n<")
    for number, data in enumerate([b"\xef\xbb\xbf" + text.encode(), text.replace("utf-8", "utf-16").encode("utf-16")]):
        shown, _, told = read_one(tmp_path / str(number), data)
        assert (shown == 1).sum() == 16 and told == []
        assert CvatImporter(tmp_path / str(number), {}, Limits()).classes[0].name == "汽车"


def test_classes_nobody_used_and_colours_come(tmp_path: Path) -> None:
    read_one(tmp_path, a_file(POLYGON))
    found = CvatImporter(tmp_path / "annotations.xml", {}, Limits()).classes
    assert [(one.name, one.color) for one in found] == [("car", "#ff0000"), ("never used", "")]


def test_images_are_found_and_nothing_outside(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
    (tmp_path / "outside.png").write_bytes(png)
    data = tmp_path / "data"
    for name in ("images/a b.png", "images/sub/c.png", "images/train/d.png"):
        (data / name).parent.mkdir(exist_ok=True, parents=True)
        (data / name).write_bytes(png)
    (data / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    cases = {"a b.png": "a b.png", "C:\\my\\a b.png": "a b.png", "/x/a b.png": "a b.png", "sub/c.png": "sub/c.png"}
    for named in ["../outside.png", "../../outside.png", str(tmp_path / "outside.png"), "link.png", "gone.png"]:
        cases[named] = ""
    for named, where in cases.items():
        (data / "annotations.xml").write_text(a_file(POLYGON, name=named))
        found = next(CvatImporter(data, {}, Limits()).images())
        assert found.image == (data / "images" / where if where else None), named
        assert bool(found.reason) == (not where)
    (data / "annotations.xml").write_text(a_file(name="d.png").replace("<image", '<image subset="train"'))
    found = next(CvatImporter(data, {}, Limits()).images())
    assert found.image == data / "images" / "train" / "d.png" and found.split == "train"
    (data / "annotations.xml").write_text(a_file(POLYGON, name="a b.png", size='width="x"'))
    found = next(CvatImporter(data, {}, Limits()).images())
    assert (found.width, found.height) == (30, 20)
    (data / "annotations.xml").write_text(a_file(POLYGON, name="gone.png", size=""))
    importer = CvatImporter(data, {}, Limits())
    assert not list(next(importer.images()).open_labels(NEVER)) and len(importer.problems) == 1


def test_images_named_twice_or_not_at_all_are_told(tmp_path: Path) -> None:
    text = a_file(POLYGON).replace("</annotations>", '<image id="8" name="a.png"/><image id="9"/></annotations>')
    (tmp_path / "annotations.xml").write_text(text)
    importer = CvatImporter(tmp_path, {}, Limits())
    assert len(list(importer.images())) == len(list(importer.images())) == 1
    assert [(one.where, one.count) for one in importer.problems] == [("a.png", 1), ("annotations.xml", 1)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'{HEAD}</labels></task></meta><track id="0" label="car"><box frame="0"/></track></annotations>', "videos"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations><meta><task>&b;</task></meta></annotations>', "entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations><image name="a"/></annotations>', "entities"),
        (HEAD, "no XML"),
        ("", "no XML"),
        ("<annotations>" + "<a>" * 500 + "</a>" * 500 + "</annotations>", "nested"),
    ],
)
def test_what_is_refused_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "annotations.xml").write_text(text)
    importer = CvatImporter(tmp_path, {}, Limits())
    with pytest.raises(UserError, match=sentence):
        list(importer.images())
    with pytest.raises(UserError, match=sentence):
        _ = importer.classes


def test_other_xml_is_not_taken_for_cvats(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation><object><name>car</name></object></annotation>")
    assert CvatImporter.looks_like(tmp_path) == CvatImporter.looks_like(tmp_path / "a.xml") == 0
    with pytest.raises(UserError, match="no XML file of CVAT"):
        CvatImporter(tmp_path, {}, Limits())


@pytest.mark.parametrize("format_id", ["cvat", "labelme", "label-studio"])
def test_images_too_large_to_be_drawn_are_refused_by_name(tmp_path: Path, format_id: str) -> None:
    entry = entry_of(format_id)
    exporter = load_target(entry.target)(tmp_path / "out", class_table(1), entry.options)
    item = ExportItem(1, "a", "a.png", tmp_path / "a.png", 30_000, 30_000, None, list)
    with pytest.raises(UserError, match="too large") as told:
        exporter.write(item, NEVER)
    assert told.value.path == item.image_file
