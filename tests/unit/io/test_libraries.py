"""Compiled libraries are loaded without Python's lock, once, and never in the way of an import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from segstudio.io.readers import libraries


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the list of loaded libraries is Linux's")
@pytest.mark.parametrize(("package", "library"), [("rasterio", "libgdal"), ("pyvips", "libvips")])
def test_the_library_is_there_before_the_package(package, library):
    pytest.importorskip(package)
    code = f"""
import sys
from segstudio.io.readers.libraries import load_beside
maps = lambda: open("/proc/self/maps").read()
assert {library!r} not in maps()
load_beside({package!r})
assert {library!r} in maps() and {package!r} not in sys.modules
import {package}
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_package_that_is_missing_or_here_is_passed_over(monkeypatch):
    loaded = []
    monkeypatch.setattr(libraries, "_load", loaded.append)
    monkeypatch.setattr(libraries, "_loaded", set())
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "pyvips", raising=False)
    libraries.load_beside("pyvips")
    monkeypatch.setitem(sys.modules, "rasterio", sys)
    libraries.load_beside("rasterio")
    assert loaded == []


def test_threads_that_ask_for_rasterio_at_once_all_get_it():
    pytest.importorskip("rasterio")
    code = """
import sys, threading
from pathlib import Path
from segstudio.io.readers import geo
sys.setswitchinterval(1e-5)
start = threading.Barrier(8)
def ask(number):
    start.wait()
    if number % 2:
        assert "UTM" in geo._wkt(32630 + number)
    else:
        geo._described(Path("nothing.tif"))
threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
