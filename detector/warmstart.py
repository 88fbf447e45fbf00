"""The vectorised warm start: level and weekly profile of every row from a panel of history."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.forecasters.seasonal import SeasonalState
from detector.frame import Bools, Floats
from detector.running import minmod
from detector.state import chunks
from detector.timing import DAY_MS, Timing

PRIOR_COUNTS = 20.0  # pseudo-counts with which a sparse row leans on its parent's shape
LEVEL_MS = 3 * DAY_MS
CHUNK_ROWS = 512  # worked on at a time


@dataclass(frozen=True, slots=True)
class BucketSums:
    """What a history comes to in seasonal buckets: W weeks from the first one on, P slots, S rows."""

    first_week: int  # number since the epoch, in cycles of P slots
    total: NDArray[np.float64]  # (W, P, S) sum of the values on the link scale
    count: NDArray[np.float32]  # (W, P, S) values in it
    last_ms: int  # start of the history's last tick


def no_sums(timing: Timing, first_ms: int, last_ms: int, rows: int) -> BucketSums:
    """Room for the ticks from `first_ms` to `last_ms`, both included."""
    first, last = _week(timing, first_ms), _week(timing, last_ms)
    shape = (last - first + 1, timing.slots, rows)
    return BucketSums(first, np.zeros(shape), np.zeros(shape, np.float32), last_ms)


def add_ticks(sums: BucketSums, timing: Timing, t_ms: NDArray[np.int64], y: Floats, rows: NDArray[np.int64]) -> None:
    """Adds values y (T, L) of `rows` (L,) at t_ms (T,), ascending; NaN = none. A piece of history at a time will do."""
    if not len(t_ms):
        return
    middle = t_ms + timing.interval_ms // 2
    week_ms = timing.slots * timing.bucket_ms
    code = (middle // week_ms - sums.first_week) * timing.slots + (middle % week_ms) // timing.bucket_ms
    starts = np.flatnonzero(np.r_[True, np.diff(code) != 0])
    seen = np.isfinite(y)
    total, count = (
        np.add.reduceat(np.where(seen, y, 0), starts, axis=0),
        np.add.reduceat(seen, starts, axis=0, dtype=np.float32),
    )
    week, slot = np.divmod(code[starts], timing.slots)
    for i in range(len(starts)):
        sums.total[week[i], slot[i], rows] += total[i]
        sums.count[week[i], slot[i], rows] += count[i]


def start_from(state: SeasonalState, timing: Timing, sums: BucketSums, gauge: Bools, parent: NDArray[np.int64]) -> None:
    """Sets `ell` and `season` from history, in place.

    `gauge` (S,) rows on a link scale; `parent` (S,) row whose shape a sparse row leans on, -1 for none.

    A median polish (Tukey 1977, ch. 11) on the log, or link, scale, and for sparse rows the posterior mean of a Poisson
    rate (Gelman et al. 2013, section 2.6).
    Bucket means over the level of their week; base = median over weekdays and over weekend days per time of day; the
    deviation of a weekday = median over weeks (three or more), minmod (two), 0 (one). History shorter than two days
    gives a level only.
    """
    weeks, slots, rows = sums.total.shape
    per_day = DAY_MS // timing.bucket_ms
    if per_day * timing.bucket_ms != DAY_MS:  # no times of day: the slots of a week are compared over weeks
        per_day = slots
    shape: Floats = np.zeros((slots, rows), np.float32)
    if slots >= 7:
        for low, high in chunks(rows, CHUNK_ROWS):
            part = slice(low, high)
            shape[:, part] = _weekly_shape(_log_deviation(sums, gauge[part], part), per_day)
    if not gauge.all():
        _lean_on_parents(shape, sums, gauge, parent, per_day)
    # profile has mean 0 in the log, the level carries the rest
    state.season[...] = shape.astype(np.float16)
    number = (sums.first_week + np.arange(weeks))[:, None] * slots + np.arange(slots)
    age_ms = sums.last_ms - (number * timing.bucket_ms + timing.bucket_ms // 2)
    weight = 0.5 ** (np.maximum(age_ms, 0) / LEVEL_MS)
    for low, high in chunks(rows, CHUNK_ROWS):
        part = slice(low, high)
        total, count, g = sums.total[:, :, part], sums.count[:, :, part], gauge[part]
        w = weight[:, :, None]
        plain = (w * count).sum(axis=(0, 1))
        top = (w * np.where(g, total - count * shape[:, part], total)).sum(axis=(0, 1))
        bottom = np.where(g, plain, (w * count * np.exp(shape[:, part])).sum(axis=(0, 1)))
        with np.errstate(divide="ignore", invalid="ignore"):
            ell = np.where(g, top / bottom, np.log(np.maximum(top, 0.005) / bottom))
        state.ell[part] = np.where(plain > 0, ell, np.nan).astype(np.float32)
    state.seen[...] = np.where(np.isnan(state.ell), 0, 1e9)
    state.bucket[0] = -1


def _week(timing: Timing, t_ms: int) -> int:
    return (t_ms + timing.interval_ms // 2) // (timing.slots * timing.bucket_ms)


def _log_deviation(sums: BucketSums, gauge: Bools, part: slice) -> Floats:
    """(W, P, R) of each bucket's mean from its week's level, on the link or log scale; NaN where nothing is known."""
    total, count = sums.total[:, :, part], sums.count[:, :, part]
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a week without values has no level
        mean = total / count
        level = np.where(gauge, np.nanmean(mean, axis=1), total.sum(axis=1) / count.sum(axis=1))  # (W, R)
        relative = mean / level[:, None, :]
        out: Floats = np.where(gauge, mean - level[:, None, :], np.log(np.maximum(relative, 0.02)))
    out[count == 0] = np.nan
    return out


def _weekly_shape(log_dev: Floats, per_day: int) -> Floats:
    """(P, S) base per time of day for working days and weekends, plus what weekdays agree on over the weeks."""
    weeks, slots, rows = log_dev.shape
    days = slots // per_day
    by_day = log_dev.reshape(weeks, days, per_day, rows)
    # the epoch was a Thursday: days 2 and 3 of a week that starts on it are Saturday and Sunday
    weekend = np.isin(np.arange(days), (2, 3)) if days == 7 else np.zeros(days, bool)
    out = np.zeros((days, per_day, rows))
    whole = _median(by_day.reshape(weeks * days, per_day, rows))
    for mask in (weekend, ~weekend):
        if not mask.any():
            continue
        group = by_day[:, mask].reshape(-1, per_day, rows)
        enough = np.isfinite(group).sum(axis=0) >= 2
        out[mask] = np.where(enough, _median(group), whole)
    out = np.nan_to_num(out)
    rest = by_day - out[None]
    seen = np.isfinite(rest).sum(axis=0)
    deviation = np.zeros_like(out)
    if weeks >= 2:
        middle = np.nan_to_num(_median(rest))
        ordered = np.sort(rest, axis=0)
        two = minmod(np.nan_to_num(ordered[0]), np.nan_to_num(ordered[1]))
        deviation = np.where(seen >= 3, middle, np.where(seen == 2, two, 0))
    shape = (out + deviation).reshape(slots, rows)
    centred: Floats = shape - shape.mean(axis=0)
    return centred


def _median(x: Floats) -> Floats:
    """Median over the first axis, NaN left out; NaN where nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "all NaN" is an answer here
        out: Floats = np.nanmedian(x, axis=0)
    return out


