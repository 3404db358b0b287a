"""Pictures of a dataset before an import: which images, their labels, edges, turned photos, volumes, what is amiss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.formats import preview
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.preview import import_pictures

CLASSES = (FoundClass("road", "#ff0000"), FoundClass("car"))


class Fake:
    """An importer of what it is given."""

    def __init__(self, *images: FoundImage) -> None:
        self.problems: list = []
        self.classes = CLASSES
        self._images = images
        self.asked = 0

    def images(self):
        for image in self._images:
            self.asked += 1
            yield image


def photo(path: Path, width: int = 40, height: int = 30, value: int = 90, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path, exif=exif)
    return path


def found(name: str, image: Path | None, pieces, width: int = 40, height: int = 30, **others) -> FoundImage:
    return FoundImage(name, image, width, height, lambda cancel: iter(pieces), **others)


def square(class_index: int = 1, x: int = 4, y: int = 6, side: int = 10) -> FoundObject:
    return FoundObject(x, y, np.ones((side, side), bool), class_index)


def test_labels_objects_and_ignored_pixels_are_where_they_are(tmp_path: Path) -> None:
    values = np.zeros((30, 40), np.uint16)
    values[20:] = 1
    values[28:] = IGNORE
    image = found("a.png", photo(tmp_path / "a.png"), [ClassPixels(0, 0, values), square()], split="val")
    (picture,) = import_pictures(Fake(image)).pictures
    expected = values.copy()
    expected[6:16, 4:14] = 2
    assert (picture.classes == expected).all() and (picture.rgb == 90).all() and picture.split == "val"
    edges = np.zeros((30, 40), bool)
    edges[6:16, 4:14] = True
    edges[7:15, 5:13] = False
    assert (picture.edges == edges).all()


def test_labelled_ones_come_first_and_no_more_are_looked_at_than_needed(tmp_path: Path) -> None:
    file = photo(tmp_path / "a.png")
    images = [found(f"{i}.png", file, [square()] if i in (1, 3, 4) else []) for i in range(8)]
    importer = Fake(*images)
    pictures = import_pictures(importer)
    assert [one.name for one in pictures.pictures] == ["1.png", "3.png", "4.png"] and importer.asked == 6
    assert pictures.names == ("road", "car") and pictures.colors[0] == "#ff0000" and pictures.colors[1]
    few = import_pictures(Fake(*images[:2])).pictures
    assert [one.name for one in few] == ["1.png", "0.png"]


def test_large_images_are_reduced(tmp_path: Path) -> None:
    file = photo(tmp_path / "a.png", 900, 500)
    (picture,) = import_pictures(Fake(found("a", file, [square(side=300)], 900, 500)), side_px=100).pictures
    assert picture.rgb.shape == (56, 100, 3) == (*picture.classes.shape, 3)
    assert abs(int((picture.classes == 2).sum()) - 33 * 33) < 150


@pytest.mark.parametrize("orientation", [6, 8])
def test_labels_of_a_turned_photo_lie_on_it(tmp_path: Path, orientation: int) -> None:
    file = photo(tmp_path / "a.jpg", orientation=orientation)
    (picture,) = import_pictures(Fake(found("a.jpg", file, [square(x=0, y=0)]))).pictures
    assert picture.classes.shape == (40, 30) and not picture.note
    corner = picture.classes[:10, 20:] if orientation == 6 else picture.classes[30:, :10]
    assert (corner == 2).all() and (picture.classes == 2).sum() == 100


def test_a_missing_image_is_lent_by_the_project_or_grey(tmp_path: Path) -> None:
    gone = found("a.png", None, [square()], reason="Its file is not there.")
    (picture,) = import_pictures(Fake(gone)).pictures
    assert (picture.rgb == 128).all() and picture.note == "Its file is not there." and picture.classes.any()
    file = photo(tmp_path / "a.png", value=7)
    (picture,) = import_pictures(Fake(gone), find_image=lambda name: file if name == "a.png" else None).pictures
    assert (picture.rgb == 7).all() and not picture.note


def test_an_image_inside_the_dataset_is_shown(tmp_path: Path) -> None:
    inside = found("a.png", None, [square()], 0, 0, save_image=lambda path: photo(path, value=33))
    (picture,) = import_pictures(Fake(inside)).pictures
    assert (picture.rgb == 33).all() and not picture.note and (picture.classes == 2).sum() == 100


def test_other_sizes_and_damaged_images_are_said(tmp_path: Path) -> None:
    small = photo(tmp_path / "small.png", 9, 9)
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG nothing")
    pictures = import_pictures(Fake(found("s", small, [square()]), found("d", damaged, [square()]))).pictures
    assert "9 × 9" in pictures[0].note and "40 × 30" in pictures[0].note and (pictures[0].rgb == 128).all()
    assert "damaged.png" in pictures[1].note and pictures[1].classes.any()


def test_a_file_of_labels_that_cannot_be_read_is_passed_over_and_said_where_nothing_is_left(tmp_path: Path) -> None:
    def broken(cancel):
        raise UserError("The mask is damaged", remedy="get it again")

    bad = FoundImage("bad", None, 40, 30, broken)
    good = found("good", photo(tmp_path / "a.png"), [square()])
    assert [one.name for one in import_pictures(Fake(bad, good)).pictures] == ["good"]
    with pytest.raises(UserError, match="damaged"):
        import_pictures(Fake(bad))
    with pytest.raises(UserError, match="size"):
        import_pictures(Fake(found("x", None, [], 0, 0)))


def test_a_labelled_plane_of_a_volume_is_shown(tmp_path: Path) -> None:
    import tifffile

    stack = np.stack([np.full((30, 40), 10 * z, np.uint8) for z in range(6)])
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    pieces = [FoundObject(4, 6, np.ones((10, 10), bool), 1, z=4)]
    (picture,) = import_pictures(Fake(found("s.tif", tmp_path / "s.tif", pieces, depth=6))).pictures
    assert "4 / 6" in picture.name and (picture.classes == 2).sum() == 100


def test_what_is_too_large_comes_without_its_labels(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(preview, "MOST_VALUES", 100)
    (picture,) = import_pictures(Fake(found("a", photo(tmp_path / "a.png"), [square()]))).pictures
    assert "large" in picture.note and not picture.classes.any() and (picture.rgb == 90).all()
