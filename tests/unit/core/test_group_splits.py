"""Groups, folds and blocks: what stays together, and that folds are a partition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.splits import chosen_block_px, fold_of_each, grid_of_blocks, group_of, held_out, joined_blocks

SIZES = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), st.integers(1, 50), min_size=2, max_size=30)


def test_groups_are_told_by_folder_or_by_name():
    assert group_of("a.png", "/data/patient7", "folder") == "/data/patient7"
    assert group_of("patient12_left.png", "x", r"^(patient\d+)_") == "patient12"
    assert group_of("patient12_left.png", "x", r"patient\d+") == "patient12"
    assert group_of("b1.png", "x", r"(a)|b\d") == "b1"
    with pytest.raises(UserError, match=r"finds nothing in the name other\.png"):
        group_of("other.png", "x", r"patient\d+")
    with pytest.raises(UserError, match="no regular expression"):
        group_of("other.png", "x", "(")


@given(SIZES, st.integers(0, 5), st.floats(0.01, 0.99))
def test_some_groups_are_held_out_never_all_never_none(sizes, seed, fraction):
    held = held_out(sizes, fraction, seed)
    assert held and held < set(sizes)
    assert held == held_out(dict(reversed(sizes.items())), fraction, seed)


@given(SIZES, st.integers(2, 6), st.integers(0, 5))
def test_each_group_is_in_exactly_one_fold_and_folds_are_even(sizes, count, seed):
    if len(sizes) < count:
        with pytest.raises(UserError, match="too few for"):
            fold_of_each(sizes, count, seed)
        return
    fold = fold_of_each(sizes, count, seed)
    assert set(fold) == set(sizes) and set(fold.values()) == set(range(1, count + 1))
    filled = [sum(n for name, n in sizes.items() if fold[name] == k) for k in range(1, count + 1)]
    assert max(filled) - min(filled) <= max(sizes.values())
    assert fold == fold_of_each(dict(reversed(sizes.items())), count, seed)


def test_seeds_differ():
    sizes = {str(i): 1 for i in range(20)}
    assert len({frozenset(held_out(sizes, 0.3, seed)) for seed in range(5)}) == 5
    assert fold_of_each(sizes, 5, 0) != fold_of_each(sizes, 5, 1)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(16, 900), st.integers(0, 50))
def test_blocks_cover_an_area_once(width, height, block_px, offset):
    area = Rect(offset, 2 * offset, width, height)
    blocks = [block for row in grid_of_blocks(area, block_px) for block in row]
    assert sum(b.width * b.height for b in blocks) == width * height
    assert all(a == b or a.intersected(b).is_empty for a in blocks[:40] for b in blocks[:40])
    united = blocks[0]
    for block in blocks:
        united = united.united(block)
        assert block.width < 2 * block_px and block.height < 2 * block_px
    assert united == area


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 5))))
def test_joined_blocks_cover_just_the_chosen_ones(places):
    grid = grid_of_blocks(Rect(0, 0, 60, 50), 10)
    chosen = {grid[y][x] for y, x in places}
    joined = joined_blocks(grid, chosen)
    assert sum(r.width * r.height for r in joined) == sum(b.width * b.height for b in chosen)
    for block in chosen:
        assert sum(r.intersected(block) == block for r in joined) == 1
    assert len(joined) <= len(chosen)


def test_a_full_grid_is_one_rectangle():
    grid = grid_of_blocks(Rect(5, 5, 100, 80), 10)
    assert joined_blocks(grid, {block for row in grid for block in row}) == [Rect(5, 5, 100, 80)]


@pytest.mark.parametrize(
    ("size", "patch", "wanted"), [((30000, 20000), 256, 3750), ((1000, 900), 256, 512), ((90000, 9), 64, 4096)]
)
def test_the_size_of_blocks_that_is_chosen(size, patch, wanted):
    assert chosen_block_px(*size, patch) == wanted
