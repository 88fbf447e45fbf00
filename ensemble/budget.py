"""From a budget of false pages to a threshold: learnt from the peaks of past candidates, moved slowly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from detector.timing import DAY_MS, WEEK_MS

KEEP_MS = 4 * WEEK_MS
DAILY_STEP = 0.25
Per = Literal["1000-series-week", "series-week", "service-week"]


@dataclass(slots=True)
class BudgetState:
    """Peaks c of candidates of the trailing four weeks, the threshold in force, and since when we listen."""

    threshold: float
    peaks: list[tuple[int, float]] = field(default_factory=list)  # (tick ms, c at its peak)
    since_ms: int = -1
    moved_ms: int = -1
    series: int = 0  # watched leaves that a budget per service was last shared out to


@dataclass(frozen=True, slots=True)
class Budget:
    """`rate` false pages per `per`; B is the same per 1000 series-weeks. Threshold: c that is exceeded at rate B.

    `rate(c) = A exp(-c/s)` above the entering level. Clamped to [5.5, 10] for B ≤ 10, else to [2, 10]; until two weeks
    have been seen `7.5 - log10(B/3)`. Everything else that depends on the threshold is derived here.
    """

    rate: float = 3.0
    per: Per = "1000-series-week"

    def promised(self, series: int) -> float:
        """B for so many watched leaves; a budget per service is shared out among them."""
        if self.per == "service-week":
            return 1000 * self.rate / max(series, 1)
        return 1000 * self.rate if self.per == "series-week" else self.rate

    @property
    def bounds(self) -> tuple[float, float]:
        return (5.5, 10.0) if self.promised(1) <= 10 else (2.0, 10.0)

    @property
    def start(self) -> float:
        low, high = self.bounds
        return min(max(7.5 - math.log10(self.promised(1) / 3), low), high)

    def init(self) -> BudgetState:
        return BudgetState(self.start)

    def observe(self, state: BudgetState, t_ms: int, peak: float) -> None:
        """Notes the peak of a candidate that ended, unless it was confirmed real or lay in a calendar window."""
        state.peaks.append((t_ms, peak))

    def move(self, state: BudgetState, t_ms: int, series: int) -> None:
        """Once a day: refit and move at most a quarter; in the first two weeks wait.

        A budget per service has the threshold of its leaves: it starts anew as long as leaves are discovered and
        nothing has been learnt.
        """
        if self.per == "service-week":
            shared = Budget(self.promised(series))
            is_learnt = state.series > 0 and 0 <= state.since_ms <= t_ms - 2 * WEEK_MS
            if series != state.series and not is_learnt:
                state.threshold = shared.start
            state.series = series
            shared.move(state, t_ms, series)
            return
        if state.since_ms < 0:
            state.since_ms = state.moved_ms = t_ms
        if t_ms - state.moved_ms < DAY_MS:
            return
        state.moved_ms = t_ms
        state.peaks = [p for p in state.peaks if p[0] > t_ms - KEEP_MS]
        if t_ms - state.since_ms < 2 * WEEK_MS or series == 0:
            return
        target = self.fitted(state, t_ms, series)
        low, high = self.bounds
        step = min(max(target - state.threshold, -DAILY_STEP), DAILY_STEP)
        state.threshold = min(max(state.threshold + step, low), high)

    def fitted(self, state: BudgetState, t_ms: int, series: int) -> float:
        """The c with rate B, from an exponential fit to the peaks above the entering level."""
        weeks = min(t_ms - state.since_ms, KEEP_MS) / WEEK_MS
        entering = entering_level(state.threshold)
        over = np.array([c for _, c in state.peaks if c > entering])
        wanted = self.promised(series) / 1000 * series * weeks  # pages that the budget allows in the time seen
        if len(over) < 3:
            return entering + 1.0 if wanted > len(over) else state.threshold
        scale = float(np.mean(over - entering))
        return entering + scale * math.log(len(over) / wanted)


def entering_level(threshold: float) -> float:
    """Surprise at which a row becomes hot."""
    return max(threshold - 2.5, 1.0)
