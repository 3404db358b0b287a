"""What labelling took, what is left, and one sentence of advice: for the panel and the command line."""

from __future__ import annotations

import statistics
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segstudio.core.effort import Advice, Forecast, ImageEffort, advise, finished, forecast
from segstudio.io.store.efforts import ACCEPTED
from segstudio.ml.step_times import span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

ADVICE: dict[str, str] = {
    "nothing": "Nothing is recorded yet: label some images, and here you read how much is left.",
    "all_done": "All images are done; they took %s1 of work.",
    "none_done": "Mark images as done when they are: after three of them you read here how much is left.",
    "too_few": "Go on: %c1 of the %c2 images are done that a forecast needs.",
    "accept_rest": "Stop correcting: the last images kept %c2 % of their proposals. Accept the rest (%c3) and look over a sample.",
    "train": "Train a model on the %c1 images that are done, then correct its proposals; without it about %s1 are left.",
    "wait": "Go on correcting, about %s1 are left; train again once %c1 more images are done.",
    "retrain_doubled": "Train again: the model learnt from %c1 images at most, and %c2 are done by now. About %s1 are left without.",
    "retrain": "Train again now: about %s1 of work are left as it is, about %s2 after another training.",
    "enough": "Another training would hardly help: go on correcting, about %s1 are left.",
    "go_on": "Go on correcting, about %s1 are left; another training pays once %c1 more images are done.",
}
"""Kind of advice → its sentence: %s1, %s2 are times, %c1 … counts."""
RUNS = 3
"""The last so many runs tell how long a training takes."""


@dataclass(frozen=True)
class Progress:
    """All images of a project with what they took, the forecast, and the advice; ``training_s`` is what a training takes, 0 unknown."""

    images: tuple[ImageEffort, ...] = ()
    found: Forecast = Forecast(0, 0, 0.0)
    advice: Advice = Advice("nothing")
    training_s: float = 0.0

    @property
    def worked(self) -> list[ImageEffort]:
        """The images that took something, in the order in which they were worked on last."""
        return sorted((image for image in self.images if image.has_effort), key=lambda image: image.at_s)

    def to_json(self) -> dict[str, Any]:
        """What ``segstudio info --json`` says of it."""
        found, worked = self.found, self.worked
        return {
            "seconds": round(found.worked_s, 1),
            "strokes": sum(i.strokes for i in worked),
            "pixels": sum(i.pixels for i in worked),
            "accepted_pixels": sum(i.accepted_pixels for i in worked),
            "images_done": found.done,
            "corrective_dice": _rounded(found.dice, 4),
            "seconds_left": _rounded(found.left_s, 1),
            "seconds_left_after_training": _rounded(found.left_retrained_s, 1),
            "advice": sentence(self.advice),
            "images": [
                {
                    "name": i.name,
                    "seconds": round(i.seconds, 1),
                    "strokes": i.strokes,
                    "pixels": i.pixels,
                    "accepted_pixels": i.accepted_pixels,
                    "model": i.model_id,
                    "corrective_dice": _rounded(i.corrective_dice, 4),
                    "done": i.is_done,
                }
                for i in worked
            ],
        }


def sentence(advice: Advice, template: str = "") -> str:
    """The sentence of *advice*, from *template* (a translation) where one is given."""
    text = template or ADVICE[advice.kind]
    for place, seconds in enumerate(advice.seconds, 1):
        text = text.replace(f"%s{place}", span(seconds))
    for place, count in enumerate(advice.counts, 1):
        text = text.replace(f"%c{place}", str(count))
    return text


def read_progress(store: ProjectStore, records: Iterable[ImageRecord]) -> Progress:
    """What is recorded of *records*, the images of *store*; may run in any thread."""
    images = image_efforts(store, records)
    found = forecast(images)
    advice = advise(found, has_effort=any(image.has_effort for image in images))
    return Progress(tuple(images), found, advice, _training_s(store))


def image_efforts(store: ProjectStore, records: Iterable[ImageRecord]) -> list[ImageEffort]:
    """One row an image, in the order of *records*."""
    rows: dict[int, dict[str, Any]] = {}
    longest: dict[int, float] = {}
    for one in store.efforts.all():
        row = rows.setdefault(one.image_id, {"seconds": 0.0, "strokes": 0, "pixels": 0, "model_id": ""})
        if one.seconds >= longest.get(one.image_id, 0.0):
            # A look back at a finished image does not make it the latest.
            row["at_s"], longest[one.image_id] = one.at_s, one.seconds
        row["seconds"] += one.seconds
        row["strokes"] += one.strokes
        row["pixels"] += one.pixels
        row["model_id"] = one.model_id or row["model_id"]
    labelled, accepted = store.efforts.labelled_pixels(), store.facts.all(ACCEPTED)
    images = []
    for record in records:
        row = rows.get(record.id, {})
        value = accepted[record.id].value if record.id in accepted else {}
        row["pixels"] = max(0, row.get("pixels", 0))
        images.append(
            ImageEffort(
                record.id,
                record.name,
                record.width * record.height * max(1, record.depth),
                record.status == "done",
                accepted_pixels=int(value.get("accepted", 0)),
                kept_pixels=int(value.get("kept", 0)),
                labelled_pixels=labelled.get(record.id, 0),
                **row,
            )
        )
    return images


def _training_s(store: ProjectStore) -> float:
    """The usual time of the last runs in the project's folder; 0 where none was finished."""
    from segstudio.ml.runs.record import TIMING, number

    times: list[tuple[float, float]] = []
    with suppress(OSError):
        for file in (store.folder / "runs").glob(f"*/{TIMING}"):
            with suppress(OSError, ValueError, AttributeError):
                seconds = number(_document(file).get("seconds"))
                if seconds:
                    times.append((file.stat().st_mtime, seconds))
    last = [seconds for _, seconds in sorted(times)[-RUNS:]]
    return statistics.median(last) if last else 0.0


def _document(file: Any) -> dict[str, Any]:
    import json

    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def curve(images: list[ImageEffort], key: str) -> list[tuple[int, float]]:
    """(place among the images worked on, value) of "seconds", "pixels", "strokes" or "dice", where there is one."""
    points: list[tuple[int, float]] = []
    for place, image in enumerate(images, 1):
        value = image.corrective_dice if key == "dice" else float(getattr(image, key))
        if value is not None:
            points.append((place, value))
    return points


def version_starts(images: list[ImageEffort]) -> list[tuple[int, str]]:
    """(place, model id) of the images at which another model than before came into use."""
    starts: list[tuple[int, str]] = []
    last = ""
    for place, image in enumerate(images, 1):
        if image.model_id and image.model_id != last:
            starts.append((place, image.model_id))
            last = image.model_id
    return starts


__all__ = [
    "ADVICE", "Progress", "curve", "finished", "image_efforts", "read_progress", "sentence", "version_starts",
]  # fmt: skip
