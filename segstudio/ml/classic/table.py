"""The classic methods of the catalog: their cards and options. Imports no method and no heavy library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.classic.options import Option, merged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.classic.options import Value

PREFIX = "classic/"


@dataclass(frozen=True)
class Method:
    """A classic method: ``module`` (below this package) has ``find(request)``; ``classes`` are its class names.

    Where ``layers`` is set, the option of that name says how many classes there are.
    """

    id: str
    name: str
    module: str
    description: str
    options: tuple[Option, ...]
    classes: tuple[str, ...]
    layers: str = ""

    def class_names(self, options: Mapping[str, Value]) -> tuple[str, ...]:
        """The class names, background first, for these options."""
        if not self.layers:
            return self.classes
        count = int(options[self.layers])
        if self.module == "otsu":
            return self.classes if count == 2 else tuple(f"level {i + 1}" for i in range(count))
        names = ["near", *(f"layer {i + 1}" for i in range(1, count - 1)), "far"]
        if count == 3:
            names[1] = "middle"
        return ("unknown", *names)


_BAND = Option(
    "band", "Band", 0, "integer", 0, 10000,
    help="Which band is looked at, from 1; 0 is the brightness of all",
)  # fmt: skip
_SIZE = Option("size_px", "Size (px)", 32, "integer", 4, 512, 4, help="About how wide a superpixel is, in pixels")
_WORKING = Option(
    "working_px", "Seen at (px)", 1024, "integer", 64, 4096, 64,
    help="A longer image is reduced to this long side first; the rim is drawn at full size again",
)  # fmt: skip
_LAYERS = Option("layers", "Layers", 3, "integer", 2, 12, help="How many classes lie between near and far")
_DEPTH_OPTIONS = (
    Option(
        "split", "Split by", "otsu", "choice", choices=("otsu", "even", "quantile"),
        help="Where one layer ends: at gaps of the depths, at even steps, or so that layers are of one area",
    ),
    Option(
        "least_share", "Least piece", 0.002, "number", 0, 0.5, 0.001, is_minor=True,
        help="Pieces below this share of the image join their neighbour",
    ),
    Option(
        "group", "Pieces", "merge", "choice", choices=("merge", "objects"),
        help="Merge small pieces into layers, or make objects of what lies together in the image and in depth (DBSCAN)",
    ),
    Option("eps_cells", "Reach", 2.0, "number", 1, 5, 0.5, is_minor=True,
           help="How far points of one object lie apart, in cells"),
    Option("min_points", "Least points", 6, "integer", 1, 100, is_minor=True,
           help="So many points within reach make an object"),
)  # fmt: skip
_GROWTH_PX = Option(
    "closing_px", "Closing (px)", 7, "integer", 0, 101, 2,
    help="Gaps of the outlines up to this width are closed: dilation before filling, erosion after",
)  # fmt: skip
_THRESHOLD = Option(
    "threshold", "Threshold", 0.0, "number", 0, 1, 0.05, help="Of the largest saliency, 0 to 1; 0 finds it by Otsu"
)
_LEAST_PX = Option("least_px", "Least area (px)", 64, "integer", 0, 1 << 24, 16, help="Smaller regions are left out")

METHODS: tuple[Method, ...] = (
    Method(
        "otsu", "Otsu threshold", "otsu",
        "Splits by brightness where the classes differ most. Choose it for things plainly brighter or darker than what is "
        "around them. N. Otsu, 1979; several levels: P.-S. Liao et al., 2001.",
        (
            Option("classes", "Classes", 2, "integer", 2, 8, help="How many classes of brightness there are"),
            Option("objects", "Objects are", "bright", "choice", choices=("bright", "dark")),
            _BAND,
        ),
        ("background", "foreground"), "classes",
    ),
    Method(
        "local-threshold", "Local threshold", "local_threshold",
        "Compares each pixel with its neighbourhood. Choose it for text, cells or cracks under uneven light. "
        "J. Sauvola and M. Pietikäinen, 2000; or a Gaussian mean.",
        (
            Option("method", "Method", "sauvola", "choice", choices=("sauvola", "gaussian")),
            Option("objects", "Objects are", "dark", "choice", choices=("bright", "dark")),
            Option("window_px", "Window (px)", 51, "integer", 3, 501, 2, help="Side of the neighbourhood"),
            Option("k", "Sensitivity k", 0.2, "number", -1, 1, 0.05, help="Sauvola: larger finds less"),
            Option("offset", "Offset", 0.02, "number", -1, 1, 0.01, help="Gaussian: larger finds less"),
            _BAND,
        ),
        ("background", "foreground"),
    ),
    Method(
        "slic", "Superpixels (SLIC)", "slic",
        "Small even areas that follow the edges, each an object to accept or merge. R. Achanta et al., 2012.",
        (_SIZE, Option("compactness", "Compactness", 10.0, "number", 0.1, 100, 1, help="Larger makes squares")),
        ("background", "superpixel"),
    ),
    Method(
        "felzenszwalb", "Superpixels (Felzenszwalb)", "felzenszwalb",
        "Areas of even colour, large where nothing happens. P. Felzenszwalb and D. Huttenlocher, 2004.",
        (
            Option("scale", "Scale", 100.0, "number", 1, 10000, 10, help="Larger makes larger areas"),
            Option("sigma_px", "Smoothing (px)", 0.8, "number", 0, 10, 0.1),
            Option("least_px", "Least area (px)", 64, "integer", 1, 1 << 20, 16),
        ),
        ("background", "superpixel"),
    ),
    Method(
        "watershed", "Superpixels (watershed)", "watershed",
        "Areas between the ridges of the gradient, from a grid of seeds. P. Neubert and P. Protzel, 2014.",
        (_SIZE, Option("compactness", "Compactness", 0.001, "number", 0, 10, 0.001, help="Larger makes squares")),
        ("background", "superpixel"),
    ),
    Method(
        "edges", "Salient by edges", "edges",
        "Strong outlines, closed and filled. Choose it for sharp things on a plain background.",
        (
            Option("operator", "Operator", "sobel", "choice", choices=("sobel", "scharr", "laplacian", "canny")),
            Option("strength", "Edge strength", 0.0, "number", 0, 1, 0.05, help="0 to 1; 0 finds it by Otsu"),
            Option("sigma_px", "Smoothing (px)", 1.0, "number", 0, 20, 0.5),
            _GROWTH_PX, _LEAST_PX, _WORKING,
        ),
        ("background", "salient"),
    ),
    Method(
        "spectral-residual", "Salient by spectrum", "spectral_residual",
        "What is unlike the rest of the image, found coarsely and fast. X. Hou and L. Zhang, 2007.",
        (Option("factor", "Times the mean", 3.0, "number", 0.5, 20, 0.5, help="So much above the mean is salient"),),
        ("background", "salient"),
    ),
    Method(
        "fine-grained", "Salient by contrast", "fine_grained",
        "What differs from its surroundings at several scales. S. Montabone and A. Soto, 2010.",
        (_THRESHOLD, _LEAST_PX, replace(_WORKING, default=512)),
        ("background", "salient"),
    ),
    Method(
        "depth", "Layers of a depth map", "depth",
        "Cuts the image into layers from near to far by a depth or disparity map: an image or .npy beside it "
        "(STEM_depth, STEM_disp, or depth/STEM), or a file that you choose.",
        (
            _LAYERS,
            Option("depth", "Depth map", "", "file", help="A file, or a folder of files named as the images"),
            Option(
                "kind", "Values are", "auto", "choice", choices=("auto", "depth", "disparity"),
                help="Depth grows with distance, disparity shrinks; auto goes by the file's name",
            ),
            *_DEPTH_OPTIONS,
        ),
        (), "layers",
    ),
    Method(
        "stereo", "Layers of a stereo pair", "stereo",
        "Cuts the left image of a rectified pair into layers from near to far. The right one lies beside it "
        "(…_left and …_right, or folders left and right), or you choose it. H. Hirschmüller, 2008.",
        (
            _LAYERS,
            Option("right", "Right image", "", "file", help="A file, or a folder of files named as the images"),
            Option(
                "max_disparity_px", "Largest shift (px)", 0, "integer", 0, 4096, 16,
                help="Of the nearest thing, in pixels of the image; 0 takes an eighth of the width",
            ),
            Option("block_px", "Block (px)", 5, "integer", 1, 21, 2, is_minor=True),
            *_DEPTH_OPTIONS,
        ),
        (), "layers",
    ),
)  # fmt: skip
_BY_ID = {PREFIX + method.id: method for method in METHODS}


def method_of(card: ModelCard) -> Method:
    """The method of a card of task ``classic``.

    Raises
    ------
    UserError
        When this version has none.
    """
    method = _BY_ID.get(card.id)
    if method is None:
        raise UserError(f"this version has no classic method {card.id!r}", remedy="`segstudio models list` lists them")
    return method


def with_options(card: ModelCard, given: Mapping[str, object]) -> ModelCard:
    """*card* with these options in place of its own; its classes follow.

    Raises
    ------
    UserError
        When an option does not fit, or the card is of a network and takes none.
    """
    if card.task != "classic":
        if given:
            raise UserError(f"the model {card.id} takes no options", remedy="leave --option out")
        return card
    method = method_of(card)
    options = merged(method.options, {**card.options, **given})
    return replace(card, options=options, classes=method.class_names(options))


def _card(method: Method) -> ModelCard:
    plain = ModelCard(
        id=PREFIX + method.id,
        name=method.name,
        task="classic",
        architecture=method.id,
        bands=1,
        mean=(0.0,),
        std=(1.0,),
        weights=WeightsSource("built-in"),
        licence="Apache-2.0",
        parameters=0,
        description=method.description,
    )
    return with_options(plain, {})


CLASSIC_CARDS: tuple[ModelCard, ...] = tuple(map(_card, METHODS))
