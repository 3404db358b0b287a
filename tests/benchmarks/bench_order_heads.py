"""Orders of images alone, without what training adds: a small head on an ImageNet encoder's features, learnt anew to its end each round.

Run ``python tests/benchmarks/bench_order_heads.py [--seeds 0,1,2,3,4,5]``; needs the shared sample data. ``bench_order.py`` measures the
whole program, a few minutes for each curve; this one takes seconds, so that many seeds tell an order from chance. CamVid at half its
size; features of EfficientNet-Lite0 at a quarter of that, 128 principal components of them; a head of one hidden layer learns from all labelled
images' pixels (cross-entropy and Dice) for ``--steps`` steps from scratch; the looks are its entropy, and :func:`order_looks` orders as
the window does. All 367 training images are the pool, the first round is random and the same for all orders of a seed, and measured is on
every fourth image of the test split, which nothing else sees. Prints each seed's curve, the images to the best mean IoU of the random order
and to 90 % of it, and the medians of the ratios (the aim: ≤ 0.7).
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared_data import find_shared

from segstudio.core.looks import Look, order_looks
from segstudio.ml.networks.build import build_network

AIM, CLASSES, PARTS, BATCH = 0.7, 11, 128, 1024
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NO_CELLS = np.zeros((1, 1, 1), np.uint8)


def main() -> int:
    """Measure; 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="random,uncertainty,both")
    parser.add_argument("--seeds", default="0,1,2,3,4,5")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--per-round", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--test-every", type=int, default=4)
    args = parser.parse_args()
    camvid = find_shared("camvid")
    if camvid is None:
        print("the shared sample data is not there")
        return 0
    torch.set_num_threads(1)
    data = Data(camvid, args.test_every)
    curves: dict[tuple[str, int], list[float]] = {}
    for seed in [int(text) for text in args.seeds.split(",")]:
        for order in args.orders.split(","):
            curves[order, seed] = curve(data, order, seed, args)
            print(f"{order}, seed {seed}: {' '.join(f'{value:.3f}' for value in curves[order, seed])}", flush=True)
        compare(curves, args.orders.split(","), args.per_round)
    return 0


class Data:
    """Features (n, pixels, parts) and targets (n, pixels) of the pool and the test images, and the pool's vectors to compare images by."""

    def __init__(self, camvid: Path, every: int) -> None:
        encoder = build_network(
            "unet", "efficientnet_lite0", bands=3, classes=CLASSES, pretrained=True, options={}
        ).encoder.eval()
        pool, test = (sorted((camvid / "images" / part).iterdir()) for part in ("train", "test"))
        found = [read(encoder, file) for file in (*pool, *test[::every])]
        count = len(pool)
        sample = torch.cat([maps[::13].float() for maps, _, _ in found[:count:7]])
        middle, spread = sample.mean(0), sample.std(0).clamp_min(1e-4)
        _, sizes, axes = torch.linalg.svd((sample - middle) / spread, full_matrices=False)
        turn = axes[:PARTS].T / (sizes[:PARTS] / len(sample) ** 0.5) ** 0.7
        maps = torch.stack([(((maps.float() - middle) / spread) @ turn).half() for maps, _, _ in found])
        targets = torch.stack([target for _, target, _ in found])
        self.pool, self.pool_targets, self.vectors = maps[:count], targets[:count], [v for _, _, v in found[:count]]
        is_known = targets[count:] < CLASSES
        self.test, self.test_targets = maps[count:][is_known], targets[count:][is_known]


