"""View menu."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
VIEW = (
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
    _spec("view.show_unseen", "What nobody looked at", "Ctrl+Alt+5", "unseen", "View", "overlay", "image",
          "Veil what was not on the screen long enough at a useful zoom, and tell how much was", checkable=True),
    _spec("view.next_unseen", "Next place nobody looked at", "Ctrl+Alt+U", "", "View", "overlay", "image",
          "Go to the nearest place that nobody looked at yet, on the next plane when this one is done"),
    _spec("view.forget_unseen", "Forget what was looked at", "", "", "View", "overlay", "image",
          "Begin anew: count nothing of this image as looked at"),
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
# fmt: on
