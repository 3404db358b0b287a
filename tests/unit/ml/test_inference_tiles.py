"""Tiled inference: covers once, shows no seams, and equals the whole."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, SmallNet, card, random_image

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import Segmenter
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.run import enlarged, propose, semantic_logits
from segstudio.ml.inference.windows import disjoint, make_axis, reflected


@pytest.fixture
def small():
    return TorchSegmenter(SmallNet(), card(window_px=64, overlap_px=16, stride_px=8))


def whole(pieces, classes, height, width):
    """Logits put together, NaN where nothing came; fails where something came twice."""
    result = torch.full((classes, height, width), float("nan"))
    for rect, logits in pieces:
        assert torch.isnan(result[:, rect.y : rect.bottom, rect.x : rect.right]).all(), "a pixel came twice"
        result[:, rect.y : rect.bottom, rect.x : rect.right] = logits
    return result


@pytest.mark.parametrize(("height", "width"), [(200, 333), (64, 64), (65, 1), (1, 1), (7, 300), (129, 128), (31, 500)])
def test_tiles_equal_the_whole(small, height, width):
    reader = ArrayReader(random_image(height, width))
    tiled = whole(semantic_logits(small, reader), 3, height, width)
    at_once = whole(semantic_logits(small, reader, window_px=1024, overlap_px=16), 3, height, width)
    assert not torch.isnan(tiled).any(), "a pixel never came"
    assert float((tiled - at_once).abs().max()) <= 1e-4


def test_borders_are_mirrored(small):
    """The answer at the border is that inside a picture that goes on as a mirror."""
    image = random_image(96, 96)
    mirrored = np.pad(image, ((0, 0), (40, 40), (40, 40)), mode="reflect")
    plain = whole(semantic_logits(small, ArrayReader(image)), 3, 96, 96)
    inside = whole(semantic_logits(small, ArrayReader(mirrored)), 3, 176, 176)[:, 40:136, 40:136]
    assert float((plain - inside).abs().max()) <= 1e-4


def test_without_overlap_there_are_seams_and_with_it_none():
    """The control: windows side by side differ from the whole at their edges, so the test above can fail."""
    segmenter = TorchSegmenter(SmallNet(), card(window_px=64, overlap_px=0, stride_px=8))
    reader = ArrayReader(random_image(128, 128))
    at_once = whole(semantic_logits(segmenter, reader, window_px=1024), 3, 128, 128)
    tiled = whole(semantic_logits(segmenter, reader), 3, 128, 128)
    difference = (tiled - at_once).abs().amax(dim=0)
    assert float(difference[:, 60:68].max()) > 1e-2
    assert float(difference[10:50, 10:50].max()) <= 1e-4


@pytest.mark.parametrize("length", [1, 63, 64, 65, 100, 777, 1000])
@pytest.mark.parametrize("overlap", [0, 1, 15, 32])
def test_shares_sum_to_one_and_each_pixel_is_finished_once(length, overlap):
    axis = make_axis(10, 10 + length, 64, overlap, 16)
    total = np.zeros(length)
    count = np.zeros(length, int)
    for index, (start, weight) in enumerate(zip(axis.starts, axis.weights, strict=True)):
        at = np.arange(start, start + axis.size_px) - 10
        inside = (at >= 0) & (at < length)
        np.add.at(total, at[inside], weight[inside])
        begin, end = axis.finished(index)
        count[begin - 10 : end - 10] += 1
    assert axis.size_px % 16 == 0
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert (count == 1).all()


def test_reflection_equals_numpys():
    values = np.arange(5)
    np.testing.assert_array_equal(values[reflected(-4, 9, 5)], np.pad(values, 4, mode="reflect"))
    assert (reflected(-30, 40, 3) < 3).all() and set(reflected(-5, 5, 1)) == {0}


def test_rectangles_are_answered_once_and_as_in_the_whole(small):
    reader = ArrayReader(random_image(150, 150))
    rects = [Rect(20, 20, 80, 60), Rect(60, 40, 70, 90), Rect(140, 140, 50, 50), Rect(300, 0, 5, 5)]
    part = whole(semantic_logits(small, reader, rects=rects), 3, 150, 150)
    asked = np.zeros((150, 150), bool)
    for rect in rects:
        asked[rect.slices] = True
    assert (~torch.isnan(part[0]).numpy() == asked).all()
    full = whole(semantic_logits(small, reader), 3, 150, 150)
    assert float((part - full)[:, asked].abs().max()) <= 1e-4


def test_disjoint_rectangles_cover_the_same():
    rng = np.random.default_rng(1)
    for _ in range(20):
        rects = [
            Rect(*(int(v) for v in rng.integers(0, 40, 2)), *(int(v) for v in rng.integers(0, 30, 2))) for _ in range(6)
        ]
        wanted, got = np.zeros((80, 80), int), np.zeros((80, 80), int)
        for rect in rects:
            wanted[rect.slices] = 1
        for rect in disjoint(rects):
            got[rect.slices] += 1
        np.testing.assert_array_equal(wanted, got)


def test_results_hold_the_likeliest_class_and_its_softmax(small):
    reader = ArrayReader(random_image(90, 110))
    logits = whole(semantic_logits(small, reader), 3, 90, 110)
    chance = torch.softmax(logits, 0)
    results = list(propose(small, reader))
    assert len(results) > 1
    for result in results:
        part = chance[:, result.rect.y : result.rect.bottom, result.rect.x : result.rect.right]
        np.testing.assert_array_equal(result.class_index, part.argmax(0).numpy())
        assert np.abs(result.confidence.astype(int) - (part.amax(0) * 255).round().int().numpy()).max() <= 1
        assert result.class_index.dtype == result.confidence.dtype == np.uint8


def test_memory_follows_the_width_not_the_height(small):
    tall = ArrayReader(random_image(4000, 96))
    counted = [max(p.rect.height for p in propose(small, tall)), tall.largest_px]
    assert counted[0] <= 64 and counted[1] <= 1 << 20


def test_sixteen_bit_images_are_stretched_alike_in_every_window(small):
    grey = np.linspace(1000, 9000, 300 * 300).reshape(1, 300, 300).astype(np.uint16)
    reader = ArrayReader(grey)
    tiled = whole(semantic_logits(small, reader), 3, 300, 300)
    at_once = whole(semantic_logits(small, reader, window_px=1024, overlap_px=16), 3, 300, 300)
    assert float((tiled - at_once).abs().max()) <= 1e-4


def test_too_few_bands_are_said():
    segmenter = TorchSegmenter(SmallNet(bands=4), card(bands=4, mean=(0.0,) * 4, std=(1.0,) * 4))
    with pytest.raises(UserError, match="3 bands but the model needs 4"):
        list(propose(segmenter, ArrayReader(random_image(40, 40))))


def test_working_scale_covers_all_and_finds_a_scaled_edge():
    """A network that copies brightness sees the picture at 64 px; the edge comes back where it was."""

    class Bright(torch.nn.Module):
        def forward(self, x):
            return torch.cat([0.5 - x[:, :1], x[:, :1] - 0.5], dim=1) * 20

    values = card(("background", "x"), mean=(0.0,) * 3, std=(1.0,) * 3, window_px=64, overlap_px=16, stride_px=8)
    image = np.zeros((3, 1000, 700), np.uint8)
    image[:, 300:, 350:] = 255
    for scaled in ({"working_long_side_px": 100}, {"working_short_side_px": 90}, {"working_long_side_px": 1500}):
        segmenter = TorchSegmenter(Bright(), replace(values, **scaled))
        seen = np.zeros((1000, 700), int)
        found = np.zeros((1000, 700), np.uint8)
        for result in propose(segmenter, ArrayReader(image)):
            seen[result.rect.slices] += 1
            found[result.rect.slices] = result.class_index
        assert (seen == 1).all()
        wrong = (found == 1) != (image[0] == 255)
        assert wrong.mean() < 0.006, scaled


def test_enlarging_is_the_same_whatever_the_cut():
    small = torch.rand(2, 13, 17)
    full = enlarged(small, Rect(0, 0, 101, 77), 101, 77)
    reference = torch.nn.functional.interpolate(small[None], (77, 101), mode="bilinear", align_corners=False)[0]
    assert float((full - reference).abs().max()) < 1e-5
    cut = enlarged(small, Rect(30, 20, 40, 50), 101, 77)
    assert torch.equal(cut, full[:, 20:70, 30:70])


def test_one_logit_is_a_sigmoid():
    class One(torch.nn.Module):
        def forward(self, x):
            return x[:, :1]

    segmenter = TorchSegmenter(One(), card(("background", "x")))
    assert isinstance(segmenter, Segmenter)
    logits = segmenter.predict(torch.randn(1, 3, 8, 8))
    assert logits.shape == (1, 2, 8, 8) and not logits[:, 0].any()


def test_a_model_that_breaks_its_promise_is_named(small):
    liar = TorchSegmenter(SmallNet(classes=5), card())
    with pytest.raises(UserError, match="where its card promises"):
        list(propose(liar, ArrayReader(random_image(40, 40))))


# -- memory and cancel ---------------------------------------------------------------------------------------------


class Scarce:
    """Has memory for *fits* windows at once on its GPU, and for *cpu_fits* on the CPU."""

    def __init__(self, fits, cpu_fits=99, device="cuda:0"):
        self.inner = TorchSegmenter(SmallNet(), card(window_px=64, overlap_px=16, stride_px=8))
        self.card, self.device = self.inner.card, device
        self.fits, self.cpu_fits = fits, cpu_fits
        self.batches = []

    def to(self, device):
        self.device = device

    def predict(self, batch):
        if len(batch) > (self.cpu_fits if self.device == "cpu" else self.fits):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        self.batches.append(len(batch))
        return self.inner.predict(batch)


def test_the_batch_is_halved_until_it_fits_and_the_answer_is_the_same(small):
    reader = ArrayReader(random_image(128, 600))
    said = []
    scarce = Scarce(fits=2)
    got = whole(semantic_logits(scarce, reader, progress=lambda d, t, w: said.append(w)), 3, 128, 600)
    wanted = whole(semantic_logits(small, reader), 3, 128, 600)
    assert float((got - wanted).abs().max()) <= 1e-5
    assert max(scarce.batches) == 2 and scarce.device == "cuda:0"
    assert any("Out of memory on cuda:0: 2 windows at a time" in text for text in said)


def test_then_the_cpu_and_it_says_so(small):
    reader = ArrayReader(random_image(128, 200))
    said = []
    scarce = Scarce(fits=0)
    got = whole(semantic_logits(scarce, reader, progress=lambda d, t, w: said.append(w)), 3, 128, 200)
    assert scarce.device == "cpu" and any("going on with the CPU" in text for text in said)
    assert float((got - whole(semantic_logits(small, reader), 3, 128, 200)).abs().max()) <= 1e-5


def test_no_memory_at_all_is_one_sentence():
    with pytest.raises(UserError, match="not enough memory for one window.*smaller windows"):
        list(propose(Scarce(fits=0, cpu_fits=0), ArrayReader(random_image(64, 64))))


def test_other_errors_are_not_taken_for_memory(small):
    def broken(batch):
        raise RuntimeError("shapes do not fit")

    small.predict = broken
    with pytest.raises(RuntimeError, match="shapes"):
        list(propose(small, ArrayReader(random_image(64, 64))))


def test_cancel_between_windows(small):
    token = CancelToken()
    seen = 0
    with pytest.raises(Cancelled):
        for _ in propose(small, ArrayReader(random_image(500, 500)), cancel=token):
            seen += 1
            token.set()
    assert seen == 1
    assert len(list(propose(small, ArrayReader(random_image(64, 64))))) == 1, "the model works on after a cancel"


def test_cancel_inside_a_slow_forward_within_a_second():
    """A network that takes many seconds for one window still ends at its next layer."""
    release = threading.Event()
    started = threading.Event()

    class Slow(torch.nn.Module):
        def forward(self, x):
            started.set()
            release.wait(0.05)
            return x

    stack = torch.nn.Sequential(*(Slow() for _ in range(400)))
    segmenter = TorchSegmenter(stack, card())
    token = CancelToken()
    cancelled_s = []

    def press():
        started.wait(10)
        cancelled_s.append(time.monotonic())
        token.set()

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(Cancelled):
        list(propose(segmenter, ArrayReader(random_image(32, 32)), cancel=token))
    ended_s = time.monotonic()
    thread.join()
    assert ended_s - cancelled_s[0] < 1.0


def test_progress_ends_at_its_total(small):
    reports = []
    list(propose(small, ArrayReader(random_image(200, 200)), progress=lambda d, t, w: reports.append((d, t))))
    assert reports[0][0] == 0 and reports[-1][0] == reports[-1][1] > 1
    assert [d for d, _ in reports] == sorted(d for d, _ in reports)
