"""``segstudio new``: an empty project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import add_json, counted, emit

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio new``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder; made when missing")
    classes = parser.add_mutually_exclusive_group()
    classes.add_argument("--classes", metavar="a,b,c", help="class names, separated by commas")
    classes.add_argument("--classes-file", type=Path, metavar="FILE", help="a text file with one class name a line")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make the project and say where it is."""
    from segstudio.core.classes import ClassTable, parse_class_names
    from segstudio.core.errors import UserError
    from segstudio.io.store.project import ProjectStore

    names: list[str] = []
    if args.classes is not None:
        names = parse_class_names(args.classes)
    elif args.classes_file is not None:
        try:
            lines = args.classes_file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "it is no UTF-8 text"
            raise UserError(
                f"the class list cannot be read ({reason})", path=args.classes_file, remedy="give a UTF-8 text file"
            ) from error
        try:
            names = parse_class_names([line for line in lines if line.strip()])
        except UserError as error:
            raise UserError(error.message, path=args.classes_file, remedy=error.remedy) from error
    table = ClassTable()
    for name in names:
        table = table.added(name)
    with ProjectStore.create(args.project, table) as store:
        emit(
            args,
            {"project": str(store.folder), "classes": [c.name for c in table]},
            f"Made {store.folder} with {counted(len(table), 'class', 'classes')}.",
        )
    return 0
