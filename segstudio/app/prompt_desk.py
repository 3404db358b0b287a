"""Between the tool that takes clicks and the process with the click model: one job at a time, the newest question next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from segstudio.app.events import Signal
from segstudio.jobs.specs import PromptReply, PromptSpec, SweepReply, SweepSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.app.prompt_views import SeenPicture
    from segstudio.app.settings import Settings
    from segstudio.ml.api import Prompts
    from segstudio.ml.catalog_entry import CatalogEntry

    Mask = npt.NDArray[np.bool_]

MODEL = "prompt.model"
CHOICE = "prompt.choice"
DRAG = "prompt.drag"
NONE_HERE = (
    "No click model is here yet: choose one in the tool options or in the catalog to download it, or open a weights "
    "file of yours with “Use a weights file…” in the Model menu."
)
NOT_HERE = "Click models run in the window only."
WINDOW_PX = 1024
MOST_REMEMBERED = 4


class PromptService(Protocol):
    """What a tool asks of click models."""

    @property
    def problem(self) -> str:
        """Why there are no answers, in one sentence; "" when there are."""
        ...

    def explain(self, say: Callable[[str], None]) -> None:
        """Say why there are no answers, and offer what helps."""
        ...

    @property
    def status(self) -> str:
        """What is waited for ("Loading the click model"); "" for nothing worth a word."""
        ...

    @property
    def window_px(self) -> int:
        """The longer side of the pictures that the model looks at."""
        ...

    @property
    def model_id(self) -> str:
        """The click model that answers; "" for none."""
        ...

    def prepare(self, seen: SeenPicture) -> None:
        """Look at a picture now, so that the first click need not wait."""
        ...

    def ask(
        self,
        seen: SeenPicture,
        prompts: Prompts,
        after: int,
        done: Callable[[PromptReply], None],
        failed: Callable[[str], None],
        mask: Mask | None = None,
    ) -> None:
        """What *prompts* mean, as a correction of reply *after* (0 = none), else of *mask* (y, x), where there is one.

        A newer question drops an older one.
        """
        ...

    def drop(self) -> None:
        """Nobody waits for an answer any more."""
        ...


class NoPrompts:
    """Where there is no process to ask: tests and scripts."""

    problem = NOT_HERE
    status = ""
    window_px = WINDOW_PX
    model_id = ""

    def explain(self, say: Callable[[str], None]) -> None:
        """Say why there are no answers."""
        say(self.problem)

    def prepare(self, seen: SeenPicture) -> None:
        """Nothing to prepare."""

    def ask(
        self,
        seen: SeenPicture,
        prompts: Prompts,
        after: int,
        done: Callable[[PromptReply], None],
        failed: Callable[[str], None],
        mask: Mask | None = None,
    ) -> None:
        """Nobody answers."""
        failed(self.problem)

    def drop(self) -> None:
        """Nobody was asked."""


@dataclass(frozen=True, eq=False)
class _Order:
    spec: PromptSpec | SweepSpec
    done: Callable[[Any], None] | None = None
    failed: Callable[[str], None] | None = None

    @property
    def picture(self) -> tuple[str, str, str]:
        """Which picture is looked at, by which model where."""
        return (self.spec.model, self.spec.device, self.spec.key)

    @property
    def is_sweep(self) -> bool:
        """Whether it is one piece of «Segment everything»."""
        return isinstance(self.spec, SweepSpec)


class PromptDesk:
    """``changed``: another model is chosen, or what is waited for. The transport hands specs to the model host.

    The transport tells the end of each job by :meth:`on_finished`, :meth:`on_failed` or :meth:`on_cancelled`.
    """

    def __init__(
        self,
        models: ModelsPresenter,
        settings: Settings,
        submit: Callable[[PromptSpec | SweepSpec], None],
        cancel: Callable[[], None],
    ) -> None:
        self.models, self.settings = models, settings
        self.changed: Signal[[]] = Signal()
        self._submit, self._cancel = submit, cancel
        self._running: _Order | None = None
        self._next: _Order | None = None
        self._later: _Order | None = None
        """A piece of a sweep, which waits for every click."""
        self._seen: list[tuple[str, str, str]] = []
        self._refused: tuple[str, str, str] | None = None
        self._stage = ""
        self.offer_download: Callable[[str, CatalogEntry], None] | None = None
        """Says a sentence and offers to fetch a model; the window puts its notice here."""

    # -- the model -------------------------------------------------------------------------------------------------

    def entries(self) -> list[CatalogEntry]:
        """Every click model; those that can't be used carry their reason."""
        return self.models.click_models

    @property
    def current(self) -> CatalogEntry | None:
        """The chosen click model; the first that can be used when none is chosen or it is gone."""
        entries = self.entries()
        wanted = self.settings.text(MODEL)
        chosen = next((entry for entry in entries if entry.card.id == wanted), None)
        return chosen or next((entry for entry in entries if entry.is_available), None)

    def choose(self, model_id: str) -> None:
        """Take another click model; remembered."""
        self.settings.set(MODEL, model_id)
        self._refused = None
        self.changed.emit()

    @property
    def problem(self) -> str:
        """Why there are no answers, in one sentence; "" when there are."""
        entry = self.current
        if entry is None:
            entries = self.entries()
            is_hopeless = entries and not any(one.needs_download for one in entries)
            return f"Click to segment {entries[0].reason}." if is_hopeless else NONE_HERE
        if entry.is_available:
            return ""
        if entry.needs_download:
            return f"{entry.card.name} is not downloaded yet: choose it in the tool options to download it."
        return f"{entry.card.name}: {entry.reason}."

    def explain(self, say: Callable[[str], None]) -> None:
        """Say why there are no answers; a download is offered where one helps."""
        entry = self.current or next((one for one in self.entries() if one.needs_download), None)
        if self.offer_download is not None and entry is not None and entry.needs_download:
            self.offer_download(self.problem, entry)
        else:
            say(self.problem)

    @property
    def status(self) -> str:
        """What is waited for; "" for nothing worth a word."""
        return self._stage if self._running is not None else ""

    @property
    def is_idle(self) -> bool:
        """Whether no answer is awaited."""
        return self._running is None

    @property
    def window_px(self) -> int:
        """The longer side of the pictures that the model looks at."""
        entry = self.current
        return WINDOW_PX if entry is None else entry.card.window_px

    @property
    def model_id(self) -> str:
        """The click model that answers; "" for none."""
        return "" if self.current is None else self.current.card.id

    # -- questions -------------------------------------------------------------------------------------------------

    def prepare(self, seen: SeenPicture) -> None:
        """Look at a picture now, so that the first click need not wait."""
        spec = self._spec(seen)
        if spec is None:
            return
        order = _Order(spec)
        known = [one.picture for one in (self._running, self._next) if one is not None]
        if order.picture not in (*known, *self._seen, self._refused):
            self._put(order)

    def ask(
        self,
        seen: SeenPicture,
        prompts: Prompts,
        after: int,
        done: Callable[[PromptReply], None],
        failed: Callable[[str], None],
        mask: Mask | None = None,
    ) -> None:
        """What *prompts* mean, as a correction of reply *after* (0 = none), else of *mask* (y, x), where there is one.

        A newer question drops an older one.
        """
        spec = self._spec(seen)
        if spec is None:
            failed(self.problem)
            return
        spec = replace(spec, prompts=prompts, after=after, choice=self.settings.text(CHOICE), mask=mask)
        self._put(_Order(spec, done, failed))

    def sweep(
        self,
        seen: SeenPicture,
        points_xy: npt.NDArray[np.float32],
        done: Callable[[SweepReply], None],
        failed: Callable[[str], None],
    ) -> None:
        """What each of (N, 2) points of a picture means; it waits for every click, and the host answers some at a time."""
        spec = self._spec(seen)
        if spec is None:
            failed(self.problem)
            return
        swept = SweepSpec(spec.model, spec.project_folder, spec.device, spec.key, spec.image, points_xy)
        self._later = _Order(swept, done, failed)
        if self._running is None:
            self._start_later()

    def drop(self) -> None:
        """Nobody waits for an answer to a click any more; what is looked at for later clicks goes on, sweeps do too."""
        running = self._running
        if running is not None and running.done is not None and not running.is_sweep:
            self._running = _Order(running.spec)
        if self._next is not None and self._next.done is not None:
            self._next = None

    def drop_sweep(self) -> None:
        """Nobody waits for a sweep any more."""
        self._later = None
        if self._running is not None and self._running.is_sweep:
            self._running = _Order(self._running.spec)
            self._cancel()

    def stop(self) -> None:
        """End all that is under way: another project, or none."""
        self.drop()
        self.drop_sweep()
        self._next = None
        if self._running is not None:
            self._cancel()

    def _spec(self, seen: SeenPicture) -> PromptSpec | None:
        entry = self.current
        if entry is None or not entry.is_available:
            return None
        folder = self.models.session.folder
        return PromptSpec(
            model=entry.card.id,
            project_folder=None if folder is None else str(folder),
            device=self.settings.text("model.device"),
            key=seen.key,
            image=seen.view.rgb,
        )

    def _put(self, order: _Order) -> None:
        running = self._running
        if running is None:
            self._start(order)
            return
        self._next = order
        if running.is_sweep:
            return  # it is short
        # The answer to an older question would only flicker.
        self._running = _Order(running.spec)
        if running.picture != order.picture:
            # Looking at a picture takes seconds: nobody needs that one any more.
            self._cancel()

    def _start(self, order: _Order, following: _Order | None = None) -> None:
        self._running, self._next = order, following
        self._stage = ""
        self._submit(order.spec)
        self.changed.emit()

    def _end(self) -> _Order | None:
        """The job is over; the next one begins."""
        ended, self._running = self._running, None
        self._stage = ""
        if self._next is not None:
            self._start(self._next)
        else:
            self._start_later()
        return ended

    def _start_later(self) -> None:
        order, self._later = self._later, None
        if order is not None:
            self._start(order, self._next)

    # -- what the host says ----------------------------------------------------------------------------------------

    def on_stage(self, text: str) -> None:
        """What the job is about now."""
        self._stage = text
        self.changed.emit()

    def on_finished(self, result: object) -> None:
        """The answer has come."""
        ended = self._end()
        if ended is not None:
            self._seen = [ended.picture, *(one for one in self._seen if one != ended.picture)][:MOST_REMEMBERED]
            if ended.done is not None and isinstance(result, PromptReply | SweepReply):
                ended.done(result)
        self.changed.emit()

    def on_cancelled(self) -> None:
        """The job was given up; a sweep that somebody still waits for is begun again."""
        running = self._running
        if running is not None and running.is_sweep and running.done is not None and self._later is None:
            self._later = running
        self._end()
        self.changed.emit()

    def on_failed(self, sentence: str) -> None:
        """The job failed; who asked hears why, a picture only looked at beforehand is not looked at again.

        An empty *sentence*: it is said elsewhere.
        """
        ended = self._end()
        if ended is not None:
            self._refused = ended.picture
            self._seen.clear()
            if ended.failed is not None:
                ended.failed(sentence)
            elif sentence:
                self.models.session.say(sentence)
        self.changed.emit()
