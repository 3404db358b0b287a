"""Paints until it is killed, again and again; run by test_kill.py as a program of its own.

``painter.py FOLDER ROUNDS store|naive`` forks a child per round, kills it at a random moment in the middle of its work,
opens what is left and compares it with the strokes that the child had reported. Prints one JSON line a round.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.layers import LabelLayer, Segment
from segstudio.io.store.image_rows import insert_image
from segstudio.io.store.project import ProjectStore

SIDE = 1500


def paint(layer: LabelLayer, number: int):
    """Stroke *number*: always the same pixels for the same number."""
    dice = random.Random(number)
    transaction = Transaction(layer, f"Stroke {number}")
    segment_id = transaction.ensure_stuff(1 + number % 3)
    x, y = dice.randrange(SIDE), dice.randrange(SIDE)
    for _ in range(4):
        to = x + dice.randrange(-80, 80), y + dice.randrange(-80, 80)
        mask, rect = stroke_mask([(x, y), to], 60)
        transaction.paint(mask, rect.x, rect.y, 0 if number % 7 == 0 else segment_id)
        x, y = to
    return transaction.commit()


def expected(count: int, cache: dict) -> np.ndarray:
    """Class ids after the first *count* strokes."""
    if not cache or cache["count"] > count:
        cache.update(count=0, layer=LabelLayer(1, 1, "labels", "labels", SIDE, SIDE))
    while cache["count"] < count:
        cache["count"] += 1
        paint(cache["layer"], cache["count"])
    return cache["layer"].read_classes(cache["layer"].bounds)


class StoreWriter:
    """The real store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"

    def create(self) -> None:
        with ProjectStore.create(self.folder, ClassTable.from_names("a,b,c")) as store:
            texts = dict.fromkeys(("path", "name"), "a.png") | dict.fromkeys(("path_hint", "sha256"), "")
            size = {"width": SIDE, "height": SIDE, "depth": 1, "bands": 3, "dtype": "uint8"}
            insert_image(store._database, {**texts, **size, "status": "unlabelled", "split": None, "added_s": 0.0})

    def work(self, report) -> None:
        with ProjectStore.open(self.folder) as store:
            layer = store.labels_layer(1)
            number = len(store.history(1).entries())
            report(number)
            while True:
                number += 1
                edit = paint(layer, number)
                if edit is None:  # wholly outside the image or over itself: still a numbered step
                    edit = empty_step(layer, number)
                store.commit(edit)
                report(number)

    def check(self, reported: int, cache: dict) -> str:
        with ProjectStore.open(self.folder) as store:
            if store.is_read_only:
                return store.read_only_reason
            found = len(store.history(1).entries())
            if not reported <= found <= reported + 1:
                return f"{found} strokes on disk, {reported} were reported"
            if store._database.pragma("integrity_check") != "ok":
                return "integrity_check failed"
            layer = store.labels_layer(1)
            if not np.array_equal(layer.read_classes(layer.bounds), expected(found, cache)):
                return "pixels differ from the strokes"
            if store.labelled_pixels() != layer.pixel_counts():
                return "pixel counts differ from the pixels"
        return ""


def empty_step(layer: LabelLayer, number: int):
    """An edit that only touches the segment table."""
    transaction = Transaction(layer, f"Stroke {number}")
    transaction.set_segment(Segment(1000 + number, 1, True))
    return transaction.commit()


class NaiveWriter:
    """Negative control: opens the mask and an index, and writes them one after the other."""

    def __init__(self, folder: Path) -> None:
        self.mask, self.index = folder / "mask.npy", folder / "index.json"

    def create(self) -> None:
        self._write(LabelLayer(1, 1, "labels", "labels", SIDE, SIDE), 0)

    def _write(self, layer: LabelLayer, number: int) -> None:
        with self.mask.open("wb") as file:
            np.save(file, layer.read_classes(layer.bounds))
        with self.index.open("w") as file:
            json.dump({"strokes": number}, file)

    def work(self, report) -> None:
        number = json.loads(self.index.read_text())["strokes"]
        cache: dict = {}
        expected(number, cache)
        report(number)
        while True:
            number += 1
            paint(cache["layer"], number)
            self._write(cache["layer"], number)
            report(number)

    def check(self, reported: int, cache: dict) -> str:
        try:
            found = json.loads(self.index.read_text())["strokes"]
            pixels = np.load(self.mask)
        except (ValueError, OSError, KeyError, EOFError) as error:
            return f"cannot be read: {error}"
        if not reported <= found <= reported + 1:
            return f"{found} strokes on disk, {reported} were reported"
        return "" if np.array_equal(pixels, expected(found, cache)) else "pixels differ from the strokes"


def one_round(writer, dice: random.Random) -> int:
    """Fork, let it paint, kill it at a random moment: the number it reported last."""
    reader, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            writer.work(lambda number: os.write(pipe, number.to_bytes(4, "little")))
        finally:
            os._exit(3)
    os.close(pipe)
    received = b""
    for _ in range(4 * dice.randrange(2, 14)):
        received += os.read(reader, 1)
    deadline = time.perf_counter() + dice.random() * 0.006
    while time.perf_counter() < deadline:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while chunk := os.read(reader, 4096):
        received += chunk
    os.close(reader)
    return int.from_bytes(received[len(received) // 4 * 4 - 4 : len(received) // 4 * 4], "little")


def main() -> None:
    """Do the rounds."""
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    writer = StoreWriter(folder) if sys.argv[3] == "store" else NaiveWriter(folder)
    writer.create()
    dice = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 7)
    cache: dict = {}
    for _ in range(rounds):
        reported = one_round(writer, dice)
        problem = writer.check(reported, cache)
        print(json.dumps({"reported": reported, "problem": problem}), flush=True)
        if problem:
            return


if __name__ == "__main__":
    main()
