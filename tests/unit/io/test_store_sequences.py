"""Any sequence of edits: the file equals memory after reopening, undo-all is the start, redo-all the end."""

from __future__ import annotations

import tempfile

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_help import blank_image, pixels

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import ClassTable
from segstudio.core.edits import Guard, Transaction, apply_edit
from segstudio.core.geometry import Rect
from segstudio.core.proposals import ProposalWriter, accept, reject
from segstudio.core.regions import flood_fill
from segstudio.io.store.project import ProjectStore

WIDTH, HEIGHT = 300, 280
_where = st.tuples(st.integers(-20, WIDTH + 20), st.integers(-20, HEIGHT + 20))
_step = st.one_of(
    st.tuples(st.just("paint"), _where, st.integers(1, 3), st.integers(1, 120)),
    st.tuples(st.just("object"), _where, st.integers(1, 3), st.integers(1, 120)),
    st.tuples(st.just("erase"), _where, st.just(0), st.integers(1, 120)),
    st.tuples(st.just("guarded"), _where, st.integers(1, 3), st.integers(1, 120)),
    st.tuples(st.just("fill"), _where, st.integers(1, 3), st.just(1)),
    st.tuples(st.just("abort"), _where, st.integers(1, 3), st.integers(1, 120)),
    st.tuples(st.just("propose"), _where, st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.just("accept"), _where, st.integers(1, 3), st.integers(0, 1)),
    st.tuples(st.just("reject"), _where, st.integers(1, 3), st.just(1)),
    st.tuples(st.just("merge"), _where, st.integers(2, 3), st.just(1)),
    st.tuples(st.just("delete"), _where, st.integers(2, 3), st.just(1)),
    st.tuples(st.just("undo"), _where, st.just(1), st.integers(1, 3)),
    st.tuples(st.just("redo"), _where, st.just(1), st.integers(1, 3)),
    st.tuples(st.just("reopen"), _where, st.just(1), st.just(1)),
)


class Desk:
    """What a session does, in little."""

    def __init__(self, folder: str) -> None:
        self.store = ProjectStore.create(folder, ClassTable.from_names("a,b,c"))
        self.image = blank_image(self.store, width=WIDTH, height=HEIGHT)
        self.store.proposal_layer(self.image, create=True)
        self.load()
        self.start = self.state()

    def load(self) -> None:
        self.labels = self.store.labels_layer(self.image)
        self.proposal = self.store.proposal_layer(self.image)
        self.stack = self.store.history(self.image)

    def state(self):
        planes = (pixels(self.labels), self.labels.read(self.labels.bounds), pixels(self.proposal))
        return [*planes, self.proposal.read_confidence(self.proposal.bounds)], self.store.classes.names

    def keep(self, edit) -> None:
        if edit is not None:
            self.stack.push(self.store.commit(edit))

    def go(self, forward: bool) -> bool:
        edit = self.stack.redo() if forward else self.stack.undo()
        if edit is None:
            return False
        apply_edit(edit, {self.labels.id: self.labels, self.proposal.id: self.proposal})
        self.store.mark_undone(edit, not forward)
        return True

    def do(self, kind: str, xy, class_id: int, size: int) -> None:
        if kind in ("undo", "redo"):
            for _ in range(size):
                self.go(kind == "redo")
            return
        if kind == "reopen":
            self.reopen()
            return
        if kind in ("merge", "delete"):
            if len(self.store.classes) > 1 and self.store.classes.by_id(class_id):
                target = next(item.id for item in self.store.classes if item.id != class_id)
                merging = kind == "merge"
                edit = (
                    self.store.merge_classes_edit([class_id], target)
                    if merging
                    else self.store.delete_class_edit(class_id)
                )
                self.keep(edit)
            return
        if self.store.classes.by_id(class_id) is None:
            class_id = self.store.classes[0].id if kind != "erase" else 0
        if kind == "propose":
            writer = ProposalWriter(self.proposal, {1: class_id, 2: self.store.classes[0].id}, "model", str(size))
            rng = np.random.default_rng(size)
            classes = np.kron(rng.integers(0, 3, (7, 6)), np.ones((40, 50), int))
            writer.write_window(Rect(0, 0, WIDTH, HEIGHT), classes, rng.integers(0, 255, (280, 300), dtype=np.uint8))
            self.keep(writer.finish())
        elif kind == "accept":
            locked = (class_id,) if size else ()
            self.keep(accept(self.labels, self.proposal, min_confidence=0.4, locked_class_ids=locked))
        elif kind == "reject":
            self.keep(reject(self.proposal, class_ids=[class_id]))
        else:
            self.draw(kind, xy, class_id, size)

    def draw(self, kind: str, xy, class_id: int, size: int) -> None:
        guard = Guard("background", locked_class_ids=frozenset({2})) if kind == "guarded" else Guard()
        transaction = Transaction(self.labels, kind, guard)
        if kind == "fill":
            mask, rect = flood_fill(self.labels, xy)
        else:
            mask, rect = stroke_mask([xy, (xy[0] + 60, xy[1] + 30)], size)
        if kind == "erase":
            transaction.erase(mask, rect.x, rect.y)
        else:
            make = transaction.new_object if kind == "object" else transaction.ensure_stuff
            transaction.paint(mask, rect.x, rect.y, make(class_id))
        if kind == "abort":
            before = self.stack.position
            transaction.abort()
            assert self.stack.position == before
        else:
            self.keep(transaction.commit())

    def reopen(self) -> None:
        before, names = self.state()
        entries = [(entry.seq, entry.is_undone) for entry in self.stack.entries()]
        self.store.close()
        self.store = ProjectStore.open(self.store.folder)
        self.load()
        after, names_after = self.state()
        assert names == names_after
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert entries == [(entry.seq, entry.is_undone) for entry in self.stack.entries()]
        assert self.store.labelled_pixels() == self.labels.pixel_counts()


def same(one, two) -> bool:
    return one[1] == two[1] and all(np.array_equal(a, b) for a, b in zip(one[0], two[0], strict=True))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_step, max_size=14))
def test_any_sequence(steps):
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(folder)
        try:
            for step in steps:
                desk.do(*step)
            while desk.go(True):
                pass
            end = desk.state()
            desk.reopen()
            while desk.go(False):
                pass
            # Confidences where nothing is proposed are no part of the state.
            assert same(desk.state(), desk.start)
            desk.reopen()
            while desk.go(True):
                pass
            assert same(desk.state(), end)
            desk.reopen()
        finally:
            desk.store.discard()
