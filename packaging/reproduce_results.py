"""Trains and measures the rows of resources/docs/results.md, and writes what came out into its table.

    python packaging/reproduce_results.py --data DATA [ROW …] [--device cuda] [--minutes 30] [--offline]
    python packaging/reproduce_results.py --data DATA --record ROW=RUN        measures a run, or a built-in model, that was made otherwise
    python packaging/reproduce_results.py --list                              the rows, their commands and aims
    python packaging/reproduce_results.py --dry-run [ROW …]                   one step each on made-up images, writes nothing

DATA holds ``camvid/``, ``isbi2012/``, ``nuclei/`` and ``drive/``. Runs lie below ``--runs``; what is done there is not done again, and what
was broken off goes on, so that a second call finishes what the first began. ``--minutes`` is for all chosen rows together: a row's part ends
its training by ``--max-minutes``, and its line says so. ``--offline`` starts encoders from nothing whose ImageNet weights are not here.
Figures are kept in packaging/results.json, and the table of the page is made of that file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "tests" / "benchmarks")]

from document import replace_section  # noqa: E402 - beside this file, and with the benchmarks
from results_rows import ROWS, Row  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "resources" / "docs" / "results.md"
FIGURES = ROOT / "packaging" / "results.json"
SECTION = "published figures"
DRY = "--epochs 1 --patches-per-image 1 --batch 2 --size 64 --workers 0 --threads 1 --validate-every 1 --device cpu --no-pretrained --no-tensorboard"
DRY_FOLDS = 2


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 0 when every chosen row was measured, whatever its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which; all without any")
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGSTUDIO_SHARED_DATA"))
    parser.add_argument(
        "--runs", type=Path, default=Path("results-runs"), help="where the runs lie (default %(default)s)"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training, for all chosen rows together")
    parser.add_argument(
        "--offline", action="store_true", help="no downloads: --no-pretrained where weights are missing"
    )
    parser.add_argument(
        "--record", action="append", default=[], metavar="ROW=RUN", help="measure this run, or model, as the row's"
    )
    parser.add_argument(
        "--took", type=float, default=0.0, metavar="MINUTES", help="with --record: how long it was trained"
    )
    parser.add_argument("--note", default="", help="with --record: said in the row's line")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(arguments)
    rows = chosen(args.rows, parser)
    if args.list:
        print("\n".join(listed(row) for row in rows))
        return 0
    if args.dry_run:
        return dry_run(rows, args.runs)
    if args.data is None or not Path(args.data).is_dir():
        parser.error("give --data the folder that holds camvid/, isbi2012/, nuclei/ and drive/")
    if args.record:
        for text in args.record:
            name, _, run = text.partition("=")
            (row,) = chosen([name], parser)
            keep(row, recorded(row, run, args))
        return 0
    runnable = [row for row in rows if row.train]
    shares = sum(row.share for row in runnable)
    for row in runnable:
        keep(row, reproduced(row, args, args.minutes * row.share / shares))
    return 0


def chosen(names: list[str], parser: argparse.ArgumentParser) -> list[Row]:
    """The rows of these ids, all without any."""
    by_id = {row.id: row for row in ROWS}
    unknown = [name for name in names if name not in by_id]
    if unknown:
        parser.error(f"there is no row {unknown[0]}; there are {', '.join(by_id)}")
    return [by_id[name] for name in names] or list(ROWS)


def listed(row: Row) -> str:
    """A row in words."""
    aims = "; ".join(f"{aim.name} {aim.limit}".strip() for aim in row.aims)
    lines = [f"{row.id}: {row.what}", f"  published: {row.published}", f"  aims: {aims or '–'}"]
    lines += [f"  segstudio {command}" for command in (row.train, row.evaluate) if command]
    return "\n".join([*lines, *([f"  {row.note}"] if row.note else [])])


def filled(command: str, data: Path, run: Path, fold: str) -> list[str]:
    """The words of a command line with its places filled in."""
    places = {"DATA": str(data), "RUN": str(run), "FOLD": fold}
    words = []
    for word in shlex.split(command):
        for name, value in places.items():
            word = word.replace(name, value)
        words.append(word)
    return words


def stages(row: Row, runs: Path) -> list[tuple[Path, str]]:
    """(run folder, fold as K/N) of each training of a row."""
    if not row.folds:
        return [(runs / row.id, "")]
    return [(runs / f"{row.id}-{fold}", f"{fold}/{row.folds}") for fold in range(1, row.folds + 1)]


def segstudio(words: list[str]) -> dict[str, Any]:
    """The JSON document that a command prints; its sentence and the end where it failed."""
    print(f"segstudio {shlex.join(words)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "segstudio", *words, "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode} of segstudio {shlex.join(words)}")
    return dict(json.loads(done.stdout))


def option_of(words: list[str], option: str) -> str:
    """The value of an option on a command line; "" where it is not there."""
    return words[words.index(option) + 1] if option in words else ""


def is_missing_weights(words: list[str]) -> bool:
    """Whether the encoder that a training names would have to be downloaded."""
    from segstudio.ml.encoders.availability import imagenet_state

    encoder = option_of(words, "--encoder")
    return encoder not in ("", "none") and imagenet_state(encoder) == "fetched"


def reproduced(row: Row, args: argparse.Namespace, minutes: float) -> dict[str, Any]:
    """Train and measure a row, fold by fold, and what is to be written down of it."""
    documents, seconds, notes = [], 0.0, []
    for run, fold in stages(row, args.runs):
        words = [*filled(row.train, args.data, run, fold), "--device", args.device]
        if args.offline and is_missing_weights(words):
            words.append("--no-pretrained")
            notes.append("encoder from nothing, its ImageNet weights were not at hand")
        if minutes:
            words += ["--max-minutes", f"{minutes / max(row.folds, 1):.2f}"]
        seconds += trained(run, words)
        finished = json.loads((run / "trained.json").read_text(encoding="utf-8"))
        if finished["stopped_by"] == "time":
            notes.append(f"stopped by --max-minutes after {finished['epochs']} epochs")
        documents.append(segstudio([*filled(row.evaluate, args.data, run, fold), "--device", args.device]))
    return {
        "figures": figures(row, documents),
        "commands": [f"segstudio {row.train}", f"segstudio {row.evaluate}"],
        "seconds": round(seconds),
        "device": device_name(documents, args.device),
        "notes": sorted(set(notes)),
    }


def trained(run: Path, words: list[str]) -> float:
    """Train unless it is done, or go on where it was broken off; seconds of it, those of earlier calls too."""
    done, spent = run / "trained.json", run.with_suffix(".seconds")
    before = float(spent.read_text(encoding="utf-8")) if spent.is_file() else 0.0
    if done.is_file():
        return before
    resumed = ["--resume"] if (run / "state.pt").is_file() else []
    run.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        document = segstudio([*words, *resumed])
    finally:
        before += time.monotonic() - began
        spent.write_text(f"{before:.1f}", encoding="utf-8")
    done.write_text(json.dumps({"stopped_by": document["stopped_by"], "epochs": document["epochs"]}), encoding="utf-8")
    return before


def recorded(row: Row, run: str, args: argparse.Namespace) -> dict[str, Any]:
    """What is to be written down of a run or a model that was trained otherwise: measured as the row says, with its own command."""
    folder = Path(run)
    words = filled(row.evaluate, args.data, folder, "")
    if not folder.is_dir():
        words[words.index("--model") + 1] = run
    document = segstudio([*words, "--device", args.device])
    seconds = 60 * args.took
    if not seconds and folder.is_dir():
        seconds = (folder / "last.safetensors").stat().st_mtime - (folder / "config.json").stat().st_mtime
    notes = [f"measured on {document['images']} images of one fold"] if row.folds else []
    return {
        "figures": figures(row, [document]),
        "commands": [command_of(folder, run, args.data), f"segstudio {row.evaluate}"],
        "seconds": round(seconds),
        "device": device_name([document], args.device),
        "notes": [*notes, *([args.note] if args.note else [])],
    }


def command_of(folder: Path, model: str, data: Path) -> str:
    """The command that trained a run or a model of the catalog, without this machine's paths."""
    if not folder.is_dir():
        from segstudio.ml.registry import Catalog

        return str(Catalog().find(model).card.command)
    plan = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    command = str(plan.get("command") or "")
    for place, name in ((str(plan.get("out") or folder), "RUN"), (str(folder), "RUN"), (str(data), "DATA")):
        command = command.replace(place, name)
    return command


