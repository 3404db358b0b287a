"""Entry point of the frozen program."""

import multiprocessing
import sys

if __name__ == "__main__":
    # First of all: in a frozen program a spawned child starts here too and must not open a window.
    multiprocessing.freeze_support()
    from segstudio.cli.main import main

    sys.exit(main())
