"""The vectorised warm start: level and weekly profile of every row from a panel of history."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from detector.forecasters.seasonal import SeasonalState
from detector.frame import Bools, Floats
from detector.running import minmod
from detector.timing import DAY_MS, Timing

PRIOR_COUNTS = 20.0  # pseudo-counts with which a sparse row leans on its parent's shape
LEVEL_MS = 3 * DAY_MS


def warm_start(
    state: SeasonalState, timing: Timing, t_ms: NDArray[np.int64], y: NDArray[np.floating], gauge: Bools,
    parent: NDArray[np.int64], left_out: Bools | None = None,
) -> None:  # fmt: skip
    """Sets `ell` and `season` from history, in place.

    `t_ms` (T,) tick starts, `y` (T, S) values on the link scale (counts as they are), NaN = none; `gauge` (S,) rows
    on a link scale; `parent` (S,) row whose shape a sparse row leans on, -1 for none; `left_out` (T,) ticks of
    calendar events.

    Bucket means over the level of their week; base = median over weekdays and over weekend days per time of day; the
    deviation of a weekday = median over weeks (three or more), minmod (two), 0 (one). History shorter than two days
    gives a level only.
    """
    keep = np.ones(len(t_ms), bool) if left_out is None else ~left_out
    total, count = _bucket_sums(timing, t_ms[keep], y[keep])
    _, slots, rows = total.shape
    per_day = max(DAY_MS // timing.bucket_ms, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        known = count > 0
        level = np.where(gauge, np.nanmean(mean, axis=1), total.sum(axis=1) / count.sum(axis=1))  # (W, S)
        relative = mean / level[:, None, :]
        log_dev = np.where(gauge, mean - level[:, None, :], np.log(np.maximum(relative, 0.02)))
    log_dev[~known] = np.nan
    shape: Floats = np.zeros((slots, rows))
    if slots >= 7 and np.isfinite(log_dev).any():
        shape = _weekly_shape(log_dev, per_day)
    if not gauge.all():
        _lean_on_parents(shape, total, count, gauge, parent)
    # profile has mean 0 in the log, the level carries the rest
    state.season[...] = shape.astype(np.float16)
    weight = 0.5 ** ((t_ms[-1] - t_ms[keep]) / LEVEL_MS)
    slot = ((t_ms[keep] + timing.interval_ms // 2) // timing.bucket_ms) % slots
    top, bottom, plain = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for low in range(0, rows, 512):
        part = slice(low, min(low + 512, rows))
        v = y[keep][:, part]
        seen = np.isfinite(v)
        w = np.where(seen, weight[:, None], 0.0)
        expected = shape[slot][:, part]
        g = gauge[part]
        filled = np.where(seen, v, 0.0)
        top[part] = np.where(g, (w * (filled - expected)).sum(axis=0), (w * filled).sum(axis=0))
        bottom[part] = np.where(g, w.sum(axis=0), (w * np.exp(expected)).sum(axis=0))
        plain[part] = w.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ell = np.where(gauge, top / bottom, np.log(np.maximum(top, 0.005) / bottom))
    state.ell[...] = np.where(plain > 0, ell, np.nan).astype(np.float32)
    state.seen[...] = 1e9
    state.bucket[0] = -1


def _bucket_sums(timing: Timing, t_ms: NDArray[np.int64], y: Floats) -> tuple[Floats, Floats]:
    """(W, P, S) sums and counts per week and slot."""
    week_ms = timing.slots * timing.bucket_ms
    middle = t_ms + timing.interval_ms // 2
    first = int(middle[0] // week_ms)
    weeks = int(middle[-1] // week_ms) - first + 1
    code = (middle // week_ms - first) * timing.slots + (middle % week_ms) // timing.bucket_ms
    rows = y.shape[1]
    total = np.zeros((weeks * timing.slots, rows))
    count = np.zeros((weeks * timing.slots, rows))
    starts = np.flatnonzero(np.r_[True, np.diff(code) != 0])
    seen = np.isfinite(y)
    total[code[starts]] = np.add.reduceat(np.where(seen, y, 0), starts, axis=0)
    count[code[starts]] = np.add.reduceat(seen.astype(float), starts, axis=0)
    shape = (weeks, timing.slots, rows)
    return total.reshape(shape), count.reshape(shape)


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


def _lean_on_parents(shape: Floats, total: Floats, count: Floats, gauge: Bools, parent: NDArray[np.int64]) -> None:
    """Sparse counts: posterior of the slot's rate under a Gamma prior of 20 counts at the parent's shape."""
    rows = np.flatnonzero(~gauge & (parent >= 0))
    if not len(rows):
        return
    n = count.sum(axis=0)[:, rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nan_to_num(total.sum(axis=(0, 1))[rows] / count.sum(axis=(0, 1))[rows])
        prior = np.exp(shape[:, parent[rows]])
        prior /= prior.mean(axis=0)
        rate = np.exp(shape[:, rows])
        rate *= mean / np.maximum(rate.mean(axis=0), 1e-9)
        expected = np.maximum(prior * mean, 1e-6)
        posterior = (rate * n + PRIOR_COUNTS) / (n + PRIOR_COUNTS / expected)
        out = np.log(np.maximum(posterior, 1e-6))
    shape[:, rows] = out - out.mean(axis=0)
