"""Converting datasets without a project: the same labels at the end of a chain, and what does not come is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from image_files import picture, save
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from round_trips import facts_of, items_of, read_dataset, scenes, write_dataset

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.io.formats.base import ExportPlan, Tiling
from segstudio.io.formats.converting import Source, convert, losses_of_conversion


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(scene=scenes(objects=False))
def test_areas_survive_a_chain(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    write_dataset("masks", items_of([scene], folder / "images"), scene.table, folder / "masks")
    before = folder / "masks"
    for number, format_id in enumerate(("coco", "voc", "coco-panoptic", "masks")):
        after = folder / f"{number}-{format_id}"
        report = convert(Source(before, before.name.split("-", 1)[-1]), ExportPlan(format_id, after))
        assert report.images == 1 and not report.losses
        before = after
    assert read_dataset("masks", before).facts() == facts_of(scene)
    # VOC has no way to say that a dataset is not split: what comes of it is "train".
    one, two = folder / "masks" / "masks" / "image0.png", before / "masks" / "train" / "image0.png"
    assert one.read_bytes() == two.read_bytes()


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(scene=scenes(overlap=True))
def test_objects_survive_a_chain(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    write_dataset("coco", items_of([scene], folder / "images"), scene.table, folder / "coco")
    convert(Source(folder / "coco", "coco"), ExportPlan("cvat", folder / "cvat"))
    convert(Source(folder / "cvat"), ExportPlan("coco", folder / "again"))
    assert read_dataset("coco", folder / "again").facts() == facts_of(scene)


def masks_folder(folder, count=4, splits=("train", "val")):
    """Masks of classes 0 sky and 7 tree, images by split, one mask without its image."""
    (folder / "classes.json").parent.mkdir(parents=True, exist_ok=True)
    rows = [{"value": 0, "name": "sky", "color": "#112233"}, {"value": 7, "name": "tree", "color": "#445566"}]
    (folder / "classes.json").write_text(json.dumps(rows))
    truth = {}
    for number in range(count):
        split = splits[number % len(splits)]
        for name in ("images", "masks"):
            (folder / name / split).mkdir(parents=True, exist_ok=True)
        save(folder / "images" / split / f"case{number // 2}_{number}.png", picture(50, 70, seed=number))
        values = np.random.default_rng(number).choice(np.array([0, 7, 255], np.uint8), (50, 70))
        save(folder / "masks" / split / f"case{number // 2}_{number}.png", values)
        truth[f"case{number // 2}_{number}"] = values
    return truth


def test_values_colours_and_splits_are_kept(tmp_path):
    truth = masks_folder(tmp_path / "in")
    report = convert(Source(tmp_path / "in", "masks"), ExportPlan("voc", tmp_path / "voc"))
    assert report.splits == {"train": 2, "val": 2}
    convert(Source(tmp_path / "voc"), ExportPlan("masks", tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "classes.json").read_text()) == json.loads(
        (tmp_path / "in" / "classes.json").read_text()
    )
    for stem, values in truth.items():
        (mask,) = (tmp_path / "out" / "masks").rglob(f"{stem}.png")
        assert mask.parent.name == ("train", "val")[int(stem[-1]) % 2]
        np.testing.assert_array_equal(np.asarray(Image.open(mask)), values)


def test_it_can_be_split_anew_by_groups_and_cut(tmp_path):
    truth = masks_folder(tmp_path / "in", 8)
    plan = ExportPlan(
        "masks", tmp_path / "out", {"a": 0.5, "b": 0.5}, seed=1, split_by=r"^(case\d+)_", tiles=Tiling(40)
    )
    report = convert(Source(tmp_path / "in", "masks"), plan)
    assert report.images == 8 * 4 and report.splits == {"a": 16, "b": 16}
    sides = {split: {path.name[:5] for path in (tmp_path / "out/masks" / split).iterdir()} for split in "ab"}
    assert not sides["a"] & sides["b"]
    (tile,) = (tmp_path / "out/masks").rglob("case0_0_x0030_y0010.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tile)), truth["case0_0"][10:50, 30:70])


def test_what_does_not_come_is_said(tmp_path):
    masks_folder(tmp_path / "in", 4)
    (tmp_path / "in/images/train/case0_0.png").unlink()
    save(tmp_path / "in/images/train/case1_2.png", picture(9, 9))
    report = convert(Source(tmp_path / "in", "masks"), ExportPlan("coco", tmp_path / "out"))
    assert report.images == 2
    said = " ".join([*(f"{name} {why}" for name, why in report.skipped), *report.notes])
    assert "case0_0" in said and "9 × 9" in said


def test_losses_are_counted_before(tmp_path):
    masks_folder(tmp_path / "in")
    losses = losses_of_conversion(Source(tmp_path / "in", "masks"), ExportPlan("yolo-seg", tmp_path / "out"))
    kinds = {loss.kind: loss for loss in losses}
    assert kinds["stuff"].images == 4 and kinds["ignore"].count > 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "format_id", "sentence"),
    [("nowhere", "", "no such file"), ("empty", "", "No known format"), ("in", "bogus", "no import format")],
)
def test_what_cannot_be_converted_is_one_sentence(tmp_path, source, format_id, sentence):
    masks_folder(tmp_path / "in", 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=sentence):
        convert(Source(tmp_path / source, format_id), ExportPlan("coco", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_cancel_leaves_nothing(tmp_path):
    masks_folder(tmp_path / "in", 6)
    token = CancelToken()
    with pytest.raises(Cancelled):
        convert(
            Source(tmp_path / "in", "masks"),
            ExportPlan("voc", tmp_path / "out"),
            lambda done, *_: token.set() if done > 1 else None,
            token,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
