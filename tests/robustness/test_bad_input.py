"""Bad images, masks and class lists on the command line and in a session: one sentence, and nothing there is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bad_files import BAD_IMAGES, CUT_IMAGES
from PIL import Image
from small_projects import contents, offer_bright, paint, propose_rect, run, small_project, spot_picture

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore

QUICK = ["--no-pretrained", "--epochs", 1, "--batch", 1, "--size", 64, "--threads", 1, "--device", "cpu", "--augment", "none"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    offer_bright(monkeypatch, tmp_path)


@pytest.fixture
def project(tmp_path):
    """Two labelled images, a proposal and a history: something to lose."""
    folder = small_project(tmp_path / "p")
    with ProjectStore.open(folder) as store:
        propose_rect(store, 1, 2, Rect(0, 0, 10, 10))
    return folder


@pytest.fixture
def session():
    made = Session(Settings())
    made.said = []
    keep = made.said.append
    made.notice.connect(keep)
    made.keep = keep
    yield made
    made.close_project(discard=True)


def is_one_sentence(text, *names):
    """One line that names what it is about and ends as a sentence, with a remedy after it."""
    line = text.strip()
    assert line and "\n" not in line and "Traceback" not in line and "Error:" not in line, text
    assert all(str(name) in line for name in names), text
    assert line[-1] in ".?" and ". " in line, f"no remedy: {text}"
    return True


# -- images --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_refused_by_every_command_that_takes_one(capsys, project, tmp_path, name):
    bad = tmp_path / name
    BAD_IMAGES[name](bad)
    before = contents(project)
    for options in ([], ["--copy"]):
        code, out, err = run(capsys, "add", project, bad, *options, "--json")
        assert code == 1 and is_one_sentence(err, bad) and err.startswith("segstudio: ")
        document = json.loads(out)
        assert document["added"] == [] and [f["path"] for f in document["failed"]] == [str(bad)]
    code, out, err = run(capsys, "predict", bad, "--model", "bright", "--device", "cpu", "--out", tmp_path / "out", "--json")
    assert (code, out) == (1, "") and is_one_sentence(err, bad)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert contents(project) == before


@pytest.mark.parametrize("name", CUT_IMAGES)
def test_an_image_cut_short_fails_where_its_pixels_are_needed(capsys, project, tmp_path, name):
    bad = tmp_path / name
    CUT_IMAGES[name](bad)
    code, out, err = run(capsys, "predict", bad, "--model", "bright", "--device", "cpu", "--out", tmp_path / "out", "--json")
    assert (code, out) == (1, "") and is_one_sentence(err, bad)
    before = contents(project)
    added = run(capsys, "add", project, bad)[0] == 0
    code, out, err = run(capsys, "propose", project, "--model", "bright", "--device", "cpu", "--images", "cut*", "--json")
    assert code == 1 and is_one_sentence(err, name if added else "cut")
    after = contents(project)
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize("name", [*BAD_IMAGES, "cut.png"])
def test_an_image_that_went_bad_costs_only_itself(capsys, project, tmp_path, name):
    """The file was good when it was added; its labels and the other image must live on."""
    file = tmp_path / "pictures" / "im0.png"
    file.unlink()
    {**BAD_IMAGES, **CUT_IMAGES}[name](file)
    before = contents(project)
    code, out, err = run(capsys, "propose", project, "--model", "bright", "--everywhere", "--device", "cpu", "--json")
    reports = {r["image"]: r for r in json.loads(out)["images"]}
    assert code == 1 and is_one_sentence(err, file) and reports["im0.png"]["error"] and reports["im1.png"]["pixels"] == {"spot": 900}
    code, out, err = run(capsys, "export", project, "--format", "voc", "--out", tmp_path / "out", "--json")
    document = json.loads(out)
    assert code == 0 and document["images"] == 1 and is_one_sentence(err, file)
    assert [s["image"] for s in document["skipped"]] == ["im0.png"]
    assert run(capsys, "info", project)[0] == 0
    after = contents(project)
    assert all(after[key] == value for key, value in before.items() if "image 1" in key or "labels" in key)
    code, out, err = run(capsys, "train", project, *QUICK, "--out", tmp_path / "run")
    assert code == 0 and "1 labelled images are left out" in err
    assert name == "missing.png" or str(file) in err


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_in_a_session_is_one_notice(session, project, tmp_path, name):
    bad = tmp_path / name
    BAD_IMAGES[name](bad)
    before = contents(project)
    assert session.open_project(project)
    session.add_images([bad])
    assert len(session.said) == 1 and is_one_sentence(session.said[0], bad) and len(session.images) == 2
    session.said.clear()
    assert not session.open_paths([bad])
    assert len(session.said) == 1 and is_one_sentence(session.said[0], bad)
    assert session.folder == project and session.image is not None
    session.close_project()
    assert contents(project) == before


@pytest.mark.parametrize("name", [*BAD_IMAGES, "cut.png"])
def test_an_image_that_went_bad_can_still_be_looked_at_in_a_session(session, project, tmp_path, name):
    file = tmp_path / "pictures" / "im1.png"
    file.unlink()
    {**BAD_IMAGES, **CUT_IMAGES}[name](file)
    assert session.open_project(project) and session.said == []
    session.select_image(2)
    assert len(session.said) == 1 and is_one_sentence(session.said[0], file) and session.reader is None
    assert session.labels.pixel_counts() == {1: 900}, "the labels are there without the picture"
    file.unlink(missing_ok=True)
    spot_picture(file, seed=1)
    session.reload_image()
    assert session.reader is not None and session.reader_error == ""


def test_a_folder_of_bad_and_good_images(capsys, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, make in BAD_IMAGES.items():
        make(folder / name)
    spot_picture(folder / "good.png")
    run(capsys, "new", tmp_path / "q")
    code, out, err = run(capsys, "add", tmp_path / "q", folder, "--json")
    assert code == 1 and json.loads(out)["added"] == ["good.png"] and err.count("\n") == len(BAD_IMAGES) - 1
    assert all(is_one_sentence(line) for line in err.splitlines())
    (tmp_path / "nothing").mkdir()
    code, _, err = run(capsys, "add", tmp_path / "q", tmp_path / "nothing")
    assert code == 1 and str(tmp_path / "nothing") in err and err.count("\n") == 1


# -- masks of another size -----------------------------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path):
    """Two images, the first with a mask of another size."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    masks.mkdir()
    for name, size in (("a", (60, 64)), ("b", (64, 64))):
        spot_picture(images / f"{name}.png")
        Image.fromarray((np.indices(size)[0] % 2).astype(np.uint8)).save(masks / f"{name}.png")
    return f"folder:{images},{masks}"


