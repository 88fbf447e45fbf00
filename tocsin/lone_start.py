"""How lone series start: history becomes a link, levels, seasons, scales and a unit of surprise for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Key
from detector.innovations import InnovationState
from detector.link import ENOUGH, Link, apply, choose, kind_of
from detector.view import Float32s
from ensemble.opening_law import WEEKS, OpeningLawState
from ensemble.worst_hours import WorstHours, WorstHoursState
from suppression.calendar import Calendar
from tocsin.core import Core, State
from tocsin.feeds import NEVER
from tocsin.lone import COLLECTING, JUDGED, LONG_CALM, NEW, Collected, Lone
from tocsin.lone_absence import warm_absence
from tocsin.rows import LOG_GAUGE, REAL_GAUGE

LEFT_OUT = 0.1  # of history, at its start: levels are still settling there
LEAST_UNITS = 2  # below which a feed is its one series
LOWEST, HIGHEST = np.array(-1e6), np.array(1e6)  # scales; what lies beyond counts as they


@dataclass(frozen=True, slots=True)
class Studied:
    """What history (T, L) told of L rows, each for itself: rows can start to be judged one after another."""

    t_ms: NDArray[np.int64]  # (T,)
    link: Link  # (L,)
    innovation: InnovationState  # (…, L)
    x: Float32s  # (T, L) on the link scale
    z: Float32s  # (T, L); NaN where there is no sample
    drift: Float32s  # (T, L); NaN where there is no sample or it is not heard
    kind: NDArray[np.int8]  # (L,)
    unit: NDArray[np.float64]  # (L,) usual size of a value
    samples: NDArray[np.int64]  # (L,)


def study(lone: Lone, t_ms: NDArray[np.int64], y: NDArray[np.float64]) -> Studied:
    """Learns from values y (T, L) at t_ms (T,), oldest first; a column's end is its last sample."""
    link = choose(y)
    state = lone.innovations.init(y.shape[1])
    x = on_scale(link, y)
    z, drift = lone.innovations.warm(state, t_ms, x)
    real = np.array([kind_of(column) == "real" for column in y.T], bool)
    kind = np.where(real, REAL_GAUGE, LOG_GAUGE).astype(np.int8)
    return Studied(t_ms, link, state, x, z, drift, kind, link.unit, np.isfinite(y).sum(axis=0))


def on_scale(link: Link, y: NDArray[np.float64]) -> Float32s:
    """Values (..., S) on the scale they are judged on, kept where float32 can square them."""
    x = apply(link, y)
    np.maximum(x, LOWEST, out=x)
    np.minimum(x, HIGHEST, out=x)
    return x.astype(np.float32)


def join(core: Core, state: State, rows: NDArray[np.int64], studied: Studied, columns: NDArray[np.int64],
         counts: Bools | None = None) -> None:  # fmt: skip
    """Rows are judged from the next tick on: each takes what history told of its column.

    `counts` (T,): ticks outside events; those inside teach neither the unit nor the law.
    """
    lone = _of(core)
    units = core.adapt(state).units
    assert units is not None
    parts: list[tuple[NDArray[Any], NDArray[Any]]] = [
        *zip(state.link, studied.link, strict=True),
        *zip(state.innovation, studied.innovation, strict=True),
    ]
    for to, source in parts:
        to[..., rows] = source[..., columns]
    state.rows.kind[rows] = studied.kind[columns]
    state.rows.unit[rows] = studied.unit[columns]
    state.rows.offset[rows] = 0.01 * studied.unit[columns]
    state.rows.born[rows] = np.maximum(state.rows.born[rows], studied.samples[columns])
    state.lone_rows.stage[rows] = JUDGED
    state.lone_rows.calm[rows] = LONG_CALM
    z = studied.z[:, columns]
    there = np.flatnonzero(~np.isnan(z).all(axis=1))
    if not len(there):
        return
    span = slice(int(there[0]), int(there[-1]) + 1)
    z, drift, t_ms = z[span], studied.drift[span][:, columns], studied.t_ms[span]
    counting = np.ones(len(t_ms), bool) if counts is None else counts[span]
    s = _settle(lone.hours, state.hours, t_ms, z, rows, counting)
    if lone.hears_drift:
        s = np.fmax(s, _settle(lone.hours, state.drift_hours, t_ms, drift, rows, counting))
    heads = rows[units.of[rows] >= 0]
    column_of = {int(row): i for i, row in enumerate(rows)}
    if lone.entity is not None:
        fresh = np.unique(units.of[heads])
        fresh = fresh[state.entity_hours.hist[:, units.heads[fresh]].sum(axis=0) == 0]
        members = [[column_of.get(int(row), -1) for row in units.table[:, unit]] for unit in fresh]
        heads = units.heads[fresh]
        padded = np.concatenate([s, np.full((len(s), 1), np.nan, np.float32)], axis=1)
        places = np.array(members, np.int64).reshape(len(fresh), -1)
        c = lone.entity.fuse(np.moveaxis(padded[:, places], 2, 0))
        seen = ~np.isnan(padded[:, places]).all(axis=2)
        s = _settle(lone.hours, state.entity_hours, t_ms, c, heads, counting)
    else:
        mine = [column_of[int(row)] for row in heads]
        s = s[:, mine]
        seen = ~np.isnan(s)
    if not len(heads):
        return
    warm_absence(lone, state, t_ms, seen, heads, counting)
    _warm_feeds(core, state, t_ms, ~np.isnan(z), rows, counting)
    budget = core.budget.promised(len(units.heads)) / 1000
    loud = np.ones((), np.float32)
    if lone.hears_range:
        loud = _know(lone, state, t_ms, studied.x[span][:, columns], z, rows, budget)[:, mine]
    _count_openings(lone, state, t_ms, s, loud, heads, counting, budget)
    state.lone_rows.threshold[...] = 0  # to be read anew from the law


