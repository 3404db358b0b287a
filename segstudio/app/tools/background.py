"""Work of a tool that takes longer than a frame: where it runs, and how a stale answer is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class ToolBackground(Protocol):
    """Runs *work* off the document's thread and hands its result to *done* on it.

    One piece of work at a time for each *slot*: a new one drops the former (its token is set, its answer never comes).
    *work* gets arrays and frozen values, never the session, and looks at its token now and then. A UserError goes to
    *failed* as a sentence.
    """

    def run(
        self, slot: str, work: Callable[[CancelToken], T], done: Callable[[T], None], failed: Callable[[str], None]
    ) -> None:
        """Begin *work*."""
        ...

    def drop(self, slot: str) -> None:
        """Abandon what runs in *slot*; nothing when nothing does."""
        ...


class ImmediateBackground:
    """Does the work at once: for tests and scripts, where there is no event loop."""

    def run(
        self, slot: str, work: Callable[[CancelToken], T], done: Callable[[T], None], failed: Callable[[str], None]
    ) -> None:
        """Do *work* here and now."""
        try:
            result = work(CancelToken())
        except Cancelled:
            return
        except UserError as error:
            failed(str(error))
            return
        done(result)

    def drop(self, slot: str) -> None:
        """Nothing ever waits."""
