"""File, Edit and Help menus."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
FILE = (
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
    _spec("file.find_moved", "Find moved images…", "", "search", "File", "images", "project",
          "Look for image files that are no longer where they were, by what they hold"),
    _spec("file.import", "Import labels…", "Ctrl+Shift+I", "import", "File", "export", "project",
          "Bring labels of other tools into the project, in any of the formats"),
    _spec("file.export", "Export…", "Ctrl+Shift+E", "export", "File", "export", "project",
          "Write the labels as a dataset, read it back and compare"),
    _spec("file.close_project", "Close project", "Ctrl+W", "close", "File", "end", "project", "Back to the start page"),
    _spec("file.quit", "Quit", "Ctrl+Q", "quit", "File", "end",
          tip="Leave segstudio; every finished stroke is on disk"),
)

EDIT = (
    _spec("edit.undo", "Undo", "Ctrl+Z", "undo", "Edit", "history", "project", "Take back the last edit"),
    _spec("edit.redo", "Redo", "Ctrl+Shift+Z Ctrl+Y", "redo", "Edit", "history", "project", "Do the edit again"),
    _spec("edit.cancel", "Cancel", "Esc", "cancel", "Edit", "history", tip="Abandon what the tool has begun"),
    _spec("edit.cut", "Cut", "Ctrl+X", "cut", "Edit", "pieces", "edit",
          "Take the active object, or what lies under the pointer, off the labels"),
    _spec("edit.copy", "Copy", "Ctrl+C", "copy", "Edit", "pieces", "image",
          "Copy the active object, else what lies under the pointer, else the current class on this plane"),
    _spec("edit.paste", "Paste", "Ctrl+V", "paste", "Edit", "pieces", "edit",
          "Paste what was copied at its place, on this or another image or plane; Enter puts it down"),
    _spec("edit.delete_object", "Delete object", "Del", "delete", "Edit", "object", "object",
          "Delete the selected object"),
    _spec("edit.clear_labels", "Clear labels of this image", "", "clear", "Edit", "object", "edit",
          "Erase every label of the image; can be undone"),
    _spec("edit.settings", "Settings…", "Ctrl+,", "settings", "Edit", "end", tip="Change how segstudio works"),
    _spec("edit.shortcuts", "Keyboard shortcuts…", "", "keyboard", "Edit", "end", tip="Rebind any key"),
)

HELP = (
    _spec("help.palette", "Find a command…", "Ctrl+K", "search", "Help", "find", tip="Find any command by its name"),
    _spec("help.keys", "Keyboard sheet", "?", "keyboard", "Help", "find", tip="Every key at a glance"),
    _spec("help.guide", "User guide", "F1", "help", "Help", "find", tip="How to work with segstudio"),
    _spec("help.doctor", "Check this computer…", "", "doctor", "Help", "about", tip="Devices, versions and folders"),
    _spec("help.about", "About segstudio", "", "about", "Help", "about", tip="Version and licences"),
)
# fmt: on
