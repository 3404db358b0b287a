"""Operations on regions: against scipy.ndimage on the whole array, and hand-made truths, over seams of blocks and tiles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.cancel import CancelToken
from segstudio.core.edits import Guard, Transaction, apply_edit
from segstudio.core.errors import Cancelled
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, Segment
from segstudio.core.region_blocks import BLOCK_PX, Pieces, numbered
from segstudio.core.region_booleans import BOOLEAN_OPS, Area, combine
from segstudio.core.region_ops import RegionWork, fill_holes, grow, keep_largest, remove_small, shrink, smooth
from segstudio.core.region_splits import (
    clear_region,
    convert_class,
    merge_objects,
    split_pieces,
    split_touching,
    touching_parts,
)

EIGHT = np.ones((3, 3), np.bool_)
HEIGHT, WIDTH = 1290, 2300
"""Two seams of blocks across, one down, and tiles that are cut by the image's border."""


def make_layer(ids: np.ndarray, segments: dict[int, Segment], depth: int = 1) -> LabelLayer:
    planes = ids if ids.ndim == 3 else ids[None]
    layer = LabelLayer(1, 1, "labels", "labels", planes.shape[2], planes.shape[1], depth, segments=segments)
    transaction = Transaction(layer, "make")
    for z, plane in enumerate(planes):
        transaction.write(layer.bounds, plane.astype(np.uint16), z=z)
    transaction.commit()
    return layer


def stuff_layer(mask: np.ndarray) -> LabelLayer:
    return make_layer(mask.astype(np.uint16), {1: Segment(1, 5)})


def work_on(layer: LabelLayer, *segment_ids: int, **options: object) -> RegionWork:
    return RegionWork(layer, segment_ids or (1,), "Test", **options)  # type: ignore[arg-type]


def after(layer: LabelLayer, work: RegionWork, z: int = 0) -> np.ndarray:
    """The ids once the edit is applied; undoing it must bring back what was."""
    before = layer.read(layer.bounds, z).copy()
    edit = work.finish()
    if edit is None:
        return before
    assert (layer.read(layer.bounds, z) == before).all(), "the layer was touched before the edit was applied"
    apply_edit(edit, {layer.id: layer})
    result = layer.read(layer.bounds, z).copy()
    apply_edit(edit.reversed(), {layer.id: layer})
    assert (layer.read(layer.bounds, z) == before).all()
    apply_edit(edit, {layer.id: layer})
    return result


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    """Blobs of all sizes with holes, many across seams and at the border."""
    noise = np.random.default_rng(3).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 5) > 0.02
    mask &= np.random.default_rng(4).random(mask.shape) > 0.002
    mask[BLOCK_PX - 40 : BLOCK_PX + 40, BLOCK_PX - 60 : BLOCK_PX + 60] = True
    mask[BLOCK_PX - 9 : BLOCK_PX + 9, BLOCK_PX - 9 : BLOCK_PX + 9] = False  # a hole in the corner of four blocks
    return mask


def test_pieces_over_seams_are_those_of_the_whole_array(blobs: np.ndarray) -> None:
    for mask, connectivity, structure in ((blobs, 8, EIGHT), (~blobs, 4, None)):
        labels, count = ndimage.label(mask, structure)
        blocks = [
            Rect(x, y, min(BLOCK_PX, WIDTH - x), min(BLOCK_PX, HEIGHT - y))
            for y in range(0, HEIGHT, BLOCK_PX)
            for x in range(0, WIDTH, BLOCK_PX)
        ]
        pieces = Pieces(blocks, lambda rect, m=mask: m[rect.slices].astype(np.uint8), connectivity)
        assert pieces.count == count
        whole = np.full(mask.shape, -1, np.int64)
        for block in blocks:
            whole[block.slices] = pieces.at(block)
        assert ((whole >= 0) == mask).all()
        pairs = np.unique(np.stack((labels[mask], whole[mask])), axis=1)
        assert pairs.shape[1] == count, "one number for each piece, and the other way round"
        assert sorted(pieces.area_px.tolist()) == sorted(np.bincount(labels.ravel())[1:].tolist())
        boxes = {(b.x, b.y, b.width, b.height) for b in pieces.box}
        truth = {(c.start, r.start, c.stop - c.start, r.stop - r.start) for r, c in ndimage.find_objects(labels)}
        assert boxes == truth


