"""A series' own unit of surprise: |z| over what the worst hour in ten reaches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools
from detector.timing import HOUR_MS
from detector.view import Float32s

BINS = 64
STEP = math.log(1e4) / BINS  # of log |z| from 1 to 10,000; below 1 counts as 1
SMALLEST_BLOCK = 6  # ticks
PSEUDO_TICKS = 180.0  # a class weighs as much as so many ticks of blocks, at least
PSEUDO_BLOCKS = 5.0
PSEUDO_ROWS = 2  # rows of Gaussian noise in the class median: they carry it where there are few rows
MEAN_SIZE = 0.8  # of a standard Gaussian's mean absolute value: z counts in those


class WorstHoursState(NamedTuple):
    hist: Float32s  # (BINS, S) decayed counts of blocks by log of their largest |z|
    peak: Float32s  # (S,) largest |z| of the block under way; NaN while nothing was seen
    log_unit: Float32s  # (S,) log of the .9 quantile in force


@dataclass(frozen=True, slots=True)
class WorstHours:
    """`s = |z| / q`, q the `1 - share` quantile of the largest |z| of blocks of max(1 h, 6 ticks).

    Few series share their tails, and incidents are many: at equal false pages this unit finds far more labelled
    incidents of minute KPIs than quantiles of points do, and these far more than z as it is. `half_life`, in blocks, is
    how fast it forgets; log q leans on the median of all rows with max(5, 180 ticks) blocks. Block maxima as in Gumbel
    1958; own: their quantile is the unit, for no one law fits their tails.
    """

    interval_ms: int
    share: float = 0.1
    half_life: float = 336.0

    @property
    def block(self) -> int:
        """Ticks of a block."""
        return max(SMALLEST_BLOCK, HOUR_MS // self.interval_ms)

    @property
    def pseudo(self) -> float:
        """Blocks that the class counts for."""
        return max(PSEUDO_BLOCKS, PSEUDO_TICKS / self.block)

    @property
    def gaussian(self) -> float:
        """Log of q for independent Gaussian noise."""
        tail = 1 - (1 - self.share) ** (1 / self.block)
        return math.log(NormalDist().inv_cdf(1 - tail / 2) / MEAN_SIZE)

    def init(self, n: int) -> WorstHoursState:
        return WorstHoursState(
            np.zeros((BINS, n), np.float32), np.full(n, np.nan, np.float32), np.full(n, self.gaussian, np.float32)
        )

    def score(self, state: WorstHoursState, z: Float32s) -> Float32s:
        """(S,) s ≥ 0; 1 is what the worst hour in ten reaches. NaN where z is; changes nothing."""
        unit: Float32s = np.exp(state.log_unit)
        return np.divide(np.abs(z), unit, unit)

    def learn(self, state: WorstHoursState, t_ms: int, z: Float32s, counts: Bools) -> None:
        """Takes in z (S,) of tick `t_ms`; rows outside `counts` (events, by hand) are left out. Ends blocks on time."""
        size: Float32s = np.abs(z)
        if np.count_nonzero(counts) < len(size):
            size[~counts] = np.nan
        np.fmax(state.peak, size, out=state.peak)
        if (t_ms // self.interval_ms + 1) % self.block:
            return
        rows = np.flatnonzero(~np.isnan(state.peak))
        if not len(rows):
            return
        bins = np.log(np.maximum(state.peak[rows], 1)) / STEP
        state.hist[:, rows] *= np.float32(0.5 ** (1 / self.half_life))
        state.hist[np.minimum(bins.astype(np.int64), BINS - 1), rows] += 1
        state.peak[rows] = np.nan
        state.log_unit[...] = self.units(state.hist)

    def warm(self, state: WorstHoursState, t_ms: NDArray[np.int64], z: Float32s) -> None:
        """Learns from the z (T, S) of history."""
        counts = np.ones(z.shape[1], bool)
        for t, row in zip(t_ms.tolist(), z, strict=True):
            self.learn(state, t, row, counts)

    def units(self, hist: Float32s) -> Float32s:
        """(S,) log q of histograms (BINS, S): own quantile, leaning on the median over rows."""
        above = np.cumsum(hist[::-1], axis=0)[::-1]  # blocks in this bin or a higher one
        total = above[0]
        wanted = np.float32(self.share) * total
        last = np.maximum((above >= wanted).sum(axis=0) - 1, 0)  # highest bin whose start is exceeded often enough
        columns = np.arange(hist.shape[1])
        inside = (above[last, columns] - wanted) / np.maximum(hist[last, columns], np.float32(1e-6))
        own = np.where(total > 0, (last + np.clip(inside, 0, 1)) * STEP, 0)
        own[last == 0] = 0
        pool = float(np.median([*own[total >= 3], *[self.gaussian] * PSEUDO_ROWS]))
        out: Float32s = ((own * total + pool * self.pseudo) / (total + self.pseudo)).astype(np.float32)
        return out