def _warm_feeds(
    core: Core, state: State, t_ms: NDArray[np.int64], seen: Bools, rows: NDArray[np.int64], counting: Bools
) -> None:
    """Feeds that nothing is known of learn from which ticks of history had samples, seen (T, R) of `rows`."""
    units = core.adapt(state).units
    assert units is not None
    if len(units.heads) < LEAST_UNITS or (state.feed_rows.age < NEVER).any():
        return
    holds = core.feeds.holds[:, core.adapt(state).lattice.metric[rows]]
    core.feeds.warm(
        state.feed_absence, state.feed_gaps, state.feed_rows, t_ms, (seen.astype(np.float32) @ holds.T) > 0, counting
    )


def _settle(
    hours: WorstHours, memory: WorstHoursState, t_ms: NDArray[np.int64], z: Float32s, rows: NDArray[np.int64],
    counting: Bools,
) -> Float32s:  # fmt: skip
    """Learns the unit of `rows` from z (T, R) and puts it into `memory`; s (T, R) in that unit."""
    scratch = hours.init(len(rows))
    everyone = np.ones(len(rows), bool)
    for t, row, counts in zip(t_ms.tolist(), z, counting.tolist(), strict=True):
        hours.learn(scratch, t, row, everyone & counts)
    for to, source in zip(memory, scratch, strict=True):
        to[..., rows] = source
    memory.log_unit[...] = hours.units(memory.hist)
    return (np.abs(z) / np.exp(memory.log_unit[rows])).astype(np.float32)


def _know(lone: Lone, state: State, t_ms: NDArray[np.int64], x: Float32s, z: Float32s,
          rows: NDArray[np.int64], budget: float) -> Float32s:  # fmt: skip
    """Puts the known range of `rows` into the state; how loud it made x (T, R) at each tick."""
    known, loud = lone.known.init(len(rows)), np.ones_like(x)
    strength = lone.known.strength(budget)
    there = ~np.isnan(x)
    lone.known.start(known, x[there.argmax(axis=0), np.arange(len(rows))])
    for i, t in enumerate(t_ms.tolist()):
        if strength:
            loud[i] = lone.known.score(known, x[i], z[i], strength)
        lone.known.advance(known, t, x[i])
    for to, source in zip(state.known, known, strict=True):
        to[..., rows] = source
    return loud


def _count_openings(
    lone: Lone, state: State, t_ms: NDArray[np.int64], s: Float32s, loud: Float32s, heads: NDArray[np.int64],
    counting: Bools, budget: float,
) -> None:  # fmt: skip
    """Recent peaks and openings of history s (T, E), `loud` (T, E) times told, those of its first tenth aside."""
    every = np.broadcast_to(loud, s.shape)
    peak, law = lone.peak.init(len(heads)), lone.law.init(len(heads))
    seen = ~np.isnan(s)
    since = seen.argmax(axis=0) + (LEFT_OUT * seen.sum(axis=0)).astype(np.int64)
    for i, t in enumerate(t_ms.tolist()):
        s2 = lone.peak.score(peak, s[i]) * every[i]
        lone.peak.advance(peak, t, s[i], budget)
        lone.law.learn(law, t, s2, (i >= since) & bool(counting[i]))
    for to, source in zip(state.peak, peak, strict=True):
        to[..., heads] = source
    add_law(state.law, law, heads)


