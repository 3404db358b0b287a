"""Steps a second of our trainer against a plain loop like torchvision's reference, with the same network, size, batch and data.

Run ``python tests/benchmarks/bench_training.py [--rounds N] [--threads N] [--device cpu|cuda]``; needs the shared sample data
(CamVid). The plain loop is ``references/segmentation`` of torchvision boiled down: a Dataset of image and mask files, its
transforms (random resize, crop, flip, float, normalise), a DataLoader, cross-entropy, AdamW, a rate for each step; contiguous
float32 as there, and once more with what a careful author would switch on (channels_last and the narrow type of this device).
Ours is the real engine, loader and loop's batches: cropped, augmented and normalised, with Dice in the loss, clipping and checks.
Each runs for as many steps in turn, round by round; the first round warms up and does not count. Printed: medians of steps a
second, ours / plain (the aim: 1.0 or more), and ours / pure: forward, backward and step on one batch that is on the device already
(the aim on a GPU: 0.95 or more). ``--light`` does with our augmentation what torchvision's reference does, no more.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared_data import find_shared

from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.feed import build_loader
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.setup import build_setup

SIZE, BATCH, STEPS, ROUNDS = 256, 4, 6, 4
CLASSES = 11
AIM_CPU, AIM_PURE = 1.0, 0.95


class ReferenceData(Dataset):
    """Files of images and masks, read and transformed anew for every patch, as torchvision's reference does."""

    def __init__(self, images) -> None:
        self.images = images
        self.transforms = v2.Compose(
            [
                v2.RandomResize(min_size=int(0.7 * 360), max_size=int(1.4 * 360)),
                v2.RandomHorizontalFlip(0.5),
                v2.RandomCrop(
                    (SIZE, SIZE), pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: IGNORE_INDEX}
                ),
                v2.ToDtype({tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}, scale=True),
                v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        """Images."""
        return len(self.images)

    def __getitem__(self, index):
        """One patch."""
        image = self.images[index]
        picture = torch.from_numpy(np.asarray(Image.open(image.file).convert("RGB")).copy()).permute(2, 0, 1)
        mask = torch.from_numpy(image.read_target())
        return self.transforms(tv_tensors.Image(picture), tv_tensors.Mask(mask))


def plain_steps(network, images, device, workers, *, dtype=None, is_last=False):
    """Steps of the plain loop, without end; each ``next`` is one."""
    network.train()
    if is_last:
        network = network.to(memory_format=torch.channels_last)
    data = ReferenceData(images)
    loader = DataLoader(
        data, BATCH, shuffle=True, drop_last=True, num_workers=workers, pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORE_INDEX)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimiser, 10_000, 0.9)
    while True:
        for images_, targets in loader:
            x, y = images_.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            if is_last:
                x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype or torch.float32, enabled=dtype is not None):
                loss = criterion(network(x).logits.float(), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            yield loss.item()


def our_batches(setup, plan):
    """What the loop feeds the engine, epoch after epoch."""
    sampler = EpochSampler(len(setup.feed.patches), plan.seed)
    loader = build_loader(plan, setup.feed.patches, sampler, setup.device)
    for epoch in itertools.count(1):
        sampler.epoch = epoch
        for images, targets, *more in loader:
            seeds = next((part for part in more if not part.is_floating_point()), None)
            yield Batch(images, targets, seeds=seeds)


def our_steps(setup, plan):
    """Steps of ours, without end."""
    setup.engine.module.train()
    for batch in our_batches(setup, plan):
        yield setup.engine.step([batch])


def pure_steps(setup, plan):
    """Forward, backward and step on one batch that is already there; nothing else."""
    engine = setup.engine
    engine.module.train()
    batch = next(our_batches(setup, plan)).to(engine.device)
    x = engine.normalise(batch.images).contiguous(memory_format=torch.channels_last)
    while True:
        with torch.autocast(
            engine.device.type, engine.amp_dtype or torch.float32, enabled=engine.amp_dtype is not None
        ):
            output = engine.module(x)
        loss = engine.loss(output, batch.targets)
        engine.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        engine.optimiser.step()
        yield None


def rate(steps, device, clock) -> float:
    """Steps a second over one round."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = clock()
    for _ in range(STEPS):
        next(steps)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return STEPS / (clock() - began)


def main() -> int:
    """Measure; 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--processor-time", action="store_true", help="of this process: for a machine with other work")
    args = parser.parse_args()
    clock = time.process_time if args.processor_time else time.perf_counter
    if args.threads:
        torch.set_num_threads(args.threads)
    camvid = find_shared("camvid")
    if camvid is None:
        print("the shared sample data is not there")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        plan = TrainPlan(
            out=folder, data=f"camvid:{camvid}", batch=BATCH, patch_px=SIZE, device=args.device, patches_per_image=1,
            workers=args.workers, augment="light" if args.light else "standard", augment_on="cpu",
        )  # fmt: skip
        setups = [build_setup(plan) for _ in range(4)]
        device, dtype = setups[0].device, setups[0].engine.amp_dtype
        images = setups[0].data.of_split("train")
        plain = [setup.network.to(memory_format=torch.contiguous_format) for setup in setups[:2]]
        ways = {
            "plain": plain_steps(plain[0], images, device, args.workers),
            "plain, tuned": plain_steps(plain[1], images, device, args.workers, dtype=dtype, is_last=True),
            "ours": our_steps(setups[2], plan),
            "pure": pure_steps(setups[3], plan),
        }
        rates = {name: [] for name in ways}
        for number in range(args.rounds + 1):
            for name, steps in ways.items():
                value = rate(steps, device, clock)
                if number:
                    rates[name].append(value)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"U-Net on EfficientNet-Lite0, {SIZE}², batch {BATCH}, {device}, {torch.get_num_threads()} threads, {dtype}")
    for name, value in medians.items():
        print(f"{name:13} {value:6.2f} steps/s  (ours / it: {medians['ours'] / value:.2f})")
    print(f"aims: ours / plain ≥ {AIM_CPU}; on a GPU ours / pure ≥ {AIM_PURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
