"""Model menu: proposing, accepting, the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.hand_work import forget_here

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

CONFIDENCE_STEP = 0.05


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    binder, session, jobs = workspace.binder, workspace.session, workspace.jobs
    desk = session.proposals

    def is_writable() -> bool:
        return session.is_open and not session.is_read_only and bool(session.images)

    binder.bind(
        "model.propose_image",
        lambda: jobs.models.propose(image_ids_of(workspace, "current"), only_shown_plane=True),
    )
    binder.bind(
        "model.propose_planes",
        lambda: jobs.models.propose(image_ids_of(workspace, "current")),
        when=lambda: session.is_volume,
    )
    binder.bind(
        "model.propose_selection",
        lambda: jobs.models.propose(image_ids_of(workspace, "selection")),
        when=is_writable,
    )
    binder.bind(
        "model.propose_unlabelled",
        lambda: jobs.models.propose(image_ids_of(workspace, "unlabelled")),
        when=is_writable,
    )
    binder.bind("model.everything", jobs.prompts.segment_everything, when=lambda: session.can_edit)
    binder.bind("model.cancel", jobs.models.cancel_propose, when=lambda: jobs.models.is_proposing)
    binder.bind("model.accept_all", lambda: accept_all(workspace), when=lambda: session.can_edit)
    binder.bind("model.reject_all", desk.reject_all, when=lambda: session.can_edit)
    binder.bind("model.forget_touched", lambda: forget_here(session), when=lambda: session.can_edit)
    binder.bind("model.accept_class", lambda: desk.accept_classes([session.current_class_id]))
    binder.bind("model.reject_class", lambda: desk.reject_classes([session.current_class_id]))
    binder.bind("model.confidence_up", lambda: _move_threshold(workspace, CONFIDENCE_STEP))
    binder.bind("model.confidence_down", lambda: _move_threshold(workspace, -CONFIDENCE_STEP))
    binder.bind("model.compare", jobs.compare.ask)
    binder.bind("model.evaluate", jobs.evaluations.ask)
    binder.bind("model.refine", jobs.refine.open_card, when=lambda: session.can_edit)
    binder.bind("model.map_classes", lambda: map_classes(workspace))
    binder.bind("model.install", jobs.model_files.ask_and_install)
    binder.bind("model.export_onnx", lambda: export_onnx(workspace), when=lambda: can_export(workspace))
    binder.bind("model.card", lambda: show_card(workspace))
    binder.bind("model.catalog", lambda: open_catalog(workspace))


def image_ids_of(workspace: Workspace, which: str) -> list[int]:
    """Image ids: the "current" one, the "selection" of the images panel, or all "unlabelled" ones."""
    session = workspace.session
    current = [] if session.image_id is None else [session.image_id]
    if which == "unlabelled":
        return workspace.jobs.models.presenter.unlabelled_ids()
    if which == "selection":
        panel = workspace.docks.panel("images")
        chosen = getattr(panel, "selected_ids", None)
        ids = list(chosen() if callable(chosen) else chosen or [])
        return ids or current
    return current


def accept_all(workspace: Workspace) -> None:
    """Accept what is shown; but Enter first finishes what the tool has begun."""
    if workspace.toolbox.current.is_busy and workspace.toolbox.key("enter"):
        return
    workspace.session.proposals.accept_all()


def map_classes(workspace: Workspace) -> None:
    """Edit which class of the model is which of the project's."""
    from segstudio.gui.dialogs.class_mapping import ClassMappingDialog

    entry = workspace.jobs.models.current_entry()
    if entry is not None:
        ClassMappingDialog(workspace.window, workspace.session, workspace.jobs.models, entry.card).open()


def export_onnx(workspace: Workspace) -> None:
    """Write the current model as an ONNX file."""
    entry = workspace.jobs.models.current_entry()
    if entry is not None:
        workspace.jobs.model_files.ask_and_export(entry)


def can_export(workspace: Workspace) -> bool:
    """Whether the current model is a network that can be written."""
    entry = workspace.jobs.models.current_entry()
    return entry is not None and entry.is_available and entry.card.task == "semantic"


def show_card(workspace: Workspace) -> None:
    """What is known of the current model."""
    from segstudio.gui.dialogs.model_card import ModelCardDialog

    entry = workspace.jobs.models.current_entry()
    if entry is not None:
        ModelCardDialog(workspace.window, entry).open()


def open_catalog(workspace: Workspace) -> None:
    """All models, networks and encoders."""
    from segstudio.gui.dialogs.catalog import CatalogDialog

    CatalogDialog(workspace).open()


def _move_threshold(workspace: Workspace, step: float) -> None:
    session = workspace.session
    session.set_min_confidence(round(min(1.0, max(0.0, session.min_confidence + step)), 3))
