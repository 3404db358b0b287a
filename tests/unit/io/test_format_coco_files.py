"""``coco`` as other tools write it: ids, encodings, layouts, damage, and files that mean harm."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from coco_files import CATEGORIES, SQUARE, dataset, objects, square
from PIL import Image

from segstudio.core.cancel import NEVER, CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.rle import encode_mask
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits

# ---------------------------------------------------------------- as other tools write


def counts_of(mask: np.ndarray) -> list[int]:
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [2]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.diff(np.concatenate([[0], edges])).tolist()
    return runs if not mask.T.ravel()[0] else [0, *runs]


RLE = {"size": [10, 12], "counts": encode_mask(square()).counts}


@pytest.mark.parametrize(
    "segmentation",
    [
        [SQUARE],
        SQUARE,
        [[2, 2], [6, 2], [6, 5], [2, 5]],
        [[[2, 2], [6, 2], [6, 5], [2, 5]]],
        [[str(value) for value in SQUARE]],
        [[2.0, 2.0, 6.0, 2.0, 6.0, 5.0, 2.0, 5.0, 2.0, 2.0]],
        [[2, 2, 4, 2, 4, 5, 2, 5], [4, 2, 6, 2, 6, 5, 4, 5]],
        RLE,
        {"size": ["10", 12.0], "counts": RLE["counts"]},
        {"size": [10, 12], "counts": counts_of(square())},
        {"size": [10, 12], "counts": [float(count) for count in counts_of(square())]},
    ],
)
def test_ways_to_write_a_segmentation(tmp_path, segmentation):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": segmentation}]))
    assert problems == []
    assert len(masks) == 1
    assert np.array_equal(masks[0], square())


def test_holes_in_run_lengths_stay_and_polygons_are_united(tmp_path):
    ring = square()
    ring[3, 3] = False
    overlapping = [[0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 6, 2, 6, 6, 2, 6]]
    masks, _ = objects(
        dataset(
            tmp_path, [{"segmentation": {"size": [10, 12], "counts": counts_of(ring)}}, {"segmentation": overlapping}]
        )
    )
    assert np.array_equal(masks[0], ring)
    assert masks[1].sum() == 16 + 16 - 4


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 1, 5, 5]], "fewer than three points"),
        ([[1, 1, 5, 5, 6]], "x that has no y"),
        ([[1, 1, 5, "x", 6, 6]], "no list of numbers"),
        ([[1, 1, 1e308, 5, 6, 6]], "no place in an image"),
        ([[1, 1, 10**400, 5, 6, 6]], "no list of numbers"),
        ([[50, 50, 60, 50, 60, 60]], "no pixel of the image"),
        ([[-50, -50, -40, -50, -40, -40]], "no pixel of the image"),
        ([[1.1, 1.1, 1.2, 1.1, 1.2, 1.2]], "no pixel of the image"),
        ({"size": [12, 10], "counts": "0"}, "for an image of 10 × 12"),
        ({"size": [10, 12], "counts": [1, 2, 3]}, "do not fit"),
        ({"size": [10, 12], "counts": [60, -5, 65]}, "do not fit"),
        ({"size": [10, 12], "counts": [10**30]}, "do not fit"),
        ({"size": [10, 12], "counts": ["a"]}, "do not fit"),
        ({"size": [10, 12], "counts": "\u00e9\u4e2d"}, "do not fit"),
        ({"size": [10, 12], "counts": "ppppppppppppppppppppppp"}, "do not fit"),
        ({"size": [10, 12]}, "that are none"),
        ({"counts": "0"}, "without a size"),
        ({"size": [10, 12], "counts": [120]}, "no pixel of the image"),
        ("RLE", "neither polygons nor run lengths"),
        ([], "a box without an outline"),
        (None, "a box without an outline"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_comes(tmp_path, segmentation, said):
    rows = [{"segmentation": segmentation, "bbox": [2, 2, 4, 3]}, {"segmentation": [SQUARE]}]
    masks, problems = objects(dataset(tmp_path, rows))
    assert len(masks) == 1
    assert np.array_equal(masks[0], square())
    assert len(problems) == 1
    assert said in problems[0]


def test_one_bad_polygon_of_several_leaves_the_others(tmp_path):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": [[1, 1, 2, 2], SQUARE]}]))
    assert np.array_equal(masks[0], square())
    assert problems == ["A polygon of fewer than three points was left out of its annotation"]


def test_a_self_crossing_polygon_follows_the_even_odd_rule(tmp_path):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": [[0, 0, 10, 8, 10, 0, 0, 8]]}]))
    assert problems == []
    assert 0 < masks[0].sum() < 80
    assert not masks[0][0, 5]


def test_polygons_are_cut_at_the_border(tmp_path):
    masks, _ = objects(dataset(tmp_path, [{"segmentation": [[-5, -5, 100, -5, 100, 3, -5, 3]]}]))
    assert masks[0].sum() == 36


def test_boxes_are_filled_on_request(tmp_path):
    path = dataset(tmp_path, [{"bbox": [2, 2, 4, 3]}, {"bbox": [0, 0, float("1e300"), 1]}, {"bbox": "box"}])
    assert objects(path)[0] == []
    masks, problems = objects(path, {"boxes": True})
    assert [np.array_equal(mask, square()) for mask in masks] == [True]
    assert problems == ["An annotation was left out: it is a box that is none"]


def test_crowds_become_areas_of_their_class_and_stuff_is_no_object(tmp_path):
    path = dataset(
        tmp_path,
        [
            {"segmentation": [SQUARE], "iscrowd": 1},
            {"segmentation": [SQUARE]},
            {"segmentation": [[7, 7, 9, 7, 9, 9, 7, 9]], "category_id": 90},
        ],
    )
    with opened(path) as importer:
        pieces = list(next(iter(importer.images())).open_labels(NEVER))
        assert [(piece.class_index, piece.is_object) for piece in pieces] == [(0, True), (1, False), (0, False)]
        assert [p.sentence for p in importer.problems] == ["A crowd came as an area of its class, not as objects"]
        layers = build_layers(next(iter(importer.images())), [1, 2]).layers
    assert len(layers) == 2


def test_ids_with_gaps_as_texts_and_unlisted_categories(tmp_path):
    path = dataset(
        tmp_path,
        [
            {"segmentation": [SQUARE], "category_id": "3", "image_id": "0000071"},
            {"segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]], "category_id": 7, "image_id": 71},
            {"segmentation": [SQUARE], "category_id": None, "image_id": 71.0},
            {"segmentation": [SQUARE], "image_id": 99},
        ],
        images=[{"id": 71, "file_name": "a.png", "width": 12, "height": 10}],
    )
    with opened(path) as importer:
        pieces = list(next(iter(importer.images())).open_labels(NEVER))
        assert [importer.classes[piece.class_index].name for piece in pieces] == ["cell", "category 7"]
        said = {problem.sentence: problem.count for problem in importer.problems}
    assert said == {
        "Annotations have the category 7, which has no name; it came as “category 7”": 1,
        "An annotation belongs to no image of the list and was left out": 1,
        "An annotation was left out: it has no category": 1,
    }


def test_reading_twice_counts_once(tmp_path):
    path = dataset(tmp_path, [{"segmentation": [[1, 1, 5, 5]]}] * 3)
    with opened(path) as importer:
        for _ in range(2):
            list(next(iter(importer.images())).open_labels(NEVER))
        assert [problem.count for problem in importer.problems] == [3]


def test_duplicates(tmp_path):
    row = {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [SQUARE]}
    path = dataset(
        tmp_path,
        [row, row, {"image_id": 2, "segmentation": [[7, 7, 9, 7, 9, 9, 7, 9]]}],
        images=[
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 2, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 1, "file_name": "b.png", "width": 12, "height": 10},
        ],
        categories=[*CATEGORIES, {"id": 4, "name": "cell"}, {"id": 3, "name": "other"}],
    )
    with opened(path) as importer:
        assert [c.name for c in importer.classes] == ["cell", "路面"]
        found = list(importer.images())
        assert [one.name for one in found] == ["a.png", "b.png"]
        assert [len(list(one.open_labels(NEVER))) for one in found] == [2, 0]
        assert len(importer.problems) == 5


def test_bom_crlf_windows_paths_spaces_and_chinese(tmp_path):
    folder = tmp_path / "数据 集"
    path = dataset(
        folder,
        [{"segmentation": [SQUARE]}],
        images=[{"id": 1, "file_name": r"C:\Users\李\图 像.png", "width": 12, "height": 10}],
    )
    (folder / "images" / "a.png").rename(folder / "images" / "图 像.png")
    text = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, indent=1)
    for data in (
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        text.encode("utf-16"),
        ("\n\n" + text + "\n\n").encode(),
    ):
        path.write_bytes(data)
        with opened(path, "coco") as importer:
            (found,) = importer.images()
            assert (found.name, found.image) == ("图 像.png", folder / "images" / "图 像.png")
            assert importer.classes[1].name == "路面"
            assert sum(1 for _ in found.open_labels(NEVER)) == 1


def test_missing_images_bring_their_labels(tmp_path):
    path = dataset(tmp_path, [{"segmentation": [SQUARE]}])
    (tmp_path / "images" / "a.png").unlink()
    with opened(path) as importer:
        (found,) = importer.images()
        assert found.image is None
        assert "a.png" in found.reason
        assert sum(1 for _ in found.open_labels(NEVER)) == 1


def test_sizes_that_are_missing_are_the_pictures(tmp_path):
    path = dataset(
        tmp_path,
        [{"segmentation": [SQUARE]}],
        images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "none.png", "width": 0}],
    )
    with opened(path) as importer:
        (found,) = importer.images()
        assert (found.width, found.height) == (12, 10)
        assert [problem.where for problem in importer.problems] == ["none.png"]


def test_layouts_and_splits(tmp_path):
    picture = Image.fromarray(np.zeros((10, 12, 3), np.uint8))
    row = {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [SQUARE]}
    image = {"id": 1, "file_name": "a.png", "width": 12, "height": 10}
    document = {"info": {}, "images": [image], "annotations": [row], "categories": CATEGORIES}
    layouts = {
        "roboflow": [
            ("valid/_annotations.coco.json", "valid/a.png", "val"),
            ("train/_annotations.coco.json", "train/a.png", "train"),
        ],
        "official": [("annotations/instances_val2017.json", "val2017/a.png", "val")],
        "cvat": [("annotations/instances_default.json", "images/default/a.png", None)],
        "flat": [("result.json", "a.png", None)],
    }
    for name, rows in layouts.items():
        for label_file, image_file, _ in rows:
            for file in (label_file, image_file):
                (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / label_file).write_text(json.dumps(document))
            picture.save(tmp_path / name / image_file)
        (tmp_path / name / "export-report.json").write_text('{"images": 3, "format": "coco"}')
        assert detect(tmp_path / name)[0][0] == "coco"
        with opened(tmp_path / name, "coco") as importer:
            found = list(importer.images())
            assert sorted((str(one.image), one.split) for one in found) == sorted(
                (str(tmp_path / name / image_file), split) for _, image_file, split in rows
            )


def test_an_image_folder_of_ones_own(tmp_path):
    path = dataset(tmp_path / "set", [{"segmentation": [SQUARE]}])
    (tmp_path / "set" / "images").rename(tmp_path / "elsewhere")
    with opened(path, "coco", {"images": str(tmp_path / "elsewhere")}) as importer:
        assert next(iter(importer.images())).image == tmp_path / "elsewhere" / "a.png"


# ---------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    "name",
    ["../../secret.png", "/etc/passwd", r"C:\secret.png", "..\\..\\secret.png", "link.png", "linked/secret.png", ".."],
)
def test_nothing_outside_is_named(tmp_path, name):
    secret = tmp_path / "secret.png"
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(secret)
    path = dataset(tmp_path / "a" / "b", [], images=[{"id": 1, "file_name": name, "width": 12, "height": 10}])
    os.symlink(secret, tmp_path / "a" / "b" / "images" / "link.png")
    os.symlink(tmp_path, tmp_path / "a" / "b" / "images" / "linked")
    with opened(path, "coco") as importer:
        assert [found.image for found in importer.images()] in ([None], [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"images"',
        '{"images": 3}x',
        '{"images": [{"id": 1}',
        '{"annotations": []}',
        '{"images": [NaN]}',
        '{"images": [' + "[" * 5000,
        '{"a": ' * 3000,
        '{"images": [{"id": 1e999, "file_name": ["a"], "width": -1, "height": {}}], "annotations": [3, null, {}],}',
    ],
)
def test_damaged_files_end_in_one_sentence(tmp_path, text):
    path = tmp_path / "instances.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        with opened(path, "coco"):
            pass
    assert str(path) in str(caught.value)


def test_rows_that_are_none_are_told(tmp_path):
    path = dataset(
        tmp_path,
        [{"segmentation": [SQUARE]}, {"segmentation": {"size": [1e999, 12], "counts": "1"}}],
        images=[
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            3,
            None,
            {"id": 2, "file_name": {}, "width": 1e9, "height": 1e9},
        ],
        categories=[*CATEGORIES, "cat", {"name": "no id"}, {"id": 8, "name": None}],
    )
    path.write_text(path.read_text(encoding="utf-8").replace("Infinity", "1e999"), encoding="utf-8")
    masks, problems = objects(path)
    assert len(masks) == 1
    assert len(problems) == 4


def test_vertices_and_sizes_beyond_reason_are_refused(tmp_path):
    many = np.tile([1.0, 1.0, 5.0, 5.0, 1.0, 5.0], 30_000).tolist()
    huge = {"id": 1, "file_name": "a.png", "width": 200_000, "height": 200_000}
    everything = [[0, 0, 200_000, 0, 200_000, 200_000, 0, 200_000]]
    rows = [
        {"segmentation": [many]},
        {"segmentation": everything},
        {"segmentation": {"size": [200_000, 200_000], "counts": [0, 4 * 10**10]}},
    ]
    with opened(dataset(tmp_path, rows, images=[huge]), "coco", limits=Limits(vertices=50_000)) as importer:
        assert list(next(iter(importer.images())).open_labels(NEVER)) == []
        said = " ".join(problem.sentence for problem in importer.problems)
    assert "more than 50,000 points" in said
    assert "larger than can be held" in said


def test_a_file_of_another_kind_says_which(tmp_path):
    path = dataset(tmp_path, [{"segments_info": [], "file_name": "a.png"}])
    with pytest.raises(UserError, match="Import it as coco-panoptic"):
        with opened(path, "coco"):
            pass


def test_cancel(tmp_path):
    token = CancelToken()
    with opened(dataset(tmp_path, [{"segmentation": [SQUARE]}] * 3), "coco") as importer:
        pieces = next(iter(importer.images())).open_labels(token)
        next(pieces)
        token.set()
        with pytest.raises(Cancelled):
            next(pieces)
