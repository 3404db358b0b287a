"""Where a proposal's model was unsure: background counts, a rare class counts for more, parts are put together."""

from __future__ import annotations

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.proposal_doubt import DOUBT_OF, ProposedDoubt, merged


def answer(side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Background that is sure everywhere: (side, side) class indices and confidences."""
    return np.zeros((side, side), np.uint8), np.full((side, side), 255, np.uint8)


def test_a_sure_pixel_is_0_an_even_one_1_and_in_between_it_is_the_entropy():
    assert DOUBT_OF[255] == 0
    assert DOUBT_OF[127] == 1 and DOUBT_OF[0] == 1
    assert abs(DOUBT_OF[204] - 0.7219) < 0.001  # of 0.8 and 0.2
    assert (np.diff(DOUBT_OF) <= 0).all()


def test_background_that_may_be_something_else_is_uncertain():
    classes, sure = answer()
    sure[16:32, 32:48] = 160
    found = ProposedDoubt(64, 64, 1)
    found.add(0, Rect(0, 0, 64, 64), classes, sure)
    cells, covered = found.cells()
    assert cells.shape == (1, 4, 4) and covered.all()
    assert np.argwhere(cells[0]).tolist() == [[1, 2]]
    assert cells[0, 1, 2] == round(255 * float(DOUBT_OF[160]))


def test_a_rare_class_counts_by_the_inverse_root_of_its_share():
    classes, sure = answer()
    classes[0:32, 0:32] = 1  # a quarter
    sure[0:16, 0:16] = sure[48:64, 48:64] = 160
    found = ProposedDoubt(64, 64, 1)
    found.add(0, Rect(0, 0, 64, 64), classes, sure)
    cells, _ = found.cells()
    whole = 255 * float(DOUBT_OF[160])
    assert cells[0, 0, 0] == round(whole)
    assert abs(cells[0, 3, 3] - whole * np.sqrt((1 / 4) / (3 / 4))) <= 1


def test_background_counts_a_third_of_the_rarest_class_at_least():
    classes, sure = answer(256)
    classes[0:16, 0:16] = 1  # 1 in 256
    sure[0:16, 0:16] = sure[240:256, 240:256] = 160
    found = ProposedDoubt(256, 256, 1)
    found.add(0, Rect(0, 0, 256, 256), classes, sure)
    cells, _ = found.cells()
    assert abs(cells[0, 15, 15] - cells[0, 0, 0] / 3) <= 1


def test_windows_of_any_cut_give_the_same_map():
    rng = np.random.default_rng(0)
    classes, sure = rng.integers(0, 3, (100, 70), dtype=np.uint8), rng.integers(85, 256, (100, 70), dtype=np.uint8)
    whole, parts = ProposedDoubt(70, 100, 1), ProposedDoubt(70, 100, 1)
    whole.add(0, Rect(0, 0, 70, 100), classes, sure)
    for rect in (Rect(0, 0, 33, 41), Rect(33, 0, 37, 41), Rect(0, 41, 70, 59)):
        parts.add(0, rect, classes[rect.slices], sure[rect.slices])
    assert np.abs(whole.cells()[0].astype(int) - parts.cells()[0].astype(int)).max() <= 1


def test_what_was_not_answered_now_stays_as_it_was_known():
    classes, sure = answer(32)
    found = ProposedDoubt(64, 64, 1)
    found.add(0, Rect(0, 0, 32, 32), classes, sure)
    cells, covered = found.cells()
    before = np.full((1, 4, 4), 99, np.uint8)
    both = merged((before, found.cell_px), cells, covered, found.cell_px)
    assert (both[0, :2, :2] == 0).all() and (both[0, 2:] == 99).all() and (both[0, :, 2:] == 99).all()
    assert (merged((before, 32), cells, covered, found.cell_px) == cells).all()
    assert (merged(None, cells, covered, found.cell_px) == cells).all()
