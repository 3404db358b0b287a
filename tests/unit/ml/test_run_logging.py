"""What a run leaves to look at: TensorBoard's file read back, a Visdom server that records, evaluation, pictures, timing."""

import io
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG

from segstudio.core.classes import PALETTE
from segstudio.core.errors import UserError
from segstudio.core.pr_curves import BINS
from segstudio.core.side_by_side import GAP_PX
from segstudio.ml.plan import TrainPlan
from segstudio.ml.runs.record import read_run
from segstudio.ml.runs.report import run_report
from segstudio.ml.train_events import EpochDone, TrainNote, ValidationPicture
from segstudio.ml.training.run_files import FilesHook
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.training.validation_details import EXTREMES, SAMPLED_PX, ValidationDetails

EPOCHS = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Bright bars on noise: 4 training and 5 validation images of 32 × 48 px."""
    root = tmp_path_factory.mktemp("bars")
    draw = np.random.default_rng(1)
    for split, count in (("train", 4), ("val", 5)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            mask = np.zeros((32, 48), np.uint8)
            mask[:, 4 * i + 4 : 4 * i + 16] = 1
            image = (draw.normal(60, 10, (32, 48, 3)) + mask[..., None] * 120).clip(0, 255).astype(np.uint8)
            mask[:2] = 255
            Image.fromarray(image).save(root / "images" / split / f"{i}.png")
            Image.fromarray(mask).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(data, out, **changes):
    base = TrainPlan(
        out=str(out), data=data, arch="enet", encoder="", is_pretrained=False, epochs=EPOCHS, batch=2, patch_px=32, patches_per_image=1,
        lr=5e-3, seed=3, device="cpu", threads=1, precision="fp32", augment="none", class_names=("background", "bar"),
    )  # fmt: skip
    return replace(base, **changes)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A whole run with its TensorBoard file."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    events = []
    Trainer.run(plan_for(data, out), events.append)
    assert not [e for e in events if isinstance(e, TrainNote)]
    return out


def board(out):
    read = EventAccumulator(
        str(out / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0, "histograms": 0}
    )
    read.Reload()
    return read


def test_scalars_are_those_of_metrics_jsonl(run):
    read = board(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for tag, key in (("loss/train", "train_loss"), ("loss/val", "val_loss"), ("mean_iou/val", "mean_iou"), ("mean_dice/val", "mean_dice"),
                     ("pixel_accuracy/val", "pixel_accuracy"), ("lr", "lr")):  # fmt: skip
        assert [e.step for e in read.Scalars(tag)] == [1, 2, 3]
        assert [e.value for e in read.Scalars(tag)] == pytest.approx([line[key] for line in lines])
    assert [e.value for e in read.Scalars("iou/bar")] == pytest.approx([line["per_class_iou"][1] for line in lines])
    assert [e.value for e in read.Scalars("lr_of_group/0")] == pytest.approx([line["lr"] for line in lines])
    assert all(e.value > 0 for e in read.Scalars("seconds_per_step")) and len(read.Scalars("gradient_norm")) == EPOCHS


def test_pictures_are_in_the_colours_of_the_classes(run, data):
    read = board(run)
    tags = [tag for tag in read.Tags()["images"] if tag.startswith("validation/")]
    assert len(tags) == 4
    last = read.Images(tags[0])[-1]
    drawn = np.asarray(Image.open(io.BytesIO(last.encoded_image_string)))
    assert last.step == EPOCHS and drawn.shape == (32, 4 * 48 + 3 * GAP_PX, 3)
    colors = {tuple(pixel) for pixel in drawn[2:, 48 + GAP_PX : 96 + GAP_PX].reshape(-1, 3)}
    assert len(colors) == 2 and (drawn[0, 48 + GAP_PX] == 128).all()
    assert colors == {tuple(bytes.fromhex(color[1:])) for color in PALETTE[:2]}  # the data set gives none


def test_histograms_curves_and_the_plan_are_there(run):
    read = board(run)
    weights, gradients = (
        [t for t in read.Tags()["histograms"] if t.startswith(kind)] for kind in ("weights/", "gradients/")
    )
    assert weights and len(weights) == len(gradients)
    one = read.Histograms(weights[0])[0].histogram_value
    assert one.num == sum(one.bucket) > 0 and one.min < one.max
    tensors = read.Tags()["tensors"]
    assert {"pr/background", "pr/bar", "plan/text_summary"} <= set(tensors)
    assert EXPERIMENT_TAG in read.PluginTagToContent("hparams")
    curve = np.array(read.Tensors("pr/bar")[-1].tensor_proto.float_val).reshape(6, BINS)
    tp, fp, tn, fn, precision, recall = curve
    assert (tp + fp + tn + fn == 5 * 30 * 48).all() and recall[0] == 1 and (np.diff(recall) <= 0).all()
    assert precision[0] == pytest.approx(tp[0] / (tp[0] + fp[0]))
    text = read.Tensors("plan/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| arch | enet |" in text and "| lr | 0.005 |" in text


def test_logging_changes_nothing_of_what_is_learnt(run, data, tmp_path):
    Trainer.run(plan_for(data, tmp_path / "plain", has_tensorboard=False), lambda _: None)
    assert (tmp_path / "plain" / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert not (tmp_path / "plain" / "tensorboard").exists()


class Killed(Exception):
    pass


def killed_in_epoch(plan, epoch):
    """The run up to the event of *epoch*, whose checkpoint is then put back to that of the epoch before."""
    states = {}

    def sink(event):
        if isinstance(event, EpochDone):
            states[event.epoch] = (run_dir / "state.pt").read_bytes()
            if event.epoch == epoch:
                raise Killed

    from pathlib import Path

    run_dir = Path(plan.out)
    with pytest.raises(Killed):
        Trainer.run(plan, sink)
    (run_dir / "state.pt").write_bytes(states[epoch - 1])


def test_a_resumed_run_has_each_epoch_once(run, data, tmp_path):
    plan = plan_for(data, tmp_path / "run")
    killed_in_epoch(plan, 2)
    assert [e.step for e in board(tmp_path / "run").Scalars("loss/train")] == [1, 2]
    Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    read = board(tmp_path / "run")
    assert [e.step for e in read.Scalars("loss/train")] == [1, 2, 3]
    assert [e.value for e in read.Scalars("loss/train")] == [e.value for e in board(run).Scalars("loss/train")]
    assert [e.step for e in read.Images("validation/val/0.png")] == [1, 2, 3]
    shown = plugin_event_accumulator.EventAccumulator(
        str(tmp_path / "run" / "tensorboard"), size_guidance={"tensors": 0}
    )
    shown.Reload()  # this one is TensorBoard's own, which reads curves and text as well
    assert [e.step for e in shown.Tensors("pr/bar")] == [1, 2, 3] and len(shown.Tensors("plan/text_summary")) == 1
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    about = json.loads((tmp_path / "run" / "config.json").read_text())["about"]
    assert about["data"]["images"] == 9 and [again["epoch"] for again in about["resumed"]] == [2]


def test_what_a_kill_left_unwritten_comes_from_the_metrics(run, data, tmp_path, monkeypatch):
    """Killed after the checkpoint of epoch 2, before TensorBoard had it."""
    from segstudio.ml.training.tensorboard_log import BoardHook

    plan, whole = plan_for(data, tmp_path / "run"), BoardHook.epoch_done

    def until_killed(hook, setup, event, validation):
        if event.epoch == 2:
            raise Killed
        whole(hook, setup, event, validation)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(BoardHook, "epoch_done", until_killed)
        Trainer.run(plan, lambda _: None)
    assert [e.step for e in board(tmp_path / "run").Scalars("loss/train")] == [1]
    Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    for tag in ("loss/train", "mean_iou/val", "iou/bar", "lr"):
        now, before = board(tmp_path / "run").Scalars(tag), board(run).Scalars(tag)
        assert [(e.step, e.value) for e in now] == [(e.step, e.value) for e in before]


def test_the_best_epoch_is_evaluated_with_pictures(run):
    document = json.loads((run / "evaluation.json").read_text())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = max(lines, key=lambda line: line["mean_iou"])
    assert (
        document["epoch"] == best["epoch"] and document["mean_iou"] == best["mean_iou"] and document["split"] == "val"
    )
    assert np.sum(document["confusion"]) == 5 * 30 * 48 and document["images"] == 5
    scores = [row["mean_iou"] for row in document["per_image"]]
    assert len(scores) == 5 and scores == sorted(scores)
    assert document["calibration"]["bins"] and 0 <= document["calibration"]["expected_calibration_error"] <= 1
    shown = {row["file"]: row for row in document["pictures"]}
    assert shown["worst-1.png"]["mean_iou"] == scores[0] and shown["best-1.png"]["mean_iou"] == scores[-1]
    assert {p.name for p in (run / "pictures").iterdir()} == set(shown) and len(shown) == 2 * EXTREMES
    with Image.open(run / "pictures" / "worst-1.png") as drawn:
        assert drawn.size == (4 * 48 + 3 * GAP_PX, 32)
    text = run_report(read_run(run))
    assert text.count("data:image/png;base64,") == 6 and "Confusion matrix" in text and "Calibration" in text


def test_timing_and_versions_are_kept_for_later_estimates(run):
    timing = json.loads((run / "timing.json").read_text())
    assert timing["steps"] == EPOCHS * 2 and timing["stopped_by"] == "epochs" and timing["val_pixels"] == 5 * 32 * 48
    assert 0 < timing["seconds_per_step"] < timing["seconds"] and timing["seconds_per_validation"] > 0
    assert 50 << 20 < timing["peak_memory_bytes"] < 64 << 30 and (
        timing["device"],
        timing["threads"],
        timing["batch"],
    ) == ("cpu", 1, 2)
    about = json.loads((run / "config.json").read_text())["about"]
    assert (
        about["torch"] == torch.__version__
        and about["device_name"]
        and (about["data"]["train"], about["data"]["val"]) == (4, 5)
    )
    assert TrainPlan.load(run).epochs == EPOCHS and read_run(run).state == "finished"


def test_the_digest_follows_the_images(run, data, tmp_path):
    from segstudio.ml.training.run_about import data_digest
    from segstudio.ml.training.sources import load_data

    found = load_data(plan_for(data, tmp_path))
    first = data_digest(found)
    assert first == json.loads((run / "config.json").read_text())["about"]["data"]["digest"]
    file = found.images[0].file
    kept = file.read_bytes()
    file.write_bytes(kept + b"x")
    assert data_digest(found) != first
    file.write_bytes(kept)
    assert data_digest(found) == first
    assert data_digest(replace(found, images=found.images[1:])) != first


@contextmanager
def visdom(status=200):
    """A server that records what is sent to it."""
    messages = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", messages
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_visdom_gets_curves_and_pictures_a_resumed_run_as_well(data, tmp_path):
    with visdom() as (url, messages):
        plan = plan_for(data, tmp_path / "my run", visdom=url + "/", has_tensorboard=False)
        killed_in_epoch(plan, 2)
        Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    assert {path for path, _ in messages} == {"/events"} and {m["eid"] for _, m in messages} == {"segstudio-my-run"}
    windows = {message["win"]: message for _, message in messages}  # the last of each
    lines = [json.loads(line) for line in (tmp_path / "my run" / "metrics.jsonl").read_text().splitlines()]
    traces = {trace["name"]: trace for trace in windows["loss"]["data"]}
    assert traces["loss/train"]["x"] == [1, 2, 3] and traces["loss/train"]["y"] == [
        line["train_loss"] for line in lines
    ]
    classes = {trace["name"]: trace["y"] for trace in windows["IoU by class"]["data"]}
    assert classes["bar"] == [line["per_class_iou"][1] for line in lines]
    picture = windows["picture 1"]["data"][0]
    assert picture["type"] == "image" and picture["content"]["src"].startswith("data:image/png;base64,")
    assert {"plan", "validation", "learning rate", "picture 4"} <= set(windows)


def test_without_a_visdom_server_training_goes_on_after_one_note(run, data, tmp_path):
    with visdom() as (gone, _):
        pass
    for place, (url, said) in enumerate(((gone, "refused"), (None, "answers 500"))):
        events = []
        with visdom(500) as (failing, _):
            Trainer.run(
                plan_for(data, tmp_path / str(place), visdom=url or failing, has_tensorboard=False, epochs=EPOCHS),
                events.append,
            )
        notes = [e.text for e in events if isinstance(e, TrainNote)]
        assert len(notes) == 1 and said in notes[0] and "goes on" in notes[0]
        assert (tmp_path / str(place) / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("url", ["localhost:8097", "ftp://x", "http://", "file:///etc/passwd", "http://a b"])
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(UserError, match="Visdom"):
        TrainPlan(out="x", data="folder:a,b", visdom=url).checked()
    assert TrainPlan(out="x", data="folder:a,b", visdom="http://[::1]:8097/base").checked()


def test_a_disk_that_takes_no_more_ends_no_run_and_is_said_once(data, tmp_path, monkeypatch):
    from segstudio.ml.training import run_files

    def full(*_):
        raise UserError("The disk is full", path=tmp_path, remedy="free some space")

    monkeypatch.setattr(run_files, "write_bytes_atomic", full)
    monkeypatch.setattr(FilesHook, "_write_timing", full)
    events = []
    Trainer.run(plan_for(data, tmp_path / "run", has_tensorboard=False), events.append)
    notes = [e.text for e in events if isinstance(e, TrainNote)]
    assert len(notes) == 1 and "disk is full" in notes[0]


def details_of(images, classes=3):
    made = ValidationDetails(classes)
    for name, truth, logits in images:
        prediction = logits.argmax(0).numpy()
        counts = np.zeros((classes, classes), np.int64)
        known = truth != 255
        np.add.at(counts, (truth[known], prediction[known]), 1)
        made.add(name, truth, counts, logits, lambda n=name: ValidationPicture(n, None, None, None))
    return made


def test_details_of_two_processes_add_up_to_those_of_one():
    draw = np.random.default_rng(0)
    images = []
    for i in range(9):
        truth = draw.integers(0, 3, (20, 30)).astype(np.uint8)
        truth[:3] = 255
        images.append((f"im{i}", truth, torch.from_numpy(draw.normal(size=(3, 20, 30)).astype(np.float32))))
    whole, first, second = details_of(images), details_of(images[::2]), details_of(images[1::2])
    first.add_all(second)
    assert first.to_json()["per_image"] == whole.to_json()["per_image"] and (first.pr.counts == whole.pr.counts).all()
    assert first.calibration.error == pytest.approx(whole.calibration.error) and first.pixels == whole.pixels
    for kind in ("worst", "best"):
        assert [row[:2] for row in getattr(first, kind)] == [row[:2] for row in getattr(whole, kind)]
    scores = sorted(row["mean_iou"] for row in whole.rows)
    assert [row[0] for row in whole.worst] == scores[:EXTREMES] and [row[0] for row in whole.best] == scores[::-1][
        :EXTREMES
    ]


def test_of_large_images_a_grid_is_enough_and_unlabelled_ones_have_no_score():
    big = np.zeros((600, 500), np.uint8)
    made = details_of(
        [("big", big, torch.zeros(2, 600, 500)), ("none", np.full((8, 8), 255, np.uint8), torch.zeros(2, 8, 8))], 2
    )
    assert 0 < made.pr.counts[0].sum() <= SAMPLED_PX and made.pixels == 300_064
    assert [row["mean_iou"] for row in made.to_json()["per_image"]] == [1.0, None] and len(made.worst) == 1


def test_a_board_that_cannot_be_written_is_said_once(run, data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").write_text("a file where the folder would be")
    events = []
    Trainer.run(plan_for(data, tmp_path / "run"), events.append)
    notes = [e.text for e in events if isinstance(e, TrainNote)]
    assert len(notes) == 1 and "TensorBoard" in notes[0]
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
