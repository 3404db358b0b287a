"""What models' looks at a project's images found, kept as facts: small figures, maps, features, suspect labels."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.label_errors import Suspect, is_dismissed
from segstudio.core.looks import Look

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from segstudio.io.store.facts import Fact, ImageFacts

LOOK, CELLS, FEATURES = "next.look", "next.cells", "next.features"
PROPOSED = "next.proposed"
SUSPECTS, DISMISSED, VISITED = "next.suspects", "next.dismissed", "next.visited"


@dataclass(frozen=True)
class Looked:
    """Which model looked at an image, by what measure, when, and the figures of its :class:`~segstudio.core.looks.Look`."""

    uncertainty: float
    measure: str
    model_id: str
    other_id: str
    at_s: float
    class_doubt: tuple[float, ...]
    class_share: tuple[float, ...]
    suspects: int = 0

    @property
    def kind(self) -> tuple[str, str, str]:
        """Looks of one kind can be compared."""
        return self.model_id, self.measure, self.other_id


def keep_look(facts: ImageFacts, image_id: int, look: Look, *, measure: str, model_id: str, other_id: str = "") -> None:
    """Keep a look at an image in place of the one before. What was dismissed before is not kept as suspect again.

    Raises
    ------
    UserError
        For a read-only project or a full disk.
    """
    from segstudio.io.store.facts import Fact

    dismissed = dismissed_of(facts, image_id)
    suspects = [suspect for suspect in look.suspects if not is_dismissed(suspect, dismissed)]
    value = {
        "uncertainty": round(float(look.uncertainty), 5),
        "measure": measure,
        "model": model_id,
        "other": other_id,
        "class_doubt": [round(float(v), 6) for v in look.class_doubt],
        "class_share": [round(float(v), 6) for v in look.class_share],
        "suspects": len(suspects),
    }
    shape = {"cell_px": look.cell_px, "shape": list(look.cells.shape)}
    facts.put(CELLS, {image_id: Fact(shape, zlib.compress(look.cells.tobytes(), 6))})
    facts.put(FEATURES, {image_id: Fact(len(look.features), look.features.astype("<f4").tobytes())})
    keep_suspects(facts, image_id, suspects)
    facts.put(LOOK, {image_id: Fact(value)})  # last: with it the look counts


def read_looked(facts: ImageFacts) -> dict[int, Looked]:
    """The figures of all looks, by image id."""
    found = {}
    for image_id, fact in facts.all(LOOK).items():
        value = fact.value
        found[image_id] = Looked(
            value["uncertainty"],
            value["measure"],
            value["model"],
            value["other"],
            fact.at_s,
            tuple(value["class_doubt"]),
            tuple(value["class_share"]),
            value.get("suspects", 0),
        )
    return found


def looks_without_maps(looked: dict[int, Looked], facts: ImageFacts) -> dict[int, Look]:
    """Looks to order by: features and figures, without maps."""
    features = facts.all(FEATURES)
    nothing = np.zeros((0, 0, 0), np.uint8)
    found = {}
    for image_id, one in looked.items():
        kept = features.get(image_id)
        vector = np.frombuffer(b"" if kept is None else kept.data, "<f4").astype(np.float32)
        doubt, share = np.array(one.class_doubt, np.float32), np.array(one.class_share, np.float32)
        found[image_id] = Look(one.uncertainty, nothing, 0, vector, doubt, share)
    return found


def read_cells(facts: ImageFacts, image_id: int) -> tuple[npt.NDArray[np.uint8], int] | None:
    """((z, row, column) uint8, cell side in pixels) of an image's map, a look's or a proposal's, whichever is newer; None without."""
    known = [fact for name in (CELLS, PROPOSED) if (fact := facts.get(image_id, name)) is not None]
    return _cells_of(max(known, key=lambda fact: fact.at_s)) if known else None


def proposed_cells(facts: ImageFacts, image_id: int) -> tuple[npt.NDArray[np.uint8], int] | None:
    """As :func:`read_cells`, of the newest proposal alone."""
    fact = facts.get(image_id, PROPOSED)
    return None if fact is None else _cells_of(fact)


def keep_proposed_cells(facts: ImageFacts, image_id: int, cells: npt.NDArray[np.uint8], cell_px: int) -> None:
    """Keep where the model of the newest proposal was unsure; UserError for a read-only project or a full disk."""
    from segstudio.io.store.facts import Fact

    shape = {"cell_px": cell_px, "shape": list(cells.shape)}
    facts.put(PROPOSED, {image_id: Fact(shape, zlib.compress(cells.tobytes(), 6))})


def _cells_of(fact: Fact) -> tuple[npt.NDArray[np.uint8], int]:
    cells = np.frombuffer(zlib.decompress(fact.data), np.uint8).reshape(fact.value["shape"])
    return cells, int(fact.value["cell_px"])


# -- suspects ------------------------------------------------------------------------------------------------------


def keep_suspects(facts: ImageFacts, image_id: int, suspects: Sequence[Suspect]) -> None:
    """Keep an image's suspect labels in place of those before."""
    from segstudio.io.store.facts import Fact

    rows: list[dict[str, Any]] = []
    packed = b""
    for suspect in suspects:
        rows.append({**suspect.to_json(), "at": len(packed), "bytes": len(suspect.packed)})
        packed += suspect.packed
    if rows:
        facts.put(SUSPECTS, {image_id: Fact(rows, packed)})
    else:
        facts.forget(SUSPECTS, [image_id])


def read_suspects(facts: ImageFacts, image_ids: Collection[int] | None = None) -> dict[int, list[Suspect]]:
    """The suspect labels of images, or of all, by image id."""
    found = {}
    for image_id, fact in facts.all(SUSPECTS, image_ids).items():
        found[image_id] = [
            Suspect.from_json(row, fact.data[row["at"] : row["at"] + row["bytes"]]) for row in fact.value
        ]
    return found


def dismissed_of(facts: ImageFacts, image_id: int) -> list[list[int]]:
    """The :attr:`~segstudio.core.label_errors.Suspect.key` of every suspect of an image that a person dismissed."""
    fact = facts.get(image_id, DISMISSED)
    return [] if fact is None else list(fact.value)


def drop_suspect(facts: ImageFacts, image_id: int, key: Sequence[int], *, is_dismissed: bool) -> None:
    """Take a suspect from the list; one that is dismissed never comes back."""
    from segstudio.io.store.facts import Fact

    if is_dismissed:
        kept = [one for one in dismissed_of(facts, image_id) if one != list(key)]
        facts.put(DISMISSED, {image_id: Fact([*kept, list(key)])})
    left = read_suspects(facts, [image_id]).get(image_id, [])
    keep_suspects(facts, image_id, [suspect for suspect in left if suspect.key != list(key)])


# -- places --------------------------------------------------------------------------------------------------------


def visited_of(facts: ImageFacts, image_id: int) -> list[tuple[int, int, int]]:
    """The places of an image that were looked at: (z, x, y) of their middles."""
    fact = facts.get(image_id, VISITED)
    return [] if fact is None else [(int(z), int(x), int(y)) for z, x, y in fact.value]


def keep_visited(facts: ImageFacts, image_id: int, places: Sequence[tuple[int, int, int]]) -> None:
    """Remember which places were looked at."""
    from segstudio.io.store.facts import Fact

    facts.put(VISITED, {image_id: Fact([list(place) for place in places])})
