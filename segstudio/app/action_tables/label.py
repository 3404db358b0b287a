"""Label menu: tools, brush size, classes, objects."""

from __future__ import annotations

from dataclasses import replace

from segstudio.app.action_spec import spec as _spec

# fmt: off
_TOOLS = (
    _spec("tool.pan", "Pan", "H", "pan", "Label", "tools.view", "image",
          "Move the picture; the right button changes window and level", checkable=True),
    _spec("tool.picker", "Picker", "K", "picker", "Label", "tools.view", "image",
          "Take the class under the pointer; hold Alt in any tool", checkable=True),
    _spec("tool.crosshair", "Cross-hair", "Z", "crosshair", "Label", "tools.view", "image",
          "Click or drag to show the same voxel in all views of a volume", checkable=True),
    _spec("tool.measure", "Measure", "Shift+M", "measure", "Label", "tools.view", "image",
          "Click for a length (double-click ends it, the first point closes an area), drag for a box; Ctrl+C copies it",
          checkable=True),
    _spec("tool.brush", "Brush", "B", "brush", "Label", "tools.brush", "edit",
          "Paint the current class; Shift paints a straight line, Ctrl erases", checkable=True),
    _spec("tool.eraser", "Eraser", "E", "eraser", "Label", "tools.brush", "edit", "Erase labels", checkable=True),
    _spec("tool.threshold", "Threshold brush", "T", "threshold-brush", "Label", "tools.brush", "edit",
          "Paint only pixels whose value is in a range; Alt-click takes the range from under the brush, Ctrl erases",
          checkable=True),
    _spec("tool.edge_brush", "Edge-aware brush", "Shift+T", "edge-brush", "Label", "tools.brush", "edit",
          "Paint up to the picture's edges: only what is connected to the middle and of like colour; Ctrl erases",
          checkable=True),
    _spec("tool.lasso", "Lasso", "L", "lasso", "Label", "tools.outline", "edit",
          "Draw round an area, letting go fills it; Shift or Ctrl erases", checkable=True),
    _spec("tool.polygon", "Polygon", "P", "polygon", "Label", "tools.outline", "edit",
          "Click around an area; Shift-click on an edge adds a vertex, Delete drops the one under the pointer; "
          "Enter or double-click fills, Shift erases", checkable=True),
    _spec("tool.rectangle", "Rectangle", "U", "rectangle", "Label", "tools.outline", "edit",
          "Drag to fill a box; Shift: square, Alt: from the centre, Ctrl erases", checkable=True),
    _spec("tool.ellipse", "Ellipse", "Shift+U", "ellipse", "Label", "tools.outline", "edit",
          "Drag to fill an ellipse; Shift: circle, Alt: from the centre, Ctrl erases", checkable=True),
    _spec("tool.scissors", "Smart scissors", "I", "scissors", "Label", "tools.outline", "edit",
          "Click along an edge, the line clings to it; Enter or a click on the first node fills, Backspace drops a node",
          checkable=True),
    _spec("tool.fill", "Fill", "F", "fill", "Label", "tools.smart", "edit", "Fill the area under the pointer",
          checkable=True),
    _spec("tool.wand", "Magic wand", "W", "wand", "Label", "tools.smart", "edit",
          "Click to paint what looks alike, Ctrl erases; drag up or down to change the tolerance", checkable=True),
    _spec("tool.superpixel", "Superpixel brush", "S", "superpixel", "Label", "tools.smart", "edit",
          "Paint whole superpixels: small areas that follow the picture's edges; Ctrl erases", checkable=True),
    _spec("tool.grabcut", "Box around an object", "G", "box-cut", "Label", "tools.smart", "edit",
          "Drag a box around an object, correct with strokes (Ctrl: does not belong), Enter paints", checkable=True),
    _spec("tool.strokes", "Cut out by strokes", "C", "strokes", "Label", "tools.smart", "edit",
          "Drag over what belongs, with Ctrl over what does not; Enter paints the area found", checkable=True),
    _spec("tool.prompt", "Click to segment", "M", "prompt", "Label", "tools.smart", "edit",
          "Click on an object or drag a box around it, right or Alt click what does not belong; Enter accepts it",
          checkable=True),
    _spec("tool.move", "Move", "V", "move", "Label", "tools.change", "edit",
          "Press on an object or area and drag; the handles scale and rotate, Enter puts it down, Esc puts it back",
          checkable=True),
    _spec("tool.accept", "Accept by click or brush", "Y", "accept-brush", "Label", "tools.proposal", "edit",
          "Click an object of the proposal, or brush over it, to accept it", checkable=True),
    _spec("tool.reject", "Reject by click or brush", "R", "reject-brush", "Label", "tools.proposal", "edit",
          "Click an object of the proposal, or brush over it, to reject it", checkable=True),
)

TOOLS = tuple(replace(tool, submenu="Tools") for tool in _TOOLS)
"""In a menu of their own: with them the Label menu would be higher than a small screen."""

LABEL = (
    _spec("tool.smaller", "Smaller brush", "[", "", "Label", "size", "image", "Make the brush smaller"),
    _spec("tool.larger", "Larger brush", "]", "", "Label", "size", "image", "Make the brush larger"),
    _spec("tool.toggle_shape", "Round or square brush", "Shift+B", "", "Label", "size", "image",
          "Switch between the round and the square brush"),
    _spec("class.swap", "Swap the last two classes", "X", "swap", "Label", "classes", "project",
          "Back to the class used before"),
    _spec("class.add", "Add class…", "Ctrl+Shift+N", "class-add", "Label", "classes", "project", "Add a class"),
    _spec("label.object_mode", "Label separate objects", "Ctrl+Alt+N", "object-mode", "Label", "objects", "edit",
          "Each stroke, polygon or fill begins an object of its own", checkable=True),
    _spec("label.new_object", "New object", "Shift+N", "object-new", "Label", "objects", "edit",
          "The next strokes make one new object of the current class"),
    _spec("label.end_object", "End object", "Shift+Return", "", "Label", "objects", "edit",
          "Further strokes no longer go to the object"),
    _spec("image.toggle_done", "Image is done", "Ctrl+D", "done", "Label", "status", "edit",
          "Mark the image as done, or take that back", checkable=True),
)

CLASS_KEYS = tuple(
    _spec(f"class.select_{key}", f"Class {key}", str(key), needs="project", tip=f"Paint with class number {key}")
    for key in range(1, 10)
)
# fmt: on