def figure_at(document: Any, path: tuple[str, ...]) -> float | None:
    """The number that *path* leads to; rows of a list by their name."""
    for key in path:
        if isinstance(document, list):
            document = next((row for row in document if row.get("name") == key), None)
        else:
            document = document.get(key)
        if document is None:
            return None
    return float(document)


def figures(row: Row, documents: list[dict[str, Any]]) -> dict[str, float | None]:
    """The row's figures, the mean over its folds."""
    result: dict[str, float | None] = {}
    for aim in row.aims:
        values = [figure_at(document, aim.path) for document in documents]
        known = [value for value in values if value is not None]
        result[aim.name] = sum(known) / len(known) if len(known) == len(values) and known else None
    return result


def device_name(documents: list[dict[str, Any]], device: str) -> str:
    """What was computed on, in words."""
    import torch

    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return str(torch.cuda.get_device_name())
    return f"{os.cpu_count()} CPU cores, {cpu_name()}"


def cpu_name() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def known_figures() -> dict[str, Any]:
    """What was measured so far, by row."""
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}


def keep(row: Row, result: dict[str, Any]) -> None:
    """Write a row's result into the file of figures, and the page anew."""
    known = {**known_figures(), row.id: result}
    FIGURES.write_text(
        json.dumps({r.id: known[r.id] for r in ROWS if r.id in known}, indent=1) + "\n", encoding="utf-8"
    )
    replace_section(SECTION, page_lines(known), PAGE)
    print(f"{row.id}: {result['figures']}", flush=True)


