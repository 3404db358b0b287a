"""Label Studio: round trips, its run lengths by its own description, and its exports as they really are."""

from __future__ import annotations

import base64
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

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import FoundObject, LayerBuilder
from segstudio.core.row_runs import runs_of_mask
from segstudio.io.formats import brush_rle
from segstudio.io.formats.label_studio import LabelStudioExporter
from segstudio.io.formats.label_studio_in import LabelStudioImporter
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits
from tests.round_trips import Scene, class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset


@settings(max_examples=30, deadline=None)
@given(scenes(overlap=True, largest=24), st.booleans())
def test_what_is_written_is_read(scene: Scene, polygons: bool) -> None:
    """Holes, touching objects, overlaps, single pixels, stuff and ignored pixels all come back."""
    with tempfile.TemporaryDirectory() as folder:
        found = round_trip("label-studio", [scene], Path(folder), {"polygons": polygons})
        assert found.facts() == facts_of(scene)
        assert [(one.name, one.color, one.value) for one in found.classes] == [
            (one.name, one.color, one.mask_value) for one in scene.table
        ]
        assert not found.problems


class Bits:
    """Numbers of given bits, one after the other, from text of 0 and 1."""

    def __init__(self, data: list[int]) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        part = self._text[self._at : self._at + count]
        assert len(part) == count
        self._at += count
        return int(part, 2)


def by_description(rle: list[int]) -> list[int]:
    """All values of rle-pack data, as its description says, bit by bit."""
    bits = Bits(rle)
    count, word = bits.take(32), bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        is_run = bits.take(1)
        length = bits.take(sizes[bits.take(2)]) + 1
        values += [bits.take(word)] * length if is_run else [bits.take(word) for _ in range(length)]
    return values


