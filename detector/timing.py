"""Durations as ticks: horizons, half-lives and seasonal buckets of one interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detector.schema import MINUTE_MS

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
HORIZON_TICKS = (1, 3, 8)
HORIZON_MS = (3 * MINUTE_MS, 15 * MINUTE_MS, 90 * MINUTE_MS)


@dataclass(frozen=True, slots=True)
class Timing:
    """What an interval implies (rulings of the design: horizons max(1, 3, 8 ticks; 3, 15, 90 min), bucket ≥ 30 min)."""

    interval_ms: int

    @property
    def horizons_ms(self) -> tuple[int, ...]:
        return tuple(max(n * self.interval_ms, ms) for n, ms in zip(HORIZON_TICKS, HORIZON_MS, strict=True))

    @property
    def lam(self) -> tuple[float, ...]:
        """Share of a decayed sum that is left after one tick, per horizon."""
        return tuple(0.5 ** (self.interval_ms / h) for h in self.horizons_ms)

    @property
    def bucket_ms(self) -> int:
        if self.interval_ms > DAY_MS // 2:
            return DAY_MS
        return max(self.interval_ms, 30 * MINUTE_MS)

    @property
    def slots(self) -> int:
        return max(WEEK_MS // self.bucket_ms, 1)

    @property
    def learn_every(self) -> int:
        """Ticks between two updates of slow scales: five minutes' worth, at least one."""
        return max(1, round(5 * MINUTE_MS / self.interval_ms))

    def ticks(self, duration_ms: float) -> int:
        """Ticks that cover a duration, at least one."""
        return max(1, math.ceil(duration_ms / self.interval_ms))

    def keep(self, half_life_ms: float, ticks: int = 1) -> float:
        """What is left of a decayed quantity after `ticks` ticks: 2^(-time/half-life) (Brown 1959)."""
        return float(0.5 ** (ticks * self.interval_ms / half_life_ms))

    def bucket(self, t_ms: int) -> int:
        """Number of the bucket since the epoch that holds the tick's middle."""
        return (t_ms + self.interval_ms // 2) // self.bucket_ms

    def phase(self, t_ms: int) -> tuple[int, int, float]:
        """Two seasonal slots around the tick's middle and the weight of the second."""
        x = ((t_ms + self.interval_ms / 2) % (self.slots * self.bucket_ms)) / self.bucket_ms - 0.5
        i = math.floor(x)
        return i % self.slots, (i + 1) % self.slots, x - i
