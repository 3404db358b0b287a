"""Every command a person can give, in one table: menus, keys, command palette, key sheet and tests all read this.

Texts are English; the window translates them with the context ``actions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needs = Literal["", "project", "image", "edit", "proposal", "object"]
"""What must be there for the action to be enabled: "edit" = an image in a project that is not read-only."""

MENUS: tuple[str, ...] = ("File", "Edit", "View", "Label", "Model", "Train", "Help")


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command.

    ``shortcuts`` are portable key texts as Qt reads them; ``menu`` is one of :data:`MENUS` or "" (palette and keys
    only); actions with another ``group`` than the one before are parted by a line; ``tip`` is one sentence.
    ``is_held`` marks keys that act while held (hide labels): the window feeds press and release.
    """

    id: str
    text: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    menu: str = ""
    group: str = ""
    is_checkable: bool = False
    needs: Needs = ""
    tip: str = ""
    is_held: bool = False


def _spec(
    action_id: str,
    text: str,
    keys: str = "",
    icon: str = "",
    menu: str = "",
    group: str = "",
    needs: Needs = "",
    tip: str = "",
    *,
    checkable: bool = False,
    held: bool = False,
) -> ActionSpec:
    shortcuts = tuple(key for key in keys.split(" ") if key)
    return ActionSpec(action_id, text, shortcuts, icon, menu, group, checkable, needs, tip, held)


# fmt: off
_FILE = (
    _spec("file.new_project", "New project…", "Ctrl+N", "project-new", "File", "project", tip="Make an empty project"),
    _spec("file.open_project", "Open project…", "Ctrl+O", "project-open", "File", "project",
          tip="Open a project folder"),
    _spec("file.open_images", "Open images…", "Ctrl+Shift+O", "image", "File", "project",
          tip="Label image files or a folder of images at once"),
    _spec("file.open_sample", "Open sample", "", "sample", "File", "project",
          tip="A sample project on images that come with segstudio"),
    _spec("file.add_images", "Add images…", "Ctrl+I", "image-add", "File", "images", "project",
          "Add image files to the project"),
    _spec("file.add_folder", "Add a folder of images…", "", "folder-add", "File", "images", "project",
          "Add every image in a folder to the project"),
    _spec("file.export", "Export…", "Ctrl+Shift+E", "export", "File", "export", "project",
          "Write the labels as a mask dataset"),
    _spec("file.close_project", "Close project", "Ctrl+W", "close", "File", "end", "project", "Back to the start page"),
    _spec("file.quit", "Quit", "Ctrl+Q", "quit", "File", "end",
          tip="Leave segstudio; every finished stroke is on disk"),
)

_EDIT = (
    _spec("edit.undo", "Undo", "Ctrl+Z", "undo", "Edit", "history", "project", "Take back the last edit"),
    _spec("edit.redo", "Redo", "Ctrl+Shift+Z Ctrl+Y", "redo", "Edit", "history", "project", "Do the edit again"),
    _spec("edit.cancel", "Cancel", "Esc", "cancel", "Edit", "history", tip="Abandon what the tool has begun"),
    _spec("edit.delete_object", "Delete object", "Del", "delete", "Edit", "object", "object",
          "Delete the selected object"),
    _spec("edit.clear_labels", "Clear labels of this image", "", "clear", "Edit", "object", "edit",
          "Erase every label of the image; can be undone"),
    _spec("edit.settings", "Settings…", "Ctrl+,", "settings", "Edit", "end", tip="Change how segstudio works"),
    _spec("edit.shortcuts", "Keyboard shortcuts…", "", "keyboard", "Edit", "end", tip="Rebind any key"),
)

