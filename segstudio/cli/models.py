"""``segstudio models``: the catalog."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, add_json, emit, table

if TYPE_CHECKING:
    from segstudio.ml.catalog_entry import CatalogEntry


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
    actions = parser.add_subparsers(dest="action", metavar="list|info|download|install")
    actions.add_parser("list", parents=[shared], help="every model there is (also with no action)")
    info = actions.add_parser("info", parents=[shared], help="a model's card")
    info.add_argument("model", metavar="ID", help="a catalog id, a run, or a weights file")
    download = actions.add_parser("download", parents=[shared], help="fetch a model's weights")
    download.add_argument("model", metavar="ID", help="a catalog id")
    install = actions.add_parser("install", parents=[shared], help="keep a weights file among your models")
    install.add_argument("file", type=Path, metavar="FILE", help="a .safetensors file that segstudio wrote")


def run(args: argparse.Namespace) -> int:
    """List, inspect, download or install models."""
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
        entries = catalog.entries()
        emit(args, [e.to_json() for e in entries], lambda: _list_text(entries))
    elif action == "info":
        entry = catalog.find(args.model)
        emit(args, {**entry.to_json(), "card": entry.card.to_json()}, lambda: _info_text(entry))
    elif action == "download":
        with ProgressBar() as bar:
            entry = registry.weights_file(catalog.find(args.model), bar)
        path = entry.card.weights.path
        emit(args, {"id": entry.card.id, "path": path}, f"{entry.card.id} is here: {path}")
    else:
        entry = registry.install(args.file)
        path = entry.card.weights.path
        emit(args, {"id": Path(path).stem, "path": path}, f"Installed as {Path(path).stem}: {path}")
    return 0


def _state(entry: CatalogEntry) -> str:
    return "ready" if entry.is_available else entry.reason


def _list_text(entries: list[CatalogEntry]) -> str:
    rows = []
    for e in entries:
        terms = "research use" if e.card.is_research_only else ""
        rows.append((e.card.id, e.card.task, e.card.weights.kind, len(e.card.foreground) or "", terms, _state(e)))
    return table(rows, ("model", "task", "weights", "classes", "terms", "state"))


def _info_text(entry: CatalogEntry) -> str:
    card = entry.card
    names = [name for _, name in card.foreground]
    facts: list[tuple[str, Any]] = [
        ("id", card.id),
        ("name", card.name),
        ("state", _state(entry)),
        ("task", card.task),
        ("network", " + ".join(filter(None, (card.architecture, card.encoder)))),
        ("classes", ", ".join(names)),
        ("bands", card.bands),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("licence", card.licence + (" (research use)" if card.is_research_only else "")),
        ("trained on", card.data),
        ("data's licence", card.data_licence),
        ("split", card.split),
        ("scores", ", ".join(f"{k} {v:.3f}" for k, v in card.metrics.items() if isinstance(v, int | float))),
        ("made by", card.command),
        ("source", entry.source),
        ("options", ", ".join(f"{key}={value}" for key, value in card.options.items()) if card.task == "classic" else ""),
        ("about", card.description),
    ]
    return "\n".join(f"{name + ':':15} {value}" for name, value in facts if value)
