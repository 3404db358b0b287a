"""The runs of a project as the window lists them: their figures, differences, reports, and going on with one. No window."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.runs.differences import metric_table, plan_differences
from segstudio.ml.runs.record import BEST, find_runs, is_run, read_runs
from segstudio.ml.runs.report import comparison_report, run_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.runs.record import RunRecord

COMPARISON = "comparison.html"


class RunsPresenter:
    """Reads ``runs/`` of one project; nothing here is quick enough for the window's thread with hundreds of runs."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.folder = project / "runs"
        self.records: tuple[RunRecord, ...] = ()

    def refresh(self) -> None:
        """Read all runs anew, the latest first."""
        found = read_runs(find_runs([self.folder])) if self.folder.is_dir() else []
        self.records = tuple(reversed(found))

    def record(self, name: str) -> RunRecord | None:
        """The run of this name."""
        return next((one for one in self.records if one.name == name), None)

    def differences(self, records: Sequence[RunRecord]) -> list[dict[str, Any]]:
        """``[{"kind": "metric" | "plan", "name", "values"}]`` of *records*; of one run its metrics alone."""
        rows = [{"kind": "metric", "name": row["metric"], "values": row["values"]} for row in metric_table(records)]
        if len(records) > 1:
            rows += [
                {"kind": "plan", "name": row["field"], "values": row["values"]} for row in plan_differences(records)
            ]
        return rows

    def write_report(self, records: Sequence[RunRecord]) -> Path:
        """Write the page of one run, or of several compared; where it lies.

        Raises
        ------
        UserError
            When the disk is full or cannot be written to.
        """
        if len(records) == 1:
            page = records[0].folder / "report.html"
            write_bytes_atomic(page, run_report(records[0]).encode())
        else:
            page = self.folder / COMPARISON
            write_bytes_atomic(page, comparison_report(records).encode())
        return page

    def model_id(self, record: RunRecord) -> str:
        """The catalog's id of the run's model; "" where it has none to use."""
        return f"runs/{record.name}" if record.state != "damaged" and (record.folder / BEST).is_file() else ""

    def resume_plan(self, record: RunRecord) -> TrainPlan | None:
        """The plan with which the run goes on here, wherever the project was when it began; None where it can't."""
        if record.state != "unfinished" or record.plan is None:
            return None
        plan = replace(record.plan, out=str(record.folder), is_resumed=True)
        return replace(plan, project=str(self.project)) if plan.project else plan

    def delete(self, record: RunRecord) -> None:
        """Remove the run's folder for good.

        Raises
        ------
        UserError
            When it is no run of this project, or cannot be removed.
        """
        folder = record.folder
        if folder.parent != self.folder or folder.is_symlink() or not is_run(folder):
            raise UserError("this is no run of the project", path=folder, remedy="remove it by hand")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            sentence = f"the run cannot be deleted ({error.strerror or error})"
            raise UserError(sentence, path=folder, remedy="close what uses it and try again") from error
