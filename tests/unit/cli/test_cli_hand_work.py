"""``propose`` and ``accept`` leave alone what a person decided, unless asked; ``info`` tells how much was looked at."""

from __future__ import annotations

import json

from small_projects import offer_bright, run, small_project

from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.looked import LookMap
from segstudio.io.store.facts import Fact
from segstudio.io.store.project import ProjectStore

ERASED = Rect(20, 20, 15, 30)


def erased(folder):
    with ProjectStore.open(folder) as store:
        for rect in (Rect(20, 20, 30, 30), ERASED):
            made = Transaction(store.labels_layer(1), "Brush", is_by_hand=True)
            made.write(rect, 0)
            edit = made.commit()
            if edit is not None:
                store.commit(edit)


def proposed(folder):
    with ProjectStore.open(folder, read_only=True) as store:
        layer = store.proposal_layer(1)
        return layer.read_classes(layer.bounds)


def test_what_was_erased_is_not_proposed_again_unless_asked(capsys, tmp_path, monkeypatch):
    offer_bright(monkeypatch, tmp_path)
    folder = small_project(tmp_path / "p")
    erased(folder)  # the spot that was labelled by hand
    code, _, err = run(capsys, "propose", folder, "--model", "bright", "--device", "cpu")
    assert code == 0, err
    assert not proposed(folder)[20:50, 20:50].any()
    assert run(capsys, "propose", folder, "--model", "bright", "--device", "cpu", "--everywhere")[0] == 0
    assert proposed(folder)[22:48, 22:48].all()
    assert run(capsys, "accept", folder, "--images", "im0*")[0] == 0
    with ProjectStore.open(folder, read_only=True) as store:
        layer = store.labels_layer(1)
        assert not layer.read_classes(Rect(20, 20, 30, 30)).any()
    run(capsys, "propose", folder, "--model", "bright", "--device", "cpu", "--everywhere")
    assert run(capsys, "accept", folder, "--everywhere")[0] == 0
    with ProjectStore.open(folder, read_only=True) as store:
        assert store.labels_layer(1).read_classes(Rect(22, 22, 26, 26)).all()


def test_info_tells_how_much_was_looked_at(capsys, tmp_path):
    folder = small_project(tmp_path / "p")
    with ProjectStore.open(folder) as store:
        seen = LookMap(64, 64)
        seen.look(Rect(0, 0, 64, 32), 0, 2, 1)
        store.facts.put("seen.map", {1: Fact(*seen.to_fact())})
    images = json.loads(run(capsys, "info", folder, "--json")[1])["images"]
    assert [image["looked_at"] for image in images] == [0.5, None]
    assert "50 %" in run(capsys, "info", folder)[1]
