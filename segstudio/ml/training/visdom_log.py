"""A run shown by a Visdom server (``--visdom URL``): curves and pictures, sent from a thread so that training never waits.

Visdom's own package on PyPI (0.2.4, Apache-2.0) comes as a source archive only, whose build fails with today's setuptools, and
brings eight packages along; all that is needed of it is JSON by HTTP POST to ``/events``, which is written here. A window is sent
whole each time and replaces the one of its name: what goes on after a kill draws nothing twice.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import queue
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from segstudio.ml.plan import shown
from segstudio.ml.training.epoch_figures import EpochFigures, figures_of_line
from segstudio.ml.training.hooks import RunHook
from segstudio.ml.training.run_files import picture_png

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation

TIMEOUT_S = 3.0
_WAITING = 64
_PICTURES = 4
_WINDOWS = (
    ("loss", ("loss/train", "loss/val")),
    ("validation", ("mean_iou/val", "mean_dice/val", "pixel_accuracy/val")),
    ("learning rate", ("lr",)),
    ("gradient norm", ("gradient_norm",)),
    ("seconds per step", ("seconds_per_step",)),
)


class VisdomHook(RunHook):
    """Curves by epoch and the validation pictures, in an environment named as the run."""

    def __init__(self, plan: TrainPlan, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._plan, self._folder, self._say = plan, folder, say
        self._figures = EpochFigures()
        self._points: dict[str, list[tuple[int, float]]] = {}
        self._sender = _Sender(plan.visdom)
        self._is_told = False
        self._env = re.sub(r"[^\w.-]+", "-", f"segstudio-{Path(plan.out).name}")

    def started(self, setup: RunSetup, event: RunStarted) -> None:
        """The plan as text; of a run that goes on, what it drew before."""
        for line in self._folder.read_metrics(event.first_epoch - 1):
            for tag, value in figures_of_line(line, setup.data.classes).items():
                self._points.setdefault(tag, []).append((line["epoch"], value))
        rows = "".join(f"<tr><td>{_plain(k)}</td><td>{_plain(shown(v))}</td></tr>" for k, v in vars(self._plan).items())
        self._send("plan", [{"type": "text", "content": f"<table>{rows}</table>"}], {"title": "plan"})

    def step_done(self, setup: RunSetup, event: StepDone) -> None:
        """Gather."""
        self._figures.step_done(setup, event)

    def epoch_done(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> None:
        """Send the curves as they are now, and the pictures."""
        for tag, value in self._figures.of_epoch(setup, event, validation).items():
            self._points.setdefault(tag, []).append((event.epoch, value))
        classes = tuple(tag for tag in self._points if tag.startswith("iou/"))
        for title, tags in (*_WINDOWS, ("IoU by class", classes)):
            traces = [self._trace(tag) for tag in tags if tag in self._points]
            if traces:
                layout = {"title": title, "xaxis": {"title": "epoch"}, "showlegend": True}
                self._send(title, traces, {"title": title}, layout)
        for place, picture in enumerate(() if validation is None else validation.pictures[:_PICTURES]):
            source = base64.b64encode(picture_png(picture, setup.data.colors)).decode("ascii")
            caption = f"{_plain(picture.name)}: image, truth, prediction, overlay"
            content = {"src": f"data:image/png;base64,{source}", "caption": caption}
            opts = {
                "title": f"picture {place + 1}",
                "width": 4 * picture.image.shape[1],
                "height": picture.image.shape[0],
            }
            self._send(f"picture {place + 1}", [{"type": "image", "content": content}], opts)
        self._tell()

    def finished(self, setup: RunSetup, event: RunFinished) -> None:
        """Say at the end what failed since the last epoch."""
        self._sender.close()
        self._tell()

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._sender.close()

    def _trace(self, tag: str) -> dict[str, Any]:
        points = self._points[tag]
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": _plain(tag.removeprefix("iou/")),
            "x": [epoch for epoch, _ in points],
            "y": [value for _, value in points],
        }

    def _send(
        self, window: str, data: list[dict[str, Any]], opts: dict[str, Any], layout: dict[str, Any] | None = None
    ) -> None:
        message: dict[str, Any] = {"eid": self._env, "win": window, "data": data, "opts": opts}
        if layout is not None:
            message["layout"] = layout
        self._sender.put(message)

    def _tell(self) -> None:
        if self._sender.problem and not self._is_told:
            self._is_told = True
            self._say(
                f"Visdom at {self._plan.visdom} is not reached ({self._sender.problem}); training goes on without it."
            )


class _Sender:
    """Posts messages one after the other from its own thread; gives up for good at the first that fails."""

    def __init__(self, url: str) -> None:
        self.problem = ""
        self._url = url.rstrip("/") + "/events"
        handlers = [urllib.request.ProxyHandler({})] if _is_here(url) else []
        self._opener = urllib.request.build_opener(*handlers)
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="visdom", daemon=True)
        self._thread.start()

    def put(self, message: dict[str, Any]) -> None:
        """Have *message* sent; dropped where too many wait already, since a later one replaces it."""
        if not self.problem and self._thread.is_alive():
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                return

    def close(self) -> None:
        """End the thread once all is sent, or a few seconds are over."""
        if self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=TIMEOUT_S)
            except queue.Full:
                return
            self._thread.join(2 * TIMEOUT_S)

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            if self.problem:
                continue
            try:
                body = json.dumps(message, allow_nan=False).encode()
                request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
                with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                    answer.read(1 << 16)
            except urllib.error.HTTPError as error:
                error.close()
                self.problem = f"it answers {error.code}"
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", error)
                self.problem = str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _plain(text: object) -> str:
    """Visdom shows text as HTML: letters that would be more than letters are taken out."""
    return re.sub(r"[<>&\"']", " ", str(text))


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
