"""The pictures that click models learn from and are measured on: which are which is told here, once.

*data* is a folder with the sets of the developers' sample data (bsds500, camvid, drive, isbi2012, massroads, medscribble,
nuclei, nuclei2d, volumes, hippocampus_nifti). An image is either in :func:`training` or in :func:`held_out`, never in both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.ml.click.episodes import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FREE = ("nuclei", "nuclei2d")
"""Sets that anybody may use for anything (CC0, BSD-3); pictures that scikit-image ships come beside them."""


@dataclass(frozen=True)
class Picture:
    """One picture of a set; :meth:`load` reads it, with a random annotator's map where there are several."""

    source: str
    file: Path
    load: Callable[[np.random.Generator], Scene]
    part: str = ""
    """Which plane of a volume."""

    def digest(self) -> str:
        """SHA-256 of the file, with the plane behind it where there is one."""
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return f"{digest}:{self.part}" if self.part else digest


def training(data: Path, *, only_free: bool = False) -> list[Picture]:
    """What click models are trained on."""
    names = FREE if only_free else tuple(_TRAIN)
    return [picture for name in names for picture in _TRAIN[name](data)]


def held_out(data: Path) -> dict[str, list[Picture]]:
    """What they are measured on, by set."""
    return {name: list(make(data)) for name, make in _HELD_OUT.items()}


def _rgb(file: Path) -> np.ndarray:
    found = cv2.imread(str(file), cv2.IMREAD_COLOR)
    assert found is not None, file
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def _values(file: Path) -> np.ndarray:
    found = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    assert found is not None, file
    return found if found.ndim == 2 else found[..., 0]


def _pieces(mask: np.ndarray, smallest_px: int = 40) -> np.ndarray:
    """Connected pieces of *mask*, numbered from 1; small ones dropped."""
    count, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    keep = np.zeros(count, np.int32)
    large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= smallest_px]
    keep[large] = np.arange(1, len(large) + 1)
    return keep[ids]


def _bsds(data: Path, split: str) -> Iterator[Picture]:
    folder = data / "bsds500"
    for name in (folder / f"{split}.txt").read_text().split():
        stem = Path(name).stem
        image = folder / "images" / f"{stem}.jpg"
        maps = sorted((folder / "masks").glob(f"{stem}_*.png"))

        def load(rng: np.random.Generator, image: Path = image, maps: list[Path] = maps) -> Scene:
            ids = _values(maps[int(rng.integers(len(maps)))]).astype(np.int32)
            return Scene(_rgb(image), ids + 1 - int(ids.min()))

        yield Picture("bsds500", image, load)


def _camvid(data: Path, split: str) -> Iterator[Picture]:
    for image in sorted((data / "camvid/images" / split).iterdir()):
        mask = data / "camvid/masks" / split / f"{image.stem}.png"

        def load(_: np.random.Generator, image: Path = image, mask: Path = mask) -> Scene:
            classes = _values(mask)
            ids = np.zeros(classes.shape, np.int32)
            for value in np.unique(classes[classes != 255]):
                found = _pieces(classes == value, 60)
                ids[found > 0] = found[found > 0] + ids.max()
            return Scene(_rgb(image), ids, classes == 255)

        yield Picture("camvid", image, load)


def _isbi(data: Path, wanted: range) -> Iterator[Picture]:
    for number in wanted:
        image = data / "isbi2012/images" / f"{number:02d}.png"
        mask = data / "isbi2012/masks" / image.name

        def load(_: np.random.Generator, image: Path = image, mask: Path = mask) -> Scene:
            return Scene(_rgb(image), _pieces(_values(mask) == 0, 100))

        yield Picture("isbi2012", image, load)


def _drive(data: Path, split: str) -> Iterator[Picture]:
    for image in sorted((data / "drive/images" / split).iterdir()):
        mask = next((data / "drive/masks" / split).glob(f"{image.stem.split('_')[0]}*"))

        def load(_: np.random.Generator, image: Path = image, mask: Path = mask) -> Scene:
            classes = _values(mask)
            return Scene(_rgb(image), (classes == 1).astype(np.int32), classes == 255)

        yield Picture("drive", image, load)


