"""Cards of torchvision's pretrained segmentation models, written down so that listing them needs no torch."""

from __future__ import annotations

from segstudio.ml.cards import ModelCard, Task, WeightsSource

URL = "https://download.pytorch.org/models/"
PREFIX = "torchvision/"

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
COCO_CLASSES = (
    "background", "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "N/A", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse",
    "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "N/A", "backpack", "umbrella", "N/A", "N/A", "handbag",
    "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove",
    "skateboard", "surfboard", "tennis racket", "bottle", "N/A", "wine glass", "cup", "fork", "knife", "spoon", "bowl",
    "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair",
    "couch", "potted plant", "bed", "N/A", "dining table", "N/A", "N/A", "toilet", "N/A", "tv", "laptop", "mouse",
    "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "N/A", "book", "clock",
    "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""COCO's 91 numbers; "N/A" were never used."""

_LICENCE = "BSD-3-Clause (code); weights trained on COCO, whose images carry their own terms"
_VOC_DATA = "COCO train2017, the 20 classes of PASCAL VOC"
_COCO_DATA = "COCO train2017"


def _card(
    builder: str, title: str, file_name: str, megabytes: float, parameters: int, task: Task, metrics: dict[str, float]
) -> ModelCard:
    is_semantic = task == "semantic"
    encoder = builder.removeprefix("fcn_").removeprefix("deeplabv3_").removeprefix("lraspp_")
    return ModelCard(
        id=PREFIX + builder,
        name=title,
        task=task,
        architecture=builder,
        encoder=encoder if is_semantic else "resnet50",
        classes=VOC_CLASSES if is_semantic else COCO_CLASSES,
        # Mask R-CNN scales and normalises its input itself.
        mean=(0.485, 0.456, 0.406) if is_semantic else (0.0, 0.0, 0.0),
        std=(0.229, 0.224, 0.225) if is_semantic else (1.0, 1.0, 1.0),
        # 520 is what these were trained and are scored at; the whole picture fits one window of 1024 then.
        working_short_side_px=520 if is_semantic else 0,
        window_px=1024,
        overlap_px=256,
        stride_px=8,
        weights=WeightsSource(
            "download",
            url=URL + file_name,
            sha256=file_name.rsplit("-", 1)[1].removesuffix(".pth"),
            file_name=file_name,
            size_bytes=round(megabytes * (1 << 20)),
        ),
        licence=_LICENCE,
        data=_VOC_DATA if is_semantic else _COCO_DATA,
        data_licence="annotations CC BY 4.0; images under the terms of Flickr",
        split="COCO val2017",
        metrics=metrics,
        parameters=parameters,
        description="Everyday objects in photographs."
        if is_semantic
        else "Everyday objects in photographs, each one by itself.",
    )


def _scores(miou: float, accuracy: float) -> dict[str, float]:
    return {"mean_iou": round(miou / 100, 4), "pixel_accuracy": round(accuracy / 100, 4)}


def _maps(box: float, mask: float) -> dict[str, float]:
    return {"box_map": round(box / 100, 4), "mask_map": round(mask / 100, 4)}


TORCHVISION_CARDS: tuple[ModelCard, ...] = (
    _card("lraspp_mobilenet_v3_large", "LR-ASPP MobileNetV3", "lraspp_mobilenet_v3_large-d234d4ea.pth", 12.49, 3221538,
          "semantic", _scores(57.9, 91.2)),
    _card("deeplabv3_mobilenet_v3_large", "DeepLabV3 MobileNetV3", "deeplabv3_mobilenet_v3_large-fc3c493d.pth", 42.301,
          11029328, "semantic", _scores(60.3, 91.2)),
    _card("deeplabv3_resnet50", "DeepLabV3 ResNet-50", "deeplabv3_resnet50_coco-cd0a2569.pth", 160.515, 42004074,
          "semantic", _scores(66.4, 92.4)),
    _card("deeplabv3_resnet101", "DeepLabV3 ResNet-101", "deeplabv3_resnet101_coco-586e9e4e.pth", 233.217, 60996202,
          "semantic", _scores(67.4, 92.4)),
    _card("fcn_resnet50", "FCN ResNet-50", "fcn_resnet50_coco-1167a1af.pth", 135.009, 35322218,
          "semantic", _scores(60.5, 91.4)),
    _card("fcn_resnet101", "FCN ResNet-101", "fcn_resnet101_coco-7ecb50ca.pth", 207.711, 54314346,
          "semantic", _scores(63.7, 91.9)),
    _card("maskrcnn_resnet50_fpn", "Mask R-CNN ResNet-50", "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth", 169.84, 44401393,
          "instance", _maps(37.9, 34.6)),
    _card("maskrcnn_resnet50_fpn_v2", "Mask R-CNN v2 ResNet-50", "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth", 177.219,
          46359409, "instance", _maps(47.4, 41.8)),
)  # fmt: skip
