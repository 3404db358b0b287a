"""torchvision's networks: loaded from files named and shaped as the published ones, and run on real sizes."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from ml_help import ArrayReader, random_image

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import InstanceSegmenter, ObjectResult
from segstudio.ml.inference.loading import TorchSegmenter, load_segmenter
from segstudio.ml.inference.mask_rcnn import paste_mask
from segstudio.ml.inference.objects import distinct, find_objects, views_of
from segstudio.ml.inference.run import propose
from segstudio.ml.registry import CatalogEntry
from segstudio.ml.torchvision_cards import TORCHVISION_CARDS

CARDS = {c.architecture: c for c in TORCHVISION_CARDS}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "models"
    folder.mkdir(parents=True)
    return folder


def published(name, folder, state=None):
    """The card of *name* with random weights lying in the cache under the published name (but their own digest)."""
    card = CARDS[name]
    if state is None:
        torch.manual_seed(0)
        group = torchvision.models.detection if card.task == "instance" else torchvision.models.segmentation
        extra = {} if name.startswith(("lraspp", "mask")) else {"aux_loss": True}
        state = getattr(group, name)(weights=None, weights_backbone=None, **extra).state_dict()
    file = folder / card.weights.file_name
    torch.save(state, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return replace(card, weights=replace(card.weights, sha256=digest[:8]))


@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_a_semantic_network_answers_as_torchvision_does(name, cache):
    card = published(name, cache)
    segmenter = load_segmenter(CatalogEntry(card), "cpu")
    assert isinstance(segmenter, TorchSegmenter) and segmenter.card.classes == card.classes
    extra = {} if name.startswith("lraspp") else {"aux_loss": True}
    reference = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None, **extra).eval()
    reference.load_state_dict(torch.load(cache / card.weights.file_name, weights_only=True))
    batch = torch.rand(1, 3, 96, 128)
    with torch.inference_mode():
        wanted = reference(batch)["out"]
    assert float((segmenter.predict(batch) - wanted).abs().max()) < 1e-4


def test_a_photograph_is_covered_once_at_the_models_scale(cache):
    segmenter = load_segmenter(published("lraspp_mobilenet_v3_large", cache), "cpu")
    seen = np.zeros((150, 211), int)
    for result in propose(segmenter, ArrayReader(random_image(150, 211))):
        seen[result.rect.slices] += 1
        assert int(result.class_index.max()) < 21
    assert (seen == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fcn_resnet101", "deeplabv3_resnet50"])
def test_the_large_ones_load_too(name, cache):
    segmenter = load_segmenter(published(name, cache), "cpu")
    assert segmenter.predict(torch.rand(1, 3, 32, 32)).shape == (1, 21, 32, 32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"])
def test_mask_rcnn_answers_as_torchvision_does(name, cache):
    """Random weights find junk, but the same junk: boxes from our parts equal those of torchvision's forward."""
    card = published(name, cache)
    segmenter = load_segmenter(card, "cpu")
    assert isinstance(segmenter, InstanceSegmenter)
    segmenter.module.roi_heads.score_thresh = 0.0
    segmenter.module.roi_heads.detections_per_img = 5
    segmenter.module.transform.min_size = (200,)
    image = torch.rand(3, 80, 120)
    with torch.inference_mode():
        wanted = segmenter.module([image])[0]
    got = segmenter.find_objects(image, 120, 80)
    masks = wanted["masks"][:, 0].numpy() >= 0.5
    pairs = {
        (int(label), round(float(score), 6)): i
        for i, (label, score) in enumerate(zip(wanted["labels"], wanted["scores"]))
    }
    assert got and len(got) >= int(masks.any(axis=(1, 2)).sum()) - 1
    assert [r.score for r in got] == sorted((r.score for r in got), reverse=True)
    for result in got:
        index = pairs[result.class_index, round(result.score, 6)]
        left, top, right, bottom = wanted["boxes"][index].tolist()
        # torchvision rounds boxes to whole pixels before it pastes; ours does not: one pixel, and two for grown edges.
        assert result.rect.x >= left - 3 and result.rect.y >= top - 3
        assert result.rect.right <= right + 3 and result.rect.bottom <= bottom + 3


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def test_weights_of_another_network_are_refused(cache):
    card = published("lraspp_mobilenet_v3_large", cache, {"backbone.x": torch.zeros(3)})
    with pytest.raises(UserError, match="not those of LR-ASPP.*parameters differ"):
        load_segmenter(card, "cpu")


