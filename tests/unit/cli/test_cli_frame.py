"""What every sub-command shares: exit codes, one line on stderr, ``--json``, ``--debug``, ``--help``, the progress bar."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from small_projects import run, small_project

from segstudio.cli import main as main_module
from segstudio.cli import output
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.progress import ProgressSink

NEEDED_OF = {
    "demo": ["--project", "--no-window"],
    "new": ["DIR", "--classes", "--classes-file"],
    "add": ["DIR", "IMAGE", "--copy"],
    "info": ["DIR", "--json"],
    "propose": ["DIR", "--model", "--images", "--device", "--tile", "--overlap", "--refine", "--refine-option"],
    "refine": ["DIR", "--method", "--option", "--device", "--images", "--json", "crf", "mrf"],
    "accept": ["DIR", "--images", "--classes", "--min-confidence"],
    "next": ["DIR", "--model", "--by", "--measure", "--other", "--errors", "--again", "--limit", "--json"],
    "learn": ["DIR", "--from", "--fresh", "--once", "--list", "--roll-back", "--delete", "--round-steps", "--held-out", "--device"],
    "simulate": ["--data", "--budget", "--annotator", "--order", "--loop", "--seed", "--model", "--out", "--json", "--sketch"],
    "predict": ["IMAGE", "--model", "--out", "--probabilities"],
    "prompt": ["IMAGE", "--model", "--device", "--points", "--box", "--line", "--everything", "--choice", "--plane", "--out", "--json"],
    "import": ["DIR", "SRC", "--format", "--option", "--dry-run", "--map", "--no-images", "--copy", "--new-layer", "--json", "coco"],
    "convert": ["SRC", "DST", "--from", "--to"],
    "export": ["DIR", "--format", "--out", "--split", "--seed", "masks", "voc", "coco"],
    "train": ["DIR", "--data", "--arch", "--encoder", "--loss", "--epochs", "--batch", "--size", "--lr", "--seed", "--device", "--out", "--resume", "--refine", "unet", "efficientnet_lite0"],
    "augment": ["DIR", "--data", "--out", "--copies", "--seed", "--augment", "--augment-option", "--size", "--split", "elastic_sigma_px"],
    "runs": ["DIR", "compare", "--report", "--json"],
    "report": ["RUN", "--out", "--json"],
    "evaluate": ["DIR", "--data", "--model", "--split", "--json"],
    "score": ["PRED_DIR", "TRUTH_DIR", "--classes", "--ignore", "--boundary-tolerance"],
    "models": ["list", "info", "download", "install"],
    "doctor": ["--json"],
}  # fmt: skip


def test_the_table_above_is_whole():
    assert NEEDED_OF.keys() == main_module.COMMANDS.keys()


@pytest.mark.parametrize("command", sorted(NEEDED_OF))
def test_help_names_every_option(capsys, command):
    code, out, err = run(capsys, command, "--help")
    assert (code, err) == (0, "")
    assert [word for word in NEEDED_OF[command] if word not in out] == []
    assert "--debug" in out and out.startswith("usage: segstudio") and command in out.splitlines()[0]


def test_help_of_the_program_lists_the_commands(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0 and all(f"\n    {name} " in out for name in NEEDED_OF)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_beside_a_path_opens_no_window(capsys, tmp_path, option):
    code, out, err = run(capsys, tmp_path, option)
    assert (code, err) == (0, "") and "segstudio" in out


def test_models_of_a_project_that_is_none(capsys, tmp_path):
    code, out, err = run(capsys, "models", "list", "--project", tmp_path / "none", "--json")
    assert (code, out) == (1, "") and str(tmp_path / "none") in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["new"],
        ["info", "a", "b"],
        ["export", "p", "--format", "masks"],
        ["export", "p", "--format", "mask", "--out", "x"],
        ["train", "--epochs", "many", "--out", "x"],
        ["train", "p", "--epochs", "0", "--out", "x"],
        ["train", "p", "--data", "voc:x", "--out", "x"],
        ["train", "--out", "x"],
        ["train", "p", "--out", "x", "--scale", "1"],
        ["train", "p", "--out", "x", "--class-weights", "1,b"],
        ["train", "p", "--out", "x", "--class-weights", "median", "--loss", "dice"],
        ["train", "p", "--out", "x", "--loss", "lovas"],
        ["train", "p", "--out", "x", "--border-weight", "10,a"],
        ["train", "p", "--out", "x", "--border-weight", "10,5,1"],
        ["evaluate", "p"],
        ["score", "a"],
        ["score", "a", "b", "--classes", "0"],
        ["score", "a", "b", "--boundary-tolerance", "-1"],
        ["accept", "p", "--min-confidence", "2"],
        ["export", "p", "--format", "masks", "--out", "x", "--split", "train=2"],
        ["export", "p", "--format", "masks", "--out", "x", "--polygons"],
        ["propose", "p", "--model", "m", "--tile", "1"],
        ["predict", "p", "--model", "m", "--out", "x", "--overlap", "-1"],
        ["evaluate", "--model", "m"],
        ["models", "frobnicate"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "") and err.strip() and "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.fixture
def raising(monkeypatch):
    """Make ``segstudio info`` raise what the test says."""
    from segstudio.cli import info

    def arrange(error):
        def fail(args):
            raise error

        monkeypatch.setattr(info, "run", fail)

    return arrange


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("It is broken", path="a.png", remedy="mend it"), 1, "segstudio: a.png: It is broken. Mend it."),
        (UserError("Two\nlines", remedy="mend it"), 1, "segstudio: Two lines. Mend it."),
        (ValueError("no\n  good"), 1, "segstudio: ValueError: no good. Run again with --debug for details."),
        (MemoryError(), 1, "segstudio: MemoryError: . Run again with --debug for details."),
        (Cancelled(), 1, "segstudio: cancelled."),
        (KeyboardInterrupt(), 1, "segstudio: cancelled."),
        (output.UsageError("--x is 7", remedy="give less"), 2, "segstudio: --x is 7. Give less."),
    ],
)
def test_a_failure_is_one_line(capsys, raising, error, code, line):
    raising(error)
    assert run(capsys, "info", "x") == (code, "", line + "\n")
    assert run(capsys, "info", "x", "--json") == (code, "", line + "\n")


@pytest.mark.parametrize("arguments", [["--debug", "info", "x"], ["info", "x", "--debug"]])
def test_debug_shows_the_traceback(raising, arguments):
    raising(UserError("It is broken"))
    with pytest.raises(UserError, match="broken"):
        main_module.main(arguments)


def test_json_on_a_narrow_stream_keeps_every_letter(tmp_path):
    small_project(tmp_path / "Ядро")
    command = [sys.executable, "-m", "segstudio", "info", str(tmp_path / "Ядро")]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([*command, "--json"], capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout)["project"] == str(tmp_path / "Ядро")
    plain = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"64\xd764" in plain.stdout


def test_a_closed_pipe_is_no_failure(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "segstudio", "models"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 0 and done.stderr == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")
def test_sigterm_clears_away_what_is_half_written(capsys, tmp_path, monkeypatch):
    from segstudio.io.formats import masks

    project = small_project(tmp_path / "p")
    before = signal.getsignal(signal.SIGTERM)
    real = masks.MasksExporter.enter

    def enter(self, item, written):
        real(self, item, written)
        assert len(list(tmp_path.glob(".segstudio-tmp-*"))) == 1
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(masks.MasksExporter, "enter", enter)
    assert run(capsys, "export", project, "--format", "masks", "--out", tmp_path / "out") == (1, "", "segstudio: cancelled.\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p", "pictures"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_commands_run_outside_the_main_thread(tmp_path):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main_module.main(["new", str(tmp_path / "p")])))
    thread.start()
    thread.join()
    assert codes == [0]


class FakeStream:
    def __init__(self, is_tty):
        self.is_tty, self.text = is_tty, ""

    def isatty(self):
        return self.is_tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("is_tty", [True, False])
def test_the_bar_is_drawn_on_a_terminal_only_and_wiped(monkeypatch, is_tty):
    stream = FakeStream(is_tty)
    monkeypatch.setattr(sys, "stderr", stream)
    with output.ProgressBar() as bar:
        sink: ProgressSink = bar
        sink(0, 4, "Working")
        sink(4, 4, "Working")
    if is_tty:
        assert "Working" in stream.text and "100%" in stream.text and stream.text.endswith("\r\x1b[K")
        assert "\n" not in stream.text
    else:
        assert stream.text == ""


def test_no_command_needs_qt(tmp_path):
    code = (
        "import sys\nsys.modules['PySide6'] = None\nfrom segstudio.cli.main import main\n"
        f"sys.exit(main(['new', {str(tmp_path / 'p')!r}]) or main(['info', {str(tmp_path / 'p')!r}]) or main(['models', 'list']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
