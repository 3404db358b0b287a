"""How much memory this computer and its graphics cards have; asked of the system and of NVIDIA's library, with no torch."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_NVML = ("libnvidia-ml.so.1", "nvml.dll")


@cache
def memory_bytes() -> int:
    """All memory of the computer, or the limit of the container it runs in; 0 where the system doesn't say."""
    total = _windows_bytes() if sys.platform == "win32" else _unix_bytes()
    limits = [value for value in map(_cgroup_bytes, _CGROUP_FILES) if 0 < value < total]
    return min([total, *limits])


@cache
def gpu_memory_bytes() -> int:
    """Memory of the first NVIDIA graphics card; 0 where there is none."""
    library = next((found for found in map(_library, _NVML) if found is not None), None)
    if library is None or library.nvmlInit_v2() != 0:
        return 0
    try:
        handle, info = ctypes.c_void_p(), _NvmlMemory()
        if library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) != 0:
            return 0
        return int(info.total) if library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(info)) == 0 else 0
    finally:
        library.nvmlShutdown()


_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class _NvmlMemory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_ulong), ("load", ctypes.c_ulong), ("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong),
        ("rest", ctypes.c_ulonglong * 5),
    )  # fmt: skip


def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _unix_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0


def _windows_bytes() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    kernel = ctypes.CDLL("kernel32")
    return int(status.total) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else 0


def _cgroup_bytes(file: str) -> int:
    try:
        with open(file, encoding="ascii") as opened:
            return int(opened.read())
    except (OSError, ValueError):
        return 0


def peak_bytes() -> int:
    """The most memory this process has held so far; 0 where the system doesn't say."""
    if sys.platform == "win32":
        return _windows_peak_bytes()
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            line = next((text for text in file if text.startswith("VmHWM:")), "")
        if line:
            return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass  # no Linux
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class _ProcessMemory(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_ulong),
        ("faults", ctypes.c_ulong),
        ("peak", ctypes.c_size_t),
        ("rest", ctypes.c_size_t * 7),
    )


def _windows_peak_bytes() -> int:
    counters = _ProcessMemory(size=ctypes.sizeof(_ProcessMemory))
    kernel = ctypes.CDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    is_known = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.size)
    return int(counters.peak) if is_known else 0
