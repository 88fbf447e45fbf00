"""Our side of bars 1 to 5: the shipped components for residual, derivative and contrast, driven row by row of a tick.

Included: putting the samples of a tick in place, in batches and in the order of their arrival; seasonal expectation;
forecast residual on three horizons with its negative binomial deviance; derivative; contrast with peers on one axis;
and the learning of all four. Not included: decoding, roll-ups, calibration, episodes, alarms. Rows come in shards of
equal structure, so that a shard's scratch stays cached; groups of peers do not cross shards.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.cell import Reading
from benchmarks.speed.flat import GROUP, MINUTE_MS, SURGE, Flat
from benchmarks.speed.separation import area
from detector.forecasters.seasonal import Seasonal, SeasonalState
from detector.schema import Dimension, Metric, Schema
from detector.scorers.correlation import Correlation
from detector.scorers.derivative import Derivative
from detector.scorers.forecast_residual import ForecastResidual
from detector.series import Lattice, SeriesIndex
from detector.state import CHUNK
from detector.timing import Timing
from detector.view import Float32s, View

SHARD = CHUNK // (GROUP + 1) * (GROUP + 1)  # rows; as many as the step works on at a time
BATCH = 5_000  # samples put in place at a time
WARM_TICKS, TICKS = 12, 30  # 30 ticks hold one end of a seasonal bucket and six learning ticks
HOT = 6.0  # |z| that is counted


def core_schema() -> Schema:
    return Schema(
        (Dimension("device"), Dimension("group")), (Metric("requests", kind="count"),), place="group",
        max_series=10_000_000,
    )  # fmt: skip


def core_index(rows: int) -> SeriesIndex:
    """Index of about so many rows, roll-ups included."""
    index = SeriesIndex(core_schema())
    groups = max(1, round(rows / (GROUP + 1)) - 1)
    devices = [f"d{d:02}" for d in range(GROUP)]
    index.admit(("requests", device, f"g{g:06}") for g in range(groups) for device in devices)
    return index


class Shard:
    """State of some rows, and one tick on them."""

    def __init__(self, lattice: Lattice, timing: Timing, mean: NDArray[np.float64]) -> None:
        self.lattice = lattice
        self.timing = timing
        n = lattice.size
        self.seasonal, self.residual = Seasonal(timing), ForecastResidual(timing)
        self.derivative, self.contrast = Derivative(timing), Correlation(timing, 1)
        self.season: SeasonalState = self.seasonal.init(n)
        self.season.ell[...] = np.log(mean)
        self.season.seen[...] = 1e6
        self.sums, self.slope = self.residual.init(n), self.derivative.init(n)
        self.peers = self.contrast.init(n)
        self.ticks = 0
        self.gauges = np.zeros(0, np.int64)

    def tick(self, t_ms: int, y: NDArray[np.float64]) -> tuple[int, list[Float32s]]:
        """Scores and learns; returns the number of hot rows and the z (…, S) of each scorer."""
        self.ticks += 1
        view = View(t_ms, self.lattice, y.astype(np.float32), self.gauges)
        view.learning = self.ticks % self.timing.learn_every == 0
        view.base = view.mu = self.seasonal.expect(self.season, view)
        view.missing = np.isnan(view.y)
        view.judgeable = ~view.missing & np.isfinite(view.mu)
        self.residual.advance(self.sums, view)
        self.contrast.advance(self.peers, view)
        z = [
            self.residual.score(self.sums, view),
            self.derivative.score(self.slope, view),
            self.contrast.score(self.peers, view),
        ]
        hot = np.zeros(len(y), bool)
        for scores in z:
            for score in scores:
                hot |= np.abs(score) > HOT
        rate = np.where(hot, np.float32(0.1), np.float32(1))
        self.residual.learn(self.sums, view, rate)
        self.derivative.learn(self.slope, view, rate)
        self.contrast.learn(self.peers, view, rate)
        self.seasonal.learn(self.season, view, rate, self.sums.sig2[1])
        return int(np.count_nonzero(hot)), z


class CoreCell:
    """The three-scorer core on about `rows` rows."""

    def __init__(self, rows: int) -> None:
        lattice = core_index(min(rows, SHARD)).lattice()
        count = max(1, round(rows / lattice.size))
        self.points = count * lattice.size
        self.flat = Flat(self.points)
        timing = Timing(MINUTE_MS)
        self.size = lattice.size
        self.shards = [
            Shard(lattice, timing, self.flat.mean[s * self.size : (s + 1) * self.size]) for s in range(count)
        ]
        self.arrival = np.random.default_rng(3).permutation(self.points)
        self.y = np.empty(self.points)
        self.hot = 0
        for _ in range(WARM_TICKS):
            self._tick()

    def _tick(self, factor: NDArray[np.float64] | float = 1.0) -> tuple[float, list[list[Float32s]]]:
        """CPU seconds of one tick, and its scores by shard."""
        t_ms = self.flat.t_ms
        samples = self.flat.next(factor)[self.arrival]  # as decoding leaves them
        scores = []
        begun = time.process_time()
        self.y.fill(np.nan)
        for low in range(0, self.points, BATCH):
            self.y[self.arrival[low : low + BATCH]] = samples[low : low + BATCH]
        for number, shard in enumerate(self.shards):
            hot, z = shard.tick(t_ms, self.y[number * self.size : (number + 1) * self.size])
            self.hot += hot
            scores.append(z)
        return time.process_time() - begun, scores

    def separation(self) -> float:
        surging = self.flat.surging
        _, scores = self._tick(np.where(surging, SURGE, 1.0))
        strength = np.concatenate([np.nanmax(np.abs(np.concatenate(z)), axis=0) for z in scores])
        return area(strength, surging)

    def measure(self) -> Reading:
        took = [self._tick()[0] for _ in range(TICKS)]
        return Reading(sum(took) / TICKS / self.points * 1e9, {"tick_ms": sum(took) / TICKS * 1e3})