_VIEW = (
    _spec("view.zoom_in", "Zoom in", "Ctrl++ Ctrl+=", "zoom-in", "View", "zoom", "image", "Enlarge the picture"),
    _spec("view.zoom_out", "Zoom out", "Ctrl+-", "zoom-out", "View", "zoom", "image", "Reduce the picture"),
    _spec("view.fit", "Fit the image", "Ctrl+0", "zoom-fit", "View", "zoom", "image", "Show the whole image"),
    _spec("view.one_to_one", "1:1", "Ctrl+1", "zoom-one", "View", "zoom", "image", "One image pixel per screen pixel"),
    _spec("view.hide_labels", "Hide labels while held", "Q", "eye-off", "View", "overlay", "image",
          "Show the bare image while the key is held", held=True),
    _spec("view.show_labels", "Labels", "Ctrl+Alt+1", "labels", "View", "overlay", "image",
          "Show or hide the labels", checkable=True),
    _spec("view.show_proposal", "Proposal", "Ctrl+Alt+2", "proposal", "View", "overlay", "image",
          "Show or hide the model's proposal", checkable=True),
    _spec("view.show_difference", "Difference", "Ctrl+Alt+3", "difference", "View", "overlay", "image",
          "Show where labels and proposal differ", checkable=True),
    _spec("view.outline", "Outlines only", "O", "outline", "View", "overlay", "image",
          "Draw outlines in place of filled areas", checkable=True),
    _spec("view.show_confidence", "Confidence map", "Ctrl+Alt+4", "heat", "View", "overlay", "image",
          "Show how sure the model is", checkable=True),
    _spec("view.grid", "Pixel grid", "Ctrl+'", "grid", "View", "overlay", tip="Draw a grid between pixels past 8×",
          checkable=True),
    _spec("view.opacity_up", "Overlay stronger", "Ctrl+]", "", "View", "opacity", "image",
          "Raise the overlay's opacity"),
    _spec("view.opacity_down", "Overlay weaker", "Ctrl+[", "", "View", "opacity", "image",
          "Lower the overlay's opacity"),
    _spec("view.window_level", "Brightness and contrast…", "Ctrl+L", "contrast", "View", "display", "image",
          "Set the range of values shown, for images deeper than 8 bits too"),
    _spec("view.auto_level", "Automatic brightness", "Ctrl+Shift+L", "contrast-auto", "View", "display", "image",
          "Choose the range of values from the image"),
    _spec("view.panels", "Panels", "Tab", "panels", "View", "window", tip="Show or hide all panels", checkable=True),
    _spec("view.full_screen", "Full screen", "F11", "full-screen", "View", "window", tip="Use the whole screen",
          checkable=True),
    _spec("view.next_image", "Next image", "D PgDown", "next", "View", "images", "project", "Go to the next image"),
    _spec("view.previous_image", "Previous image", "A PgUp", "previous", "View", "images", "project",
          "Go to the previous image"),
    _spec("view.next_unlabelled", "Next unlabelled image", "Shift+D", "next-unlabelled", "View", "images", "project",
          "Go to the next image without labels"),
    _spec("view.focus_canvas", "Go to the canvas", "Ctrl+Alt+C", "", "View", "window",
          tip="Put the keyboard focus on the canvas"),
)

_TOOLS = (
    _spec("tool.pan", "Pan", "H", "pan", "Label", "tools", "image", "Move the picture", checkable=True),
    _spec("tool.brush", "Brush", "B", "brush", "Label", "tools", "edit",
          "Paint the current class; Shift paints a straight line, Ctrl erases", checkable=True),
    _spec("tool.eraser", "Eraser", "E", "eraser", "Label", "tools", "edit", "Erase labels", checkable=True),
    _spec("tool.polygon", "Polygon", "P", "polygon", "Label", "tools", "edit",
          "Click around an area; Enter or double-click fills it, Shift erases it", checkable=True),
    _spec("tool.fill", "Fill", "F", "fill", "Label", "tools", "edit", "Fill the area under the pointer",
          checkable=True),
    _spec("tool.picker", "Picker", "K", "picker", "Label", "tools", "image",
          "Take the class under the pointer; hold Alt in any tool", checkable=True),
    _spec("tool.accept", "Accept by click or brush", "Y", "accept-brush", "Label", "tools", "edit",
          "Click an object of the proposal, or brush over it, to accept it", checkable=True),
    _spec("tool.reject", "Reject by click or brush", "R", "reject-brush", "Label", "tools", "edit",
          "Click an object of the proposal, or brush over it, to reject it", checkable=True),
)

_LABEL = (
    _spec("tool.smaller", "Smaller brush", "[", "", "Label", "size", "image", "Make the brush smaller"),
    _spec("tool.larger", "Larger brush", "]", "", "Label", "size", "image", "Make the brush larger"),
    _spec("tool.toggle_shape", "Round or square brush", "Shift+B", "", "Label", "size", "image",
          "Switch between the round and the square brush"),
    _spec("class.swap", "Swap the last two classes", "X", "swap", "Label", "classes", "project",
          "Back to the class used before"),
    _spec("class.add", "Add class…", "Ctrl+Shift+N", "class-add", "Label", "classes", "project", "Add a class"),
    _spec("label.object_mode", "Label separate objects", "Shift+N", "object-mode", "Label", "objects", "edit",
          "Each stroke, polygon or fill begins an object of its own", checkable=True),
    _spec("label.new_object", "New object", "N", "object-new", "Label", "objects", "edit",
          "The next strokes make one new object of the current class"),
    _spec("label.end_object", "End object", "Shift+Return", "", "Label", "objects", "edit",
          "Further strokes no longer go to the object"),
    _spec("image.toggle_done", "Image is done", "Ctrl+D", "done", "Label", "status", "edit",
          "Mark the image as done, or take that back", checkable=True),
)

