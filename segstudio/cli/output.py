"""What the sub-commands share: JSON or text on stdout, a progress bar on stderr."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.core.progress import Eta

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from segstudio.io.store.project import ImageRecord, ProjectStore


class UsageError(UserError):
    """The command line itself is wrong: exit code 2, where a :class:`UserError` is 1."""


@contextmanager
def checking_options() -> Iterator[None]:
    """What is refused in here was wrong on the command line."""
    try:
        yield
    except UserError as error:
        raise UsageError(error.message, path=error.path, remedy=error.remedy) from error


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def emit(args: argparse.Namespace, document: object, text: str | Callable[[], str]) -> None:
    """Print *document* with ``--json``, else *text*."""
    if args.json:
        # A stream of a narrow encoding (a pipe on Windows) would turn letters into question marks.
        is_narrow = not (sys.stdout.encoding or "").lower().startswith("utf")
        print(json.dumps(document, indent=2, ensure_ascii=is_narrow, allow_nan=False))
    else:
        print(text() if callable(text) else text)


def warn(sentence: str) -> None:
    """Say *sentence* on stderr, so that stdout stays parseable."""
    print(f"segstudio: {' '.join(sentence.split())}", file=sys.stderr)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun, such as “1 image” and “2 images”."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
    """Rows in aligned columns under *header*."""
    cells = [list(header), *([str(v) for v in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


class ProgressBar:
    """A one-line progress bar on stderr; silent where stderr is no terminal. Call it as a ``ProgressSink``."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._eta = Eta()
        self._drawn_s = 0.0
        self._has_line = False

    def __call__(self, done: float, total: float, what: str) -> None:
        """Show *done* of *total*."""
        now = time.monotonic()
        if not self._is_shown or (done < total and now - self._drawn_s < 0.1):
            return
        self._drawn_s = now
        share = min(1.0, done / total) if total > 0 else 0.0
        filled = round(share * 24)
        left = self._eta.seconds_left(done, total)
        eta = f" {left:.0f} s left" if left is not None and done < total else ""
        print(
            f"\r\x1b[K{what} {'█' * filled}{'░' * (24 - filled)} {share:.0%}{eta}", end="", file=sys.stderr, flush=True
        )
        self._has_line = True

    def close(self) -> None:
        """Wipe the bar."""
        if self._has_line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._has_line = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def chosen_images(store: ProjectStore, pattern: str | None) -> list[ImageRecord]:
    """The project's images whose name or path matches the glob *pattern* (all without one).

    Raises
    ------
    UserError
        When nothing matches.
    """
    images = store.images()
    if pattern is None:
        return images
    found = [i for i in images if fnmatch(i.name, pattern) or fnmatch(str(i.path), pattern)]
    if not found:
        raise UserError(
            f"no image of the project matches {pattern!r}",
            path=store.folder,
            remedy="`segstudio info` lists the images",
        )
    return found
