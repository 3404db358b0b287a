"""What smart tools look at: parts of images of any size, and where what was found lies in the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segstudio.app.tools import smart
from segstudio.app.tools.smart import Picture, PictureView, full_size_area
from segstudio.core.cancel import NEVER, CancelToken
from segstudio.core.display import DisplaySettings
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.base import ImageInfo, level_sizes


class Ramp:
    """An image of 40 000 × 30 000 whose values tell where they are: x in hundreds in one band, y in another."""

    def __init__(self) -> None:
        self.info = ImageInfo(Path("ramp"), 40_000, 30_000, 3, 3, "uint16", level_sizes(40_000, 30_000))
        self.asked: list[tuple[int, int, int]] = []

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        window = window.clipped(*self.info.levels[level])
        self.asked.append((level, z, window.width * window.height))
        step = 40_000 / self.info.levels[level][0]
        y, x = np.mgrid[window.y : window.bottom, window.x : window.right]
        middle = [(x + 0.5) * step, (y + 0.5) * step, np.full(x.shape, z * 10_000.0)]
        return np.stack(middle).astype(np.uint16)

    def close(self) -> None:
        pass


SHOWN = DisplaySettings(0, 40_000)


@pytest.mark.parametrize(
    "rect",
    [
        Rect(0, 0, 40_000, 30_000),
        Rect(12_345, 6_789, 200, 150),
        Rect(39_000, 29_500, 1000, 500),
        Rect(101, 7, 9001, 333),
    ],
)
def test_a_view_shows_its_rectangle_small_and_reads_little(rect: Rect) -> None:
    reader = Ramp()
    view = Picture(reader, 2, SHOWN).view_of(rect, 320, NEVER)
    height, width = view.rgb.shape[:2]
    assert max(height, width) <= 320
    assert max(height, width) >= min(300, rect.width)
    assert all(z == 2 for _, z, _ in reader.asked) and sum(pixels for *_, pixels in reader.asked) < 2 * 640 * 640
    for column, row in ((0, 0), (width - 1, height - 1), (width // 2, height // 3)):
        x, y = view.to_image((column + 0.5, row + 0.5))
        seen = view.rgb[row, column].astype(float) / 255 * 40_000
        assert seen[0] == pytest.approx(x, abs=100 + view.step_xy[0])
        assert seen[1] == pytest.approx(y, abs=100 + view.step_xy[1])
        assert view.to_view((x, y)) == pytest.approx((column + 0.5, row + 0.5))
    covered = view.image_rect(Rect(0, 0, 40_000, 30_000))
    assert covered.expanded(1).intersected(rect) == rect
    assert covered.width <= rect.width + 2 * view.step_xy[0] + 2


def test_a_small_part_is_seen_pixel_by_pixel() -> None:
    view = Picture(Ramp(), 0, SHOWN).view_of(Rect(500, 700, 64, 32), 320, NEVER)
    assert view.rgb.shape == (32, 64, 3) and view.step_xy == (1, 1) and view.corner_xy == (500, 700)


def test_before_the_display_is_known_the_coarsest_level_tells() -> None:
    reader = Ramp()
    shown = Picture(reader, 1, None).shown()
    assert shown.low < 1000 and 29_000 < shown.high <= 40_000
    assert reader.asked[0][0] == len(reader.info.levels) - 1


def test_a_set_token_ends_it() -> None:
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        Picture(Ramp(), 0, SHOWN).view_of(Rect(0, 0, 10, 10), 320, token)


def test_areas_found_on_a_view_lie_where_they_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = Rect(0, 0, 1000, 800)
    mask = np.zeros((80, 100), bool)
    mask[20:40, 30:70] = True
    same = PictureView(np.zeros((80, 100, 3), np.uint8), (200.0, 300.0), (1.0, 1.0))
    found, rect = full_size_area(mask, same, bounds)
    assert rect == Rect(230, 320, 40, 20) and found.all()
    coarse = PictureView(same.rgb, (200.0, 300.0), (2.5, 2.5))
    found, rect = full_size_area(mask, coarse, bounds)
    assert rect == Rect(275, 350, 100, 50) and found.all()
    hollow = mask.copy()
    hollow[28:32, 40:60] = False
    found, rect = full_size_area(hollow, coarse, bounds)
    assert (~found).sum() == pytest.approx(50 * 10, rel=0.15) and not found[25, 50]
    found, rect = full_size_area(np.ones((80, 100), bool), PictureView(same.rgb, (-20.0, -10.0), (1.0, 1.0)), bounds)
    assert rect == Rect(0, 0, 80, 70) and found.shape == (70, 80)
    assert full_size_area(np.zeros((80, 100), bool), coarse, bounds)[1].is_empty
    monkeypatch.setattr(smart, "MOST_AREA_PX", 4_000)
    with pytest.raises(UserError, match="100 × 50 pixels"):
        full_size_area(mask, coarse, bounds)
