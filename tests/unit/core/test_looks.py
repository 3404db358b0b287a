"""Maps of uncertainty put together from pieces, the places in them, and likely label errors."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.classes import IGNORE
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.label_errors import ConflictMap, Suspect, is_dismissed
from segstudio.core.layers import LabelLayer
from segstudio.core.looks import DoubtMap, cell_size
from segstudio.core.tiles import TileMap
from segstudio.core.worst_places import cells_of_proposal, is_worked_on, place_side, worst_places

NOTHING = np.zeros(0, np.float32)


def test_pieces_of_any_cut_give_the_map_of_the_whole():
    rng = np.random.default_rng(0)
    doubt = rng.random((70, 90)).astype(np.float32)
    classes = rng.integers(0, 3, doubt.shape)
    whole, parts = DoubtMap(90, 70, 1, 3), DoubtMap(90, 70, 1, 3)
    whole.add(0, Rect(0, 0, 90, 70), doubt, classes)
    for rect in (Rect(0, 0, 33, 41), Rect(33, 0, 57, 41), Rect(0, 41, 90, 29)):
        parts.add(0, rect, doubt[rect.slices], classes[rect.slices])
    a, b = whole.look(NOTHING), parts.look(NOTHING)
    np.testing.assert_array_equal(a.cells, b.cells)
    assert a.uncertainty == pytest.approx(float(doubt.mean()), abs=1e-6)
    assert a.cells[0, 0, 0] == round(255 * float(doubt[:16, :16].mean()))
    np.testing.assert_allclose(b.class_doubt, [doubt[classes == k].sum() / doubt.size for k in range(3)], rtol=1e-5)
    np.testing.assert_allclose(b.class_share, [(classes == k).mean() for k in range(3)], rtol=1e-5)


def test_pixels_without_data_do_not_count():
    doubt = np.ones((32, 32), np.float32)
    valid = np.zeros((32, 32), bool)
    valid[:, :16] = True
    doubt[:, :16] = 0.25
    sums = DoubtMap(32, 32, 1, 1)
    sums.add(0, Rect(0, 0, 32, 32), doubt, np.zeros((32, 32), int), valid)
    look = sums.look(NOTHING)
    assert look.uncertainty == pytest.approx(0.25)
    assert look.cells[0].tolist() == [[64, 0], [64, 0]]


def test_the_map_of_a_huge_image_or_volume_stays_small():
    assert cell_size(512, 512) == 16
    assert cell_size(20_000, 20_000) == 128
    side = cell_size(2048, 2048, planes=500)
    assert (2048 // side) ** 2 * 500 <= 1 << 20


# -- places --------------------------------------------------------------------------------------------------------


def test_places_are_apart_and_the_worst_comes_first():
    cells = np.zeros((1, 64, 64), np.uint8)
    cells[0, 10:14, 10:14], cells[0, 40:44, 50:54], cells[0, 11:14, 11:13] = 200, 250, 205
    places = worst_places(cells, 16, 1024, 1024)
    assert len(places) == 2
    assert places[0].rect.contains(52 * 16, 42 * 16)
    assert places[1].rect.contains(12 * 16, 12 * 16)
    assert places[0].uncertainty > places[1].uncertainty > 0
    assert places[0].rect.width == place_side(1024, 1024) == 128


def test_a_sure_image_has_no_places_and_all_lie_inside():
    assert worst_places(np.zeros((1, 8, 8), np.uint8), 16, 128, 128) == []
    cells = np.zeros((2, 8, 8), np.uint8)
    cells[1, 7, 7] = 255
    (place,) = worst_places(cells, 16, 125, 121)
    assert place.z == 1 and place.rect.right <= 125 and place.rect.bottom <= 121


def test_the_neighbouring_plane_shows_the_same_place():
    cells = np.zeros((6, 16, 16), np.uint8)
    cells[1, 4:8, 4:8], cells[2, 4:8, 4:8], cells[5, 4:8, 4:8] = 250, 240, 200
    assert [place.z for place in worst_places(cells, 16, 256, 256)] == [1, 5]


def test_a_place_is_reviewed_once_half_of_its_middle_was_touched():
    cells = np.zeros((1, 64, 64), np.uint8)
    cells[0, 30:34, 30:34] = 255
    (place,) = worst_places(cells, 16, 1024, 1024)
    middle = place.rect.x + place.rect.width // 2

    def touched(upto):
        return lambda rect, z: np.tile(np.arange(rect.x, rect.right) < upto, (rect.height, 1))

    assert is_worked_on(place, touched(middle + 1))
    assert not is_worked_on(place, touched(middle - 20))


def test_a_proposal_tells_where_it_is_unsure():
    layer = LabelLayer(1, 1, "proposal", "proposal", 300, 280, confidence=TileMap(np.uint8))
    write = Transaction(layer, "x")
    segment = write.ensure_stuff(1, "model", "m")
    write.write(Rect(0, 0, 300, 32), segment)
    write.write_confidence(Rect(0, 0, 300, 32), 255)
    write.write_confidence(Rect(256, 0, 44, 16), 55)
    write.commit()
    cells, side = cells_of_proposal(layer)
    assert side == 16 and cells.shape == (1, 18, 19)
    assert (cells[0, 0, 16:] == 200).all()
    assert cells[0, 0, :16].sum() == 0 and cells[0, 1:].sum() == 0


# -- label errors --------------------------------------------------------------------------------------------------


def found(labels, model, sure=250, **options):
    conflicts = ConflictMap(labels.shape[1], labels.shape[0])
    rect = Rect(0, 0, labels.shape[1], labels.shape[0])
    conflicts.add(rect, labels, model, np.full(labels.shape, sure, np.uint8), **options)
    return conflicts.suspects()


def square(value=1, at=(20, 20), side=20, size=80, ground=0):
    values = np.full((size, size), ground, np.uint16)
    values[at[1] : at[1] + side, at[0] : at[0] + side] = value
    return values


def test_a_confident_disagreement_is_an_area_with_both_classes():
    (suspect,) = found(square(2), square(1))
    assert (suspect.label_class, suspect.model_class, suspect.pixels) == (2, 1, 400)
    assert suspect.rect == Rect(20, 20, 20, 20) and suspect.mask.all()
    assert suspect.confidence == pytest.approx(250 / 255)


def test_an_unsure_model_an_unlabelled_place_and_an_ignored_one_are_no_errors():
    assert found(square(2), square(1), sure=200) == []
    assert found(square(0), square(1)) == []
    assert found(square(IGNORE), square(1)) == []
    assert found(square(2), np.where(square(1) == 1, IGNORE, 0).astype(np.uint16)) == []


def test_in_an_image_that_is_done_what_is_not_labelled_is_background():
    (suspect,) = found(np.zeros((80, 80), np.uint16), square(1), has_background=True)
    assert (suspect.label_class, suspect.model_class) == (0, 1)


def test_a_border_a_stroke_wide_is_no_error_but_an_area_at_the_image_s_edge_is():
    assert found(square(1, side=24), square(1, (22, 22), side=20), has_background=True) == []
    (suspect,) = found(square(2, (0, 0), side=10), square(1, (0, 0), side=10))
    assert suspect.pixels == 100


def test_pieces_join_and_the_largest_comes_first():
    labels, model = square(2, side=40), np.zeros((80, 80), np.uint16)
    labels[70:78, 2:10] = 2
    conflicts = ConflictMap(80, 80)
    for rect in (Rect(0, 0, 37, 80), Rect(37, 0, 43, 33), Rect(37, 33, 43, 47)):
        sure = np.full((rect.height, rect.width), 255, np.uint8)
        conflicts.add(rect, labels[rect.slices], model[rect.slices], sure)
    assert [suspect.pixels for suspect in conflicts.suspects()] == [1600, 64]


def test_a_huge_plane_is_gone_through_smaller_and_the_area_is_where_it_was(monkeypatch):
    monkeypatch.setattr("segstudio.core.label_errors.WHOLE_PX", 1700)
    labels, model = square(2, (21, 33), side=30), np.zeros((80, 80), np.uint16)
    conflicts = ConflictMap(80, 80)
    for rect in (Rect(0, 0, 41, 80), Rect(41, 0, 39, 80)):
        sure = np.full((rect.height, rect.width), 255, np.uint8)
        conflicts.add(rect, labels[rect.slices], model[rect.slices], sure)
    (suspect,) = conflicts.suspects()
    assert abs(suspect.pixels - 900) <= 120
    assert abs(suspect.rect.x - 21) <= 2 and abs(suspect.rect.bottom - 63) <= 2


def test_what_was_dismissed_is_known_again_though_its_edge_moved():
    (suspect,) = found(square(2), square(1))
    (moved,) = found(square(2, (22, 21)), square(1, (22, 21)))
    (other_class,) = found(square(3), square(1))
    (elsewhere,) = found(square(2, (50, 50)), square(1, (50, 50)))
    assert is_dismissed(moved, [suspect.key])
    assert not is_dismissed(other_class, [suspect.key])
    assert not is_dismissed(elsewhere, [suspect.key])


def test_a_suspect_comes_back_from_what_is_kept():
    (suspect,) = found(square(2), square(1))
    again = Suspect.from_json(suspect.to_json(), suspect.packed)
    assert again.key == suspect.key and again.pixels == 400
    np.testing.assert_array_equal(again.mask, suspect.mask)
