"""Layers by depth maps and stereo pairs, from files, and what is said when they are missing or damaged."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from test_classic_methods import CARDS, iou, painted, stereo_pair

from segstudio.core.errors import UserError
from segstudio.io.readers.registry import open_image
from segstudio.ml.api import ObjectResult
from segstudio.ml.classic.segmenter import ClassicSegmenter
from segstudio.ml.classic.table import with_options


def run(name, image, **options):
    with closing(open_image(image)) as reader:
        results = list(ClassicSegmenter(with_options(CARDS[name], options)).propose(reader))
        return results, (reader.info.height, reader.info.width)


def layers_of(name, image, **options):
    results, shape = run(name, image, **options)
    found, times = painted(results, shape)
    assert (times == 1).all()
    return found


@pytest.fixture
def scene(tmp_path: Path):
    """An image and its true layers: near 1, middle 2, far 3."""
    truth = np.full((90, 120), 3, np.uint8)
    truth[20:70, 20:80] = 2
    truth[40:60, 30:60] = 1
    Image.fromarray(np.full((90, 120, 3), 90, np.uint8)).save(tmp_path / "view.png")
    return tmp_path / "view.png", truth


def test_depth_map_beside_the_image_makes_layers(scene):
    image, truth = scene
    metres = np.choose(truth, [0, 1000, 3000, 9000]).astype(np.uint16)
    metres[5, 5] = 0  # one unknown pixel joins its neighbour
    Image.fromarray(metres).save(image.with_name("view_depth.png"))
    assert with_options(CARDS["depth"], {}).classes == ("unknown", "near", "middle", "far")
    assert np.array_equal(layers_of("depth", image), truth)
    assert np.array_equal(layers_of("depth", image, layers=2), np.where(truth == 3, 2, 1))


def test_disparity_is_near_where_it_is_large(scene):
    image, truth = scene
    values = np.choose(truth, [0, 40.0, 12.0, 2.0]).astype(np.float32)
    values[:10] = np.nan
    np.save(image.with_name("view_disp.npy"), values)
    found = layers_of("depth", image)
    assert np.array_equal(found[10:], truth[10:]) and not found[:10].any()
    assert np.array_equal(layers_of("depth", image, kind="depth")[10:], 4 - truth[10:])


def test_chosen_map_of_half_the_size_in_a_folder(scene, tmp_path):
    image, truth = scene
    (tmp_path / "maps").mkdir()
    Image.fromarray((np.choose(truth, [0, 10, 90, 240])[::2, ::2]).astype(np.uint8)).save(tmp_path / "maps/view.png")
    with pytest.raises(UserError, match="no depth map"):
        run("depth", image)
    found = layers_of("depth", image, depth=str(tmp_path / "maps"))
    assert iou(found == 1, truth == 1) > 0.9 and (found == truth).mean() > 0.98
    assert np.array_equal(found, layers_of("depth", image, depth="maps/view.png"))


def test_big_image_gets_layers_from_a_reduced_map(tmp_path):
    truth = np.full((1501, 2003), 2, np.uint8)
    cv2.circle(truth, (900, 700), 400, 1, -1)
    Image.fromarray(np.zeros((1501, 2003), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.where(truth == 1, 20, 200).astype(np.uint8)).save(tmp_path / "a_depth.png")
    found = layers_of("depth", tmp_path / "a.png", layers=2)
    assert (found == truth).mean() > 0.999


def test_objects_are_what_lies_together_in_image_and_depth(scene):
    image, _ = scene
    metres = np.full((90, 120), 9000, np.uint16)
    metres[10:40, 10:40] = metres[10:40, 70:100] = metres[60:80, 30:60] = 2000
    metres[85, 100] = 2000  # noise
    Image.fromarray(metres).save(image.with_name("view_depth.png"))
    results, _ = run("depth", image, layers=2, group="objects")
    assert all(isinstance(r, ObjectResult) for r in results)
    near = sorted((r.rect.x, r.rect.y, int(r.mask.sum())) for r in results if r.class_index == 1)
    assert near == [(10, 10, 900), (30, 60, 600), (70, 10, 900)]
    assert [int(r.mask.sum()) for r in results if r.class_index == 2] == [90 * 120 - 2401]


def test_stereo_pair_makes_layers_and_sizes_must_agree(tmp_path):
    left, right, truth = stereo_pair()
    Image.fromarray(left).save(tmp_path / "a_left.png")
    with pytest.raises(UserError, match="no right image"):
        run("stereo", tmp_path / "a_left.png")
    Image.fromarray(right).save(tmp_path / "a_right.png")
    found = layers_of("stereo", tmp_path / "a_left.png", layers=2)
    assert iou(found == 1, truth == 24) > 0.8
    Image.fromarray(right[:, 1:]).save(tmp_path / "odd.png")
    with pytest.raises(UserError, match="259×160"):
        run("stereo", tmp_path / "a_left.png", right="odd.png")


def test_damaged_maps_are_refused_with_a_sentence(scene):
    image, _ = scene
    for content in (b"", b"no array", b"PK\x03\x04" + b"x" * 40):
        for suffix in (".npy", ".npz"):
            file = image.with_name(f"map{suffix}")
            file.write_bytes(content)
            with pytest.raises(UserError, match="depth map"):
                run("depth", image, depth=str(file))
    np.save(image.with_name("flat.npy"), np.zeros(9))
    with pytest.raises(UserError, match="rows × columns"):
        run("depth", image, depth="flat.npy")
    np.save(image.with_name("code.npy"), np.array([{}], object), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        run("depth", image, depth="code.npy")
    with pytest.raises(UserError, match="there"):
        run("depth", image, depth="nowhere")


def test_motorcycle_pair(tmp_path):
    """scikit-image's stereo pair, where its files are installed: SGBM's layers agree with those of the true map."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    files = [folder / f"motorcycle_{name}" for name in ("left.png", "right.png", "disp.npz")]
    if not all(file.is_file() for file in files):
        pytest.skip("this scikit-image has no motorcycle pair installed")
    for file in files:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    image = tmp_path / "motorcycle_left.png"
    by_map = layers_of("depth", image)
    by_pair = layers_of("stereo", image)
    assert set(np.unique(by_map)) >= {1, 2, 3}
    known = (by_map > 0) & (by_pair > 0)
    assert known.mean() > 0.6 and (by_map == by_pair)[known].mean() > 0.75
