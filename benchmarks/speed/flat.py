"""Independent series in groups, for the bars that compare libraries: every side sees the same counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.timing import DAY_MS

GROUP = 20  # neighbouring series that are each other's peers
MINUTE_MS = 60_000
START_MS = 1_790_035_200_000  # midnight UTC
SURGE = 3.0  # factor of the known deviations
SURGING = 100  # one series in so many


@dataclass(slots=True)
class Flat:
    """Poisson counts of `series` series with one daily shape. Seeded: equal sizes give equal counts."""

    series: int
    t_ms: int = START_MS + 10 * 60 * MINUTE_MS
    mean: NDArray[np.float64] = field(init=False)  # (S,) a tick
    _generator: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(7)
        self.mean = np.maximum(self._generator.lognormal(3.0, 1.0, self.series), 5.0)

    def next(self, factor: NDArray[np.float64] | float = 1.0) -> NDArray[np.float64]:
        """(S,) counts of the next minute."""
        y = self._generator.poisson(self.mean * factor * shape(self.t_ms)).astype(float)
        self.t_ms += MINUTE_MS
        return y

    @property
    def surging(self) -> NDArray[np.bool_]:
        """(S,) series that `SURGE` is meant for."""
        return np.asarray(np.arange(self.series) % SURGING == SURGING // 2)


def shape(t_ms: int) -> float:
    """Factor of the time of day."""
    return math.exp(0.3 * math.sin(2 * math.pi * (t_ms % DAY_MS) / DAY_MS))
