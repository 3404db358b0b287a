"""Clicks in the model host: pictures are looked at once, corrections know what they correct, one model is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import UserError
from segstudio.jobs import model_host, prompting
from segstudio.jobs.specs import PromptSpec
from segstudio.ml.api import Prompts

PLUG_IN = Path(__file__).parents[2] / "gui" / "click_plug_in"


class Port:
    """Hears what a job says; never cancelled."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def is_set(self) -> bool:
        return False

    def send(self, message) -> None:  # type: ignore[no-untyped-def]
        self.said.append(message.text)

    def progress(self, done: float, total: float, what: str) -> None:
        self.said.append(what)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(str(PLUG_IN))
    monkeypatch.setenv("TOY_CLICKS_LOG", str(tmp_path / "log"))
    prompting._clicks.clear()
    prompting._answers.clear()
    yield lambda: (tmp_path / "log").read_text().splitlines()
    prompting._clicks.clear()
    prompting._answers.clear()


def spec(
    key: str = "a", after: int = 0, asks: bool = True, choice: str = "best", model: str = "toy-clicks"
) -> PromptSpec:
    image = np.full((32, 48, 3), 20, np.uint8)
    image[8:20, 10:30] = 200
    prompts = Prompts(np.array([[15.0, 12.0]], np.float32), np.array([True]), is_ambiguous=True)
    return PromptSpec(model, None, "cpu", key, image, prompts if asks else None, choice, after)


def test_a_picture_is_looked_at_once_and_then_answered(log) -> None:  # type: ignore[no-untyped-def]
    port = Port()
    looked = model_host.serve(spec(asks=False), port)
    assert looked.probability is None and looked.key == "a"
    assert "Loading the click model" in port.said and "Looking at the picture" in port.said
    reply = model_host.serve(spec(), Port())
    assert reply.probability.dtype == np.uint8 and (reply.probability >= 128).sum() == 12 * 20 and reply.score > 0.8
    assert log() == ["embed 48x32", "predict 1 False"]


def test_a_correction_gets_the_logits_of_what_it_corrects_on_the_same_picture_only(log) -> None:  # type: ignore[no-untyped-def]
    first = model_host.serve(spec(), Port())
    model_host.serve(spec(after=first.number), Port())
    model_host.serve(spec("b", after=first.number), Port())
    model_host.serve(spec(after=10_000), Port())
    assert [line for line in log() if line.startswith("predict")] == [
        "predict 1 False", "predict 1 True", "predict 1 False", "predict 1 False"
    ]  # fmt: skip


def test_the_choice_reaches_the_answer_and_old_answers_are_forgotten(log) -> None:  # type: ignore[no-untyped-def]
    assert (model_host.serve(spec(choice="largest"), Port()).probability >= 128).all()
    for _ in range(prompting.MOST_ANSWERS + 3):
        model_host.serve(spec(), Port())
    assert len(prompting._answers) == prompting.MOST_ANSWERS and len(prompting._clicks) == 1


def test_a_model_that_is_none_is_refused_and_the_loaded_one_stays(log) -> None:  # type: ignore[no-untyped-def]
    model_host.serve(spec(asks=False), Port())
    with pytest.raises(UserError, match="there is no model"):
        model_host.serve(spec(model="toy-klicks"), Port())
    model_host.serve(spec(asks=False), Port())
    assert log() == ["embed 48x32"]


def test_a_mask_is_corrected_where_no_answer_is_known(log) -> None:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    begun = np.zeros((32, 48), bool)
    begun[25:30, 40:46] = True
    reply = model_host.serve(replace(spec(choice="best"), mask=begun), Port())
    assert log()[-1] == "predict 1 True" and (reply.probability >= 128)[begun].all()
    assert (reply.probability >= 128).sum() == 12 * 20 + begun.sum()


def test_a_sweep_answers_what_there_is_time_for_and_stops_when_told(log) -> None:  # type: ignore[no-untyped-def]
    from segstudio.core.errors import Cancelled
    from segstudio.jobs.specs import SweepSpec
    from segstudio.ml.interactive.everything import distinct

    image = spec().image
    points = np.array([(x + 0.5, y + 0.5) for y in range(2, 32, 6) for x in range(2, 48, 6)], np.float32)
    swept = SweepSpec("toy-clicks", None, "cpu", "a", image, points, most_s=0.0)
    reply = model_host.serve(swept, Port())
    assert reply.asked == prompting.SWEPT_AT_ONCE and reply.found == ()
    whole = model_host.serve(SweepSpec("toy-clicks", None, "cpu", "a", image, points, most_s=60.0), Port())
    assert whole.asked == len(points)
    (found,) = distinct(whole.found)  # points of one batch may find the same
    assert found.area_px == 12 * 20 and (found.rect.x, found.rect.y) == (10, 8) and found.stability == 1.0
    assert len([line for line in log() if line.startswith("predict")]) < len(points) + prompting.SWEPT_AT_ONCE

    class Told(Port):
        def is_set(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        model_host.serve(swept, Told())


def test_numbers_of_another_process_name_no_answer_of_this_one() -> None:
    import os

    assert next(prompting._numbers) >> 24 == os.getpid()