def test_weights_that_are_not_finite_are_refused(cache):
    state = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).state_dict()
    state["classifier.high_classifier.weight"][0] = float("nan")
    with pytest.raises(UserError, match="not finite"):
        load_segmenter(published("lraspp_mobilenet_v3_large", cache, state), "cpu")


def test_a_file_that_is_not_the_published_one_is_refused(cache):
    card = published("lraspp_mobilenet_v3_large", cache)
    with pytest.raises(UserError, match="not the weights of LR-ASPP"):
        load_segmenter(replace(card, weights=CARDS["lraspp_mobilenet_v3_large"].weights), "cpu")


def test_pasted_masks_are_torchvisions():
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        coarse = torch.rand(1, 1, 7, 7, generator=generator)
        mask = torch.nn.functional.interpolate(coarse, (28, 28), mode="bilinear")[0, 0]
        corner = torch.rand(2, generator=generator) * 60 - 10
        size = torch.rand(2, generator=generator) * 70 + 12
        box = torch.cat([corner, corner + size])
        wanted = paste_masks_in_image(mask[None, None], box[None], (90, 100))[0, 0].numpy() >= 0.5
        pasted = paste_mask(mask.numpy(), box.double().numpy(), 100, 90)
        got = np.zeros((90, 100), bool)
        if pasted is not None:
            got[pasted[0].slices] = pasted[1]
        # torchvision rounds the box to whole pixels first; ours does not.
        assert iou(got, wanted) > 0.7 or wanted.sum() < 40


def found(x, y, side, score, index=1):
    return ObjectResult(Rect(x, y, side, side), np.ones((side, side), bool), index, score)


def test_one_object_seen_in_two_windows_is_one():
    kept = distinct([found(0, 0, 10, 0.5), found(1, 0, 10, 0.9), found(0, 0, 10, 0.4, index=2), found(30, 0, 10, 0.3)])
    assert [(r.rect.x, r.score) for r in kept] == [(1, 0.9), (0, 0.4), (30, 0.3)]


def test_big_images_are_seen_as_a_whole_and_in_windows():
    assert views_of(Rect(0, 0, 2000, 900), 1024, 256) == [Rect(0, 0, 2000, 900)]
    views = views_of(Rect(0, 0, 4000, 3000), 1024, 256)
    assert views[0] == Rect(0, 0, 4000, 3000) and len(views) == 1 + 5 * 4
    covered = np.zeros((3000, 4000), bool)
    for view in views[1:]:
        covered[view.slices] = True
    assert covered.all()


def test_objects_come_back_where_they_are(cache):
    """A stand-in that finds the bright square, at whatever size it is shown; one window cuts the square."""
    from segstudio.ml.inference.engine import WindowCounter
    from segstudio.ml.inference.sources import ReaderSource

    class Finder:
        card = CARDS["maskrcnn_resnet50_fpn"]
        device = "cpu"

        def to(self, device):
            pass

        def find_objects(self, image, width, height):
            bright = image[0].numpy() > 0.5
            if not bright.any():
                return []
            ys, xs = np.nonzero(bright)
            fx, fy = width / image.shape[2], height / image.shape[1]
            x0, x1 = round(xs.min() * fx), round((xs.max() + 1) * fx)
            y0, y1 = round(ys.min() * fy), round((ys.max() + 1) * fy)
            return [ObjectResult(Rect(x0, y0, x1 - x0, y1 - y0), np.ones((y1 - y0, x1 - x0), bool), 1, 0.9)]

    image = np.zeros((3, 2000, 3000), np.uint8)
    image[:, 700:800, 950:1060] = 255
    reader = ArrayReader(image)
    views = views_of(Rect(0, 0, 3000, 2000), 1024, 256)
    results = find_objects(Finder(), ReaderSource(reader, Finder.card), views, WindowCounter(len(views)))
    assert len(results) == 1
    rect = results[0].rect
    assert (
        abs(rect.x - 950) <= 3
        and abs(rect.y - 700) <= 3
        and abs(rect.right - 1060) <= 3
        and abs(rect.bottom - 800) <= 3
    )
