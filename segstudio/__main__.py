"""``python -m segstudio``."""

from __future__ import annotations

import sys

from segstudio.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
