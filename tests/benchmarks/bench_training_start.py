"""From «Train» to the first point of the curve, and from the end of training to its first proposal, on the sample project.

Run ``python tests/benchmarks/bench_training_start.py [--rounds N]``; needs no data: ``segstudio demo`` makes the project, its
proposals are accepted. The processes are the window's own: the trainer and the model host are spawned and spoken to as the
window does it, with the plan that the panel sends by default (U-Net on EfficientNet-Lite0 from ImageNet, 8 patches of 256 px),
cut to two epochs. Marks, in seconds from the click: first stage, run known, first step (the first point that the
curve of the loss shows), first epoch. Then, from the trainer's last word: the first piece of a proposal, and all of it, by a model
host that was just spawned and by one that has proposed before (as when a model is chosen in the panel). Aims: 10 s and 2 s.
On a busy machine look at ``cpu_s``, the processor seconds that the trainer had used at each mark (Linux), all its threads together.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

AIM_FIRST_POINT_S, AIM_FIRST_PROPOSAL_S = 10.0, 2.0


def wait(child, on_message, limit_s: float = 300.0) -> None:
    """Hear *child* out until its job ends."""
    from segstudio.jobs.protocol import END, Failed

    deadline = time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        for message in child.poll(0.05):
            on_message(message, time.perf_counter())
            if isinstance(message, Failed):
                raise SystemExit(f"{message}")
            if isinstance(message, END):
                return
    raise SystemExit("no end")


def cpu_seconds(pid: int | None) -> float:
    """Processor seconds of a process so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train(plan) -> tuple[dict[str, float], dict[str, float]]:
    """Marks of one run in a trainer that is spawned for it: seconds since the click, and processor seconds."""
    from segstudio.jobs.protocol import Finished, StageChanged, TrainEvent
    from segstudio.jobs.specs import TrainSpec
    from segstudio.jobs.supervisor import ChildProcess

    marks: dict[str, float] = {}
    cpu: dict[str, float] = {}
    child = ChildProcess("trainer", "segstudio.jobs.trainer_host:serve")
    began = time.perf_counter()

    def hear(message: object, now: float) -> None:
        name = type(message.event).__name__ if isinstance(message, TrainEvent) else type(message).__name__
        if isinstance(message, (TrainEvent, StageChanged, Finished)):
            marks.setdefault(name, now - began)
            cpu.setdefault(name, cpu_seconds(child.pid))

    child.submit(TrainSpec(plan))
    wait(child, hear)
    child.shut_down()
    return marks, cpu


def propose(child, model: str, project: str, image_id: int, file: str) -> tuple[float, float]:
    """Seconds to the first piece of a proposal for one image, and to its end."""
    from segstudio.jobs.protocol import WindowReady
    from segstudio.jobs.specs import ImageTask, ProposeSpec

    firsts: list[float] = []
    began = time.perf_counter()

    def hear(message: object, now: float) -> None:
        if isinstance(message, WindowReady):
            firsts.append(now - began)

    child.submit(ProposeSpec(model, project, "cpu", (ImageTask(image_id, file),)))
    wait(child, hear)
    return firsts[0], time.perf_counter() - began


def sample(folder: Path) -> Path:
    """The sample project with its proposals accepted."""
    from segstudio.cli.main import main

    with contextlib.redirect_stdout(io.StringIO()):
        if main(["demo", "--no-window", "--project", str(folder)]) or main(["accept", str(folder)]):
            raise SystemExit("the sample project could not be made")
    return folder


def main() -> int:
    """Measure and print."""
    from segstudio.io.store.project import ProjectStore
    from segstudio.jobs.supervisor import ChildProcess
    from segstudio.ml.plan import TrainPlan

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    report: dict = {"aims_s": {"first point": AIM_FIRST_POINT_S, "first proposal": AIM_FIRST_PROPOSAL_S}, "rounds": []}
    with tempfile.TemporaryDirectory() as temp:
        project = sample(Path(temp) / "sample")
        with ProjectStore.open(project) as store:
            image = next(i for i in store.images() if i.name == "ihc.png")
            image_id, file = image.id, str(project / image.path)
        warm = ChildProcess("models", "segstudio.jobs.model_host:serve")
        propose(warm, "nuclei", str(project), image_id, file)
        for number in range(rounds):
            out = project / "runs" / f"bench-{number}"
            plan = TrainPlan(out=str(out), project=str(project), epochs=2, val_fraction=0.2).checked()
            marks, cpu = train(plan)
            model = str(out / "best.safetensors")
            of_warm = propose(warm, model, str(project), image_id, file)
            cold = ChildProcess("models", "segstudio.jobs.model_host:serve")
            of_cold = propose(cold, model, str(project), image_id, file)
            cold.shut_down()
            row = {
                "train": {k: round(v, 2) for k, v in marks.items()},
                "cpu_s": {k: round(v, 2) for k, v in cpu.items()},
                "proposal_warm": {"first": round(of_warm[0], 2), "all": round(of_warm[1], 2)},
                "proposal_cold": {"first": round(of_cold[0], 2), "all": round(of_cold[1], 2)},
            }
            report["rounds"].append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
        warm.shut_down()
    report["first_point_s"] = statistics.median(r["train"]["StepDone"] for r in report["rounds"])
    report["first_proposal_s"] = statistics.median(r["proposal_warm"]["first"] for r in report["rounds"])
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