def test_corner_of_four_blocks_joins_pieces_that_touch_diagonally_only() -> None:
    for dx in (0, 1):
        mask = np.zeros((BLOCK_PX + 20, BLOCK_PX + 20), np.bool_)
        mask[BLOCK_PX - 1, BLOCK_PX - 1 + dx] = mask[BLOCK_PX, BLOCK_PX - dx] = True
        work = work_on(stuff_layer(mask))
        assert remove_small(work, 0, 2) == 0


def test_equal_values_only_make_a_piece() -> None:
    groups = np.array([[1, 1, 2], [0, 2, 2], [1, 0, 0]], np.uint16)
    labels, count = numbered(groups, 8)
    assert count == 3
    assert labels[0, 0] == labels[0, 1] != labels[0, 2] == labels[1, 1]


def test_remove_small_matches_scipy(blobs: np.ndarray) -> None:
    labels, _ = ndimage.label(blobs, EIGHT)
    areas = np.bincount(labels.ravel())
    truth = blobs & (areas >= 400)[labels]
    layer = stuff_layer(blobs)
    work = work_on(layer)
    assert remove_small(work, 0, 400) == int((areas[1:] < 400).sum())
    assert work.removed_px == int((blobs & ~truth).sum())
    assert (after(layer, work) == truth).all()


def test_keep_largest_keeps_one_of_each_object_and_of_the_stuff() -> None:
    ids = np.zeros((300, 1400), np.uint16)
    ids[10:20, 10:20] = ids[10:40, 1010:1050] = 1  # the larger one lies on a seam
    ids[100:130, 10:40] = ids[200:205, 10:15] = 2
    ids[30:35, 30:35] = 3  # stuff from another source counts with the stuff of 1
    layer = make_layer(ids, {1: Segment(1, 5), 2: Segment(2, 5, True), 3: Segment(3, 5, source="model")})
    work = work_on(layer, 1, 2, 3)
    assert keep_largest(work, 0) == 3
    truth = np.zeros_like(ids)
    truth[10:40, 1010:1050] = 1
    truth[100:130, 10:40] = 2
    assert (after(layer, work) == truth).all()


@pytest.mark.parametrize("largest", [0, 60])
def test_fill_holes_matches_scipy(blobs: np.ndarray, largest: int) -> None:
    holes = ndimage.binary_fill_holes(blobs) & ~blobs
    labels, count = ndimage.label(holes)
    areas = np.bincount(labels.ravel())
    wanted = holes if not largest else holes & (areas <= largest)[labels]
    layer = stuff_layer(blobs)
    work = work_on(layer)
    filled = fill_holes(work, 0, largest)
    assert filled == (count if not largest else int((areas[1:] <= largest).sum()))
    assert (after(layer, work) == (blobs | wanted)).all()


def test_holes_at_the_border_are_none_and_labels_in_holes_stay() -> None:
    ids = np.zeros((60, 60), np.uint16)
    ids[5:30, 5:30] = 1
    ids[10:20, 10:20] = 0
    ids[12:14, 12:14] = 2
    ids[40:60, 40:60] = 1
    ids[50:60, 45:50] = 0  # open to the image's border
    segments = {1: Segment(1, 5), 2: Segment(2, 6)}
    layer = make_layer(ids, segments)
    truth = ids.copy()
    truth[10:20, 10:20] = 1
    truth[12:14, 12:14] = 2
    work = work_on(layer)
    assert fill_holes(work, 0) == 1
    assert (after(layer, work) == truth).all()
    layer = make_layer(ids, segments)
    work = work_on(layer, is_over_labels=True)
    fill_holes(work, 0)
    truth[12:14, 12:14] = 1
    assert (after(layer, work) == truth).all()


