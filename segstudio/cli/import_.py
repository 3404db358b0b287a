"""``segstudio import``: labels (and images) of another tool into a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, checking_options, counted, emit, table, warn

if TYPE_CHECKING:
    import argparse

    from segstudio.io.importing.plan import ImportPlan, ImportRequest

SHOWN = 20
"""So many lines of a kind are printed; ``--json`` has them all."""
_TOLD = ("new image", "missing", "conflict", "skipped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio import``."""
    from segstudio.io.formats.table import importers

    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    parser.add_argument("source", type=Path, metavar="SRC", help="the dataset's folder, file or .zip archive")
    known = ", ".join(f"{entry.id} ({entry.name})" for entry in importers().values())
    parser.add_argument("--format", default="", metavar="F", help=f"one of {known}; else it is found out")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the format; may be repeated"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would come, and change nothing")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="a=b",
        help="labels of the dataset's class a become class b of the project, made where it is missing; a= leaves a out",
    )
    parser.add_argument("--no-images", action="store_true", help="add no image that the project has not")
    parser.add_argument("--copy", action="store_true", help="copy added images into the project, else reference them")
    parser.add_argument(
        "--new-layer", action="store_true", help="a layer of its own even where an image's one layer is empty"
    )
    parser.add_argument("--layer-name", default="", metavar="NAME", help="what the new layers are called")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Import, or with ``--dry-run`` say what would be; 1 if an image or its labels could not come."""
    from segstudio.io.importing.finishing import run_import
    from segstudio.io.importing.planning import plan_import
    from segstudio.io.store.project import ProjectStore

    request = _request(args)
    with ProjectStore.open(args.project, read_only=args.dry_run) as store, ProgressBar() as bar:
        if args.dry_run:
            plan, added, seq = plan_import(store, request, progress=bar), 0, 0
        else:
            report = run_import(store, request, progress=bar)
            plan, added, seq = report.plan, report.added, report.seq
    bar.close()
    if not args.json:
        for problem in plan.problems[:SHOWN]:
            count = f" ({problem.count:,} times)" if problem.count > 1 else ""
            warn(f"{problem.where}: {problem.sentence}{count}" if problem.where else problem.sentence + count)
        if len(plan.problems) > SHOWN:
            warn(f"and {len(plan.problems) - SHOWN:,} more problems; --json lists them")
    emit(args, _document(plan, added, seq, is_dry=args.dry_run), lambda: _text(plan, is_dry=args.dry_run))
    counts = plan.counts
    return 1 if not plan.rows or counts["missing"] + counts["conflict"] == len(plan.rows) else 0


def _request(args: argparse.Namespace) -> ImportRequest:
    from segstudio.io.formats.table import entry_of
    from segstudio.io.importing.plan import ImportRequest

    with checking_options():
        entry = entry_of(args.format, is_import=True) if args.format else None
    options = _pairs(args.option, "--option")
    if options and entry is None:
        raise UsageError("--option needs to know the format", remedy="give --format, too")
    known = {} if entry is None else dict(entry.reader_options)
    for name, value in options.items():
        if name not in known:
            raise UsageError(
                f"reading {args.format} has no option {name!r}", remedy=f"it has {', '.join(known) or 'none'}"
            )
        options[name] = _typed(value, known[name], name)
    return ImportRequest(
        source=args.source,
        format=args.format,
        options=tuple(options.items()),
        mapping=tuple(_pairs(args.map, "--map").items()),
        adds_images=not args.no_images,
        copies_images=args.copy,
        into_new_layer=args.new_layer,
        layer_name=args.layer_name,
    )


def _pairs(texts: list[str], option: str) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option} {text}: there is no “=”", remedy="write it as name=value")
        pairs[name.strip()] = value.strip()
    return pairs


def _typed(text: str, default: Any, name: str) -> Any:
    """*text* as the kind of value that *default* is."""
    if isinstance(default, bool):
        if text.casefold() in ("yes", "true", "1", "on"):
            return True
        if text.casefold() in ("no", "false", "0", "off"):
            return False
        raise UsageError(f"--option {name}={text}: it is yes or no", remedy=f"write {name}=yes or {name}=no")
    if isinstance(default, (int, float)):
        try:
            return type(default)(text)
        except ValueError as error:
            raise UsageError(f"--option {name}={text}: it is no number", remedy="give a number") from error
    return text


def _document(plan: ImportPlan, added: int, seq: int, *, is_dry: bool) -> dict[str, Any]:
    return {
        "format": plan.format,
        "source": str(plan.request.source),
        "dry_run": is_dry,
        "changed": bool(seq or added),
        "counts": {kind.replace(" ", "_"): count for kind, count in plan.counts.items()},
        "images_added": added,
        "guesses": [{"format": name, "sure": sure} for name, sure in plan.guesses],
        "images": [
            {
                "image": row.name, "kind": row.kind.replace(" ", "_"), "sentence": row.sentence, "objects": row.objects,
                "pixels": row.pixels, "layers": row.layers, "split": row.split or None,
            }
            for row in plan.rows
        ],
        "classes": [
            {
                "name": item.name, "target": item.target or None, "new": item.is_new, "suggestions": list(item.suggestions),
                "objects": item.objects, "pixels": item.pixels,
            }
            for item in plan.classes
        ],
        "problems": [{"where": item.where, "sentence": item.sentence, "count": item.count} for item in plan.problems],
    }  # fmt: skip


def _text(plan: ImportPlan, *, is_dry: bool) -> str:
    counts = plan.counts
    lines = [_classes(plan)] if plan.classes else []
    for kind in _TOLD:
        rows = [row for row in plan.rows if row.kind == kind and (row.sentence or kind != "new image")]
        lines += [f"{kind}: {row.name}{': ' + row.sentence if row.sentence else ''}" for row in rows[:SHOWN]]
        if len(rows) > SHOWN:
            lines.append(f"{kind}: and {len(rows) - SHOWN:,} more")
    parts = [f"labels for {counted(counts['comes'], 'image')} of the project"] if counts["comes"] else []
    parts += [counted(counts["new image"], "new image")] if counts["new image"] else []
    parts += [f"{counts[kind]:,} {kind}" for kind in ("unchanged", "missing", "conflict", "skipped") if counts[kind]]
    coming = [row for row in plan.rows if row.kind in ("comes", "new image")]
    objects, pixels = sum(row.objects for row in coming), sum(row.pixels for row in coming)
    verb = "Would import" if is_dry else "Imported"
    if not plan.changes_something:
        verb = "Nothing to import:" if not is_dry else "Nothing would be imported:"
    total = f" {counted(objects, 'object')}, {pixels:,} pixels." if plan.changes_something else ""
    lines.append(f"{verb} {', '.join(parts) or 'no image'} ({plan.format}).{total}")
    return "\n".join(lines)


def _classes(plan: ImportPlan) -> str:
    rows = []
    for item in plan.classes:
        target = "(left out)" if not item.target else f"{item.target} (new)" if item.is_new else item.target
        like = ", ".join(name for name in item.suggestions if name != item.target)
        rows.append((item.name, target, f"{item.objects:,}", f"{item.pixels:,}", like))
    return table(rows, ("class", "becomes", "objects", "pixels", "like"))
