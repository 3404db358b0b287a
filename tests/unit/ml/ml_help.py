"""Small networks, readers and a file server that the model tests share."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import torch

from segstudio.ml.cards import ModelCard, WeightsSource


class ArrayReader:
    """A reader over (band, y, x), or (z, band, y, x), values; counts what was read."""

    def __init__(self, values):
        self.values = values
        self.info = SimpleNamespace(width=values.shape[-1], height=values.shape[-2])
        self.largest_px = 0

    def read(self, level, z, window):
        assert window.x >= 0 and window.y >= 0 and window.right <= self.info.width and window.bottom <= self.info.height
        self.largest_px = max(self.largest_px, window.width * window.height)
        planes = self.values if self.values.ndim == 3 else self.values[z]
        return planes[:, window.y : window.bottom, window.x : window.right]

    def close(self):
        pass


class SmallNet(torch.nn.Module):
    """Two 3×3 convolutions: sees two pixels around."""

    def __init__(self, bands=3, classes=3, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Conv2d(bands, 8, 3, padding=1)
        self.second = torch.nn.Conv2d(8, classes, 3, padding=1)

    def forward(self, x):
        return {"out": self.second(torch.relu(self.first(x))) * 5}


def card(classes=("background", "a", "b"), **values):
    return ModelCard(**{"id": "small", "name": "Small", "architecture": "small", "classes": classes, **values})


def random_image(height, width, bands=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (bands, height, width), dtype=np.uint8)


def download_card(url, sha256, name="weights-deadbeef.pth", size=0):
    return ModelCard(
        id="remote",
        name="Remote",
        architecture="unet",
        classes=("background", "x"),
        weights=WeightsSource("download", url=url, sha256=sha256, file_name=name, size_bytes=size),
    )


class FileServer:
    """What the loopback server does; tests turn the knobs."""

    def __init__(self, content):
        self.content = content
        self.has_ranges = True
        self.status = 200
        self.etag = '"one"'
        self.break_after = None
        self.requests = []
        self.url = ""


@contextmanager
def serving(content):
    """A :class:`FileServer` on loopback."""
    state = FileServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.requests.append(dict(self.headers))
            if state.status != 200:
                self.send_error(state.status)
                return
            start = 0
            wanted = self.headers.get("Range")
            matches = self.headers.get("If-Range") in (None, state.etag)
            if wanted and state.has_ranges and matches:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(state.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            else:
                self.send_response(200)
            body = state.content[start:]
            self.send_header("Content-Length", str(len(body)))
            if state.etag:
                self.send_header("ETag", state.etag)
            self.end_headers()
            self.wfile.write(body if state.break_after is None else body[: state.break_after])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/weights-deadbeef.pth"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
