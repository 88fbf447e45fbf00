"""Small vectorised pieces of running statistics that several components share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def minmod(a: Floats, b: Floats) -> Floats:
    """The smaller of two in size where their signs agree, else 0 (van Leer 1979).

    >>> minmod(np.array([1.0, -2.0, 3.0]), np.array([2.0, -1.0, -1.0])).tolist()
    [1.0, -1.0, 0.0]
    """
    return np.where(a * b > 0, np.where(np.abs(a) < np.abs(b), a, b), 0).astype(a.dtype)


def gain(keep: float, learnt: Floats) -> Floats:
    """Share by which a decayed mean moves: 1/n while young, then `1 - keep`; `learnt` (S,) counts updates so far.

    A running mean (Welford 1962) that becomes exponential smoothing (Brown 1959).
    """
    return np.maximum(np.float32(1 - keep), 1 / (learnt + 1)).astype(np.float32)
