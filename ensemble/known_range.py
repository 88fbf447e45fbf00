"""What a series has been to before is less news than what it never was: a deviation counts by where it leads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from detector.view import Float32s

COARSE_MS = HOUR_MS // 2  # from here on incidents recur at the same heights: known ones are as much news as new ones
NOT_HEARD, IN_FULL = 1.0, 0.25  # false pages per series-week, from which up, and down to which
FAR, LEAST = np.array(2, np.float32), np.array(0.3, np.float32)  # beyond and below which r says nothing more
FLOOR = np.array(0.03, np.float32)  # narrowest range, on the link scale, as of levels
NOTHING, ONE, HALF = (np.array(v, np.float32) for v in (0, 1, 0.5))


class KnownRangeState(NamedTuple):
    ends: Float32s  # (2, S) highest value of more than an hour ago, and minus the lowest
    recent: Float32s  # (D, S) values of the last hour, tick number modulo D; the middle where there was no sample


@dataclass(frozen=True, slots=True)
class KnownRange:
    """`g = (loud max(r, sqrt(r)))^q`, `r = clip(d / W, 0.3, 2)`: times it, s' is told.

    W is the width of the range of a series' values of more than an hour ago (3 ticks at least), d how far the value
    lies from the end that this tick moves away from: r is 1 at the other end, above it outside. A jump within the range
    is often a way back, or a burst as of every day; one out of it is what people label. The range shrinks by half in
    eight weeks. An hour, so that an incident is not known to itself. `loud` sets off that minute series live well
    within their range, for what the law of openings expects.

    q is 0 at one promised page per series-week and more, 1 at a quarter and less, in proportion to the time between
    pages as the memory of recent peaks is: whoever wants one a week also wants what recurs, and on minute KPIs
    incidents do. Own: novelty by the range of the past, graded.
    """

    interval_ms: int
    loud: float = 1.0
    half_life_ms: int = 8 * WEEK_MS
    louder: Float32s = field(init=False, repr=False, compare=False)  # () `loud`
    shrink: Float32s = field(init=False, repr=False, compare=False)  # () share of the width that each end loses a day

    def __post_init__(self) -> None:
        object.__setattr__(self, "louder", np.array(self.loud, np.float32))
        lost = 0.5 * (1 - 0.5 ** (DAY_MS / self.half_life_ms))
        object.__setattr__(self, "shrink", np.array(lost, np.float32))

    @classmethod
    def of(cls, interval_ms: int) -> KnownRange:
        return cls(interval_ms, 1.3 if interval_ms < 5 * MINUTE_MS else 1.0)

    @property
    def is_heard(self) -> bool:
        return self.interval_ms < COARSE_MS

    @staticmethod
    def strength(budget: float) -> float:
        """q, from 0 to 1, at so many false pages per series-week."""
        weeks = 1 / max(budget, IN_FULL)
        return max((weeks - 1 / NOT_HEARD) / (1 / IN_FULL - 1 / NOT_HEARD), 0.0)

    @property
    def delay(self) -> int:
        return max(3, HOUR_MS // self.interval_ms)

    def init(self, n: int) -> KnownRangeState:
        return KnownRangeState(np.zeros((2, n), np.float32), np.zeros((self.delay, n), np.float32))

    def start(self, state: KnownRangeState, x: Float32s) -> None:
        """The first values (S,) of rows are all they know; NaN for rows that have none."""
        first = np.nan_to_num(x)
        state.ends[...] = first, -first
        state.recent[...] = first

    def score(self, state: KnownRangeState, x: Float32s, z: Float32s, strength: float = 1.0) -> Float32s:
        """(S,) g of values x, on the link scale, that moved to the side of z; any number for NaN; changes nothing.

        `strength`: q.
        """
        high, low = state.ends
        width = np.maximum(high + low, FLOOR)
        r = np.where(z > NOTHING, x - high, -x - low)
        r /= width
        r += ONE
        np.fmax(r, LEAST, out=r)
        np.fmin(r, FAR, out=r)
        out: Float32s = np.sqrt(r)
        np.maximum(r, out, out=out)
        out *= self.louder
        if strength != 1:
            np.power(out, np.float32(strength), out=out)
        return out

    def advance(self, state: KnownRangeState, t_ms: int, x: Float32s) -> None:
        """Knows x (S,) of this tick from an hour on; NaN is nothing. Shrinks once a day."""
        number, ends = t_ms // self.interval_ms, state.ends
        if number % max(1, DAY_MS // self.interval_ms) == 0:
            ends -= self.shrink * (ends[0] + ends[1])
        oldest = state.recent[number % self.delay]
        np.maximum(ends[0], oldest, out=ends[0])
        np.maximum(ends[1], -oldest, out=ends[1])
        np.copyto(oldest, x)
        absent = np.isnan(x)
        if np.count_nonzero(absent):
            oldest[absent] = (ends[0, absent] - ends[1, absent]) * HALF
