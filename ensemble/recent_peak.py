"""A series that has just been wild must be wilder still to be told again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, HOUR_MS
from detector.view import Float32s

COARSE_MS = HOUR_MS // 2  # from here on incidents last longer than an hour, and recur sooner in ticks
NOTHING, ONE = np.zeros((), np.float32), np.ones((), np.float32)
SHORTEST_MS, LONGEST_MS = 12 * HOUR_MS, 60 * DAY_MS


class RecentPeakState(NamedTuple):
    memory: Float32s  # (S,) decayed largest s of more than an hour ago
    recent: Float32s  # (D, S) s of the last hour, tick number modulo D


@dataclass(frozen=True, slots=True)
class RecentPeak:
    """`s' = s / max(1, share * M)`: M halves every `half_life`, holds what is older than an hour (3 ticks at least).

    A series that wakes up after a dead history would page at every burst until its own unit has learnt them. Whoever
    wants a page a month asks for what has not been for a month: the half-life is in proportion to the time between
    promised pages, two days for one false page per series-week of five-minute streams, one day of hourly series: with
    one half-life for all budgets small ones were exceeded. Incidents of minute KPIs recur too often for that: theirs
    is twelve hours, and the share small. `of` chooses. Own: an incident must not be held against itself, which a plain
    refractory period would do.
    """

    interval_ms: int
    share: float = 0.2
    half_life_ms: int = 12 * HOUR_MS  # at a budget of one false page per series-week
    follows_budget: bool = False

    @classmethod
    def of(cls, interval_ms: int) -> RecentPeak:
        if interval_ms < 5 * MINUTE_MS:
            return cls(interval_ms)
        share, hours = (0.4, 48) if interval_ms < COARSE_MS else (0.3, 24)
        return cls(interval_ms, share, hours * HOUR_MS, follows_budget=True)

    def half_life(self, budget: float) -> float:
        """In milliseconds, at so many false pages per series-week; from twelve hours to sixty days."""
        if not self.follows_budget:
            return self.half_life_ms
        return min(max(self.half_life_ms / budget, SHORTEST_MS), LONGEST_MS)

    @property
    def delay(self) -> int:
        return max(3, HOUR_MS // self.interval_ms)

    def init(self, n: int) -> RecentPeakState:
        return RecentPeakState(np.zeros(n, np.float32), np.zeros((self.delay, n), np.float32))

    def score(self, state: RecentPeakState, s: Float32s) -> Float32s:
        """(S,) s', NaN where s is; changes nothing."""
        least: Float32s = state.memory * np.float32(self.share)
        np.maximum(least, ONE, out=least)
        return np.divide(s, least, least)

    def advance(self, state: RecentPeakState, t_ms: int, s: Float32s, budget: float) -> None:
        """Remembers s (S,) of this tick from an hour on; `budget`: false pages per series-week."""
        slot = t_ms // self.interval_ms % self.delay
        keep = np.float32(0.5 ** (self.interval_ms / self.half_life(budget)))
        memory, oldest = state.memory, state.recent[slot]
        np.multiply(memory, keep, memory)
        np.maximum(memory, oldest, out=memory)
        np.fmax(s, NOTHING, out=oldest)
