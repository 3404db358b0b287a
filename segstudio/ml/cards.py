"""Model cards: what a model is, reads and answers, and where its weights come from. No torch here."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from segstudio.core.errors import UserError

Task = Literal["semantic", "instance", "interactive", "classic", "refine", "encoder"]
"""``refine`` improves another model's proposal; ``encoder`` is the part of a network that reads the picture."""
WeightsKind = Literal["built-in", "download", "project", "file", "untrained"]
Scaling = Literal["unit8", "percentile", "none"]
"""How image values become 0 … 1 before mean and std: ``unit8`` divides 8-bit values by 255 and stretches deeper ones
between the image's percentiles; ``percentile`` stretches every image; ``none`` leaves the values alone."""

CARD_KEY = "segstudio.card"
"""The key of a safetensors file's metadata that holds the card as JSON."""
CARD_VERSION = 1
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LITE0_MEAN = (0.498, 0.498, 0.498)
LITE0_STD = (0.502, 0.502, 0.502)
MAX_CLASSES = 65534


@dataclass(frozen=True)
class WeightsSource:
    """Where a model's weights come from.

    ``path`` is the file where it is known; ``sha256`` is the whole digest or, where the publisher gives no more, its
    first hex digits (torchvision's file names carry eight).
    """

    kind: WeightsKind = "untrained"
    path: str = ""
    url: str = ""
    sha256: str = ""
    file_name: str = ""
    size_bytes: int = 0


