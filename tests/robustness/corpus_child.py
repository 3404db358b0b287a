"""Opens every file of a folder under a memory limit, and prints a JSON line of each. Run by test_corpus.py."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

BASE_BYTES = 3 << 30  # libraries and thread stacks reserve address space that nobody uses


def peak_bytes() -> int:
    # Not ru_maxrss: Linux lets a new program inherit that of the process that started it, here a pytest full of torch.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024


def main(folder: Path) -> None:
    import tifffile  # noqa: F401

    from segstudio.core.errors import UserError
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.registry import open_image, probe, thumbnail

    resource.setrlimit(resource.RLIMIT_AS, (BASE_BYTES + (1 << 30), BASE_BYTES + (1 << 30)))
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        row = {"file": str(path.relative_to(folder)), "sentence": "", "trace": "", "error": ""}
        print(json.dumps({"begins": row["file"]}), flush=True)
        for work in (probe, open_image, thumbnail):
            started = time.monotonic()
            try:
                result = work(path)
                if work is probe:
                    row["probe"] = [result.width, result.height, result.bands, result.dtype]
                elif work is open_image:
                    info = result.info
                    values = result.read(0, 0, Rect(0, 0, info.width, info.height))
                    row["pixels"] = [values.shape[2], values.shape[1], values.shape[0], str(values.dtype)]
                    result.close()
                    del values
            except UserError as error:
                row["sentence"] = str(error)
            except BaseException:  # noqa: BLE001 - whatever comes out is the finding
                row["trace"] = traceback.format_exc()
            row[f"{work.__name__}_s"] = time.monotonic() - started
        row["peak_bytes"] = peak_bytes()
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    # What a library says on its own (libpng does) is not ours to answer for.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main(Path(sys.argv[1]))
