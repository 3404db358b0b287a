"""Planes of volumes and stacks: moving through them, carrying labels from one to the next, copy and paste."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
PLANES = (
    _spec("plane.next", "Next plane", ". Ctrl+Up", "next", "View", "planes", "image",
          "Go one plane on in a volume or stack", submenu="Planes"),
    _spec("plane.previous", "Previous plane", ", Ctrl+Down", "previous", "View", "planes", "image",
          "Go one plane back in a volume or stack", submenu="Planes"),
    _spec("plane.ten_on", "Ten planes on", "Ctrl+PgUp", "", "View", "planes", "image",
          "Go ten planes on", submenu="Planes"),
    _spec("plane.ten_back", "Ten planes back", "Ctrl+PgDown", "", "View", "planes", "image",
          "Go ten planes back", submenu="Planes"),
    _spec("plane.first", "First plane", "Home", "", "View", "planes", "image",
          "Go to the first plane", submenu="Planes"),
    _spec("plane.last", "Last plane", "End", "", "View", "planes", "image",
          "Go to the last plane", submenu="Planes"),
    _spec("view.slice_views", "Slice views", "", "slice-views", "View", "planes", "image",
          "Show the other two planes of a volume beside the canvas", checkable=True, submenu="Planes"),
    _spec("view.crosshair", "Cross-hair", "", "crosshair", "View", "planes", "image",
          "Show where the views of a volume meet", checkable=True, submenu="Planes"),
    _spec("plane.interpolate", "Interpolate round this plane", "J", "interpolate", "Label", "planes", "edit",
          "Fill the planes between the nearest labelled ones: the active object, else the current class",
          submenu="Planes"),
    _spec("plane.interpolate_gaps", "Interpolate all gaps", "Shift+J", "", "Label", "planes", "edit",
          "Fill every gap between labelled planes of the active object, else of the current class", submenu="Planes"),
    _spec("plane.interpolate_all", "Interpolate all gaps of all classes", "", "", "Label", "planes", "edit",
          "Fill every gap between labelled planes, of each class and object", submenu="Planes"),
    _spec("plane.copy_next", "Copy to the next plane", "Ctrl+Shift+Up", "", "Label", "planes.copy", "edit",
          "Copy the active object, else the current class, to the next plane and go there", submenu="Planes"),
    _spec("plane.copy_previous", "Copy to the previous plane", "Ctrl+Shift+Down", "", "Label", "planes.copy", "edit",
          "Copy the active object, else the current class, to the previous plane and go there", submenu="Planes"),
    _spec("plane.copy_all_next", "Copy all labels to the next plane", "", "", "Label", "planes.copy", "edit",
          "Copy every label of this plane to the next plane and go there", submenu="Planes"),
    _spec("plane.copy_all_previous", "Copy all labels to the previous plane", "", "", "Label", "planes.copy", "edit",
          "Copy every label of this plane to the previous plane and go there", submenu="Planes"),
    _spec("plane.only_background", "Keep what is labelled there", "", "", "Label", "planes.copy", "project",
          "Interpolating and copying fill only background on the other planes", checkable=True, submenu="Planes"),
)
# fmt: on
