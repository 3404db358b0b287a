"""How many clicks until an object is found: the click models against classic methods, from the same clicks, in one run.

Run ``python tests/benchmarks/bench_clicks.py --data FOLDER`` (the folder that holds ``camvid/``; or SEGSTUDIO_SHARED_DATA): 20 objects of each
set of :mod:`click_cases`, seeded, from images that no click model learnt from; ``--limit 4`` for fewer. Each next click goes to the middle of the
largest wrong region (:func:`segstudio.core.simulated_clicks.next_click`), of each method's own errors. NoC@85 is the mean number of clicks until
IoU 0.85 is reached, 20 where it is not within 20 (the protocol of Xu et al. 2016 and RITM). ``--write`` puts the tables into
resources/docs/results.md, ``--results FILE`` keeps each object's curve as it is measured, so that a run that was broken off goes on (not with
other weights or methods). ``--learnt`` takes training images, to choose a classic method's numbers by (``--number geodesic_step=3``); never for
a claim. Two processes with one thread each, unless ``--jobs`` says otherwise; times are CPU seconds, so that other work hardly counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
from click_cases import SETS, Case, cases_of
from click_methods import METHODS, Numbers
from click_scribbles import marked_cases, scribble_table
from document import replace_section, table

from segstudio.core.simulated_clicks import Click, iou, next_click

OBJECTS, CLICKS, LEVELS, SHOWN = 20, 20, (0.85, 0.90), (1, 3, 5, 10, 20)
TO_REACH = 0.5
"""Of the best classic method's clicks."""
RESULTS = Path(__file__).resolve().parents[2] / "resources" / "docs" / "results.md"


