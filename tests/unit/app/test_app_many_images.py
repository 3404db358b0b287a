"""A project of 20 000 images: what is asked of the store and of the disk does not grow with what is done in the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from segstudio.app.presenters.images import ImagesPresenter
from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.classes import ClassTable
from segstudio.io.store import image_rows
from segstudio.io.store.project import ProjectStore

COUNT = 20_000


def rows(count: int) -> list[dict[str, object]]:
    return [
        {
            **{
                "path": f"images/scene {i * 7919 % count}.png",
                "path_hint": "",
                "name": f"scene {i * 7919 % count}.png",
            },
            **{"width": 50 + i % 300, "height": 40, "depth": 1, "bands": 3, "dtype": "uint8"},
            **{"status": "unlabelled" if i % 5 else "done", "split": None, "sha256": f"{i:064x}", "file_bytes": 1 + i},
            **{"added_s": float(i)},
        }
        for i in range(count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ProjectStore.create(tmp_path / "many", ClassTable.from_names("road")) as store:
        for first in range(0, COUNT, 5000):
            store.files.insert(rows(COUNT)[first : first + 5000])
    return tmp_path / "many"


class Asked:
    """Statements given to the database, and files looked for."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.files = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    import sqlalchemy as sa

    seen = Asked()

    def note(connection, cursor, statement, parameters, context, executemany):
        if not statement.startswith("BEGIN"):
            seen.statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    state = image_rows.file_state

    def look(file: Path):
        seen.files += 1
        return state(file)

    monkeypatch.setattr(image_rows, "file_state", look)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_the_list_costs_few_queries(folder: Path, asked: Asked) -> None:
    session = Session(Settings())
    checks = []
    session.check_files = lambda: checks.append(1)
    session.open_reader = lambda record, file: None
    assert session.open_project(folder)
    assert len(session.images) == COUNT and checks == [1]
    assert asked.files == 0, "no file is looked for on the document's thread"
    assert sum("FROM images" in statement for statement in asked.statements) <= 4
    assert len(asked.statements) < 40

    asked.statements.clear()
    presenter = ImagesPresenter(session)
    presenter.set_text_filter("199 SCENE")
    names = [presenter.record(row).name for row in range(len(presenter))]
    assert names == [f"scene {i}.png" for i in range(COUNT) if "199" in str(i)], "all words, in the order of numbers"
    presenter.set_text_filter("")
    presenter.set_status_filter("done")
    assert len(presenter) == COUNT // 5
    presenter.set_status_filter("all")
    for key in ("size", "status", "added", "uncertainty", "name"):
        presenter.set_sort(key, descending=True)
    assert presenter.record(0).name == f"scene {COUNT - 1}.png"
    presenter.set_sort("size")
    sizes = [presenter.record(row).width for row in range(0, COUNT, 500)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    assert not any("images" in statement for statement in asked.statements) and asked.files == 0
    assert len(asked.statements) <= 1, "the kept uncertainties"
    session.close_project()


def test_a_step_and_a_mark_cost_the_same_at_any_length(folder: Path, asked: Asked) -> None:
    session = Session(Settings())
    session.check_files = lambda: None
    session.open_reader = lambda record, file: None
    assert session.open_project(folder)
    presenter = ImagesPresenter(session)
    session.settings.set("work.advances_when_done", False)
    asked.statements.clear()
    presenter.select(COUNT // 2)
    assert session.next_image() and presenter.current_row == COUNT // 2 + 1
    assert session.previous_image() and presenter.current_row == COUNT // 2
    assert len(asked.statements) < 40
    asked.statements.clear()
    session.set_status([session.image_id], "unlabelled")
    session.toggle_done()
    assert session.image.status == "done" and len(asked.statements) <= 2
    presenter.set_status_filter("done")
    before = len(presenter)
    asked.statements.clear()
    presenter.set_status_filter("all")
    presenter.set_status(range(5000), "done")
    assert len(asked.statements) <= 5000 // 500
    presenter.set_status_filter("done")
    assert len(presenter) > before + 3000
    session.close_project()


def test_missing_ones_told_in_bulk_are_chosen(folder: Path) -> None:
    session = Session(Settings())
    session.check_files = lambda: None
    session.open_reader = lambda record, file: None
    assert session.open_project(folder)
    presenter = ImagesPresenter(session)
    looks, rows_told = [], []
    presenter.looks_changed.connect(lambda: looks.append(1))
    presenter.row_changed.connect(rows_told.append)
    gone = [record.id for record in session.images[100:900]]
    session.change_records({image_id: {"is_missing": True} for image_id in gone})
    assert len(looks) == 1 and rows_told == []
    presenter.set_status_filter("missing")
    assert sorted(presenter.ids(range(len(presenter)))) == gone
    session.change_records({gone[0]: {"is_missing": False}})
    assert len(presenter) == len(gone) - 1
    session.close_project()
