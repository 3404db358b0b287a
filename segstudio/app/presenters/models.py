"""The model at hand: the catalog, which of its classes is which of the project's, and what to ask of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.errors import UserError
from segstudio.ml.class_mapping import map_classes, match_by_name
from segstudio.ml.model_options import options_of, values_of, with_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from segstudio.app.session import Session
    from segstudio.core.classes import ClassTable
    from segstudio.core.geometry import Rect
    from segstudio.jobs.specs import ProposeSpec
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.classic.options import Option

DROP = 0
"""In a mapping: this class of the model is left out. None: the class of that name is added to the project."""
PROPOSING = frozenset({"semantic", "instance", "classic"})
"""Tasks of the models that propose masks by themselves."""
NEAR = 0.72
"""How alike two names must be to be suggested as the same class, 0…1."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One class of the model: *class_id* of the project, :data:`DROP`, or None = to be added."""

    index: int
    name: str
    class_id: int | None
    is_suggested: bool


class ModelsPresenter:
    """``changed``: the catalog or the chosen model changed. The catalog is read when it is first asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self._entries: list[CatalogEntry] | None = None
        self._click_models: list[CatalogEntry] = []
        session.project_changed.connect(self.refresh)

    # -- catalog -------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[CatalogEntry]:
        """Every model that proposes; those that can't be used carry their reason."""
        if self._entries is None:
            self._read()
        return self._entries or []

    @property
    def click_models(self) -> list[CatalogEntry]:
        """Every model that answers clicks; those that can't be used carry their reason."""
        if self._entries is None:
            self._read()
        return self._click_models

    def _read(self) -> None:
        from segstudio.ml.registry import Catalog

        entries = [self._with_options(entry) for entry in Catalog(self.session.folder).entries(with_encoders=False)]
        # Untrained networks are for training; they have nothing to propose.
        trained = [entry for entry in entries if entry.card.weights.kind != "untrained"]
        self._entries = [entry for entry in trained if entry.card.task in PROPOSING]
        self._click_models = [entry for entry in trained if entry.card.task == "interactive"]

    def refresh(self) -> None:
        """Read the catalog again: a run has finished, a file was installed, another project is open."""
        self._entries = None
        self.changed.emit()

    def entry(self, model_id: str) -> CatalogEntry | None:
        """The model with this id."""
        return next((entry for entry in self.entries if entry.card.id == model_id), None)

    @property
    def current(self) -> CatalogEntry | None:
        """The chosen model; the first usable one when that is gone."""
        wanted = self.session.meta("model") or self.session.settings.text("model.current")
        chosen = self.entry(str(wanted)) or self._learned_instead(str(wanted))
        if chosen is not None:
            return chosen
        return next((entry for entry in self.entries if entry.is_available), None)

    def _learned_instead(self, wanted: str) -> CatalogEntry | None:
        """Of the versions of a project's own model only the one in use is listed: it stands for those before it."""
        from segstudio.ml.continuous.versions import GROUP

        group = f"{GROUP}/"
        if not wanted.startswith(group):
            return None
        return next((entry for entry in self.entries if entry.card.id.startswith(group)), None)

    def select_new(self, model_id: str) -> None:
        """Read the catalog again and choose what came into it; told once."""
        self._entries = None
        if self.entry(model_id) is None:
            self.changed.emit()
        self.select(model_id)

    def select(self, model_id: str) -> None:
        """Choose a model; remembered in the project and for the next one."""
        if self.entry(model_id) is not None:
            self.session.set_meta("model", model_id)
            self.session.settings.set("model.current", model_id)
            self.changed.emit()

    def note(self, entry: CatalogEntry) -> str:
        """What to know before using it: why it can't be, that it is fetched first, or its licence."""
        if not entry.is_available and not entry.needs_download:
            return entry.reason
        if entry.needs_download:
            size = entry.card.weights.size_bytes
            return f"Is downloaded first ({size / 1e6:.0f} MB)" if size else "Is downloaded first"
        return "Research use only" if entry.card.is_research_only else ""

    # -- options -------------------------------------------------------------------------------------------------

    def options_of(self, card: ModelCard) -> tuple[Option, ...]:
        """What can be set of a model: the options of a classic method, how deep a trained UNet++ is computed."""
        return options_of(card)

    def set_option(self, card: ModelCard, key: str, value: object) -> None:
        """Set an option of a model; remembered in the project. What does not fit is said, and not set."""
        try:
            changed = with_options(card, {key: value})
        except UserError as error:
            self.session.say(error)
            return
        if values_of(changed) != values_of(card):
            self.session.set_meta(f"options:{card.id}", values_of(changed))
            self.refresh()

    def _with_options(self, entry: CatalogEntry) -> CatalogEntry:
        """*entry* as it was set in this project."""
        kept = self.session.meta(f"options:{entry.card.id}", {}) if options_of(entry.card) else {}
        if not kept or not isinstance(kept, dict):
            return entry
        try:
            return replace(entry, card=with_options(entry.card, kept))
        except UserError:
            return entry  # kept by a version with other options

    # -- classes -------------------------------------------------------------------------------------------------

    def mapping(self, card: ModelCard) -> list[MappingRow]:
        """What each class of the model is in the project: as chosen before, else by the same or a near name."""
        classes = self.session.classes
        chosen = self._chosen(card)
        suggested = suggest(card, classes)
        rows = []
        for index, name in card.foreground:
            if index in chosen:
                rows.append(MappingRow(index, name, chosen[index], False))
            else:
                rows.append(MappingRow(index, name, suggested[index], suggested[index] is not None))
        return rows

    def set_mapping(self, card: ModelCard, mapping: Mapping[int, int | None]) -> None:
        """Remember in the project what each class of the model is (class id, :data:`DROP`, None = add it)."""
        names = dict(card.foreground)
        kept = {names[index]: class_id for index, class_id in mapping.items() if index in names}
        self.session.set_meta(f"class_map:{card.id}", kept)
        self.changed.emit()

    def class_map(self, card: ModelCard) -> dict[int, int] | None:
        """Model class index → class id for a request; missing classes are added (one undoable edit).

        None when that was refused (then a notice says why).
        """
        session = self.session
        if session.refuses_edits():
            return None
        wanted = {row.index: row.class_id for row in self.mapping(card)}
        try:
            mapping, table = map_classes(card, session.classes, wanted)
        except UserError as error:
            session.say(error)
            return None
        if table != session.classes and not session.class_editor.put_table(f"Add classes of {card.name}", table):
            return None
        return mapping

    def _chosen(self, card: ModelCard) -> dict[int, int | None]:
        kept = self.session.meta(f"class_map:{card.id}", {})
        if not isinstance(kept, dict):
            return {}
        classes = self.session.classes
        found: dict[int, int | None] = {}
        for index, name in card.foreground:
            if name in kept:
                class_id = kept[name]
                # A class deleted since is no choice any more.
                if class_id in (None, DROP) or classes.by_id(class_id) is not None:
                    found[index] = class_id
        return found

    # -- requests ------------------------------------------------------------------------------------------------

    def unlabelled_ids(self) -> list[int]:
        """Images that nobody labelled yet and whose file is there."""
        return [r.id for r in self.session.images if r.status == "unlabelled" and not r.is_missing]

    def request(
        self,
        image_ids: Sequence[int],
        *,
        rects: Mapping[int, Sequence[Rect]] | None = None,
        only_shown_plane: bool = False,
    ) -> ProposeSpec | None:
        """What to send to the model host for these images (or only *rects* of them), and the desk made ready for it.

        All planes of a volume are asked for, with *only_shown_plane* the one shown where it is the current image.

        None when there is nothing to ask; a notice says why.
        """
        from segstudio.jobs.specs import ImageTask, ProposeSpec

        session, entry = self.session, self.current
        if session.store is None or session.refuses_edits():
            return None
        if entry is None or not (entry.is_available or entry.needs_download):
            session.say("There is no model to propose with." if entry is None else f"{entry.card.name}: {entry.reason}")
            return None
        records = [record for record in map(session.image_record, image_ids) if record is not None]
        if not records:
            session.say("There is no image to propose for.")
            return None
        class_map = self.class_map(entry.card)
        if class_map is None:
            return None
        if not any(class_map.values()):
            session.say(f"Every class of {entry.card.name} is left out: match its classes first.")
            return None
        planes = {
            record.id: (session.plane,)
            if only_shown_plane and record.id == session.image_id
            else tuple(range(max(1, record.depth)))
            for record in records
        }
        generation = session.proposals.begin(class_map, entry.card.id, rects=rects, planes=planes)
        tasks = tuple(
            ImageTask(
                image_id=record.id,
                path=str(session.store.image_file(record)),
                planes=planes[record.id],
                rects=tuple(rects[record.id]) if rects and rects.get(record.id) else None,
                size_px=(record.width, record.height),
            )
            for record in records
        )
        settings = session.settings
        return ProposeSpec(
            model=entry.card.id,
            project_folder=str(session.folder),
            device=settings.text("model.device"),
            tasks=tasks,
            window_px=settings.integer("model.window_px") or None,
            overlap_px=settings.integer("model.overlap_px") or None,
            generation=generation,
            options=tuple(values_of(entry.card).items()),
        )


def suggest(card: ModelCard, classes: ClassTable) -> dict[int, int | None]:
    """Model class index → class id of the same name, or a near one ("nuclei" for "nucleus"); None = none is like it.

    No class of the project is suggested for two of the model's unless the names are equal.
    """
    found = match_by_name(card, classes)
    taken = {class_id for class_id in found.values() if class_id is not None}
    free = {item.name.casefold(): item.id for item in classes if item.id not in taken}
    for index, name in card.foreground:
        if found[index] is None and free:
            near = difflib.get_close_matches(name.casefold(), list(free), n=1, cutoff=NEAR)
            if near:
                found[index] = free.pop(near[0])
    return found
