"""The catalog: every model there is, whether it can be used, and why not. No torch here."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.ml import download as downloads
from segstudio.ml.cards import ModelCard, WeightsKind, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.classic.table import CLASSIC_CARDS
from segstudio.ml.click.cards import ARCHITECTURE as CLICK_NETWORK
from segstudio.ml.continuous import versions
from segstudio.ml.folders import built_in_folder, installed_folder
from segstudio.ml.foreign.cards import foreign_entries
from segstudio.ml.foreign.files import foreign_entry, install_foreign
from segstudio.ml.foreign.sniff import is_foreign
from segstudio.ml.interactive.cards import file_entry, interactive_entries
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS
from segstudio.ml.refine.table import REFINE_CARDS
from segstudio.ml.torchvision_cards import TORCHVISION_CARDS
from segstudio.ml.weights_header import read_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.continuous.events import VersionInfo
    from segstudio.ml.foreign.wishes import Wishes

ENTRY_POINTS = "segstudio.models"
"""Entry point group of plug-ins: each names a card, a list of cards, or a function that returns either."""
PLUG_IN_TASKS = ("semantic", "instance", "interactive")
"""What a plug-in's loader may return; classic methods and refinements have tables of their own."""
DEFAULT_MODEL = "nuclei"
"""The built-in offered first: it rests on free data."""
GROUPS = ("runs", "torchvision", "classic", "refine", "sam", "encoder")
"""First parts of ids that may be left out when a model is named."""
WEIGHT_SUFFIXES = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".onnx", ".h5", ".pkl"})


class Catalog:
    """All models: built-in, a project's runs, files, torchvision's, classic methods, plug-ins, untrained networks.

    Reads headers only. An id seen before is not shown again: the earlier source wins.
    """

    def __init__(self, project_folder: Path | str | None = None) -> None:
        self.project_folder = None if project_folder is None else Path(project_folder)

    def entries(self, *, with_encoders: bool = True) -> list[CatalogEntry]:
        """Every model, those that come with the program first; encoders last, unless they are of no interest."""
        found: dict[str, CatalogEntry] = {}
        for entry in self._all():
            found.setdefault(entry.card.id, entry)
        if with_encoders:
            from segstudio.ml.encoders.cards import encoder_entries

            for entry in encoder_entries():
                found.setdefault(entry.card.id, entry)
        return list(found.values())

    def find(self, ref: str | Path) -> CatalogEntry:
        """The model with this id, run name or weights file path.

        An id of the catalog goes before a file of the same name; write ``./name`` to mean the file.

        Raises
        ------
        UserError
            When there is none (lists the near ones), or the file is no weights file.
        """
        text = str(ref)
        if not text.strip():
            raise UserError("no model was named", remedy="`segstudio models list` lists them")
        learned = versions.find_version(self.project_folder, text)
        if learned is not None:
            return self._version(learned)
        entries = self.entries()
        for entry in entries:
            if entry.card.id == text:
                return entry
        for group in GROUPS:
            for entry in entries:
                if entry.card.id == f"{group}/{text}":
                    return entry
        path = Path(text).expanduser()
        run = path / "best.safetensors"
        if path.is_dir() and run.is_file():
            card = read_card(run)
            return CatalogEntry(card, *_can_build(card))
        if path.is_file() or path.suffix.lower() in WEIGHT_SUFFIXES:
            if not path.is_file():
                raise UserError("the weights file is missing", path=path, remedy="check the path")
            if (clicks := file_entry(path)) is not None:
                return clicks
            if is_foreign(path):
                return foreign_entry(path)
            card = read_card(path)
            return CatalogEntry(card, *_can_build(card))
        raise self._unknown(text, entries)

    def _unknown(self, text: str, entries: list[CatalogEntry]) -> UserError:
        ids = [e.card.id for e in entries]
        short = {i.rsplit("/", 1)[-1].lower(): i for i in reversed(ids)}
        near = difflib.get_close_matches(text.lower(), [*short, *(i.lower() for i in ids)], n=6, cutoff=0.5)
        lower = {i.lower(): i for i in ids}
        names = list(dict.fromkeys(short.get(n) or lower[n] for n in near))[:3]
        hint = f"did you mean {' or '.join(names)}?" if names else "`segstudio models list` lists them"
        return UserError(f"there is no model {text!r}", remedy=hint)

    def _all(self) -> Iterator[CatalogEntry]:
        built_in = list(_in_folder(built_in_folder(), "built-in"))
        yield from sorted(built_in, key=lambda e: (e.card.id != DEFAULT_MODEL, e.card.id))
        if self.project_folder is not None:
            yield from self._of_project(self.project_folder)
        yield from _in_folder(installed_folder(), "file")
        for card in TORCHVISION_CARDS:
            yield _downloadable(card)
        yield from foreign_entries()
        yield from map(CatalogEntry, CLASSIC_CARDS)
        yield from interactive_entries()
        yield from map(CatalogEntry, REFINE_CARDS)
        yield from _plug_ins()
        yield from _untrained()

    def _of_project(self, folder: Path) -> Iterator[CatalogEntry]:
        runs = folder / "runs"
        for run in sorted(_children(runs), key=lambda p: p.name):
            best = run / "best.safetensors"
            if best.is_file():
                yield _from_file(best, "project", model_id=f"runs/{run.name}", name=run.name)
        yield from _in_folder(folder / "models", "project")
        learned = versions.current(folder)
        if learned is not None:
            yield self._version(learned)

    def _version(self, version: VersionInfo) -> CatalogEntry:
        """Weights of continuous learning; those in use are listed, the others are found by name."""
        return _from_file(Path(version.path), "project", model_id=version.model_id)


