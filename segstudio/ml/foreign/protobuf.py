"""Walks over protobuf messages, so that an ONNX file's outline is read without the onnx package. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Buffer(Protocol):
    """Bytes or a mapped file."""

    def __getitem__(self, index: slice, /) -> bytes:
        """The bytes of a slice."""
        ...

    def __len__(self) -> int:
        """How many bytes there are."""
        ...


class DamagedMessage(ValueError):
    """The bytes are no protobuf message; ``wanted`` > 0 says how long the file would have to be."""

    def __init__(self, message: str, wanted: int = 0) -> None:
        super().__init__(message)
        self.wanted = wanted


Span = tuple[int, int]
"""(begin, end) of a part of the buffer."""


def fields(data: Buffer, span: Span) -> Iterator[tuple[int, int | Span]]:
    """(number, value) of each field of the message in *span*: an integer, or the span of what has a length.

    Fields of a fixed width (floats) are skipped.

    Raises
    ------
    DamagedMessage
        When the bytes are no message, or it goes on beyond its end.
    """
    at, end = span
    while at < end:
        key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise DamagedMessage("a field has the number 0")
        if kind == 0:
            value, at = _varint(data, at, end)
            yield number, value
        elif kind == 2:
            length, at = _varint(data, at, end)
            if at + length > end:
                raise DamagedMessage("a field is longer than the file", at + length)
            yield number, (at, at + length)
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
            if at > end:
                raise DamagedMessage("a field is longer than the file", at)
        else:
            raise DamagedMessage(f"a field is of the unknown kind {kind}")


def text(data: Buffer, value: int | Span) -> str:
    """A field's text.

    Raises
    ------
    DamagedMessage
        When it is none.
    """
    if isinstance(value, int):
        raise DamagedMessage("a text is a number")
    try:
        return bytes(data[slice(*value)]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedMessage("a text is not UTF-8") from error


def part(value: int | Span) -> Span:
    """A field that is a message or bytes.

    Raises
    ------
    DamagedMessage
        When it is a number.
    """
    if isinstance(value, int):
        raise DamagedMessage("a message is a number")
    return value


def number(value: int | Span) -> int:
    """A field that is a number, negative ones as such.

    Raises
    ------
    DamagedMessage
        When it is none.
    """
    if not isinstance(value, int):
        raise DamagedMessage("a number is something else")
    return value - (1 << 64) if value >= 1 << 63 else value


def numbers(data: Buffer, value: int | Span) -> list[int]:
    """A repeated number, packed or one of several.

    Raises
    ------
    DamagedMessage
        When the bytes are cut short.
    """
    if isinstance(value, int):
        return [number(value)]
    found, (at, end) = [], value
    while at < end:
        one, at = _varint(data, at, end)
        found.append(number(one))
    return found


def _varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    for byte in bytes(data[at : min(at + 10, end)]):
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise DamagedMessage("a number is cut short", end + 1)
