"""Round trips of dataset formats: random label layers, an export without a project, and what an import makes of it.

scene = draw(scenes(objects=True))                       # hypothesis: layers of one image
found = round_trip("coco", [scene], tmp_path)            # written by the exporter, checked by its own differs(), read by the importer
assert found.facts(0) == facts(scene)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, UNLABELLED, ClassTable
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.core.layers import LabelLayer
from segstudio.io.formats.base import ExportItem, FoundClass
from segstudio.io.formats.reading import build_layers, opened
from segstudio.io.formats.table import entry_of, load_target

NAMES = ("sky", "nucleus 2", "路面", "tree")


def class_table(count: int = 4) -> ClassTable:
    """Classes with mask values that have gaps; the third has a Chinese name."""
    table = ClassTable()
    for index in range(count):
        name = NAMES[index] if index < len(NAMES) else f"class {index}"
        table = table.added(name, mask_value=(3, 7, 12, 200)[index] if index < 4 else 201 + index)
    return table


@dataclass(eq=False)
class Scene:
    """One image's layers; class indices are those of *table*."""

    layers: list[LabelLayer]
    width: int
    height: int
    table: ClassTable


@st.composite
def scenes(
    draw: st.DrawFn, *, objects: bool = True, stuff: bool = True, ignore: bool = True, overlap: bool = False, holes: bool = True,
    classes: int = 4, largest: int = 40, most_objects: int = 6,
) -> Scene:  # fmt: skip
    """Layers with holes, touching objects, one-pixel parts and ignore, as far as is asked for."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = class_table(classes)
    builder = LayerBuilder(width, height, [item.id for item in table])
    if stuff or ignore:
        values = np.zeros((height, width), np.uint16)
        if stuff:
            values[:] = (
                rng.integers(0, classes + 1, (-(-height // 3), -(-width // 3)))
                .repeat(3, 0)
                .repeat(3, 1)[:height, :width]
            )
            values[rng.random((height, width)) < draw(st.sampled_from([0, 0.05, 0.5]))] = 0
        if ignore:
            values[rng.random((height, width)) < draw(st.sampled_from([0, 0.02, 0.3]))] = IGNORE
    else:
        values = np.zeros((height, width), np.uint16)
    pieces = []
    for number in range(draw(st.integers(0, most_objects)) if objects else 0):
        mask = random_mask(rng, height, width, holes=holes)
        if not overlap:
            taken = np.zeros_like(mask)
            for other in pieces:
                taken |= other.mask
            mask &= ~taken
            if not holes:
                mask = without_holes(mask) & ~taken
                mask = largest_solid(mask)
        values[mask] = 0
        if mask.any():
            pieces.append(FoundObject(0, 0, mask, int(rng.integers(classes)), key=number))
    builder.add(ClassPixels(0, 0, values))
    return Scene(builder.add_all(pieces).layers, width, height, table)


def random_mask(rng: np.random.Generator, height: int, width: int, *, holes: bool = True) -> np.ndarray:
    """A blob with ragged edges, holes, several parts, or single pixels."""
    mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(mask, centre, int(rng.integers(0, max(2, min(height, width) // 3))), 1, -1)
    if holes and rng.random() < 0.6:
        mask[rng.random(mask.shape) < 0.2] = 0
    if rng.random() < 0.3:
        mask[int(rng.integers(height)), int(rng.integers(width))] = 1
    found = mask > 0
    return found if holes else without_holes(found)


def without_holes(mask: np.ndarray) -> np.ndarray:
    """With every hole filled (4-connected background)."""
    from scipy.ndimage import binary_fill_holes

    return np.asarray(binary_fill_holes(mask, np.ones((3, 3))))


def largest_solid(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected part, holes filled only where that takes no other pixel: else nothing."""
    count, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return mask
    part = ids == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return part if np.array_equal(without_holes(part), part) else np.zeros_like(mask)


