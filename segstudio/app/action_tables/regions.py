"""Label menu: what is done to labels that are there, without a pointer."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
REGIONS = (
    _spec("region.fill_holes", "Fill holes…", "Shift+F", "", "Label", "regions", "edit",
          "Fill the holes of the active object, else of the current class", submenu="Regions"),
    _spec("region.remove_small", "Remove small pieces…", "", "", "Label", "regions", "edit",
          "Take away pieces that are smaller than a number of pixels", submenu="Regions"),
    _spec("region.keep_largest", "Keep the largest piece…", "", "", "Label", "regions", "edit",
          "Take away all but the largest piece of each object, or of the class", submenu="Regions"),
    _spec("region.grow", "Grow…", "Ctrl+Alt+G", "", "Label", "rims", "edit",
          "Add a rim around the active object, else around the current class", submenu="Regions"),
    _spec("region.shrink", "Shrink…", "Ctrl+Alt+K", "", "Label", "rims", "edit",
          "Take away the rim of the active object, else of the current class", submenu="Regions"),
    _spec("region.smooth", "Smooth…", "Ctrl+Alt+S", "", "Label", "rims", "edit",
          "Round the outline of the active object, else of the current class", submenu="Regions"),
    _spec("region.split_touching", "Split touching objects…", "Ctrl+Alt+T", "", "Label", "parts", "edit",
          "Cut apart at the necks; every part becomes an object", submenu="Regions"),
    _spec("region.split_pieces", "Split into connected pieces", "", "", "Label", "parts", "edit",
          "Every connected piece becomes an object of its own", submenu="Regions"),
    _spec("region.merge", "Merge objects", "Ctrl+Alt+M", "merge", "Label", "parts", "object",
          "Make one object of all that are selected in the Objects panel", submenu="Regions"),
    _spec("region.convert", "Change class…", "Ctrl+Alt+H", "", "Label", "whole", "edit",
          "Give the selected objects, else all of the current class in this image, another class", submenu="Regions"),
    _spec("region.clear_class", "Clear class here", "", "clear", "Label", "whole", "edit",
          "Erase all of the current class in this image", submenu="Regions"),
    _spec("region.boolean", "Combine areas…", "", "", "Label", "whole", "edit",
          "Union, intersection, subtraction or xor of two classes or layers into the current class",
          submenu="Regions"),
)
# fmt: on
