"""The rows of «All settings…» of training: every field of a plan that a person may want to set."""

from __future__ import annotations

from segstudio.app.presenters.training_fields import PlanField

DATA, PATCHES, LOSS = "Data & splits", "Patches & augmentation", "Loss & weights"
OPTIMISATION, SPEED, LOGGING = "Optimisation", "Speed & precision", "Logging & checkpoints"
SECTIONS: tuple[tuple[str, str], ...] = (
    (DATA, "What is held out to judge the model, and what the labels mean."),
    (PATCHES, "What the network is shown at each step: where patches are cut, and how they are varied."),
    (LOSS, "What counts as a mistake, and how much."),
    (OPTIMISATION, "How fast and how long it learns."),
    (SPEED, "On what the run is computed. None of it changes what is learnt, but for rounding."),
    (LOGGING, "What the run keeps, and what the model's card says."),
)
"""(title, one sentence), in order."""

FIELDS: tuple[PlanField, ...] = (
    # -- data & splits
    PlanField(
        "val_fraction", "Held out for validation", DATA, "number",
        "Raise it with few images, where a small part says little; images that you put into a split yourself stay there.",
        "of the data", low=0.01, high=0.9, step=0.05,
    ),
    PlanField(
        "split_by", "Hold out", DATA, "choice",
        "Choose groups when several images show the same patient or scene, blocks for few large images: else the model is "
        "judged on what it has all but seen.",
        choices=(("image", "whole images"), ("group", "groups of images"), ("blocks", "blocks of large images")),
    ),
    PlanField(
        "group_by", "Groups are told by", DATA, "text",
        "Write folder when each patient or scene has its own, or a regular expression whose first bracket in the file's name is the "
        "group.",
        example="folder, or ^(p\\d+)_", only_with=("split_by", ("group",)),
    ),
    PlanField(
        "block_px", "Side of a block", DATA, "integer",
        "Give a size larger than the objects, so that none lies in two parts.",
        "px", high=1e6, step=64, zero="chosen", only_with=("split_by", ("blocks",)),
    ),
    PlanField(
        "fold", "Cross-validation", DATA, "fold",
        "Write 1/5, then 2/5 and so on, to train five models that are each judged on another fifth.",
        example="1/5",
    ),
    PlanField(
        "is_leak_allowed", "Go on in spite of leaks", DATA, "switch",
        "Switch on when you know that two splits share a picture, a place or a group, and accept that scores then say little.",
    ),
    PlanField(
        "ignored_as", "Ignored pixels are", DATA, "class",
        "Choose a class when ignored pixels are known to be one, such as the black frame around a picture; they still don't count in "
        "validation.",
    ),
    PlanField(
        "seed", "Seed", DATA, "integer",
        "Change it to see how much a result depends on chance; the same seed gives the same run.",
        high=2**31 - 1,
    ),
    # -- patches & augmentation
    PlanField(
        "patch_px", "Patch", PATCHES, "integer",
        "Make it large enough that a person could tell what is in it; smaller needs less memory.",
        "px", low=32, high=4096, step=32,
    ),
    PlanField(
        "working_long_side_px", "Resample images to", PATCHES, "integer",
        "Set it when images come in very different sizes but show the same thing; proposals are then made at that size, too.",
        "px long side", high=20_000, step=64, zero="as they are",
    ),
    PlanField(
        "patches_per_image", "Patches an image and epoch", PATCHES, "integer",
        "Raise it when images are large and few, so that an epoch sees more of each.",
        high=10_000, zero="by area, at most 4",
    ),
    PlanField(
        "sampling", "Where patches are cut", PATCHES, "choice",
        "Choose balanced when a class is so rare that most patches do not hold it.",
        choices=(("labelled", "where there are labels"), ("balanced", "each class as often")),
    ),
    PlanField(
        "patch_depth", "Planes of a patch", PATCHES, "integer",
        "Set 16 or 32 to train V-Net on volumes, with patches of 48 to 128 px; flat networks take no volumes.",
        "planes", high=1024, step=8, zero="flat", for_volumes=True,
    ),
    PlanField(
        "slices", "Neighbouring planes as bands", PATCHES, "integer",
        "Set 3 or 5 for volumes and stacks where the planes above and below help to tell what is seen.",
        "planes", low=1, high=99, step=2, for_volumes=True,
    ),
    PlanField(
        "scale", "Random scale", PATCHES, "numbers",
        "Narrow it when all images have the same magnification and size tells the classes apart.",
        count=2, example="0.7, 1.4",
    ),
    PlanField(
        "augment", "Augmentation", PATCHES, "choice",
        "Choose what your pictures are like; more variation helps with few labels and slows learning with many.",
        choices=(
            ("none", "none"), ("light", "mirrored only"), ("standard", "standard"), ("overhead", "overhead: no up or down"),
            ("microscopy", "microscopy: any angle, stain and inversion"),
        ),
    ),
    PlanField(
        "augment_options", "Steps of the augmentation", PATCHES, "augment_options",
        "Change single steps when the preview shows patches that could never occur.",
    ),
    PlanField(
        "augment_on", "Augment on", PATCHES, "choice",
        "Choose the graphics card when the processor can't prepare patches fast enough.",
        choices=(("auto", "chosen"), ("cpu", "processor"), ("gpu", "graphics card")),
    ),
    PlanField(
        "mix", "Paste from other patches", PATCHES, "choice",
        "Helps with few labels: CutMix pastes rectangles, ClassMix whole classes.",
        choices=(("none", "no"), ("cutmix", "CutMix: rectangles"), ("classmix", "ClassMix: whole classes")),
    ),
    PlanField(
        "mix_share", "Part of the patches pasted into", PATCHES, "number",
        "Lower it when pasted patches look too strange to learn from.",
        high=1.0, step=0.1, only_with=("mix", ("cutmix", "classmix")),
    ),
    # -- loss & weights
    PlanField(
        "loss", "Loss", LOSS, "loss",
        "Tick one or more; the sum is learnt. Cross-entropy + Dice is good for most pictures.",
    ),
    PlanField(
        "class_balance", "Weigh the classes", LOSS, "choice",
        "Choose one when a class covers a small part of the pixels and is missed; it is computed from the training images.",
        choices=(("none", "all alike"), ("median", "by median frequency"), ("effective", "by effective number")),
    ),
    PlanField(
        "class_weights", "Own weights", LOSS, "numbers",
        "One number a class, in the order shown, when you know better than the ways above; empty uses those.",
        example="1, 1, 4",
    ),
    PlanField(
        "border_weight", "Weight between objects", LOSS, "numbers",
        "Set 10, 5 (how much, and how far in pixels) when neighbouring objects are joined, as U-Net does for cells; empty = off.",
        count=2, example="10, 5",
    ),
    PlanField(
        "source_weights", "Weigh labels by who made them", LOSS, "numbers",
        "Three numbers: labelled by you, accepted by you at its place or in images marked done, taken over with a whole proposal "
        "unchecked; 0 leaves those out, empty = all alike.",
        count=3, example="1, 0.5, 0.2",
    ),
    PlanField(
        "aux_weights", "Auxiliary losses", LOSS, "numbers",
        "Only for networks with outputs on the way, such as PSPNet or UNet++: one number for each; empty = the network's own.",
        example="0.4",
    ),
    # -- optimisation
    PlanField("epochs", "Epochs", OPTIMISATION, "integer",
              "Raise it while the curve still climbs at the end; the best model is kept in any case.", low=1, high=100_000),
    PlanField("patience", "Stop after", OPTIMISATION, "integer",
              "Ends the run when the mean IoU has not grown for so long; set never to see the whole curve.",
              "epochs without gain", high=100_000, zero="never"),
    PlanField("max_minutes", "Stop after a time of", OPTIMISATION, "number",
              "Set it when the computer is needed for something else later.", "min", step=5, zero="never"),
    PlanField("batch", "Batch", OPTIMISATION, "integer",
              "Patches a step: as many as the memory takes, up to about 16.", "patches", low=1, high=4096),
    PlanField("accumulate", "Batches a step", OPTIMISATION, "integer",
              "Raise it when the memory takes only one or two patches: so many batches then count as one.", low=1, high=4096),
    PlanField("optimiser", "Optimiser", OPTIMISATION, "choice",
              "AdamW is right for most; SGD with momentum is what many papers used, with a rate ten times as high.",
              choices=(("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD with momentum"))),
    PlanField("momentum", "Momentum", OPTIMISATION, "number",
              "Leave it at 0.9 unless a paper says otherwise.", high=0.999, step=0.01, only_with=("optimiser", ("sgd",))),
    PlanField("is_nesterov", "Nesterov's momentum", OPTIMISATION, "switch",
              "Turn it on when a paper says so.", only_with=("optimiser", ("sgd",))),
    PlanField("lr", "Learning rate", OPTIMISATION, "number",
              "Lower it when the loss jumps or is no number, raise it when it hardly falls; «Find…» measures a good one.",
              low=1e-7, high=10, step=1e-4),
    PlanField("encoder_lr_factor", "Rate of the encoder", OPTIMISATION, "number",
              "Lower it to 0.1 with few labels, so that what a pretrained encoder knows is kept.",
              "× the rate", high=10, step=0.1),
    PlanField("weight_decay", "Weight decay", OPTIMISATION, "number",
              "Raise it when training grows better and validation worse.", high=1, step=1e-4),
    PlanField("schedule", "Rate falls", OPTIMISATION, "choice",
              "Poly suits most runs; choose constant to train on and on and stop by hand.",
              choices=(("poly", "poly"), ("cosine", "as a cosine"), ("onecycle", "one cycle: up, then down"),
                       ("step", "in steps"), ("constant", "not at all"))),
    PlanField("warmup_share", "Warm-up", OPTIMISATION, "number",
              "Raise it when the first steps make things worse; it is the part of the run in which the rate grows.",
              "of the run", high=0.99, step=0.01),
    PlanField("poly_power", "Power of poly", OPTIMISATION, "number", "Higher falls faster; papers use 0.9.",
              low=0.01, high=10, step=0.1, only_with=("schedule", ("poly",))),
    PlanField("step_epochs", "Epochs between steps", OPTIMISATION, "integer", "Set what the paper says, or leave it.",
              "epochs", high=100_000, zero="a third of the run", only_with=("schedule", ("step",))),
    PlanField("step_factor", "Rate at each step", OPTIMISATION, "number", "Set what the paper says, or leave it.",
              "× the rate", low=0.001, high=1, step=0.1, only_with=("schedule", ("step",))),
    PlanField("clip_norm", "Longest gradient", OPTIMISATION, "number",
              "Lower it when single steps throw the network back.", high=1e6, step=0.5, zero="no limit"),
    PlanField("ema_decay", "Averaged weights", OPTIMISATION, "number",
              "Set 0.99 (long runs 0.999) for a model that wavers less from epoch to epoch.",
              high=0.99999, step=0.01, zero="none"),
    # -- speed & precision
    PlanField("device", "Device", SPEED, "choice",
              "Choose the processor when the graphics card is needed elsewhere or has too little memory.",
              choices=(("auto", "chosen"), ("cpu", "processor (cpu)"), ("cuda", "NVIDIA (cuda)"), ("mps", "Apple (mps)"))),
    PlanField("precision", "Precision", SPEED, "choice",
              "Choose fp32 when the loss becomes no number; bf16 and fp16 need about half the memory where the device has them.",
              choices=(("auto", "chosen"), ("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "fp32: full"))),
    PlanField("is_channels_last", "Bands side by side in memory", SPEED, "switch",
              "Faster on most devices; turn it off when a network runs slower or fails."),
    PlanField("is_compiled", "Compile the network", SPEED, "switch",
              "Pays for long runs on a graphics card: the first minutes are slower, the rest faster."),
    PlanField("workers", "Loader processes", SPEED, "integer",
              "Raise it when the graphics card waits for patches; each takes memory of its own.", high=64, zero="chosen"),
    PlanField("threads", "Processor threads", SPEED, "integer",
              "Lower it to keep the computer free for labelling.", high=1024, zero="chosen"),
    PlanField("processes", "Processes", SPEED, "integer",
              "With several graphics cards give one process to each; they share every batch.", low=1, high=64),
    # -- logging & checkpoints
    PlanField("name", "Name of the model", LOGGING, "text", "Give it a name to find it by; else it is run-1, run-2 and so on.",
              example="run-1"),
    PlanField("description", "Description", LOGGING, "text", "Write what the model is for, if others will use it."),
    PlanField("data_name", "Data", LOGGING, "text", "Name the images it learnt from, if others will use it."),
    PlanField("data_licence", "Terms of the data", LOGGING, "text", "Write the licence of the images, such as CC BY 4.0."),
    PlanField("is_research_only", "For research only", LOGGING, "switch",
              "Turn it on when the images may not be used for anything else; the model's card says so."),
    PlanField("validate_every", "Validate every", LOGGING, "integer",
              "Raise it when validation takes longer than training.", "epochs", low=1, high=1000),
    PlanField("checkpoint_minutes", "Checkpoint every", LOGGING, "number",
              "Set it when an epoch takes long, so that a power cut costs minutes only.",
              "min", high=10_000, step=5, zero="only after each epoch"),
    PlanField("has_tensorboard", "TensorBoard", LOGGING, "switch", "Turn it off to save disk space."),
    PlanField("visdom", "Visdom server", LOGGING, "text", "Give its address to follow the run in a browser.",
              example="http://localhost:8097"),
)  # fmt: skip

IN_PANEL = ("arch", "encoder", "arch_options", "is_pretrained", "start_from", "freeze", "refine")
"""Fields of the plan that the panel itself holds: what is trained, and from what."""
NOT_FOR_PEOPLE = {
    "out": "made from the name",
    "project": "the open project",
    "data": "the command line's: a dataset that is no project",
    "class_names": "the project's classes have names",
    "is_resumed": "set by going on with a run",
    "command": "what the command line was",
    "model_id": "made from the name",
    "model_name": "the name",
}
"""Fields of the plan that nobody sets in the window, and why."""
BY_KEY = {field.key: field for field in FIELDS}