_CLASS_KEYS = tuple(
    _spec(f"class.select_{key}", f"Class {key}", str(key), needs="project", tip=f"Paint with class number {key}")
    for key in range(1, 10)
)

_MODEL = (
    _spec("model.propose_image", "Propose for this image", "Ctrl+P", "propose", "Model", "propose", "edit",
          "Let the model propose labels for this image"),
    _spec("model.propose_selection", "Propose for the selected images", "Ctrl+Shift+P", "propose-many", "Model",
          "propose", "project", "Let the model propose labels for the images selected in the list"),
    _spec("model.propose_unlabelled", "Propose for all unlabelled images", "", "propose-all", "Model", "propose",
          "project", "Let the model propose labels for every image without labels"),
    _spec("model.cancel", "Stop proposing", "Ctrl+.", "stop", "Model", "propose",
          tip="Stop the model; what came stays"),
    _spec("model.accept_all", "Accept the proposal", "Return Enter", "accept", "Model", "accept", "proposal",
          "Turn all of the shown proposal into labels"),
    _spec("model.accept_class", "Accept the current class", "Ctrl+Return", "accept-class", "Model", "accept",
          "proposal", "Turn the proposal of the current class into labels"),
    _spec("model.reject_class", "Reject the current class", "Ctrl+Backspace", "reject-class", "Model", "accept",
          "proposal", "Drop the proposal of the current class"),
    _spec("model.reject_all", "Reject the proposal", "Ctrl+Shift+Backspace", "reject", "Model", "accept", "proposal",
          "Drop all of the shown proposal"),
    _spec("model.confidence_up", "Higher confidence", "Ctrl+Alt+Up", "", "Model", "threshold", "image",
          "Show only what the model is surer of"),
    _spec("model.confidence_down", "Lower confidence", "Ctrl+Alt+Down", "", "Model", "threshold", "image",
          "Show also what the model is less sure of"),
    _spec("model.map_classes", "Match classes…", "", "map", "Model", "models", "project",
          "Say which class of the model is which class of the project"),
    _spec("model.install", "Use a weights file…", "", "file", "Model", "models", tip="Add a model from a file"),
    _spec("model.card", "About this model…", "", "info", "Model", "models", tip="Classes, data, licence and figures"),
)

_TRAIN = (
    _spec("train.start", "Start training", "Ctrl+T", "train", "Train", "run", "project",
          "Train a model on the labelled images while you go on labelling"),
    _spec("train.pause", "Pause training", "Ctrl+Shift+T", "pause", "Train", "run",
          tip="Hold the training, or go on", checkable=True),
    _spec("train.stop", "Stop and keep", "", "stop", "Train", "run", tip="End the training and keep its best model"),
    _spec("train.open_runs", "Open the folder of runs", "", "folder", "Train", "files", "project",
          "Show curves, weights and settings of every run"),
)

_HELP = (
    _spec("help.palette", "Find a command…", "Ctrl+K", "search", "Help", "find", tip="Find any command by its name"),
    _spec("help.keys", "Keyboard sheet", "?", "keyboard", "Help", "find", tip="Every key at a glance"),
    _spec("help.guide", "User guide", "F1", "help", "Help", "find", tip="How to work with segstudio"),
    _spec("help.doctor", "Check this computer…", "", "doctor", "Help", "about", tip="Devices, versions and folders"),
    _spec("help.about", "About segstudio", "", "about", "Help", "about", tip="Version and licences"),
)

# fmt: on
ACTIONS: tuple[ActionSpec, ...] = (*_FILE, *_EDIT, *_VIEW, *_TOOLS, *_LABEL, *_CLASS_KEYS, *_MODEL, *_TRAIN, *_HELP)
"""All commands, in menu order."""

BY_ID: dict[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}


def action(action_id: str) -> ActionSpec:
    """The command with this id; KeyError for an unknown one."""
    return BY_ID[action_id]
