"""``new``, ``add``, ``info`` and ``accept`` through the real ``main``."""

import json

import pytest
from small_projects import contents, paint, propose_rect, run, small_project, spot_picture

from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore

# -- new -----------------------------------------------------------------------------------------------------------


def test_new_makes_an_empty_project(capsys, tmp_path):
    code, out, err = run(capsys, "new", tmp_path / "p", "--classes", "cell, gland", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"project": str(tmp_path / "p"), "classes": ["cell", "gland"]}
    with ProjectStore.open(tmp_path / "p") as store:
        assert [(c.name, c.mask_value) for c in store.classes] == [("cell", 1), ("gland", 2)] and not store.images()


def test_new_reads_a_class_file_as_windows_writes_it(capsys, tmp_path):
    (tmp_path / "classes.txt").write_bytes("\ufeffcell\r\n\r\nblood vessel\r\nЯдро\r\n".encode())
    code, out, err = run(capsys, "new", tmp_path / "p", "--classes-file", tmp_path / "classes.txt", "--json")
    assert (code, err) == (0, "") and json.loads(out)["classes"] == ["cell", "blood vessel", "Ядро"]


def test_new_without_classes_and_in_a_folder_with_files(capsys, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    code, out, _ = run(capsys, "new", tmp_path)
    assert code == 0 and "0 classes" in out and (tmp_path / "notes.txt").read_text() == "mine"


def test_new_keeps_a_project_that_is_there(capsys, tmp_path):
    project = small_project(tmp_path / "p")
    before = contents(project)
    code, out, err = run(capsys, "new", project, "--classes", "x")
    assert (code, out) == (1, "") and str(project) in err and err.count("\n") == 1
    assert contents(project) == before


def test_new_takes_one_source_of_classes(capsys, tmp_path):
    code, out, err = run(capsys, "new", tmp_path / "p", "--classes", "a", "--classes-file", "b")
    assert (code, out) == (2, "") and "not allowed with" in err and not (tmp_path / "p").exists()


# -- add -----------------------------------------------------------------------------------------------------------


def test_add_references_files_and_folders_once(capsys, tmp_path):
    run(capsys, "new", tmp_path / "p")
    folder = tmp_path / "more"
    for name in ("im10.png", "im9.png"):
        spot_picture(folder / name)
    single = spot_picture(tmp_path / "single.png")
    code, out, err = run(capsys, "add", tmp_path / "p", folder, single, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"added": ["im9.png", "im10.png", "single.png"], "failed": [], "already": 0}
    assert json.loads(run(capsys, "add", tmp_path / "p", single, "--json")[1])["already"] == 1
    with ProjectStore.open(tmp_path / "p") as store:
        assert store.image_file(store.images()[2]) == single and not (tmp_path / "p" / "images").exists()


def test_add_copies_when_asked(capsys, tmp_path):
    run(capsys, "new", tmp_path / "p")
    single = spot_picture(tmp_path / "single.png")
    assert run(capsys, "add", tmp_path / "p", single, "--copy")[0] == 0
    assert (tmp_path / "p" / "images" / "single.png").read_bytes() == single.read_bytes()


def test_add_names_what_failed_and_keeps_the_rest(capsys, tmp_path):
    run(capsys, "new", tmp_path / "p")
    good, bad = spot_picture(tmp_path / "good.png"), tmp_path / "none.png"
    code, out, err = run(capsys, "add", tmp_path / "p", bad, good, "--json")
    document = json.loads(out)
    assert code == 1 and document["added"] == ["good.png"] and document["failed"][0]["path"] == str(bad)
    assert err.count("\n") == 1 and err.count(str(bad)) == 1


# -- info ----------------------------------------------------------------------------------------------------------


def test_info_tells_images_classes_pixels_and_runs(capsys, tmp_path):
    project = small_project(tmp_path / "p")
    (project / "runs" / "first").mkdir(parents=True)
    with ProjectStore.open(project) as store:
        propose_rect(store, 1, 2, Rect(0, 0, 10, 10))
        store.set_status(2, "done")
    code, out, err = run(capsys, "info", project, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert [(i["name"], i["status"], i["has_proposal"], i["is_missing"]) for i in document["images"]] == [
        ("im0.png", "in_progress", True, False),
        ("im1.png", "done", False, False),
    ]
    assert [(c["name"], c["value"], c["pixels"]) for c in document["classes"]] == [("spot", 1, 1800), ("other", 2, 0)]
    assert document["runs"] == ["first"] and document["models"] == []
    code, out, err = run(capsys, "info", project)
    assert (code, err) == (0, "") and "64×64" in out and "1,800" in out and "in progress" in out and "first" in out


def test_info_works_beside_an_open_window_and_counts_missing_files(capsys, tmp_path):
    project = small_project(tmp_path / "p")
    (tmp_path / "pictures" / "im1.png").unlink()
    with ProjectStore.open(project) as store:
        assert not store.is_read_only
        code, out, _ = run(capsys, "info", project)
    assert code == 0 and "2 images, 1 missing" in out


# -- accept --------------------------------------------------------------------------------------------------------


@pytest.fixture
def proposed(tmp_path):
    """Two images: in the first 200 sure pixels of "spot" and 100 unsure of "other", in the second 100 of "spot"."""
    project = small_project(tmp_path / "p", is_labelled=False)
    with ProjectStore.open(project) as store:
        layer_one = Rect(0, 0, 20, 10)
        propose_rect(store, 1, 1, layer_one, confidence=250)
        propose_rect(store, 2, 2, Rect(0, 0, 10, 10), confidence=100)
    return project


def test_accept_makes_labels_and_empties_the_proposal(capsys, proposed):
    code, out, err = run(capsys, "accept", proposed, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "accepted": [{"image": "im0.png", "pixels": 200}, {"image": "im1.png", "pixels": 100}],
        "pixels": 300,
    }
    with ProjectStore.open(proposed) as store:
        assert store.labelled_pixels() == {1: 200, 2: 100}
        assert not any(i.has_proposal for i in store.images())
        assert store.history(1).can_undo
    assert "Accepted 0 pixels in 0 of 2" in run(capsys, "accept", proposed)[1]


@pytest.mark.parametrize(
    ("options", "pixels"),
    [(["--images", "im1*"], 100), (["--classes", "spot"], 200), (["--min-confidence", "0.9"], 200), (["--classes", "SPOT , other"], 300)],
)
def test_accept_takes_only_what_is_asked(capsys, proposed, options, pixels):
    code, out, _ = run(capsys, "accept", proposed, *options, "--json")
    assert code == 0 and json.loads(out)["pixels"] == pixels


def test_accept_never_paints_over_hand_work_or_locked_classes(capsys, proposed):
    with ProjectStore.open(proposed) as store:
        paint(store, 1, 2, Rect(0, 0, 5, 10))
    code, out, _ = run(capsys, "accept", proposed, "--images", "im0.png", "--json")
    assert code == 0 and json.loads(out)["pixels"] == 150
    with ProjectStore.open(proposed) as store:
        assert store.labels_layer(1).pixel_counts() == {1: 150, 2: 50}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--classes", "spott"], 1, "its classes are spot, other"),
        (["--images", "x*"], 1, "no image of the project matches"),
        (["--min-confidence", "7"], 2, "--min-confidence is 7"),
        (["--min-confidence", "much"], 2, "invalid float"),
        (["--classes", ","], 2, "names no class"),
    ],
)
def test_accept_says_what_is_wrong_and_changes_nothing(capsys, proposed, options, code, words):
    before = contents(proposed)
    found, out, err = run(capsys, "accept", proposed, *options)
    assert (found, out) == (code, "") and words in err.replace("spott'. I", "spott'. i")
    assert contents(proposed) == before


