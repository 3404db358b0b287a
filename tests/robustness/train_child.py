"""Trains by the real command in forked processes that are killed at given moments, goes on, and compares with an unbroken run.

``train_child.py FOLDER KIND…``: one JSON line for each kill, with what was wrong ("" = the same metrics and weights). A KIND is
"ours", or a way to do it wrong that the comparison must notice: "naive" writes checkpoints in place, "undrawn" does not set
the generators of random numbers, "epochs" goes on at the beginning of an epoch that was half done.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
from PIL import Image

EPOCHS = 2
SMALLEST_CHECKPOINT_BYTES = 200_000


def make_data(root):
    """Discs on noise: 12 training and 2 validation images of 32²: four steps an epoch."""
    draw = np.random.default_rng(5)
    for split, count in (("train", 12), ("val", 2)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:32, :32]
            mask = (y - draw.integers(8, 24)) ** 2 + (x - draw.integers(8, 24)) ** 2 < 40
            image = (draw.normal(60, 15, (32, 32, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{i}.png")


def arguments(root, out, minutes):
    """The command: a network with dropout, so that the generators matter."""
    return [
        "train", "--data", f"folder:{root / 'images'},{root / 'masks'}", "--arch", "enet", "--no-pretrained", "--epochs", str(EPOCHS), "--batch", "3",
        "--size", "32", "--patches-per-image", "1", "--threads", "1", "--device", "cpu", "--ema", "0.5", "--no-tensorboard", "--precision", "fp32",
        "--checkpoint-minutes", str(minutes), "--out", str(out),
    ]  # fmt: skip


def kill_at_step(number):
    """Die after so many steps of the optimiser, before anything is said or written about the last one."""
    from segstudio.ml.training.engine import Engine

    real, done = Engine.step, {"n": 0}

    def step(self, batches):
        value = real(self, batches)
        done["n"] += 1
        if done["n"] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    Engine.step = step


def kill_in_write(number):
    """Die in the middle of writing the checkpoint for the so-manieth time."""
    real, done = os.write, {"n": 0}

    def write(descriptor, data):
        if len(data) > SMALLEST_CHECKPOINT_BYTES and os.readlink(f"/proc/self/fd/{descriptor}").endswith("state.pt"):
            done["n"] += 1
            if done["n"] == number:
                real(descriptor, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        return real(descriptor, data)

    os.write = write


def spoil(kind):
    """Do it wrong in one way."""
    from segstudio.ml.training import checkpoint, keeper

    if kind == "naive":

        def write_in_place(path, data):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.write(descriptor, data)
            os.close(descriptor)

        checkpoint.write_bytes_atomic = write_in_place
    elif kind == "undrawn":
        checkpoint.State.set_generators = lambda self: None
    elif kind == "epochs":
        real = keeper.load_state

        def load(path):
            state = real(path)
            state.progress.end_epoch(state.progress.epoch)
            return state

        keeper.load_state = load


def in_child(kind, command, prepare=None):
    """Exit code of the command in a forked process; negative: the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            spoil(kind)
            if prepare is not None:
                prepare()
            from segstudio.cli.main import main

            code = main(command)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def difference(run, whole):
    """What *run* has otherwise than the unbroken one."""
    for name in ("metrics.jsonl", "last.safetensors", "best.safetensors"):
        a, b = ((folder / name).read_bytes() for folder in (run, whole))
        if name.endswith("safetensors"):  # the card tells the command, which names the folder
            a, b = (data[8 + int.from_bytes(data[:8], "little") :] for data in (a, b))
        if a != b:
            return f"{name} differs"
    leftovers = list(run.glob(".segstudio-tmp-*"))
    return f"{leftovers[0].name} is left" if leftovers else ""


def kills_of(kind):
    """Name → (how it dies, minutes between checkpoints)."""
    every = 1e-9
    kills = {
        "step 1": (lambda: kill_at_step(1), every),
        "step 2": (lambda: kill_at_step(2), every),
        "step 7": (lambda: kill_at_step(7), every),
        "step 6, checkpoints at the ends of epochs": (lambda: kill_at_step(6), 0),
        "writing 1": (lambda: kill_in_write(1), every),
        "writing 3": (lambda: kill_in_write(3), every),
        "writing at the end of an epoch": (lambda: kill_in_write(5), every),
    }
    return kills if kind == "ours" else {name: kills[name] for name in ({"naive": "writing 3"}.get(kind, "step 7"),)}


def main():
    """See the module."""
    root = Path(sys.argv[1])
    import segstudio.cli.main
    import segstudio.ml.training.trainer  # noqa: F401 - imported once for all the forks

    make_data(root)
    whole, out = root / "whole", root / "run"
    assert in_child("ours", arguments(root, whole, 0)) == 0
    for kind in sys.argv[2:]:
        for name, (prepare, minutes) in kills_of(kind).items():
            shutil.rmtree(out, ignore_errors=True)
            command = arguments(root, out, minutes)
            code = in_child(kind, command, prepare)
            problem = "" if code == -signal.SIGKILL else f"exit code {code} in place of a kill"
            if not problem:
                has_checkpoint = (out / "state.pt").exists()
                code = in_child(kind, ["train", "--out", str(out), "--resume"] if has_checkpoint else command)
                problem = difference(out, whole) if code == 0 else f"could not go on: exit code {code}"
            print(json.dumps({"kind": kind, "kill": name, "problem": problem}), flush=True)


if __name__ == "__main__":
    main()
