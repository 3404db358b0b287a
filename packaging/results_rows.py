"""The rows of resources/docs/results.md as data: what others published, how to train and measure ours, and when a row is reached.

Recipes are for one GPU of 16 GB or more with ImageNet weights at hand; ``reproduce_results.py`` cuts them to a budget of minutes. ``DATA`` is the
folder with the data sets under ``camvid/``, ``isbi2012/``, ``nuclei/`` and ``drive/``, ``RUN`` the row's own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """A figure of the evaluation and its limit: ``path`` leads to it in the document, by keys, class names and ``-`` for 1 - it."""

    name: str
    path: tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None
    above_row: str = ""

    def is_reached(self, value: float | None, other: float | None = None) -> bool:
        """Whether *value* keeps the limits; *other* is the same figure of ``above_row``."""
        if value is None or (self.above_row and (other is None or value <= other)):
            return False
        return not (
            (self.at_least is not None and value < self.at_least) or (self.at_most is not None and value > self.at_most)
        )

    @property
    def limit(self) -> str:
        """The limit in words."""
        parts = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        parts += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return ", ".join([*parts, *([f"above {self.above_row}"] if self.above_row else [])])


@dataclass(frozen=True)
class Row:
    """One row: ``train`` and ``evaluate`` are command lines after ``segstudio``; with ``folds`` each is run once a fold, ``K/N``.

    ``published`` names figure and source. ``share`` is its part of a budget of minutes, among all rows. Without ``train`` the row cannot
    be run, and ``note`` says why.
    """

    id: str
    what: str
    published: str
    aims: tuple[Aim, ...] = ()
    train: str = ""
    evaluate: str = ""
    folds: int = 0
    share: float = 1.0
    note: str = ""


_CAMVID = (
    "train --data camvid:DATA/camvid --research-only --size 352 --batch 12 --scale 0.5,2 --augment standard --workers 8 "
    "--validate-every 10 --seed 0"
)
_CAMVID_TEST = "evaluate --data camvid:DATA/camvid --split test --model RUN/best.safetensors"
_LONG = "--epochs 400 --loss ce+lovasz --class-weights effective --ema 0.999"
_SGD = "--optimiser sgd --weight-decay 0.0005 --schedule poly"
_DSB = (
    "train --data folder:DATA/nuclei/images,DATA/nuclei/masks --classes background,nucleus --size 256 --batch 16 --augment microscopy "
    "--scale 0.5,1.6 --patches-per-image 2 --val-fraction 0.1 --loss ce+dice --border-weight 5 --epochs 200 --lr 0.001 --ema 0.999 "
    "--workers 8 --validate-every 10 --seed 0"
)
_DSB_TEST = (
    "evaluate --data folder:DATA/nuclei/images,DATA/nuclei/masks --classes background,nucleus --split test --model RUN/best.safetensors "
    "--objects --split-touching 0.6 --least-px 25 --option views=8"
)
_NECKS = "how touching nuclei are split was chosen on 42 training images"
_IOU = ("per_class", "nucleus", "iou")
_F1 = Aim("object F1", ("objects", "object_f1"), at_least=0.85)
_MIOU = ("mean_iou",)


def _joined(*parts: str) -> str:
    """One command line of several, where a later option stands in for an earlier one of its name."""
    command, options = "", {}
    for part in parts:
        head, *found = part.split(" --")
        head, found = ("", [head.removeprefix("--"), *found]) if head.startswith("--") else (head, found)
        command = command or head
        options.update({text.split(" ", 1)[0]: text for text in found})
    return " --".join([command, *options.values()])


def _camvid(
    name: str, what: str, published: str, at_least: float, options: str, note: str = "", share: float = 1.0
) -> Row:
    aim = Aim("mean IoU", _MIOU, at_least=at_least)
    train = _joined(_CAMVID, options, "--out RUN")
    return Row(f"camvid-{name}", f"CamVid test, {what}", published, (aim,), train, _CAMVID_TEST, share=share, note=note)


ROWS: tuple[Row, ...] = (
    _camvid("segnet", "SegNet", "60.1 mean IoU (Badrinarayanan et al. 2017, learnt from ten times the images)", 0.601,
            f"--arch segnet --encoder vgg16_bn {_LONG} {_SGD} --lr 0.02"),
    _camvid("deeplabv1", "DeepLab-LargeFOV", "61.6 mean IoU (as quoted by Jégou et al. 2017)", 0.616,
            f"--arch deeplabv1 --encoder vgg16 {_LONG} {_SGD} --lr 0.004"),
    _camvid("enet", "ENet", "51.3 mean IoU (Paszke et al. 2016)", 0.513,
            f"--arch enet {_LONG} --epochs 600 --lr 0.002 --weight-decay 0.0002"),
    _camvid("fcn8s", "FCN-8s", "57.0 mean IoU (as quoted by Jégou et al. 2017)", 0.570,
            f"--arch fcn8s --encoder vgg16 {_LONG} {_SGD} --lr 0.002 --batch 8"),
    Row("camvid-espnet", "CamVid test, ESPNet",
        "55.6 mean IoU (Mehta et al. 2018); 57.2 measured with its published weights on these very images",
        note="not run: ESPNet is none of segstudio's networks; ENet stands for its kind"),
    _camvid("bisenet", "BiSeNet, ResNet-18", "68.7 mean IoU at 720×960 (Yu et al. 2018)", 0.687,
            f"--arch bisenet --encoder resnet18 {_LONG} --working-long-side 960 --size 704 --batch 8 --lr 0.001 --weight-decay 0.0005",
            "the shared images have 480×360 px and are brought to 960 px, which adds no detail: the published one saw more", 2.0),
    _camvid("best", "the best network: HRNet-W48 with OCR", "72 to reach", 0.72,
            f"--arch ocrnet --encoder hrnet_w48 {_LONG} --working-long-side 960 --size 640 --batch 8 --lr 0.0005 --mix classmix", share=3.0),
    Row("isbi", "ISBI 2012, 5 folds of the 25 shared sections, U-Net",
        "pixel error 0.0611 on the hidden test (Ronneberger et al. 2015)",
        (Aim("pixel error", ("cells", "pixel_error"), at_most=0.06), Aim("Rand", ("cells", "rand_f1"))),
        "train --data folder:DATA/isbi2012/images,DATA/isbi2012/masks --classes background,membrane --research-only --arch unet --encoder none "
        "--fold FOLD --size 256 --batch 8 --patches-per-image 16 --augment overhead --augment-option elastic=0.5 --scale 0.8,1.25 --epochs 150 "
        "--lr 0.0005 --ema 0.998 --workers 8 --validate-every 10 --seed 0 --out RUN",
        "evaluate --data folder:DATA/isbi2012/images,DATA/isbi2012/masks --classes background,membrane --split val --rand membrane "
        "--model RUN/last.safetensors --option views=8", folds=5, share=2.0,
        note="the last weights of each fold, since its best epoch would be chosen on what is measured"),
    Row("dsb-unet", "DSB 2018 nuclei, 77 test images, U-Net",
        "IoU 90.8 (Zhou et al. 2018, on a split of its own)", (Aim("IoU", _IOU, at_least=0.90), _F1),
        f"{_DSB} --arch unet --encoder efficientnet_lite0 --out RUN", _DSB_TEST, note=_NECKS),
    Row("dsb-unetplusplus", "DSB 2018 nuclei, 77 test images, UNet++",
        "IoU 92.6 (Zhou et al. 2018, on a split of its own)", (Aim("IoU", _IOU, at_least=0.90, above_row="dsb-unet"), _F1),
        f"{_DSB} --arch unetplusplus --encoder efficientnet_lite0 --out RUN", _DSB_TEST),
    Row("drive", "DRIVE test, 20 images, field of view only, first observer",
        "W-Net Dice 0.825, AUC 0.980 (Galdran et al. 2020; measured with its published weights on these very images)",
        (Aim("Dice", ("per_class", "vessel", "dice"), at_least=0.83), Aim("AUC", ("per_class", "vessel", "auc"), at_least=0.981)),
        "train --data folder:DATA/drive/images,DATA/drive/masks --classes background,vessel --research-only --arch unet --encoder "
        "efficientnet_lite0 --working-long-side 1024 --size 384 --batch 8 --patches-per-image 24 --augment overhead --scale 0.75,1.33 "
        "--val-fraction 0.1 --epochs 150 --lr 0.001 --ema 0.999 --workers 8 --validate-every 10 --seed 0 --out RUN",
        "evaluate --data folder:DATA/drive/images,DATA/drive/masks --classes background,vessel --split test --model RUN/best.safetensors "
        "--option views=8"),
)  # fmt: skip
