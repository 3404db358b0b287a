"""The cards. No torch here: the window reads this module, and the window never imports torch."""

from dataclasses import replace

from segstudio.ml.cards import ModelCard, WeightsSource

BRIGHT = ModelCard(
    id="bright",
    name="Bright areas",
    classes=("background", "bright"),
    colors=("", "#ffcc00"),
    bands=1,
    mean=(0.0,),
    std=(1.0,),
    window_px=256,
    overlap_px=16,
    stride_px=1,
    weights=WeightsSource("file"),
    licence="Apache-2.0",
    parameters=10,
    description="Whatever is brighter than its threshold, smoothed over 3 × 3 pixels.",
    options={"threshold": 0.5},
    loader="segstudio_bright.network:load",
)


def level_cards() -> list[ModelCard]:
    """Several cards at once: the same network at other thresholds."""
    return [
        replace(BRIGHT, id=f"bright-{percent}", name=f"Brighter than {percent} %", options={"threshold": percent / 100})
        for percent in (25, 75)
    ]


def broken_card() -> ModelCard:
    """What fails here is listed as disabled, with this reason; everything else goes on."""
    raise RuntimeError("it needs a licence key")
