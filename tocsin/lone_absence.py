"""What has not come: a unit of lone series of which no row has a sample for longer than its harmless gaps last."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Ints
from detector.look import nothing
from detector.view import Float32s
from ensemble.opening_law import LONGEST
from tocsin.core import Core, State
from tocsin.lone import LONG_CALM, Lone, Units

SHARE = 0.25  # of the budget that gaps may spend
LEAST_TICKS = 2.0  # due ones from which a gap is judged; a gap lowers its own share, so it is the third tick
LEAST_DUE = np.array(LEAST_TICKS, np.float32)
REGULAR = 0.85  # share of ticks with a sample, below which a series is irregular and no gap of it is news
LOUDEST = 10.0  # times as rare as its share of the budget is as loud as a gap gets: a spike stays louder


@dataclass(slots=True)
class Missing:
    """One tick of units, in arrays of rows that count at their heads."""

    there: Bools  # (S,) some row of the unit has a sample; True elsewhere
    ended: Float32s  # (S,) due ticks of the gap that such a sample ended; 0 for none
    known: Bools  # (S,) some row of the unit is judged
    s: Float32s  # (S,) as loud as a deviation that is as rare; NaN where a sample came and before `LEAST_TICKS`
    opens: Bools  # (S,)
    is_loud: bool = False  # some unit has an s


def judge_absence(core: Core, lone: Lone, state: State, units: Units, there: Bools, ready: Bools, t_ms: int) -> Missing:
    """Moves the gaps and says how loud they are, in the unit of the threshold in force.

    `s = threshold min(SHARE budget / R, LOUDEST)^(1/k)`, R the gaps at least as long that are to be expected a week, k
    the exponent of the prior law of openings; so s is at the threshold where such gaps spend their share of the budget,
    falls with the rate as deviations do, and never outranks a strong one: how long a gap lasts says little of how much
    it matters. Only of units that are regular and known for long enough. A gap opens once; what was there for
    `close_ticks` may open again.
    """
    size = len(there)
    known, some = _units_there(units, there, ready)
    ended = lone.absence.advance(state.absence, t_ms, some)
    missing = Missing(some, ended, known, nothing(size), np.zeros(size, bool))
    heard, gap = state.lone_rows.heard, state.absence.gap
    np.add(heard, some, heard)
    np.minimum(heard, LONGEST, out=heard)
    long = gap >= LEAST_DUE
    if not np.count_nonzero(long):
        return missing
    rows = np.flatnonzero(long & known & _young(core, state))
    rows = rows[_speak(lone, state, rows)] if len(rows) else rows
    if not len(rows):
        return missing
    missing.s, missing.is_loud = missing.s.copy(), True
    promise = _promise(core, units)
    rate = lone.gap_law.rate(lone.gap_law.foretold(state.gaps, rows), gap[rows])
    rarity = np.minimum(promise / np.maximum(rate, 1e-9), LOUDEST)
    missing.s[rows] = float(state.lone_rows.threshold) * rarity ** (1 / lone.law.prior_exponent)
    over = rows[rate < promise]
    missing.opens[over] = heard[over] >= lone.close_ticks
    heard[over] = 0
    return missing


def _units_there(units: Units, there: Bools, ready: Bools) -> tuple[Bools, Bools]:
    """(S,) `known` and `there` of `Missing`."""
    if units.are_rows:
        return ready, there | ~ready
    size = len(there)
    some, known = np.ones(size, bool), np.zeros(size, bool)
    is_judged = np.append(ready, False)[units.table]
    known[units.heads] = is_judged.any(axis=0)
    some[units.heads] = (is_judged & np.append(there, False)[units.table]).any(axis=0) | ~known[units.heads]
    return known, some


def _young(core: Core, state: State) -> Bools:
    """(S,) rows that were heard of lately enough to be missed."""
    young: Bools = state.rows.age < core.timing.ticks(core.parameters.idle_ttl_ms)
    return young


def _promise(core: Core, units: Units) -> float:
    """Gaps that are no incident and may be told about, a unit and week."""
    return SHARE * core.budget.promised(len(units.heads)) / 1000


def _speak(lone: Lone, state: State, rows: Ints) -> Bools:
    """(n,) units, by their heads, of which a gap can be news."""
    is_known: Bools = lone.gap_law.known(state.gaps, rows) >= lone.gap_law.least_weeks
    return is_known & (lone.absence.regular(state.absence, rows) >= REGULAR)


def foretold_pages(core: Core, lone: Lone, state: State, units: Units) -> float:
    """False pages of gaps a unit and week, as far as gaps were seen: they are taken off what values may spend.

    Not what the prior fears besides: a quarter of the budget for gaps that never come would cost deviations.
    """
    if not len(units.heads):
        return 0.0
    expected = replace(lone.gap_law, first=0.0).foretold(state.gaps, units.heads)
    rate = lone.gap_law.rate(expected, np.full(expected.shape[1], LEAST_TICKS, np.float32))
    speak = _speak(lone, state, units.heads)
    return float(np.where(speak, np.minimum(rate, _promise(core, units)), 0).mean())


def learn_absence(core: Core, lone: Lone, state: State, t_ms: int, missing: Missing, counts: Bools) -> None:
    """Shares of ticks and lengths of gaps, of units in `counts`; a series that is long gone teaches nothing."""
    due = counts & missing.known & _young(core, state)
    lone.absence.learn(state.absence, t_ms, missing.there, due.astype(np.float32))
    lone.gap_law.learn(state.gaps, t_ms, missing.ended, due)


def warm_absence(lone: Lone, state: State, t_ms: NDArray[np.int64], seen: Bools, heads: NDArray[np.int64],
                 counting: Bools) -> None:  # fmt: skip
    """Learns from which ticks units had samples in history, seen (T, E), each from its first to its last."""
    absence, gaps = lone.absence.init(len(heads)), lone.gap_law.init(len(heads))
    some, length = seen.any(axis=0), len(seen)
    first = np.where(some, seen.argmax(axis=0), length)
    last = np.where(some, length - 1 - seen[::-1].argmax(axis=0), -1)
    for i, t in enumerate(t_ms.tolist()):
        inside = (i >= first) & (i <= last)
        ended = lone.absence.advance(absence, t, seen[i] | ~inside)
        counts = inside & bool(counting[i])
        lone.absence.learn(absence, t, seen[i], counts.astype(np.float32))
        lone.gap_law.learn(gaps, t, ended, counts)
    absence.gap[...] = 0
    pairs = [*zip(state.absence, absence, strict=True), (state.gaps.hist, gaps.hist), (state.gaps.weeks, gaps.weeks)]
    for to, source in pairs:
        to[..., heads] = source
    lone.gap_law.settle(state.gaps)
    state.lone_rows.heard[heads] = LONG_CALM
