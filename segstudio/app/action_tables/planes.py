"""Planes of volumes and stacks: moving through them, carrying labels from one to the next, copy and paste."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
PLANES = (
    _spec("plane.next", "Next plane", ". Ctrl+Up", "next", "View", "planes", "image",
          "Go one plane on in a volume or stack", submenu="Planes"),
    _spec("plane.previous", "Previous plane", ", Ctrl+Down", "previous", "View", "planes", "image",
          "Go one plane back in a volume or stack", submenu="Planes"),
    _spec("plane.ten_on", "Ten planes on", "Ctrl+Shift+Up", "", "View", "planes", "image",
          "Go ten planes on", submenu="Planes"),
    _spec("plane.ten_back", "Ten planes back", "Ctrl+Shift+Down", "", "View", "planes", "image",
          "Go ten planes back", submenu="Planes"),
    _spec("plane.first", "First plane", "Home", "", "View", "planes", "image",
          "Go to the first plane", submenu="Planes"),
    _spec("plane.last", "Last plane", "End", "", "View", "planes", "image",
          "Go to the last plane", submenu="Planes"),
)
# fmt: on
