"""The cards of the built-in click models. No torch here."""

from __future__ import annotations

from segstudio.ml.cards import LITE0_MEAN, LITE0_STD, ModelCard, WeightsSource

ARCHITECTURE = "click"
VIEW_PX = 1024
"""The longer side of the pictures that are shown to it; it looks at them at a smaller scale, and closer where it matters."""
DEFAULT_ID = "click-base"


def card_of(model_id: str) -> ModelCard:
    """The card of ``click-base`` or ``click-free``, without figures.

    Raises
    ------
    KeyError
        For another id.
    """
    name, data, terms, is_research_only, text = {
        "click-base": (
            "Click base",
            "nuclei (DSB 2018), nuclei2d, BSDS500 train, CamVid train, DRIVE train, ISBI 2012 0–19, Massachusetts Roads, "
            "MedScribble, MNI152, hippocampus (MSD), made-up scenes of scikit-image's pictures; encoder: ImageNet-1k",
            "BSDS500, CamVid and DRIVE: research use only; nuclei CC0; hippocampus CC BY-SA 4.0; the rest see README",
            True,
            "Click, scribble or box to the mask of one object, of any kind; works without a network connection.",
        ),
        "click-free": (
            "Click free",
            "nuclei (DSB 2018, CC0), nuclei2d (BSD-3), made-up scenes of scikit-image's pictures; encoder: ImageNet-1k",
            "CC0 and BSD-3; ImageNet's terms for the encoder's first weights",
            False,
            "Click to mask, trained on data that anybody may use for anything: weaker on photographs than Click base.",
        ),
    }[model_id]
    return ModelCard(
        id=model_id,
        name=name,
        task="interactive",
        architecture=ARCHITECTURE,
        encoder="efficientnet_lite0",
        classes=(),
        background_index=None,
        mean=LITE0_MEAN,
        std=LITE0_STD,
        window_px=VIEW_PX,
        overlap_px=0,
        weights=WeightsSource("built-in"),
        licence="Apache-2.0",
        is_research_only=is_research_only,
        data=data,
        data_licence=terms,
        description=text,
    )
