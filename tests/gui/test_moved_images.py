"""Images whose files moved: marked in the list, said on the canvas, found again by what they hold."""

from __future__ import annotations

from window_help import open_project, open_window

from segstudio.gui.panels.images import ImagesPanel


def test_a_moved_folder_is_found_again(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=3)
        session, control = window.session, window.workspace.image_files
        panel = next(p for p in window.workspace.docks.built_panels().values() if isinstance(p, ImagesPanel))
        folder = session.folder
        (tmp_path / "else" / "where").mkdir(parents=True)
        (tmp_path / "pictures" / "im1.png").rename(tmp_path / "else" / "where" / "other name.png")
        (tmp_path / "else" / "im1.png").write_bytes(b"x" * (tmp_path / "pictures" / "im0.png").stat().st_size)
        assert session.close_project() and session.open_project(folder)
        gone = session.images[1].id
        qtbot.waitUntil(lambda: session.image_record(gone).is_missing, timeout=10_000)
        assert panel.presenter.counts()["missing"] == 1
        panel.presenter.set_status_filter("missing")
        assert panel.presenter.ids(range(9)) == [gone]
        assert "not there" in panel.model.data(panel.model.index(0), 3)
        session.select_image(gone)
        qtbot.waitUntil(lambda: session.reader_error != "", timeout=10_000)
        assert "im1.png" in session.reader_error and "Find moved" in session.reader_error
        control.find()
        qtbot.waitUntil(lambda: control.is_idle and not window.workspace.jobs.running_titles(), timeout=10_000)
        assert session.image_record(gone).is_missing, "that folder was not searched"
        control.find([tmp_path / "else"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        record = session.image_record(gone)
        assert not record.is_missing and record.path.endswith("other name.png")
        assert len(panel.presenter) == 0 or panel.presenter.status_filter == "missing"
        assert session.close_project() and session.open_project(folder)
        assert session.image_record(gone).path == record.path


def test_files_that_cannot_be_written_to_are_marked(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=2)
        session = window.session
        (tmp_path / "pictures" / "im0.png").chmod(0o444)
        window.workspace.image_files.check()
        qtbot.waitUntil(lambda: session.images[0].is_read_only, timeout=10_000)
        assert not session.images[1].is_read_only and not session.images[0].is_missing
