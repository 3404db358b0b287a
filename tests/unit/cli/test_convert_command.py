"""``segstudio convert``, and what it shares with ``segstudio export``: losses, options, the lists of formats."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "io"))

from image_files import labelled_project

from segstudio.cli.main import main
from segstudio.io.formats.table import exporters, formats, importers

DOCS = Path(__file__).resolve().parents[3] / "resources" / "docs" / "formats.md"


@pytest.fixture
def project(tmp_path):
    labelled_project(tmp_path).close()
    return str(tmp_path / "project")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(("command", "known"), [("export", exporters), ("convert", exporters), ("convert", importers)])
def test_help_lists_every_format(capsys, command, known):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in known():
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text), name


def test_every_format_has_its_section_in_the_docs():
    sections = re.findall(r"^## (.+)$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in formats() if name not in sections] == []
    assert len(sections) == len(set(sections))


def test_every_option_of_export_is_in_the_docs(capsys):
    text = DOCS.read_text(encoding="utf-8")
    for option in ("--status", "--classes", "--since", "--until", "--in-split", "--only-classes", "--split-by", "--tiles",
                   "--tile-overlap", "--skip-empty", "--option", "--yes", "--strict"):  # fmt: skip
        assert option in text, option


def test_a_chain_of_conversions(project, tmp_path, capsys):
    assert run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "coco", "--yes")[0] == 0
    code, out, err = run(
        capsys, "convert", tmp_path / "coco", tmp_path / "voc", "--from", "coco", "--to", "voc", "--json"
    )
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["images"] == 3 and document["checks"]["objects"] == 15 and document["losses"] == []
    code, out, err = run(capsys, "convert", tmp_path / "voc", tmp_path / "masks", "--to", "masks")
    assert code == 0 and "Wrote 3 images as masks" in out and "no difference" in out
    assert err.count("\n") == 1 and "15 objects in 3 images" in err
    assert run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "direct", "--yes")[0] == 0
    masks = tmp_path / "direct" / "masks"
    code, out, _ = run(capsys, "score", tmp_path / "masks" / "masks" / "train", masks, "--json")
    assert code == 0 and json.loads(out)["mean_iou"] == 1.0


def test_losses_are_said_and_strict_writes_nothing(project, tmp_path, capsys):
    code, out, err = run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "a", "--json")
    assert code == 0 and "15 objects in 3 images become part" in err
    assert [loss["kind"] for loss in json.loads(out)["losses"]] == ["objects"]
    code, out, err = run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "b", "--strict")
    assert (code, out) == (1, "") and "Nothing was written" in err and not (tmp_path / "b").exists()
    assert run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "c", "--strict")[0] == 0
    code, _, err = run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "d", "--yes")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1), ("no\n", 1)])
def test_on_a_terminal_it_asks(project, tmp_path, capsys, monkeypatch, answer, code):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    said = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", said)
    assert main(["export", project, "--format", "masks", "--out", str(tmp_path / "out")]) == code
    assert "go on all the same?" in said.getvalue() and (tmp_path / "out").exists() == (code == 0)


def test_options_of_the_format_and_choices(project, tmp_path, capsys):
    arguments = ["export", project, "--format", "coco", "--out", tmp_path / "a", "--option", "polygons=true"]
    code, _, _ = run(
        capsys, *arguments, "--classes", "cell", "--only-classes", "--since", "2020-01-01", "--tiles", "200"
    )
    document = json.loads((tmp_path / "a" / "annotations" / "instances.json").read_text())
    assert (
        code == 0 and len(document["images"]) == 3 * 6 and [row["name"] for row in document["categories"]] == ["cell"]
    )
    assert any(isinstance(row["segmentation"], list) for row in document["annotations"])


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--option", "bogus=1"], 2, "no option"),
        (["--option", "stuff=perhaps"], 2, "cannot be read"),
        (["--since", "yesterday"], 2, "no date"),
        (["--tile-overlap", "3"], 2, "--tiles"),
        (["--tiles", "3"], 2, "cannot be cut"),
        (["--until", "1999-01-01"], 1, "meets the selection"),
        (["--classes", "zebra"], 1, "no class"),
    ],
)
def test_what_is_wrong_is_one_line(project, tmp_path, capsys, options, code, sentence):
    found, out, err = run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "out", *options)
    assert (found, out) == (code, "") and sentence in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_none_is_one_line(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for source in ("nowhere", "empty"):
        code, out, err = run(capsys, "convert", tmp_path / source, tmp_path / "out", "--to", "masks")
        assert (code, out) == (1, "") and source in err and err.count("\n") == 1
