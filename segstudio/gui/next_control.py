"""What next, in the window: the model looks at images in its process; a key goes from one uncertain place to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.app.presenters.models import DROP
from segstudio.core.progress import Eta
from segstudio.gui.background import SlotBackground
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.next_desk import NextDesk
    from segstudio.app.place_desk import Step
    from segstudio.app.suspect_desk import SuspectRow
    from segstudio.core.looks import Measure
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import ModelThread
    from segstudio.jobs.specs import LookSpec
    from segstudio.ml.catalog_entry import CatalogEntry

REFRESH_MS = 1500
"""While images are looked at, the order is told anew so often at most."""
NOTICE = "next"
CONFIRMED = "confirmed"


class NextControl(QObject):
    """A look at many images runs in a process of its own: one may propose meanwhile. What came stays when it is stopped."""

    state_changed = Signal()
    """A look at images began or ended."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._session: Any = jobs.workspace.session
        self._background = SlotBackground(self)
        self.desk: NextDesk = self._session.what_next
        self.desk.use_background(self._background)
        self._thread: ModelThread | None = None
        self.desk.places.changed.connect(self._on_place_changed)
        self.desk.suspects.changed.connect(jobs.workspace.canvas.update)
        self._session.image_changed.connect(lambda: jobs.workspace.window.notices.dismiss_key(NOTICE))
        self._job_id, self._eta = "", Eta()
        self._kind = ("", "", "")
        self._names: dict[int, str] = {}
        self._failures: list[str] = []
        self._steps_after = False
        self._soon = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._soon.timeout.connect(self.desk.refresh)

    @property
    def is_looking(self) -> bool:
        """Whether the model looks at images now."""
        return bool(self._job_id)

    # -- looking -------------------------------------------------------------------------------------------------

    def look(self, image_ids: Sequence[int] | None = None, *, again: bool = False) -> bool:
        """Let the chosen model look at these images, or at all that it has not seen this way; False when it can't begin.

        With *again* at those it has seen, too. What stands in the way is said.
        """
        if self.is_looking:
            return False
        entry = self._entry()
        if entry is None:
            return False
        spec = self._spec(entry, image_ids, again=again)
        if spec is None:
            return False
        self._eta, self._failures = Eta(), []
        self._job_id = self._jobs.begin(tr("Looking at the images"), self.cancel, loses_nothing=True)
        self._ensure_thread().submit(spec)
        self.state_changed.emit()
        return True

    def cancel(self) -> None:
        """Stop looking."""
        if self.is_looking and self._thread is not None:
            self._thread.cancel()
            self._jobs.report(self._job_id, is_ending=True)

    def _entry(self) -> CatalogEntry | None:
        window = self._jobs.workspace.window
        entry = self._jobs.models.current_entry()
        if entry is None or not (entry.is_available or entry.needs_download):
            window.say(tr("There is no model to look with: choose one in the Model panel."))
            return None
        if entry.card.task == "classic":
            sentence = tr("A classic method does not tell how sure it is. Choose a network in the Model panel.")
            window.notices.say(sentence, key=NOTICE)
            return None
        if entry.needs_download:
            offer = Offer(tr("Download"), lambda: self._jobs.models.download(entry))
            sentence = tr("“%1” must be downloaded first.").replace("%1", entry.card.name)
            window.notices.say(sentence, "warning", (offer,), key="download")
            return None
        return entry

    def _spec(self, entry: CatalogEntry, image_ids: Sequence[int] | None, *, again: bool) -> LookSpec | None:
        from segstudio.jobs.specs import ImageTask, LookSpec
        from segstudio.ml.model_options import values_of

        session = self._session
        if session.store is None or session.refuses_edits():
            return None
        measure = cast("Measure", session.settings.text("next.measure"))
        other = self._other_of(entry) if measure == "models" else ""
        if measure == "models" and not other:
            self._jobs.workspace.window.notices.say(
                tr("There is no earlier model of this project to compare with. Train once more, or measure otherwise."),
                key=NOTICE,
            )
            return None
        self._kind = (entry.card.id, measure, other)
        if image_ids is None:
            image_ids = self.desk.wanting(("", "", "") if again else self._kind)
        records = [r for r in map(session.image_record, image_ids) if r is not None and not r.is_missing]
        if not records:
            sentence = tr("The model has looked at every image this way.")
            offer = Offer(tr("Look again"), lambda: self.look(again=True))
            self._jobs.workspace.window.notices.say(sentence, "info", (offer,) if not again else (), key=NOTICE)
            return None
        self._names = {record.id: record.name for record in records}
        tasks = tuple(ImageTask(r.id, str(session.store.image_file(r)), size_px=(r.width, r.height)) for r in records)
        return LookSpec(
            entry.card.id,
            str(session.folder),
            session.settings.text("model.device"),
            tasks,
            measure,
            other,
            class_map=self._class_map(entry),
            options=tuple(values_of(entry.card).items()),
        )

    def _class_map(self, entry: CatalogEntry) -> tuple[tuple[int, int], ...]:
        """As for proposals, but a look adds no class to the project."""
        rows = self._jobs.models.presenter.mapping(entry.card)
        pairs = [(row.index, row.class_id) for row in rows if row.class_id is not None and row.class_id != DROP]
        background = entry.card.background_index
        return tuple(pairs if background is None else [*pairs, (background, 0)])

    def _other_of(self, entry: CatalogEntry) -> str:
        """The model before *entry*: its version before, or the newest other run of the project; "" where there is none."""
        if entry.card.id.startswith("learn/") and self._session.folder is not None:
            from segstudio.ml.continuous.versions import list_versions, model_id_of

            others = [one.number for one in list_versions(self._session.folder) if not one.is_current]
            return model_id_of(others[0]) if others else ""
        runs = [
            one.card.id
            for one in self._jobs.models.entries()
            if one.card.weights.kind == "project" and one.is_available and one.card.task == "semantic"
        ]
        return next((run for run in sorted(runs, reverse=True) if run != entry.card.id), "")

    # -- the process ---------------------------------------------------------------------------------------------

    def _ensure_thread(self) -> ModelThread:
        if self._thread is None:
            from segstudio.gui.threads import ModelThread

            self._thread = ModelThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(lambda result: self._on_ended(result=result))
            self._thread.cancelled.connect(self._on_ended)
            self._thread.failed.connect(lambda sentence, details: self._on_ended(sentence, details))
        return self._thread

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if isinstance(message, protocol.ImageLooked) and message.look is not None:
            if not self.desk.receive(message.image_id, message.look, self._kind):
                self.cancel()
            elif not self._soon.isActive():
                self._soon.start()
        elif isinstance(message, protocol.ImageFailed):
            self._failures.append(f"{self._names.get(message.image_id, '')}: {message.sentence}")
        elif isinstance(message, protocol.StageChanged):
            self._jobs.report(self._job_id, detail=tr(message.text))
        elif isinstance(message, protocol.Progress):
            left = self._eta.seconds_left(message.done, message.total)
            self._jobs.report(self._job_id, message.done, message.total, seconds_left=left)

    def _on_ended(self, sentence: str = "", details: str = "", result: object = None) -> None:
        """The look is over; what it found stays, and the process, which holds a model, goes."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.retire()
        job_id, self._job_id = self._job_id, ""
        self._jobs.end(job_id)
        self._soon.stop()
        self.desk.refresh()
        if sentence:
            self._jobs.fail(sentence, details, [Offer(tr("Try again"), self.look)])
        elif self._failures:
            first = self._failures[0]
            self._jobs.fail(tr("%n image(s) could not be looked at.", n=len(self._failures)) + " " + first)
        self.state_changed.emit()
        steps, self._steps_after = self._steps_after, False
        if steps and result is not None:
            self.step()

    # -- images --------------------------------------------------------------------------------------------------

    def open_next(self) -> None:
        """Open the first image of the order that is not open already."""
        for one in self.desk.order:
            if one.image_id != self._session.image_id:
                self._session.select_image(one.image_id)
                return
        self._jobs.workspace.window.say(tr("There is no other image to label."))

    # -- places --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Go to the most uncertain place of the image that nobody has looked at."""
        self._jobs.workspace.window.notices.dismiss_key(NOTICE)
        self.desk.places.find(self._step)

    def _step(self) -> None:
        places = self.desk.places
        if not places.has_map:
            offer = Offer(tr("Look at this image"), self._look_here)
            sentence = tr("No model has looked at this image yet, so it is not known where it is uncertain.")
            self._tell(sentence, (offer,))
            return
        step = places.step()
        if step is None:
            offers = (Offer(tr("All places again"), self._start_over),) if places.total else ()
            self._tell(self._ended_text(places.total), offers)
            return
        self._show(step)

    def _tell(self, sentence: str, offers: tuple[Offer, ...]) -> None:
        notices = self._jobs.workspace.window.notices
        notices.dismiss_key(CONFIRMED)  # the news is where it goes on from there
        notices.say(sentence, "info", offers, key=NOTICE)

    def confirm(self) -> None:
        """What is shown at the place, or in the view, is right; then go to the next place if one was pointed at."""
        places = self.desk.places
        had_place = places.current is not None
        if not places.confirm(None if had_place else self._jobs.workspace.canvas.visible_rect()):
            return
        said = tr("Confirmed: what is empty there counts as background.")
        self._jobs.workspace.window.notices.say(said, key=CONFIRMED)
        if had_place:
            self.step()

    def _show(self, step: Step) -> None:
        rect = step.place.rect
        self._jobs.workspace.canvas.show_rect(rect.expanded(rect.width // 2))
        text = tr("Uncertain place %1 of %2: %3 % unsure")
        for number, value in enumerate((step.number, step.total, round(100 * step.place.uncertainty)), 1):
            text = text.replace(f"%{number}", str(value), 1)
        self._jobs.workspace.window.status_line.show_message(text)

    def _ended_text(self, total: int) -> str:
        if not total:
            return tr("The model is sure everywhere in this image.")
        if total == 1:
            return tr("The uncertain place of this image was looked at.")
        return tr("All %1 uncertain places of this image were looked at.").replace("%1", str(total))

    def _start_over(self) -> None:
        self.desk.places.start_over()
        self.step()

    def _look_here(self) -> None:
        if self._session.image_id is not None:
            self._steps_after = self.look([self._session.image_id])

    def _on_place_changed(self) -> None:
        self._jobs.workspace.canvas.update()
        self._jobs.workspace.window.schedule_refresh()
        if self.desk.places.shown is None:
            self._jobs.workspace.window.status_line.show_message("")

    # -- suspects ------------------------------------------------------------------------------------------------

    def show_suspect(self, row: SuspectRow) -> None:
        """Open the image at a suspect label."""
        if self.desk.suspects.show(row):
            rect = row.suspect.rect
            self._jobs.workspace.canvas.show_rect(rect.expanded(max(32, max(rect.width, rect.height) // 2)))

    # -- the window's life ---------------------------------------------------------------------------------------

    def on_project_changed(self) -> None:
        """What is under way for the former project ends."""
        self._soon.stop()
        self._steps_after = False
        self.cancel()

    def shut_down(self) -> None:
        """End the process, and wait for the thread that orders."""
        self._soon.stop()
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        self._background.shut_down()
