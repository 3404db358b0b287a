"""Facts and efforts are kept by image, go with it, and a fact put twice is the last one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segstudio.io.store.efforts import Effort
from segstudio.io.store.facts import Fact
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((8, 9, 3), np.uint8) + ord(name))
    with ProjectStore.create(tmp_path / "project") as project:
        project.add_images([tmp_path / f"{name}.png" for name in "abc"])
        yield project


def test_facts_are_replaced_and_filtered(store):
    first, second, third = (record.id for record in store.images())
    store.facts.put("next.x", {first: Fact([1, 0.5]), second: Fact(None, b"\x00\x01")})
    store.facts.put("next.x", {first: Fact({"a": 2}, b"z", 7.0), 999: Fact(1)})
    store.facts.put("other", {third: Fact(3)})
    found = store.facts.all("next.x")
    assert found[first] == Fact({"a": 2}, b"z", 7.0) and found[second].data == b"\x00\x01" and found[second].at_s > 1e9
    assert set(found) == {first, second} and store.facts.get(third, "next.x") is None
    assert set(store.facts.all("next.x", [second, third])) == {second}
    store.facts.forget("next.x", [first])
    assert set(store.facts.all("next.x")) == {second} and set(store.facts.all("other")) == {third}


def test_efforts_keep_their_order_and_leave_with_their_image(store):
    first, second, _ = (record.id for record in store.images())
    late, early = Effort(first, 20.0, 3.5, 2, 100, 5, "nuclei"), Effort(second, 10.0, 1.0)
    store.efforts.add([late, early, Effort(999, 1.0, 1.0)])
    assert store.efforts.all() == [early, late] and store.efforts.all(first) == [late]
    store.facts.put("next.x", {first: Fact(1)})
    store.remove_image(first)
    assert store.efforts.all() == [early] and store.facts.all("next.x") == {}
