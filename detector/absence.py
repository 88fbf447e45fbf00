"""For how long a sample has been due and has not come: gaps counted in ticks in which something usually arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detector.frame import Bools, Ints
from detector.timing import DAY_MS, WEEK_MS
from detector.view import Float32s

SLOTS_A_DAY = 48
SLOTS_A_WEEK = 168
USUAL = 0.5  # share of a row's best slot below which nothing is due


class AbsenceState(NamedTuple):
    """Shares of ticks with a sample by time of day and of week, from 1; S rows."""

    daily: Float32s  # (D, S)
    weekly: Float32s  # (W, S)
    gap: Float32s  # (S,) due ticks without a sample since the last one; 0 while there is one


@dataclass(frozen=True, slots=True)
class Absence:
    """`gap += w` at each tick without a sample, back to 0 at a sample; w in [0, 1] is how much is due at that time.

    `w = clip((p/p_best - 1/2) 2, 0, 1)`: p is the smaller of the shares of ticks of this half-hour of the day and of
    this hour of the week that had a sample, p_best that of the best half-hour. What sleeps every night or at weekends
    is not missing then, and what comes every fifth tick is as due as what comes at every one. A gap that comes back at
    the same time is usual after about four days, or two weeks (`day_gain`, `week_gain`: share that one day, one week
    teaches). Own: what is published on missing data fills it in, and does not say when it is due.
    """

    interval_ms: int
    day_gain: float = 0.2
    week_gain: float = 0.3
    each: tuple[Float32s, Float32s] = field(init=False, repr=False, compare=False)  # share that one tick teaches

    def __post_init__(self) -> None:
        cycles = zip(self.slots, (self.day_gain, self.week_gain), (DAY_MS, WEEK_MS), strict=True)
        each = (1 - (1 - gain) ** min(1.0, number * self.interval_ms / cycle) for number, gain, cycle in cycles)
        object.__setattr__(self, "each", tuple(np.array(share, np.float32) for share in each))

    @property
    def slots(self) -> tuple[int, int]:
        """Slots of a day and of a week; longer than a tick."""
        a_day, a_week = DAY_MS // self.interval_ms, WEEK_MS // self.interval_ms
        return max(1, min(SLOTS_A_DAY, a_day)), max(1, min(SLOTS_A_WEEK, a_week))

    def init(self, n: int) -> AbsenceState:
        day, week = self.slots
        return AbsenceState(np.ones((day, n), np.float32), np.ones((week, n), np.float32), np.zeros(n, np.float32))

    def due(self, state: AbsenceState, t_ms: int, rows: Ints) -> Float32s:
        """(n,) w of some rows at a tick."""
        day, week = self._at(t_ms)
        share = np.minimum(state.daily[day, rows], state.weekly[week, rows])
        best = np.maximum(np.maximum.reduce(state.daily[:, rows], 0), np.float32(1e-3))
        out: Float32s = (share / best - np.float32(USUAL)) / np.float32(1 - USUAL)
        np.maximum(out, 0, out=out)
        np.minimum(out, 1, out=out)
        return out

    def regular(self, state: AbsenceState, rows: Ints) -> Float32s:
        """(n,) share of ticks with a sample, over the half-hours that have at least half of the best one's."""
        daily = state.daily[:, rows]
        is_due = daily >= np.float32(USUAL) * daily.max(axis=0)
        out: Float32s = np.where(is_due, daily, 0).sum(axis=0) / np.maximum(is_due.sum(axis=0), 1)
        return out

    def advance(self, state: AbsenceState, t_ms: int, there: Bools) -> Float32s:
        """Moves the gaps of all rows; (S,) the length of those that a sample ended at this tick, else 0."""
        gap = state.gap
        ended: Float32s = gap * there
        gap -= ended
        if np.count_nonzero(there) < len(there):
            rows = np.flatnonzero(~there)
            gap[rows] += self.due(state, t_ms, rows)
        return ended

    def learn(self, state: AbsenceState, t_ms: int, there: Bools, rate: Float32s) -> None:
        """Moves the shares of this time by `rate` (S,): 1 usual, 0 frozen."""
        day, week = self._at(t_ms)
        seen = there.astype(np.float32)
        for share, each in zip((state.daily[day], state.weekly[week]), self.each, strict=True):
            move = seen - share
            move *= rate
            move *= each
            np.add(share, move, share)

    def _at(self, t_ms: int) -> tuple[int, int]:
        day, week = self.slots
        return t_ms % DAY_MS * day // DAY_MS, t_ms % WEEK_MS * week // WEEK_MS
