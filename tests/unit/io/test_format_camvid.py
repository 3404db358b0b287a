"""CamVid: written and read back, by index and by colour, and the layouts that it is passed on in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image
from round_trips import Scene, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset
from shared_data import shared_data

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, LayerBuilder
from segstudio.io.datasets import CAMVID_CLASSES, parse_data_spec
from segstudio.io.formats.camvid import void_value
from segstudio.io.formats.camvid_in import FIRST_CLASSES
from segstudio.io.formats.reading import build_layers, detect, opened

LOOSE = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scene_of(table: ClassTable, codes: np.ndarray) -> Scene:
    height, width = codes.shape
    builder = LayerBuilder(width, height, [item.id for item in table])
    return Scene(builder.add_all([ClassPixels(0, 0, codes.astype(np.uint16))]).layers, width, height, table)


def segnet(count: int) -> ClassTable:
    table = ClassTable()
    for value, (name, color) in enumerate(CAMVID_CLASSES[:count]):
        table = table.added(name, color=color, mask_value=value)
    return table


@given(scene=scenes(objects=False))
@LOOSE
def test_what_is_written_comes_back(tmp_path_factory, scene: Scene):
    found = round_trip("camvid", [scene], tmp_path_factory.mktemp("camvid"))
    assert found.facts() == facts_of(scene) and not found.problems
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]


@pytest.mark.parametrize("extra", [(), (11,), (11, 300)])
def test_unlabelled_and_ignored_stay_apart_where_sky_owns_0(tmp_path, extra):
    table = segnet(11)
    for value in extra:
        table = table.added(f"class {value}", mask_value=value)
    codes = np.array([[1, 0, IGNORE], [len(table), 5, 0]])
    scene = scene_of(table, codes)
    found = round_trip("camvid", [scene], tmp_path)
    assert found.facts() == facts_of(scene) and not found.problems
    assert void_value(item.mask_value for item in table) == {0: 11, 1: 254, 2: 65534}[len(extra)]


def test_its_colours_alone_tell_the_classes(tmp_path):
    """As CVAT reads it: masks turned into colours, label_colors.txt beside, no values anywhere."""
    codes = np.array([[1, 2, 0], [11, 5, 0]])
    scene = scene_of(segnet(11), codes)
    write_dataset("camvid", items_of([scene], tmp_path / "images", ["val"]), scene.table, tmp_path / "out")
    (tmp_path / "out" / "classes.json").unlink()
    mask = tmp_path / "out" / "valannot" / "image0.png"
    Image.open(mask).convert("RGB").save(mask)
    found = read_dataset("camvid", tmp_path / "out")
    assert found.facts() == facts_of(scene) and found.splits == {"image0": "val"}
    assert (tmp_path / "out" / "val.txt").read_text() == "/val/image0.png /valannot/image0.png\n"


def test_training_reads_what_we_write(tmp_path):
    codes = np.array([[1, 2, 0], [11, IGNORE, 4]])
    scene = scene_of(segnet(11), codes)
    write_dataset("camvid", items_of([scene], tmp_path / "images"), scene.table, tmp_path / "out")
    (sample,) = parse_data_spec(f"camvid:{tmp_path / 'out'}").of_split("train")
    assert sample.load_mask().tolist() == [[0, 1, 255], [10, 255, 3]]


def test_segnets_layout(tmp_path):
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / f"{split}annot").mkdir()
        Image.new("RGB", (3, 2)).save(tmp_path / split / f"{split} 1.png")
        Image.fromarray(np.array([[0, 5, 11], [10, 255, 77]], np.uint8)).save(
            tmp_path / f"{split}annot" / f"{split} 1.png"
        )
    found = read_dataset("camvid", tmp_path)
    assert [item.name for item in found.classes] == [name for name, _ in CAMVID_CLASSES]
    assert found.splits == {"train 1": "train", "val 1": "val", "test 1": "test"} and all(found.images.values())
    assert found.layers["val 1"][0].read_classes(Rect(0, 0, 3, 2)).tolist() == [[1, 6, 0], [11, IGNORE, 0]]
    assert {item.sentence for item in found.problems} == {"The value 77 stands for no class: its pixels are left out"}
    assert detect(tmp_path)[0] == ("camvid", 95)


def test_the_first_release_in_32_colours(tmp_path):
    (tmp_path / "701_StillsRaw_full").mkdir()
    (tmp_path / "LabeledApproved_full").mkdir()
    Image.new("RGB", (3, 1)).save(tmp_path / "701_StillsRaw_full" / "0001TP_006690.png")
    colors = np.array([[(128, 128, 128), (0, 0, 0), (64, 192, 0)]], np.uint8)
    Image.fromarray(colors).save(tmp_path / "LabeledApproved_full" / "0001TP_006690_L.png")
    found = read_dataset("camvid", tmp_path)
    names = [item.name for item in found.classes]
    assert len(names) == 31 and names == [name for name, _ in FIRST_CLASSES]
    values = found.layers["0001TP_006690"][0].read_classes(Rect(0, 0, 3, 1))
    assert values.tolist() == [[names.index("Sky") + 1, 0, names.index("Wall") + 1]] and not found.problems


def test_the_shared_frames():
    root = shared_data("camvid")
    assert detect(root)[0] == ("camvid", 85)
    with opened(root, "camvid") as importer:
        images = list(importer.images())
        assert len(images) == 701 and sum(image.split == "val" for image in images) == 101
        layers = build_layers(images[0], range(1, 12)).layers
    mask = np.asarray(Image.open(root / "masks" / images[0].split / f"{images[0].name[:-4]}.png"))
    ids = layers[0].read_classes(Rect(0, 0, 480, 360))
    assert np.array_equal(np.where(mask == 255, IGNORE, mask.astype(np.uint16) + 1), ids)