def test_a_project_open_elsewhere_is_refused(capsys, proposed):
    with ProjectStore.open(proposed):
        for arguments in (["accept", proposed], ["add", proposed, "x.png"]):
            code, out, err = run(capsys, *arguments)
            assert (code, out) == (1, "") and err.count("\n") == 1 and "read-only" in err and str(proposed) in err


def test_info_tells_what_labelling_took_and_what_is_left(capsys, tmp_path):
    from segstudio.io.store.efforts import ACCEPTED, Effort
    from segstudio.io.store.facts import Fact

    project = small_project(tmp_path / "p", images=6)
    assert json.loads(run(capsys, "info", project, "--json")[1])["effort"]["seconds"] == 0
    assert "effort" not in run(capsys, "info", project)[1]
    with ProjectStore.open(project) as store:
        ids = [image.id for image in store.images()]
        store.efforts.add([Effort(i, float(i), 600.0, 5, 1000, 100, "run@1") for i in ids[:4]])
        store.facts.put(ACCEPTED, {i: Fact({"accepted": 100, "kept": 50}) for i in ids[:4]})
        store.set_status(ids[:4], "done")
    effort = json.loads(run(capsys, "info", project, "--json")[1])["effort"]
    assert (effort["seconds"], effort["strokes"], effort["pixels"], effort["accepted_pixels"]) == (2400, 20, 4000, 400)
    assert effort["images_done"] == 4 and effort["seconds_left"] == 1200 and len(effort["images"]) == 4
    out = run(capsys, "info", project)[1]
    assert "effort: 40 min at work, 20 strokes, 4,000 pixels by hand" in out and "left: 20 min" in out
