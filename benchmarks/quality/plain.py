"""The plain method beside which Tocsin is shown: seasonal running median, robust scale, own tail, one learnt threshold.

Causal: every figure at a tick comes from that tick and earlier ones. Nothing here is Tocsin's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import WEEK_MS, Dataset, Detection, Page, Panel
from benchmarks.quality.paging import calm_ticks, runs_over
from benchmarks.quality.plain_features import Features, columns_as_they_are, contrasts
from benchmarks.quality.plain_residual import over_own_tail, scaled_residual

_UNLEARNT = 8.0  # threshold in scales until a first week is behind us
_LEAST = 3.0  # what is below is no peak, whatever the budget
_TRAIL_MS = 4 * WEEK_MS


def detect(dataset: Dataset, budget: float) -> Detection:
    """Pages at the learnt threshold and a heavy-tailed p of every tick."""
    pages: list[Page] = []
    p: list[NDArray[np.float64]] = []
    for i, panel in enumerate(dataset.panels):
        features = contrasts(panel) if dataset.layout == "grid" else columns_as_they_are(panel)
        z = over_own_tail(panel.step_ms, scaled_residual(panel.step_ms, features.y, features.weight))
        strength = _by_unit(len(panel.units), features, z)
        p.append(tail(strength))
        pages += _pages(i, panel, features, z, strength, budget)
    return Detection(tuple(pages), tuple(p))


def _by_unit(units: int, features: Features, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, U) largest size of z over the features of a unit; NaN where none has an opinion."""
    out = np.full((len(z), units), np.nan)
    for u in range(units):
        out[:, u] = np.fmax.reduce(np.abs(z[:, features.unit == u]), axis=1)
    return out


def tail(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both tails of Student's t with 3 degrees of freedom, closed form; its series where that would cancel."""
    a = np.sqrt(3.0) / np.maximum(strength, 1e-12)
    exact = (2 / np.pi) * (np.arctan(a) - a / (1 + a * a))
    out: NDArray[np.float64] = np.where(a < 0.02, (4 / (3 * np.pi)) * a**3 * (1 - 1.2 * a * a), exact)
    return out


def _pages(
    number: int,
    panel: Panel,
    features: Features,
    z: NDArray[np.float64],
    strength: NDArray[np.float64],
    budget: float,
) -> list[Page]:
    """Pages of a panel: the threshold is learnt anew each week from the peaks so far, to meet the budget."""
    calm = calm_ticks(panel.step_ms)
    threshold = _learnt_threshold(panel.step_ms, strength, budget, calm)
    out = []
    for u, unit in enumerate(panel.units):
        with np.errstate(invalid="ignore"):
            over = strength[:, u] > threshold
        over[: unit.score_from] = False
        over[unit.last + 1 :] = False
        mine = np.flatnonzero(features.unit == u)
        for first, last in zip(*(a.tolist() for a in runs_over(over, calm)), strict=True):
            loudest = int(mine[np.nanargmax(np.abs(z[first, mine]))])
            close = last + calm + 1
            out.append(
                Page(
                    panel=number,
                    unit=u,
                    open=first,
                    close=close if close < len(z) else None,
                    direction="up" if z[first, loudest] > 0 else "down",
                    cuboid=features.cuboids[loudest],
                    p=float(np.nanmin(tail(strength[first : last + 1, u]))),
                )
            )
    return out


def _learnt_threshold(step_ms: int, strength: NDArray[np.float64], budget: float, calm: int) -> NDArray[np.float64]:
    """(T,) threshold: the peak that the budget would just not page, among those of the trailing four weeks."""
    week = max(round(WEEK_MS / step_ms), 1)
    trail = round(_TRAIL_MS / step_ms)
    ends, peaks = [], []
    for u in range(strength.shape[1]):
        with np.errstate(invalid="ignore"):
            first, last = runs_over(strength[:, u] > _LEAST, calm)
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            ends.append(b + calm)
            peaks.append(float(np.nanmax(strength[a : b + 1, u])))
    end, peak = np.array(ends, np.int64), np.array(peaks, float)
    out = np.full(len(strength), _UNLEARNT)
    for now in range(week, len(strength), week):
        past = np.isfinite(strength[max(now - trail, 0) : now]).sum() * step_ms / WEEK_MS
        mine = np.sort(peak[(end < now) & (end >= now - trail)])[::-1]
        allowed = int(budget * past)
        if past < 0.5 or not mine.size:
            continue
        out[now:] = mine[allowed] if allowed < mine.size else _LEAST
    return out
