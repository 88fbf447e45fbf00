"""Freed memory stays with the process, so that the scratch of a tick is not faulted in anew at every tick."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
KEPT = 64 << 20  # bytes free at the top of the heap that are not given back
OWN_MAPPING = 32 << 20  # bytes from which an array is mapped, and given back, on its own; the most that glibc takes


def keep_freed_memory() -> bool:
    """Tells glibc's allocator to keep up to `KEPT` bytes; True where there is one that listens, else nothing happens.

    A step at 10^5 rows frees and asks for tens of megabytes; handed back and forth, their page faults are a good part
    of its time. Costs the bytes that are kept, however many rows there are. Other allocators are left alone.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, OWN_MAPPING)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
