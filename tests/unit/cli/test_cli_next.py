"""``segstudio next`` and its job: looks are kept with the project, only what is new is looked at, errors are listed."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.jobs import looking, model_host
from segstudio.jobs.protocol import ImageFailed, ImageLooked
from segstudio.jobs.specs import ImageTask, LookSpec
from tests.small_projects import offer_bright, paint, run, small_project, spot_picture


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Three pictures with a bright square that is labelled; the middle one is mid-grey, where the model is undecided."""
    offer_bright(monkeypatch, tmp_path)
    folder = small_project(tmp_path / "project", images=3)
    values = np.full((64, 64, 3), 126, np.uint8)
    Image.fromarray(values).save(tmp_path / "pictures" / "im1.png")
    return folder


def test_images_are_ordered_and_only_new_ones_are_looked_at(project, capsys, tmp_path):
    code, out, _ = run(capsys, "next", project)
    assert code == 0 and "No model looked" in out
    code, out, err = run(capsys, "next", project, "--model", "bright", "--by", "uncertainty", "--json")
    document = json.loads(out)
    assert code == 0 and not err
    assert document["looks"] == {"model": "bright", "measure": "entropy", "other": ""}
    assert document["images"][0]["image"] == "im1.png" and document["images"][0]["why"] == "unsure"
    assert document["images"][0]["uncertainty"] > 0.9 > 0.1 > document["images"][1]["uncertainty"]
    assert [row["place"] for row in document["images"]] == [1, 2, 3]
    with ProjectStore.open(project) as store:
        before = {i: fact.at_s for i, fact in store.facts.all("next.look").items()}
        store.add_images([spot_picture(tmp_path / "pictures" / "im9.png", seed=9)])
    run(capsys, "next", project, "--model", "bright")
    with ProjectStore.open(project) as store:
        after = {i: fact.at_s for i, fact in store.facts.all("next.look").items()}
    assert len(after) == 4 and {i: after[i] for i in before} == before
    run(capsys, "next", project, "--model", "bright", "--again")
    with ProjectStore.open(project) as store:
        assert all(store.facts.get(i, "next.look").at_s > at_s for i, at_s in before.items())
    code, out, _ = run(capsys, "next", project, "--limit", "1")
    assert "3 more: --limit 0 prints all." in out and "as bright sees them (entropy)" in out


def test_likely_errors_are_listed(project, capsys):
    with ProjectStore.open(project) as store:
        first = store.images()[0].id
        paint(store, first, store.classes.by_name("spot").id, Rect(2, 2, 14, 12))
    code, out, _ = run(capsys, "next", project, "--model", "bright", "--errors", "--images", "im0.png", "--json")
    (error,) = json.loads(out)["errors"]
    assert code == 0
    assert (error["image"], error["labelled"], error["model_says"]) == ("im0.png", "spot", "nothing")
    assert error["box"] == [2, 2, 14, 12] and error["pixels"] == 168 and error["confidence"] > 0.95
    _, out, _ = run(capsys, "next", project, "--errors")
    assert "2,2 14×12" in out


@pytest.mark.parametrize("measure", ["margin", "flips"])
def test_the_measure_can_be_chosen(project, capsys, measure):
    code, out, _ = run(capsys, "next", project, "--model", "bright", "--measure", measure, "--json")
    assert code == 0 and json.loads(out)["looks"]["measure"] == measure


def test_two_models_are_compared(project, capsys):
    code, out, err = run(capsys, "next", project, "--model", "bright", "--measure", "models")
    assert code == 2 and "--other" in err
    code, out, _ = run(
        capsys, "next", project, "--model", "bright", "--measure", "models", "--other", "bright", "--json"
    )
    assert code == 0 and {row["uncertainty"] for row in json.loads(out)["images"]} == {0.0}


def test_what_cannot_be_done_is_one_sentence(project, capsys):
    code, _, err = run(capsys, "next", project, "--model", "classic/otsu")
    assert code == 1 and "classic method" in err and "Traceback" not in err
    code, _, err = run(capsys, "next", project, "--limit", "-1")
    assert code == 2
    code, _, err = run(capsys, "next", project, "--images", "nothing*")
    assert code == 1 and "no image" in err
    (project.parent / "pictures" / "im0.png").unlink()
    code, out, err = run(capsys, "next", project, "--model", "bright")
    assert code == 1 and "im0.png" in err and "im1.png" in out


# -- the job -------------------------------------------------------------------------------------------------------


class FakePort:
    """What a host sends."""

    def __init__(self):
        self.sent, self.told = [], []

    def send(self, message):
        self.sent.append(message)

    def progress(self, done, total, what):
        self.told.append((done, total))

    def is_set(self):
        return False


def spec_of(project, **changes):
    with ProjectStore.open(project, read_only=True) as store:
        tasks = tuple(
            ImageTask(record.id, str(store.image_file(record)), size_px=(record.width, record.height))
            for record in store.images()
        )
        spot = store.classes.by_name("spot").id
    values = {"measure": "entropy", "class_map": ((0, 0), (1, spot)), **changes}
    return LookSpec("bright", str(project), "cpu", changes.pop("tasks", tasks), **values)


def test_the_job_sends_a_look_for_each_image_and_names_the_one_that_failed(project):
    spec = spec_of(project)
    (project.parent / "pictures" / "im2.png").unlink()
    port = FakePort()
    result = model_host.serve(pickle.loads(pickle.dumps(spec)), port)
    looks = [message for message in port.sent if isinstance(message, ImageLooked)]
    failed = [message for message in port.sent if isinstance(message, ImageFailed)]
    assert len(looks) == 2 and len(failed) == 1 and "im2.png" in failed[0].sentence
    assert result["images"] == 2
    again = pickle.loads(pickle.dumps(looks[0])).look
    assert again.cells.shape == (1, 4, 4) and len(again.features)
    assert all(done <= total == 3 for done, total in port.told if total == 3)


def test_the_job_holds_labels_of_an_open_project_against_the_model(project):
    with ProjectStore.open(project) as store:  # as the window has it open
        first = store.images()[0].id
        paint(store, first, store.classes.by_name("spot").id, Rect(2, 2, 14, 12))
        port = FakePort()
        model_host.serve(spec_of(project), port)
    looks = {m.image_id: m.look for m in port.sent if isinstance(m, ImageLooked)}
    (suspect,) = looks[first].suspects
    assert suspect.rect == Rect(2, 2, 14, 12)


def test_the_job_compares_with_the_other_model(project):
    port = FakePort()
    model_host.serve(spec_of(project, measure="models", other="bright"), port)
    assert [m.look.uncertainty for m in port.sent if isinstance(m, ImageLooked)] == [0.0] * 3
    with pytest.raises(UserError, match="no second model"):
        looking.look_at_images(spec_of(project, measure="models"), model_host._model("bright", None, "cpu", port), port)
