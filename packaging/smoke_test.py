"""Smoke test of an installed or frozen segstudio: ``python packaging/smoke_test.py PATH/TO/segstudio``.

Runs the main job headless with the given executable and checks what it printed, so that a bundle that lacks a
hidden import, a resource or a weights file fails here and not on a user's machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def call(program: str, *arguments: str) -> str:
    """Run the program; its stdout."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def main() -> int:
    """Version, models, demo, accept, export, info."""
    program = sys.argv[1] if len(sys.argv) > 1 else "segstudio"
    print(call(program, "--version").strip())
    models = {m["id"]: m for m in json.loads(call(program, "models", "list", "--json"))}
    if not models["nuclei"]["available"]:
        sys.exit("the built-in model `nuclei` is not available")
    with tempfile.TemporaryDirectory() as folder:
        project, out = str(Path(folder) / "demo"), str(Path(folder) / "out")
        made = json.loads(call(program, "demo", "--no-window", "--project", project, "--device", "cpu", "--json"))
        proposed = next(i for i in made["images"] if i["name"] == "ihc.png")["proposed_pixels"].get("nucleus", 0)
        if proposed == 0:
            sys.exit("no nucleus was proposed on ihc.png")
        call(program, "accept", project)
        call(program, "export", project, "--format", "masks", "--out", out)
        if not (Path(out) / "masks" / "ihc.png").is_file():
            sys.exit("the export holds no masks/ihc.png")
    print(f"ok: {proposed:,} pixels of nuclei proposed, accepted and exported")
    return 0


if __name__ == "__main__":
    sys.exit(main())
