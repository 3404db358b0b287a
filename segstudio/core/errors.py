"""Errors a person can act on, and the one that says work was cancelled."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something the user can mend: a bad file, a full disk, an unknown name.

    ``str()`` of it is one clear sentence that names the file (where there is one) and the remedy.
    Every front end (window, command line) shows exactly that text and loses nothing.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, remedy: str = "") -> None:
        self.message = message
        self.path = None if path is None else Path(path)
        self.remedy = remedy
        super().__init__(message)

    def __str__(self) -> str:
        text = self.message.rstrip(".")
        if self.path is not None and str(self.path) not in text:
            text = f"{self.path}: {text}"
        if self.remedy:
            remedy = self.remedy.rstrip(".")
            return f"{text}. {remedy[0].upper()}{remedy[1:]}{'' if remedy.endswith('?') else '.'}"
        return f"{text}."

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.path, self.remedy))


def _rebuild(kind: type[UserError], message: str, path: Path | None, remedy: str) -> UserError:
    return kind(message, path=path, remedy=remedy)


class Cancelled(Exception):
    """Raised inside work whose cancel token was set; never shown as a failure."""