def test_a_mask_of_another_size_is_refused(capsys, dataset, tmp_path):
    mask = tmp_path / "masks" / "a.png"
    code, out, err = run(capsys, "train", "--data", dataset, *QUICK, "--out", tmp_path / "run", "--json")
    assert (code, out) == (1, "") and is_one_sentence(err.splitlines()[-1], mask, "64 × 60", "64 × 64")
    code, out, err = run(capsys, "evaluate", "--data", dataset, "--classes", "background,spot", "--model", "bright", "--split", "train", "--device", "cpu")
    other = run(capsys, "evaluate", "--data", dataset, "--classes", "background,spot", "--model", "bright", "--split", "val", "--device", "cpu")
    failed = [(c, e) for c, _, e in ((code, out, err), other) if c]
    assert failed and all(c == 1 and is_one_sentence(e, mask) for c, e in failed)
    pred = tmp_path / "pred"
    pred.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(pred / name)
    code, out, err = run(capsys, "score", pred, tmp_path / "masks", "--json")
    assert (code, out) == (1, "") and is_one_sentence(err, pred / "a.png", "64 × 64", "64 × 60")


def test_an_image_of_another_size_than_its_labels(capsys, session, project, tmp_path):
    file = spot_picture(tmp_path / "pictures" / "im0.png", width=80, height=90)
    before = contents(project)
    code, out, err = run(capsys, "propose", project, "--model", "bright", "--device", "cpu", "--images", "im0*", "--json")
    assert code == 1 and is_one_sentence(err, file, "80×90", "64×64")
    assert contents(project) == before
    code, out, err = run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "out", "--json")
    assert code == 0 and json.loads(out)["images"] == 1 and is_one_sentence(err, file, "80 × 90", "64 × 64")
    code, out, err = run(capsys, "train", project, *QUICK, "--out", tmp_path / "run")
    assert code == 1 and is_one_sentence(err.splitlines()[-1], file)
    for split in ("train", "val"):
        code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--split", split, "--device", "cpu")
        assert code == 0 or is_one_sentence(err, file)
    assert session.open_project(project)
    assert len(session.said) == 1 and is_one_sentence(session.said[0], file, "80×90", "64×64")
    session.close_project()
    assert contents(project) == before