def _roads(data: Path, wanted: slice) -> Iterator[Picture]:
    for image in sorted((data / "massroads/images").iterdir())[wanted]:
        mask = data / "massroads/masks" / f"{image.stem}.png"

        def load(_: np.random.Generator, image: Path = image, mask: Path = mask) -> Scene:
            classes = _values(mask)
            return Scene(_rgb(image), (classes == 1).astype(np.int32), classes == 255)

        yield Picture("massroads", image, load)


def _scribbled(data: Path, wanted: slice) -> Iterator[Picture]:
    for image in sorted((data / "medscribble/images").iterdir())[wanted]:
        mask = data / "medscribble/masks" / image.name

        def load(_: np.random.Generator, image: Path = image, mask: Path = mask) -> Scene:
            return Scene(_rgb(image), (_values(mask) > 0).astype(np.int32))

        yield Picture("medscribble", image, load)


def _nuclei(data: Path, split: str) -> Iterator[Picture]:
    for image in sorted((data / "nuclei/images" / split).iterdir()):
        objects = data / "nuclei/objects" / split / f"{image.stem}.png"

        def load(_: np.random.Generator, image: Path = image, objects: Path = objects) -> Scene:
            return Scene(_rgb(image), _values(objects).astype(np.int32))

        yield Picture("nuclei", image, load)


def _nuclei2d(data: Path) -> Iterator[Picture]:
    image = data / "nuclei2d/image.tif"

    def load(rng: np.random.Generator) -> Scene:
        grey = _values(image).astype(np.float32)
        low, high = np.percentile(grey, [rng.uniform(0, 2), rng.uniform(98, 100)])
        seen = np.clip((grey - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
        return Scene(np.repeat(seen[..., None], 3, 2), _values(data / "nuclei2d/objects.tif").astype(np.int32))

    yield Picture("nuclei2d", image, load)


def _planes(image: Path, mask: Path, source: str, wanted: Callable[[int], range]) -> Iterator[Picture]:
    import nibabel

    values, labels = (np.asanyarray(nibabel.load(path).dataobj) for path in (image, mask))
    low, high = np.percentile(values, [1, 99.5])
    for z in wanted(values.shape[2]):
        if (labels[..., z] > 0).sum() < 30:
            continue

        def load(_: np.random.Generator, z: int = z) -> Scene:
            grey = np.clip((values[..., z] - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
            return Scene(np.repeat(grey[..., None], 3, 2), labels[..., z].astype(np.int32))

        yield Picture(source, image, load, f"z{z}")


def _volumes(data: Path) -> Iterator[Picture]:
    folder = data / "volumes"
    brain = folder / "mni152_t1.nii.gz", folder / "mni152_tissue.nii.gz"
    yield from _planes(*brain, "volumes", lambda depth: range(30, min(150, depth), 3))
    for image in sorted((data / "hippocampus_nifti/images").iterdir())[:20]:
        mask = data / "hippocampus_nifti/masks" / image.name
        yield from _planes(image, mask, "hippocampus", lambda depth: range(2, depth, 4))


_TRAIN: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "bsds500": lambda data: _bsds(data, "train"),
    "camvid": lambda data: _camvid(data, "train"),
    "isbi2012": lambda data: _isbi(data, range(20)),
    "drive": lambda data: _drive(data, "train"),
    "massroads": lambda data: _roads(data, slice(4)),
    "medscribble": lambda data: _scribbled(data, slice(1, None, 2)),
    "nuclei": lambda data: _nuclei(data, "train"),
    "nuclei2d": _nuclei2d,
    "volumes": _volumes,
}
_HELD_OUT: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "bsds500": lambda data: _bsds(data, "val"),
    "camvid": lambda data: _camvid(data, "test"),
    "isbi2012": lambda data: _isbi(data, range(20, 25)),
    "drive": lambda data: _drive(data, "test"),
    "massroads": lambda data: _roads(data, slice(4, 5)),
    "medscribble": lambda data: _scribbled(data, slice(0, None, 2)),
    "nuclei": lambda data: _nuclei(data, "test"),
}
