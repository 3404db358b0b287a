"""Runs read from the disk: whole ones, torn ones, damaged ones; compared, and reported in one file."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from run_folders import make_run

from segstudio.core.errors import UserError
from segstudio.ml.runs.curves import Line, curves_svg, ticks
from segstudio.ml.runs.differences import comparison, metric_table, plan_differences
from segstudio.ml.runs.record import find_runs, read_run, read_runs
from segstudio.ml.runs.report import comparison_report, run_report


def test_a_run_says_what_it_is_and_how_far_it_came(tmp_path):
    run = read_run(make_run(tmp_path / "first", arch="segnet"))
    assert (run.state, run.problem, run.classes[1], run.colors[1]) == ("finished", "", "road", "#e69f00")
    assert run.best["epoch"] == 2 and run.seconds == 12.5
    assert run.curve("mean_iou") == [(1, 0.2), (2, 0.6), (3, 0.5)] and run.class_curve(2) == []
    row = run.to_json()
    assert (row["arch"], row["epochs"], row["planned_epochs"], row["mean_iou"], row["device"]) == (
        "segnet",
        3,
        3,
        0.6,
        "a processor",
    )


def test_states_of_runs_that_ended_early(tmp_path):
    assert read_run(make_run(tmp_path / "a", epochs=9)).state == "unfinished"
    assert read_run(make_run(tmp_path / "b", epochs=9, has_state=False)).state == "stopped"
    patient = make_run(tmp_path / "c", epochs=9)
    (patient / "timing.json").write_text(json.dumps({"stopped_by": "patience"}))
    assert read_run(patient).state == "finished"
    begun = tmp_path / "d"
    begun.mkdir()
    (begun / "config.json").write_text((patient / "config.json").read_text())
    assert read_run(begun).state == "begun"


def test_a_line_torn_by_a_kill_is_left_out_and_one_in_the_middle_is_damage(tmp_path):
    run = make_run(tmp_path / "a")
    whole = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(whole[:-40])
    assert [line["epoch"] for line in read_run(run).epochs] == [1, 2] and read_run(run).state == "unfinished"
    (run / "metrics.jsonl").write_text(whole.replace('"epoch": 2', '"epoch": two'))
    found = read_run(run)
    assert found.state == "damaged" and "line 2" in found.problem and found.plan is not None


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.json", "{", "no JSON"),
        ("config.json", "[1]", "no JSON object"),
        ("config.json", '{"epochs": 3}', "no plan"),
        ("config.json", '{"out": "", "epochs": "many"}', "epochs is 'many'"),
        ("evaluation.json", "{{", "no JSON"),
        ("best.safetensors", "short", "weights"),
        ("best.safetensors", None, ""),
    ],
)  # fmt: skip
def test_a_damaged_run_is_listed_with_its_reason(tmp_path, file, text, said):
    run = make_run(tmp_path / "a")
    if text is None:
        (run / file).unlink()
        (run / "last.safetensors").unlink()
        said = "weights are missing"
    else:
        (run / file).write_text(text)
    found = read_run(run)
    assert found.state == "damaged" and said in found.problem and file in found.problem
    assert found.to_json()["state"] == "damaged" and "damaged" in run_report(found)


def test_numbers_that_are_none_do_not_get_far(tmp_path):
    run = make_run(tmp_path / "a")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    lines[0] = (
        lines[0].replace('"mean_iou": 0.2', '"mean_iou": 1e999').replace('"train_loss": 1.0', '"train_loss": "x"')
    )
    (run / "metrics.jsonl").write_text("\n".join(lines))
    found = read_run(run)
    assert found.epochs[0]["mean_iou"] is None and found.epochs[0]["train_loss"] is None and found.best["epoch"] == 2


def test_runs_are_found_in_projects_and_folders(tmp_path):
    for name in ("b", "a"):
        make_run(tmp_path / "project" / "runs" / name)
    (tmp_path / "project" / "runs" / "no run").mkdir()
    assert {p.name for p in find_runs([tmp_path / "project"])} == {"a", "b"}
    assert {p.name for p in find_runs([tmp_path / "project" / "runs"])} == {"a", "b"}
    one = tmp_path / "project" / "runs" / "a"
    assert find_runs([one]) == [one]
    with pytest.raises(UserError, match="no such folder"):
        find_runs([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="no folder of a run"):
        read_run(tmp_path)


def test_differences_are_those_of_the_plans_and_nothing_else(tmp_path):
    runs = read_runs(
        [make_run(tmp_path / "a", lr=1e-3, class_weights=(1.0, 2.0)), make_run(tmp_path / "b", (0.1, 0.9), lr=5e-4)]
    )
    rows = {row["field"]: row["values"] for row in plan_differences(runs)}
    assert rows == {"lr": [1e-3, 5e-4], "class_weights": ["1.0,2.0", "none"], "epochs": [3, 2]}
    figures = {row["metric"]: row["values"] for row in metric_table(runs)}
    assert figures["best epoch"] == [2, 2] and figures["IoU road"] == [0.6, 0.9] and "IoU tree <b>" not in figures
    assert comparison(runs)["curves"]["mean_iou"][1] == [(1.0, 0.1), (2.0, 0.9)]
    assert plan_differences(read_runs([tmp_path / "a", tmp_path / "a"])) == []
    with pytest.raises(UserError, match="two runs or more"):
        comparison(runs[:1])


class Page(HTMLParser):
    """What a page would fetch, its text, and that its tags close."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.fetched, self.texts, self.tags = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())


