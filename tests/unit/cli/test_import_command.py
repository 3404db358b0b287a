"""``segstudio import`` through the real ``main``."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from small_projects import contents, run

from segstudio.io.store.project import ProjectStore


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((30, 40, 3), 80 * number, np.uint8)).save(folder / "images" / f"{number}.png")
        mask = np.full((30, 40), 3, np.uint8)
        mask[:10] = 9
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    classes = [{"value": 3, "name": "sky", "color": "#102030"}, {"value": 9, "name": "houses", "color": "#405060"}]
    (folder / "classes.json").write_text(json.dumps(classes), encoding="utf-8")
    return folder


@pytest.fixture
def project(capsys, tmp_path):
    run(capsys, "new", tmp_path / "p", "--classes", "House,tree")
    return tmp_path / "p"


def test_dry_run_tells_and_changes_nothing(capsys, project, dataset):
    before = contents(project)
    code, out, err = run(capsys, "import", project, dataset, "--dry-run", "--json")
    assert (code, err) == (0, "")
    assert contents(project) == before
    told = json.loads(out)
    assert (told["format"], told["dry_run"], told["changed"]) == ("masks", True, False)
    assert told["counts"]["new_image"] == 3
    assert [(c["name"], c["target"], c["new"], c["pixels"]) for c in told["classes"]] == [
        ("sky", "sky", True, 2400),
        ("houses", "House", False, 1200),
    ]
    text = run(capsys, "import", project, dataset, "--dry-run")[1]
    assert "sky (new)" in text and "Would import 3 new images (masks). 0 objects, 3,600 pixels." in text


def test_import_and_again(capsys, project, dataset):
    code, out, err = run(capsys, "import", project, "--format", "masks", dataset, "--copy")
    assert (code, err) == (0, "") and "Imported 3 new images" in out
    with ProjectStore.open(project) as store:
        assert {item.name: item.color for item in store.classes}["sky"] == "#102030"
        assert store.labelled_pixels() == {1: 1200, 3: 2400}
        assert {record.path for record in store.images()} == {f"images/{n}.png" for n in range(3)}
    code, out, err = run(capsys, "import", project, dataset, "--json")
    told = json.loads(out)
    assert (code, told["changed"], told["counts"]["unchanged"]) == (0, False, 3)
    assert "Nothing to import: 3 unchanged (masks)." in run(capsys, "import", project, dataset)[1]


def test_mapping_and_layers(capsys, project, dataset):
    options = ("--map", "sky=", "--map", "houses=tree", "--new-layer", "--layer-name", "theirs")
    assert run(capsys, "import", project, dataset, *options)[0] == 0
    with ProjectStore.open(project) as store:
        assert store.labelled_pixels() == {2: 1200}
        assert [layer.name for layer in store.layers(store.images()[0].id)] == ["labels", "theirs"]


def test_no_images_and_nothing_that_could_come(capsys, project, dataset):
    code, out, _ = run(capsys, "import", project, dataset, "--no-images")
    assert code == 1 and "missing: 0.png: The image is not in the project." in out
    with ProjectStore.open(project) as store:
        assert not store.images() and len(store.classes) == 2


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--format", "bmp"), 2, "no import format"),
        (("--map", "sky"), 2, "there is no “=”"),
        (("--option", "a=b"), 2, "give --format"),
        (("--format", "masks", "--option", "nonsense=b"), 2, "no option"),
        (("--map", "sea=tree"), 1, "no class “sea”"),
    ],
)
def test_wrong_command_lines(capsys, project, dataset, options, code, sentence):
    before = contents(project)
    got, out, err = run(capsys, "import", project, dataset, *options)
    assert (got, out) == (code, "") and sentence in err.casefold()
    assert err.count("\n") == 1 and contents(project) == before


def test_a_source_that_is_nothing(capsys, project, tmp_path):
    code, out, err = run(capsys, "import", project, tmp_path / "nowhere")
    assert (code, out) == (1, "") and "no such file" in err
    (tmp_path / "notes.txt").write_text("x")
    code, out, err = run(capsys, "import", project, tmp_path / "notes.txt")
    assert (code, out) == (1, "") and "No known format" in err


def test_every_format_that_is_read_stands_in_the_help(capsys):
    from segstudio.io.formats.table import importers

    out = run(capsys, "import", "--help")[1]
    words = " ".join(out.split())
    assert all(f"{entry.id} (" in words for entry in importers().values())