# -- class lists ---------------------------------------------------------------------------------------------------


def test_a_class_list_with_duplicates(capsys, tmp_path):
    listing = tmp_path / "classes.txt"
    listing.write_text("cell\ngland\nCell\n")
    code, out, err = run(capsys, "new", tmp_path / "q", "--classes-file", listing)
    assert (code, out) == (1, "") and is_one_sentence(err, listing, "Cell") and not (tmp_path / "q").exists()
    code, out, err = run(capsys, "new", tmp_path / "q", "--classes", "cell,gland,cell")
    assert (code, out) == (1, "") and is_one_sentence(err, "cell") and not (tmp_path / "q").exists()


@pytest.mark.parametrize(("content", "words"), [(b"", "empty"), (b"\xff\xfe\x00c", "UTF-8"), (b"\n \n", "empty"), (b"a" * 5000, "")])
def test_other_bad_class_lists(capsys, tmp_path, content, words):
    listing = tmp_path / "classes.txt"
    listing.write_bytes(content)
    code, out, err = run(capsys, "new", tmp_path / "q", "--classes-file", listing)
    assert (code, out) == (1, "") and is_one_sentence(err, listing) and words in err and not (tmp_path / "q").exists()
    for missing in (tmp_path / "none.txt", tmp_path):
        code, out, err = run(capsys, "new", tmp_path / "q", "--classes-file", missing)
        assert (code, out) == (1, "") and is_one_sentence(err, missing) and not (tmp_path / "q").exists()


def test_a_duplicate_class_in_a_session(session, project):
    before = contents(project)
    assert session.open_project(project)
    session.class_editor.add("SPOT")
    assert len(session.said) == 1 and is_one_sentence(session.said[0], "SPOT")
    session.said.clear()
    session.class_editor.rename(2, "spot")
    assert len(session.said) == 1 and is_one_sentence(session.said[0], "spot")
    session.close_project()
    assert contents(project) == before


def test_a_dataset_whose_class_list_is_bad(capsys, dataset, tmp_path):
    listing = tmp_path / "masks" / "classes.json"
    for text in ("{", "[1]", '[{"value": "x", "name": "a"}]'):
        listing.write_text(text)
        code, out, err = run(capsys, "train", "--data", dataset, *QUICK, "--out", tmp_path / "run")
        assert (code, out) == (1, "") and is_one_sentence(err, listing)


# -- a project that is none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(3000), b"This is a letter, no database." * 40, None])
def test_a_damaged_project_is_named_and_left_as_it_is(capsys, session, tmp_path, content):
    folder = tmp_path / "q"
    folder.mkdir()
    if content is not None:
        (folder / "project.db").write_bytes(content)
    commands = (["info"], ["add", spot_picture(tmp_path / "x.png")], ["accept"], ["export", "--format", "masks", "--out", tmp_path / "o"], ["train", "--out", tmp_path / "r"])
    for command in commands:
        code, out, err = run(capsys, command[0], folder, *command[1:])
        assert (code, out) == (1, "") and is_one_sentence(err, folder), command
    assert not session.open_project(folder) and is_one_sentence(session.said[-1], folder)
    if content is not None:
        assert (folder / "project.db").read_bytes() == content
    assert not (tmp_path / "o").exists()


def test_painting_goes_on_after_every_refusal(session, project, tmp_path):
    assert session.open_project(project)
    for name, make in BAD_IMAGES.items():
        make(tmp_path / name)
        session.add_images([Path(tmp_path / name)])
    session.select_class(2)
    transaction = session.begin("test")
    transaction.paint(np.ones((5, 5), bool), 0, 0, session.paint_segment(transaction))
    session.commit(transaction)
    session.close_project()
    with ProjectStore.open(project) as store:
        assert store.labels_layer(1).pixel_counts() == {1: 900, 2: 25}
        paint(store, 1, 1, Rect(50, 50, 2, 2))