def add_law(into: OpeningLawState, other: OpeningLawState, rows: NDArray[np.int64]) -> None:
    """Adds what another law counted, week by week; `rows` are where its rows stand in `into`."""
    ahead = int(other.week) - int(into.week)
    if int(into.week) < 0 or ahead > 0:
        steps = min(ahead, WEEKS)
        for a in (into.opened, into.watched) if int(into.week) >= 0 else ():
            a[..., steps:] = a[..., : WEEKS - steps].copy()
            a[..., :steps] = 0
        into.week[...] = other.week
        ahead = 0
    back = min(-ahead, WEEKS)
    into.opened[:, back:] += other.opened[:, : WEEKS - back]
    into.watched[back:] += other.watched[: WEEKS - back]
    into.calm[:, rows] = other.calm


def warm_up_lone(
    core: Core, state: State, keys: Sequence[Key], t_ms: NDArray[np.int64], y: NDArray[np.float64], calendar: Calendar
) -> State:
    """`warm_up` of lone series: `keys` (L,), `t_ms` (T,) tick starts, `y` (T, L)."""
    state.index.admit(keys)
    core.adapt(state)
    rows = np.array([state.index.rows[key] for key in keys], np.int64)
    if not len(t_ms):
        return state
    values = np.array(y, np.float64)
    for i, row in enumerate(rows.tolist()):
        if state.index.metric_of(row).kind == "counter":
            state.rows.counter[row] = values[-1, i]
            step = np.diff(values[:, i], prepend=np.nan)
            values[:, i] = np.where(step < 0, values[:, i], step)
    studied = study(_of(core), t_ms, values)
    enough = np.flatnonzero(studied.samples >= ENOUGH)
    join(core, state, rows[enough], studied, enough, outside_events(calendar, t_ms))
    state.rows.age[rows] = 0
    state.t_ms = int(t_ms[-1])
    return state


def outside_events(calendar: Calendar, t_ms: NDArray[np.int64]) -> Bools | None:
    """(T,) ticks in which no event of the calendar is on; None where it has no events."""
    if not calendar.events:
        return None
    return np.array([not calendar.active(t) for t in t_ms.tolist()], bool)


def collect(core: Core, state: State, t_ms: int, y: NDArray[np.float64], calendar: Calendar) -> None:
    """Cold start: keeps samples of rows that are not judged yet; those whose warm-up has passed join."""
    lone, stage = _of(core), state.lone_rows.stage
    held: Collected = state.collected
    if not len(held.rows) and np.count_nonzero(stage) == len(stage):  # none is NEW
        return
    first = (stage == NEW) & ~np.isnan(y)
    is_first = np.count_nonzero(first) > 0
    if not is_first and not len(held.rows):
        return
    if len(held.rows):
        held = _release(core, state, held, calendar)
    if is_first:
        stage[first] = COLLECTING
        rows = np.flatnonzero(first)
        blank = np.full((len(rows), lone.collected), np.nan)
        held = Collected(held.times, np.concatenate([held.values, blank]), np.concatenate([held.rows, rows[:, None]]))
    if len(held.rows):
        values = np.concatenate([held.values[:, 1:], y[held.rows]], axis=1)
        times = np.concatenate([held.times[:, 1:], [[t_ms]]], axis=1)
        held = Collected(times, values, held.rows)
    state.collected = held


def _release(core: Core, state: State, held: Collected, calendar: Calendar) -> Collected:
    """Lets rows go whose warm-up has passed and that have values enough to choose a link from."""
    rows = held.rows[:, 0]
    warm = core.parameters.warmup_ms / core.timing.interval_ms
    done = (state.rows.born[rows] > warm) & (np.isfinite(held.values).sum(axis=1) >= ENOUGH)
    if not done.any():
        return held
    used = held.times[0] > 0
    t_ms = held.times[0, used]
    studied = study(_of(core), t_ms, held.values[done][:, used].T)
    join(core, state, rows[done], studied, np.arange(int(done.sum())), outside_events(calendar, t_ms))
    return Collected(held.times, held.values[~done], held.rows[~done])


def _of(core: Core) -> Lone:
    assert core.lone is not None
    return core.lone
