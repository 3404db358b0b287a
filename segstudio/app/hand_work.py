"""What a person has decided in the images of a project, and forgetting it so that models may propose there again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.core.edits import Edit, LayerChange
from segstudio.core.touched import forget_touched, touched_in

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.core.touched import Touched

NOTHING_TOUCHED = "Nothing was erased, painted or rejected here that models would leave alone."


def touched_of(session: Session, image_id: int) -> Touched | None:
    """Where models leave the person's decisions alone in an image; None where they need not."""
    documents = session.documents
    if documents is None or not session.settings.flag("proposal.keeps_hand"):
        return None
    document = documents.open(image_id)
    return touched_in([document.labels, document.proposal])


def forget_here(session: Session) -> bool:
    """Let models propose again where something was erased, painted over or rejected in the current image: one undoable edit.

    Labels that are there stay as they are, and stay the person's.
    """
    if session.labels is None or session.image_id is None or session.refuses_edits():
        return False
    session.work_interrupted.emit()
    session.proposals.settle(session.image_id)
    changes = []
    for layer in (session.labels, session.proposal):
        tiles = () if layer is None else forget_touched(layer.touched)
        if layer is not None and tiles:
            changes.append(LayerChange(layer.id, "touched", tiles))
    if not changes:
        session.say(NOTHING_TOUCHED)
        return False
    return session.record(
        Edit("Let models propose here again", session.image_id, tuple(changes), created_s=time.time())
    )
