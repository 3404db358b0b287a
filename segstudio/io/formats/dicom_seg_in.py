"""Reading DICOM segmentations: laid on the images they refer to, by references, else by where their frames lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.dicom_out import is_made_series
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import ClassList, read_class_list
from segstudio.io.formats.dicom_frames import LABEL_MAP, SEGMENTATION, SegFile, SegFrame, SegSegment
from segstudio.io.formats.dicom_groups import Planes, SegGroup, Study, dicom_files, planes_of, sop_of, study_of
from segstudio.io.formats.dicom_place import FrameGrid, grid_of_frames, grid_of_image, order_of_references
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.project_images import ProjectImages, bare_stem
from segstudio.io.readers.dicom_series import may_be_dicom
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.core.layers import Source
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_LOOKED_AT = 40
_SOURCES: dict[str, Source] = {"MANUAL": "hand", "SEMIAUTOMATIC": "accepted", "AUTOMATIC": "model"}


@dataclass(frozen=True)
class _Target:
    """The image of a group: its name, file (None: not there), size, and the shown plane of each instance it is made of."""

    name: str
    image: Path | None
    size: tuple[int, int, int]
    planes: Planes
    grid: FrameGrid | None
    reason: str = ""


class DicomSegImporter:
    """Reads a folder with segmentations (and, it may be, their images) or one segmentation file.

    Segments are called by their labels; several of one label are objects of it. Files that refer to one series are one image's.
    Option ``images`` as for :class:`~segstudio.io.formats.nifti_in.NiftiImporter`.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._source = source
        self._limits = limits
        self._mine = ProjectImages(options.get("images", ""))
        self._kept: tuple[Path, SegFile] | None = None

    @staticmethod
    def looks_like(source: Path) -> int:
        """Whether one of the first files says it is a segmentation."""
        found = (sop_of(path)[0] for path in islice(_likely(source), _LOOKED_AT))
        return 95 if any(kind in (SEGMENTATION, LABEL_MAP) for kind in found) else 0

    @cached_property
    def _study(self) -> Study:
        return study_of(self._source)

    @cached_property
    def _list(self) -> ClassList:
        root = self._source if self._source.is_dir() else self._source.parent
        found = read_class_list(root, self._limits)
        known = {item.name.casefold() for item in found.classes} if found else set()
        names: dict[str, FoundClass] = {}
        for path in (path for group in self._study.groups for path in group.files):
            try:
                for segment in self._seg(path).segments.values():
                    if not segment.is_ignored and segment.label.casefold() not in known:
                        names.setdefault(segment.label.casefold(), FoundClass(segment.label, segment.color))
            except UserError as error:
                self.problems.once(path.name, error.message)
        result = ClassList([*(found.classes if found else ()), *names.values()])
        for problem in [*(found.problems if found else ()), *result.problems]:
            self.problems.once(problem.where, problem.sentence, problem.count)
        return result

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of classes.json, then the labels of segments that are not among them."""
        return self._list.classes

    @cached_property
    def _index(self) -> dict[str, int]:
        return {item.name.casefold(): index for index, item in enumerate(self.classes)}

    def _seg(self, path: Path) -> SegFile:
        """The file, opened; the one used last stays so."""
        if self._kept is None or self._kept[0] != path:
            self._kept = (path, SegFile(path))
        return self._kept[1]

    def images(self) -> Iterator[FoundImage]:
        """Each image that has segmentations."""
        self._list  # noqa: B018 - its problems come first
        for path, sentence in self._study.refused:
            self.problems.once(path.name, sentence)
        for group in self._study.groups:
            try:
                target = self._target(group)
            except UserError as error:
                self.problems.once(group.files[0].name, error.message)
                continue
            width, height, depth = target.size
            pieces = partial(self._pieces, group, target)
            yield FoundImage(target.name, target.image, width, height, pieces, depth, group.split, reason=target.reason)

    def _target(self, group: SegGroup) -> _Target:
        """The image: one of the project's, else of the dataset's, else a grid of the frames themselves.

        Raises
        ------
        UserError
            When there is no image, and the frames do not say how they lie to each other.
        """
        stem = bare_stem(group.files[0].name)
        named = self._project_image(group, stem)
        path = named[1] if named else next((p for uid in group.uids if (p := self._study.images.get(uid))), None)
        reason = "" if path else "Its image is not in the dataset"
        if path is not None:
            try:
                info = probe(path)
                name = named[0] if named else str(info.metadata.get("name") or path.name)
                size, grid = (info.width, info.height, info.depth), grid_of_image(info)
                planes: Planes = {}
                if len(group.uids) == info.depth and (grid is None or is_made_series(group.series, group.uids)):
                    planes = {(uid, 0): z for z, uid in enumerate(group.uids)}
                if info.metadata.get("format") == "DICOM":
                    planes |= planes_of(info.path)
                return _Target(name, info.path, size, planes, grid)
            except UserError as error:
                reason = str(error)
        seg = self._seg(group.files[0])
        frames = [frame for file in group.files for frame in self._seg(file).frames()]
        order = order_of_references(frames, group.uids)
        if order is not None:
            planes = {(uid, 0): z for uid, z in order.items()}
            return _Target(f"{stem}.dcm", None, (seg.columns, seg.rows, len(order)), planes, None, reason)
        grid, depth = grid_of_frames(frames)
        return _Target(f"{stem}.dcm", None, (seg.columns, seg.rows, depth), {}, grid, reason)

    def _project_image(self, group: SegGroup, stem: str) -> tuple[str, Path] | None:
        """The project's image that the group refers to, or that is called as its file."""
        wanted = set(group.uids)
        for name, file in self._mine:
            if wanted & self._instances(file):
                return name, file
        return self._mine.find(stem)

    def _instances(self, file: Path) -> set[str]:
        """The instance UIDs of an image of the project; none where it is no DICOM image."""
        if file not in self._looked:
            try:
                self._looked[file] = {uid for uid, _ in planes_of(file)} if may_be_dicom(file) else set()
            except (UserError, OSError):
                self._looked[file] = set()
        return self._looked[file]

    @cached_property
    def _looked(self) -> dict[Path, set[str]]:
        return {}

    def _pieces(self, group: SegGroup, target: _Target, cancel: Cancel) -> Iterator[Piece]:
        with self.problems.of(group.files[0].name) as note:
            for number, path in enumerate(group.files):
                yield from self._of_file(number, self._seg(path), target, note, cancel)

    def _of_file(self, number: int, seg: SegFile, target: _Target, note: Note, cancel: Cancel) -> Iterator[Piece]:
        """The segments of one file: ignored pixels first, then areas, then objects."""
        labels = Counter(segment.label.casefold() for segment in seg.segments.values() if not segment.is_ignored)
        if seg.kind == "FRACTIONAL":
            note("The segmentation holds fractions: pixels of one half and more are taken")

        def rank(segment: SegSegment | None) -> int:
            if segment is None or segment.is_ignored:
                return 0
            return 2 if segment.is_object or (not seg.is_ours and labels[segment.label.casefold()] > 1) else 1

        frames = sorted(seg.frames(), key=lambda frame: rank(seg.segments.get(frame.segment)))
        if seg.has_odd_count:
            note("The segmentation has another number of frames than it tells of: only those of both are read")
        passes = (0, 1, 2) if any(frame.segment == 0 for frame in frames) else (-1,)
        for wanted in passes:
            for frame in frames:
                check(cancel)
                place = _place(seg, frame, target, note)
                if place is None:
                    continue
                for segment_number, mask in seg.masks(frame):
                    segment = seg.segments.get(segment_number)
                    if segment is None:
                        if wanted <= 0:
                            note("Pixels of segments that are not described are left out", int(np.count_nonzero(mask)))
                    elif wanted in (-1, rank(segment)):
                        yield self._piece(seg, segment, (number, segment_number), place, mask, rank(segment) == 2, note)

    def _piece(
        self,
        seg: SegFile,
        segment: SegSegment,
        key: tuple[int, int],
        place: tuple[Any, int, int, int],
        mask: npt.NDArray[np.bool_],
        is_object: bool,
        note: Note,
    ) -> Piece:
        turn, x, y, z = place
        mask = turn(mask)
        if segment.is_ignored:
            if key[0]:
                note("Ignored pixels of an upper layer are ignored in the lowest (pixels)", int(np.count_nonzero(mask)))
            return ClassPixels(x, y, np.where(mask, IGNORE, 0).astype(np.uint16), z)
        index = self._index[segment.label.casefold()]
        source: Source = _SOURCES.get(segment.algorithm, "hand") if seg.is_ours else "import"
        model = segment.model[:200] if segment.algorithm != "MANUAL" else ""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        part = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        return FoundObject(x + left, y + top, part, index, z, key if is_object else None, is_object, source, model)

    def close(self) -> None:
        """Forget the file that was read last."""
        self._kept = None


def _likely(source: Path) -> Iterator[Path]:
    """Files that may be segmentations, the likeliest folder first."""
    place = source / "segmentations"
    if place.is_dir():
        yield from islice(dicom_files(place), _LOOKED_AT // 2)
    yield from dicom_files(source)


def _place(seg: SegFile, frame: SegFrame, target: _Target, note: Note) -> tuple[Any, int, int, int] | None:
    """(how a frame's mask is turned, x, y, z in the image); None, noted, where the frame lies nowhere in it."""
    z = target.planes.get((frame.instance_uid, frame.frame_number))
    if z is None and frame.frame_number == 1:
        z = target.planes.get((frame.instance_uid, 0))
    if target.grid is not None:
        found = target.grid.place(frame, (seg.columns, seg.rows), z)
        if found is not None:
            return found
    if z is None and target.size[2] == 1 and not (frame.position and target.grid):
        z = 0
    if z is not None and (seg.columns, seg.rows) == target.size[:2]:
        return np.asarray, 0, 0, z
    note("A frame lies in no plane of its image: resample it onto the image's grid in the program that made it")
    return None