@dataclass(frozen=True)
class ModelCard:
    """Everything the program needs to know of a model without loading it.

    ``classes[i]`` is the name of channel i of its logits (of label i, for objects), background included at
    ``background_index`` (None: each class is a class). ``mean`` and ``std`` hold one value a band, in scaled units.
    ``working_long_side_px`` or ``working_short_side_px`` > 0 says that the image is resampled until that side has so
    many pixels before it is cut into windows, and the answer is resampled back. ``options`` go to the network's
    builder. ``window_depth`` > 0 says that it looks at windows of so many planes of a volume, each sharing
    ``overlap_depth`` with the next; ``slices`` > 1 that it looks at a plane with its neighbours, so many together, whose
    bands follow each other from the first plane to the last (``bands`` counts them all).
    ``loader`` ("module:function") replaces the program's own loading; the function gets (card, weights path, device)
    and returns a :class:`segstudio.ml.api.Segmenter` or :class:`~segstudio.ml.api.InstanceSegmenter`.
    """

    id: str
    name: str
    task: Task = "semantic"
    architecture: str = ""
    encoder: str = ""
    classes: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    background_index: int | None = 0
    bands: int = 3
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    scaling: Scaling = "unit8"
    window_px: int = 512
    overlap_px: int = 96
    working_long_side_px: int = 0
    working_short_side_px: int = 0
    stride_px: int = 32
    window_depth: int = 0
    overlap_depth: int = 0
    slices: int = 1
    weights: WeightsSource = field(default_factory=WeightsSource)
    licence: str = ""
    is_research_only: bool = False
    data: str = ""
    data_licence: str = ""
    split: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict, hash=False)
    command: str = ""
    parameters: int | None = None
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    loader: str = ""

    @property
    def foreground(self) -> tuple[tuple[int, str], ...]:
        """(index, name) of each class that can be proposed: not the background, not the unnamed."""
        return tuple(
            (i, name) for i, name in enumerate(self.classes) if i != self.background_index and name and name != "N/A"
        )

    def to_json(self) -> dict[str, Any]:
        """The card as a JSON object."""
        return {"version": CARD_VERSION, **dataclasses.asdict(self)}

    def dumps(self) -> str:
        """The card as JSON text, as the metadata of a weights file holds it."""
        return json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False, sort_keys=True)

    @classmethod
    def from_json(cls, document: object) -> ModelCard:
        """A card from a JSON object; keys that a later version added are skipped.

        Raises
        ------
        UserError
            When it is no card or a value is of the wrong kind.
        """
        if not isinstance(document, Mapping):
            raise UserError("the model card is not a JSON object")
        values: dict[str, Any] = {}
        for spec in dataclasses.fields(cls):
            if spec.name in document:
                values[spec.name] = _checked(spec.name, document[spec.name])
        if not values.get("id") or "architecture" not in values:
            raise UserError("the model card names no id or no architecture")
        values.setdefault("name", values["id"])
        card = cls(**values)
        _check_card(card)
        return card

    @classmethod
    def loads(cls, text: str) -> ModelCard:
        """A card from JSON text.

        Raises
        ------
        UserError
            As :meth:`from_json`, and when the text is no JSON.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"the model card is not JSON ({error})") from error
        return cls.from_json(document)


_TEXT = {"id", "name", "architecture", "encoder", "licence", "data", "data_licence", "split", "command", "description"}
_TEXTS = {"classes", "colors"}
_FLOATS = {"mean", "std"}
_COUNTS = {"bands", "window_px", "overlap_px", "working_long_side_px", "working_short_side_px", "stride_px",
           "window_depth", "overlap_depth", "slices"}  # fmt: skip
_CHOICES: dict[str, tuple[str, ...]] = {"task": get_args(Task), "scaling": get_args(Scaling)}


def _checked(name: str, value: object) -> object:
    """*value* of card field *name* in its own type."""
    if name in _TEXT or name == "loader":
        # A file must not name code to import: only cards made by code (plug-ins, our own) have a loader.
        return "" if name == "loader" else _of(name, value, str)
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise UserError(f"the model card's {name} is {value!r}, not one of {', '.join(_CHOICES[name])}")
        return value
    if name in _TEXTS:
        return tuple(_of(name, item, str) for item in _of(name, value, list, tuple))
    if name in _FLOATS:
        numbers = [float(_of(name, item, int, float)) for item in _of(name, value, list, tuple)]
        if not all(math.isfinite(n) for n in numbers):
            raise UserError(f"the model card's {name} holds a number that is not finite")
        return tuple(numbers)
    if name in _COUNTS:
        return _count(name, value)
    if name in {"background_index", "parameters"}:
        return None if value is None else _count(name, value)
    if name == "is_research_only":
        return _of(name, value, bool)
    if name == "weights":
        return _weights(_of(name, value, Mapping))
    return dict(_of(name, value, Mapping))


def _of(name: str, value: object, *kinds: type) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise UserError(f"the model card's {name} is {type(value).__name__}, not {kinds[0].__name__}")
    return value


def _count(name: str, value: object) -> int:
    number: int = _of(name, value, int)
    if not 0 <= number <= 1 << 40:
        raise UserError(f"the model card's {name} is {number}")
    return number


def _weights(document: Mapping[str, Any]) -> WeightsSource:
    kind = document.get("kind", "file")
    if kind not in get_args(WeightsKind):
        raise UserError(f"the model card's weights are of kind {kind!r}, which segstudio does not know")
    texts = {key: _of(key, document.get(key, ""), str) for key in ("path", "url", "sha256", "file_name")}
    return WeightsSource(kind=kind, size_bytes=_count("size_bytes", document.get("size_bytes", 0)), **texts)


def _check_card(card: ModelCard) -> None:
    if not 1 <= card.bands <= 4096 or len(card.mean) != card.bands or len(card.std) != card.bands:
        raise UserError(
            f"the model card has {card.bands} bands but {len(card.mean)} means and {len(card.std)} deviations"
        )
    if any(s <= 0 for s in card.std):
        raise UserError("the model card holds a standard deviation that is not positive")
    if len(card.classes) > MAX_CLASSES:
        raise UserError(f"the model card lists {len(card.classes)} classes; {MAX_CLASSES} are the most")
    if card.background_index is not None and card.classes and card.background_index >= len(card.classes):
        raise UserError(f"the model card's background is class {card.background_index} of {len(card.classes)}")
    if not 32 <= card.window_px <= 16384 or card.overlap_px * 2 > card.window_px or not 1 <= card.stride_px <= 1024:
        raise UserError(f"the model card's windows of {card.window_px} px cannot overlap by {card.overlap_px} px")
    if not all(side <= 65536 for side in (card.working_long_side_px, card.working_short_side_px)):
        raise UserError("the model card's working side is more than 65536 px")
    if card.window_depth > 4096 or (card.overlap_depth and card.overlap_depth * 2 > card.window_depth):
        raise UserError(
            f"the model card's windows of {card.window_depth} planes cannot overlap by {card.overlap_depth} planes"
        )
    if card.slices % 2 != 1 or card.bands % card.slices or (card.slices > 1 and card.window_depth):
        raise UserError(f"the model card's {card.bands} bands cannot be those of {card.slices} planes")
