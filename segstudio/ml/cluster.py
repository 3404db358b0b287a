"""A Ray cluster to work on: the one that RAY_ADDRESS names, or one on this machine that ends with the work. The extra [cluster]."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE_BYTES = 256 << 20
"""Memory for what processes on this machine hand on to one another."""
STARTS = 3
"""How often work is begun again after the process that did it died."""


def the_ray() -> Any:
    """The package, imported only when it is asked for: that takes seconds.

    Raises
    ------
    UserError
        When it is not installed.
    """
    # Before the import, which reads them: no statistics sent home, no services but on the loopback, no warnings about GPUs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if not os.environ.get("RAY_ADDRESS"):
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "the engine ray needs the extra [cluster]", remedy="install it: pip install 'segstudio[cluster]'"
        ) from error
    for part in ("ray", "ray.data", "ray.train"):
        logging.getLogger(part).setLevel(logging.CRITICAL)  # what matters comes as an error, in words of ours
    return ray


@contextlib.contextmanager
def cluster(processes: int, gpus: int = 0) -> Iterator[Any]:
    """Ray, connected to a cluster for as long as the block runs; on this machine one for *processes* and *gpus*.

    Raises
    ------
    UserError
        When Ray is not installed or its cluster cannot be reached.
    """
    ray = the_ray()
    is_remote = bool(os.environ.get("RAY_ADDRESS"))
    # Sockets have short names only: not below a long TMPDIR.
    folder = (
        None if is_remote else tempfile.mkdtemp(prefix="segstudio-ray-", dir="/tmp" if os.name == "posix" else None)
    )
    local: dict[str, Any] = {
        "num_cpus": processes,
        "num_gpus": gpus,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
        "_temp_dir": folder,
    }
    stack = contextlib.ExitStack()
    try:
        try:
            with _quiet():
                # Dead workers are spoken of on stdout, which is for the answer.
                stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **({} if is_remote else local))
        except (RuntimeError, ConnectionError, OSError, ValueError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0][:200]
            where = os.environ.get("RAY_ADDRESS") or "this machine"
            raise UserError(
                f"the Ray cluster on {where} does not answer ({first})",
                remedy="check RAY_ADDRESS, or take it out of the environment to work on this machine",
            ) from error
        yield ray
    finally:
        ray.shutdown()
        stack.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that Ray's core writes of itself; what fails is raised all the same."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
