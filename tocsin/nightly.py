"""A nightly second opinion on the weekly profile of a row: decomposed by statsmodels, judged on what it had not seen.

Off the tick path and pure: history in, profile out. Only `benchmarks.nightly` calls it: on no kind of data did it earn
a place in the daemon, see docs/explanation/tried-and-left-out.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.timing import DAY_MS, Timing

HOLD_OUT_MS = 3 * DAY_MS
LEAST_MS = 17 * DAY_MS  # two whole weeks beside what is held out
STL = {"robust": True, "inner_iter": 1, "outer_iter": 5}  # a fifth of the time of the default 2 and 15
LEVEL_MS = 3 * DAY_MS  # half-life with which both profiles' levels follow, as the running one's does

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NightlyFit:
    """`gain`: mean log score a bucket of the fit less that of the running profile, in the days held out."""

    season: Floats  # (P,) on the running profile's level
    gain: float


def nightly_fit(t_ms: NDArray[np.int64], x: Floats, timing: Timing, running: Floats) -> NightlyFit | None:
    """MSTL (Bandara, Hyndman & Bergmeir 2021), robust, daily and weekly; None where the history is too short.

    `t_ms` (T,) consecutive buckets, `x` (T,) values on the link or log scale, NaN = none, `running` (P,) the profile in
    use. The fit that is judged has not seen the last three days; the one that is returned has.
    """
    held = HOLD_OUT_MS // timing.bucket_ms
    per_day = DAY_MS // timing.bucket_ms
    if len(x) * timing.bucket_ms < LEAST_MS or per_day < 2 or np.isnan(x).mean() > 0.2:
        return None
    slot = (t_ms // timing.bucket_ms) % timing.slots
    filled = _fill(x, running[slot])
    judged = _profile(filled[:-held], slot[:-held], per_day, timing.slots)
    scores = [one_step_scores(x - season[slot], timing)[-held:] for season in (judged, running)]
    known = ~np.isnan(scores[0])
    if not known.any():
        return None
    gain = float((scores[0] - scores[1])[known].mean())
    season = _profile(filled, slot, per_day, timing.slots)
    recent = slot[-held:]  # over which both agree on average, for the level to go on as it is
    return NightlyFit(season + (running[recent] - season[recent]).mean(), gain)


def one_step_scores(rest: Floats, timing: Timing) -> Floats:
    """(T,) log density of each value given those before it: Gaussian around an exponentially smoothed level.

    `rest` (T,) values less a profile, NaN = none. The variance is smoothed alike, outliers bounded at nine of it.
    """
    out = np.full(len(rest), np.nan)
    alpha = 1 - timing.keep(LEVEL_MS, timing.bucket_ms // timing.interval_ms)
    level, variance, seen = 0.0, 0.0, 0
    for i, value in enumerate(rest.tolist()):
        if value != value:
            continue
        if seen == 0:
            level, variance = value, 0.01
        error = value - level
        out[i] = -0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)
        seen += 1
        gain = max(alpha, 1 / (seen + 1))
        bounded = float(np.clip(error, -3 * variance**0.5, 3 * variance**0.5))
        level += gain * bounded
        variance = max(variance + gain * (bounded**2 - variance), 1e-8)
    return out


def _profile(x: Floats, slot: NDArray[np.int64], per_day: int, slots: int) -> Floats:
    """(P,) the seasonal parts of the last two weeks, averaged by slot of the week."""
    from statsmodels.tsa.seasonal import MSTL

    found = MSTL(x, periods=(per_day, slots), stl_kwargs=dict(STL)).fit()
    seasonal = np.asarray(found.seasonal).sum(axis=1)[-2 * slots :]
    recent = slot[-2 * slots :]
    profile = np.bincount(recent, seasonal, slots) / np.maximum(np.bincount(recent, minlength=slots), 1)
    out: Floats = profile - profile.mean()
    return out


def _fill(x: Floats, usual: Floats) -> Floats:
    """Gaps at the running profile over the median level."""
    level = float(np.nanmedian(x - usual))
    out: Floats = np.where(np.isnan(x), usual + level, x)
    return out
