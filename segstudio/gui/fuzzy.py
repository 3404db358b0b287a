"""Fuzzy matching of what a person types against names, as the command palette does it."""

from __future__ import annotations

from collections.abc import Sequence

_START, _WORD, _RUN, _GAP = 12.0, 8.0, 6.0, 0.4


def fuzzy_match(query: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """How well *query*'s letters appear in order in *text*: (score, positions in text), None when they don't.

    Letters at the start of a word and in unbroken runs count more; letters skipped count against. Case is ignored.
    """
    wanted = query.casefold().replace(" ", "")
    found = text.casefold()
    if len(found) != len(text):  # a few letters fold to two; then positions are those of the plain lower case
        found = text.lower()
    if not wanted:
        return 0.0, ()
    best: tuple[float, tuple[int, ...]] | None = None
    start = found.find(wanted[0])
    while start != -1:
        candidate = _match_from(wanted, found, start)
        if candidate is not None and (best is None or candidate[0] > best[0]):
            best = candidate
        start = found.find(wanted[0], start + 1)
    return best


def _match_from(wanted: str, found: str, start: int) -> tuple[float, tuple[int, ...]] | None:
    positions: list[int] = []
    score, at = 0.0, start
    for letter in wanted:
        index = found.find(letter, at)
        if index == -1:
            return None
        # Prefer the start of a later word over a letter in the middle of this one.
        word = found.find(" " + letter, at)
        if positions and index != positions[-1] + 1 and word != -1:
            index = word + 1
        score += _letter_score(found, index, positions)
        positions.append(index)
        at = index + 1
    return score - 0.02 * len(found), tuple(positions)


def _letter_score(found: str, index: int, before: Sequence[int]) -> float:
    score = 1.0
    if index == 0:
        score += _START
    elif not found[index - 1].isalnum():
        score += _WORD
    if before:
        gap = index - before[-1] - 1
        score += _RUN if gap == 0 else -_GAP * min(gap, 10)
    return score
