"""Windows of planes: together they answer as the whole volume would, whatever its size, and read it no more than they must."""

import numpy as np
import pytest
import torch
from ml_help import SmallNet, card
from volume_help import SEEN, SmallNet3d, VolumeReader, random_volume, volume_card

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.ml.inference import blending, volume_windows
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.normalise import normalise, to_unit
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.inference.slices import volume_range
from segstudio.ml.inference.volume_windows import depth_axes
from segstudio.ml.inference.volumes import propose_planes, volume_logits
from segstudio.ml.refine.table import refinement


def together(pieces, depth, height, width, classes=3):
    """Pieces put together, (K, D, H, W); no voxel may come twice."""
    whole = torch.full((classes, depth, height, width), float("nan"))
    for first, rect, logits in pieces:
        place = (slice(None), slice(first, first + logits.shape[1]), *rect.slices)
        assert torch.isnan(whole[place]).all(), "a voxel came twice"
        whole[place] = logits
    return whole


def at_once(network, model, reader):
    """What the network answers to the whole volume in one go, (K, D, H, W)."""
    limits = volume_range(reader, model.scaling, model.bands)
    planes = [
        normalise(to_unit(p, bands=model.bands, scaling=model.scaling, value_range=limits), model)
        for p in reader.values
    ]
    with torch.inference_mode():
        return network(torch.from_numpy(np.stack(planes, axis=1))[None])["out"][0]


def test_windows_of_a_large_volume_answer_as_the_whole_would():
    reader, model, network = VolumeReader(random_volume(45, 70, 50)), volume_card(), SmallNet3d()
    blended = together(volume_logits(TorchSegmenter(network, model), reader, range(45)), 45, 70, 50)
    inside = (slice(None), *[slice(SEEN, -SEEN)] * 3)
    assert float((blended - at_once(network, model, reader))[inside].abs().max()) < 1e-4
    assert not torch.isnan(blended).any()


def test_held_planes_may_lie_in_a_file(monkeypatch):
    reader, segmenter = VolumeReader(random_volume(40, 40, 40)), TorchSegmenter(SmallNet3d(), volume_card())
    in_memory = together(volume_logits(segmenter, reader, range(40)), 40, 40, 40)
    monkeypatch.setattr(volume_windows, "HELD_BYTES", 1000)
    made = []
    monkeypatch.setattr(volume_windows.np, "memmap", lambda *a, _real=np.memmap, **k: made.append(a) or _real(*a, **k))
    assert torch.equal(together(volume_logits(segmenter, reader, range(40)), 40, 40, 40), in_memory) and made


def test_wide_planes_go_in_strips(monkeypatch):
    reader, segmenter = VolumeReader(random_volume(20, 40, 120)), TorchSegmenter(SmallNet3d(), volume_card())
    wanted = together(volume_logits(segmenter, reader, range(20)), 20, 40, 120)
    monkeypatch.setattr(blending, "HELD_BYTES", 4 * 3 * 16 * 16 * 64)
    found = together(volume_logits(segmenter, reader, range(20)), 20, 40, 120)
    assert float((found - wanted).abs().max()) < 1e-5


def test_a_volume_thinner_than_a_window_is_mirrored_at_both_ends():
    thin = random_volume(5, 20, 20)
    reader, model, network = VolumeReader(thin), volume_card(), SmallNet3d()
    blended = together(volume_logits(TorchSegmenter(network, model), reader, range(5)), 5, 20, 20)
    # Beyond the ends the volume is mirrored, so the network must answer as for the mirrored volume.
    mirrored = np.pad(thin, ((4, 4), (0, 0), (4, 4), (4, 4)), mode="reflect")
    limits = volume_range(reader, model.scaling, 1)
    planes = [normalise(to_unit(p, bands=1, scaling="percentile", value_range=limits), model) for p in mirrored]
    with torch.inference_mode():
        wanted = network(torch.from_numpy(np.stack(planes, axis=1))[None])["out"][0][:, 4:-4, 4:-4, 4:-4]
    assert float((blended - wanted).abs().max()) < 1e-4


def test_one_window_deep_is_plane_by_plane():
    """A model for volumes whose windows hold one plane answers as a flat one does."""
    volume = random_volume(4, 40, 60)
    flat, deep = SmallNet(bands=1), SmallNet3d()
    for two, three in ((flat.first, deep.first), (flat.second, deep.second)):
        # Of the planes that it sees only the middle one counts.
        three.weight = torch.nn.Parameter(torch.zeros(*two.weight.shape[:2], 3, 3, 3))
        three.weight.data[:, :, 1] = two.weight.data
        three.bias = torch.nn.Parameter(two.bias.data.clone())
    scaled = {"scaling": "none"}
    of_planes = TorchSegmenter(deep, volume_card(window_depth=1, overlap_depth=0, **scaled))
    by_plane = TorchSegmenter(
        flat, card(bands=1, mean=(0.5,), std=(0.25,), window_px=32, overlap_px=16, stride_px=8, **scaled)
    )
    reader = VolumeReader((volume / 4095).astype(np.float32))
    found = together(volume_logits(of_planes, reader, range(4)), 4, 40, 60)
    for z in range(4):
        for rect, logits in semantic_logits(by_plane, reader, z=z):
            assert float((found[(slice(None), z, *rect.slices)] - logits).abs().max()) < 1e-4


