"""The plain method beside which Tocsin is shown: seasonal running median, robust scale, one learnt threshold.

Causal: every figure at a tick comes from that tick and earlier ones. Nothing here is Tocsin's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import DAY_MS, WEEK_MS, Dataset, Detection, Page, Panel
from benchmarks.quality.paging import calm_ticks, runs_over

_CHUNK = 8192  # ticks at a time
_NEIGHBOURS = 1  # ticks on either side of the same slot
_DAYS = range(1, 8)
_WEEKS = range(1, 5)
_FINE_MS = 1_200_000  # below this the same time of day, above it the same time of the week
_UNLEARNT = 8.0  # threshold in scales until a first week is behind us
_TRAIL_MS = 4 * WEEK_MS


def detect(dataset: Dataset, budget: float) -> Detection:
    """Pages at the learnt threshold and a heavy-tailed p of every tick."""
    pages: list[Page] = []
    p: list[NDArray[np.float64]] = []
    for i, panel in enumerate(dataset.panels):
        z = _z(panel, _contrast(panel) if dataset.layout == "grid" else panel.y)
        strength = _by_unit(panel, z)
        p.append(np.asarray(_tail(strength)))
        pages += _pages(i, panel, z, strength, budget)
    return Detection(tuple(pages), tuple(p))


def _z(panel: Panel, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, S) residual from the seasonal median over a running mean of its own size.

    The size is kept from falling to nothing in series that hardly ever move: a quarter of the unclipped mean of 7
    days is under it.
    """
    residual = y - _seasonal_median(panel.step_ms, y)
    size = np.abs(residual)
    fast, slow = (1 - 0.5 ** (panel.step_ms / (days * DAY_MS)) for days in (2, 7))
    width = y.shape[1]
    scale, long_size, level = np.zeros(width), np.zeros(width), np.zeros(width)
    seen = np.zeros(width)  # opinions so far: the first day's mean is a plain one
    out = np.full(residual.shape, np.nan)
    for t in range(len(residual)):
        here = np.isfinite(size[t])
        under = 1.25 * scale + 0.25 * long_size + 1e-3 * level + 1e-9
        out[t] = np.where(seen * panel.step_ms >= DAY_MS / 4, residual[t] / under, np.nan)
        seen += here
        now = np.where(here, size[t], 0.0)
        first = 1 / np.maximum(seen, 1)
        long_size += np.where(here, np.maximum(slow, first) * (now - long_size), 0.0)
        clipped = np.minimum(now, 3 * scale + 0.25 * long_size)
        scale += np.where(here, np.maximum(fast, first) * (clipped - scale), 0.0)
        level += np.where(here, np.maximum(slow, first) * (np.abs(np.where(here, y[t], 0.0)) - level), 0.0)
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


def _contrast(panel: Panel) -> NDArray[np.float64]:
    """(T, S) of a grid: log ratio of each watched cell to the other stack in its region; NaN for witnesses."""
    out = np.full(panel.y.shape, np.nan)
    for i, column in enumerate(panel.columns):
        region = column.labels["region"]
        other = [j for j, c in enumerate(panel.columns) if not c.watched and c.labels["region"] == region]
        if column.watched and other:
            out[:, i] = np.log((panel.y[:, i] + 1) / (np.nansum(panel.y[:, other], axis=1) + 1))
    return out


def _by_unit(panel: Panel, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, U) largest size of z over the watched columns of a unit; NaN where none has an opinion."""
    out = np.full((len(z), len(panel.units)), np.nan)
    for u in range(len(panel.units)):
        mine = [i for i in panel.unit_columns(u) if panel.columns[i].watched]
        out[:, u] = np.fmax.reduce(np.abs(z[:, mine]), axis=1)
    return out


def _tail(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both tails of Student's t with 3 degrees of freedom, closed form; its series where that would cancel."""
    a = np.sqrt(3.0) / np.maximum(strength, 1e-12)
    exact = (2 / np.pi) * (np.arctan(a) - a / (1 + a * a))
    out: NDArray[np.float64] = np.where(a < 0.02, (4 / (3 * np.pi)) * a**3 * (1 - 1.2 * a * a), exact)
    return out


def _pages(
    number: int, panel: Panel, z: NDArray[np.float64], strength: NDArray[np.float64], budget: float
) -> list[Page]:
    """Pages of a panel: the threshold is learnt anew each week from the peaks so far, to meet the budget."""
    calm = calm_ticks(panel.step_ms)
    threshold = _learnt_threshold(panel, strength, budget, calm)
    out = []
    for u, unit in enumerate(panel.units):
        with np.errstate(invalid="ignore"):
            over = strength[:, u] > threshold
        over[: unit.score_from] = False
        over[unit.last + 1 :] = False
        mine = [i for i in panel.unit_columns(u) if panel.columns[i].watched]
        for first, last in zip(*(a.tolist() for a in runs_over(over, calm)), strict=True):
            column = mine[int(np.nanargmax(np.abs(z[first, mine])))]
            labels = {k: v for k, v in panel.columns[column].labels.items() if k != "stack"}
            close = last + calm + 1
            out.append(
                Page(
                    panel=number,
                    unit=u,
                    open=first,
                    close=close if close < len(z) else None,
                    direction="up" if z[first, column] > 0 else "down",
                    cuboid="&".join(f"{k}={v}" for k, v in labels.items()) or "all",
                    p=float(_tail(strength[first : last + 1, u][np.isfinite(strength[first : last + 1, u])]).min()),
                )
            )
    return out


def _learnt_threshold(panel: Panel, strength: NDArray[np.float64], budget: float, calm: int) -> NDArray[np.float64]:
    """(T,) threshold: the peak that the budget would just not page, among those of the trailing four weeks."""
    week = max(round(WEEK_MS / panel.step_ms), 1)
    trail = round(_TRAIL_MS / panel.step_ms)
    ends, peaks = [], []
    for u in range(strength.shape[1]):
        with np.errstate(invalid="ignore"):
            first, last = runs_over(strength[:, u] > 3.0, calm)
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            ends.append(b + calm)
            peaks.append(float(np.nanmax(strength[a : b + 1, u])))
    end, peak = np.array(ends, np.int64), np.array(peaks, float)
    out = np.full(len(strength), _UNLEARNT)
    for now in range(week, len(strength), week):
        past = np.isfinite(strength[max(now - trail, 0) : now]).sum() * panel.step_ms / WEEK_MS
        mine = np.sort(peak[(end < now) & (end >= now - trail)])[::-1]
        allowed = int(budget * past)
        if past < 0.5 or not mine.size:
            continue
        out[now:] = mine[allowed] if allowed < mine.size else 3.0
    return out