def test_the_report_holds_everything_and_fetches_nothing(tmp_path):
    run = make_run(tmp_path / "my <run>", about={"data": {"train": 40, "val": 3, "digest": "abc123"}})
    text = run_report(read_run(run))
    page = Page(text)
    assert len(page.fetched) == 2 and all(src.startswith("data:image/png;base64,") for src in page.fetched)
    said = " ".join(page.texts)
    for wanted in (
        "my <run>",
        "60.00 %",
        "Confusion matrix",
        "tree <b>",
        "im2 & <i>",
        "abc123",
        "a processor",
        "0.2.0",
        "3.10 %",
        "3.00 GiB",
        "worst: im0",
    ):
        assert wanted in said or wanted.replace(" ", "\u00a0") in said, wanted
    assert (
        page.tags.count("svg") == 6
        and "script" not in page.tags
        and "<b>" not in re.sub(r"<div class=\"tile\">.*?</div>", "", text)
    )
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    assert not re.search(r'(?:src|href|url)\s*[=(]\s*["\']?https?:', text)


def test_pictures_are_read_from_the_run_alone(tmp_path):
    run = make_run(tmp_path / "a")
    (tmp_path / "secret.png").write_bytes(b"secret")
    document = json.loads((run / "evaluation.json").read_text())
    (run / "pictures" / "link.png").symlink_to(tmp_path / "secret.png")
    document["pictures"] = [
        {"file": name} for name in ("../../secret.png", str(tmp_path / "secret.png"), "link.png", 5)
    ]
    (run / "evaluation.json").write_text(json.dumps(document))
    assert Page(run_report(read_run(run))).fetched == []


def test_a_run_of_an_older_version_is_reported_with_what_it_has(tmp_path):
    run = make_run(tmp_path / "a")
    for name in ("evaluation.json", "timing.json"):
        (run / name).unlink()
    config = json.loads((run / "config.json").read_text())
    del config["about"]
    (run / "config.json").write_text(json.dumps(config))
    page = Page(run_report(read_run(run)))
    assert page.fetched == [] and page.tags.count("svg") == 4 and "road" in page.texts


def test_an_evaluation_of_an_earlier_epoch_is_not_taken_for_the_best_one_s(tmp_path):
    run = make_run(tmp_path / "a", (0.2, 0.6, 0.7))
    found = read_run(run)
    assert not found.is_best_evaluated and found.score("mean_dice") == 0.7 and found.score("mean_precision") is None
    text = run_report(found)
    assert "killed before epoch 3" in text and "70.00 %" in text
    assert read_run(make_run(tmp_path / "b")).score("mean_dice") != 0.6


def test_the_comparison_lays_the_curves_over_each_other(tmp_path):
    runs = read_runs([make_run(tmp_path / "a", lr=1e-3), make_run(tmp_path / "b", (0.1, 0.9), lr=5e-4)])
    text = comparison_report(runs)
    page = Page(text)
    assert page.tags.count("svg") == 4 and page.tags.count("polyline") == 8 and page.fetched == []
    assert {"lr", "0.0010", "0.0005", "IoU road"} <= set(page.texts)


def test_curves_stay_inside_their_frame_and_their_ticks_are_round():
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0] and ticks(0, 7.3) == [0, 2, 4, 6] and ticks(3, 3) == [3]
    assert curves_svg([Line("a", [])], title="x") == ""
    svg = curves_svg([Line("<a>", [(1, 0.5), (2, 90.0)]), Line("b", [(7, 1.0)])], title="t", y_range=(0, 1))
    spots = [
        tuple(map(float, pair.split(","))) for points in re.findall(r'points="([^"]+)"', svg) for pair in points.split()
    ]
    assert len(spots) == 3 and all(58 <= x <= 608 and 12 <= y <= 260 for x, y in spots) and "&lt;a&gt;" in svg


def test_reading_and_reporting_runs_loads_no_torch(tmp_path):
    run = make_run(tmp_path / "a")
    code = f"import sys; from segstudio.cli.main import main; assert main(['report', {str(run)!r}]) == 0; assert main(['runs', {str(run)!r}]) == 0; assert 'torch' not in sys.modules and 'PySide6' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (run / "report.html").is_file()


def paths_of(value, here=()):
    """Every place in a JSON document."""
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in items:
        yield from paths_of(part, (*here, key))


def changed(document, path, value):
    if not path:
        return value
    made = json.loads(json.dumps(document))
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


@pytest.mark.parametrize("file", ["evaluation.json", "timing.json", "config.json", "metrics.jsonl"])
def test_whatever_stands_in_a_run_s_files_it_is_listed_reported_and_compared(tmp_path, file):
    run, whole = make_run(tmp_path / "a"), read_run(make_run(tmp_path / "b"))
    kept = (run / file).read_text()
    document = json.loads(kept.splitlines()[0] if file == "metrics.jsonl" else kept)
    for path in list(paths_of(document)):
        for value in (None, "x", -1, [], {}, [[1]], 1e308, True):
            text = json.dumps(changed(document, path, value))
            (run / file).write_text("\n".join([text, *kept.splitlines()[1:]]) if file == "metrics.jsonl" else text)
            try:
                found = read_run(run)
                json.dumps([found.to_json(), comparison([found, whole])], allow_nan=False)
                if path[:1] in (("about",), ()) or len(path) < 3 or value in (None, "x"):
                    run_report(found)
                    comparison_report([found, whole])
            except Exception as error:
                raise AssertionError(f"{file} {path} = {value!r}") from error
