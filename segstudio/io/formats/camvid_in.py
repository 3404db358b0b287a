"""Reading CamVid: SegNet's folders, CVAT's, the masks of 32 colours of the first release, and ``images`` with ``masks``."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from segstudio.io.datasets import CAMVID_CLASSES, SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.camvid import COLOR_LIST, SEGNET_VOID, void_value
from segstudio.io.formats.legend import Legend
from segstudio.io.formats.mask_lists import read_mask_list
from segstudio.io.formats.mask_places import child, find_folders
from segstudio.io.formats.mask_scan import Seen
from segstudio.io.formats.masks_in import MasksImporter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from segstudio.io.formats.mask_lists import MaskList
    from segstudio.io.formats.safety import Limits

_SEQUENCE = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_")
"""How the frames of CamVid's four films are called."""
# The 32 classes of the first release: mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/data/label_colors.txt.
FIRST_CLASSES = (
    ("Animal", "#408040"), ("Archway", "#c00080"), ("Bicyclist", "#0080c0"), ("Bridge", "#008040"), ("Building", "#800000"),
    ("Car", "#400080"), ("CartLuggagePram", "#4000c0"), ("Child", "#c08040"), ("Column_Pole", "#c0c080"), ("Fence", "#404080"),
    ("LaneMkgsDriv", "#8000c0"), ("LaneMkgsNonDriv", "#c00040"), ("Misc_Text", "#808040"), ("MotorcycleScooter", "#c000c0"),
    ("OtherMoving", "#804040"), ("ParkingBlock", "#40c080"), ("Pedestrian", "#404000"), ("Road", "#804080"),
    ("RoadShoulder", "#8080c0"), ("Sidewalk", "#0000c0"), ("SignSymbol", "#c08080"), ("Sky", "#808080"),
    ("SUVPickupTruck", "#4080c0"), ("TrafficCone", "#000040"), ("TrafficLight", "#004040"), ("Train", "#c04080"),
    ("Tree", "#808000"), ("Truck_Bus", "#c080c0"), ("Tunnel", "#400040"), ("VegetationMisc", "#c0c000"), ("Wall", "#40c000"),
)  # fmt: skip
_SPLITS = (*dict.fromkeys(("train", "val", "test", *SPLIT_FOLDERS)), "default", "trainval")


class CamvidImporter(MasksImporter):
    """Masks of the values 0 … 10 with 11 unlabelled, or as ``classes.json`` or ``label_colors.txt`` say."""

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        super().__init__(source, options, limits)
        self._folders = _annot_folders(self._root) or self._folders

    @staticmethod
    def looks_like(source: Path) -> int:
        """Folders such as trainannot, a list of colours, or frames of CamVid's films."""
        if not source.is_dir():
            return 0
        if _annot_folders(source):
            return 95
        _, masks, _ = find_folders(source)[0]
        if masks == source and not (source / COLOR_LIST).is_file():
            return 0
        if (source / COLOR_LIST).is_file() or (masks / COLOR_LIST).is_file():
            return 85
        if (source / "classes.json").is_file():
            return 0
        for pattern in ("*.png", "*/*.png"):
            first = next(masks.glob(pattern), None)
            if first is not None:
                return 85 if _SEQUENCE.match(first.name) else 0
        return 0

    @cached_property
    def _legend(self) -> Legend:
        ignore = int(self._options.get("ignore", 255))
        ignored = frozenset({ignore, 65535} if ignore >= 0 else ())
        places = [*dict.fromkeys((self._root, *(masks.parent for _, masks, _ in self._folders)))]
        listed = read_mask_list(places, self._limits, background=bool(self._options.get("background", False)))
        if listed is not None:
            self.problems.extend(listed.problems)
            return _listed(listed, ignored)
        first = next(iter(self._pairs()), None)
        if first is not None and Seen().look([first.mask]).colors:
            return Legend(tuple(FoundClass(name, color) for name, color in FIRST_CLASSES), ignored)
        classes = (FoundClass(name, color, value) for value, (name, color) in enumerate(CAMVID_CLASSES))
        return Legend(tuple(classes), ignored, frozenset({SEGNET_VOID}))


def _listed(listed: MaskList, ignored: frozenset[int]) -> Legend:
    values = [item.value for item in listed.classes if item.value is not None]
    void = frozenset({void_value(values)}) if values else frozenset({0})
    return Legend(listed.classes, listed.ignored | ignored, void, more_colors=dict.fromkeys(listed.void_colors, 0))


def _annot_folders(root: Path) -> list[tuple[Path | None, Path, str | None]]:
    """Pairs such as ``train`` and ``trainannot``; and the first release's stills with their masks of colours."""
    found: list[tuple[Path | None, Path, str | None]] = []
    for name in _SPLITS:
        masks = child(root, (f"{name}annot", f"{name}_labels"))
        if masks is not None:
            found.append((child(root, (name,)), masks, SPLIT_FOLDERS.get(name)))
    masks = child(root, ("LabeledApproved_full", "LabeledApproved"))
    if masks is not None and not found:
        found.append((child(root, ("701_StillsRaw_full", "StillsRaw", "images")), masks, None))
    return found
