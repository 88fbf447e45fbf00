"""The vectorised seasonal expectation: a level and a weekly profile per row, learnt with bounded steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats, Ints
from detector.running import minmod
from detector.timing import DAY_MS, HOUR_MS, Timing
from detector.view import Float32s, View

BUCKET_HOT_SHARE = 0.2  # a bucket that was hot for longer does not move the profile
LARGEST = 3e4  # of a profile's deviation, in its float16


class SeasonalState(NamedTuple):
    """Level and profile are log for counts, on the link scale for gauges."""

    ell: Float32s  # (S,) level; NaN until the first sample
    season: NDArray[np.float16]  # (P, S) deviation of each seasonal slot from the level
    prev_res: NDArray[np.float16]  # (P, S) what last week's bucket left unexplained
    acc_y: Float32s  # (S,) sums of the running bucket, weighted by the learning rate
    acc_m: Float32s  # (S,)
    raw_y: Float32s  # (S,) the same, unweighted unless frozen
    raw_m: Float32s  # (S,)
    hot: Float32s  # (S,) ticks of the bucket that were hot or missing
    seen: Float32s  # (S,) samples seen, for the cold start
    bucket: NDArray[np.int64]  # (1,) number of the running bucket, -1 before the first tick
    ticks: NDArray[np.int64]  # (1,) ticks in the running bucket


class Kin(NamedTuple):
    """Whom the rows move with, and how far they go their own ways. A axes, S rows."""

    parent: Ints  # (S,) the roll-up whose steps a row takes, -1 for none; no circles
    axis: Ints  # (S,) the axis that is opened in it
    variance: Float32s  # (A, S) of a row's log deviation from its siblings on each axis


class _Deviation(NamedTuple):
    """(S,) what a bucket deviates by: shrunk and unweighted for the profile, free for the level; and its bound."""

    shrunk: Float32s
    raw: Float32s
    free: Float32s
    bound: Float32s


@dataclass(frozen=True, slots=True)
class Seasonal:
    """Holt-Winters with bounded updates (Gelper, Fried & Croux 2010) on counts: mu = exp(level + profile).

    Counts with a parent (`Kin`) take its steps and learn only what they do beyond it, a top-down reconciliation of the
    learning (Athanasopoulos, Ahmed & Hyndman 2009): siblings that move together stay together, though every step is
    bounded, and what befell one of them lately stands out from its share.

    `season_gain`: share of a bucket's deviation that moves its slot (raising it learns faster and forgets more);
    `recurring_gain`: share taken of what two successive weeks agree on, hot or not, so that a weekly match is learnt
    and last week's outage is not; `level_half_life_ms`: how fast the level follows; `pseudo_counts` steadies sparse
    rows. In its first `young_ms` a row without history takes all days as alike, and its level is a plain mean of what
    it has seen. Fails you where the season is neither daily nor weekly, and in the week after a change of the daily
    shape.
    """

    timing: Timing
    season_gain: float = 0.15
    recurring_gain: float = 0.6
    level_half_life_ms: float = 3 * DAY_MS
    pseudo_counts: float = 60.0
    cold_ms: float = HOUR_MS
    young_ms: float = 7 * DAY_MS

    def init(self, n: int) -> SeasonalState:
        def zeros() -> Float32s:
            return np.zeros(n, np.float32)

        p = self.timing.slots
        return SeasonalState(
            np.full(n, np.nan, np.float32), np.zeros((p, n), np.float16), np.zeros((p, n), np.float16),
            zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), np.full(1, -1, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip

    def expect(self, state: SeasonalState, view: View) -> Float32s:
        """(S,) expected value of this tick without events; NaN before the first sample."""
        i, j, w = self.timing.phase(view.t_ms)
        x: Float32s = state.ell + state.season[i] * np.float32(1 - w)
        if w:
            x += state.season[j] * np.float32(w)
        if len(view.gauges) == len(x):
            return x
        gauges = x[view.gauges]
        np.exp(x, out=x)
        x[view.gauges] = gauges
        return x

    def learn(self, state: SeasonalState, view: View, rate: Float32s, scale: Float32s, kin: Kin | None = None) -> None:
        """Adds the tick to its bucket; at a bucket's end moves profile and level.

        `scale` (S,) is sig2 of the middle horizon. Without `kin` every row learns alone.
        """
        number = self.timing.bucket(view.t_ms)
        if state.bucket[0] >= 0 and number != state.bucket[0]:
            self._close_bucket(state, view, scale, kin, int(state.bucket[0]))
        state.bucket[0] = number
        state.ticks[0] += 1
        unknown = view.missing | ~np.isfinite(view.mu)  # a new row has no expectation at its first sample
        y = np.where(unknown, np.float32(0), view.y)
        m = np.where(unknown, np.float32(0), view.mu)
        if len(view.gauges):  # gauges sum residuals and ticks
            y[view.gauges] -= m[view.gauges]
            m[view.gauges] = ~unknown[view.gauges]
        thawed = rate > 0  # a frozen row learns nothing, not even what weeks agree on
        np.add(state.raw_y, y, out=state.raw_y, where=thawed)
        np.add(state.raw_m, m, out=state.raw_m, where=thawed)
        np.add(state.acc_y, rate * y, out=state.acc_y)
        np.add(state.acc_m, rate * m, out=state.acc_m)
        np.add(state.hot, (rate < 1) | unknown, out=state.hot)
        self._cold_start(state, view)

    def _cold_start(self, state: SeasonalState, view: View) -> None:
        """The level of a new row is the running mean (Welford 1962) of its first hour, the profile taken off.

        Half a count is added to the first sample: a row that begins with a zero has a logarithm.
        """
        first = self.timing.ticks(self.cold_ms)
        rows = np.flatnonzero((state.seen < first) & ~view.missing)
        if not len(rows):
            return
        state.seen[rows] += 1
        n = state.seen[rows]
        i, j, w = self.timing.phase(view.t_ms)
        shape = state.season[i, rows] * np.float32(1 - w) + state.season[j, rows] * np.float32(w)
        is_gauge = np.zeros(len(state.ell), bool)
        is_gauge[view.gauges] = True
        gauge = is_gauge[rows]
        y = view.y[rows]
        start = np.where(gauge, y, np.log(np.maximum(y, 0) + np.float32(0.5))) - shape
        old = state.ell[rows]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            mean = np.where(
                gauge,
                old + (y - shape - old) / n,
                np.log(np.exp(old) + (np.maximum(y, 0) / np.exp(shape) - np.exp(old)) / n),
            )
        mean = np.maximum(mean, np.where(gauge, -np.inf, math.log(0.005))).astype(np.float32)
        state.ell[rows] = np.where(np.isnan(old), start, mean)

    def _close_bucket(self, state: SeasonalState, view: View, sig2: Float32s, kin: Kin | None, number: int) -> None:
        """Bounded steps of the profile's slot and of the level from the bucket that has just ended."""
        slot = number % self.timing.slots
        gauge = np.zeros(len(state.ell), bool)
        gauge[view.gauges] = True
        ticks = np.float32(max(int(state.ticks[0]), 1))
        known = ~np.isnan(state.ell)
        young = (
            known & (state.seen >= self.timing.ticks(self.cold_ms)) & (state.seen < self.timing.ticks(self.young_ms))
        )
        shrunk, raw, free, c = found = self._deviation(state, sig2, gauge, ticks)
        parent = None if kin is None else _settled(kin.parent, known & ~young & ~gauge)
        if kin is not None and parent is not None:
            self._take_off_parents(state, found, parent, kin)
        step = np.clip(shrunk, -c / 2, c / 2)
        step[state.hot > BUCKET_HOT_SHARE * ticks] = 0
        raw = np.clip(raw, -np.where(gauge, 30 * c, 1.5), np.where(gauge, 30 * c, 1.5))
        both = minmod(raw, state.prev_res[slot].astype(np.float32))
        both[np.abs(both) < c / 2] = 0
        if young.any():
            rows = np.flatnonzero(young)
            self._close_young(state, rows, slot, raw[rows], np.clip(free, -c, c)[rows], step[rows])
            known &= ~young
        move = np.where(known, self.season_gain * step + self.recurring_gain * both, 0)
        gain = math.log(2) * self.timing.bucket_ms / self.level_half_life_ms
        lift = np.where(known, gain * np.clip(free, -c, c), 0)
        if parent is not None:
            move, lift = _with_those_above(move, parent), _with_those_above(lift, parent)
        if self.timing.slots > 1:
            state.season[slot] = np.clip(state.season[slot] + move, -LARGEST, LARGEST)
            state.prev_res[slot] = np.clip(np.where(known, raw - self.recurring_gain * both, 0), -LARGEST, LARGEST)
        state.ell[known] += lift[known]
        for sums in (state.acc_y, state.acc_m, state.raw_y, state.raw_m, state.hot, state.ticks):
            sums[...] = 0

    def _deviation(self, state: SeasonalState, sig2: Float32s, gauge: Bools, ticks: np.float32) -> _Deviation:
        """Of every row from its own expectation."""
        k = np.float32(self.pseudo_counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            c = 3 * np.sqrt(sig2 + np.where(gauge, np.float32(0), 1 / (state.acc_m + 1)))
            shrunk = np.where(
                gauge, state.acc_y / (state.acc_m + ticks * 0.25), np.log((state.acc_y + k) / (state.acc_m + k))
            )
            raw = np.where(
                gauge, state.raw_y / (state.raw_m + ticks * 0.25), np.log((state.raw_y + k) / (state.raw_m + k))
            )
            free = np.where(
                gauge, state.acc_y / np.maximum(state.acc_m, 1), np.log((state.acc_y + 2) / (state.acc_m + 2))
            )
        return _Deviation(shrunk, raw, free, c)

    def _take_off_parents(self, state: SeasonalState, found: _Deviation, parent: Ints, kin: Kin) -> None:
        """Deviations of rows with a parent become those from what they would be if they had moved as it did; in place.

        The bound is three standard deviations of the row from its siblings, counting noise of both included.
        """
        rows = np.flatnonzero(parent >= 0)
        up = parent[rows]
        k = np.float32(self.pseudo_counts)
        weighted = (state.acc_y[up] + 1) / (state.acc_m[up] + 1) * state.acc_m[rows]
        plain = (state.raw_y[up] + 1) / (state.raw_m[up] + 1) * state.raw_m[rows]
        found.shrunk[rows] = np.log((state.acc_y[rows] + k) / (weighted + k))
        found.raw[rows] = np.log((state.raw_y[rows] + k) / (plain + k))
        found.free[rows] = np.log((state.acc_y[rows] + 2) / (weighted + 2))
        counting = 1 / (state.acc_m[rows] + 1) + 1 / (state.acc_m[up] + 1)
        found.bound[rows] = 3 * np.sqrt(kin.variance[kin.axis[rows], rows] + counting)

    def _close_young(
        self, state: SeasonalState, rows: NDArray[np.intp], slot: int, raw: Float32s, free: Float32s, step: Float32s
    ) -> None:
        """A bucket of rows (N,) in their first week: a time of day that never was is learnt whole, for all days.

        Later ones move it as if two days had been seen before, and the level as its plain mean. `raw`, `free`, `step`
        (N,): the bucket's deviation unweighted, bounded, and shrunk.
        """
        ticks = np.float32(state.ticks[0])
        seen = state.seen[rows]
        per_day = max(self.timing.slots // 7, 1)
        is_new: Bools = np.zeros(len(rows), bool)
        if per_day > 1:
            alike = slot % per_day + per_day * np.arange(7)
            where = np.ix_(alike, rows)
            profile = state.season[where]
            is_new = np.logical_not(profile.any(axis=0))
            days = seen * self.timing.interval_ms / DAY_MS
            gain = np.maximum(np.float32(self.season_gain), 1 / (days + 2))
            state.season[where] = np.clip(profile + np.where(is_new, raw, gain * step), -LARGEST, LARGEST)
        gain = np.maximum(math.log(2) * self.timing.bucket_ms / self.level_half_life_ms, ticks / (seen + ticks))
        state.ell[rows] += np.where(is_new, 0, gain * free).astype(np.float32)
        state.seen[rows] += ticks

    def shift(self, state: SeasonalState, rows: NDArray[Any], by: Float32s) -> None:
        """Re-bases the level of rows that stayed hot for a day: a permanent shift becomes normal."""
        state.ell[rows] += by


def _settled(parent: Ints, may: Bools) -> Ints | None:
    """(S,) parents of rows that `may` (S,) have one and whose parent may; -1 for the others. None where nobody has."""
    out: Ints = np.where(may & (parent >= 0) & may[parent], parent, -1)
    return out if (out >= 0).any() else None


def _with_those_above(step: Floats, parent: Ints) -> Floats:
    """(S,) each row's step and those of its parent, the parent's parent, and so on."""
    out, at = step.copy(), parent.copy()
    while (below := np.flatnonzero(at >= 0)).size:
        out[below] += step[at[below]]
        at[below] = parent[at[below]]
    return out
