"""Result files of the VOC devkit, read back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.metrics import scores_from_confusion
from segstudio.io.voc_results import VocResults, read_table, results_folder, table_text


def test_masks_hold_the_values_of_the_dataset_and_the_image_size(tmp_path):
    results = VocResults(
        tmp_path, "test", (0, 1, 15), ("background", "aeroplane", "person"), ("#000000", "", "#c08080")
    )
    indices = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
    path = results.write("val/2007_000033.jpg", indices)
    assert path == tmp_path / "results" / "VOC2012" / "Segmentation" / "comp5_test_cls" / "2007_000033.png"
    with Image.open(path) as image:
        assert image.mode == "P" and np.asarray(image).tolist() == [[0, 1, 15], [15, 255, 0]]
        palette = np.asarray(image.getpalette()).reshape(-1, 3)
    assert palette[15].tolist() == [0xC0, 0x80, 0x80] and palette[0].tolist() == [0, 0, 0] and palette[1].any()


def test_the_table_is_the_devkits_and_reads_back(tmp_path):
    scores = scores_from_confusion(np.array([[90, 10, 0], [5, 45, 0], [0, 0, 0]]), ["background", "cat", "dog"])
    results = VocResults(tmp_path, "val", (0, 1, 2), ("background", "cat", "dog"))
    path = results.write_table(scores)
    lines = path.read_text().splitlines()
    assert lines[0] == "Percentage of pixels correctly labelled overall: 90.000%"
    assert lines[1:3] == ["Accuracy for each class (intersection/union measure)", "      background: 85.714%"]
    assert lines[-1] == f"Average accuracy: {100 * (90 / 105 + 0.75) / 2:.3f}%"
    assert read_table(path) == {"background": 85.714, "cat": 75.0, "dog": None}
    assert path.parent == results_folder(tmp_path, "val") and table_text(scores) == path.read_text()


def test_what_cannot_be_written_or_read_is_one_sentence(tmp_path):
    results = VocResults(tmp_path, "test", (0, 1), ("background", "cat"))
    results.write("a/1.jpg", np.zeros((2, 2), np.uint8))
    with pytest.raises(UserError, match=r"a/1\.jpg and b/1\.png would both"):
        results.write("b/1.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(UserError, match="cat has 300"):
        VocResults(tmp_path, "test", (0, 300), ("background", "cat"))
    (tmp_path / "t.txt").write_text("hello")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "t.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        VocResults(tmp_path / "file", "test", (0, 1), ("background", "cat"))
