"""The unit of the bars: nanoseconds of one element of `a = b + s*c` in float64, from memory."""

from __future__ import annotations

import time

import numpy as np

ELEMENTS = 1 << 24  # three arrays of 128 MiB: far beyond any cache
BLOCK = 1 << 17  # elements worked on at a time: large enough to hide calls, small enough for the product to stay cached


def triad_ns(elements: int = ELEMENTS, passes: int = 5) -> float:
    """Least CPU time of an element over some passes; 24 bytes of traffic each."""
    b = np.full(elements, 1.0)
    c = np.full(elements, 2.0)
    a = np.zeros(elements)
    scratch = np.empty(BLOCK)
    took = []
    for _ in range(passes):
        begun = time.process_time()
        for low in range(0, elements, BLOCK):
            part = slice(low, low + BLOCK)
            product = scratch[: min(BLOCK, elements - low)]
            np.multiply(c[part], 3.0, out=product)
            np.add(b[part], product, out=a[part])
        took.append(time.process_time() - begun)
    if not a[0] == a[-1] == 7.0:
        raise RuntimeError(f"triad: expected 7.0, got {a[0]} and {a[-1]}")
    return min(took) / elements * 1e9