@torch.inference_mode()
def read(encoder: nn.Module, file: Path) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """(pixels, channels) features of an image, (pixels,) classes, and its vector."""
    mask_file = file.parent.parent.parent / "masks" / file.parent.name / f"{file.stem}.png"
    image = cv2.resize(cv2.imread(str(file)), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[:, :, ::-1]
    mask = cv2.resize(cv2.imread(str(mask_file), -1), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
    down, right = -mask.shape[0] % 32, -mask.shape[1] % 32
    image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REFLECT_101)
    mask = cv2.copyMakeBorder(mask, 0, down, 0, right, cv2.BORDER_CONSTANT, value=255)
    bands = ((image / 255.0 - MEAN) / SPREAD).transpose(2, 0, 1)
    levels = encoder(torch.from_numpy(bands).float()[None])
    size = (mask.shape[0] // 4, mask.shape[1] // 4)
    deepest = levels[-1].flatten(2)
    vector = torch.cat([deepest.mean(2), deepest.std(2, correction=0)], 1)[0].numpy()
    alike = [
        functional.interpolate(level, size=size, mode="area" if level.shape[2] > size[0] else "bilinear")
        for level in levels
    ]
    target = torch.from_numpy(mask[2::4, 2::4].astype(np.int64)).flatten()
    return torch.cat(alike, 1)[0].flatten(1).T.half(), target, vector


def curve(data: Data, order: str, seed: int, args: argparse.Namespace) -> list[float]:
    """The mean IoU after each round."""
    rng = np.random.default_rng(seed)
    done = rng.choice(len(data.pool), args.per_round, replace=False).tolist()
    found: list[float] = []
    while True:
        head = learnt(data, done, 100 * seed + len(found), args.steps)
        found.append(mean_iou(head, data))
        if len(done) >= args.images:
            return found
        left = sorted(set(range(len(data.pool))) - set(done))
        if order == "random":
            done += rng.choice(left, args.per_round, replace=False).tolist()
            continue
        looks = {index: look(head, data, index) for index in (*left, *done)}
        picks = order_looks([looks[i] for i in left], by=order, labelled=[looks[i] for i in done])
        done += [left[pick.index] for pick in picks[: args.per_round]]


def learnt(data: Data, done: list[int], seed: int, steps: int) -> nn.Module:
    """A head that learnt from the *done* images."""
    torch.manual_seed(seed)
    head = nn.Sequential(nn.Dropout(0.1), nn.Linear(PARTS, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, CLASSES))
    maps, targets = data.pool[done].flatten(0, 1), data.pool_targets[done].flatten()
    known = (targets < CLASSES).nonzero()[:, 0]
    optimiser = torch.optim.AdamW(head.parameters(), 3e-3, weight_decay=1e-2)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps) ** 0.9
        chosen = known[torch.randint(len(known), (BATCH,))]
        logits, target = head(maps[chosen].float()), targets[chosen]
        chance, truth = logits.softmax(1), functional.one_hot(target, CLASSES).float()
        dice = 1 - (2 * (chance * truth).sum(0) + 1) / (chance.sum(0) + truth.sum(0) + 1)
        loss = functional.cross_entropy(logits, target) + dice[truth.sum(0) > 0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return head.eval()


@torch.inference_mode()
def mean_iou(head: nn.Module, data: Data) -> float:
    """On the test images."""
    found = torch.cat([head(part.float()).argmax(1) for part in data.test.split(1 << 16)])
    both = torch.bincount(data.test_targets * CLASSES + found, minlength=CLASSES**2).view(CLASSES, CLASSES)
    return float((both.diag() / (both.sum(0) + both.sum(1) - both.diag()).clamp_min(1)).mean())


@torch.inference_mode()
def look(head: nn.Module, data: Data, index: int) -> Look:
    """What the head finds in an image of the pool."""
    chance = head(data.pool[index].float()).softmax(1)
    doubt, found = torch.special.entr(chance).sum(1) / math.log(CLASSES), chance.argmax(1)
    doubts, shares = (torch.bincount(found, weights, minlength=CLASSES) / len(found) for weights in (doubt, None))
    return Look(float(doubt.mean()), NO_CELLS, 16, data.vectors[index], doubts.float().numpy(), shares.float().numpy())


def images_to(values: list[float], target: float, per_round: int) -> float:
    """After how many images *target* was reached, linear between rounds that were better than all before; infinite when it was not."""
    before: tuple[int, float] | None = None
    for place, value in enumerate(values, 1):
        if value >= target:
            share = 1.0 if before is None else (target - before[1]) / (value - before[1])
            return per_round * (place if before is None else before[0] + share * (place - before[0]))
        if before is None or value > before[1]:
            before = (place, value)
    return math.inf


def compare(curves: dict[tuple[str, int], list[float]], orders: list[str], per_round: int) -> None:
    """Print the ratios of all seeds so far."""
    seeds = sorted({seed for _, seed in curves})
    for share in (1.0, 0.9):
        for order in orders:
            if order == "random" or ("random", seeds[0]) not in curves:
                continue
            targets = [share * max(curves["random", seed]) for seed in seeds]
            ratios = [
                images_to(curves[order, seed], target, per_round) / images_to(curves["random", seed], target, per_round)
                for seed, target in zip(seeds, targets, strict=True)
            ]
            told = " ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"  {order} / random at {share:.0%}: {told}, median {statistics.median(ratios):.2f} (aim ≤ {AIM})")


if __name__ == "__main__":
    sys.exit(main())