def page_lines(known: dict[str, Any]) -> list[str]:
    """The table of the page, and the commands below it."""
    lines = [
        "| row | on | published | to reach | ours | reached | time | device |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        result = known.get(row.id)
        limits = "; ".join(f"{aim.name} {aim.limit}" for aim in row.aims if aim.limit) or "–"
        if result is None:
            ours, reached, spent, device = ("not run yet" if row.train else "–"), "–", "–", "–"
        else:
            values = result["figures"]
            ours = "; ".join(
                f"{name} {value:.3f}" if value is not None else f"{name} –" for name, value in values.items()
            )
            reached = ", ".join(verdict(row, known)) or "–"
            ours += " (see below)" if result["notes"] else ""
            spent, device = f"{result['seconds'] / 60:.0f} min", result["device"]
        lines.append(
            f"| `{row.id}` | {row.what} | {row.published} | {limits} | {ours} | {reached} | {spent} | {device} |"
        )
    lines += ["", "Commands, with `DATA` for the folder of the data sets and `RUN` for the run's:", ""]
    for row in ROWS:
        result = known.get(row.id)
        notes = [*([row.note] if row.note else []), *(result["notes"] if result else [])]
        said = f" – {'; '.join(notes)}" if notes else ""
        commands = result["commands"] if result else [f"segstudio {c}" for c in (row.train, row.evaluate) if c]
        lines.append(f"- `{row.id}`{said}" + "".join(f"\n  - `{command}`" for command in commands))
    return lines


def verdict(row: Row, known: dict[str, Any]) -> list[str]:
    """Yes or no for each aim that has a limit."""
    words = []
    for aim in row.aims:
        if aim.limit:
            other = (known.get(aim.above_row) or {"figures": {}})["figures"].get(aim.name)
            words.append("yes" if aim.is_reached(known[row.id]["figures"].get(aim.name), other) else "no")
    return words


# -- dry run -----------------------------------------------------------------------------------------------------------


def dry_run(rows: list[Row], folder: Path) -> int:
    """Each row's commands with one step, in this process, on pictures that are made up: do they still run, and give the figures?"""
    from segstudio.cli.main import main as command_line

    data = folder / "data"
    make_up(data)
    failed = []
    for row in (row for row in rows if row.train):
        documents = []
        for run, fold in stages(row, folder)[:DRY_FOLDS]:
            words = filled(row.train, data, run, fold)
            if "--working-long-side" in words:
                words[words.index("--working-long-side") + 1] = "64"
            if option_of(words, "--arch") == "unet" and option_of(words, "--encoder") == "none":
                words += ["--arch-option", "width=4"]
            for step in ([*words, *shlex.split(DRY)], [*filled(row.evaluate, data, run, fold), "--device", "cpu"]):
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    code = command_line([*step, "--json"])
                if code:
                    failed.append(f"{row.id}: exit code {code} of segstudio {shlex.join(step)}")
                    break
                documents.append(json.loads(out.getvalue()))
        found = figures(row, documents[1::2])
        missing = [name for name, value in found.items() if value is None]
        if missing:
            failed.append(f"{row.id}: no figure {', '.join(missing)}")
        print(f"{row.id}: {found}", flush=True)
    print("\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


def make_up(data: Path) -> None:
    """Folders as those of the data sets, with a few small pictures of blobs each."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    kinds = {"camvid": (11, True), "isbi2012": (2, False), "nuclei": (2, True), "drive": (2, True)}
    for name, (classes, has_splits) in kinds.items():
        splits = ("train", "val", "test") if name == "camvid" else ("train", "test") if has_splits else ("",)
        for split in splits:
            count = 10 if not has_splits else 3
            for number in range(count):
                cells = draw.integers(0, classes, (6, 8))
                mask = np.kron(cells, np.ones((12, 12))).astype(np.uint8)
                shade = (mask * (200 // classes)).astype(np.uint8) + draw.integers(0, 40, mask.shape).astype(np.uint8)
                ids = np.where(mask == 1, 1, 0).astype(np.uint16)
                for kind, values in (("images", np.stack([shade] * 3, -1)), ("masks", mask), ("objects", ids)):
                    path = data / name / kind / split / f"{number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(values).save(path)


if __name__ == "__main__":
    raise SystemExit(main())
