"""When to choose which: a paragraph for each network, encoder and model of the catalog. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard

# fmt: off
NETWORKS: dict[str, str] = {
    "unet":
        "The first to try when a few dozen labelled images are all there is: its borders are sharp, it learns quickly and seldom goes "
        "wrong. Choose it for cells, organs, materials and anything else with clear outlines. With a pretrained encoder it needs fewer "
        "labels still; without one it is the network of the paper, heavier and for images unlike photographs.",
    "unetplusplus":
        "A U-Net that joins fine and coarse features in several small steps. Choose it where a U-Net just misses thin or blurred borders "
        "and you can spend somewhat more memory in training. After training it can be cut to a smaller depth that proposes faster.",
    "unet3plus":
        "Each level of its decoder sees all levels of the encoder, so large and small things of one class are found alike: organs in a "
        "scan, cells of all ages. It computes many times as much as a U-Net; take it when that is too weak and a graphics card is at hand.",
    "fcn32s":
        "The first fully convolutional network, with one coarse answer for each 32 pixels. Choose it as the baseline that others are "
        "compared with. For work, fcn8s has as many weights and finer borders.",
    "fcn16s":
        "FCN with one skip from a finer layer, between fcn32s and fcn8s in detail. Choose it to retrace the paper or to see what each skip "
        "brings; for work take a U-Net or DeepLab v3+.",
    "fcn8s":
        "The classic baseline: VGG-16 and two skips. Choose it to compare with published figures. Its 134 million parameters need half a "
        "gigabyte for the weights alone, and training wants a graphics card.",
    "segnet":
        "Remembers where each maximum lay and puts it back there, so outlines stay in place although the decoder is light. Made for "
        "street scenes of a dozen classes. Take the version with batch norm; a U-Net is usually as good with fewer labels.",
    "deconvnet":
        "A mirror image of VGG-16 with a fully connected waist, the largest network here. Choose it to compare with its paper. It needs many "
        "labels and much memory, and SegNet does much the same at an eighth of the weights.",
    "deeplabv1":
        "VGG-16 with dilated convolutions and a wide field of view. Its answer is smooth and coarse, and meant to be refined by the "
        "fully connected CRF. Choose it for that pair, or as a baseline before ResNets.",
    "deeplabv2":
        "Sees the image at three sizes and keeps the strongest answer, for objects that appear at very different scales. "
        "Three passes make it slow. DeepLab v3 or v3+ is nearly always the better bargain.",
    "deeplabv3":
        "Looks at wide surroundings at several rates before it decides, for large regions whose meaning depends on context: land cover, "
        "sky and road, tissue. Borders are found at an eighth or sixteenth of the resolution; where they count take v3+.",
    "deeplabv3plus":
        "The all-round choice for photographs, aerial and satellite images: the context of DeepLab v3, and borders sharpened by "
        "an early layer. Light with a MobileNet or EfficientNet-Lite0, strong with a ResNet. When a U-Net confuses classes, try this next.",
    "pspnet":
        "Averages the whole scene in four grids and lets each pixel know it, so a boat is not taken for a car on water. "
        "Choose it for indoor, street and land-cover scenes with many classes. As its last stages are dilated it wants a graphics card.",
    "refinenet":
        "Brings coarse meaning back to full detail in four careful steps. Choose it for detailed scenes, people's parts or indoor views, when "
        "memory is no worry; it is among the heaviest with small encoders too.",
    "hrnet":
        "Never gives up its fine resolution, so thin and small things survive: vessels, cracks, poles, roads from above. "
        "The W18 fits a small card; W48 is among the strongest here. It starts slowly without ImageNet weights.",
    "ocrnet":
        "First finds the region of each class roughly, then compares every pixel with those regions. Choose it for street scenes "
        "and many classes with much data, when the last percents count. Its head adds two to three times the encoder's work.",
    "enet":
        "A third of a million parameters and two billion operations: trains on a processor too, and proposes quickly everywhere. "
        "Choose it for video, small computers, or a first look; fine borders and rare classes are its weak side.",
    "bisenet":
        "One short path keeps detail, one deep path sees context, and they meet at the end. Choose it for large pictures and quick "
        "answers when ENet is too weak. ResNet-18, as in the paper, is a good encoder for it.",
    "upernet":
        "A feature pyramid and pooled context over any encoder; with a ConvNeXt it is the most modern network here. Choose it for much data "
        "and many classes. With a handful of images the lighter U-Net and DeepLab v3+ overfit less.",
    "pixelnet":
        "Learns from a few thousand sampled pixels of each image, so that scattered strokes or points are labels enough and memory in "
        "training stays small. Proposing is very slow, since every pixel passes a large perceptron.",
    "fastfcn":
        "Joins the last three stages by joint pyramid upsampling in place of dilating them: nearly PSPNet's quality with less memory and time. "
        "Choose it for many classes in large images, and with encoders that have no dilated version (DenseNet, VGG).",
    "vnet":
        "Residual blocks of wide 5×5×5 windows, made for CT and MR with the Dice loss. With a patch depth it learns from blocks of planes; "
        "without one each plane is a picture. Choose it for volumes whose planes say little alone, and much time to learn from scratch; "
        "a U-Net with a pretrained encoder that sees neighbouring planes wants less.",
}
"""Network id → when to choose it."""

_VGG = "Plain stacks of 3×3 convolutions, {} layers deep. Exact in texture, heavy for what they know; {}."
_RESNET = "{} Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet."
_DENSENET = "Each layer sees all before it: few parameters, much memory in training. {}"
_B = "Scaled up evenly in depth, width and detail. {} Slow for its operations on a processor."
_HRNET = "Parallel resolutions, for the networks hrnet and ocrnet first of all. {}"
_CONVNEXT = "A convolutional network with the recipes of transformers, the strongest ImageNet features here. {}"

ENCODERS: dict[str, str] = {
    "efficientnet_lite0":
        "The default: its ImageNet weights come with the installation, it is light on any computer, and dilated versions exist. "
        "Change it when labels are plenty and the answer is still too weak.",
    "alexnet": "The first deep one: quick, coarse and of historical interest. For comparisons with early papers.",
    "vgg11": _VGG.format(8, "the lightest of them"),
    "vgg11_bn": _VGG.format(8, "the lightest of them, and batch norm trains more safely"),
    "vgg13": _VGG.format(10, "seldom the best choice"),
    "vgg13_bn": _VGG.format(10, "batch norm trains more safely"),
    "vgg16": _VGG.format(13, "what FCN, DeepLab v1 and PixelNet were made on"),
    "vgg16_bn": _VGG.format(13, "batch norm trains more safely from scratch, as SegNet and DeconvNet do"),
    "vgg19": _VGG.format(16, "VGG-16 is as good in most cases"),
    "vgg19_bn": _VGG.format(16, "VGG-16 with batch norm is as good in most cases"),
    "resnet18": _RESNET.format("The light one, a safe choice for small data and quick networks."),
    "resnet34": _RESNET.format("A step up from ResNet-18 at twice its cost."),
    "resnet50": _RESNET.format("The usual middle: strong enough for most data, well known to every network."),
    "resnet101": _RESNET.format("For large data sets and many classes; what DeepLab v2 and PSPNet published with."),
    "resnet152": _RESNET.format("The largest; gains little over ResNet-101 for half as much work again."),
    "inception_v3":
        "Looks with windows of several shapes side by side. Its features lie at odd sizes and are resampled; take a ResNet-50 unless you "
        "compare.",
    "densenet121": _DENSENET.format("Popular for medical images with few labels."),
    "densenet169": _DENSENET.format("A deeper DenseNet-121, when that is nearly enough."),
    "densenet201": _DENSENET.format("The deepest, for a graphics card."),
    "mobilenet_v2": "Made for telephones: small, quick on a processor, with a dilated version. Good company for DeepLab v3+ and BiSeNet.",
    "mobilenet_v3_small": "The least work of all encoders; for video and weak computers, when a coarse answer will do.",
    "mobilenet_v3_large": "Quick on a processor and a little stronger than MobileNetV2; torchvision's light models use it.",
    "efficientnet_b0": _B.format("The small one; Lite0 is its quicker sister with weights at hand."),
    "efficientnet_b1": _B.format("A little more than B0."),
    "efficientnet_b2": _B.format("A fair middle between ResNet-18's cost and ResNet-50's strength."),
    "efficientnet_b3": _B.format("Often chosen for aerial images and competitions with a U-Net."),
    "efficientnet_b4": _B.format("The strongest here; wants a graphics card with memory."),
    "hrnet_w18": _HRNET.format("The narrow one, 10 million parameters."),
    "hrnet_w32": _HRNET.format("The middle width."),
    "hrnet_w48": _HRNET.format("The width of published street-scene results; wants a large card."),
    "xception": "Separable convolutions throughout, the body that DeepLab v3+ was published with. Heavy; for photographs with many labels.",
    "convnext_tiny": _CONVNEXT.format("About the size of a ResNet-50, and usually better at it."),
    "convnext_small": _CONVNEXT.format("Twice as deep as tiny."),
    "convnext_base": _CONVNEXT.format("The widest; for much data and a large card."),
}
"""Encoder id → when to choose it."""

_EVERYDAY = "Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. {}"
MODELS: dict[str, str] = {
    "torchvision/lraspp_mobilenet_v3_large": _EVERYDAY.format("The quickest and smallest; for a first look and for processors."),
    "torchvision/deeplabv3_mobilenet_v3_large": _EVERYDAY.format("Light, with better borders than LR-ASPP: the one to begin with."),
    "torchvision/deeplabv3_resnet50": _EVERYDAY.format("Clearly more exact, at some seventeen times the work."),
    "torchvision/deeplabv3_resnet101": _EVERYDAY.format("The most exact of these; wants a graphics card."),
    "torchvision/fcn_resnet50": _EVERYDAY.format("Simpler and coarser than DeepLabV3 of the same size; for comparisons."),
    "torchvision/fcn_resnet101": _EVERYDAY.format("As fcn_resnet50 with a deeper encoder; for comparisons."),
    "torchvision/maskrcnn_resnet50_fpn":
        "Finds the 80 everyday things of COCO in photographs, each as an object of its own. Choose it when things must be counted or touch one "
        "another.",
    "torchvision/maskrcnn_resnet50_fpn_v2":
        "The same 80 things as the first Mask R-CNN, found markedly better for somewhat more work. Choose this one unless you compare.",
    "nuclei":
        "Nuclei in fluorescence, stained tissue and bright field, of nearly any microscope. Choose it to begin labelling cells; "
        "then train on what you corrected. Touching nuclei come out as one area: split them by Regions, Split touching objects.",
    "membrane":
        "Dark membranes between cells in electron microscopy of brain tissue, about 4 nm a pixel. Choose it for serial sections; other tissue or "
        "staining wants a few corrected images and retraining.",
    "roads":
        "Roads in aerial photographs of about 1 m a pixel. Trained on very few scenes, so take its proposal as a start and retrain on your own.",
    "street":
        "Eleven classes of street scenes seen from a car: sky, building, road, tree, car and others. Choose it for driving videos in "
        "daylight; night, rain or other cities want retraining.",
    "vessels":
        "Blood vessels in colour photographs of the retina. Choose it for fundus cameras of about 45°; images are brought to 1024 px first, "
        "so any resolution will do.",
    "classic/otsu":
        "Splits by brightness where two or more groups differ most. Choose it for things plainly brighter or darker than all around them "
        "under even light; no training, at once.",
    "classic/local-threshold":
        "Compares each pixel with its own neighbourhood. Choose it for print, cracks or cells where the light is uneven and Otsu loses a corner.",
    "classic/slic":
        "Cuts the image into small even areas that follow edges. Choose it to label by clicking areas, or to sketch many classes quickly.",
    "classic/felzenszwalb":
        "Areas of even colour, large where nothing happens and small in detail. Choose it for scenes with broad plain surfaces; sizes vary much.",
    "classic/watershed":
        "Areas between the ridges of the gradient, from a grid of seeds. Choose it where edges are closed and clear, such as grains, tiles and foam.",
    "classic/edges":
        "Takes strong outlines, closes and fills them. Choose it for sharp things on a plain ground: products, tools, specimens.",
    "classic/spectral-residual":
        "Finds what is unlike the rest of the image by its spectrum, in milliseconds and coarsely. Choose it to see where to look, "
        "not for borders.",
    "classic/fine-grained":
        "Finds what differs from its surroundings at several scales, with finer borders than the spectral method. Choose it for single "
        "things on busy ground.",
    "classic/depth":
        "Cuts the scene into layers from near to far by a depth or disparity map that you have. Choose it for depth cameras and photogrammetry.",
    "classic/stereo":
        "Works out the distance from a rectified pair of images and cuts it into layers. Choose it for stereo cameras; plain surfaces stay unknown.",
}
"""Model id → when to choose it."""
# fmt: on

_OWN = "A network that was trained on labels like yours. "


def advice_of(card: ModelCard) -> str:
    """When to choose a model: its own paragraph, else its network's, else what its card says of itself; "" where nothing is known."""
    if card.task == "encoder":
        return ENCODERS.get(card.encoder, card.description)
    known = MODELS.get(card.id)
    if known is not None:
        return known
    if card.weights.kind == "untrained" and card.architecture in NETWORKS:
        return NETWORKS[card.architecture]
    if card.description:
        return card.description
    network = NETWORKS.get(card.architecture, "")
    return _OWN + network if network and card.task == "semantic" else network
