"""ONNX files of other makers: what is read from them, the card they get, how they compute, what is refused."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, random_image
from onnx_files import answer_of, write_onnx

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.ml.cards import CARD_KEY, ModelCard
from segstudio.ml.foreign import onnx_card
from segstudio.ml.foreign.onnx_card import read_onnx_card, sidecar_of
from segstudio.ml.foreign.onnx_header import read_onnx_header
from segstudio.ml.foreign.wishes import Wishes
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.registry import Catalog, install

WEIGHT = np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]])
PLAIN = Wishes(mean=(0.0,), std=(1.0,))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def loaded(path, wishes=None):
    entry = install(path, wishes)
    assert entry.is_available
    return load_segmenter(entry, "cpu")


# -- the outline -------------------------------------------------------------------------------------------------


def test_the_outline_is_what_the_onnx_package_reads(tmp_path):
    import onnx

    path = write_onnx(tmp_path / "a.onnx", channels=4, height=64, width="across", metadata={"k": "ü"})
    header, model = read_onnx_header(path), onnx.load(str(path))
    assert [i.name for i in header.inputs] == [i.name for i in model.graph.input]
    assert header.inputs[0].shape == ("n", 3, 64, "across") and header.outputs[0].shape == ("n", 4, 64, "across")
    assert [n.kind for n in header.nodes] == [n.op_type for n in model.graph.node]
    assert (header.metadata, header.producer, header.opset, header.parameters) == ({"k": "ü"}, "tests", 18, 12)


def test_every_cut_of_a_file_is_refused_in_one_sentence(tmp_path):
    whole = write_onnx(tmp_path / "a.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    # Behind the graph only the list of operator sets is missing, which onnxruntime would miss.
    for length in range(0, len(whole) - 8, 3):
        cut.write_bytes(whole[:length])
        with pytest.raises(UserError) as caught:
            read_onnx_header(cut)
        assert str(cut) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(40))
def test_changed_bytes_never_raise_anything_but_a_sentence(tmp_path, seed):
    data = bytearray(write_onnx(tmp_path / "a.onnx").read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 6):
        data[place] = int(rng.integers(0, 256))
    file = tmp_path / "b.onnx"
    file.write_bytes(bytes(data))
    try:
        read_onnx_card(file)
    except UserError as error:
        assert str(file) in str(error)


# -- cards -------------------------------------------------------------------------------------------------------


def test_a_strangers_file_gets_a_card_from_its_graph(tmp_path):
    card = read_onnx_card(write_onnx(tmp_path / "mine.onnx", bands=4, channels=3, end="Softmax", height=256, width=256))
    assert (card.id, card.bands, card.classes) == ("mine", 4, ("class 0", "class 1", "class 2"))
    assert card.background_index is None and card.options["output"] == "probabilities"
    assert (card.window_px, card.mean, card.std) == (256, (0.0,) * 4, (1.0,) * 4)
    one = read_onnx_card(write_onnx(tmp_path / "one.onnx", channels=1, end="Sigmoid"))
    assert one.classes == ("background", "object") and one.background_index == 0
    logits = read_onnx_card(write_onnx(tmp_path / "logits.onnx"))
    assert logits.options["output"] == "logits" and logits.mean == (0.485, 0.456, 0.406)


def test_what_a_person_says_goes_into_the_card_and_stays_beside_the_file(tmp_path):
    said = Wishes(
        classes=("background", "road", "field"), mean=(0.5,), std=(0.25,), scaling="percentile", model_id="fields"
    )
    entry = install(write_onnx(tmp_path / "net.onnx"), said)
    assert entry.card.id == "fields" and entry.card.classes == said.classes and entry.card.background_index == 0
    assert entry.card.mean == (0.5,) * 3 and entry.card.std == (0.25,) * 3 and entry.card.scaling == "percentile"
    listed = Catalog().find("fields")
    assert listed.card == entry.card and listed.is_available
    beside = json.loads(sidecar_of(tmp_path / "data/models/fields.onnx").read_text())
    assert beside["loader"] == "" and str(tmp_path) not in json.dumps(beside), "no paths, no code to import"
    assert read_onnx_card(tmp_path / "net.onnx").classes != said.classes, "the file itself is as it was"


def test_a_card_inside_wins_over_guesses(tmp_path):
    inside = ModelCard(
        "ours",
        "Ours",
        architecture="unet",
        encoder="none",
        classes=("background", "a", "b"),
        window_px=128,
        overlap_px=32,
    )
    card = read_onnx_card(write_onnx(tmp_path / "x.onnx", metadata={CARD_KEY: inside.dumps()}))
    assert (card.name, card.classes, card.window_px, card.architecture) == ("Ours", inside.classes, 128, "unet")


def test_the_list_reads_no_onnxruntime_and_is_quick(tmp_path):
    for index in range(8):
        install(write_onnx(tmp_path / f"m{index}.onnx"))
    program = (
        "import sys, time; from segstudio.ml.registry import Catalog; Catalog().entries(); t = time.perf_counter()\n"
        "found = [e.card.id for e in Catalog().entries() if e.card.id.startswith('m') and len(e.card.id) == 2]\n"
        "assert len(found) == 8, found\n"
        "assert not {'onnxruntime', 'onnx', 'torch', 'ukis_csmask'} & set(sys.modules), 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_extra_it_is_listed_with_its_reason(tmp_path, monkeypatch):
    install(write_onnx(tmp_path / "net.onnx"))
    monkeypatch.setattr(onnx_card.importlib.util, "find_spec", lambda name: None)
    for name in ("net", "u2netp", "clouds/6b_l1c"):
        entry = Catalog().find(name)
        assert not entry.is_available and not entry.needs_download and "pip install 'segstudio[" in entry.reason
    with pytest.raises(UserError, match="onnx"):
        load_segmenter(Catalog().find("net"), "cpu")


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"end": "ArgMax"}, "finished labels.*without the last step"),
        ({"input_shape": ["n", 3]}, "input is .n × 3., not an image"),
        ({"bands": 3, "input_shape": ["n", "c", "h", "w"]}, "does not say how many bands"),
        ({"count": 4}, "exactly 4 images"),
        ({"element": "INT64"}, "numbers of int64"),
        ({"end": "Strange", "domain": "acme.secret"}, "operators of acme.secret"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(tmp_path, values, words):
    file = write_onnx(tmp_path / "x.onnx", **values)
    with pytest.raises(UserError, match=words) as caught:
        install(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "data/models").exists() or not list((tmp_path / "data/models").iterdir())


def test_several_inputs_and_weights_elsewhere_are_refused(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    file = write_onnx(tmp_path / "x.onnx")
    model = onnx.load(str(file))
    model.graph.input.append(helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 2]))
    onnx.save(model, str(file))
    with pytest.raises(UserError, match=r"2 inputs \(image, points\)"):
        install(file)
    outside = tmp_path / "outside.onnx"
    model = onnx.load(str(write_onnx(tmp_path / "y.onnx", channels=400)))
    onnx.save_model(model, str(outside), save_as_external_data=True, location="w.bin", size_threshold=16)
    with pytest.raises(UserError, match="weights in other files"):
        install(outside)


def test_wrong_words_about_a_model_are_refused(tmp_path):
    file = write_onnx(tmp_path / "x.onnx")
    with pytest.raises(UserError, match="tells 3 classes apart, but 2 names"):
        install(file, Wishes(classes=("a", "b")))
    with pytest.raises(UserError, match="--mean holds 2 numbers"):
        install(file, Wishes(mean=(0.1, 0.2)))
    with pytest.raises(UserError, match="not above 0"):
        install(file, Wishes(std=(0.1, 0.0, 0.2)))
    with pytest.raises(UserError, match="cannot be called"):
        install(file, Wishes(model_id="../evil"))
    install(file)
    with pytest.raises(UserError, match="installed already"):
        install(file)


# -- computing ---------------------------------------------------------------------------------------------------


def test_any_size_gives_the_graphs_own_scores(tmp_path):
    segmenter = loaded(write_onnx(tmp_path / "x.onnx", weight=WEIGHT), PLAIN)
    for shape in ((1, 3, 64, 96), (3, 3, 33, 47)):
        batch = torch.randn(shape)
        assert np.allclose(segmenter.predict(batch), answer_of(WEIGHT, batch.numpy()), atol=1e-5)


@pytest.mark.parametrize("size", [(32, 32), (90, 75), (20, 100), (7, 5), (1, 40)])
def test_a_fixed_size_sees_windows_of_that_size_and_no_seams(tmp_path, size):
    segmenter = loaded(write_onnx(tmp_path / "x.onnx", weight=WEIGHT, height=32, width=48, count=1), PLAIN)
    batch = torch.randn(2, 3, *size)
    # A graph of single pixels: any window gives the same, so that a wrong place or weight shows at once.
    assert np.allclose(segmenter.predict(batch), answer_of(WEIGHT, batch.numpy()), atol=1e-4)


def test_a_fixed_size_may_see_the_whole_picture(tmp_path):
    file = write_onnx(tmp_path / "x.onnx", weight=WEIGHT, height=32, width=32)
    segmenter = loaded(file, Wishes(mean=(0.0,), std=(1.0,), fit="whole"))
    ramp = torch.linspace(0, 1, 200)[None, None, None, :].expand(1, 3, 120, 200)
    answer = segmenter.predict(ramp.contiguous())
    assert answer.shape == (1, 2, 120, 200)
    assert abs(float(answer[0, 1, 60, 100]) - 2 * float(ramp[0, 1, 60, 100])) < 0.02, "as seen at its own place"
    values = np.broadcast_to(np.linspace(0, 255, 200).astype(np.uint8), (3, 120, 200))
    whole = sum(p.rect.width * p.rect.height for p in propose(segmenter, ArrayReader(values)))
    assert whole == 120 * 200


def test_probabilities_come_out_as_they_went_in(tmp_path):
    segmenter = loaded(write_onnx(tmp_path / "soft.onnx", weight=WEIGHT, end="Softmax"), PLAIN)
    batch = torch.randn(1, 3, 40, 40)
    wanted = torch.softmax(torch.from_numpy(answer_of(WEIGHT, batch.numpy())), 1)
    assert torch.allclose(torch.softmax(segmenter.predict(batch), 1), wanted, atol=1e-5)
    one = loaded(write_onnx(tmp_path / "one.onnx", weight=WEIGHT[:1], end="Sigmoid"), PLAIN)
    share = torch.softmax(one.predict(batch), 1)
    wanted = torch.sigmoid(torch.from_numpy(answer_of(WEIGHT[:1], batch.numpy())))
    assert share.shape[1] == 2 and torch.allclose(share[:, 1:], wanted, atol=1e-5)
    raw = loaded(write_onnx(tmp_path / "raw.onnx", weight=WEIGHT[:1]), PLAIN)
    assert torch.allclose(torch.softmax(raw.predict(batch), 1)[:, 1:], wanted, atol=1e-5)
    told = Wishes(mean=(0.0,), std=(1.0,), output="logits", model_id="told")
    wrong = loaded(tmp_path / "one.onnx", told)
    assert not torch.allclose(torch.softmax(wrong.predict(batch), 1)[:, 1:], wanted, atol=1e-3), "what was said counts"


@pytest.mark.parametrize("element", ["FLOAT16", "DOUBLE", "UINT8"])
def test_other_kinds_of_numbers(tmp_path, element):
    segmenter = loaded(write_onnx(tmp_path / "x.onnx", weight=WEIGHT, element=element), PLAIN)
    values = torch.randint(0, 256, (1, 3, 32, 32)) / 255.0
    factor = 255 if element == "UINT8" else 1
    assert np.allclose(segmenter.predict(values), answer_of(WEIGHT, values.numpy() * factor), atol=2e-3 * factor)


def test_channels_last(tmp_path):
    segmenter = loaded(write_onnx(tmp_path / "x.onnx", weight=WEIGHT, last=True, height=64, width=64), PLAIN)
    batch = torch.randn(2, 3, 64, 64)
    assert segmenter.card.bands == 3 and segmenter.card.options["channels"] == "last"
    assert np.allclose(segmenter.predict(batch), answer_of(WEIGHT, batch.numpy()), atol=1e-5)


def test_an_image_goes_through_the_windows(tmp_path):
    segmenter = loaded(write_onnx(tmp_path / "x.onnx", weight=WEIGHT, height=64, width=64), PLAIN)
    values = random_image(150, 170)
    wanted = answer_of(WEIGHT, values[None].astype(np.float32) / 255)[0]
    found = np.zeros_like(wanted)
    for rect, logits in semantic_logits(segmenter, ArrayReader(values)):
        rows, columns = rect.slices
        found[:, rows, columns] = logits
    assert np.allclose(found, wanted, atol=1e-3)


def test_cancelling_ends_a_run_that_is_under_way(tmp_path):
    import onnx
    from onnx import helper

    # A loop of 10^9 steps: it would take hours, and onnxruntime asks nobody but its own flag.
    file = write_onnx(tmp_path / "x.onnx", weight=np.eye(3) * 0.5)
    model = onnx.load(str(file))
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Sin", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", onnx.TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", onnx.TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", onnx.TensorProto.FLOAT, None),
        ],
    )
    model.graph.initializer.append(helper.make_tensor("trips", onnx.TensorProto.INT64, [], [10**9]))
    model.graph.node.append(helper.make_node("Loop", ["trips", "", "raw"], ["looped"], body=body))
    model.graph.output[0].name = "looped"
    onnx.save(model, str(file))
    segmenter = loaded(file, PLAIN)
    token = CancelToken()

    class Soon:
        begin = time.monotonic()

        def is_set(self):
            return token.is_set() or time.monotonic() - self.begin > 0.3

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        list(semantic_logits(segmenter, ArrayReader(random_image(64, 64)), cancel=Soon()))
    assert time.monotonic() - begin < 5


def test_a_failing_graph_says_so_in_one_sentence(tmp_path):
    import onnx

    file = write_onnx(tmp_path / "x.onnx", weight=WEIGHT)
    model = onnx.load(str(file))
    model.graph.node[0].attribute[0].ints[:] = [3, 3]
    onnx.save(model, str(file))
    entry = install(file)
    with pytest.raises(UserError, match="onnxruntime cannot run|failed on an image") as caught:
        load_segmenter(entry, "cpu").predict(torch.zeros(1, 3, 32, 32))
    assert "\n" not in str(caught.value)
