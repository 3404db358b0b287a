"""Reading the ``masks`` format, and folders of masks as many programs write them."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.datasets import OBJECTS_FOLDER
from segstudio.io.formats.base import FoundImage
from segstudio.io.formats.mask_files import MASK_SUFFIXES, look_at_mask
from segstudio.io.formats.mask_lists import NAME_FILES, read_mask_list
from segstudio.io.formats.mask_pieces import area_pieces, class_and_object_pieces, together
from segstudio.io.formats.mask_places import find_folders, pairs
from segstudio.io.formats.mask_scan import guessed_legend, listed_legend, split_at_half
from segstudio.io.formats.problems import ProblemList

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.base import FoundClass
    from segstudio.io.formats.legend import Legend
    from segstudio.io.formats.mask_files import MaskFile
    from segstudio.io.formats.mask_places import MaskPair
    from segstudio.io.formats.safety import Limits

    Strips = Iterator[npt.NDArray[np.uint16]]


class MasksImporter:
    """Folders of images and of masks with the same stems, with ``classes.json`` or another class list, or none.

    Options: ``image_folder`` and ``mask_folder`` name the folders where they are called otherwise; ``background``: a class of that name at 0
    is kept as a class; ``ignore`` is the value that is ignored (−1: none).
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._root = source if source.is_dir() else source.parent
        self._limits = limits
        self._options = options
        self._folders = find_folders(
            self._root, str(options.get("image_folder", "")), str(options.get("mask_folder", ""))
        )
        if not any(masks.is_dir() for _, masks, _ in self._folders):
            raise UserError(
                "There is no folder of masks", path=self._root, remedy="name it with the option mask_folder"
            )

    @staticmethod
    def looks_like(source: Path) -> int:
        """Folders of images and masks, or a class list beside pictures."""
        if not source.is_dir():
            return 0
        folders = find_folders(source)
        has_list = (source / "classes.json").is_file()
        if folders[0][1] != source:
            if folders[0][0] is not None and _holds_mask(folders[0][1]):
                return 90 if has_list else 70
            return 60 if has_list else 0
        if has_list or any((source / name).is_file() for name in NAME_FILES):
            return 40 if _holds_mask(source) else 0
        return 0

    @cached_property
    def _legend(self) -> Legend:
        background = bool(self._options.get("background", False))
        ignore = int(self._options.get("ignore", 255))
        places = [*dict.fromkeys(place for _, masks, _ in self._folders for place in (masks, masks.parent, self._root))]
        listed = read_mask_list(places, self._limits, background=background)
        if listed is None:
            return guessed_legend(self._pairs, ignore, self.problems)
        self.problems.extend(listed.problems)
        return listed_legend(listed, self._pairs, ignore, self.problems)

    @property
    def classes(self) -> tuple[FoundClass, ...]:
        """The class list's; where there is none, a class for each value (or colour) that the masks hold."""
        return self._legend.classes

    def _pairs(self) -> Iterator[MaskPair]:
        return pairs(self._folders, self._root, ProblemList())

    def images(self) -> Iterator[FoundImage]:
        """Every mask with its image, folder by folder, by name."""
        for pair in pairs(self._folders, self._root, self.problems):
            yield self._found(pair)

    def _found(self, pair: MaskPair) -> FoundImage:
        name = pair.mask.name if pair.image is None else pair.image.name
        reason = "There is no image of the mask's name" if pair.image is None else ""
        try:
            head = look_at_mask(pair.mask)
            width, height = head.width, head.height
        except UserError:
            width = height = 0  # open_labels tells why
        read = partial(self._pieces, pair)
        return FoundImage(name, pair.image, width, height, read, split=pair.split, group=pair.group, reason=reason)

    def _pieces(self, pair: MaskPair, cancel: Cancel) -> Iterator[Piece]:
        file = look_at_mask(pair.mask)
        with self.problems.of(pair.mask.name) as note:
            objects = self._objects(pair)
            if objects is None:
                yield from area_pieces(self._codes(file, note, cancel))
                return
            numbers = look_at_mask(objects)
            yield from class_and_object_pieces(
                lambda told: together(self._codes(file, told, cancel), numbers.object_numbers(cancel), objects),
                note,
                cancel,
            )

    def _codes(self, file: MaskFile, note: Any, cancel: Cancel) -> Strips:
        if file.is_lossy:
            note("The mask is a JPEG, whose values are not exact: it was split at one half")
            return self._legend.codes_of_values(split_at_half(file, cancel), note)
        return self._legend.codes(file, note, cancel)

    def _objects(self, pair: MaskPair) -> Path | None:
        """The mask of object numbers in ``objects`` beside the folder of masks."""
        for _, masks, _ in self._folders:
            if pair.mask.is_relative_to(masks) and masks.name != OBJECTS_FOLDER:
                file = masks.parent / OBJECTS_FOLDER / pair.mask.relative_to(masks)
                return next((f for end in MASK_SUFFIXES[:3] if (f := file.with_suffix(end)).is_file()), None)
        return None

    def close(self) -> None:
        """Nothing is kept open."""


def _holds_mask(folder: Path) -> bool:
    """Whether a picture lies in *folder* or one folder below."""
    for pattern in ("*", "*/*"):
        for looked_at, path in enumerate(folder.glob(pattern)):
            if path.suffix.lower() in MASK_SUFFIXES:
                return True
            if looked_at > 200:
                break
    return False
