"""river's side of the whole step: its scorers on the same lattice of rows, one row at a time, from river's statistics.

The formulas are ours (`detector/scorers`): whitened sums on three horizons and their negative binomial deviance, the
derivative, and on every axis the contrast with the weighted mean of the siblings, the row left out, beyond loading and
drift. What is learnt slowly is learnt every fifth tick, as ours is, and read as plain numbers in between. Left out to
river's good: summing roll-ups (they arrive summed), the second robust step, what two weeks agree on, runs of zeros and
of equal values, calibration, combination, episodes, calendar, alarms.
"""

from __future__ import annotations

import gc
import time
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from river import stats

from benchmarks.speed.cell import Reading
from benchmarks.speed.flat import MINUTE_MS, START_MS, SURGE, SURGING, shape
from benchmarks.speed.lattice import Sizes, Traffic, keys, schema
from benchmarks.speed.separation import area
from detector.series import SeriesIndex
from detector.timing import WEEK_MS, Timing

TIMING = Timing(MINUTE_MS)
LAM = tuple(float(lam) for lam in TIMING.lam)  # plain numbers: those of numpy would slow every line down
EVERY = TIMING.learn_every
MADE_ONE = tuple((1 - lam * lam) / (1 - lam) ** 2 for lam in LAM)  # sums of decayed weights, from river's means of them
SLOT_MS = 30 * 60_000
WARM_TICKS, TICKS = 25, EVERY  # one of the ticks measured learns
SLOW, GAIN, LEVEL_GAIN = 0.005, 0.15, 0.005
WHITENING, STEADY, NEAR, PRIOR = 0.02, 60.0, 0.05, 4e-5
HOT, LEAST = 6.0, 5.0


class Siblings:
    """One group on one axis: where it was a tick ago, and the weighted mean of this tick."""

    __slots__ = ("factor", "mean")

    def __init__(self) -> None:
        self.factor = 0.0
        self.mean = stats.Mean()

    def close(self) -> None:
        """At the end of a tick the mean is where the group is."""
        self.factor = self.mean.get()
        self.mean = stats.Mean()


class Axis:
    """What a row knows of one group of siblings; `beta`, `drift` and `pe2` as of the last learning tick."""

    __slots__ = ("beta", "cut", "cxx", "cxy", "drift", "group", "me", "pe2", "spread", "weight")

    def __init__(self, group: Siblings) -> None:
        self.group = group
        self.cxy, self.cxx, self.me, self.spread = (stats.EWMean(SLOW) for _ in range(4))
        self.cxy.update(PRIOR)
        self.cxx.update(PRIOR)
        self.spread.update(0.04**2)
        self.beta, self.drift, self.pe2 = 1.0, 0.0, 0.04**2
        self.cut = self.weight = 0.0


class Row:
    """Level, profile of the measured slots, sums on three horizons, what is learnt of them, and the axes."""

    __slots__ = (
        "acc_m", "acc_y", "axes", "change", "change2", "counting", "level", "profile", "scale", "sig2", "sums", "x",
        "z",
    )  # fmt: skip

    def __init__(self, mean: float, groups: list[Siblings]) -> None:
        self.level = log(mean)  # told the truth, as ours is
        self.profile: dict[int, stats.EWMean] = {}
        self.sums = tuple((stats.EWMean(1 - lam), stats.EWMean(1 - lam), stats.EWMean(1 - lam * lam)) for lam in LAM)
        weight = 1 / (1 + WHITENING * mean)
        for came, expected, poisson in self.sums:  # as after weeks: full of what was expected
            came.update(mean * weight)
            expected.update(mean * weight)
            poisson.update(mean * weight * weight)
        self.scale = [stats.EWMean(SLOW) for _ in LAM]
        self.change = stats.EWMean(SLOW)
        for one in (*self.scale, self.change):
            one.update(0.05**2)
        self.sig2, self.change2 = [0.05**2] * len(LAM), 0.05**2
        self.axes = [Axis(group) for group in groups]
        self.acc_y = self.acc_m = self.z = 0.0
        self.x, self.counting = [0.0] * len(LAM), [0.0] * len(LAM)

    def first(self, slot: int, y: float) -> None:
        """Expectation, residual and derivative; tells the groups how far the row is."""
        profile = self.profile.get(slot)
        if profile is None:
            profile = self.profile[slot] = stats.EWMean(GAIN)
            profile.update(0.0)
        mu = exp(self.level + profile.get())
        self.acc_y += y
        self.acc_m += mu
        weight = 1 / (1 + WHITENING * mu)
        m = mu * weight
        x, counting, sig2 = self.x, self.counting, self.sig2
        largest = 0.0
        for h, (came, expected, poisson) in enumerate(self.sums):
            came.update(y * weight)
            expected.update(m)
            poisson.update(m * weight)
            M = expected.get()
            scale = MADE_ONE[h] * M / poisson.get()
            Ye, Me, phi = came.get() * scale, M * scale, sig2[h]
            counting[h] = V = 1 / (Me + 1)
            x[h] = log((Ye + 1) * V)
            ratio, dispersed = Ye / Me, 1 + phi * Me
            if 1 - NEAR < ratio < 1 + NEAR:
                z = (ratio - 1) * sqrt(Me / dispersed)
                if z < 0:
                    z = -z
            else:  # its sign is of no use here
                deviance = (Ye * log(ratio) if Ye else 0.0) - (Ye + 1 / phi) * log((1 + phi * Ye) / dispersed)
                z = sqrt(2 * deviance) if deviance > 0 else 0.0
            if z > largest:
                largest = z
        own, V = x[1], counting[1]
        z = (x[0] - own) / sqrt(0.8 * counting[0] + self.change2)
        if z < 0:
            z = -z
        self.z = z if z > largest else largest
        for axis in self.axes:
            factor = axis.group.factor
            total = V + axis.pe2
            reach = 2.5 * sqrt(total)
            cut = own
            if own > factor + reach:
                cut = factor + reach
            elif own < factor - reach:
                cut = factor - reach
            axis.cut = cut
            axis.weight = weight = 1 / total
            axis.group.mean.update(cut, weight)

    def second(self, *, learning: bool) -> float:
        """Contrast on every axis, once all siblings are known; learns. Returns the largest |z|."""
        largest, own, V = self.z, self.x[1], self.counting[1]
        for axis in self.axes:
            mean = axis.group.mean
            left = mean.n - axis.weight
            if left <= 0:
                continue
            others = (mean.get() * mean.n - axis.cut * axis.weight) / left
            contrast = own - axis.beta * others - axis.drift
            noise = V + 1 / left
            z = abs(contrast) / sqrt(axis.pe2 + noise + 0.04 * others * others)
            if z > largest:
                largest = z
            if learning and z < HOT:
                _learn_axis(axis, own, others, contrast, noise)
        if learning and self.z < HOT:
            for h, scale in enumerate(self.scale):
                scale.update(max(self.x[h] ** 2 - self.counting[h], 0.0))
                self.sig2[h] = max(scale.get(), 0.008**2)
            self.change.update(max((self.x[0] - self.x[1]) ** 2 - 0.8 * self.counting[0], 0.0))
            self.change2 = max(self.change.get(), 0.008**2)
        return largest

    def close(self, slot: int) -> None:
        """The end of a seasonal bucket moves profile and level."""
        moved = log((self.acc_y + STEADY) / (self.acc_m + STEADY))
        self.profile[slot].update(self.profile[slot].get() + moved)
        self.level += LEVEL_GAIN * moved
        self.acc_y = self.acc_m = 0.0


