"""What an importer notes down while it reads: one entry for each place and sentence, with how often."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from segstudio.io.formats.base import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


class Note(Protocol):
    """Takes a sentence, and how often it holds."""

    def __call__(self, sentence: str, count: int = 1) -> None:
        """Note the sentence."""
        ...


class ProblemList(list[Problem]):
    """A list of problems in which the same sentence about the same place is one entry that counts."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[tuple[str, str], int] = {}

    def note(self, where: str, sentence: str, count: int = 1) -> None:
        """Note that *sentence* holds at *where*, once more."""
        place = self._places.get((where, sentence))
        if place is None:
            self._put(where, sentence, count)
        else:
            self[place] = Problem(where, sentence, self[place].count + count)

    def once(self, where: str, sentence: str, count: int = 1) -> None:
        """Note that *sentence* holds at *where*; said again, it is not counted again."""
        self._put(where, sentence, count)

    @contextmanager
    def of(self, where: str) -> Iterator[Note]:
        """What is noted inside stands for one reading of *where*: read again, it is not counted again."""
        found: dict[str, int] = {}

        def note(sentence: str, count: int = 1) -> None:
            found[sentence] = found.get(sentence, 0) + count

        try:
            yield note
        finally:
            for sentence, count in found.items():
                self._put(where, sentence, count)

    def _put(self, where: str, sentence: str, count: int) -> None:
        place = self._places.setdefault((where, sentence), len(self))
        if place == len(self):
            self.append(Problem(where, sentence, count))
        else:
            self[place] = Problem(where, sentence, count)
