"""The memory that scorers of runs share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.frame import Ints
from detector.view import Float32s, View


class RunState(NamedTuple):
    run: Float32s  # (S,) nats
    last: Float32s  # (S,) last value; only the stuck scorer reads it


def known_mean(view: View, rows: Ints) -> Float32s:
    """(n,) expectation of some rows, not below 0; 0 where there is none."""
    mu = view.mu[rows]
    out: Float32s = np.where(np.isfinite(mu), np.maximum(mu, 0), np.float32(0))
    return out


def go_on(state: RunState, view: View, rows: Ints, more: Float32s) -> None:
    """Adds `more` (n,) nats to the runs of some rows and ends all others, in place; see Wald 1945 on sums of log odds.

    A run outlives a missing sample; gauges have none.
    """
    longer = state.run[rows] + more
    if view.missing.any():
        np.multiply(state.run, view.missing, out=state.run)
    else:
        state.run[...] = 0
    state.run[rows] = longer
    state.run[view.gauges] = 0
