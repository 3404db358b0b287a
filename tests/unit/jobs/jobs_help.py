"""Waiting for what a child says."""

from __future__ import annotations

import time

from segstudio.jobs.protocol import END, Message
from segstudio.jobs.supervisor import ChildProcess

LIMIT_S = 30.0


def to_end(child: ChildProcess, limit_s: float = LIMIT_S) -> list[Message]:
    """All messages up to the one that ends the job."""
    messages: list[Message] = []
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        messages += child.poll(0.2)
        if messages and isinstance(messages[-1], END):
            return messages
    raise AssertionError(f"no end within {limit_s} s; so far {messages}")


def until_text(child: ChildProcess, text: str, limit_s: float = LIMIT_S) -> list[Message]:
    """Messages up to the stage *text*."""
    messages: list[Message] = []
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        messages += child.poll(0.2)
        if any(getattr(m, "text", "") == text for m in messages):
            return messages
    raise AssertionError(f"{text!r} did not come within {limit_s} s; so far {messages}")