def weights_file(entry: CatalogEntry, progress: ProgressSink = no_progress, cancel: Cancel = NEVER) -> CatalogEntry:
    """*entry* with its weights at hand: ``card.weights.path`` is set, fetched on demand.

    Raises
    ------
    UserError
        When the model cannot be used, or the download fails.
    """
    is_missing = entry.card.weights.kind == "download" and not entry.card.weights.path
    if entry.needs_download or (is_missing and entry.card.task != "encoder"):
        path = downloads.download(entry.card, progress, cancel)
        return CatalogEntry(replace(entry.card, weights=replace(entry.card.weights, path=str(path))))
    if entry.card.task == "encoder":
        name = entry.card.encoder
        raise UserError(f"{entry.card.id} is a part of networks", remedy=f"train a network with `--encoder {name}`")
    if not entry.is_available:
        raise UserError(
            f"the model {entry.card.id} cannot be used: {entry.reason}",
            path=entry.card.weights.path or None,
            remedy="`segstudio models list` lists the others",
        )
    if entry.card.weights.kind == "download":
        downloads.verified(entry.card, Path(entry.card.weights.path), progress, cancel)
    return entry


def install(path: Path, wishes: Wishes | None = None) -> CatalogEntry:
    """Copy a weights file among the user's models; it is checked first. *wishes* say what a stranger's file does not.

    Raises
    ------
    UserError
        When it is no weights file that segstudio can use, another model has its name, or the disk refuses.
    """
    from segstudio.io.atomic import copy_file_atomic, disk_error

    clicks = file_entry(Path(path))
    if clicks is None and is_foreign(Path(path)):
        return install_foreign(Path(path), installed_folder(), wishes)
    card = read_card(path) if clicks is None else clicks.card
    target = installed_folder() / f"{Path(path).stem}{'.safetensors' if clicks is None else Path(path).suffix}"
    if target.exists():
        raise UserError("a model of this name is installed already", path=target, remedy="rename the new file first")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, target.parent) from error
    copy_file_atomic(Path(path), target)
    return CatalogEntry(replace(card, weights=replace(card.weights, path=str(target), file_name=target.name)))


def _children(folder: Path) -> list[Path]:
    try:
        return [Path(e.path) for e in os.scandir(folder) if e.is_dir()]
    except OSError:
        return []


def _in_folder(folder: Path, kind: WeightsKind) -> Iterator[CatalogEntry]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".safetensors" and not p.name.startswith("."))
    except OSError:
        return
    for file in files:
        yield _from_file(file, kind)


