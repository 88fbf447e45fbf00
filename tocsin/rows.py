"""What is known of every row beside its scorers' memory: its kind and link, its age, how long it has been hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.state import part
from detector.timing import DAY_MS, HOUR_MS, Timing
from tocsin.parameters import Parameters

COUNT, LOG_GAUGE, REAL_GAUGE = 0, 1, 2
UNDECIDED = -1
FARTHEST = 1e6  # units by which a real gauge can differ from zero; what is beyond counts as it


class RowState(NamedTuple):
    age: NDArray[np.int32]  # (S,) ticks since the last sample
    born: NDArray[np.int32]  # (S,) ticks since the first sample; history counts
    kind: NDArray[np.int8]  # (S,) COUNT, LOG_GAUGE, REAL_GAUGE; UNDECIDED before the first sample
    offset: NDArray[np.float64]  # (S,) c of log(y + c)
    unit: NDArray[np.float64]  # (S,) what a gauge is divided by; one for all rows of a metric that is judged on logs
    hot_run: NDArray[np.int16]  # (S,) ticks hot, falling twice as fast
    counter: NDArray[np.float64]  # (S,) last raw value of a monotone counter, NaN after a gap
    classes: NDArray[np.int64]  # (S,) calibration class
    left_out: NDArray[np.float32]  # (S,) link or log deviation that leaves not judged yet would add to a roll-up


@dataclass(frozen=True, slots=True)
class Rows:
    timing: Timing
    parameters: Parameters

    def init(self, n: int) -> RowState:
        return RowState(
            np.full(n, 1 << 20, np.int32), np.zeros(n, np.int32), np.full(n, UNDECIDED, np.int8),
            np.zeros(n), np.ones(n),
            np.zeros(n, np.int16), np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n, np.float32),
        )  # fmt: skip

    def widening(self, state: RowState) -> NDArray[np.float32]:
        """(S,) factor on every standard deviation: 2 at the end of warm-up, 1 from 14 days on; NaN before warm-up."""
        warm = self.parameters.warmup_ms / self.timing.interval_ms
        full = max(14 * DAY_MS / self.timing.interval_ms, warm + 1)
        if len(state.born) and state.born.min() >= full:
            return np.ones(len(state.born), np.float32)
        share = np.clip((state.born - warm) / (full - warm), 0, 1)
        out: NDArray[np.float32] = np.sqrt(4 - 3 * share).astype(np.float32)
        out[state.born < warm] = np.nan
        return out

    def confidence(self, state: RowState, row: int) -> float:
        """1 over the factor of `widening`: 0.5 at the end of warm-up, 1 from 14 days on; NaN before warm-up."""
        return 1 / float(self.widening(part(state, row, row + 1, len(state.born)))[0])

    @property
    def warmup_ticks(self) -> float:
        return self.parameters.warmup_ms / self.timing.interval_ms

    @property
    def first_hour(self) -> int:
        return self.timing.ticks(HOUR_MS)


def link(state: RowState, y: NDArray[np.float64], gauges: NDArray[np.int64]) -> NDArray[np.float64]:
    """(S,) values on the scale that the row is judged on: counts as they are, gauges by their link."""
    if not len(gauges):
        return y
    out = y.copy()
    kind, v = state.kind[gauges], y[gauges]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        logged = np.log(np.maximum((v + state.offset[gauges]) / state.unit[gauges], 1e-300))
        scaled = np.clip(v / state.unit[gauges], -FARTHEST, FARTHEST)
    out[gauges] = np.where(kind == LOG_GAUGE, logged, scaled)
    return out


def unlink(state: RowState, x: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values in the user's unit of link values at some rows."""
    kind, v = state.kind[rows], x.astype(float)
    with np.errstate(over="ignore"):
        return np.where(
            kind == LOG_GAUGE,
            np.exp(v) * state.unit[rows] - state.offset[rows],
            np.where(kind == REAL_GAUGE, v * state.unit[rows], v),
        )
