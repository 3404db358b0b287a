"""Model and Train menus."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
MODEL = (
    _spec("model.propose_image", "Propose for this image", "Ctrl+P", "propose", "Model", "propose", "edit",
          "Let the model propose labels for this image; of a volume, for the plane shown"),
    _spec("model.propose_planes", "Propose for all planes", "", "propose-many", "Model", "propose", "edit",
          "Let the model propose labels for every plane of this volume or stack"),
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
    _spec("model.forget_touched", "Let models propose here again", "", "", "Model", "accept", "edit",
          "Forget where you erased, painted over or rejected something in this image; your labels stay yours"),
    _spec("model.refine", "Refine the proposal…", "Ctrl+R", "refine", "Model", "accept", "proposal",
          "Let the proposal follow the edges of the image, with a preview of what is seen"),
    _spec("model.confidence_up", "Higher confidence", "Ctrl+Alt+Up", "", "Model", "threshold", "image",
          "Show only what the model is surer of"),
    _spec("model.confidence_down", "Lower confidence", "Ctrl+Alt+Down", "", "Model", "threshold", "image",
          "Show also what the model is less sure of"),
    _spec("model.compare", "Compare two models…", "Ctrl+Alt+V", "compare", "Model", "compare", "image",
          "Let two models propose for this image and see one beside the other, with a line to swipe"),
    _spec("model.evaluate", "Evaluate a model…", "", "measure", "Model", "compare", "project",
          "Hold a model against the labels of a split: metrics, confusion matrix, and the worst images first"),
    _spec("model.map_classes", "Match classes…", "", "map", "Model", "models", "project",
          "Say which class of the model is which class of the project"),
    _spec("model.catalog", "Model catalog…", "Ctrl+Shift+M", "catalog", "Model", "models",
          tip="All models, networks and encoders: what they cost, when to choose them"),
    _spec("model.install", "Use a weights file…", "", "file", "Model", "models", tip="Add a model from a file"),
    _spec("model.export_onnx", "Export model as ONNX…", "", "export", "Model", "models",
          tip="Write the model as a file that other programs run"),
    _spec("model.card", "About this model…", "", "info", "Model", "models", tip="Classes, data, licence and figures"),
)

TRAIN = (
    _spec("train.start", "Start training", "Ctrl+T", "train", "Train", "run", "project",
          "Train a model on the labelled images while you go on labelling"),
    _spec("train.pause", "Pause training", "Ctrl+Shift+T", "pause", "Train", "run",
          tip="Hold the training, or go on", checkable=True),
    _spec("train.stop", "Stop and keep", "", "stop", "Train", "run", tip="End the training and keep its best model"),
    _spec("train.all_settings", "All settings of training…", "", "settings", "Train", "settings", "project",
          "Splits, augmentation, loss, optimiser, precision and checkpoints, each with when to change it"),
    _spec("train.preview_patches", "Preview patches…", "", "grid", "Train", "settings", "project",
          "See what the augmentation makes of your labels, and change its steps while you look"),
    _spec("train.find_rate", "Find a learning rate…", "", "search", "Train", "settings", "project",
          "Try rising rates for some steps and suggest one; nothing is kept of it"),
    _spec("train.runs", "Runs…", "", "history", "Train", "files", "project",
          "The runs of this project: figures, curves over each other, what differs; use, report, go on, delete"),
    _spec("train.report", "Report of a run…", "", "export", "Train", "files", "project",
          "Write curves, metrics, the confusion matrix and the best and worst images as one page"),
    _spec("train.open_runs", "Open the folder of runs", "", "folder", "Train", "files", "project",
          "Show curves, weights and settings of every run"),
)
# fmt: on
