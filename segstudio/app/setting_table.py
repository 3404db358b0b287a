"""Every setting, in one table that drives the dialog, the tool options and the file.

Titles and helps are English; the window translates them with the context ``settings``.
"""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. The type is the default's; numbers lie in ``minimum``…``maximum``; a text is one of ``choices``.

    ``group`` is the dialog's page, "" = not in the dialog (remembered state of tools and panels).
    """

    key: str
    default: Value
    title: str = ""
    group: str = ""
    help: str = ""
    minimum: float = 0.0
    maximum: float = 1e9
    step: float = 1.0
    unit: str = ""
    choices: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    # Appearance
    Setting(
        "look.theme",
        "system",
        "Colour scheme",
        "Appearance",
        "Light, dark, or as the system has it.",
        choices=("system", "light", "dark"),
    ),
    Setting(
        "look.language",
        "system",
        "Language",
        "Appearance",
        "Takes effect when segstudio opens again.",
        choices=("system", "en", "zh_CN"),
    ),
    Setting("look.thumbnail_px", 64, "Thumbnail size", "Appearance", "In the list of images.", 32, 256, 8, "px"),
    Setting("look.pixel_grid", True, "Pixel grid past 8×", "Appearance", "Thin lines between magnified pixels."),
    # Overlay
    Setting("overlay.opacity", 0.5, "Opacity", "Overlay", "Of labels and proposal over the image.", 0.0, 1.0, 0.05),
    Setting("overlay.mode", "fill", "Draw areas as", "Overlay", choices=("fill", "outline")),
    Setting("overlay.outline_width_px", 2, "Outline width", "Overlay", "", 1, 8, 1, "px"),
    # Painting
    Setting(
        "brush.size_px", 40.0, "Brush size", "Painting", "Full width of the brush in image pixels.", 1, 2000, 1, "px"
    ),
    Setting("brush.shape", "round", "Brush shape", "Painting", choices=("round", "square")),
    Setting("eraser.size_px", 40.0, "Eraser size", "Painting", "", 1, 2000, 1, "px"),
    Setting("eraser.shape", "round", "Eraser shape", "Painting", choices=("round", "square")),
    Setting("proposal_brush.size_px", 60.0, "Size of the accept and reject brush", "Painting", "", 1, 2000, 1, "px"),
    Setting(
        "paint.guard",
        "anywhere",
        "Paint over",
        "Painting",
        "Everything, only what has no label yet, or only one chosen class. Locked classes are never painted over.",
        choices=("anywhere", "background", "class"),
    ),
    Setting("paint.uses_pressure", True, "Pen pressure changes the size", "Painting"),
    Setting(
        "fill.max_px",
        4_000_000,
        "Largest area that fill takes",
        "Painting",
        "A larger area is refused with a sentence.",
        1_000,
        400_000_000,
        1_000,
        "px",
    ),
    Setting("threshold.size_px", 40.0, "Size of the threshold brush", "Painting", "", 1, 2000, 1, "px"),
    Setting("threshold.shape", "round", choices=("round", "square")),
    Setting(
        "threshold.low",
        0.0,
        "From",
        "",
        "The least value that is painted, in the image's own values; Alt-click on the canvas takes the range from "
        "under the brush.",
        -1e12,
        1e12,
        0.001,
    ),
    Setting(
        "threshold.high",
        255.0,
        "to",
        "",
        "The largest value that is painted; Alt-drag on the canvas widens the range to all that the brush goes over.",
        -1e12,
        1e12,
        0.001,
    ),
    Setting("threshold.band", -1, "Band", "", "The band compared, counted from 0; -1 = the mean of all.", -1, 999, 1),
    Setting("edge_brush.size_px", 60.0, "Size of the edge-aware brush", "Painting", "", 1, 2000, 1, "px"),
    Setting(
        "edge_brush.strength",
        10.0,
        "Edge strength",
        "",
        "How strong an edge must be to stop the brush, in percent of the shown range: small = faint edges stop it too.",
        0,
        100,
        0.5,
        "%",
    ),
    Setting(
        "edge_brush.keeps_color",
        False,
        "Keep the first colour",
        "",
        "All of a stroke paints only what has the colour where it began; otherwise that in the middle of the brush.",
    ),
    Setting(
        "shape.adjusts",
        False,
        "Adjust before filling",
        "",
        "The shape stays after letting go: drag it or its corners; Enter, a double click or a press beside it fills it.",
    ),
    # Smart tools
    Setting(
        "wand.tolerance",
        10.0,
        "Tolerance",
        "",
        "How far a value may lie from that under the pointer, in percent of the shown range. "
        "Press and drag up or down on the canvas to change it and see the area.",
        0,
        100,
        0.5,
        "%",
    ),
    Setting(
        "wand.area",
        "connected",
        "Take",
        "",
        "Only what is connected to the pixel under the pointer, or everything like it in view or in the whole image.",
        choices=("connected", "in view", "whole image"),
    ),
    Setting(
        "wand.band", -1, "Band", "", "The band compared, counted from 0; -1 = all bands that are shown.", -1, 999, 1
    ),
    Setting(
        "wand.sample_px", 3, "Sample", "", "The median of a square of this side is what is looked for.", 1, 51, 2, "px"
    ),
    Setting("wand.fills_holes", False, "Fill holes", "", "What the area encloses belongs to it, too."),
    Setting(
        "superpixel.size_px", 24.0, "Superpixel size", "", "Width of a superpixel in image pixels.", 4, 2000, 1, "px"
    ),
    Setting(
        "superpixel.compactness",
        10,
        "Evenness",
        "",
        "Small: superpixels follow every edge; large: they are nearly squares.",
        1,
        100,
        1,
    ),
    Setting("superpixel.shows_outlines", True, "Outlines", "", "Draw the outlines of all superpixels in view."),
    # Views of volumes
    Setting("views.shown", True),
    Setting("views.crosshair", True),
    Setting(
        "planes.only_background",
        True,
        "Interpolating and copying between planes keep what is labelled",
        "Painting",
        "Only background is filled on the other planes. Locked classes are never painted over.",
    ),
    Setting(
        "scissors.snap_px",
        6,
        "Snap",
        "",
        "A click goes to the strongest edge so near, in pixels of the screen; hold Ctrl to set a node just where you click.",
        0,
        40,
        1,
        "px",
    ),
    # Regions
    Setting(
        "regions.planes",
        "this plane",
        "On",
        "",
        "The plane that is shown, or every plane of the volume.",
        choices=("this plane", "whole volume"),
    ),
    Setting("regions.hole_px", 0, "Holes up to", "", "In pixels; 0 fills holes of any size.", 0, 100_000_000, 10, "px"),
    Setting(
        "regions.small_px", 50, "Pieces smaller than", "", "Pieces with fewer pixels go.", 1, 100_000_000, 10, "px"
    ),
    Setting("regions.grow_px", 2, "Grow by", "", "The width of the new rim.", 1, 500, 1, "px"),
    Setting("regions.shrink_px", 2, "Shrink by", "", "The width of the rim that goes.", 1, 500, 1, "px"),
    Setting("regions.smooth_px", 4.0, "Radius", "", "What is finer than this is rounded off.", 0.5, 200, 0.5, "px"),
    Setting(
        "regions.neck_px",
        2.0,
        "Neck",
        "",
        "Parts come apart where the neck between them is narrower by this than the smaller part, measured as radius.",
        0.5,
        200,
        0.5,
        "px",
    ),
    Setting(
        "regions.over_labels", False, "Over other labels", "", "Else only pixels that have no label yet are added."
    ),
    Setting("regions.boolean_op", "union", "Take", choices=("union", "intersection", "subtraction", "xor")),
    Setting(
        "regions.boolean_replaces",
        True,
        "Replace",
        "",
        "What is there already is erased where it lies outside the result; else the result is added to it.",
    ),
    Setting("marks.size_px", 10.0, "Size of marks", "", "Of the box and stroke tools.", 1, 2000, 1, "px"),
    Setting(
        "strokes.method",
        "random walker",
        "Method",
        "",
        "Random walker goes by the edges, graph cut by colours and edges.",
        choices=("random walker", "graph cut"),
    ),
    Setting("prompt.model", "", "Model", "", "Which model answers the clicks."),
    Setting(
        "prompt.choice",
        "best",
        "Take",
        "",
        "A single click may mean a part or the whole: what the model is surest of, or the smallest or largest it sees.",
        choices=("best", "smallest", "largest"),
    ),
    Setting(
        "prompt.drag",
        "box",
        "Drag",
        "",
        "What dragging draws: a box around the object, or a line over it (Ctrl does the other one). The right button "
        "draws a line over what does not belong.",
        choices=("box", "line"),
    ),
    Setting(
        "prompt.per_side",
        16,
        "Clicks a side to segment everything",
        "Proposals",
        "Of the grid over what is in view: more find smaller objects and take longer.",
        4,
        64,
        1,
    ),
    # Proposals
    Setting(
        "proposal.min_confidence",
        0.0,
        "Least confidence shown",
        "Proposals",
        "What the model is less sure of is neither shown nor accepted.",
        0.0,
        1.0,
        0.05,
    ),
    Setting(
        "proposal.keeps_hand",
        True,
        "Proposals leave hand work alone",
        "Proposals",
        "Models propose nothing where you labelled, erased or rejected something, and accepting never paints over it.",
    ),
    Setting("model.device", "auto", "Device", "Proposals", "auto picks the graphics card where there is one."),
    Setting("model.window_px", 0, "Tile of the model", "Proposals", "0 = as the model's card says.", 0, 4096, 32, "px"),
    Setting("model.overlap_px", 0, "Overlap of tiles", "Proposals", "0 = as the model's card says.", 0, 1024, 8, "px"),
    Setting(
        "learn.renews_proposal",
        True,
        "A new version proposes anew for the image shown",
        "Proposals",
        "While learning is on: as soon as the hand rests, and only where nothing of yours would be lost.",
    ),
    # Work
    Setting(
        "looked.seconds",
        1.0,
        "A place counts as looked at after",
        "Work",
        "So long it must have been on the screen, all times together.",
        0.2,
        60.0,
        0.2,
        "s",
    ),
    Setting(
        "looked.zoom",
        0.5,
        "A place counts as looked at from a zoom of",
        "Work",
        "Screen pixels per image pixel; what is shown smaller is not looked at. Above 1 counts as 1.",
        0.05,
        1.0,
        0.05,
    ),
    Setting("work.undo_budget_mib", 256, "Memory for undo", "Work", "Per image.", 16, 8192, 16, "MiB"),
    Setting("work.advances_when_done", True, "Go to the next image when one is marked done", "Work"),
    Setting(
        "work.records_effort",
        True,
        "Record what images take",
        "Work",
        "Time at work, strokes and pixels of each image are kept in the project, for the Progress panel.",
    ),
    Setting("work.reopens_last", False, "Open the last project at start", "Work"),
    # Remembered, not in the dialog
    Setting("tool.current", "brush"),
    Setting("images.sort", "name", choices=("name", "status", "size", "added", "uncertainty", "next")),
    Setting("next.basis", "both", choices=("uncertainty", "diversity", "both")),
    Setting("next.measure", "entropy", choices=("entropy", "margin", "flips", "models")),
    Setting("images.is_descending", False),
    Setting("images.status_filter", "all", choices=("all", "unlabelled", "in_progress", "done", "proposal", "missing")),
    Setting("model.current", "nuclei"),
    Setting("model.favourites", ""),
    Setting("refine.method", "refine/crf"),
    Setting("refine.preview", True, "Preview", "", "Show at once what refining would make of what is seen."),
    Setting(
        "refine.planes",
        "this plane",
        "On",
        "",
        "The plane that is shown, or every plane of the volume.",
        choices=("this plane", "whole volume"),
    ),
    Setting("window.geometry", ""),
    Setting("window.state", ""),
)

BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}
