"""``segstudio models``: the catalog."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from segstudio.cli.model_files import add_export, add_install, file_outline, run_export, run_install, show_file
from segstudio.cli.model_text import info_text, list_text
from segstudio.cli.output import ProgressBar, add_json, emit
from segstudio.ml.cards import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio models``."""
    shared = argparse.ArgumentParser(add_help=False)
    # SUPPRESS: else the action's default would undo an option given before it.
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document and nothing else"
    )
    shared.add_argument(
        "--project", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="with this project's runs"
    )
    add_json(parser)
    parser.add_argument("--project", type=Path, metavar="DIR", help="with this project's runs")
    sized = argparse.ArgumentParser(add_help=False)
    sized.add_argument(
        "--size", type=_size, metavar="WxH", help="costs for a window of this size in px (else the model's own)"
    )
    actions = parser.add_subparsers(dest="action", metavar="list|info|download|install|export")
    listing = actions.add_parser("list", parents=[shared, sized], help="every model there is (also with no action)")
    listing.add_argument("--task", choices=get_args(Task), help="only models for this task")
    listing.add_argument("--search", default="", metavar="TEXT", help="only those that mention all of these words")
    info = actions.add_parser("info", parents=[shared, sized], help="a model's card, costs, and when to choose it")
    info.add_argument("model", metavar="ID", help="a catalog id, a run, or a weights file")
    download = actions.add_parser("download", parents=[shared], help="fetch a model's weights")
    download.add_argument("model", metavar="ID", help="a catalog id")
    add_install(actions, shared)
    add_export(actions, shared)


def run(args: argparse.Namespace) -> int:
    """List, inspect, download, install or export models."""
    from segstudio.core.errors import UserError
    from segstudio.io.store.project import ProjectStore
    from segstudio.ml import registry

    if args.project is not None and not ProjectStore.is_project(args.project):
        raise UserError(
            "There is no segstudio project", path=args.project, remedy="give a project's folder, or leave --project out"
        )
    catalog = registry.Catalog(args.project)
    action = args.action or "list"
    if action == "list":
        size = getattr(args, "size", None)
        task, words = getattr(args, "task", None), getattr(args, "search", "")
        entries = [e for e in catalog.entries() if task in (None, e.card.task) and e.mentions(words)]
        emit(args, [e.to_json(size) for e in entries], lambda: list_text(entries, size))
    elif action == "info" and (held := file_outline(args.model)) is not None:
        show_file(args, held)
    elif action == "info":
        entry = catalog.find(args.model)
        emit(args, {**entry.to_json(args.size), "card": entry.card.to_json()}, lambda: info_text(entry, args.size))
    elif action == "download":
        with ProgressBar() as bar:
            entry = registry.weights_file(catalog.find(args.model), bar)
        path = entry.card.weights.path
        emit(args, {"id": entry.card.id, "path": path}, f"{entry.card.id} is here: {path}")
    elif action == "export":
        run_export(args)
    else:
        run_install(args)
    return 0


def _size(text: str) -> tuple[int, int]:
    """(width, height) of "640x480" or "512"."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isdigit() and 0 < int(part) <= 1 << 20 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 640x480")
    return int(parts[0]), int(parts[-1])