def test_a_hole_goes_to_the_segment_with_most_of_its_rim() -> None:
    ids = np.zeros((40, 40), np.uint16)
    ids[5:35, 5:12] = 1
    ids[5:35, 12:35] = 2
    ids[15:25, 11:20] = 0
    layer = make_layer(ids, {1: Segment(1, 5, True), 2: Segment(2, 5, True)})
    work = work_on(layer, 1, 2)
    assert fill_holes(work, 0) == 1
    assert (after(layer, work)[15:25, 11:20] == 2).all()


def disc(radius: int) -> np.ndarray:
    ys, xs = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return ys**2 + xs**2 <= radius**2


@pytest.mark.parametrize("by_px", [1, 7])
def test_grow_and_shrink_match_scipy(blobs: np.ndarray, by_px: int) -> None:
    layer = stuff_layer(blobs)
    work = work_on(layer)
    grow(work, 0, by_px)
    truth = ndimage.binary_dilation(blobs, disc(by_px))
    assert (after(layer, work) == truth).all()
    layer = stuff_layer(blobs)
    work = work_on(layer)
    shrink(work, 0, by_px)
    assert (after(layer, work) == ndimage.binary_erosion(blobs, disc(by_px), border_value=1)).all()


def test_grown_objects_keep_their_own_and_meet_halfway() -> None:
    ids = np.zeros((40, 40), np.uint16)
    ids[10:30, 10:14], ids[10:30, 20:24] = 1, 2
    layer = make_layer(ids, {1: Segment(1, 5, True), 2: Segment(2, 5, True)})
    work = work_on(layer, 1, 2)
    grow(work, 0, 5)
    row = after(layer, work)[20]
    assert row.tolist() == [0] * 5 + [1] * 12 + [2] * 12 + [0] * 11


def test_shrink_draws_touching_objects_back_from_each_other() -> None:
    ids = np.zeros((40, 40), np.uint16)
    ids[10:30, 0:20], ids[10:30, 20:30] = 1, 2
    layer = make_layer(ids, {1: Segment(1, 5, True), 2: Segment(2, 5, True)})
    work = work_on(layer, 1, 2)
    shrink(work, 0, 2)
    found = after(layer, work)
    assert found[20].tolist() == [1] * 18 + [0] * 4 + [2] * 6 + [0] * 12
    assert not found[11].any() and found[12].any()


def test_smooth_over_seams_is_the_same_as_on_the_whole(blobs: np.ndarray) -> None:
    layer = stuff_layer(blobs)
    work = work_on(layer)
    smooth(work, 0, 6)
    blurred = cv2.GaussianBlur(blobs.astype(np.float64), (19, 19), 3, borderType=cv2.BORDER_REPLICATE)
    truth = blurred > 0.5 + 1e-5
    differs = (after(layer, work) == 1) != truth
    assert (np.abs(blurred[differs] - 0.5) < 1e-4).all(), "only ties in the last digit may differ"
    assert differs.mean() < 1e-5
    assert work.added_px and work.removed_px


def test_smooth_takes_off_a_hair_and_leaves_a_straight_edge() -> None:
    mask = np.zeros((60, 60), np.bool_)
    mask[20:40, 20:60] = True
    mask[30, 5:20] = True
    layer = stuff_layer(mask)
    work = work_on(layer)
    smooth(work, 0, 4)
    found = after(layer, work) == 1
    assert not found[:, :18].any()
    assert (found[25:35, 22:] == mask[25:35, 22:]).all() and (found[:, 40:] == mask[:, 40:]).all()


