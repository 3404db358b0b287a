"""The task's process writes augmented copies and shows training patches."""

from small_projects import small_project

from segstudio.jobs import protocol
from segstudio.jobs.specs import AugmentSpec, PreviewSpec
from segstudio.jobs.task_host import serve
from segstudio.ml.plan import TrainPlan


class Port:
    """What a host is given, without a pipe."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)

    def progress(self, done, total, what):
        self.sent.append(protocol.Progress(done=done, total=total, what=what))

    def is_set(self):
        return False


def test_copies_of_a_project_are_written_and_reported(tmp_path):
    project, port = small_project(tmp_path / "p", images=3), Port()
    plan = TrainPlan(out=str(tmp_path / "out"), project=str(project))
    report = serve(AugmentSpec(plan, str(tmp_path / "out"), 2, size_px=32, has_originals=False), port)
    assert (report.images, dict(report.splits)) == (5, {"train": 4, "val": 1})
    assert len(list((tmp_path / "out" / "masks" / "train").iterdir())) == 4
    last = port.sent[-1]
    assert (last.done, last.total) == (3, 3)


def test_patches_are_shown(tmp_path):
    project = small_project(tmp_path / "p", images=3)
    preview = serve(PreviewSpec(TrainPlan(out="", project=str(project), patch_px=32), count=3), Port())
    assert len(preview.patches) == 3 and "spot" in preview.classes
