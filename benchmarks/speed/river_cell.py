"""river's side: the same three scorers by hand, one set of running statistics a series, as a user would write them."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from river import stats

from benchmarks.speed.cell import Reading
from benchmarks.speed.flat import GROUP, MINUTE_MS, SURGE, Flat, shape
from benchmarks.speed.separation import area
from detector.timing import WEEK_MS, Timing

SLOT_MS = 30 * 60_000
SLOTS = WEEK_MS // SLOT_MS
WARM_TICKS, TICKS = 40, 3
HOT = 6.0
TINY, PRIOR = 1e-9, 4e-5
SLOW = 0.05
LAM = Timing(MINUTE_MS).lam


class RiverSeries:
    """Level and weekly profile; residual on three horizons, short against middle, contrast beyond loading and drift.

    Makes the five z that our core makes, from decayed means of values and of squares. Simpler than ours in that the
    residual has a learnt variance in place of a deviance, and the others are the group's running mean.
    """

    __slots__ = (
        "came", "cov", "drift", "due", "expected", "group", "level", "peer", "profile", "scale", "slope", "var",
    )  # fmt: skip

    def __init__(self, group: stats.EWMean, mean: float) -> None:
        self.level = stats.EWMean(0.02)
        self.level.update(mean)  # told the truth, as our level is
        self.profile: dict[int, stats.EWMean] = {}
        self.came = [stats.EWMean(1 - keep) for keep in LAM]
        self.expected = [stats.EWMean(1 - keep) for keep in LAM]
        self.scale = [stats.EWMean(SLOW) for _ in LAM]
        self.slope = stats.EWMean(SLOW)
        self.group = group
        self.cov, self.var, self.drift = stats.EWMean(SLOW), stats.EWMean(SLOW), stats.EWMean(SLOW)
        self.peer = stats.EWMean(SLOW)

    def point(self, slot: int, y: float) -> float:
        """Scores and learns one point; returns the largest |z|."""
        profile = self.profile.get(slot)
        if profile is None:
            profile = self.profile[slot] = stats.EWMean(0.15)
            profile.update(0.0)
        season, level = profile.get(), self.level.get()
        mu = max(level + season, 0.0)
        largest = 0.0
        moved = []
        for came, expected, scale in zip(self.came, self.expected, self.scale, strict=True):
            came.update(y)
            expected.update(mu)
            x = log((came.get() + 1) / (expected.get() + 1))
            z = abs(x) / sqrt(scale.get() + TINY)
            if z > largest:
                largest = z
            scale.update(x * x)
            moved.append(x)
        slope = moved[0] - moved[1]
        z = abs(slope) / sqrt(self.slope.get() + TINY)
        if z > largest:
            largest = z
        self.slope.update(slope * slope)
        x, others = moved[1], self.group.get()
        loading = min(max((self.cov.get() + PRIOR) / (self.var.get() + PRIOR), 0.2), 1.6)
        contrast = x - loading * others - self.drift.get()
        z = abs(contrast) / sqrt(self.peer.get() + TINY)
        if z > largest:
            largest = z
        self.group.update(x)
        self.cov.update(x * others)
        self.var.update(others * others)
        self.drift.update(contrast)
        self.peer.update(contrast * contrast)
        self.level.update(y - season)
        profile.update(y - level)
        return largest


def river_series(means: Sequence[float]) -> list[RiverSeries]:
    """One for every mean, in groups of peers."""
    out: list[RiverSeries] = []
    for low in range(0, len(means), GROUP):
        group = stats.EWMean(0.2)
        out += [RiverSeries(group, mean) for mean in means[low : low + GROUP]]
    return out


class RiverCell:
    """`series` series; of the weekly profile only the slots of the measured hours exist, which is kind to river."""

    def __init__(self, series: int) -> None:
        self.points = series
        self.flat = Flat(series)
        self.series = river_series((self.flat.mean * shape(self.flat.t_ms)).tolist())
        self.hot = 0
        gc.freeze()  # a user with so many objects would, or would pay for the collector too
        for _ in range(WARM_TICKS):
            self._tick()

    def _tick(self, factor: NDArray[np.float64] | float = 1.0, *, keep: bool = False) -> tuple[float, list[float]]:
        """CPU seconds of one tick, and its scores if they are kept."""
        slot = self.flat.t_ms % WEEK_MS // SLOT_MS
        samples = self.flat.next(factor).tolist()
        hot = 0
        scores: list[float] = []
        begun = time.process_time()
        for series, y in zip(self.series, samples, strict=True):
            z = series.point(slot, y)
            if z > HOT:
                hot += 1
            if keep:
                scores.append(z)
        took = time.process_time() - begun
        self.hot += hot
        return took, scores

    def separation(self) -> float:
        surging = self.flat.surging
        _, scores = self._tick(np.where(surging, SURGE, 1.0), keep=True)
        return area(np.asarray(scores), surging)

    def measure(self) -> Reading:
        took = sum(self._tick()[0] for _ in range(TICKS))
        return Reading(took / TICKS / self.points * 1e9)