def with_literals(values: list[int], seed: int) -> list[int]:
    """The same data as a browser writes it: stretches of single values between the runs."""
    rng = np.random.default_rng(seed)
    text = f"{len(values):032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    at = 0
    while at < len(values):
        if rng.random() < 0.5:
            part = values[at : at + int(rng.integers(1, 30))]
            text += "0" + "10" + f"{len(part) - 1:08b}" + "".join(f"{value:08b}" for value in part)
        else:
            end = at
            while end < len(values) and values[end] == values[at] and end - at < 250:
                end += 1
            part = values[at:end]
            text += "1" + "11" + f"{len(part) - 1:016b}" + f"{values[at]:08b}"
        at += len(part)
    text += "0" * (-len(text) % 8)
    return [int(text[place : place + 8], 2) for place in range(0, len(text), 8)]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_run_lengths_are_those_of_the_description(height: int, width: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < share
    runs = runs_of_mask(mask)
    rle = brush_rle.encode(runs, width, height)
    assert by_description(rle) == np.repeat(mask.ravel() * 255, 4).tolist()
    assert brush_rle.decode(rle, width, height).same(runs)
    alpha = np.where(mask, rng.integers(128, 256, mask.shape), rng.integers(0, 128, mask.shape))
    picture = np.stack([*rng.integers(0, 256, (3, height, width)), alpha], axis=-1)
    if mask.any():
        assert brush_rle.decode(with_literals(picture.ravel().tolist(), seed), width, height).same(runs)
    faint = with_literals(np.repeat(mask.ravel() * 1, 4).tolist(), seed)
    assert brush_rle.decode(faint, width, height).same(runs)


def test_long_runs_are_cut_where_the_format_ends() -> None:
    mask = np.zeros((300, 400), np.bool_)
    mask[100:290] = True
    rle = brush_rle.encode(runs_of_mask(mask), 400, 300)
    assert len(rle) < 60 and by_description(rle) == np.repeat(mask.ravel() * 255, 4).tolist()
    assert brush_rle.decode(rle, 400, 300).area == mask.sum()


GOOD = brush_rle.encode(runs_of_mask(np.eye(20, 30, dtype=bool)), 30, 20)


@pytest.mark.parametrize(
    ("rle", "sentence"),
    [
        ([], "not of the image's size"),
        (GOOD[:6], "not of the image's size"),
        (GOOD[:20], "cut off"),
        ([255, 255, 255, 255, *GOOD[4:]], "not of the image's size"),
        ([*GOOD[:4], 255, *GOOD[5:]], "values of 32 bits"),
        ([*GOOD[:7], 256], "no bytes"),
        ([*GOOD[:7], "a"], "no bytes"),
        ([*GOOD[:7], *[255] * 40], "longer than the image"),
        (10**9, "no bytes"),
    ],
)
def test_damaged_run_lengths_are_refused(rle: Any, sentence: str) -> None:
    given_ = rle if isinstance(rle, list) else [rle]
    with pytest.raises(ValueError, match=sentence):
        brush_rle.decode(given_, 30, 20)


def test_who_made_it_splits_and_bytes(tmp_path: Path) -> None:
    table = class_table(2)
    ring = np.ones((3, 3), np.bool_)
    ring[1, 1] = False
    given_ = [
        FoundObject(1, 2, ring, 0, source="model", model_id="net", confidence=0.25),
        FoundObject(5, 2, np.ones((3, 3), np.bool_), 0, source="accepted", is_reviewed=True),
        FoundObject(8, 1, np.ones((2, 2), np.bool_), 1, is_object=False, source="hand"),
        FoundObject(1, 2, np.ones((3, 3), np.bool_), 1),
    ]
    scene = Scene(LayerBuilder(12, 9, [one.id for one in table]).add_all(given_).layers, 12, 9, table)
    items = items_of([scene, scene], tmp_path / "in", ["train", "odd one"])
    notes = write_dataset("label-studio", items, table, tmp_path / "a", {"polygons": True})
    assert notes[0] == "Polygons cannot hold holes: 2 segments were written as brush regions."
    write_dataset("label-studio", items, table, tmp_path / "b", {"polygons": True})
    assert (tmp_path / "a" / "tasks.json").read_bytes() == (tmp_path / "b" / "tasks.json").read_bytes()
    found = read_dataset("label-studio", tmp_path / "a")
    assert found.splits == {"image0": "train", "image1": "odd one"} and all(found.images.values())
    assert detect(tmp_path / "a")[0] == ("label-studio", 95)
    for written, read in zip(scene.layers, found.layers["image0"], strict=True):
        rows = [
            sorted((replace(one, id=0) for one in layer.segments.values()), key=lambda one: (one.class_id, one.source))
            for layer in (written, read)
        ]
        assert rows[0] == rows[1]
    text = (tmp_path / "a" / "tasks.json").read_text("utf-8")
    (tmp_path / "a" / "tasks.json").write_text(text.replace('"is_object":false', '"is_object":true', 1), "utf-8")
    exporter = LabelStudioExporter(tmp_path / "a", table, {})
    assert exporter.differs(items[0], NEVER) and not exporter.differs(items[1], NEVER)


def a_region(kind: str, value: dict[str, Any], label: str | None = "car", **more: Any) -> dict[str, Any]:
    labels = {f"{kind}labels": [label]} if label else {}
    region = {"id": "x", "type": f"{kind}labels", "original_width": 30, "original_height": 20, "image_rotation": 0}
    return {**region, "value": {**value, **labels}, **more}


SQUARE = {"points": [[10, 10], [20, 10], [20, 30], [10, 30]]}
CAR = a_region("polygon", SQUARE)


def a_task(*regions: dict[str, Any], image: str = "a.png", **more: Any) -> dict[str, Any]:
    return {"id": 5, "data": {"image": image}, "annotations": [{"id": 1, "result": list(regions)}], **more}


def read_one(folder: Path, tasks: Any, **options: Any) -> tuple[np.ndarray, list[Any], list[str]]:
    """(class index + 1 of each pixel, segments, sentences)."""
    folder.mkdir(exist_ok=True)
    (folder / "export.json").write_bytes(tasks if isinstance(tasks, bytes) else json.dumps(tasks).encode())
    with opened(folder, "label-studio", options) as importer:
        found = next(importer.images())
        layers = build_layers(found, range(1, len(importer.classes) + 1), (30, 20, 1)).layers
        told = [one.sentence for one in importer.problems]
    shown = np.zeros((20, 30), int)
    for layer in layers:
        part = layer.read_classes(layer.bounds)
        shown = np.where(part, part, shown)
    return shown, [one for layer in layers for one in layer.segments.values()], told


def test_regions_become_areas(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.eye(20, 30, dtype=np.uint8) * 255)[1].tobytes()
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    rectangle = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    told = ["Rectangles came as filled areas"]
    for number, (region, count, sentences) in enumerate(
        [
            (CAR, 12, []),
            (a_region("brush", {"format": "rle", "rle": GOOD}), 20, []),
            (a_region("bitmask", {"imageDataURL": url}), 20, []),
            (a_region("rectangle", rectangle), 24, told),
            (a_region("rectangle", {**rectangle, "x": 50, "rotation": 90}), 24, told),
            (a_region("ellipse", {"x": 50, "y": 50, "radiusX": 4 / 0.3, "radiusY": 10, "rotation": 0}), 28, []),
            (a_region("ellipse", {"x": 50, "y": 50, "radiusX": 4 / 0.3, "radiusY": 10, "rotation": 90}), 28, []),
        ]
    ):
        shown, segments, found = read_one(tmp_path / str(number), [a_task(region)])
        assert (int((shown == 1).sum()), found) == (count, sentences), region
        assert [(one.source, one.is_object) for one in segments] == [("import", True)]


def test_labels_of_their_own_and_json_min(tmp_path: Path) -> None:
    """Brush + Labels tags give two results with one id; JSON-MIN has the regions under the tags' names."""
    plain = a_region("polygon", SQUARE, None, type="polygon")
    label = a_region("", {**SQUARE, "labels": ["汽车"]}, None, type="labels")
    assert (read_one(tmp_path, [a_task(plain, label)])[0] == 1).sum() == 12
    small = [{"id": 3, "image": "a.png", "label": [{**CAR["value"], "original_width": 30, "original_height": 20}]}]
    shown, _, told = read_one(tmp_path / "min", small)
    assert (shown == 1).sum() == 12 and told == []
    assert LabelStudioImporter.looks_like(tmp_path / "min") == 80
    assert (read_one(tmp_path / "one", a_task(CAR))[0] == 1).sum() == 12
    assert (read_one(tmp_path / "bom", b"\xef\xbb\xbf" + json.dumps([a_task(CAR)], indent=1).replace("\n", "\r\n").encode())[0] == 1).any()  # fmt: skip


def test_of_several_annotations_the_best_comes(tmp_path: Path) -> None:
    other = a_region("polygon", SQUARE, "bus")
    annotations = [
        {"id": 1, "result": [CAR], "updated_at": "2024-05-02T10:00:00Z"},
        {"id": 2, "result": [other], "updated_at": "2024-05-01T10:00:00Z"},
        {"id": 3, "result": [other], "was_cancelled": True, "updated_at": "2024-06-01T10:00:00Z"},
    ]
    _, segments, told = read_one(tmp_path / "a", [{**a_task(), "annotations": annotations}])
    assert [one.class_id for one in segments] == [1] and told == [
        "Cancelled annotations were left out",
        "Further annotations of the task were left out; the option “annotations” reads all",
    ]
    annotations[1]["ground_truth"] = True
    importer = LabelStudioImporter(tmp_path / "a", {}, Limits())
    (tmp_path / "a" / "export.json").write_text(json.dumps([{**a_task(), "annotations": annotations}]))
    importer = LabelStudioImporter(tmp_path / "a", {}, Limits())
    assert [one.name for one in importer.classes] == ["bus"]
    _, segments, told = read_one(tmp_path / "a", [{**a_task(), "annotations": annotations}], annotations="all")
    assert len(segments) == 2 and told == ["Cancelled annotations were left out"]


def test_predictions_come_when_asked_for(tmp_path: Path) -> None:
    prediction = {"model_version": "net 3", "result": [{**CAR, "score": 0.5}]}
    task = {**a_task(), "annotations": [], "predictions": [prediction]}
    _, segments, told = read_one(tmp_path, [task])
    assert segments == [] and told == ["Predictions were left out; the option “predictions” reads them"]
    _, segments, told = read_one(tmp_path, [task], predictions=True)
    assert told == [] and [(one.source, one.model_id, one.confidence) for one in segments] == [("model", "net 3", 0.5)]


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        (a_region("polygon", {"points": [[1, 1], [5, 5]]}), "a polygon of fewer than three points"),
        (a_region("polygon", {"points": [[1, 1], [5, 5], ["x", 1]]}), "a shape with a value that is no number"),
        (a_region("polygon", {"points": [[1, 1], [5, 5], [1e308, 1]]}), "a shape with a value that is no place in an image"),
        (a_region("polygon", {"points": 7}), "a polygon that is no list of points"),
        (a_region("polygon", {"points": [[200, 1], [300, 5], [300, 1]]}), "a shape that covers the centre of no pixel of the image"),
        (a_region("keypoint", {"x": 3, "y": 4, "width": 1}), "a region of the kind “keypoint”, which has no area"),
        (a_region("brush", {"format": "rle", "rle": GOOD[:20]}), "a brush region whose run lengths are cut off"),
        (a_region("brush", {"format": "rle"}), "a brush region without run lengths"),
        (a_region("bitmask", {"imageDataURL": "data:image/png;base64,QUJD"}), "a mask that is no picture"),
        (a_region("rectangle", {"x": 1, "y": 2, "width": None, "height": 3}), "a shape with a value that is no number"),
        (a_region("polygon", SQUARE, image_rotation=90), "a region drawn while the image was turned"),
        (a_region("polygon", SQUARE, original_width=40), "a region for an image of another size"),
        (a_region("polygon", SQUARE, None), "a region without a label"),
        ({"type": "polygonlabels", "value": 3}, "a region without a label"),
    ],
)  # fmt: skip
def test_what_cannot_come_is_told(tmp_path: Path, region: dict[str, Any], sentence: str) -> None:
    shown, _, told = read_one(tmp_path, [a_task(CAR, region)])
    assert told == [f"Left out: {sentence}"] and (shown == 1).sum() == 12


