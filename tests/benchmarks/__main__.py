"""``python -m tests.benchmarks [NAME …]``: runs every ``bench_*.py`` beside this file, each in a process of its own.

A benchmark prints its figures and their ratios itself; this only runs them one after another and tells which failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Run the benchmarks; 0 when all ran through (whatever their figures)."""
    names = sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(names)}; without any, all")
    chosen = parser.parse_args().names or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(names)}")
    failed = []
    for name in chosen:
        print(f"== {name}", flush=True)
        began = time.perf_counter()
        env = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
        code = subprocess.run(
            [sys.executable, str(FOLDER / f"bench_{name}.py")], cwd=FOLDER.parents[1], env=env
        ).returncode
        print(
            f"== {name}: {'ran' if code == 0 else f'FAILED with exit code {code}'} in {time.perf_counter() - began:.0f} s\n",
            flush=True,
        )
        if code != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