def test_planes_asked_for_come_alone_and_whole():
    reader, segmenter = VolumeReader(random_volume(60, 30, 30)), TorchSegmenter(SmallNet3d(), volume_card())
    all_planes = {}
    for z, result in propose_planes(segmenter, reader, range(60)):
        all_planes.setdefault(z, np.zeros((30, 30), np.uint8))[result.rect.slices] = result.class_index
    some = {}
    for z, result in propose_planes(segmenter, reader, (2, 3, 58)):
        some.setdefault(z, np.zeros((30, 30), np.uint8))[result.rect.slices] = result.class_index
    assert sorted(some) == [2, 3, 58] and len(all_planes) == 60
    for z, plane in some.items():
        assert (plane == all_planes[z]).mean() > 0.97, "only what the window's rim sees may differ"
    reader.planes.clear()
    list(propose(segmenter, reader, z=30))
    assert len(set(reader.planes[16:])) <= 16, "one window of planes is read for one plane"


def test_a_part_of_the_planes_is_answered_there_only():
    reader, segmenter = VolumeReader(random_volume(20, 60, 60)), TorchSegmenter(SmallNet3d(), volume_card())
    seen = np.zeros((60, 60), bool)
    for _, result in propose_planes(segmenter, reader, range(20), rects=[Rect(5, 7, 20, 10), Rect(40, 40, 10, 10)]):
        seen[result.rect.slices] = True
    assert seen.sum() == 300 and seen[7:17, 5:25].all() and seen[40:50, 40:50].all()


def test_depth_axes_leave_gaps_out_and_stay_inside():
    one, two = depth_axes([3, 4, 90], 100, 16, 8)
    assert one.starts == (0,) and two.starts == (83,) and one.size_px == 16
    (whole,) = depth_axes(range(100), 100, 16, 8)
    assert whole.starts[0] == 0 and whole.starts[-1] == 84
    total = np.zeros(100)
    for start, share in zip(whole.starts, whole.weights, strict=True):
        total[start : start + 16] += share
    assert np.allclose(total, 1)
    assert depth_axes([0, 1, 2], 3, 16, 8)[0].starts == (-6,), "a thin volume lies in the middle"


def test_flat_images_and_wrong_bands_are_refused_in_one_sentence():
    segmenter = TorchSegmenter(SmallNet3d(), volume_card())
    with pytest.raises(UserError, match="the image is flat, and the model looks at volumes"):
        list(propose(segmenter, VolumeReader(random_volume(1, 30, 30))))
    with pytest.raises(UserError, match="3 bands a plane but the model needs 1"):
        list(propose(segmenter, VolumeReader(random_volume(8, 30, 30, bands=3))))


def test_it_is_cancelled_between_two_windows():
    cancel, reader = CancelToken(), VolumeReader(random_volume(40, 40, 40))
    pieces = propose_planes(TorchSegmenter(SmallNet3d(), volume_card()), reader, range(40), cancel=cancel)
    next(pieces)
    cancel.set()
    with pytest.raises(Cancelled):
        list(pieces)


def test_smaller_windows_when_memory_runs_out():
    reader, model = VolumeReader(random_volume(16, 200, 200)), volume_card(window_px=256, overlap_px=32)
    inner = TorchSegmenter(SmallNet3d(), model)

    class Narrow:
        card, device = model, "cpu"

        def predict(self, batch):
            if max(batch.shape[-2:]) > 128:
                raise torch.OutOfMemoryError("out of memory")
            return inner.predict(batch)

        def to(self, device):
            pass

    wanted = together(volume_logits(inner, reader, range(16)), 16, 200, 200)
    found = together(volume_logits(Narrow(), reader, range(16)), 16, 200, 200)
    assert float((found - wanted)[:, :, 3:-3, 3:-3].abs().max()) < 1e-4


def test_a_refinement_works_on_each_plane_of_a_volume():
    reader, segmenter = VolumeReader(random_volume(20, 24, 24)), TorchSegmenter(SmallNet3d(), volume_card())
    plain = dict_of(propose_planes(segmenter, reader, range(20)))
    refined = dict_of(propose_planes(segmenter, reader, range(20), refinement=refinement("crf")))
    assert sorted(refined) == list(range(20))
    assert any((refined[z] != plain[z]).any() for z in refined)


def dict_of(results):
    planes = {}
    for z, result in results:
        planes.setdefault(z, np.full((24, 24), 99, np.uint8))[result.rect.slices] = result.class_index
    assert all((plane != 99).all() for plane in planes.values())
    return planes
