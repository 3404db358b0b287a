"""The example plug-in in the real window: listed, the broken one with its reason, and proposing in the model's process."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from plugin_install import installed_by_hand
from window_help import open_project, open_window

from segstudio.core.geometry import Rect


def test_its_model_is_chosen_and_proposes(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(str(installed_by_hand(tmp_path / "site")))
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "segstudio_bright", raising=False)
    loaded = set(sys.modules)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session, models = window.session, window.workspace.jobs.models
        panel = window.workspace.docks.reveal("model")
        assert {"bright", "bright-25", "bright-75"} <= set(panel.chooser.ids()) and "broken" not in panel.chooser.ids()
        broken = models.presenter.entry("broken")
        assert broken is not None and "licence key" in models.presenter.note(broken)
        row = panel.chooser.findData("bright")
        panel.chooser.setCurrentIndex(row)
        panel.chooser.activated.emit(row)
        assert models.current_entry().card.id == "bright"
        assert window.trigger("model.propose_image")
        qtbot.waitUntil(lambda: not models.is_proposing, timeout=120_000)
        assert session.proposals.has_proposal, [message.text for message in window.notices.messages]
        bright = session.classes.by_name("bright")
        assert bright is not None and bright.color == "#ffcc00"
        found = session.proposal.read_classes(Rect(0, 0, 64, 48)) == bright.id
        assert found[12:28, 12:28].all() and not found[:8].any() and not found[:, 34:].any()  # the bright square
        assert window.workspace.jobs.compare.start("bright-25", "bright-75", is_whole=True)
        made = window.workspace.jobs.compare.comparison
        qtbot.waitUntil(lambda: not made.is_busy, timeout=120_000)
        sides = [made.desk.side(side) for side in ("left", "right")]
        assert [one.state for one in sides] == ["done", "done"], [one.sentence for one in sides]
        (spots,) = made.figures.classes
        # Of 220 / 255 the mean over 3 × 3 pixels is 29 % beside the square (19 % near its corners), 58 % on its rim.
        assert (spots.left_px, spots.right_px) == (20 * 20 + 4 * 18, 18 * 18)
        assert spots.iou == pytest.approx(324 / 472)
        assert not {"torch", "segstudio_bright.network"} & (sys.modules.keys() - loaded)
    sys.modules.pop("segstudio_bright", None)
