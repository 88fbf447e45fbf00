"""From a budget of false pages to a threshold on s, without labels: the core of the openings foretells their tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools
from detector.schema import MINUTE_MS
from detector.timing import HOUR_MS, WEEK_MS
from detector.view import Float32s

LOW, HIGH = 0.8, 1.2  # levels of s at which openings are counted: false ones are the crowd there
WEEKS = 5  # the one under way and the four before
EXPONENTS = (2.5, 6.0)  # flatter is a crowd of incidents, not noise
COARSE_MS = HOUR_MS // 2  # from here on false openings have a flatter law, and more of it is learnt
LOWEST = 1.05  # threshold
LONG_CALM = 1 << 20  # ticks
TICK, LONGEST = np.array(1, np.int32), np.array(LONG_CALM, np.int32)  # numbers as arrays: faster beside few rows
ZERO, MOST = np.array(0, np.float32), np.array(15, np.float32)
LEVELS = np.array([[LOW], [HIGH]], np.float32)


class OpeningLawState(NamedTuple):
    opened: NDArray[np.float64]  # (2, WEEKS) openings above LOW and above HIGH; column 0 is the week under way
    watched: NDArray[np.float64]  # (WEEKS,) series-weeks
    calm: NDArray[np.int32]  # (2, S) ticks since s was last above the level
    week: NDArray[np.int64]  # () number of the week under way


@dataclass(frozen=True, slots=True)
class OpeningLaw:
    """`rate(s) = r (s / LOW)^-k` per series-week, pooled over rows; threshold = the s whose rate is the budget.

    False openings follow a power law that their core foretells; incidents sit in the tail, so a fit there, or "all
    openings = budget", asks for far too much where they are frequent. By construction of s the prior's rate at s = 1 is
    known; its exponent is 4 below half-hour ticks, 2.7 from there on, about that of false openings of labelled series.
    A law read off few series, or off many incidents, is worse than the prior, so it weighs much: `prior_openings` over
    `prior_rate` are sixty series-weeks at minutes, 36 at hours. `close_ticks`: calm ticks after which an opening is a
    new one; `block`: ticks of a block of `WorstHours`, whose share sets the prior rate; `capped`: of capped means over
    the metrics of an entity. Openings after a calm are runs-declustered exceedances (Davison & Smith 1990). Own: the
    exponent from two levels of the core, not the tail.
    """

    interval_ms: int
    block: int
    share: float = 0.1
    close_ticks: int = 5
    capped: bool = False

    @classmethod
    def of_entities(cls, interval_ms: int, block: int, close_ticks: int) -> OpeningLaw:
        """For capped means over many metrics, whose tail is thinner: the prior law with exponent 6, hardly moved.

        Their history holds too few openings beside its unlabelled incidents to learn a law from: it would ask for far
        more than the threshold that keeps the promise.
        """
        return cls(interval_ms, block, close_ticks=close_ticks, capped=True)

    @property
    def prior_exponent(self) -> float:
        if self.capped:
            return 6.0
        return 2.7 if self.interval_ms >= COARSE_MS else 4.0

    @property
    def prior_openings(self) -> float:
        """At s = 1: how many seen ones weigh as much as the prior."""
        return 100.0 if self.interval_ms >= COARSE_MS and not self.capped else 1000.0

    @property
    def prior_rate(self) -> float:
        """Openings per series-week at s = 1, by construction of s."""
        return self.share * WEEK_MS / (self.interval_ms * self.block)

    def init(self, n: int) -> OpeningLawState:
        return OpeningLawState(
            np.zeros((2, WEEKS)), np.zeros(WEEKS), np.full((2, n), LONG_CALM, np.int32), np.full((), -1, np.int64)
        )

    def learn(self, state: OpeningLawState, t_ms: int, s: Float32s, counts: Bools) -> None:
        """Counts the openings of this tick over rows in `counts`: judged ones outside events."""
        week = t_ms // WEEK_MS
        before = int(state.week)
        if week > before:
            steps = min(week - before, WEEKS) if before >= 0 else 0
            for a in (state.opened, state.watched) if steps else ():
                a[..., steps:] = a[..., : WEEKS - steps].copy()
                a[..., :steps] = 0
            state.week[...] = week
        there = counts & ~np.isnan(s)
        state.watched[0] += np.count_nonzero(there) * self.interval_ms / WEEK_MS
        calm = state.calm
        over = (s > LEVELS) & there
        loud = np.count_nonzero(over)
        if loud:
            state.opened[:, 0] += (over & (calm >= self.close_ticks)).sum(axis=1)
        np.add(calm, TICK, calm)
        np.minimum(calm, LONGEST, out=calm)
        if loud:
            calm[over] = 0

    def law(self, state: OpeningLawState) -> tuple[float, float]:
        """(openings per series-week at LOW, exponent k), pulled to the prior."""
        weight = self.prior_openings / self.prior_rate
        seen = float(state.watched.sum()) + weight
        rates = [
            (float(state.opened[i].sum()) + weight * self.prior_rate * level**-self.prior_exponent) / seen
            for i, level in enumerate((LOW, HIGH))
        ]
        exponent = math.log(rates[0] / rates[1]) / math.log(HIGH / LOW)
        return rates[0], min(max(exponent, EXPONENTS[0]), EXPONENTS[1])

    def threshold(self, state: OpeningLawState, budget: float) -> float:
        """The s at which `budget` false pages per series-week are expected."""
        rate, exponent = self.law(state)
        return max(LOWEST, LOW * float((rate / budget) ** (1 / exponent)))

    def surprise(self, s: Float32s) -> Float32s:
        """(S,) -log10 of the chance per minute of an opening at s, falling with its cube; from 0 to 15. NaN where s is.

        As of blocks of an hour whatever the interval: equal s is equally surprising everywhere, so that one threshold
        on surprises can serve several intervals. Capped means fall with the sixth power.
        """
        exponent = 6.0 if self.capped else 3.0
        per_minute = self.share * MINUTE_MS / HOUR_MS
        with np.errstate(divide="ignore"):
            out: Float32s = np.log10(s)
        out *= exponent
        out -= np.float32(math.log10(per_minute))
        np.maximum(out, ZERO, out=out)
        np.minimum(out, MOST, out=out)
        return out
