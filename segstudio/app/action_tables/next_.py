"""What next: its part of the Model menu."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
NEXT = (
    _spec("next.place", "Most uncertain place", "N", "target", "Model", "next", "image",
          "Go to the place in this image where the model is least sure and nobody has looked yet", submenu="What next"),
    _spec("next.confirm", "This place is right", "Shift+Y", "accept", "Model", "next", "edit",
          "The uncertain place pointed at, else what is in view, is right as it is shown: the proposal becomes labels there, "
          "and what is empty there is learnt as background; then on to the next uncertain place",
          submenu="What next"),
    _spec("next.start_over", "All places again", "", "", "Model", "next", "image",
          "Let the key for the most uncertain place go through this image from its start", submenu="What next"),
    _spec("next.image", "Next image worth labelling", "", "next-worth", "Model", "next", "project",
          "Open the image that tells the model most, by the order in the Next panel", submenu="What next"),
    _spec("next.look", "Look at all images", "", "look", "Model", "next", "project",
          "Let the model look at every image: how unsure it is of each and where, and which labels it doubts", submenu="What next"),
)
# fmt: on
