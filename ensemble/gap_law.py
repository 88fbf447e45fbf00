"""How often a gap of some length is to be expected: short gaps foretell the long ones that are no incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Ints
from detector.timing import DAY_MS, WEEK_MS
from detector.view import Float32s

BINS = 16  # lengths 1, 2-3, 4-7, … ticks; the last holds all longer ones
SHORTEST = 0.5  # due ticks; shorter gaps are none
WEEK_TICKS = 2016  # that a week of knowledge has at least: hourly series need twelve weeks for it
KNOWN_WEEKS = 0.1  # of a row, from which it tells something of the others


class GapLawState(NamedTuple):
    hist: Float32s  # (BINS, S) decayed counts of gaps that ended, by log2 of their length in due ticks
    weeks: Float32s  # (S,) decayed weeks in which they were counted
    pool: NDArray[np.float64]  # (BINS,) the panel's gaps a week, median over rows as of the last `settle`
    lean: NDArray[np.float64]  # () weeks that it counts for: none where a row is alone


@dataclass(frozen=True, slots=True)
class GapLaw:
    """`R(g)`: gaps of at least g due ticks a week that are no incident, foretold bin by bin from the shortest.

    `e_0 = mix(h_0, first)`, `e_j = mix(min(h_j, f_j e_{j-1}), e_{j-1}/4)`, `mix(a, b) = (W a + b)/(W + 1)`;
    h the row's own counts a week of gaps of 2^j to 2^(j+1) ticks, leaning on the median over rows with `pooled` weeks;
    W the weeks behind them; `f_1 = fall`, then `f_j = min(fall, e_1/e_0)`. Losses of samples get rarer with each
    doubling of their length, and go on as they began. What a bin holds beyond that is incidents: they are in every
    history and nobody has labelled them, so "longer than any gap before" would never be reached again after the first
    outage. More than `often` a week are usual whatever their length: samples at every fifth tick are four ticks apart.
    Own: as in peaks over a threshold (Siffer et al. 2017) a promised rate becomes a quantile; the core foretells it.
    """

    interval_ms: int
    first: float = 1.0  # gaps of a tick a week of a row of which nothing is known
    fall: float = 0.5
    often: float = 2.0
    pooled: float = 2.0
    least_weeks: float = 1.0  # W before which no gap is unusual
    half_life_ms: int = 8 * WEEK_MS

    def init(self, n: int) -> GapLawState:
        return GapLawState(np.zeros((BINS, n), np.float32), np.zeros(n, np.float32), np.zeros(BINS), np.zeros(()))

    def learn(self, state: GapLawState, t_ms: int, ended: Float32s, counts: Bools) -> None:
        """Counts gaps that ended at this tick, lengths (S,) in due ticks, 0 for none; a tick of rows in `counts`.

        Forgets and settles once a day.
        """
        if t_ms // self.interval_ms % max(DAY_MS // self.interval_ms, 1) == 0:
            keep = np.float32(0.5 ** (max(DAY_MS, self.interval_ms) / self.half_life_ms))
            state.hist[...] *= keep
            state.weeks[...] *= keep
            self.settle(state)
        state.weeks[...] += counts * np.float32(self.interval_ms / WEEK_MS)
        if not np.count_nonzero(ended):
            return
        rows = np.flatnonzero(counts & (ended >= SHORTEST))
        if len(rows):
            length = np.maximum(np.rint(ended[rows]), 1)
            state.hist[np.minimum(np.log2(length).astype(np.int64), BINS - 1), rows] += 1

    def settle(self, state: GapLawState) -> None:
        """Reads anew what the panel says: the median over rows that tell something."""
        rows = np.flatnonzero(state.weeks > KNOWN_WEEKS)
        is_panel = len(rows) > 1
        state.pool[...] = np.median(state.hist[:, rows] / state.weeks[rows], axis=1) if is_panel else 0
        state.lean[...] = min(self.pooled, state.weeks.sum(dtype=float)) if is_panel else 0

    def known(self, state: GapLawState, rows: Ints) -> NDArray[np.float64]:
        """(n,) W of some rows: weeks, the panel's share included, of `WEEK_TICKS` at least."""
        share = min(1.0, WEEK_MS / self.interval_ms / WEEK_TICKS)
        out: NDArray[np.float64] = (state.weeks[rows].astype(float) + float(state.lean)) * share
        return out

    def foretold(self, state: GapLawState, rows: Ints) -> NDArray[np.float64]:
        """(BINS, n) e of some rows: gaps of each bin a week that are to be expected."""
        lean = float(state.lean)
        h = (state.hist[:, rows] + lean * state.pool[:, None]) / np.maximum(state.weeks[rows] + lean, 1e-9)
        w = self.known(state, rows)
        e = np.empty((BINS, len(w)))
        e[0] = (w * h[0] + self.first) / (w + 1)
        fall = np.full(len(w), self.fall)
        for j in range(1, BINS):
            usual = np.where(h[j] > self.often, h[j], np.minimum(h[j], fall * e[j - 1]))
            e[j] = (w * usual + e[j - 1] / 4) / (w + 1)
            if j == 1:
                fall = np.minimum(fall, e[1] / np.maximum(e[0], 1e-9))
        return e

    def rate(self, e: NDArray[np.float64], gap: Float32s) -> NDArray[np.float64]:
        """(n,) R of gaps (n,), e (BINS, n) as foretold; a bin is even in the log of the length."""
        at = np.log2(np.maximum(gap, 1).astype(float))
        j = np.minimum(at.astype(np.int64), BINS - 1)
        longer = np.concatenate([np.cumsum(e[::-1], axis=0)[::-1], np.zeros((1, e.shape[1]))])
        columns = np.arange(e.shape[1])
        inside = np.clip(1 - (at - j), 0, 1)
        out: NDArray[np.float64] = longer[j + 1, columns] + inside * e[j, columns]
        return out