def _from_file(file: Path, kind: WeightsKind, *, model_id: str = "", name: str = "") -> CatalogEntry:
    if (clicks := file_entry(file)) is not None:
        return clicks
    try:
        card = read_card(file)
    except UserError as error:
        broken = WeightsSource(kind, str(file), file_name=file.name)
        shown = ModelCard(model_id or file.stem, name or file.stem, weights=broken)
        return CatalogEntry(shown, False, error.message)
    card = replace(card, id=model_id or card.id, weights=replace(card.weights, kind=kind))
    if kind == "file":
        # The user's own name for it: two files of one training run would hide each other.
        card = replace(card, id=file.stem)
    return CatalogEntry(card, *_can_build(card))


def _can_build(card: ModelCard) -> tuple[bool, str]:
    if card.loader or (card.task == "interactive" and card.architecture == CLICK_NETWORK):
        return True, ""
    spec = ARCHITECTURES.get(card.architecture)
    if spec is None:
        return False, f"this version has no network {card.architecture!r}"
    if card.encoder and card.encoder not in spec.encoders:
        return False, f"this version's {card.architecture} takes no encoder {card.encoder!r}"
    return True, ""


def _downloadable(card: ModelCard) -> CatalogEntry:
    file = downloads.cached_file(card)
    if file.is_file():
        return CatalogEntry(replace(card, weights=replace(card.weights, path=str(file))))
    megabytes = card.weights.size_bytes / 1e6
    return CatalogEntry(card, False, f"not downloaded yet ({megabytes:.0f} MB)", needs_download=True)


@lru_cache(maxsize=1)
def _entry_points(read: Callable[..., Any], _path: tuple[str, ...]) -> tuple[Any, ...]:
    """Looking through every installed package takes tens of milliseconds, and the window lists models often."""
    return tuple(read(group=ENTRY_POINTS))


def _plug_ins() -> Iterator[CatalogEntry]:
    for point in _entry_points(importlib.metadata.entry_points, tuple(sys.path)):
        try:
            given = point.load()
            given = given() if callable(given) else given
            cards = [given] if isinstance(given, ModelCard) else list(_cards(given))
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way, and the others must still be listed
            yield _broken_plug_in(point.name, f"the plug-in does not load ({type(error).__name__}: {error})")
            continue
        for card in cards:
            if card.task not in PLUG_IN_TASKS:
                yield CatalogEntry(card, False, f"plug-ins cannot bring models of task {card.task}")
            elif card.weights.kind == "download" and not card.weights.path:
                try:
                    yield _downloadable(card)
                except UserError as error:
                    yield CatalogEntry(card, False, error.message)
            elif card.weights.path and not Path(card.weights.path).is_file():
                yield CatalogEntry(card, False, f"its weights file is missing ({card.weights.path})")
            else:
                yield CatalogEntry(card, *((True, "") if card.loader else _can_build(card)))


def _cards(given: Iterable[object]) -> Iterator[ModelCard]:
    for card in given:
        if not isinstance(card, ModelCard):
            raise TypeError(f"expected model cards, got {type(card).__name__}")
        yield card


def _broken_plug_in(name: str, reason: str) -> CatalogEntry:
    return CatalogEntry(ModelCard(name, name, weights=WeightsSource("file")), False, " ".join(reason.split())[:300])


def _untrained() -> Iterator[CatalogEntry]:
    for spec in ARCHITECTURES.values():
        encoder = ENCODERS.get(spec.default_encoder)
        card = ModelCard(
            id=spec.id,
            name=spec.title,
            architecture=spec.id,
            encoder=spec.default_encoder,
            mean=encoder.mean if encoder else (0.5, 0.5, 0.5),
            std=encoder.std if encoder else (0.5, 0.5, 0.5),
            stride_px=spec.stride_px,
            weights=WeightsSource("untrained"),
            licence="Apache-2.0",
            description=f"{spec.description} {spec.paper}.",
        )
        yield CatalogEntry(card, False, "a network without weights: train it first")
