"""One page-merging rule for every method: what is over a threshold becomes pages that close after a calm time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CALM_MS = 30 * 60_000
MIN_CALM_TICKS = 3


def calm_ticks(step_ms: int) -> int:
    """Ticks at or below the threshold after which a page closes: half an hour, three ticks at least."""
    return max(MIN_CALM_TICKS, -(-CALM_MS // step_ms))


def runs_over(over: NDArray[np.bool_], calm: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last tick over the threshold of each page, for `over` (T,); gaps of up to `calm` ticks are bridged."""
    at = np.flatnonzero(over)
    if not at.size:
        return at, at
    new = np.r_[True, np.diff(at) > calm]
    return at[new], at[np.r_[new[1:], True]]