def _learn_axis(axis: Axis, own: float, others: float, contrast: float, noise: float) -> None:
    axis.cxy.update(own * others + PRIOR)
    axis.cxx.update(others * others + PRIOR)
    axis.me.update(axis.drift + contrast)
    axis.spread.update(max(contrast * contrast - noise, 0.0))
    axis.beta = min(max(axis.cxy.get() / axis.cxx.get(), 0.2), 1.6)
    axis.drift = axis.me.get()
    axis.pe2 = max(axis.spread.get(), 0.008**2)


class RiverStepCell:
    """About `rows` rows of the lattice of `whole`."""

    def __init__(self, rows: int) -> None:
        sizes = Sizes.of(rows)
        index = SeriesIndex(schema(sizes))
        index.admit(keys(sizes))
        self.lattice = index.lattice()
        self.points = len(index)
        self.mean = Traffic(index, sizes).mean
        self.generator = np.random.default_rng(7)
        self.t_ms = START_MS + 10 * 60 * MINUTE_MS
        self.ticks = 0
        groups = [[Siblings() for _ in counts] for counts in self.lattice.sibling_counts]
        codes = np.stack(self.lattice.siblings).T.tolist()
        means = (self.mean * shape(self.t_ms)).tolist()
        self.rows = [
            Row(mean, [of[code] for of, code in zip(groups, mine, strict=True) if code])
            for mean, mine in zip(means, codes, strict=True)
        ]
        self.groups = [group for of in groups for group in of[1:]]
        gc.freeze()  # a user with so many objects would, or would pay for the collector too
        for _ in range(WARM_TICKS):
            self._tick()

    def _tick(self, factor: NDArray[np.float64] | float = 1.0, *, keep: bool = False) -> tuple[float, list[float]]:
        """CPU seconds of one tick, and its scores if they are kept. Counts and roll-ups are made outside the clock."""
        y = self.generator.poisson(self.mean * factor * shape(self.t_ms)).astype(float)
        y[~self.lattice.leaf] = 0
        samples = self.lattice.sum_up(y).tolist()
        slot = self.t_ms % WEEK_MS // SLOT_MS
        self.t_ms += MINUTE_MS
        self.ticks += 1
        learning, ends = self.ticks % EVERY == 0, self.t_ms % SLOT_MS == 0
        hot = 0
        scores: list[float] = []
        begun = time.process_time()
        for row, value in zip(self.rows, samples, strict=True):
            row.first(slot, value)
        for row in self.rows:
            z = row.second(learning=learning)
            if z > HOT:
                hot += 1
            if keep:
                scores.append(z)
        for group in self.groups:
            group.close()
        if ends:
            for row in self.rows:
                row.close(slot)
        return time.process_time() - begun, scores

    def separation(self) -> float:
        """Of leaves of at least five a tick, as in the other cells; what is above a surging one surges a little too."""
        leaves = self.lattice.leaves[self.mean[self.lattice.leaves] >= LEAST]
        surging = np.arange(len(leaves)) % SURGING == SURGING // 2
        factor = np.ones(self.points)
        factor[leaves[surging]] = SURGE
        _, scores = self._tick(factor, keep=True)
        return area(np.asarray(scores)[leaves], surging)

    def measure(self) -> Reading:
        took = sum(self._tick()[0] for _ in range(TICKS))
        return Reading(took / TICKS / self.points * 1e9)
