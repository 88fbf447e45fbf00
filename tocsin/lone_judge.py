"""One tick of lone series: how far each lies from its fast levels, in the unit of its own worst hours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Tick
from detector.innovations import Innovation
from detector.link import invert
from detector.look import Look, nothing
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS
from detector.view import Float32s, View, none
from ensemble.opening_law import LONGEST, TICK
from suppression.calendar import Occurrence
from suppression.controls import Controls
from suppression.impact import Effects, prior
from tocsin.core import Core, Derived, State
from tocsin.filling import leaf_values
from tocsin.lone import JUDGED, Lone, Units
from tocsin.lone_absence import Missing, foretold_pages, judge_absence, learn_absence
from tocsin.lone_start import collect, on_scale
from tocsin.rows import REAL_GAUGE

ECHO_MS = 30 * MINUTE_MS  # after an event in which the way back to normal is still its doing; three ticks at least
SMALLEST = np.array(np.finfo(np.float32).smallest_subnormal, np.float32)  # no s above zero is below it
IS_JUDGED = np.array(JUDGED, np.int8)
NO_ROWS = np.zeros(0, np.int64)
ONE = np.ones((), np.float32)


@dataclass(slots=True)
class Reading:
    """What one tick came to. S rows; unit arrays are NaN but at the heads of units."""

    y: NDArray[np.float64]  # (S,) in the user's unit
    ready: NDArray[np.bool_]  # (S,) judged: its warm-up has passed
    x: Float32s  # (S,) on the link scale
    look: Look  # of the levels
    z: Float32s  # (S,) signed innovation, in scales
    drift: Float32s  # (S,) signed drift, in its sizes; NaN where it is not heard
    s_z: Float32s  # (S,) |z| in worst hours
    s_drift: Float32s  # (S,) |drift| in its worst hours
    s: Float32s  # (S,) the louder of both
    sign: Float32s  # (S,) of the louder
    c: Float32s  # (S,) of units with several metrics: capped mean of s
    unit_s: Float32s  # (S,) of units: s, or c in the unit of its own worst hours
    louder: Float32s  # (S,) or () times that it is told, for where the value leads
    told_s: Float32s  # (S,) of units: less what was recently wild, more what leads out of what is known
    threshold: float  # of told_s
    mu: NDArray[np.float64]  # (S,) expected, in the user's unit
    lower: Float32s  # (S,) in the user's unit: where s is 1
    upper: Float32s  # (S,)


@dataclass(slots=True)
class LoneJudgement:
    """Surprise of each row by itself (F) and of its unit (c), signed; rows in which an opening was seen."""

    c: Float32s  # (S,); of units that are missing, how unusual that is, below zero
    entered: NDArray[np.bool_]  # (S,) the loudest row of a unit that opens
    is_entered: bool  # there is one
    threshold: float  # surprise
    reading: Reading
    missing: Missing
    F: Float32s = field(default_factory=none)  # (S,) of its innovation; filled where somebody is to be told
    drift: Float32s = field(default_factory=none)  # (S,) of its drift; NaN where it is not heard; filled as F


def judge_lone(
    core: Core, state: State, derived: Derived, tick: Tick, controls: Controls
) -> tuple[View, Effects, LoneJudgement]:
    """Collects, judges and counts calm ticks; changes nothing else that is learnt."""
    lone, units = core.lone, derived.units
    assert lone is not None
    assert units is not None
    y = leaf_values(core, state, derived, tick)
    absent = np.isnan(y)
    there = ~absent
    rows = state.rows
    np.add(rows.age, TICK, rows.age)
    rows.age[there] = 0
    np.add(rows.born, np.logical_or(rows.born, there), rows.born)
    collect(core, state, tick.t_ms, y, controls.calendar)
    ready = state.lone_rows.stage == IS_JUDGED
    judged = y
    if np.count_nonzero(ready) < len(ready):
        judged = y.copy()
        judged[~ready] = np.nan
    _set_threshold(core, lone, state, units, tick.t_ms)
    reading = _reading(lone, state, units, tick.t_ms, y, on_scale(state.link, judged), ready, _budget(core, units))
    missing = judge_absence(core, lone, state, units, there, ready, tick.t_ms)
    view = _view(derived, state, tick.t_ms, absent, reading)
    return view, events_on(core, state, derived, controls, tick.t_ms), _opened(lone, state, units, reading, missing)


def _budget(core: Core, units: Units) -> float:
    """Promised false pages per series-week."""
    return core.budget.promised(len(units.heads)) / 1000


def _reading(
    lone: Lone, state: State, units: Units, t_ms: int, y: NDArray[np.float64], x: Float32s, ready: NDArray[np.bool_],
    budget: float,
) -> Reading:  # fmt: skip
    innovation = lone.innovations.score(state.innovation, t_ms, x)
    z = innovation.z
    s_z = lone.hours.score(state.hours, z)
    s, sign = s_z, np.sign(z)
    drift = s_drift = nothing(len(x))
    if lone.hears_drift:
        drift = innovation.drift
        s_drift = lone.hours.score(state.drift_hours, drift)
        s = np.fmax(s_z, s_drift)
        sign = np.where(s_drift > s_z, np.sign(drift), sign)
    c, unit_s = nothing(len(x)), s
    if lone.entity is not None:
        c = c.copy()
        c[units.heads] = lone.entity.fuse(np.append(s, np.float32(np.nan))[units.table])
        unit_s = lone.hours.score(state.entity_hours, c)
    elif not units.are_rows:
        unit_s = c.copy()
        unit_s[units.heads] = s[units.heads]
    told_s, louder = lone.peak.score(state.peak, unit_s), ONE
    strength = lone.known.strength(budget) if lone.hears_range else 0.0
    if strength:
        louder = lone.known.score(state.known, x, z, strength)
        told_s *= louder
    mu, lower, upper = _bounds(state, innovation)
    return Reading(
        y, ready, x, innovation.look, z, drift, s_z, s_drift, s, sign, c, unit_s, louder, told_s,
        float(state.lone_rows.threshold), mu, lower, upper,
    )  # fmt: skip


def _bounds(state: State, innovation: Innovation) -> tuple[NDArray[np.float64], Float32s, Float32s]:
    """(S,) expectation and where s is 1, in the user's unit."""
    reach = innovation.band * np.exp(state.hours.log_unit)
    x = np.empty((3, len(reach)), np.float32)
    x[0] = innovation.expected
    np.subtract(innovation.expected, reach, x[1])
    np.add(innovation.expected, reach, x[2])
    values = invert(state.link, x)
    narrow = values[1:].astype(np.float32)
    return values[0], narrow[0], narrow[1]


