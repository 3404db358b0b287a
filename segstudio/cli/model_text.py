"""The catalog as text: a table for each task, and all that is known of one model."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import table
from segstudio.ml.model_options import values_of
from segstudio.ml.networks.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.networks.costs import NetworkCosts

WIDTH = 100
TASKS = {
    "semantic": "semantic: a class for every pixel",
    "instance": "instance: objects, each by itself",
    "interactive": "interactive: answers clicks and boxes",
    "classic": "classic: no network",
    "refine": "refine: improves another model's proposal",
    "encoder": "encoder: the part of a network that reads the image (train --encoder)",
}
_HEADER = ("model", "weights", "params", "GMAC", "memory", "state")


def list_text(entries: Iterable[CatalogEntry], size: tuple[int, int] | None) -> str:
    """One table a task, at most :data:`WIDTH` columns wide; *size* is the window's (width, height) in px."""
    groups: dict[str, list[CatalogEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.card.task, []).append(entry)
    if not groups:
        return "no model matches"
    parts = [f"{TASKS.get(task, task)}\n{_table(groups[task], size)}" for task in [*TASKS, *groups] if task in groups]
    window = "of its own size" if size is None else f"of {size[0]}×{size[1]} px"
    note = (
        f"GMAC and memory: estimates in float32 for one window {window}.\n"
        "`segstudio models info ID` says more, and when to choose it."
    )
    return "\n\n".join([*dict.fromkeys(parts), note])


def _table(entries: list[CatalogEntry], size: tuple[int, int] | None) -> str:
    rows = []
    for e in entries:
        costs = _costs(e, size)
        memory = bytes_text(costs.memory_bytes) if costs else ""
        adds = giga(costs.multiply_adds) if costs else ""
        state = e.state + (" · research use" if e.card.is_research_only else "")
        parameters = _parameters(e, costs)
        rows.append((e.card.id, e.card.weights.kind, millions(parameters) if parameters else "", adds, memory, state))
    widths = [max(len(row[i]) for row in (_HEADER, *rows)) for i in range(len(_HEADER) - 1)]
    room = max(12, WIDTH - sum(widths) - 2 * len(widths))
    fitted = [(*(_aligned(row, widths)), textwrap.shorten(row[-1], room, placeholder=" …")) for row in rows]
    return table(fitted, (*_aligned(_HEADER, widths), _HEADER[-1]))


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [cell.rjust(widths[i]) if 2 <= i <= 4 else cell for i, cell in enumerate(row[: len(widths)])]


def info_text(entry: CatalogEntry, size: tuple[int, int] | None) -> str:
    """All that is known of a model, a fact a line."""
    card, costs = entry.card, _costs(entry, size)
    names = [name for _, name in card.foreground]
    parameters = _parameters(entry, costs)
    facts: list[tuple[str, Any]] = [
        ("id", card.id),
        ("name", card.name),
        (
            "state",
            entry.state if entry.is_available or entry.state == entry.reason else f"{entry.state} ({entry.reason})",
        ),
        ("task", card.task),
        ("network", " + ".join(filter(None, (card.architecture, card.encoder)))),
        ("paper", _paper(entry)),
        ("classes", ", ".join(names)),
        ("bands", "" if card.task == "encoder" else card.bands),
        ("parameters", f"{parameters:,}" if parameters else ""),
        *_cost_facts(costs),
        *_encoder_facts(entry),
        ("licence", card.licence + (" (research use)" if card.is_research_only else "")),
        ("trained on", card.data),
        ("data's licence", card.data_licence),
        ("split", card.split),
        ("scores", ", ".join(f"{k} {v:.3f}" for k, v in card.metrics.items() if isinstance(v, int | float))),
        ("made by", card.command),
        ("source", entry.source),
        (
            "options",
            ", ".join(f"{k}={v}" for k, v in card.options.items())
            if card.task in ("classic", "refine")
            else _network_options(card),
        ),
        ("about", "" if card.weights.kind == "untrained" or card.description in entry.advice else card.description),
        ("choose it", textwrap.fill(entry.advice, WIDTH - 16, subsequent_indent=" " * 16)),
    ]
    return "\n".join(f"{name + ':':15} {value}" for name, value in facts if value)


def _network_options(card: ModelCard) -> str:
    """Of a network what ``train --arch-option`` may set; of a trained one what it was set to."""
    if card.weights.kind != "untrained" or card.architecture not in OPTIONS:
        return ", ".join(f"{k}={v}" for k, v in {**card.options, **values_of(card)}.items())
    return ", ".join(f"{option.key}={option.default}" for _, option in OPTIONS[card.architecture])


def _cost_facts(costs: NetworkCosts | None) -> list[tuple[str, str]]:
    if costs is None:
        return []
    window = f"a window of {costs.width}×{costs.height} px"
    facts = [("multiply-adds", f"{giga(costs.multiply_adds)} G for {window}"),
             ("memory", f"about {bytes_text(costs.memory_bytes)} for {window}, float32")]  # fmt: skip
    if costs.training_image_bytes:
        each = bytes_text(costs.training_image_bytes)
        facts.append(
            ("training", f"about {bytes_text(costs.training_fixed_bytes)} and {each} for each such image of a batch")
        )
    return facts


def _encoder_facts(entry: CatalogEntry) -> list[tuple[str, str]]:
    if entry.card.task != "encoder":
        return []
    from segstudio.ml.networks.costs import encoder_facts
    from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS

    name = entry.card.encoder
    strides = ", ".join(map(str, encoder_facts(name).strides))
    dilated = "; dilated at stride 8 or 16 as well" if ENCODERS[name].has_atrous else ""
    networks = ", ".join(arch for arch, spec in ARCHITECTURES.items() if name in spec.encoders)
    return [("strides", strides + dilated if strides else ""), ("for", networks)]


def _paper(entry: CatalogEntry) -> str:
    from segstudio.ml.networks.table import ARCHITECTURES

    spec = ARCHITECTURES.get(entry.card.architecture)
    return spec.paper if spec is not None else ""


def _costs(entry: CatalogEntry, size: tuple[int, int] | None) -> NetworkCosts | None:
    width, height = size or (0, 0)
    return entry.costs(height, width)


def _parameters(entry: CatalogEntry, costs: NetworkCosts | None) -> int:
    known = entry.card.parameters
    return known if known is not None else costs.parameters if costs else 0


def millions(number: int) -> str:
    """4429218 → "4.4 M"."""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e6:.2f} M"


def giga(number: int) -> str:
    """9066831872 → "9.1"."""
    return f"{number / 1e9:,.1f}"


def bytes_text(number: int) -> str:
    """Bytes in the unit a person reads."""
    return f"{number / 1e6:,.0f} MB" if number < 1e9 else f"{number / 1e9:.1f} GB"
