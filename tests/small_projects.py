"""Small real projects, a model that needs no training, and the command line as a function: for tests of several floors."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from segstudio.cli.main import main
from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.proposals import ProposalWriter
from segstudio.io.store.project import ProjectStore
from segstudio.ml import registry
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference import loading
from segstudio.ml.inference.loading import TorchSegmenter

BRIGHT_CARD = ModelCard(
    "bright",
    "Bright",
    architecture="unet",
    encoder="none",
    classes=("background", "spot"),
    colors=("#000000", "#ff0000"),
    mean=(0.0,) * 3,
    std=(1.0,) * 3,
    window_px=64,
    overlap_px=16,
    stride_px=8,
    weights=WeightsSource("file"),
    loader="segstudio.none:none",
)


class Bright(torch.nn.Module):
    """Bright is a spot, dark is background."""

    def forward(self, x):
        return torch.cat([(0.5 - x[:, :1]) * 20, (x[:, :1] - 0.5) * 20], dim=1)


def offer_bright(monkeypatch, tmp_path):
    """Put the model "bright" into the catalog, and the user's folders into *tmp_path*."""
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(BRIGHT_CARD)]))
    monkeypatch.setattr(loading, "_from_plug_in", lambda card, device: TorchSegmenter(Bright(), card, device))


def spot_picture(path: Path, *, width=64, height=64, spot=(20, 50, 20, 50), seed=0) -> Path:
    """A noisy dark image with a bright square *spot* (top, bottom, left, right)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 60, (height, width, 3))
    values[spot[0] : spot[1], spot[2] : spot[3]] += 190
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


def paint(store: ProjectStore, image_id: int, class_id: int, rect: Rect) -> None:
    """Label *rect* by hand, on disk when it returns."""
    transaction = Transaction(store.labels_layer(image_id), "Brush")
    transaction.paint(np.ones((rect.height, rect.width), bool), rect.x, rect.y, transaction.ensure_stuff(class_id))
    edit = transaction.commit()
    assert edit is not None
    store.commit(edit)


def propose_rect(store: ProjectStore, image_id: int, class_id: int, rect: Rect, confidence: int = 200) -> None:
    """A proposal of one class over *rect*."""
    layer = store.proposal_layer(image_id, create=True)
    writer = ProposalWriter(layer, {1: class_id}, "bright")
    shape = (rect.height, rect.width)
    writer.write_window(rect, np.ones(shape, np.uint8), np.full(shape, confidence, np.uint8))
    store.commit(writer.finish())


def small_project(folder: Path, *, images=2, classes=("spot", "other"), is_labelled=True, width=64, height=64) -> Path:
    """A project of *images* pictures beside it; their spots are labelled "spot" with *is_labelled*."""
    table = ClassTable()
    for name in classes:
        table = table.added(name)
    files = [
        spot_picture(folder.parent / "pictures" / f"im{i}.png", width=width, height=height, seed=i) for i in range(images)
    ]
    with ProjectStore.create(folder, table) as store:
        report = store.add_images(files)
        assert not report.failed
        for record in report.added if is_labelled else []:
            paint(store, record.id, table[0].id, Rect(20, 20, 30, 30))
    return folder


def contents(folder: Path) -> dict[str, object]:
    """What a person would miss if it were lost: classes, images, every label, proposal and history, and other files."""
    found: dict[str, object] = {}
    with ProjectStore.open(folder, read_only=True) as store:
        found["classes"] = [(c.id, c.name, c.mask_value, c.color) for c in store.classes]
        for record in store.images():
            key = f"image {record.id}"
            found[key] = (record.name, str(store.image_file(record)), record.status, record.split)
            for layer in store.layers(record.id):
                pixels = layer.read(Rect(0, 0, record.width, record.height))
                found[f"{key} {layer.kind}"] = (hashlib.sha256(pixels.tobytes()).hexdigest(), dict(layer.pixel_counts()))
            found[f"{key} history"] = [entry.label for entry in store.history(record.id).entries()]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("project.db") and path.suffix != ".lock":
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def run(capsys, *arguments):
    """(exit code, stdout, stderr) of ``segstudio ARGUMENTS``."""
    capsys.readouterr()
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as end:  # argparse
        code = int(end.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err
