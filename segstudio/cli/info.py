"""``segstudio info``: what a project holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import add_json, counted, emit, table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio info``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print images, classes, labelled pixels a class, models and runs."""
    from segstudio.app.presenters.progress import read_progress
    from segstudio.io.store.project import ProjectStore
    from segstudio.ml.registry import Catalog

    with ProjectStore.open(args.project, read_only=True) as store:
        pixels = store.labelled_pixels()
        looked = {i: f.value.get("share") for i, f in store.facts.all("seen.map").items() if isinstance(f.value, dict)}
        document: dict[str, Any] = {
            "project": str(store.folder),
            "images": [
                {
                    "id": i.id,
                    "name": i.name,
                    "path": str(i.path),
                    "width": i.width,
                    "height": i.height,
                    "depth": i.depth,
                    "bands": i.bands,
                    "dtype": i.dtype,
                    "status": i.status,
                    "split": i.split,
                    "is_missing": i.is_missing,
                    "has_proposal": i.has_proposal,
                    "looked_at": looked.get(i.id),
                }
                for i in store.images()
            ],
            "classes": [
                {"name": c.name, "value": c.mask_value, "color": c.color, "pixels": int(pixels.get(c.id, 0))}
                for c in store.classes
            ],
        }
        models = [e.card.id for e in Catalog(store.folder).entries() if e.card.weights.kind == "project"]
        document["models"] = models
        runs = store.folder / "runs"
        document["effort"] = read_progress(store, store.images(checks_files=False)).to_json()
        document["runs"] = sorted(p.name for p in runs.iterdir() if p.is_dir()) if runs.is_dir() else []
    emit(args, document, lambda: _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    images, classes = document["images"], document["classes"]
    missing = sum(i["is_missing"] for i in images)
    parts = [f"{document['project']}: {counted(len(images), 'image')}" + (f", {missing} missing" if missing else "")]
    if images:
        rows = [
            (
                i["name"],
                f"{i['width']}×{i['height']}",
                i["bands"],
                i["dtype"],
                "missing" if i["is_missing"] else i["status"].replace("_", " "),
                "yes" if i["has_proposal"] else "",
                "" if i["looked_at"] is None else f"{int(i['looked_at'] * 100)} %",
            )
            for i in images
        ]
        parts.append(table(rows, ("image", "size", "bands", "depth", "status", "proposal", "looked at")))
    if classes:
        parts.append(
            table(
                [(c["value"], c["name"], c["color"], f"{c['pixels']:,}") for c in classes],
                ("value", "class", "colour", "labelled pixels"),
            )
        )
    if document["effort"]["images"]:
        parts.append(_effort_text(document["effort"]))
    if document["runs"]:
        parts.append("runs: " + ", ".join(document["runs"]))
    return "\n\n".join(parts)


def _effort_text(effort: dict[str, Any]) -> str:
    """What labelling took, what is left, and the advice, in a few lines."""
    from segstudio.ml.step_times import span

    done = counted(effort["images_done"], "image")
    lines = [
        f"effort: {span(effort['seconds'])} at work, {counted(effort['strokes'], 'stroke')}, {effort['pixels']:,} pixels by hand, "
        f"{effort['accepted_pixels']:,} taken from proposals; {done} done"
    ]
    if effort["corrective_dice"] is not None:
        lines.append(f"corrective Dice of the last images: {effort['corrective_dice']:.3f}")
    if effort["seconds_left"] is not None:
        after = effort["seconds_left_after_training"]
        lines.append(
            f"left: {span(effort['seconds_left'])}"
            + (f", {span(after)} after another training" if after is not None else "")
        )
    return "\n".join([*lines, effort["advice"]])
