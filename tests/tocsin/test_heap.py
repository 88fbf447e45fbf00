"""Freed memory stays with the process: a count of page faults, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from tocsin.heap import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "keep" else False


def tick():
    parts = [np.ones(100_000) for _ in range(30)]
    del parts


for _ in range(3):
    tick()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    tick()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> tuple[bool, int]:
    out = subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True).stdout.split()
    return out[0] == "True", int(out[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_scratch_is_not_faulted_in_anew_at_every_tick() -> None:
    """30 arrays of 800 kB, ten times over: thousands of page faults without, next to none with it."""
    kept, with_it = faults("keep")
    _, without = faults("leave")

    assert kept
    assert with_it < 100 < without