def _set_threshold(core: Core, lone: Lone, state: State, units: Units, t_ms: int) -> None:
    """Reads the threshold from the law once a day."""
    own = state.lone_rows
    if not own.threshold or int(own.day) != t_ms // DAY_MS:
        left = _budget(core, units) - foretold_pages(core, lone, state, units)
        own.threshold[...] = lone.law.threshold(state.law, left)
        own.day[...] = t_ms // DAY_MS


def _view(
    derived: Derived, state: State, t_ms: int, absent: NDArray[np.bool_], reading: Reading
) -> View:  # fmt: skip
    """The view that alarms and pages read: values and expectation in the user's unit."""
    view = View(t_ms, derived.lattice, reading.y.astype(np.float32), NO_ROWS)
    view.mu = view.base = reading.mu.astype(np.float32)
    view.missing = absent
    view.judgeable = reading.ready & ~absent
    view.age = state.rows.age
    view.witnesses = derived.witnesses
    return view


def measure(core: Core, lone: Lone, state: State, view: View, judgement: LoneJudgement) -> None:
    """Fills what only candidates need: one log deviation, and the surprise of each row.

    Of series with values below zero the deviation is in their usual size instead.
    """
    reading, unit = judgement.reading, state.link.unit
    y, mu, floor = reading.y, reading.mu, 0.01 * unit
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logged = np.log(np.maximum(y, 0) + floor) - np.log(np.maximum(mu, 0) + floor)
        deviation = np.where(state.rows.kind == REAL_GAUGE, (y - mu) / unit, logged)
    deviation[~view.judgeable] = np.nan
    view.L = np.broadcast_to(deviation.astype(np.float32), (core.horizons, len(y)))
    judgement.F = lone.row_law.surprise(reading.s_z * reading.louder) * np.sign(reading.z)
    judgement.drift = lone.row_law.surprise(reading.s_drift * reading.louder) * np.sign(reading.drift)


def _opened(lone: Lone, state: State, units: Units, reading: Reading, missing: Missing) -> LoneJudgement:
    """Which units open at this tick: over the threshold after enough calm ticks. Gaps open by `missing` only."""
    calm = units.at_heads(state.lone_rows.calm)
    told = units.at_heads(reading.told_s)
    over = told > np.array(reading.threshold, np.float32)
    opens, loud, opened = over, np.count_nonzero(over), 0
    if loud:
        opens = over & (calm >= lone.close_ticks)
        opened = int(np.count_nonzero(opens))
    np.add(calm, TICK, calm)
    np.minimum(calm, LONGEST, out=calm)
    if loud:
        calm[over] = 0
    if not units.are_rows:
        state.lone_rows.calm[units.heads] = calm
    sign, said = reading.sign, told
    if lone.hears_drift:
        said, sign = _of_ticks(reading, units, told, opens)
    entered = np.zeros(len(reading.z), bool)
    if opened:
        loudness = np.append(np.nan_to_num(reading.s), np.float32(-1))
        for unit in np.flatnonzero(opens).tolist():
            members = units.table[:, unit]
            entered[members[int(np.argmax(loudness[members]))]] = True
    asked = np.empty(len(said) + 1, np.float32)  # of units, and of the threshold
    asked[:-1] = said
    asked[-1] = reading.threshold
    surprise = lone.law.surprise(asked)
    c = units.of_rows(surprise[:-1]) * sign
    if missing.is_loud:
        silent = units.of_rows(units.at_heads(missing.s))
        c = np.where(np.isnan(silent), c, -lone.law.surprise(silent)).astype(np.float32)
    return LoneJudgement(c, entered, opened > 0, float(surprise[-1]), reading, missing)