def facts(layers: list[LabelLayer], names: dict[int, str], width: int, height: int) -> tuple[Any, ...]:
    """What layers say, whatever their ids and order: objects as a bag of (class, pixels), stuff by class, ignored pixels.

    A pixel of several layers counts in each. Stuff of one class on several layers is united.
    """
    objects: Counter[tuple[str, bytes]] = Counter()
    stuff: dict[str, np.ndarray] = {}
    ignored = np.zeros((height, width), np.bool_)
    for layer in layers:
        if layer.kind != "labels":
            continue
        ids = layer.read(Rect(0, 0, width, height))
        ignored |= ids == IGNORE
        for number in np.unique(ids).tolist():
            if number in (UNLABELLED, IGNORE):
                continue
            segment = layer.segments[number]
            name = names[segment.class_id]
            if segment.is_object:
                objects[name, np.packbits(ids == number).tobytes()] += 1
            else:
                stuff[name] = stuff.get(name, np.zeros((height, width), np.bool_)) | (ids == number)
    return objects, {name: np.packbits(mask).tobytes() for name, mask in stuff.items()}, np.packbits(ignored).tobytes()


def facts_of(scene: Scene) -> tuple[Any, ...]:
    """Of what was written."""
    return facts(scene.layers, {item.id: item.name for item in scene.table}, scene.width, scene.height)


@dataclass(eq=False)
class ReadBack:
    """What an importer made of a dataset: by image name without suffix."""

    classes: list[FoundClass]
    layers: dict[str, list[LabelLayer]]
    sizes: dict[str, tuple[int, int]]
    splits: dict[str, str | None]
    images: dict[str, Path | None]
    problems: list[Any]

    def facts(self, stem: str = "image0") -> tuple[Any, ...]:
        """As :func:`facts_of`."""
        width, height = self.sizes[stem]
        names = {index: item.name for index, item in enumerate(self.classes, start=1)}
        return facts(self.layers[stem], names, width, height)


def items_of(scenes_: list[Scene], folder: Path, splits: list[str | None] | None = None) -> list[ExportItem]:
    """Export items of scenes, with images made for them: ``image0.png`` … in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for number, scene in enumerate(scenes_):
        file = folder / f"image{number}.png"
        shades = np.linspace(0, 255, scene.height * scene.width * 3).reshape(scene.height, scene.width, 3)
        cv2.imwrite(str(file), shades.astype(np.uint8))
        split = splits[number] if splits else None
        items.append(
            ExportItem(
                number + 1,
                file.stem,
                file.name,
                file,
                scene.width,
                scene.height,
                split,
                lambda layers=scene.layers: list(layers),
            )
        )
    return items


def write_dataset(
    format_id: str, items: list[ExportItem], table: ClassTable, out: Path, options: dict[str, Any] | None = None
) -> list[str]:
    """Write a dataset with the format's exporter, which must find no difference; its notes."""
    entry = entry_of(format_id)
    out.mkdir(parents=True, exist_ok=True)
    exporter = load_target(entry.target, entry.needs)(out, table, {**entry.options, **(options or {})})
    for item in items:
        exporter.write(item, NEVER)
    exporter.finish(sorted({item.split for item in items if item.split}))
    for item in items:
        assert exporter.differs(item, NEVER) == "", item.name
    return list(exporter.notes())


def read_dataset(format_id: str, source: Path, options: dict[str, Any] | None = None) -> ReadBack:
    """Read a dataset with the format's importer."""
    with opened(source, format_id, options) as importer:
        found = list(importer.images())
        classes = list(importer.classes)
        layers, sizes, splits, images = {}, {}, {}, {}
        for one in found:
            stem = one.name.rsplit(".", 1)[0]
            assert stem not in layers, f"{stem} comes twice"
            layers[stem] = build_layers(one, range(1, len(classes) + 1)).layers
            sizes[stem], splits[stem], images[stem] = (one.width, one.height), one.split, one.image
        return ReadBack(classes, layers, sizes, splits, images, list(importer.problems))


def round_trip(format_id: str, scenes_: list[Scene], folder: Path, options: dict[str, Any] | None = None) -> ReadBack:
    """Write the scenes into ``folder/out`` and read them."""
    write_dataset(format_id, items_of(scenes_, folder / "images"), scenes_[0].table, folder / "out", options)
    return read_dataset(format_id, folder / "out")
