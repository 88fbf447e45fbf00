"""Residuals of the plain method: seasonal running median, running size, own upper tail. Causal, tick by tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import DAY_MS, WEEK_MS

_CHUNK = 8192  # ticks at a time
_NEIGHBOURS = 1  # ticks on either side of the same slot
_DAYS = range(1, 8)
_WEEKS = range(1, 5)
_FINE_MS = 1_200_000  # below this the same time of day, above it the same time of the week
_TRAIL_MS = 4 * WEEK_MS
_TAIL, _NORMAL_TAIL = 0.995, 2.81


def scaled_residual(
    step_ms: int, y: NDArray[np.float64], weight: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    """(T, S) residual from the seasonal median over a running mean of its own size.

    The size is kept from falling to nothing in series that hardly ever move: a quarter of the unclipped mean of 7
    days is under it. `weight` is the precision of a tick where some are known to be noisier than others.
    """
    residual = (y - _seasonal_median(step_ms, y)) * weight
    size = np.abs(residual)
    fast, slow = (1 - 0.5 ** (step_ms / (days * DAY_MS)) for days in (2, 7))
    width = y.shape[1]
    scale, long_size, level = np.zeros(width), np.zeros(width), np.zeros(width)
    seen = np.zeros(width)  # opinions so far: the first day's mean is a plain one
    out = np.full(residual.shape, np.nan)
    for t in range(len(residual)):
        here = np.isfinite(size[t])
        under = 1.25 * scale + 0.25 * long_size + 1e-3 * level + 1e-9
        out[t] = np.where(seen * step_ms >= DAY_MS / 4, residual[t] / under, np.nan)
        seen += here
        now = np.where(here, size[t], 0.0)
        first = 1 / np.maximum(seen, 1)
        long_size += np.where(here, np.maximum(slow, first) * (now - long_size), 0.0)
        clipped = np.minimum(now, 3 * scale + 0.25 * long_size)
        scale += np.where(here, np.maximum(fast, first) * (clipped - scale), 0.0)
        level += np.where(here, np.maximum(slow, first) * (np.abs(np.where(here, y[t], 0.0)) - level), 0.0)
    return out


def over_own_tail(step_ms: int, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, S) z over its own 99.5 % quantile of the trailing four weeks, learnt anew each day, in normal sds."""
    day = max(round(DAY_MS / step_ms), 1)
    trail = max(round(_TRAIL_MS / step_ms), 1)
    out = np.full(z.shape, np.nan)
    for now in range(day, len(z), day):
        past = np.sort(np.abs(z[max(now - trail, 0) : now]), axis=0)  # NaN last
        count = np.isfinite(past).sum(axis=0)
        at = np.maximum((count * _TAIL).astype(np.int64) - 1, 0)
        quantile = np.maximum(np.take_along_axis(past, at[None], axis=0)[0], 1.0)
        enough = count * step_ms >= min(DAY_MS, 24 * step_ms)
        out[now : now + day] = np.where(enough, _NORMAL_TAIL * z[now : now + day] / quantile, np.nan)
    return out


def _seasonal_median(step_ms: int, y: NDArray[np.float64]) -> NDArray[np.float64]:
    day = max(round(DAY_MS / step_ms), 1)
    near = range(-_NEIGHBOURS, _NEIGHBOURS + 1) if day > 3 else range(1)
    days = [d * day + k for d in _DAYS for k in near]
    weeks = [w * 7 * day + k for w in _WEEKS for k in near]
    daily = _lagged_median(y, days)
    if step_ms < _FINE_MS:
        return daily
    weekly = _lagged_median(y, weeks)
    return np.where(np.isfinite(weekly), weekly, daily)


def _lagged_median(y: NDArray[np.float64], lags: list[int]) -> NDArray[np.float64]:
    import warnings

    out = np.full(y.shape, np.nan)
    for start in range(0, len(y), _CHUNK):
        stop = min(start + _CHUNK, len(y))
        stack = np.full((len(lags), stop - start, y.shape[1]), np.nan)
        for i, lag in enumerate(lags):
            lo = max(start - lag, 0)
            if stop - lag > lo:
                stack[i, lo + lag - start :] = y[lo : stop - lag]
        stack.sort(axis=0)  # NaN last
        count = np.isfinite(stack).sum(axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            low = np.take_along_axis(stack, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
            high = np.take_along_axis(stack, (count // 2)[None].clip(0, len(lags) - 1), axis=0)[0]
        out[start:stop] = np.where(count >= 2, (low + high) / 2, np.nan)
    return out
