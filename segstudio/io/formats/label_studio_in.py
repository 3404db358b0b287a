"""Reads Label Studio's JSON: tasks with brush regions, polygons, rectangles, ellipses and bit masks."""

from __future__ import annotations

import os
import re
from contextlib import closing
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import FoundObject
from segstudio.io.formats.base import REPORT_NAME, FoundClass, FoundImage
from segstudio.io.formats.json_stream import JsonStream
from segstudio.io.formats.label_studio_regions import area_of, label_of_region, with_given_labels
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import Limits, file_name, find_image, is_link_out, read_json, read_xml, whole_number
from segstudio.io.formats.shapes import IGNORE_LABEL, traits_of
from segstudio.io.formats.shapes_in import (
    Labels,
    Size,
    bytes_of_base64,
    ignored,
    is_image_name,
    picture_suffix,
    save_picture,
    size_of_picture,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.shapes_in import Area

_OURS = ("classes.json", REPORT_NAME)
_HEAD_BYTES = 1 << 16
_UPLOAD_MARK = re.compile(r"^[0-9a-f]{8}-")
_SET_UPS = ("label_config.xml", "config.xml")


class LabelStudioImporter:
    """Reads a JSON or JSON-MIN export (a file, or a folder with some), task by task; images are looked for beside it.

    Of several annotations of a task, option ``annotations`` "best" takes the one that is ground truth, else the newest that was not
    cancelled; "all" takes all. ``predictions`` (False) reads a model's regions where a task has no annotation.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems = ProblemList()
        self._root = source.parent if source.is_file() else source
        self._files = [source] if source.is_file() else _json_files(source)
        self._limits = limits
        self._takes_all = options.get("annotations", "best") == "all"
        self._with_predictions = bool(options.get("predictions", False))
        if not self._files:
            raise UserError("There is no JSON file in the folder", path=source, remedy="choose another folder")

    @staticmethod
    def looks_like(source: Path) -> int:
        """Certain where a JSON file begins with a task's keys."""
        for path in [source] if source.is_file() else _json_files(source)[:4]:
            if path.suffix.lower() != ".json":
                continue
            with path.open("rb") as stream:
                head = stream.read(_HEAD_BYTES)
            is_task = b'"annotations"' in head or b'"completions"' in head or b'"predictions"' in head
            if is_task and (b'"result"' in head or b'"original_width"' in head):
                return 95
            if b'"original_width"' in head and re.search(rb'"(brush|polygon|rectangle|ellipse|bitmask)labels"', head):
                return 80
        return 0

    @cached_property
    def _labels(self) -> Labels:
        labels = Labels((IGNORE_LABEL,))
        labels.add_listed(self._root / "classes.json", self._limits)
        for name in _SET_UPS:
            self._add_set_up(labels, self._root / name)
        for _, _, _, task in self._tasks():
            for annotation in self._chosen(task):
                for region in annotation:
                    labels.add(label_of_region(region))
        return labels

    def _add_set_up(self, labels: Labels, path: Path) -> None:
        if not path.is_file() or is_link_out(path, self._root):
            return
        try:
            for element in read_xml(path, self._limits).iter("Label"):
                labels.add(element.get("value"), element.get("background"))
        except UserError as error:
            self._say(path.name, error.message)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of the set-up where there is one, then others that regions name; the first call reads the files."""
        return self._labels.found()

    def _say(self, where: str, sentence: str, count: int = 1) -> None:
        with self.problems.of(where) as note:
            note(sentence, count)

    def _tasks(self) -> Iterator[tuple[Path, int, int, dict[str, Any]]]:
        """(file, place of the task in it, its bytes, the task)."""
        for path in self._files:
            try:
                yield from self._tasks_of(path)
            except UserError as error:
                if len(self._files) == 1:
                    raise
                self._say(path.name, error.message)

    def _tasks_of(self, path: Path) -> Iterator[tuple[Path, int, int, dict[str, Any]]]:
        with closing(JsonStream(path, self._limits)) as stream:
            for key, offset, size, _ in stream.elements():
                if key not in ("", "tasks"):
                    # A file that is one task.
                    yield path, 0, 0, self._task(path, 0, 0)
                    return
                task = stream.element(offset, size)
                if isinstance(task, dict):
                    yield path, offset, size, task
                else:
                    self._say(path.name, "An entry that is no task was left out")

    def _task(self, path: Path, offset: int, size: int) -> dict[str, Any]:
        """The task at its place again; the whole file where the place is (0, 0)."""
        if not size:
            task = read_json(path, self._limits)
        else:
            with closing(JsonStream(path, self._limits)) as stream:
                task = stream.element(offset, size)
        return task if isinstance(task, dict) else {}

    def images(self) -> Iterator[FoundImage]:
        """One a task, in the order of the file; an image with several tasks comes once, with a problem."""
        seen: set[str] = set()
        for path, offset, size, task in self._tasks():
            data = _data(task)
            named = _named(data)
            if not named:
                self._say(path.name, f"The task {str(task.get('id'))[:40]} names no image and was left out")
            elif not named.startswith("data:") and named in seen:
                self._say(file_name(named[:500]), "The image has several tasks; only the first came")
            else:
                seen.add(named if not named.startswith("data:") else "")
                yield self._image(path, offset, size, task, named, data.get("split"))

    def _image(self, path: Path, offset: int, length: int, task: dict[str, Any], named: str, split: Any) -> FoundImage:
        is_inside = named.startswith("data:")
        place = f"task-{str(task.get('id', offset))[:40]}{picture_suffix(named)}" if is_inside else _place(named)
        name = file_name(place)
        image = None if is_inside else self._find(place)
        if not is_inside and _UPLOAD_MARK.match(name) and (image is None or not _UPLOAD_MARK.match(image.name)):
            name = _UPLOAD_MARK.sub("", name)
        size = self._size(task, image, named if is_inside else None)
        reason = "" if image or is_inside else "the image file is missing"
        if size == (0, 0):
            reason = "its size is not known, since the image file is missing"
        return FoundImage(
            name,
            image,
            *size,
            lambda cancel: self._pieces(name, path, offset, length, size, cancel),
            split=split[:100] if isinstance(split, str) and split else None,
            save_image=(lambda target: _save(self._task(path, offset, length), path, target)) if is_inside else None,
            reason=reason,
        )

    def _find(self, place: str) -> Path | None:
        bare = file_name(place)
        folders = [self._root, *(self._root / name for name in ("images", "img", "upload", "media", "data"))]
        for named in (place, bare, _UPLOAD_MARK.sub("", bare)):
            found = find_image(named, folders)
            if found:
                return found
        return None

    def _size(self, task: dict[str, Any], image: Path | None, inside: str | None) -> Size:
        for regions in self._chosen(task):
            for region in regions:
                try:
                    return (
                        whole_number(region.get("original_width"), 1, 1 << 20),
                        whole_number(region.get("original_height"), 1, 1 << 20),
                    )
                except ValueError:
                    continue
        return size_of_picture(image, inside)

    def _chosen(self, task: dict[str, Any], note: Note | None = None) -> list[list[dict[str, Any]]]:
        """The regions of the annotations that come."""
        given = [one for one in _list(task, "annotations", "completions") if isinstance(one, dict)]
        done = [one for one in given if not one.get("was_cancelled") and not one.get("skipped")]
        if note and len(given) > len(done):
            note("Cancelled annotations were left out", len(given) - len(done))
        if not done and not given and "annotations" not in task and "completions" not in task:
            done = [{"result": with_given_labels(task)}]
        if not any(_list(one, "result") for one in done):
            predicted: list[dict[str, Any]] = [
                one for one in _list(task, "predictions") if isinstance(one, dict) and _list(one, "result")
            ]
            if predicted and self._with_predictions:
                newest: dict[str, Any] = max(predicted, key=_age)
                done = [{**newest, "is_prediction": True}]
            elif predicted and note:
                note("Predictions were left out; the option “predictions” reads them", len(predicted))
        if len(done) > 1 and not self._takes_all:
            best = max(done, key=lambda one: (bool(one.get("ground_truth")), *_age(one)))
            if note:
                note("Further annotations of the task were left out; the option “annotations” reads all", len(done) - 1)
            done = [best]
        return [_regions(one) for one in done]

    def _pieces(self, name: str, path: Path, offset: int, length: int, size: Size, cancel: Cancel) -> Iterator[Piece]:
        labels = self._labels
        task = self._task(path, offset, length)
        with self.problems.of(name) as note:
            chosen = self._chosen(task, note)
            if size == (0, 0):
                if any(chosen):
                    note("The size of the image is not known, so its regions were left out", sum(map(len, chosen)))
                return
            kinds = [[(region, label_of_region(region)) for region in regions] for regions in chosen]
            for region, kind in (one for regions in kinds for one in regions):
                area = self._area(region, size, note) if kind == IGNORE_LABEL else None
                if area:
                    yield ignored(area)
            for annotation, regions in enumerate(kinds):
                for order, (region, kind) in enumerate(regions):
                    check(cancel)
                    if kind == IGNORE_LABEL or region.get("type") in (
                        "choices",
                        "relation",
                        "textarea",
                        "rating",
                        "labels",
                    ):
                        continue
                    area = self._area(region, size, note) if kind else None
                    if not kind:
                        note("Left out: a region without a label")
                    elif area:
                        traits, key = _traits(region, (annotation, order))
                        yield FoundObject(area[1].x, area[1].y, area[0], labels.index(kind), key=key, **traits)

    def _area(self, region: dict[str, Any], size: Size, note: Note) -> Area | None:
        try:
            return area_of(region, size, self._limits, note)
        except ValueError as error:
            note(f"Left out: {error}")
            return None

    def close(self) -> None:
        """Nothing stays open."""


def _json_files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in islice(entries, 100_000) if entry.name.lower().endswith(".json"))
    except OSError:
        return []
    paths = [folder / name for name in names if name not in _OURS and not name.startswith(".")]
    return [path for path in paths if path.is_file() and not is_link_out(path, folder)]


def _list(given: Mapping[str, Any], *keys: str) -> list[Any]:
    return next((given[key] for key in keys if isinstance(given.get(key), list)), [])


def _regions(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    """Its regions; those whose label came as a result of its own (Labels beside Brush, Polygon …) have it."""
    regions = [one for one in _list(annotation, "result") if isinstance(one, dict)]
    names = {str(one.get("id")): label_of_region(one) for one in regions if one.get("type") == "labels"}
    whose = {"is_prediction": True} if annotation.get("is_prediction") else {}
    model = {"model_version": annotation.get("model_version")} if whose else {}
    return [
        {**one, "given_label": names.get(str(one.get("id")), ""), **whose, **model} if names or whose else one
        for one in regions
    ]


def _age(annotation: dict[str, Any]) -> tuple[str, float]:
    """ISO times sort as texts; numbers of annotations grow."""
    number = annotation.get("id")
    when = annotation.get("updated_at") or annotation.get("created_at")
    return str(when or ""), float(number) if isinstance(number, int) and abs(number) < 1 << 53 else 0.0


def _data(task: dict[str, Any]) -> dict[str, Any]:
    """What the task is about; in JSON-MIN that stands in the task itself."""
    data = task.get("data")
    return data if isinstance(data, dict) else task


def _named(data: Mapping[str, Any]) -> str:
    """What a task's data call the image: under "image", else the first value that ends as pictures do."""
    for key in ("image", "img", "image_url", "picture"):
        if isinstance(data.get(key), str) and data[key]:
            return str(data[key])
    for value in data.values():
        if isinstance(value, str) and (value.startswith("data:image/") or is_image_name(_place(value))):
            return value
    return ""


def _place(named: str) -> str:
    """The path in a URL (local files name it in their query), or *named* itself."""
    try:
        parts = urlsplit(named)
    except ValueError:
        return named
    if "local-files" in parts.path and parts.query.startswith("d="):
        return unquote(parts.query[2:].split("&")[0]).lstrip("/")
    if parts.scheme in ("http", "https", "s3", "gs", "azure-blob", "file") or parts.path.startswith("/data/"):
        return unquote(parts.path).lstrip("/")
    return named


def _traits(region: dict[str, Any], place: tuple[int, int]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """What is known of the region, and which object it is of."""
    ours = region.get("segstudio")
    if isinstance(ours, dict):
        number = ours.get("object")
        key = ("object", place[0], number) if isinstance(number, int) else ("region", *place)
        return traits_of(ours), key
    given: dict[str, Any] = {}
    if region.get("is_prediction"):
        given = {"source": "model", "model": region.get("model_version"), "confidence": region.get("score")}
    return traits_of(given), ("region", *place)


def _save(task: dict[str, Any], path: Path, target: Path) -> None:
    try:
        data = bytes_of_base64(_named(_data(task)))
    except ValueError as error:
        raise UserError("The embedded image is damaged", path=path, remedy="add the image itself") from error
    save_picture(data, target)
