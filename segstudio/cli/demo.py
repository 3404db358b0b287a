"""``segstudio demo``: the main job on real images that come with scikit-image, offline."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, add_json, emit, table, warn
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    import argparse

    from segstudio.io.store.project import ProjectStore


@dataclass(frozen=True)
class Sample:
    """A sample image, and the built-in model that proposes on it ("" = none: it is there to label by hand)."""

    file_name: str
    model: str


SAMPLES = (
    Sample("ihc.png", "nuclei"),
    Sample("retina.jpg", "vessels"),
    Sample("cell.png", ""),
    Sample("coins.png", ""),
    Sample("coffee.png", ""),
)
META_KEY = "sample"
"""The project's note about how far the demo got: "begun" or "done"; a project without it is somebody's own."""
CLASSES = {"nucleus": "#00e676", "vessel": "#40c4ff", "cell": "#ffab40", "coin": "#ff80ab", "cup": "#b388ff"}
"""Name → colour: chosen to stand out on these very pictures."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio demo``."""
    parser.add_argument("--project", type=Path, metavar="DIR", help="where to make the sample project")
    parser.add_argument("--no-window", action="store_true", help="do all of it headless and print what was made")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu or cuda[:N]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make the sample project, propose masks, then open the window or print what was made."""
    folder = args.project or default_folder()
    made = make_sample_project(folder, device=args.device)
    has_window = not args.no_window and not args.json
    if has_window and not has_screen():
        warn(
            "there is no screen here, so the window stays closed; `segstudio PATH` opens the project where there is one."
        )
        has_window = False
    emit(args, made, lambda: _text(made))
    if has_window:
        from segstudio.gui.main import run as open_window

        return open_window([str(folder)])
    return 0


def default_folder() -> Path:
    """Where the sample project lies unless told otherwise."""
    import platformdirs

    return Path(platformdirs.user_data_dir("segstudio", appauthor=False)) / "sample project"


def has_screen() -> bool:
    """Whether a window could be shown."""
    if os.environ.get("QT_QPA_PLATFORM") in {"offscreen", "minimal"}:
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def sample_files() -> list[Path]:
    """The sample images inside the installed scikit-image.

    Raises
    ------
    UserError
        When scikit-image or one of the files is missing.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "the sample images come with scikit-image, which is not installed", remedy="pip install scikit-image"
        )
    folder = Path(spec.submodule_search_locations[0]) / "data"
    files = [folder / sample.file_name for sample in SAMPLES]
    for file in files:
        if not file.is_file():
            raise UserError(
                "this sample image is missing", path=file, remedy="pip install --force-reinstall scikit-image"
            )
    return files


def make_sample_project(folder: Path, *, device: str = "auto") -> dict[str, Any]:
    """The sample project with proposals; one already there is kept as it is, so that labels made in it stay.

    One that was broken off half-way is completed.

    Returns
    -------
    dict
        "project", "images" (name, size, model, what was proposed) and "classes", ready for JSON.

    Raises
    ------
    UserError
        When the project cannot be made, or a sample image cannot be read.
    """
    from segstudio.core.classes import ClassTable
    from segstudio.io.store.project import ProjectStore

    if (folder / "project.db").is_file():
        with ProjectStore.open(folder, read_only=True) as store:
            if store.get_meta(META_KEY) != "begun":
                return _describe(store, {}, is_new=False)
        with ProjectStore.open(folder) as store:
            return _fill(store, device)
    classes = ClassTable()
    for name, color in CLASSES.items():
        classes = classes.added(name, color=color)
    with ProjectStore.create(folder, classes) as store:
        store.set_meta(META_KEY, "begun")
        return _fill(store, device)


def _fill(store: ProjectStore, device: str) -> dict[str, Any]:
    # Copied in: the project must survive an upgrade of scikit-image and a move to another machine.
    report = store.add_images(sample_files(), copy=True)
    for _, sentence in report.failed:
        raise UserError(sentence)
    made = _describe(store, _propose(store, device), is_new=True)
    store.set_meta(META_KEY, "done")
    return made


def _propose(store: ProjectStore, device: str) -> dict[str, dict[str, Any]]:
    from segstudio.cli.propose import propose_into
    from segstudio.ml.registry import Catalog

    catalog = Catalog(store.folder)
    done: dict[str, dict[str, Any]] = {}
    with ProgressBar() as bar:
        for sample in SAMPLES:
            if not sample.model:
                continue
            entry = next((e for e in catalog.entries() if e.card.id == sample.model), None)
            if entry is None or not entry.is_available:
                reason = entry.reason if entry is not None else "it is not installed"
                warn(f"{sample.file_name}: no proposal, since {sample.model} cannot be used ({reason}).")
                continue
            images = [i for i in store.images() if i.name == sample.file_name and i.status == "unlabelled"]
            for report in propose_into(store, entry, images, device=device, progress=bar):
                done[sample.file_name] = {"model": sample.model, **report}
    return done


def _describe(store: ProjectStore, reports: dict[str, dict[str, Any]], *, is_new: bool) -> dict[str, Any]:
    names = {c.id: c.name for c in store.classes}
    images = []
    for image in store.images():
        proposal = store.proposal_layer(image.id)
        counts = {} if proposal is None else proposal.pixel_counts()
        images.append(
            {
                "name": image.name,
                "width": image.width,
                "height": image.height,
                "model": reports.get(image.name, {}).get("model", ""),
                "proposed_pixels": {names[k]: int(v) for k, v in counts.items() if k in names and v},
            }
        )
    return {"project": str(store.folder), "is_new": is_new, "classes": list(names.values()), "images": images}


def _text(made: dict[str, Any]) -> str:
    rows = []
    for image in made["images"]:
        proposed = ", ".join(f"{n:,} px {name}" for name, n in image["proposed_pixels"].items())
        rows.append(
            (image["name"], f"{image['width']}×{image['height']}", image["model"], proposed or "to label by hand")
        )
    head = "Made the sample project" if made["is_new"] else "The sample project is already there, kept as it is:"
    return (
        f"{head} {made['project']}\n\n"
        + table(rows, ("image", "size", "model", "proposal"))
        + f'\n\nOpen it with: segstudio "{made["project"]}"\n'
        f'Accept the proposals with: segstudio accept "{made["project"]}"'
    )
