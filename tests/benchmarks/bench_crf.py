"""The fully connected CRF, 512²×21, 10 iterations, against pydensecrf2 where there is one.

Run ``python tests/benchmarks/bench_crf.py``. ``SEGSTUDIO_CRF_PYTHON`` names a Python that has pydensecrf2 (``pip install
pydensecrf2`` in an environment of its own: it has to be compiled). Both get the same probabilities, picture and kernels, ours on
one thread and on all; the largest difference of their answers is printed. ``ratio``: our time / the peer's; the aim is 2 or less on a CPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from segstudio.ml.refine.crf import dense_crf
from segstudio.ml.refine.parameters import CrfParameters

SIDE, CLASSES, AIM = 512, 21, 2.0
PEER = """
import sys, time, numpy as np
import pydensecrf.densecrf as dcrf
folder = sys.argv[1]
p, image = np.load(folder + "/p.npy"), np.load(folder + "/image.npy")
began = time.perf_counter()
crf = dcrf.DenseCRF2D(image.shape[1], image.shape[0], p.shape[0])
crf.setUnaryEnergy(np.ascontiguousarray(-np.log(np.clip(p, 1e-5, 1)).reshape(p.shape[0], -1), np.float32))
crf.addPairwiseGaussian(sxy=float(sys.argv[4]), compat=float(sys.argv[3]))
crf.addPairwiseBilateral(sxy=float(sys.argv[6]), srgb=float(sys.argv[7]), rgbim=image, compat=float(sys.argv[5]))
q = np.array(crf.inference(int(sys.argv[2]))).reshape(p.shape)
print(time.perf_counter() - began)
np.save(folder + "/q.npy", q)
"""


def main() -> None:
    """Print one JSON document."""
    from skimage import data

    picture = np.ascontiguousarray(np.tile(data.coffee(), (2, 1, 1))[:SIDE, :SIDE])
    drawn = np.random.default_rng(0).random((CLASSES, SIDE, SIDE), dtype=np.float32) ** 4
    probabilities = drawn / drawn.sum(0)
    image = torch.from_numpy(picture).permute(2, 0, 1).float()
    given = torch.from_numpy(probabilities)
    seconds = {}
    for threads in sorted({1, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        began = time.perf_counter()
        found = dense_crf(given, image)
        seconds[f"{threads} threads"] = round(time.perf_counter() - began, 2)
    result: dict[str, object] = {"pixels": SIDE * SIDE, "classes": CLASSES, "seconds": seconds, "aim": AIM}
    if torch.cuda.is_available():
        on_gpu = given.cuda(), image.cuda()
        dense_crf(*on_gpu)
        torch.cuda.synchronize()
        began = time.perf_counter()
        dense_crf(*on_gpu)
        torch.cuda.synchronize()
        seconds["gpu"] = round(time.perf_counter() - began, 3)
    python = os.environ.get("SEGSTUDIO_CRF_PYTHON")
    if python:
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "p.npy", probabilities)
            np.save(Path(folder) / "image.npy", picture)
            k = CrfParameters()
            numbers = (
                k.iterations,
                k.smoothness_weight,
                k.theta_gamma_px,
                k.appearance_weight,
                k.theta_alpha_px,
                k.theta_beta,
            )
            done = subprocess.run(
                [python, "-c", PEER, folder, *map(str, numbers)], capture_output=True, text=True, check=True
            )
            peer = float(done.stdout.split()[-1])
            theirs = np.load(Path(folder) / "q.npy")
        result["pydensecrf2_seconds"] = round(peer, 2)
        result["ratio"] = {name: round(value / peer, 2) for name, value in seconds.items()}
        result["largest_difference"] = float(np.abs(theirs - found.numpy()).max())
    else:
        result["peer"] = "not measured: set SEGSTUDIO_CRF_PYTHON"
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
