"""From a budget of false pages to a threshold: learnt from how often the fused score opens above each level."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats
from detector.timing import DAY_MS, WEEK_MS

HALF_LIFE_MS = 3 * WEEK_MS
LEAST_MS = 1.5 * DAY_MS  # of listening before anything is concluded
DAILY_STEP = 0.25
LEVELS = np.arange(1.5, 15.01, 0.5)  # of the fused score
REAL = 8  # levels above which an opening is taken for a real incident, not for the tail of what is false
LEAST_COUNT = 4.0  # openings that make a level's rate worth reading
STEADY_LEVELS = 3  # the slope of the law is read off so many levels next to the promise
MEAN_EXCESS = 1.0  # of the law, while only one level can be read
PRIOR_PAGES = 5.0  # openings that say "each is told once"
CONVERSIONS = (0.1, 3.0)  # pages told an opening: what the rules hold, and one movement told as several
ONE_GROUP = 20.0  # promised pages a week up to which openings are counted for the whole service at once
Per = Literal["1000-series-week", "series-week", "service-week"]


@dataclass(slots=True)
class BudgetState:
    """Threshold in force and, per level, decayed openings; per group and level, ticks since it was last exceeded."""

    threshold: float
    openings: list[float] = field(default_factory=lambda: [0.0] * len(LEVELS))
    listened_ms: float = 0.0  # decayed like the openings
    calm: list[list[int]] = field(default_factory=list)  # (G, levels)
    moved_ms: int = -1
    series: int = 0  # watched leaves that a budget per service was last shared out to
    opened: float = 0.0  # decayed openings of the threshold in force that were not real, while people could be told
    told: float = 0.0  # decayed pages told that were not real


@dataclass(frozen=True, slots=True)
class Budget:
    """`rate` false pages per `per`; B is the same per 1000 series-weeks. Threshold: c at which openings have rate B.

    Openings above a level are counted whether or not anybody is told, so that the threshold has no influence on its
    own evidence. Real incidents open far higher levels as well; so what opens a level but not the one 4 above it
    counts as false. The law `rate(c) = A exp(-c/s)` is read off the levels next to the promise and followed down to
    it. Not every opening becomes a page, and one may become several: the promise is divided by
    `(told + 5) / (opened + 5)`, pages told over openings of the threshold then in force. Clamped to [5.5, 10] for
    B ≤ 10, else to [2, 10]; until a day and a half has been seen `7.5 - log10(B/3)`. Upcrossings after a calm are
    runs-declustered peaks over a threshold, whose law is exponential far out (Davison & Smith 1990). Own: what is real.
    """

    rate: float = 3.0
    per: Per = "1000-series-week"

    def promised(self, series: int) -> float:
        """B for so many watched leaves; a budget per service is shared out among them."""
        if self.per == "service-week":
            return 1000 * self.rate / max(series, 1)
        return 1000 * self.rate if self.per == "series-week" else self.rate

    def pages_a_week(self, series: int) -> float:
        """False pages that the whole service may have in a week."""
        return self.promised(series) * series / 1000

    def bounds(self, series: int) -> tuple[float, float]:
        return (5.5, 10.0) if self.promised(series) <= 10 else (2.0, 10.0)

    def start(self, series: int) -> float:
        low, high = self.bounds(series)
        return min(max(7.5 - math.log10(self.promised(series) / 3), low), high)

    def init(self) -> BudgetState:
        return BudgetState(self.start(1))

    def groups(self, series: int, places: int) -> int:
        """Groups in which openings are counted: one for all, or one a place where a service has many pages."""
        return 1 if self.pages_a_week(series) <= ONE_GROUP else max(places, 1)

    def listen(
        self, state: BudgetState, loudest: Floats, interval_ms: int, exit_ticks: int, told: int | None = None
    ) -> None:
        """Counts a tick: `loudest` (G,) the greatest |c| of each group, NaN = no opinion.

        `told`: pages that ended at this tick and stayed below what is real; None where nobody could be told.
        """
        if len(state.calm) != len(loudest):
            state.calm = [[exit_ticks] * len(LEVELS) for _ in loudest]
        calm: NDArray[np.int64] = np.array(state.calm)
        above = np.nan_to_num(loudest)[:, None] >= LEVELS
        opened = (above & (calm >= exit_ticks)).sum(axis=0)
        keep = 0.5 ** (interval_ms / HALF_LIFE_MS)
        state.openings = (np.array(state.openings) * keep + opened).tolist()
        state.listened_ms = state.listened_ms * keep + interval_ms
        if told is not None:
            place = min(max((state.threshold - LEVELS[0]) / (LEVELS[1] - LEVELS[0]), 0.0), len(LEVELS) - REAL - 1.001)
            k, part = int(place), place % 1
            now = (1 - part) * (opened[k] - opened[k + REAL]) + part * (opened[k + 1] - opened[k + 1 + REAL])
            state.opened = max(state.opened * keep + float(now), 0.0)
            state.told = state.told * keep + told
        state.calm = np.where(above, 0, np.minimum(calm + 1, exit_ticks)).tolist()

    def move(self, state: BudgetState, t_ms: int, series: int) -> None:
        """Once a day: towards the fitted threshold, by at most a quarter; at first wait."""
        if series != state.series and state.listened_ms < LEAST_MS:
            state.threshold = self.start(series)
        state.series = series
        if state.moved_ms < 0:
            state.moved_ms = t_ms
        if t_ms - state.moved_ms < DAY_MS:
            return
        state.moved_ms = t_ms
        step = self.fitted(state, series) - state.threshold
        state.threshold += min(max(step, -DAILY_STEP), DAILY_STEP)

    def settle(self, state: BudgetState, series: int) -> None:
        """Takes the fitted threshold at once: at the end of a warm-up on history."""
        state.series = series
        state.threshold = self.fitted(state, series)

    def real_from(self, state: BudgetState) -> float:
        """The fused score from which what the threshold in force opens counts as real."""
        return state.threshold + REAL * float(LEVELS[1] - LEVELS[0])

    def conversion(self, state: BudgetState) -> float:
        """Pages told an opening of the threshold."""
        low, high = CONVERSIONS
        return min(max((state.told + PRIOR_PAGES) / (state.opened + PRIOR_PAGES), low), high)

    def fitted(self, state: BudgetState, series: int) -> float:
        """The c whose rate of false openings is the promised one; the threshold in force while too little is known."""
        low, high = self.bounds(series)
        if state.listened_ms < LEAST_MS or not series:
            return state.threshold
        weeks = state.listened_ms / WEEK_MS
        false = np.maximum(np.array(state.openings) - np.array(state.openings[REAL:] + state.openings[-1:] * REAL), 0)
        wanted = self.pages_a_week(series) * weeks / self.conversion(state)
        top = int(np.argmax(false))
        if false[top] <= wanted:
            return low
        steady = np.flatnonzero((false >= max(wanted, LEAST_COUNT)) & (np.arange(len(LEVELS)) >= top))
        if not len(steady):
            return state.threshold
        near = steady[-STEADY_LEVELS:]
        slope = -1 / MEAN_EXCESS
        if len(near) >= 2:
            slope = min(float(np.polyfit(LEVELS[near], np.log(false[near]), 1)[0]), -0.1)
        last = near[-1]
        return float(min(max(LEVELS[last] + math.log(wanted / false[last]) / slope, low), high))


def entering_level(threshold: float) -> float:
    """Surprise at which a row becomes hot."""
    return max(threshold - 2.5, threshold / 2, 1.0)


def alive_level(threshold: float) -> float:
    """Surprise that keeps an episode, and an alarm, alive: the lower of the two thresholds of a hysteresis."""
    return min(entering_level(threshold), threshold / 2, 2.5)
