"""When memory runs out: smaller batches, smaller windows, bf16, the CPU; said once each, and the answer stays right. Wide images in strips."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, SmallNet, card, random_image

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import memory_note
from segstudio.ml.cards import WeightsSource
from segstudio.ml.inference import blending, ladder
from segstudio.ml.inference.blending import Blender, likeliest, strips
from segstudio.ml.inference.devices import is_out_of_memory
from segstudio.ml.inference.engine import WindowCounter, axes_of
from segstudio.ml.inference.ladder import Ladder, start_over, windows_that_fit
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.objects import find_objects
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.inference.sources import ReaderSource
from segstudio.ml.inference.windows import make_axis

WINDOW = {"window_px": 512, "overlap_px": 96, "stride_px": 8}


class Narrow:
    """Has memory for a batch of so many pixels on its GPU, and so many on the CPU."""

    def __init__(self, fits_px, cpu_fits_px=1 << 40, device="cuda:0"):
        self.inner = TorchSegmenter(SmallNet(), card(**WINDOW))
        self.card, self.device = self.inner.card, device
        self.fits_px, self.cpu_fits_px = fits_px, cpu_fits_px
        self.shapes = []

    def to(self, device):
        self.device = device

    def predict(self, batch):
        pixels = batch.shape[0] * batch.shape[2] * batch.shape[3]
        if pixels > (self.cpu_fits_px if self.device == "cpu" else self.fits_px):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        self.shapes.append((self.device, *batch.shape))
        return self.inner.predict(batch)


def whole(pieces, height, width):
    result = torch.full((3, height, width), float("nan"))
    for rect, logits in pieces:
        assert torch.isnan(result[:, rect.y : rect.bottom, rect.x : rect.right]).all(), "a pixel came twice"
        result[:, rect.y : rect.bottom, rect.x : rect.right] = logits
    return result


def answered(segmenter, height=600, width=900):
    """(logits put together, what was said, in order and each once)."""
    said, seen = [], []
    reader = ArrayReader(random_image(height, width))
    logits = whole(
        semantic_logits(segmenter, reader, progress=lambda d, t, w: (said.append(w), seen.append((d, t)))),
        height,
        width,
    )
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1], "the progress bar ends where it should"
    return logits, [w for w in dict.fromkeys(said) if "memory" in w]


@pytest.fixture(scope="module")
def wanted():
    """What a machine with memory enough answers, in one window: no seams."""
    segmenter = TorchSegmenter(SmallNet(), card(**WINDOW))
    return whole(semantic_logits(segmenter, ArrayReader(random_image(600, 900)), window_px=2048), 600, 900)


def test_smaller_windows_come_before_the_cpu_and_leave_no_seams(wanted):
    narrow = Narrow(fits_px=256 * 256)
    logits, said = answered(narrow)
    assert float((logits - wanted).abs().max()) <= 1e-4
    assert narrow.device == "cuda:0" and max(h * w for _, _, _, h, w in narrow.shapes) <= 256 * 256
    assert said == [
        "Out of memory on cuda:0: 4 windows at a time",
        "Out of memory on cuda:0: 2 windows at a time",
        "Out of memory on cuda:0: 1 windows at a time",
        "Out of memory on cuda:0: windows of 256 px",
    ]


def test_windows_are_halved_again_and_then_the_cpu_takes_whole_ones(wanted):
    narrow = Narrow(fits_px=100 * 100)
    logits, said = answered(narrow)
    assert float((logits - wanted).abs().max()) <= 1e-4
    assert said[-4:] == [
        "Out of memory on cuda:0: windows of 256 px",
        "Out of memory on cuda:0: windows of 128 px",
        "Out of memory on cuda:0: computing in bf16",
        "Out of memory on cuda:0: going on with the CPU",
    ]
    assert (
        memory_note(narrow) == "Memory ran short on cuda:0, so the model worked with one window at a time on the CPU."
    )
    on_cpu = [shape for shape in narrow.shapes if shape[0] == "cpu"]
    assert len(on_cpu) == len(narrow.shapes) and max(h for *_, h, w in on_cpu) == 512


def test_bf16_comes_before_the_cpu(wanted, monkeypatch):
    """A card whose memory holds 128² pixels in bf16, and not in fp32."""
    narrow = Narrow(fits_px=100 * 100)
    entered = []

    @contextmanager
    def autocast(kind, dtype):
        entered.append((kind, dtype))
        narrow.fits_px = 128 * 128
        yield
        narrow.fits_px = 100 * 100

    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    logits, said = answered(narrow)
    assert float((logits - wanted).abs().max()) <= 1e-4 and narrow.device == "cuda:0"
    assert said[-1] == "Out of memory on cuda:0: computing in bf16" and set(entered) == {("cuda", torch.bfloat16)}
    assert "windows of 128 px, in bf16." in memory_note(narrow)


def test_the_next_image_begins_where_the_last_one_had_to_stop_and_the_next_job_at_the_top(wanted):
    narrow = Narrow(fits_px=256 * 256)
    answered(narrow)
    logits, said = answered(narrow)
    assert float((logits - wanted).abs().max()) <= 1e-4 and not said
    narrow.fits_px = 0
    answered(narrow)
    assert narrow.device == "cpu" and "on the CPU" in memory_note(narrow)
    start_over(narrow)
    assert narrow.device == "cuda:0" and memory_note(narrow) == ""
    narrow.fits_px = 1 << 40
    assert not answered(narrow)[1]


def test_windows_that_were_finished_are_not_computed_again():
    """Memory runs out at the third of six windows: the first two stay as they are."""
    seen = []

    class Late(Narrow):
        def predict(self, batch):
            seen.append(batch.shape)
            if len(seen) == 3:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().predict(batch)

    late = Late(fits_px=1 << 40, device="cpu")
    rows, columns = axes_of(Rect(0, 0, 900, 600), 512, 96, 8)
    answered(late)
    whole_ones = [shape for shape in late.shapes if shape[-1] == 512]
    assert len(whole_ones) == 2, "only what was left goes in smaller windows"
    assert len(rows) * len(columns) == 6 and memory_note(late).endswith("one window at a time, windows of 256 px.")


def test_a_view_of_objects_goes_over_to_bf16_and_to_the_cpu():
    class Finder:
        card, device, asked = card(**WINDOW), "cuda:0", []

        def to(self, device):
            self.device = device

        def find_objects(self, image, width, height):
            self.asked.append(self.device)
            if self.device != "cpu":
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return []

    finder = Finder()
    source = ReaderSource(ArrayReader(random_image(40, 50)), finder.card, 0)
    assert find_objects(finder, source, [Rect(0, 0, 50, 40)], WindowCounter(1)) == []
    assert finder.asked == ["cuda:0", "cuda:0", "cpu"] and "on the CPU" in memory_note(finder)


@pytest.mark.parametrize(
    ("text", "is_memory"),
    [
        ("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory", True),
        ("could not create a primitive", True),  # what oneDNN says under a limit of the address space
        ("could not create a primitive descriptor for a convolution forward propagation primitive", False),
        ("shapes differ", False),
    ],
)
def test_what_torch_says_of_memory_is_known(text, is_memory):
    assert is_out_of_memory(RuntimeError(text)) is is_memory


def test_windows_are_planned_for_the_memory_that_is_free(monkeypatch):
    model = replace(card(**WINDOW), architecture="unet", encoder="efficientnet_lite0")
    one = windows_that_fit(model, (3, 512, 512), 1 << 30)
    assert 1 <= one < windows_that_fit(model, (3, 512, 512), 1 << 34) // 8
    assert windows_that_fit(model, (3, 256, 256), 1 << 30) >= 3 * one
    assert windows_that_fit(model, (3, 512, 512), 1000) == 1, "one is always tried"
    assert windows_that_fit(replace(model, architecture="nobody's"), (3, 512, 512), 1 << 30) == 0
    torchvision = replace(model, id="torchvision/deeplabv3_resnet50", weights=WeightsSource(kind="download"))
    assert windows_that_fit(torchvision, (3, 512, 512), 1 << 33) > 0
    monkeypatch.setattr(ladder, "free_bytes", lambda _: 3 << 28)
    found = Ladder("cuda:0", 8)
    found.plan(model, (3, 512, 512), "cuda:0")
    assert 1 <= found.batch < 8 and f"{found.batch} windows" in found.summary.replace("one window", "1 windows")
    asked = Ladder("cpu", 1)
    asked.plan(model, (3, 512, 512), "cpu")
    assert asked.batch == 1 and asked.summary == ""


def test_a_cpu_without_memory_takes_smaller_windows_too(wanted):
    narrow = Narrow(fits_px=0, cpu_fits_px=200 * 200, device="cpu")
    logits, said = answered(narrow)
    assert float((logits - wanted).abs().max()) <= 1e-4
    assert said == ["Out of memory on cpu: windows of 256 px", "Out of memory on cpu: windows of 128 px"]


def test_memory_that_runs_out_in_the_middle_changes_nothing(wanted):
    """The third window fails once: what was held by then is kept."""

    class Once(Narrow):
        def predict(self, batch):
            if len(self.shapes) == 2:
                self.fits_px = self.cpu_fits_px = 256 * 256
            return super().predict(batch)

    logits, said = answered(Once(fits_px=1 << 40, device="cpu"))
    assert float((logits - wanted).abs().max()) <= 1e-4 and len(said) == 1


def test_where_even_the_smallest_window_does_not_fit_it_is_one_sentence():
    with pytest.raises(UserError, match="not enough memory for one window.*smaller windows"):
        answered(Narrow(fits_px=0, cpu_fits_px=0))


def test_a_window_of_one_class_plane_and_channels_last_are_put_together_alike():
    """The two ways that answers lie in memory give the same bits."""

    class AsGiven(torch.nn.Module):
        def __init__(self, layout):
            super().__init__()
            self.net, self.layout = SmallNet(), layout

        def forward(self, x):
            return self.net(x)["out"].contiguous(memory_format=self.layout)

    answers = []
    for layout in (torch.contiguous_format, torch.channels_last):
        answers.append(answered(TorchSegmenter(AsGiven(layout), card(**{**WINDOW, "window_px": 128})))[0])
    assert torch.equal(*answers)


def test_a_network_that_sees_less_than_the_margin_leaves_no_seams():
    """Five 3×3 convolutions at rates up to 4 see 11 px around; the outer quarter of an overlap of 64 px, 16 px, counts for nothing."""
    torch.manual_seed(0)
    layers = []
    for number, rate in enumerate((1, 1, 2, 3, 4)):
        layers += [torch.nn.Conv2d(8 if number else 3, 8, 3, padding=rate, dilation=rate), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 3, 1))
    reader = ArrayReader(random_image(300, 420))

    def logits(window, overlap):
        segmenter = TorchSegmenter(net, card(window_px=window, overlap_px=overlap, stride_px=8))
        return whole(semantic_logits(segmenter, reader), 300, 420)

    at_once = logits(1024, 64)
    assert float((logits(128, 64) - at_once).abs().max()) <= 1e-4
    # The control: where the overlap is too small for what the network sees, there are seams.
    assert float((logits(128, 8) - at_once).abs().max()) > 1e-3


def test_what_is_held_follows_the_overlap_and_the_width_only():
    """A row of windows leaves its overlap behind, not itself."""
    rows, columns = axes_of(Rect(0, 0, 1000, 4000), 128, 32, 8)
    blender = Blender(rows, columns)
    for row in range(len(rows)):
        for column in range(len(columns)):
            blender.add(row, column, torch.zeros(3, rows.size_px, columns.size_px))
        held = blender._above.numel()
        assert held <= 3 * 20 * (columns.starts[-1] + 128 - columns.starts[0])


def test_wide_images_in_strips_answer_as_in_one(monkeypatch):
    segmenter = TorchSegmenter(SmallNet(), card(window_px=64, overlap_px=16, stride_px=8))
    reader = ArrayReader(random_image(150, 2000))
    at_once = whole(semantic_logits(segmenter, reader), 150, 2000)
    axis = make_axis(0, 2000, 64, 16, 8)
    monkeypatch.setattr(blending, "HELD_BYTES", 4 * 3 * 8 * 500)
    cut = strips(axis, 8, 3)
    assert len(cut) > 3 and cut[0].start == 0 and cut[-1].stop == len(axis)
    assert all(a.stop == b.start + 1 for a, b in zip(cut, cut[1:])), "neighbouring strips share a window"
    in_strips, said = answered_in_order(segmenter, reader, 150, 2000)
    assert float((in_strips - at_once).abs().max()) <= 1e-5
    assert said[-1][0] == said[-1][1]


def answered_in_order(segmenter, reader, height, width):
    counts = []
    logits = whole(semantic_logits(segmenter, reader, progress=lambda d, t, w: counts.append((d, t))), height, width)
    return logits, counts


@pytest.mark.parametrize("classes", [1, 2, 21, 256, 300])
def test_the_likeliest_class_and_its_softmax_are_torchs(classes):
    torch.manual_seed(classes)
    logits = torch.randn(classes, 40, 51).mul(4).round().div(2)  # many equals
    logits[:, 0, 0] = torch.arange(classes) * 100.0  # far apart: e⁻⁸⁰ and less
    index, chance = likeliest(logits[:, 3:, 5:])
    part = logits[:, 3:, 5:]
    assert index.dtype == (np.uint8 if classes <= 256 else np.uint16)
    np.testing.assert_array_equal(index, part.max(dim=0).indices.numpy())
    np.testing.assert_allclose(chance, part.softmax(0).amax(0).numpy(), rtol=2e-5)


def test_proposals_of_one_pixel_wide_and_of_tiny_images():
    segmenter = TorchSegmenter(SmallNet(), card(**WINDOW))
    for height, width in ((1, 1), (300, 1), (1, 300), (17, 33)):
        seen = np.zeros((height, width), int)
        for result in propose(segmenter, ArrayReader(random_image(height, width))):
            seen[result.rect.slices] += 1
        assert (seen == 1).all()