def test_guards_hold_for_what_is_added_and_what_is_taken() -> None:
    ids = np.zeros((40, 40), np.uint16)
    ids[10:30, 10:20], ids[10:30, 20:30] = 1, 2
    segments = {1: Segment(1, 5), 2: Segment(2, 6)}
    layer = make_layer(ids, segments)
    work = work_on(layer, 1, is_over_labels=True, add_guard=Guard(locked_class_ids=frozenset({6})))
    grow(work, 0, 3)
    found = after(layer, work)
    assert (found[10:30, 20:30] == 2).all() and found[20, 7] == 1
    layer = make_layer(ids, segments)
    work = work_on(layer, 1, remove_guard=Guard(locked_class_ids=frozenset({5})))
    shrink(work, 0, 3)
    assert work.finish() is None


def two_discs(distance: int) -> np.ndarray:
    picture = np.zeros((80, 60 + distance), np.uint8)
    cv2.circle(picture, (30, 40), 20, 1, -1)
    cv2.circle(picture, (30 + distance, 40), 20, 1, -1)
    return picture.astype(np.bool_)


def test_touching_discs_come_apart_at_the_neck() -> None:
    parts = touching_parts(two_discs(34), 2)
    assert set(np.unique(parts).tolist()) == {0, 1, 2}
    assert len(set(parts[40, 12:45].tolist())) == 1 and len(set(parts[40, 50:80].tolist())) == 1
    assert parts[40, 20] != parts[40, 75]
    assert ((parts > 0) == two_discs(34)).all(), "not a pixel is lost"


def test_one_disc_and_two_that_overlap_much_stay_whole() -> None:
    assert touching_parts(two_discs(0), 2).max() == 1
    assert touching_parts(two_discs(8), 2).max() == 1


def test_split_touching_makes_objects_of_stuff_over_a_seam() -> None:
    ids = np.zeros((200, BLOCK_PX + 300), np.uint16)
    mask = two_discs(34)
    ids[50:130, BLOCK_PX - 47 : BLOCK_PX - 47 + mask.shape[1]] = mask
    ids[20:30, 20:30] = 2
    layer = make_layer(ids, {1: Segment(1, 5, source="accepted"), 2: Segment(2, 5, True)})
    work = work_on(layer, 1, 2)
    assert split_touching(work, 0, 2) == 3
    found = after(layer, work)
    assert (found[20:30, 20:30] == 2).all()
    new = set(np.unique(found).tolist()) - {0, 2}
    assert len(new) == 2 and 1 not in new
    assert all(layer.segments[i].is_object and layer.segments[i].class_id == 5 for i in new)
    assert ((found > 0) == (ids > 0)).all()
    sizes = sorted(int((found == i).sum()) for i in new)
    assert sizes[1] - sizes[0] < 60


def test_split_pieces_leaves_the_largest_its_number() -> None:
    ids = np.zeros((60, 60), np.uint16)
    ids[5:10, 5:10] = ids[20:40, 20:40] = ids[50:55, 2:4] = 7
    layer = make_layer(ids, {7: Segment(7, 5, True)})
    work = work_on(layer, 7)
    assert split_pieces(work, 0) == 3
    found = after(layer, work)
    assert (found[20:40, 20:40] == 7).all()
    assert len(set(np.unique(found).tolist())) == 4
    assert ((found > 0) == (ids > 0)).all()


def test_merging_leaves_one_segment_on_every_plane() -> None:
    ids = np.zeros((2, 40, 40), np.uint16)
    ids[0, :10, :10], ids[0, 20:30, :10], ids[1, :5, :5], ids[1, 30:, 30:] = 3, 4, 4, 5
    layer = make_layer(ids, {3: Segment(3, 5, True), 4: Segment(4, 6, True), 5: Segment(5, 6)}, depth=2)
    work = work_on(layer, 3, 4)
    merge_objects(work, 3)
    found = after(layer, work)
    assert set(np.unique(found).tolist()) == {0, 3}
    assert 4 not in layer.segments and layer.segments[3].class_id == 5
    assert (layer.read(layer.bounds, 1)[:5, :5] == 3).all() and layer.read(layer.bounds, 1)[35, 35] == 5