def test_images_are_found_however_they_are_named(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
    (tmp_path / "outside.png").write_bytes(png)
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    (data / "upload").mkdir()
    for name in ("images/细 胞.png", "upload/0a1b2c3d-b.png", "images/c.png"):
        (data / name).write_bytes(png)
    (data / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    cases: dict[str, tuple[str, str]] = {
        "/data/local-files/?d=images/%E7%BB%86%20%E8%83%9E.png": ("细 胞.png", "images/细 胞.png"),
        "images/细 胞.png": ("细 胞.png", "images/细 胞.png"),
        "D:\\set\\细 胞.png": ("细 胞.png", "images/细 胞.png"),
        "/data/upload/4/0a1b2c3d-b.png": ("0a1b2c3d-b.png", "upload/0a1b2c3d-b.png"),
        "/data/upload/4/99999999-c.png": ("c.png", "images/c.png"),
        "https://example.org/x/c.png?token=1": ("c.png", "images/c.png"),
        "s3://bucket/deep/c.png": ("c.png", "images/c.png"),
        "/data/local-files/?d=../outside.png": ("outside.png", ""),
        "../outside.png": ("outside.png", ""),
        str(tmp_path / "outside.png"): ("outside.png", ""),
        "images/link.png": ("link.png", ""),
        "file:///etc/passwd.png": ("passwd.png", ""),
        "http://[broken/c.png": ("c.png", "images/c.png"),
    }
    for named, (name, where) in cases.items():
        (data / "export.json").write_text(json.dumps([a_task(CAR, image=named)]), "utf-8")
        found = next(LabelStudioImporter(data, {}, Limits()).images())
        assert (found.name, found.image) == (name, data / where if where else None), named
        assert bool(found.reason) == (not where)
        assert (found.width, found.height) == (30, 20)
    (data / "export.json").write_text(json.dumps([a_task(image="images/c.png")]))
    assert next(LabelStudioImporter(data, {}, Limits()).images()).width == 30
    (data / "export.json").write_text(json.dumps([a_task(image="gone.png")]))
    found = next(LabelStudioImporter(data, {}, Limits()).images())
    assert found.width == 0 and not list(found.open_labels(NEVER))


def test_an_image_in_the_task_is_saved(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.zeros((20, 30), np.uint8))[1].tobytes()
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    (tmp_path / "e.json").write_text(json.dumps([a_task(CAR, image=url)]))
    found = next(LabelStudioImporter(tmp_path, {}, Limits()).images())
    assert found.name == "task-5.png" and found.save_image is not None
    found.save_image(tmp_path / "task-5.png")
    assert (tmp_path / "task-5.png").read_bytes() == png


def test_tasks_that_cannot_come_are_told(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps([a_task(CAR), a_task(CAR), 7, {"id": 9, "data": {"text": "hello"}}]))
    importer = LabelStudioImporter(tmp_path, {}, Limits())
    assert len(list(importer.images())) == len(list(importer.images())) == 1
    assert [(one.where, one.sentence, one.count) for one in importer.problems] == [
        ("a.png", "The image has several tasks; only the first came", 1),
        ("e.json", "An entry that is no task was left out", 1),
        ("e.json", "The task 9 names no image and was left out", 1),
    ]


@pytest.mark.parametrize("text", ["", "[", '[{"a": NaN}]', "[" * 100_000, '[{"id": 1}, oops]'])
def test_damaged_files_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(UserError):
        list(LabelStudioImporter(tmp_path, {}, Limits()).images())
    (tmp_path / "good.json").write_text(json.dumps([a_task(CAR)]))
    importer = LabelStudioImporter(tmp_path, {}, Limits())
    assert len(list(importer.images())) == 1 and len(importer.problems) >= 1


def test_the_set_up_names_classes_and_colours(tmp_path: Path) -> None:
    set_up = '<View><BrushLabels name="b" toName="i"><Label value="bus" background="#FF00ff"/><Label value="car"/></BrushLabels></View>'
    (tmp_path / "label_config.xml").write_text(set_up)
    (tmp_path / "e.json").write_text(json.dumps([a_task(CAR)]))
    found = LabelStudioImporter(tmp_path, {}, Limits()).classes
    assert [(one.name, one.color) for one in found] == [("bus", "#ff00ff"), ("car", "")]