@dataclasses.dataclass(frozen=True)
class Curve:
    """What a method made of an object: IoU after each click, at most 20 of them; CPU seconds each took.

    ``made_by`` tells weights, or a method's code and numbers, from others.
    """

    method: str
    made_by: str
    set_name: str
    name: str
    ious: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What it was measured of and by."""
        return self.method, self.made_by, self.set_name, self.name

    def clicks_to(self, level: float) -> int:
        """Number of the click that reached *level*, 20 where none did."""
        return next((at for at, value in enumerate(self.ious, 1) if value >= level), CLICKS)

    def after(self, clicks: int) -> float:
        """IoU after so many clicks; that of the last where it was done before."""
        return self.ious[min(clicks, len(self.ious)) - 1]


# -- one object --------------------------------------------------------------------------------------------------------

_loaded: dict[str, Any] = {}


def _model(name: str) -> Any:
    """The click model, loaded once a process, on the CPU."""
    if name not in _loaded:
        import torch

        from segstudio.ml.interactive.loading import load_prompter
        from segstudio.ml.registry import Catalog

        torch.set_num_threads(1)
        _loaded[name] = load_prompter(Catalog().find(name), "cpu")
    return _loaded[name]


def model_answers(name: str, rgb: np.ndarray) -> Callable[[Sequence[Click]], np.ndarray]:
    """A click model on a picture, its former answer given back each time."""
    from segstudio.ml.api import Prompts

    prompter = _model(name)
    embedding = prompter.embed(rgb)
    former: list[Any] = [None]

    def answer(clicks: Sequence[Click]) -> np.ndarray:
        # The middle of the pixel that was clicked.
        points = np.array([(c.x + 0.5, c.y + 0.5) for c in clicks], np.float32)
        found = prompter.predict(
            embedding, Prompts(points, np.array([c.is_positive for c in clicks]), previous=former[0])
        )
        former[0] = found.logits[0]
        return np.asarray(found.probabilities[0] > 0.5)

    return answer


def made_by(method: str, numbers: Numbers) -> str:
    """Short digest of a model's weights and code, or of the classic methods' code and *numbers*."""
    if method in METHODS:
        parts = [Path(__file__).with_name("click_methods.py").read_bytes(), repr(numbers).encode()]
    else:
        from segstudio.ml import click
        from segstudio.ml.registry import Catalog

        weights = Path(Catalog().find(method).card.weights.path).read_bytes()
        code = sorted(Path(click.__path__[0]).glob("*.py"))
        # Past the header of safetensors: the card in it may get its figures from here.
        parts = [weights[8 + int.from_bytes(weights[:8], "little") :], *(file.read_bytes() for file in code)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def curve_of(case: Case, method: str, numbers: Numbers, maker: str) -> Curve:
    """Click until the last level is reached or 20 clicks are spent."""
    started = time.process_time()
    answers = METHODS[method](case.rgb, numbers) if method in METHODS else model_answers(method, case.rgb)
    unknown, predicted = ~case.known, np.zeros(case.truth.shape, np.bool_)
    clicks: list[Click] = []
    ious: list[float] = []
    seconds: list[float] = []
    while len(clicks) < CLICKS and (not ious or ious[-1] < LEVELS[-1]):
        click = next_click(case.truth, predicted, clicks, ignore=unknown)
        if click is None:
            break
        clicks.append(click)
        predicted = answers(clicks)
        ious.append(iou(case.truth, predicted, unknown))
        seconds.append(time.process_time() - started)
        started = time.process_time()
    return Curve(method, maker, case.set_name, case.name, tuple(ious), tuple(seconds))


def _work(given: tuple[Case, str, Numbers, str]) -> Curve:
    cv2.setNumThreads(1)
    if given[1] not in METHODS:
        _model(given[1])  # loading is no part of the first click
    return curve_of(*given)


# -- all of them -------------------------------------------------------------------------------------------------------


def usable_models(wanted: Sequence[str]) -> list[str]:
    """The models to measure: those named, none, or those of task interactive that come with the program."""
    from segstudio.ml.registry import Catalog

    if list(wanted) == ["none"]:
        return []
    if wanted:
        # A file of weights stays one; an id may have been given in part.
        return [name if Path(name).is_file() else Catalog().find(name).card.id for name in wanted]
    entries = Catalog().entries(with_encoders=False)
    return [
        e.card.id
        for e in entries
        if e.card.task == "interactive" and e.card.weights.kind == "built-in" and e.is_available
    ]


def kept_curves(file: Path | None) -> dict[tuple[str, ...], Curve]:
    """What an earlier run wrote to *file*, a JSON line for each curve."""
    lines = file.read_text(encoding="utf-8").splitlines() if file and file.exists() else []
    curves = [
        Curve(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(line).items()}) for line in lines
    ]
    return {curve.key: curve for curve in curves}


def run(cases: list[Case], methods: list[str], numbers: Numbers, jobs: int, results: Path | None) -> list[Curve]:
    """The curves of every object with every method; one line now and then as it goes."""
    makers = {method: made_by(method, numbers) for method in methods}
    kept = kept_curves(results)
    wanted = [(case, method) for case in cases for method in methods]
    keys = [(method, makers[method], case.set_name, case.name) for case, method in wanted]
    work = [(c, m, numbers, makers[m]) for (c, m), key in zip(wanted, keys, strict=True) if key not in kept]
    began, every = time.perf_counter(), max(1, len(work) // 10)
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for number, curve in enumerate(pool.imap_unordered(_work, work), 1):
            kept[curve.key] = curve
            if results:
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(dataclasses.asdict(curve)) + "\n")
            if number % every == 0:
                print(f"  {number} of {len(work)} done, {time.perf_counter() - began:.0f} s", flush=True)
    return [kept[key] for key in keys]


def _of(curves: Sequence[Curve], set_name: str, method: str) -> list[Curve]:
    return [curve for curve in curves if (curve.set_name, curve.method) == (set_name, method)]


def noc(curves: Sequence[Curve], level: float) -> float:
    """Mean number of clicks to reach *level*."""
    return float(np.mean([curve.clicks_to(level) for curve in curves]))


def _names(curves: Sequence[Curve]) -> tuple[list[str], list[str], list[str]]:
    """(sets, models, classic methods) that there are curves of."""
    methods = list(dict.fromkeys(curve.method for curve in curves))
    return (
        list(dict.fromkeys(curve.set_name for curve in curves)),
        [name for name in methods if name not in METHODS],
        [name for name in methods if name in METHODS],
    )


def noc_table(curves: Sequence[Curve]) -> list[str]:
    """NoC@85 / NoC@90 and how many objects were never found, by set and method; the first model against the best classic."""
    sets, models, classic = _names(curves)
    rows = []
    for set_name in sets:
        row = [f"{set_name} ({len(_of(curves, set_name, (models + classic)[0]))})"]
        for method in models + classic:
            mine = _of(curves, set_name, method)
            missed = sum(max(curve.ious, default=0.0) < LEVELS[0] for curve in mine)
            row.append(f"{noc(mine, LEVELS[0]):.1f} / {noc(mine, LEVELS[1]):.1f} ({missed})")
        if models and classic:
            ratios = []
            for level in LEVELS:
                best = min(noc(_of(curves, set_name, method), level) for method in classic)
                ratios.append(noc(_of(curves, set_name, models[0]), level) / best)
            row.append(" / ".join(f"**{ratio:.2f}**" if ratio <= TO_REACH else f"{ratio:.2f}" for ratio in ratios))
        rows.append(row)
    head = ["set (objects)", *(f"`{Path(name).stem}`" for name in models), *classic]
    return table(head + ([f"`{Path(models[0]).stem}` / best classic"] if models and classic else []), rows)


def iou_table(curves: Sequence[Curve]) -> list[str]:
    """Mean IoU after 1, 3, 5, 10 and 20 clicks by set and method, best of each set and number in bold."""
    sets, models, classic = _names(curves)
    rows = []
    for set_name in sets:
        means = [
            [float(np.mean([c.after(n) for c in _of(curves, set_name, m)])) for n in SHOWN] for m in models + classic
        ]
        best = np.max(means, axis=0)
        rows.append(
            [
                set_name,
                *(
                    " ".join(f"**{v:.2f}**" if v >= b - 1e-9 else f"{v:.2f}" for v, b in zip(one, best, strict=True))
                    for one in means
                ),
            ]
        )
    return table(
        ["IoU after " + ", ".join(map(str, SHOWN)), *(f"`{Path(name).stem}`" for name in models), *classic], rows
    )


def time_line(curves: Sequence[Curve]) -> str:
    """Median CPU milliseconds of a first and a further click of each method."""
    parts = []
    for method in [name for names in _names(curves)[1:] for name in names]:
        mine = [curve for curve in curves if curve.method == method]
        first = np.median([curve.seconds[0] for curve in mine])
        further = [value for curve in mine for value in curve.seconds[1:]]
        parts.append(f"{Path(method).stem} {first * 1000:.0f} / {np.median(further) * 1000 if further else 0:.0f} ms")
    return "First / further click, CPU time on one thread, median: " + ", ".join(parts) + "."


def write_metrics(curves: Sequence[Curve], folder: Path) -> None:
    """What a card says of each model: ``<model>.json`` with NoC by set and level, for ``packaging/publish_clicks.py``."""
    sets, models, _ = _names(curves)
    for model in models:
        found = {
            f"noc{level * 100:.0f}_{s}": round(noc(_of(curves, s, model), level), 2) for level in LEVELS for s in sets
        }
        (folder / f"{Path(model).stem}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SEGSTUDIO_SHARED_DATA", "../shared/data")))
    parser.add_argument("--limit", type=int, default=OBJECTS, help="objects of each set (20)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument(
        "--models", nargs="*", default=[], help="click models, or none (those that come with the program)"
    )
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--learnt", action="store_true", help="training images, to choose numbers by")
    parser.add_argument("--number", nargs="*", default=[], metavar="NAME=VALUE", help="a classic method's number")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--metrics", type=Path, metavar="FOLDER", help="write MODEL.json there, figures for its card")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if not (given.data / "camvid").is_dir():
        raise SystemExit("bench_clicks: no data; give --data the folder that holds camvid/, bsds500/, nuclei/ …")
    kinds = {field.name: type(field.default) for field in dataclasses.fields(Numbers)}
    chosen = dict(pair.split("=") for pair in given.number)
    numbers = Numbers(**{name: kinds[name](value) for name, value in chosen.items()})
    models = usable_models(given.models)
    cases = [
        case
        for name in given.sets
        for case in cases_of(given.data, name, given.limit, seed=given.seed, learnt=given.learnt)
    ]
    print(
        f"{len(cases)} objects{' of training images' if given.learnt else ''}; models: {', '.join(models) or 'none'}",
        flush=True,
    )
    began = time.perf_counter()
    curves = run(cases, models + given.methods, numbers, given.jobs, given.results)
    lines = [*noc_table(curves), "", *iou_table(curves), "", time_line(curves)]
    if "medscribble" in given.sets and not given.learnt:
        marked = marked_cases(given.data, given.limit)
        lines += ["", *scribble_table(marked, models, given.methods, numbers, _model)]
    print("\n".join(lines))
    print(f"{(time.perf_counter() - began) / 60:.1f} min")
    if given.metrics and not given.learnt:
        write_metrics(curves, given.metrics)
    if given.write and not given.learnt:
        command = f"`python tests/benchmarks/bench_clicks.py --data DATA --limit {given.limit} --seed {given.seed}`"
        spent = sum(sum(curve.seconds) for curve in curves) / 60
        note = (
            f"Measured by {command} on the CPU ({platform.machine()}): {spent:.0f} minutes of one core for the clicks."
        )
        replace_section("clicks", [note, "", *lines], RESULTS)


if __name__ == "__main__":
    main()
