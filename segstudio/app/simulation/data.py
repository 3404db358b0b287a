"""The truth that a simulated annotator knows: a dataset's masks in class ids of a project made for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segstudio.core.classes import IGNORE, UNLABELLED, ClassTable
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from segstudio.app.simulation.plan import SimulationPlan
    from segstudio.ml.training.sources import TrainImage

BACKGROUND = "background"
IGNORE_INDEX = 255
Mask = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class TruthData:
    """The images to label (``pool``) and those to measure on (``test``), and their classes.

    Class index i of the dataset is ``classes[i]``; ``background`` is the index of the class that a person does not paint, None
    where every pixel belongs to a class.
    """

    classes: tuple[str, ...]
    colors: tuple[str, ...]
    values: tuple[int, ...]
    background: int | None
    pool: tuple[TrainImage, ...]
    test: tuple[TrainImage, ...]

    def table(self) -> ClassTable:
        """The project's classes: all but the background."""
        table = ClassTable()
        for index, name in enumerate(self.classes):
            if index != self.background:
                color = self.colors[index] if index < len(self.colors) else ""
                value = self.values[index] if index < len(self.values) else None
                table = table.added(name, color=color or None, mask_value=value)
        return table

    def lut(self, table: ClassTable) -> Mask:
        """(256,) uint16: class index of the dataset → class id of the project."""
        lut = np.full(256, IGNORE, np.uint16)
        for index, name in enumerate(self.classes):
            known = table.by_name(name)
            lut[index] = UNLABELLED if index == self.background or known is None else known.id
        lut[IGNORE_INDEX] = IGNORE
        return lut


def read_truth(plan: SimulationPlan) -> TruthData:
    """The dataset of *plan*, parted into what is labelled and what is measured on.

    Raises
    ------
    UserError
        When it cannot be read, or has too few images.
    """
    from segstudio.io.datasets import parse_data_spec
    from segstudio.ml.training.sources import folder_data

    folder = parse_data_spec(plan.data)
    has_splits = any(sample.split in ("test", "val") for sample in folder.samples)
    data = folder_data(folder, val_fraction=0.2, seed=plan.seed)
    by_name = {image.name: image for image in data.images}
    # The order of the dataset, whatever a split for training did to it; volumes come plane by plane.
    images = [by_name[sample.name] for sample in folder.samples if sample.name in by_name]
    if any(image.z for image in images):
        raise UserError("a simulation works on flat images", remedy="choose a dataset without volumes")
    own = {sample.name: sample.split for sample in folder.samples}
    if has_splits:
        wanted = "test" if any(own[image.name] == "test" for image in images) else "val"
        test = [image for image in images if own[image.name] == wanted]
        pool = [image for image in images if own[image.name] == "train"]
        test = test[:: max(1, len(test) // plan.test_images)][: plan.test_images] if plan.test_images else test
    else:
        count = plan.test_images or max(1, len(images) // 5)
        pool, test = images[:-count], images[-count:]
    if not pool or not test:
        raise UserError(
            f"{len(images)} images leave none to label or none to measure on", remedy="give fewer --test-images"
        )
    if 0 < plan.pool_images < len(pool):
        chosen = np.random.default_rng(plan.seed).choice(len(pool), plan.pool_images, replace=False)
        pool = [pool[i] for i in sorted(chosen.tolist())]
    classes = _names(plan, data.classes)
    background = 0 if classes[0].lower() == BACKGROUND else None
    return TruthData(classes, data.colors, data.values, background, tuple(pool), tuple(test))


def _names(plan: SimulationPlan, classes: tuple[str, ...]) -> tuple[str, ...]:
    if not plan.class_names:
        return classes
    if len(plan.class_names) != len(classes):
        raise UserError(
            f"{len(plan.class_names)} class names for {len(classes)} classes",
            remedy=f"the masks hold {', '.join(classes)}",
        )
    return plan.class_names


def truth_of(image: TrainImage, lut: Mask) -> Mask:
    """(y, x) class ids of the truth; what has no data, or no class, is ``IGNORE``."""
    from segstudio.ml.training.sources import known_target

    truth: Mask = lut[known_target(image)]
    return truth
