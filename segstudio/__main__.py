"""``python -m segstudio``, and the frozen program's first lines."""

from __future__ import annotations

import multiprocessing
import sys

from segstudio.cli.main import main

if __name__ == "__main__":
    # In the frozen program a spawned child starts here, too: it serves its job and never comes to main().
    multiprocessing.freeze_support()
    sys.exit(main())
