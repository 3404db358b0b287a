"""What a click model is shown, the way back to image pixels, and the desk that asks one question at a time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from segstudio.app.events import Signal
from segstudio.app.prompt_desk import CHOICE, NONE_HERE, NoPrompts, PromptDesk
from segstudio.app.prompt_views import (
    LEAST_PX,
    Mark,
    SeenPicture,
    full_area,
    look,
    part_to_see,
    prompts_of,
    seen_area,
    serves,
)
from segstudio.app.tools.smart import Picture, PictureView
from segstudio.core.cancel import NEVER
from segstudio.core.display import DisplaySettings
from segstudio.core.errors import UserError
from segstudio.core.geometry import EMPTY, Rect
from segstudio.jobs.specs import PromptReply
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry

LARGE = Rect(0, 0, 20_000, 10_000)


# -- which part ------------------------------------------------------------------------------------------------------


def test_a_small_image_is_looked_at_whole_and_of_a_large_one_what_is_in_view():
    small = Rect(0, 0, 1500, 900)
    assert part_to_see(Rect(10, 10, 50, 50), small) == small
    visible = Rect(4000, 3000, 1000, 800)
    part = part_to_see(visible, LARGE)
    assert part.intersected(visible) == visible and part.width < 1400
    assert part_to_see(EMPTY, LARGE) == LARGE


def test_a_view_that_is_magnified_far_is_shown_with_surroundings_and_all_marks_are_in():
    part = part_to_see(Rect(4000, 3000, 100, 60), LARGE)
    assert part.width >= LEAST_PX - 1
    part = part_to_see(Rect(4000, 3000, 100, 60), LARGE, [Mark((7000.5, 3000.5)), Mark((1, 1), to_xy=(5, 5))])
    assert part.contains(7000, 3000) and part.contains(1, 1)
    corner = part_to_see(Rect(0, 0, 100, 60), LARGE)
    assert (corner.x, corner.y) == (0, 0) and corner.intersected(LARGE) == corner


def test_what_was_looked_at_serves_a_pan_within_it_and_a_little_zoom_only():
    visible = Rect(4000, 3000, 1000, 800)
    part = part_to_see(visible, LARGE)
    assert serves(part, visible, LARGE) and serves(part, visible.moved(100, 50), LARGE)
    assert not serves(part, visible.moved(600, 0), LARGE)
    assert serves(part, Rect(4200, 3100, 700, 560), LARGE)
    assert not serves(part, Rect(4200, 3100, 200, 160), LARGE)
    small = Rect(0, 0, 1500, 900)
    assert serves(small, Rect(5, 5, 10, 10), small)


# -- pictures ----------------------------------------------------------------------------------------------------------


class Reader:
    def __init__(self, values):
        self.values = values
        height, width = values.shape[1:]
        self.info = SimpleNamespace(width=width, height=height, levels=((width, height),), dtype=str(values.dtype))

    def read(self, level, z, window):
        return self.values[:, window.y : window.bottom, window.x : window.right]


def test_a_16_bit_picture_of_one_band_is_seen_stretched_as_it_is_shown():
    values = np.full((1, 40, 60), 1000, np.uint16)
    values[0, 10:20, 10:30] = 1200
    picture = Picture(Reader(values), 0, DisplaySettings(low=1000, high=1200, bands=(0, 0, 0)))
    seen = look(picture, picture.bounds, 1024, NEVER)
    assert seen.view.rgb.shape == (40, 60, 3) and seen.view.rgb.dtype == np.uint8
    assert seen.view.rgb[0, 0].tolist() == [0, 0, 0] and seen.view.rgb[15, 15].tolist() == [255, 255, 255]
    other = look(
        Picture(Reader(values), 0, DisplaySettings(low=0, high=65535, bands=(0, 0, 0))), picture.bounds, 1024, NEVER
    )
    assert other.key != seen.key
    assert look(picture, picture.bounds, 1024, NEVER).key == seen.key  # the same pixels have the same name


def test_a_picture_larger_than_the_models_window_is_reduced():
    picture = Picture(Reader(np.zeros((3, 500, 2000), np.uint8)), 0, DisplaySettings())
    seen = look(picture, picture.bounds, 1000, NEVER)
    assert seen.view.rgb.shape == (250, 1000, 3) and seen.view.step_xy == (2.0, 2.0)


def view(width, height, corner=(0.0, 0.0), step=1.0, bounds=LARGE):
    return SeenPicture("k", PictureView(np.zeros((height, width, 3), np.uint8), corner, (step, step)), bounds)


def test_marks_in_image_pixels_become_prompts_in_the_views():
    seen = view(100, 80, (200.0, 100.0), 2.0)
    marks = [Mark((220.0, 120.0)), Mark((260.0, 140.0), False), Mark((300.0, 200.0), to_xy=(240.0, 120.0))]
    found = prompts_of(marks, seen.view)
    assert found.points_xy.tolist() == [[10, 10], [30, 20]] and found.is_positive.tolist() == [True, False]
    assert found.box_xyxy == (20, 10, 50, 50) and not found.is_ambiguous
    assert prompts_of(marks[:1], seen.view).is_ambiguous  # a part or the whole?
    assert not prompts_of(marks[2:], seen.view).is_ambiguous
    assert prompts_of(marks[2:], seen.view).points_xy.shape == (0, 2)


# -- areas --------------------------------------------------------------------------------------------------------------


def test_an_area_comes_back_pixel_by_pixel_where_the_view_was_not_reduced():
    probability = np.zeros((80, 100), np.uint8)
    probability[20:30, 40:60] = 255
    seen = view(100, 80, (300.0, 200.0))
    for area in (seen_area(probability, seen), full_area(probability, seen)):
        assert area[1] == Rect(340, 220, 20, 10) and area[0].all() and area[0].shape == (10, 20)
    nothing = np.zeros((80, 100), np.uint8)
    assert seen_area(nothing, seen)[1].is_empty and full_area(nothing, seen)[1].is_empty


def test_where_the_view_was_reduced_the_rim_is_smooth():
    rows, columns = np.mgrid[:100, :100]
    soft = np.clip(30 - np.hypot(columns - 49.5, rows - 49.5), -1, 1)
    probability = ((soft + 1) / 2 * 255).astype(np.uint8)
    seen = view(100, 100, step=8.0)
    mask, rect = full_area(probability, seen)
    blocks, area = seen_area(probability, seen)
    smooth, blocky = overlap(mask, rect), overlap(np.kron(blocks, np.ones((8, 8), bool)), area)
    assert smooth > 0.99 and 1 - smooth < (1 - blocky) / 2


def overlap(mask, rect):
    """Intersection over union with the disc of radius 240 around (400, 400)."""
    ys, xs = np.mgrid[rect.y : rect.bottom, rect.x : rect.right]
    wanted = np.hypot(xs + 0.5 - 400, ys + 0.5 - 400) <= 240
    return (mask & wanted).sum() / (mask | wanted).sum()


def test_areas_stay_in_the_image_and_one_too_large_is_refused():
    mask, rect = full_area(np.full((10, 10), 255, np.uint8), view(10, 10, (15.0, 15.0), 1.0, Rect(0, 0, 20, 20)))
    assert rect == Rect(15, 15, 5, 5) and mask.shape == (5, 5)
    half = np.zeros((10, 10), np.uint8)
    half[:, :2] = 255
    assert full_area(half, view(10, 10, (15.0, 15.0), 1.0, Rect(0, 0, 20, 20)))[1] == Rect(15, 15, 2, 5)
    huge = Rect(0, 0, 100_000, 100_000)
    with pytest.raises(UserError, match="more than this tool takes"):
        full_area(np.full((100, 100), 255, np.uint8), view(100, 100, step=1000.0, bounds=huge))


# -- the desk -----------------------------------------------------------------------------------------------------------


CARD = ModelCard("toy", "Toy", task="interactive", background_index=None, weights=WeightsSource("file"))


class Settings(dict):
    def __init__(self):
        super().__init__({"prompt.model": "", "model.device": "cpu", CHOICE: "best"})
        self.changed = Signal()

    def text(self, key):
        return self[key]

    def set(self, key, value):
        self[key] = value
        self.changed.emit(key, value)


class Host:
    """The transport: keeps what was sent, ends a job when told to."""

    def __init__(self, entries=None):
        self.said, self.sent, self.cancels = [], [], 0
        session = SimpleNamespace(folder=None, say=self.said.append)
        self.models = SimpleNamespace(
            session=session, click_models=[CatalogEntry(CARD)] if entries is None else entries, changed=Signal()
        )
        self.settings = Settings()
        self.desk = PromptDesk(self.models, self.settings, self.sent.append, self._on_cancel)
        self.answers, self.failures = [], []

    def _on_cancel(self):
        self.cancels += 1

    def ask(self, key="k", after=0, name=""):
        seen = SeenPicture(key, view(4, 4).view, LARGE)
        prompts = prompts_of([Mark((1.0, 1.0))], seen.view)
        self.desk.ask(
            seen, prompts, after, lambda reply: self.answers.append((name, reply.number)), self.failures.append
        )

    def prepare(self, key="k"):
        self.desk.prepare(SeenPicture(key, view(4, 4).view, LARGE))

    def finish(self, number=1):
        self.desk.on_finished(PromptReply("k", number, np.zeros((4, 4), np.uint8)))


def test_a_question_waits_for_the_look_at_its_picture_and_only_the_newest_is_asked():
    host = Host()
    host.prepare()
    assert host.sent[0].prompts is None
    host.ask(name="first")
    host.ask(name="second")
    assert len(host.sent) == 1 and host.cancels == 0
    host.finish()
    assert len(host.sent) == 2 and host.sent[1].prompts is not None and host.answers == []
    host.finish(7)
    assert host.answers == [("second", 7)] and host.desk.is_idle
    host.prepare()
    assert len(host.sent) == 2  # it was looked at


def test_a_look_at_a_picture_that_nobody_needs_any_more_is_cancelled():
    host = Host()
    host.prepare("old")
    host.ask("new", name="x")
    assert host.cancels == 1 and len(host.sent) == 1  # one job at a time
    host.desk.on_cancelled()
    assert host.sent[1].key == "new"
    host.finish(3)
    assert host.answers == [("x", 3)]


def test_a_newer_question_drops_the_answer_to_an_older_one():
    host = Host()
    host.ask(name="old")
    host.ask(name="new", after=4)
    host.finish(1)
    assert host.answers == [] and host.sent[1].after == 4
    host.desk.drop()
    host.finish(2)
    assert host.answers == []


def test_a_failure_reaches_who_asked_and_a_failed_look_is_not_repeated():
    host = Host()
    host.prepare()
    host.desk.on_failed("It is broken.")
    host.prepare()
    assert host.said == ["It is broken."] and len(host.sent) == 1
    host.ask()
    host.desk.on_failed("Still broken.")
    assert host.failures == ["Still broken."] and host.said == ["It is broken."] and host.desk.is_idle


def test_the_stage_is_told_while_something_is_waited_for():
    host = Host()
    told = []
    listener = lambda: told.append(host.desk.status)  # noqa: E731 - held by the signal
    host.desk.changed.connect(listener)
    host.prepare()
    host.desk.on_stage("Loading the click model")
    assert host.desk.status == "Loading the click model"
    host.finish()
    assert host.desk.status == "" and "Loading the click model" in told


def test_what_is_missing_is_said_in_one_sentence():
    download = CatalogEntry(CARD, False, "not downloaded yet (41 MB)", needs_download=True)
    extra = CatalogEntry(CARD, False, "needs the extra [sam]: pip install 'segstudio[sam]'")
    assert Host([download]).desk.problem == NONE_HERE
    assert "segstudio[sam]" in Host([extra]).desk.problem
    assert Host([]).desk.problem == NONE_HERE
    host = Host([download])
    host.settings.set("prompt.model", "toy")
    assert "Toy is not downloaded yet" in host.desk.problem
    host.ask()
    assert host.sent == [] and host.failures == [host.desk.problem]
    host.prepare()
    assert host.sent == []
    offered = []
    host.desk.offer_download = lambda sentence, entry: offered.append(entry.card.id)
    host.desk.explain(host.said.append)
    assert offered == ["toy"] and host.said == []


def test_without_a_process_nobody_answers():
    nobody, said = NoPrompts(), []
    nobody.ask(None, None, 0, None, said.append)
    nobody.explain(said.append)
    assert said == [nobody.problem] * 2 and nobody.problem
