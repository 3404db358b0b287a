"""``doctor`` and ``demo`` through the real ``main``."""

import json
import sys

import pytest
from small_projects import offer_bright, run

from segstudio.cli import demo, doctor
from segstudio.core.errors import UserError
from segstudio.io.store.project import ProjectStore

# -- doctor --------------------------------------------------------------------------------------------------------


@pytest.fixture
def calm(monkeypatch):
    """A doctor that finds nothing wrong, whatever this machine is like."""
    monkeypatch.setattr(doctor, "FREE_BYTES_WANTED", 0)
    monkeypatch.setattr(doctor, "_screen", lambda: doctor.Finding("screen", True, "none here"))
    monkeypatch.setattr(doctor, "_models", lambda: [doctor.Finding("built-in models", True, "nuclei")])


def test_doctor_reports_versions_devices_and_folders(capsys, calm, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "not" / "there" / "yet"))
    code, out, err = run(capsys, "doctor", "--json")
    document = json.loads(out)
    names = [f["name"] for f in document["findings"]]
    assert (code, err, document["is_good"]) == (0, "", True)
    assert {"segstudio", "Python", "torch", "device", "screen", "settings folder", "cache folder"} <= set(names)
    assert set(document["findings"][0]) == {"name", "is_good", "value", "remedy"}
    assert not (tmp_path / "not").exists(), "looking leaves nothing behind"
    assert "Everything is as it should be." in run(capsys, "doctor")[1]


def test_doctor_says_how_to_mend_what_is_wrong(capsys, calm, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package-anywhere"))
    code, out, err = run(capsys, "doctor")
    assert code == 1 and "WRONG no-such-package-anywhere: not installed" in out
    assert "pip install no-such-package-anywhere" in out and "1 thing needs mending." in out
    assert err.count("\n") == 1 and "no-such-package-anywhere" in err
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 1 and json.loads(out)["is_good"] is False


def test_doctor_finds_a_folder_that_cannot_be_written(capsys, calm, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "file" / "cache"))
    code, out, _ = run(capsys, "doctor", "--json")
    wrong = [f for f in json.loads(out)["findings"] if not f["is_good"]]
    assert code == 1 and [f["name"] for f in wrong] == ["cache folder"] and wrong[0]["remedy"]


def test_the_screen_is_tried_apart_from_this_process(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    found = doctor._screen()
    assert found.is_good and "(offscreen)" in found.value
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    monkeypatch.setenv("DISPLAY", ":77")
    found = doctor._screen()
    assert not found.is_good and found.remedy
    if sys.platform.startswith("linux"):
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert doctor._screen().is_good


# -- demo ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Two of the samples, with a model that needs no training in place of the real ones."""
    offer_bright(monkeypatch, tmp_path)
    monkeypatch.setattr(demo, "SAMPLES", (demo.Sample("cell.png", "bright"), demo.Sample("coins.png", "")))


def test_demo_makes_the_sample_project(capsys, quick, tmp_path):
    folder = tmp_path / "demo"
    code, out, err = run(capsys, "demo", "--no-window", "--project", folder, "--device", "cpu", "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["project"], made["is_new"]) == (str(folder), True)
    assert [(i["name"], i["model"]) for i in made["images"]] == [("cell.png", "bright"), ("coins.png", "")]
    assert made["images"][0]["proposed_pixels"]["spot"] > 0 and made["images"][1]["proposed_pixels"] == {}
    assert sorted(p.name for p in (folder / "images").iterdir()) == ["cell.png", "coins.png"]
    code, out, err = run(capsys, "accept", folder)
    assert code == 0 and "Accepted" in out


def test_demo_keeps_a_project_that_is_there(capsys, quick, tmp_path):
    folder = tmp_path / "demo"
    run(capsys, "demo", "--no-window", "--project", folder)
    run(capsys, "accept", folder)
    with ProjectStore.open(folder) as store:
        before = store.labelled_pixels()
    code, out, _ = run(capsys, "demo", "--no-window", "--project", folder)
    assert code == 0 and "kept as it is" in out
    with ProjectStore.open(folder) as store:
        assert store.labelled_pixels() == before and len(store.images()) == 2


def test_demo_leaves_somebodys_own_project_alone(capsys, quick, tmp_path):
    run(capsys, "new", tmp_path / "own")
    code, out, _ = run(capsys, "demo", "--no-window", "--project", tmp_path / "own")
    assert code == 0 and "kept as it is" in out
    with ProjectStore.open(tmp_path / "own") as store:
        assert not store.images() and not len(store.classes)


def test_a_demo_that_was_broken_off_is_completed(capsys, quick, tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    with monkeypatch.context() as patch:
        patch.setattr(demo, "_propose", lambda store, device: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(capsys, "demo", "--no-window", "--project", folder) == (1, "", "segstudio: cancelled.\n")
    code, out, _ = run(capsys, "demo", "--no-window", "--project", folder, "--json")
    made = json.loads(out)
    assert code == 0 and len(made["images"]) == 2 and made["images"][0]["proposed_pixels"]["spot"] > 0


def test_demo_without_the_model_or_the_samples(capsys, quick, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SAMPLES", (demo.Sample("cell.png", "no-such-model"),))
    code, out, err = run(capsys, "demo", "--no-window", "--project", tmp_path / "demo")
    assert code == 0 and "to label by hand" in out and "no-such-model" in err and err.count("\n") == 1
    monkeypatch.setattr(demo, "SAMPLES", (demo.Sample("no-such-picture.png", ""),))
    with pytest.raises(UserError, match="sample image is missing"):
        demo.sample_files()


def test_without_a_screen_the_window_stays_closed(capsys, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    code, out, err = run(capsys, "demo", "--project", tmp_path / "demo")
    assert code == 0 and "Made the sample project" in out and "no screen here" in err
