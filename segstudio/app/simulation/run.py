"""A simulation from its plan to its curve: one function that the command line, tests and benches call."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.app.simulation.annotators import Painter, Paster, shown_classes
from segstudio.app.simulation.data import read_truth, truth_of
from segstudio.app.simulation.hand import Hand
from segstudio.app.simulation.learners import make_learner
from segstudio.app.simulation.orders import Order
from segstudio.app.simulation.places import only, sketch_square, uncertain_places
from segstudio.app.simulation.plan import CurvePoint, Effort, Simulation
from segstudio.app.simulation.quality import Quality, Scores, compared, found_classes, share_wrong, to_label
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.cancel import NEVER, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.progress import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.app.simulation.annotators import Annotator
    from segstudio.app.simulation.data import Mask
    from segstudio.app.simulation.plan import EndedBy, SimulationPlan
    from segstudio.core.cancel import Cancel
    from segstudio.core.geometry import Rect
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter
    from segstudio.ml.training.sources import TrainImage

LOOKS_RIGHT = 0.1
"""A proposal is accepted as a whole once it is wrong in less than this part of what it should hold, or mostly right."""
UNFINISHED = 0.5
"""An image is not marked done while so much of it, by what there is to label, is wrong: done means that nothing is missing."""


def simulate(
    plan: SimulationPlan,
    *,
    project: Path | None = None,
    tell: Callable[[CurvePoint], None] | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Simulation:
    """Label the images of *plan* as a person would, until the budget is spent, the target reached, or all images are done.

    The project is made in *project* and stays there; without it in a folder that is gone afterwards. Each point of the curve
    is *told* when it is known.

    Raises
    ------
    UserError
        When the data, the model, or the disk does not allow it.
    Cancelled
        When the cancel flag was set before anything was measured; later it ends with what it has.
    """
    plan = plan.checked()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="segstudio-simulate-")))
        folder = scratch / "project" if project is None else project
        _limit_threads(plan)
        work = _Work(plan, folder, scratch / "settings", tell or _hear_nothing, progress, cancel)
        try:
            return work.run()
        finally:
            work.close()


def _hear_nothing(_: CurvePoint) -> None:
    """Nobody listens."""


def _limit_threads(plan: SimulationPlan) -> None:
    if plan.threads:
        from segstudio.ml.inference.devices import use_threads

        use_threads(plan.threads)


class _Work:
    """The session, the hand, what learns, and the curve so far."""

    def __init__(
        self,
        plan: SimulationPlan,
        folder: Path,
        settings: Path,
        tell: Callable[[CurvePoint], None],
        progress: ProgressSink,
        cancel: Cancel,
    ) -> None:
        self.plan, self._tell, self._progress, self._cancel = plan, tell, progress, cancel
        self.notes: list[str] = []
        self.points: list[CurvePoint] = []
        self.effort = Effort()
        self._began_s = time.monotonic()
        self._segmenter: tuple[str, AnySegmenter] | None = None
        self._quality: tuple[str, Quality | None] = ("", None)
        progress(0, 0, "Reading the data")
        self.data = read_truth(plan)
        self.session = Session(Settings(settings))
        self.session.notice.connect(self._on_notice)
        self._images = self._make_project(folder)
        self.table = self.session.classes
        self._lut = self.data.lut(self.table)
        self._label_scores = Scores(self.data, self.table)
        self.hand = Hand(ToolBox(ToolContext(self.session, self.session.settings)), plan.hand, self.effort, plan.seed)
        self.annotator = self._make_annotator()
        self.order = Order(plan.order, plan.seed, cancel, plan.candidates)
        self.learner = make_learner(plan, folder, cancel)
        self._is_renewed = self._is_cut = self._is_sketching = False
        self._image_strokes = 0
        self._proposed: Quality | None = None

    def close(self) -> None:
        """Let go of everything."""
        learner = getattr(self, "learner", None)
        if learner is not None:
            learner.close()
        session = getattr(self, "session", None)
        if session is not None:
            session.close_project(discard=True)

    # -- beginning -----------------------------------------------------------------------------------------------

    def _make_project(self, folder: Path) -> dict[int, TrainImage]:
        if not self.session.create_project(folder, self.data.table()):
            raise UserError(self.notes[-1] if self.notes else "the project could not be made", path=folder)
        report = self.session.add_images([image.file for image in self.data.pool])
        if report is None or report.failed:
            raise UserError(self.notes[-1] if self.notes else "the images could not be added", path=folder)
        store = self.session.store
        assert store is not None
        by_file = {image.file.resolve(): image for image in self.data.pool}
        return {r.id: by_file[store.image_file(r).resolve()] for r in self.session.images}

    def _make_annotator(self) -> Annotator:
        if self.plan.annotator == "exact":
            return Paster(self.session, self.hand)
        if self.plan.annotator == "clicks":
            from segstudio.app.simulation.clicker import Clicker

            return Clicker(self.session, self.hand, self.plan.click_model, self.plan.device)
        return Painter(self.session, self.hand)

    def _on_notice(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> Simulation:
        """Label image after image; what was measured so far when it is stopped."""
        self._measure("")
        try:
            ended_by = self._label_all()
        except Cancelled:
            ended_by = "stopped"
        return Simulation(
            self.plan, tuple(self.points), self.data.classes, len(self.data.pool), len(self.data.test), ended_by,
            "" if self._segmenter is None else self._segmenter[1].device, time.monotonic() - self._began_s,
            (*self.notes, *self.learner.notes),
        )  # fmt: skip

    def _label_all(self) -> EndedBy:
        done: list[int] = []
        while left := [image_id for image_id in self._images if image_id not in set(done)]:
            check(self._cancel)
            self._report()
            image_id = self.order.next(left, done, self._file, self.learner.model, self._load)
            self._label(image_id)
            done.append(image_id)
            if len(left) == 1 and self._comes_again:
                done.clear()  # there are other places in each of them
            if self.effort.images % self.plan.measure_every == 0 or self._is_spent or len(left) == 1:
                self._measure(self._images[image_id].name)
            if self._is_reached:
                return "target"
            if self._is_spent:
                return "budget"
        return "images"

    def _file(self, image_id: int) -> Path:
        return self._images[image_id].file

    @property
    def _is_spent(self) -> bool:
        return self.effort.of(self.plan.budget.unit) >= self.plan.budget.amount

    @property
    def _is_reached(self) -> bool:
        last = self.points[-1]
        reached = last.mean_iou if self.data.background is None else last.foreground_dice
        return bool(self.plan.target) and (reached or 0.0) >= self.plan.target

    def _report(self) -> None:
        amount = self.plan.budget.amount
        self._progress(min(self.effort.of(self.plan.budget.unit), amount), amount, "Labelling")

    def _label(self, image_id: int) -> None:
        """Label one image: sketch, propose, correct, accept, done."""
        self.session.select_image(image_id)
        truth = truth_of(self._images[image_id], self._lut)
        self._image_strokes, self._proposed = 0, None
        if not self.learner.model and self.plan.sketch_px and self.plan.loop == "continuous":
            # Learning is started when the square is whole: before, what is not painted yet would be learnt as background.
            self._is_sketching = True
            square = sketch_square(truth, self.plan.sketch_px, self.hand.rng)
            if self.plan.places_per_image:
                self._mend_place(square, truth)
            else:
                self._annotate(only(truth, square))
            self._is_sketching = False
            self._told_learner(self.learner.on_image(0))
        self._propose(image_id)
        if self.plan.places_per_image:
            self._label_places(truth)
        else:
            self._label_whole(image_id, truth)
        self.effort.images += 1
        self.learner.on_image(self.effort.images)

    def _label_whole(self, image_id: int, truth: Mask) -> None:
        """Put the whole image right; done when that was reached."""
        is_content = self._annotate(truth)
        if not is_content and self._comes_again:
            return  # the rest of the proposal is left alone: it is wrong in places, and a better one will come
        is_content |= self._accept(truth)
        labels = _labels(self.session)
        self._label_scores.add(truth, labels)
        if is_content and share_wrong(truth, labels) <= UNFINISHED:
            self.session.set_status([image_id], "done")

    @property
    def _comes_again(self) -> bool:
        """Whether an image is only partly put right and comes round again, while the model learns."""
        plan = self.plan
        return bool(plan.places_per_image or (plan.loop == "continuous" and plan.strokes_per_image))

    def _label_places(self, truth: Mask) -> None:
        """Go to the most uncertain places one after the other, put each right, and confirm it."""
        for rect in uncertain_places(self.session, self.plan.places_per_image):
            if self._is_over:
                return
            self._mend_place(rect, truth)

    def _mend_place(self, rect: Rect, truth: Mask) -> None:
        self._annotate(only(truth, rect), truth)
        before = np.count_nonzero(_labels(self.session))
        if self.session.what_next.places.confirm(rect):
            self.effort.strokes += 1
        self.effort.accepted += int(np.count_nonzero(_labels(self.session))) - int(before)
        self._label_scores.add(only(truth, rect), _labels(self.session))

    def _annotate(self, truth: Mask, around: Mask | None = None) -> bool:
        """Let the annotator work; a proposal that was renewed meanwhile is looked at anew. Whether it was content in the end."""
        while not self._is_over:
            self._is_renewed = self._is_cut = False
            self.annotator.work(truth, self._go_on, around)
            if not self._is_renewed:
                return not self._is_cut
        return False

    def _go_on(self) -> bool:
        """A stroke was made: learn when it is time; whether there may be another one on what was seen."""
        check(self._cancel)
        self._report()
        self._image_strokes += 1
        self._told_learner(not self._is_sketching and self.learner.on_strokes(1))
        self._measure_now_and_then()
        self._is_cut = self._is_over
        return not (self._is_renewed or self._is_cut)

    @property
    def _is_over(self) -> bool:
        """Whether no further stroke may be made on this image."""
        limit = self.plan.strokes_per_image
        return self._is_spent or self._is_reached or bool(limit and self._image_strokes >= limit)

    def _told_learner(self, is_new: bool) -> None:
        image_id = self.session.image_id
        if is_new and self.plan.has_proposals and image_id is not None and not self._is_over:
            self._propose(image_id)
            self._is_renewed = True

    # -- proposals -----------------------------------------------------------------------------------------------

    def _load(self, model: str) -> AnySegmenter:
        if self._segmenter is None or self._segmenter[0] != model:
            from segstudio.ml.inference.loading import load_segmenter
            from segstudio.ml.registry import Catalog

            entry = Catalog(self.session.folder).find(model)
            self._segmenter = (model, load_segmenter(entry, self.plan.device, cancel=self._cancel))
        return self._segmenter[1]

    def _propose(self, image_id: int) -> None:
        """The model's proposal into the image shown, as the window takes it in."""
        from segstudio.ml.class_mapping import match_by_name
        from segstudio.ml.inference.run import propose

        model, session = self.learner.model, self.session
        if not model or not self.plan.has_proposals or session.reader is None:
            return
        segmenter = self._load(model)
        known = match_by_name(segmenter.card, session.classes)
        generation = session.proposals.begin({i: c or 0 for i, c in known.items()}, segmenter.card.id)
        for result in propose(segmenter, session.reader, cancel=self._cancel):
            session.proposals.receive_window(image_id, generation, result)
        session.proposals.finish_proposal(image_id, generation)
        session.proposals.end()
        if self._proposed is None:
            self._proposed = compared(
                self.data, self.table, [(truth_of(self._images[image_id], self._lut), shown_classes(session))]
            )

    def _accept(self, truth: Mask) -> bool:
        """Accept what is left of the proposal, if it looks right (then True); else it is rejected."""
        session = self.session
        if session.proposal is None or session.proposal.is_blank:
            return False
        labels = _labels(session)
        left = shown_classes(session)
        of_proposal = (labels == UNLABELLED) & (left != UNLABELLED)
        wrong = of_proposal & (left != truth) & (truth != IGNORE)
        wanted = to_label(truth)
        if (
            np.count_nonzero(wrong) / wanted <= LOOKS_RIGHT
            or np.count_nonzero(wrong) <= np.count_nonzero(of_proposal) / 2
        ):
            if not session.proposals.accept_all():
                return False
            self.effort.accepted += int(np.count_nonzero(of_proposal))
            self.effort.strokes += 1
            return True
        self.effort.strokes += session.proposals.reject_all()
        return False

    # -- measuring -----------------------------------------------------------------------------------------------

    def _measure_now_and_then(self) -> None:
        """Between images, where that is asked for and there is another model."""
        every, last = self.plan.measure_strokes, self.points[-1]
        image_id = self.session.image_id
        if (
            every
            and image_id is not None
            and self.effort.strokes - last.strokes >= every
            and self.learner.model != last.model
        ):
            self._measure(self._images[image_id].name)

    def _measure(self, image: str) -> None:
        """A point of the curve."""
        effort, found = self.effort, self._model_quality()
        proposed = self._proposed
        labels = self._label_scores.quality() if effort.images else None
        point = CurvePoint(
            effort.strokes, effort.pixels, effort.images, effort.clicks, effort.accepted, image,
            mean_dice=None if found is None else found.mean_dice,
            foreground_dice=None if found is None else found.foreground_dice,
            mean_iou=None if found is None else found.mean_iou,
            labels_dice=None if labels is None else labels.foreground_dice,
            proposal_dice=None if proposed is None else proposed.foreground_dice,
            model=self.learner.model, seconds=round(time.monotonic() - self._began_s, 1),
            train_seconds=round(self.learner.seconds, 1),
        )  # fmt: skip
        self.points.append(point)
        self._tell(point)

    def _model_quality(self) -> Quality | None:
        """Of the model on the test images; measured once for each model."""
        model = self.learner.model
        if model and self._quality[0] != model:
            segmenter, scores = self._load(model), Scores(self.data, self.table)
            for index, image in enumerate(self.data.test):
                self._progress(index, len(self.data.test), "Measuring")
                truth = truth_of(image, self._lut)
                shape = (truth.shape[0], truth.shape[1])
                scores.add(truth, found_classes(segmenter, image.file, self.table, shape, self._cancel))
            self._quality = (model, scores.quality())
        return self._quality[1] if model else None


def _labels(session: Session) -> Mask:
    assert session.labels is not None
    labels: Mask = session.labels.read_classes(session.labels.bounds, session.plane)
    return labels
