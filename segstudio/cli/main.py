"""The ``segstudio`` command: picks the sub-command, turns failures into one sentence and an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import segstudio
from segstudio.cli.output import UsageError, warn
from segstudio.core.errors import Cancelled, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

COMMANDS: dict[str, str] = {
    "demo": "the main job on sample images that come with the installation, offline",
    "new": "make an empty project",
    "add": "add images or folders to a project",
    "info": "images, classes, labelled pixels, models and runs of a project",
    "propose": "let a model write proposals into a project",
    "refine": "make proposals of a project follow the edges of the images",
    "accept": "turn proposals into labels",
    "next": "which images to label next, and which labels are likely wrong",
    "predict": "masks for image files, without a project",
    "prompt": "the mask of one object of an image, from points and a box, by a click model",
    "import": "labels and images of another tool into a project, with a dry run",
    "export": "write the labels as a mask dataset",
    "convert": "a dataset of one format into another, without a project",
    "train": "train a network on a project or a dataset folder",
    "learn": "a project's own model, trained beside the work on its labels; its versions",
    "augment": "write augmented copies of training images to a folder",
    "evaluate": "metrics of a model on a split",
    "score": "metrics between two folders of index masks",
    "simulate": "a simulated annotator labels a dataset with the real session: effort against quality",
    "runs": "list training runs, and compare some of them",
    "report": "a training run as one HTML page: curves, metrics, pictures",
    "models": "list, inspect, download and install models",
    "doctor": "versions, devices and folders; what is wrong and how to mend it",
}
"""Sub-command → what it does. Each lives in ``segstudio.cli.<name>`` as ``add_arguments`` and ``run``."""

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 1 failed, 2 the command line is wrong."""
    if getattr(sys, "frozen", False):
        import multiprocessing

        # A spawned child of the frozen program starts here, too: it serves its job and goes no further.
        multiprocessing.freeze_support()
    arguments = list(sys.argv[1:] if argv is None else argv)
    is_debug = "--debug" in arguments
    if _opens_window(arguments):
        return _guarded(lambda: _open_window(arguments), is_debug=is_debug)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A × must not end the work where the stream's encoding has none.
            stream.reconfigure(errors="replace")
    with _stopping_on_sigterm():
        return _guarded(lambda: _run_command(arguments), is_debug=is_debug)


def _run_command(arguments: list[str]) -> int:
    if not any(a in COMMANDS for a in arguments):
        # `segstudio PATH --help` asks about the program, whatever the path.
        asked = [a for a in arguments if a in {"-h", "--help", "--version"}]
        arguments = asked or arguments
    args = _parser(arguments).parse_args(arguments)
    return int(_module(args.command).run(args))


def _module(command: str) -> ModuleType:
    """Where a sub-command lives; ``import`` is a word of the language."""
    return importlib.import_module(f"segstudio.cli.{'import_' if command == 'import' else command}")


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: what is half written is cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _opens_window(arguments: list[str]) -> bool:
    first = next((a for a in arguments if not a.startswith("-")), None)
    if any(a in {"-h", "--help", "--version"} for a in arguments) and first not in COMMANDS:
        return False
    if first is None:
        return all(a == "--debug" for a in arguments)
    return first not in COMMANDS and (os.path.exists(first) or os.sep in first or "." in first)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="segstudio",
        description="Label images with a model's help. With no sub-command the window opens.",
        usage="segstudio [PATH ...] | segstudio COMMAND [OPTIONS]",
    )
    parser.add_argument("--version", action="version", version=f"segstudio {segstudio.__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(prog="segstudio", dest="command", required=True, metavar="COMMAND")
    chosen = next((a for a in arguments if a in COMMANDS), None)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        # SUPPRESS: else the sub-command's default would undo a --debug given before it.
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
        if name == chosen:
            # Only the chosen command's module is imported: `segstudio score` must not pay for `train`.
            _module(name).add_arguments(sub)
    return parser


def _open_window(arguments: list[str]) -> int:
    try:
        from segstudio.gui.main import run
    except ImportError as error:
        if not (error.name or "").startswith(("PySide6", "shiboken6")) and "lib" not in str(error):
            raise
        raise UserError(
            f"The window cannot open because Qt does not load ({error})",
            remedy="run `segstudio doctor`; on Debian or Ubuntu `apt-get install libegl1 libgl1 libxkbcommon0` helps",
        ) from error
    return run([a for a in arguments if a != "--debug"])


def _guarded(work: Callable[[], int], *, is_debug: bool) -> int:
    try:
        return work()
    except UserError as error:
        if is_debug:
            raise
        warn(str(error))
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    except (Cancelled, KeyboardInterrupt):
        warn("cancelled.")
    except BrokenPipeError:
        # The reader of our output went away (`segstudio info | head`): no fault of the work.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        if is_debug:
            raise
        warn(f"{type(error).__name__}: {error}. Run again with --debug for details.")
    return EXIT_FAILED