@pytest.mark.parametrize("planes", [(0,), (0, 1)])
def test_convert_and_clear_on_one_plane_and_on_all(planes: tuple[int, ...]) -> None:
    ids = np.zeros((2, 30, 30), np.uint16)
    ids[:, :10, :10], ids[:, 20:, 20:] = 1, 2
    segments = {1: Segment(1, 5), 2: Segment(2, 9)}
    layer = make_layer(ids, segments, depth=2)
    work = work_on(layer, 1)
    convert_class(work, 9, planes)
    after(layer, work)
    for z in (0, 1):
        classes = layer.read_classes(layer.bounds, z)
        assert (classes[:10, :10] == (9 if z in planes else 5)).all() and (classes[20:, 20:] == 9).all()
    layer = make_layer(ids, segments, depth=2)
    work = work_on(layer, 1)
    clear_region(work, planes)
    after(layer, work)
    for z in (0, 1):
        classes = layer.read_classes(layer.bounds, z)
        assert (classes[:10, :10] == (0 if z in planes else 5)).all() and (classes[20:, 20:] == 9).all()


@pytest.mark.parametrize("op", BOOLEAN_OPS)
@pytest.mark.parametrize("replaces", [True, False])
def test_booleans_between_layers_match_numpy(blobs: np.ndarray, op: str, replaces: bool) -> None:
    a, b = blobs, np.roll(blobs, 300, axis=1)
    here = make_layer(a.astype(np.uint16), {1: Segment(1, 5)})
    there = make_layer(b.astype(np.uint16) * 3, {3: Segment(3, 8)})
    truth = {"union": a | b, "intersection": a & b, "subtraction": a & ~b, "xor": a ^ b}[op]
    work = work_on(here, 1)
    combine(work, 0, op, Area(here, 5), Area(there), 1, is_replacing=replaces)  # type: ignore[arg-type]
    assert ((after(here, work) == 1) == (truth if replaces else truth | a)).all()


def test_only_what_is_asked_for_is_looked_at() -> None:
    layer = LabelLayer(1, 1, "labels", "labels", 16384, 16384, segments={1: Segment(1, 5)})
    transaction = Transaction(layer, "make")
    transaction.write(Rect(9000, 9000, 300, 300), 1)
    transaction.write(Rect(9100, 9100, 20, 20), 0)
    transaction.commit()
    sizes: list[int] = []
    work = work_on(layer)
    read = work.source.tiles.read
    work.source.tiles.read = lambda rect, z=0: sizes.append(rect.width * rect.height) or read(rect, z)  # type: ignore[method-assign]
    fill_holes(work, 0)
    grow(work, 0, 5)
    smooth(work, 0, 5)
    assert work.added_px > 400, "the hole, and a rim"
    assert sum(sizes) < 60 * BLOCK_PX * BLOCK_PX, "a 300 px region must not cost the whole 16k image"


def test_a_hole_larger_than_blocks_is_filled_and_one_open_by_a_pixel_is_not() -> None:
    for is_open in (False, True):
        layer = LabelLayer(1, 1, "labels", "labels", 5000, 4200, segments={1: Segment(1, 5)})
        transaction = Transaction(layer, "make")
        for rect in (
            Rect(100, 100, 4700, 3),
            Rect(100, 4000, 4700, 3),
            Rect(100, 100, 3, 3903),
            Rect(4797, 100, 3, 3903),
        ):
            transaction.write(rect, 1)
        if is_open:
            transaction.write(Rect(2000, 100, 1, 3), 0)
        transaction.commit()
        work = work_on(layer)
        assert fill_holes(work, 0) == (0 if is_open else 1)
        found = after(layer, work)
        truth = np.zeros_like(found)
        truth[100:4003, 100:4800] = 1
        assert is_open or (found == truth).all()


def test_cancelled_work_stops() -> None:
    token = CancelToken()
    token.set()
    work = work_on(stuff_layer(np.ones((20, 20), np.bool_)), cancel=token)
    with pytest.raises(Cancelled):
        grow(work, 0, 2)
