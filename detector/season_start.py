"""The first seasonal profile of series without peers: what most days, or weeks, of the history agree on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def cycle_medians(
    t_ms: NDArray[np.int64], x: Floats, interval_ms: int, cycle_ms: int, slots: int, least: int
) -> NDArray[np.float32]:
    """(slots, S) median over cycles of a slot's mean less the cycle's median; 0 where fewer than `least` have it.

    `t_ms` (T,), `x` (T, S) on the link scale, NaN = no sample. Each median is shrunk by n/(n + 1), n the number of
    cycles: two days that agree are a hint, ten are a pattern. The incidents of a few days do not move a median of many.
    One step of a median polish (Tukey 1977, ch. 11) of cycles × slots. Own: the shrinkage.
    """
    middle = t_ms + interval_ms // 2
    cycle = middle // cycle_ms
    cycle = (cycle - cycle.min()) if len(cycle) else cycle
    slot = np.minimum((middle % cycle_ms) * slots // cycle_ms, slots - 1)
    cells = int(cycle.max() + 1) * slots if len(cycle) else 0
    there = ~np.isnan(x)
    total, count = np.zeros((cells, x.shape[1])), np.zeros((cells, x.shape[1]))
    np.add.at(total, cycle * slots + slot, np.where(there, x, 0))
    np.add.at(count, cycle * slots + slot, there)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a cycle, or a slot, without samples is NaN and then 0
        mean = (total / count).reshape(-1, slots, x.shape[1])
        deviation = mean - np.nanmedian(mean, axis=1, keepdims=True)
        profile = np.nanmedian(deviation, axis=0)
    n = (~np.isnan(deviation)).sum(axis=0)
    return np.where(n >= least, np.nan_to_num(profile) * n / (n + 1), 0).astype(np.float32)
