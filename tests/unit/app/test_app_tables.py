"""Events, the action table, settings, keys and the recent list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segstudio.app.actions import ACTIONS, BY_ID, MENUS
from segstudio.app.events import Signal
from segstudio.app.keymap import Keymap, normalised
from segstudio.app.recent import LONGEST, RecentProjects
from segstudio.app.settings import BY_KEY, SETTINGS, Settings
from segstudio.core.errors import UserError


class Listener:
    def __init__(self) -> None:
        self.heard: list[int] = []

    def hear(self, value: int) -> None:
        self.heard.append(value)


def test_signal_calls_in_order_and_forgets_the_dead() -> None:
    signal: Signal[[int]] = Signal()
    listener, calls = Listener(), []
    signal.connect(listener.hear)
    off = signal.connect(calls.append)
    signal.emit(1)
    kept = listener.heard
    del listener
    signal.emit(2)
    off()
    signal.emit(3)
    assert kept == [1] and calls == [1, 2] and len(signal) == 0


def test_signal_disconnects_methods_and_blocks() -> None:
    signal: Signal[[int]] = Signal()
    listener = Listener()
    signal.connect(listener.hear)
    with signal.blocked():
        signal.emit(1)
    signal.disconnect(listener.hear)
    signal.emit(2)
    assert listener.heard == []


def test_listener_may_disconnect_while_it_is_called() -> None:
    signal: Signal[[]] = Signal()
    calls: list[str] = []
    off = signal.connect(lambda: (calls.append("a"), off()))
    signal.connect(lambda: calls.append("b"))
    signal.emit()
    signal.emit()
    assert calls == ["a", "b", "b"]


def test_actions_are_unique_named_and_placed() -> None:
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)
    keys = [key for spec in ACTIONS for key in spec.shortcuts]
    assert len(keys) == len(set(keys)), "two actions share a key"
    for spec in ACTIONS:
        assert spec.text and spec.tip and spec.menu in ("", *MENUS), spec.id
        assert all(normalised(key) == key for key in spec.shortcuts), spec.id


@pytest.mark.parametrize(
    ("action_id", "key"),
    [
        ("tool.pan", "H"), ("tool.brush", "B"), ("tool.eraser", "E"), ("tool.polygon", "P"), ("tool.fill", "F"),
        ("class.swap", "X"), ("view.next_image", "D"), ("view.previous_image", "A"), ("edit.undo", "Ctrl+Z"),
        ("edit.redo", "Ctrl+Shift+Z"), ("view.hide_labels", "Q"), ("model.accept_all", "Return"),
        ("edit.cancel", "Esc"), ("help.keys", "?"), ("help.palette", "Ctrl+K"), ("view.one_to_one", "Ctrl+1"),
        ("class.select_9", "9"), ("tool.smaller", "["), ("tool.larger", "]"), ("view.panels", "Tab"),
    ],
)  # fmt: skip
def test_keys_of_the_design(action_id: str, key: str) -> None:
    assert key in BY_ID[action_id].shortcuts


def test_only_overrides_are_written(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    heard: list[tuple[str, object]] = []
    settings.changed.connect(lambda key, value: heard.append((key, value)))
    settings.set("brush.size_px", 12)
    settings.set("brush.size_px", 12)
    assert json.loads(settings.path.read_text()) == {"brush.size_px": 12.0}
    assert Settings(tmp_path).number("brush.size_px") == 12.0
    settings.reset("brush.size_px")
    assert json.loads(settings.path.read_text()) == {}
    assert heard == [("brush.size_px", 12.0), ("brush.size_px", BY_KEY["brush.size_px"].default)]


def test_settings_clamp_and_refuse(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.set("brush.size_px", 1e9)
    assert settings.number("brush.size_px") == 2000
    with pytest.raises(UserError, match=r"look\.theme"):
        settings.set("look.theme", "pink")
    with pytest.raises(UserError):
        settings.set("paint.uses_pressure", 1)
    with pytest.raises(UserError):
        settings.set("brush.size_px", float("nan"))


def test_corrupted_settings_are_set_aside_and_said_once(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"brush.size_px": ')
    settings = Settings(tmp_path)
    assert "settings.broken.json" in settings.problem
    assert (tmp_path / "settings.broken.json").read_text() == '{"brush.size_px": '
    assert settings.number("brush.size_px") == BY_KEY["brush.size_px"].default
    assert Settings(tmp_path).problem == ""


def test_bad_value_keeps_the_others_and_unknown_keys_survive(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"look.theme": 3, "eraser.size_px": 9, "future.key": [1]}')
    settings = Settings(tmp_path)
    assert "look.theme" in settings.problem and settings.number("eraser.size_px") == 9
    settings.set("brush.size_px", 5)
    assert json.loads(settings.path.read_text())["future.key"] == [1]


def test_unwritable_settings_last_until_the_end(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    settings = Settings(blocker / "config")
    settings.set("brush.size_px", 7)
    assert settings.problem and settings.number("brush.size_px") == 7


def test_every_setting_of_the_dialog_has_a_title() -> None:
    for setting in SETTINGS:
        assert setting.title or not setting.group, setting.key


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("shift+ctrl+z", "Ctrl+Shift+Z"), ("ctrl++", "Ctrl++"), ("+", "+"), ("escape", "Esc"), ("b", "B"),
     ("Cmd+K", "Ctrl+K"), ("f11", "F11"), ("pagedown", "PgDown"), ("ctrl+,", "Ctrl+,")],
)  # fmt: skip
def test_key_texts_are_normalised(text: str, wanted: str) -> None:
    assert normalised(text) == wanted


@pytest.mark.parametrize("text", ["", "Ctrl+", "Ctrl", "Hyper+X", "Ctrl+Foo"])
def test_no_keys(text: str) -> None:
    with pytest.raises(UserError):
        normalised(text)


def test_keys_can_be_rebound_and_conflicts_are_found(tmp_path: Path) -> None:
    keymap = Keymap(tmp_path)
    heard: list[str] = []
    keymap.changed.connect(heard.append)
    assert keymap.conflicts("tool.brush", ["e"]) == [("E", "tool.eraser")]
    with pytest.raises(UserError, match="Eraser"):
        keymap.set("tool.brush", ["E"])
    assert keymap.shortcuts("tool.brush") == ("B",)
    keymap.set("tool.brush", ["E", "Ctrl+Alt+B"], takes_over=True)
    assert heard == ["tool.eraser", "tool.brush"]
    again = Keymap(tmp_path)
    assert again.shortcuts("tool.brush") == ("E", "Ctrl+Alt+B") and again.shortcuts("tool.eraser") == ()
    assert again.owner("e") == "tool.brush"
    again.reset("tool.eraser")  # E is the brush's now
    assert again.shortcuts("tool.eraser") == ()
    again.reset_all()
    assert again.shortcuts("tool.eraser") == ("E",) and not Keymap(tmp_path).is_overridden("tool.brush")


def test_keys_of_the_canvas_cannot_be_bound(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Space"):
        Keymap(tmp_path).set("tool.brush", ["Space"], takes_over=True)


def test_damaged_keys_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[]")
    keymap = Keymap(tmp_path)
    assert "keys.broken.json" in keymap.problem and keymap.shortcuts("tool.brush") == ("B",)


def test_recent_projects_newest_first_without_repeats(tmp_path: Path) -> None:
    recent = RecentProjects(tmp_path / "config")
    for index in range(LONGEST + 5):
        recent.add(tmp_path / f"p{index}")
    recent.add(tmp_path / "p10", images=7)
    names = [project.name for project in RecentProjects(tmp_path / "config")]
    assert len(names) == LONGEST and names[0] == "p10" and names.count("p10") == 1
    recent.remove(tmp_path / "p10")
    assert "p10" not in [project.name for project in recent]


def test_recent_list_of_strange_content_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "recent.json").write_text('{"projects": [3, {"folder": "/x", "images": "many"}, {"name": "y"}]}')
    assert [project.folder for project in RecentProjects(tmp_path)] == ["/x"]


def test_writing_can_be_put_off(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    waiting: list[object] = []
    settings.schedule = waiting.append  # type: ignore[assignment]
    for size in range(10, 60):
        settings.set("brush.size_px", size)
    assert len(waiting) == 1 and not settings.path.exists()
    settings.flush()
    assert Settings(tmp_path).number("brush.size_px") == 59
    settings.set("brush.size_px", 3)
    assert len(waiting) == 2