def _lean_on_parents(shape: Floats, sums: BucketSums, gauge: Bools, parent: NDArray[np.int64], per_day: int) -> None:
    """Sparse counts: posterior of the slot's rate under a Gamma prior of 20 counts at the parent's shape.

    What a slot was never seen to do, as where an event is on every week, is told by other days at its time, so it
    leans as much as these do: else a row would be as its parent for those hours alone.
    """
    rows = np.flatnonzero(~gauge & (parent >= 0))
    if not len(rows):
        return
    above = shape.copy()  # as it was before anybody leaned
    for low, high in chunks(len(rows), CHUNK_ROWS):
        mine = rows[low:high]
        n = sums.count[:, :, mine].sum(axis=0)
        of_day = n.reshape(-1, per_day, len(mine)).mean(axis=0)
        known = np.where(n > 0, n, np.tile(of_day, (len(n) // per_day, 1)))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.nan_to_num(sums.total[:, :, mine].sum(axis=(0, 1)) / n.sum(axis=0))
            prior = np.exp(above[:, parent[mine]].astype(float))
            prior /= prior.mean(axis=0)
            rate = np.exp(above[:, mine].astype(float))
            rate *= mean / np.maximum(rate.mean(axis=0), 1e-9)
            expected = np.maximum(prior * mean, 1e-6)
            posterior = (rate * known + PRIOR_COUNTS) / (known + PRIOR_COUNTS / expected)
            out = np.log(np.maximum(posterior, 1e-6))
        out -= out.mean(axis=0)
        # of a row without a single value nothing is known but its parent's shape
        shape[:, mine] = np.where(n.sum(axis=0) > 0, out, above[:, parent[mine]])