def _of_ticks(
    reading: Reading, units: Units, told: Float32s, opens: NDArray[np.bool_]
) -> tuple[Float32s, NDArray[Any]]:  # fmt: skip
    """What ticks say by themselves, (E,) and its sign (S,): a drift is told at the tick at which it opens.

    It lasts for hours, in which ticks may be quite usual: told at each of them it spoils the point-wise scores of the
    rest. It holds the alarm open all the same.
    """
    s, sharp = units.at_heads(reading.s), units.at_heads(reading.s_z)
    alone = np.divide(sharp, np.maximum(s, SMALLEST))
    alone *= told
    sign = np.sign(reading.z)
    if np.count_nonzero(opens):
        alone[opens] = told[opens]
        rows = units.heads[opens]
        sign[rows] = reading.sign[rows]
    return alone, sign


def events_on(core: Core, state: State, derived: Derived, controls: Controls, t_ms: int) -> Effects:
    """Events in force for rows that follow their level at once: what deviates is explained, not expected.

    Nothing enters the expectation; inside the window, lead and tail included, the whole envelope holds. For half an
    hour, three ticks at least, after its end the way back is explained too: by what the event may have moved, turned
    over.
    """
    if not controls.calendar.events:
        return Effects()
    echo = max(ECHO_MS, 3 * core.timing.interval_ms)
    now = controls.calendar.active(t_ms)
    past = controls.calendar.active(t_ms - echo)
    ended = tuple(_turned(o) for o in past if o not in now and o.action == "explain" and o.until_ms <= t_ms)
    on = (*now, *ended)
    if not on:
        return Effects()
    size = derived.lattice.size
    frozen, event_only, predicted = np.zeros(size, bool), np.zeros(size, bool), np.zeros(size)
    masks = []
    for occurrence in on:
        mask = core.scopes.mask(state.index, occurrence)
        masks.append(mask)
        if occurrence in now and occurrence.learn == "freeze":
            frozen |= mask
        elif occurrence.learn != "normal":
            event_only |= mask
        if occurrence.action == "explain":
            predicted[mask] = prior(occurrence)[0]
    return Effects(on, predicted, None, None, frozen, event_only, masks, [1.0] * len(on))


def _turned(occurrence: Occurrence) -> Occurrence:
    """The event's way back: its change and direction the other way round."""
    if occurrence.change is None:
        turned = {"up": "down", "down": "up"}.get(occurrence.direction, occurrence.direction)
        return replace(occurrence, direction=turned)  # type: ignore[arg-type]
    low, high = (1 / max(1 + c, 0.01) - 1 for c in occurrence.change)
    return replace(occurrence, change=(high, low))


def learn_lone(
    core: Core, state: State, units: Units, t_ms: int, reading: Reading, missing: Missing, effects: Effects
) -> None:  # fmt: skip
    """Everything learns at full rate, clips protect it; frozen rows learn nothing, rows in events no unit, no law."""
    lone = core.lone
    assert lone is not None
    size = len(reading.x)
    rate, calm = everyone(size)
    counts = reading.ready
    if effects.frozen is not None and effects.event_only is not None:
        rate, calm = rate.copy(), ~(effects.frozen | effects.event_only)
        rate[effects.frozen] = 0
        counts = counts & calm
    lone.peak.advance(state.peak, t_ms, reading.unit_s, _budget(core, units))
    if lone.hears_range:
        x = reading.x if effects.frozen is None else np.where(effects.frozen, np.float32(np.nan), reading.x)
        lone.known.advance(state.known, t_ms, x)
    lone.innovations.learn(state.innovation, t_ms, reading.x, rate, reading.look)
    lone.hours.learn(state.hours, t_ms, reading.z, counts)
    if lone.hears_drift:
        lone.hours.learn(state.drift_hours, t_ms, reading.drift, counts)
    if lone.entity is not None:
        lone.hours.learn(state.entity_hours, t_ms, reading.c, counts)
    lone.law.learn(state.law, t_ms, reading.told_s, counts)
    learn_absence(core, lone, state, t_ms, missing, calm)


@lru_cache(maxsize=4)
def everyone(n: int) -> tuple[Float32s, NDArray[np.bool_]]:
    """(n,) full rate, and all of them; not to be written into."""
    rate, calm = np.ones(n, np.float32), np.ones(n, bool)
    rate.flags.writeable = calm.flags.writeable = False
    return rate, calm
