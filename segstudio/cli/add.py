"""``segstudio add``: images into a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import ProgressBar, add_json, counted, emit, warn

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio add``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files or folders of images")
    parser.add_argument("--copy", action="store_true", help="copy the images into the project, else reference them")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Add what can be read; name what cannot, and exit 1 if there was any."""
    from segstudio.io.store.project import ProjectStore

    with ProjectStore.open(args.project) as store, ProgressBar() as bar:
        report = store.add_images(args.images, copy=args.copy, progress=bar)
    failed = [{"path": str(path), "reason": reason} for path, reason in report.failed]
    for item in failed:
        warn(item["reason"] if item["path"] in item["reason"] else f"{item['path']}: {item['reason']}")
    emit(
        args,
        {"added": [r.name for r in report.added], "failed": failed, "already": report.already},
        f"Added {counted(len(report.added), 'image')}; {report.already} were there already, {len(failed)} could not be read.",
    )
    return 1 if failed else 0
