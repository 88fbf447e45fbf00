"""One tick of lone series: how far each lies from its fast levels, in the unit of its own worst hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Tick
from detector.innovations import Innovation
from detector.link import invert
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS
from detector.view import Float32s, View
from suppression.calendar import Occurrence
from suppression.controls import Controls
from suppression.impact import Effects, prior
from tocsin.core import Core, Derived, State
from tocsin.filling import leaf_values
from tocsin.lone import JUDGED, LONG_CALM, Lone, Units
from tocsin.lone_absence import Missing, foretold_pages, judge_absence, learn_absence
from tocsin.lone_start import collect, on_scale
from tocsin.rows import REAL_GAUGE

ECHO_MS = 30 * MINUTE_MS  # after an event in which the way back to normal is still its doing; three ticks at least


@dataclass(slots=True)
class Reading:
    """What one tick came to. S rows; unit arrays are NaN but at the heads of units."""

    ready: NDArray[np.bool_]  # (S,) judged: its warm-up has passed
    x: Float32s  # (S,) on the link scale
    z: Float32s  # (S,) signed innovation, in scales
    drift: Float32s  # (S,) signed drift, in its sizes; NaN where it is not heard
    s_z: Float32s  # (S,) |z| in worst hours
    s_drift: Float32s  # (S,) |drift| in its worst hours
    s: Float32s  # (S,) the louder of both
    sign: Float32s  # (S,) of the louder
    c: Float32s  # (S,) of units with several metrics: capped mean of s
    unit_s: Float32s  # (S,) of units: s, or c in the unit of its own worst hours
    told_s: Float32s  # (S,) of units: less what was recently wild
    threshold: float  # of told_s
    lower: Float32s  # (S,) in the user's unit: where s is 1
    upper: Float32s  # (S,)


@dataclass(slots=True)
class LoneJudgement:
    """Surprise of each row by itself (F) and of its unit (c), signed; rows in which an opening was seen."""

    F: Float32s  # (S,) of its innovation
    drift: Float32s  # (S,) of its drift; NaN where it is not heard
    c: Float32s  # (S,); of units that are missing, how unusual that is, below zero
    entered: NDArray[np.bool_]  # (S,) the loudest row of a unit that opens
    threshold: float  # surprise
    reading: Reading
    missing: Missing


def judge_lone(
    core: Core, state: State, derived: Derived, tick: Tick, controls: Controls
) -> tuple[View, Effects, LoneJudgement]:
    """Collects, judges and counts calm ticks; changes nothing else that is learnt."""
    lone, units = core.lone, derived.units
    assert lone is not None
    assert units is not None
    y = leaf_values(core, state, derived, tick)
    rows = state.rows
    np.add(rows.age, 1, out=rows.age)
    rows.age[~np.isnan(y)] = 0
    rows.born[...] += (rows.born > 0) | ~np.isnan(y)
    collect(core, state, tick.t_ms, y, controls.calendar)
    ready = state.lone_rows.stage == JUDGED
    x = on_scale(state.link, np.where(ready, y, np.nan))
    innovation = lone.innovations.score(state.innovation, tick.t_ms, x)
    reading = _reading(lone, state, units, x, innovation)
    reading.ready = ready
    _set_threshold(core, lone, state, units, tick.t_ms)
    reading.threshold = float(state.lone_rows.threshold)
    missing = judge_absence(core, lone, state, units, ~np.isnan(y), ready, tick.t_ms)
    reach = innovation.band * np.exp(state.hours.log_unit)
    mu, lower, upper = invert(state.link, innovation.expected + np.stack([np.zeros_like(reach), -reach, reach]))
    reading.lower, reading.upper = lower.astype(np.float32), upper.astype(np.float32)
    view = _view(core, state, derived, tick.t_ms, y, mu, ready)
    return view, events_on(core, state, derived, controls, tick.t_ms), _opened(lone, state, units, reading, missing)


def _reading(lone: Lone, state: State, units: Units, x: Float32s, innovation: Innovation) -> Reading:
    nothing = np.full(len(x), np.nan, np.float32)
    z, drift = innovation.z, innovation.drift if lone.hears_drift else nothing
    s_z = lone.hours.score(state.hours, z)
    s_drift = lone.hours.score(state.drift_hours, drift) if lone.hears_drift else nothing
    s: Float32s = np.fmax(s_z, s_drift)
    sign = np.where(s_drift > s_z, np.sign(drift), np.sign(z))
    c, unit_s = nothing, nothing.copy()
    heads = units.heads
    if lone.entity is None:
        unit_s[heads] = s[heads]
    else:
        c = nothing.copy()
        c[heads] = lone.entity.fuse(np.append(s, np.float32(np.nan))[units.table])
        unit_s = lone.hours.score(state.entity_hours, c)
    told_s = lone.peak.score(state.peak, unit_s)
    return Reading(
        np.zeros(0, bool), x, z, drift, s_z, s_drift, s, sign, c, unit_s, told_s, np.nan, nothing, nothing
    )  # fmt: skip


def _set_threshold(core: Core, lone: Lone, state: State, units: Units, t_ms: int) -> None:
    """Reads the threshold from the law once a day."""
    own = state.lone_rows
    if not own.threshold or int(own.day) != t_ms // DAY_MS:
        budget = core.budget.promised(len(units.heads)) / 1000
        own.threshold[...] = lone.law.threshold(state.law, budget - foretold_pages(core, lone, state, units))
        own.day[...] = t_ms // DAY_MS


def _view(
    core: Core, state: State, derived: Derived, t_ms: int, y: NDArray[np.float64], mu: NDArray[np.float64],
    ready: NDArray[np.bool_],
) -> View:  # fmt: skip
    """The view that alarms and pages read: values and expectation in the user's unit, one log deviation.

    Of series with values below zero the deviation is in their usual size instead.
    """
    view = View(t_ms, derived.lattice, y.astype(np.float32), np.zeros(0, np.int64))
    unit = state.link.unit
    floor = 0.01 * unit
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logged = np.log(np.maximum(y, 0) + floor) - np.log(np.maximum(mu, 0) + floor)
        deviation = np.where(state.rows.kind == REAL_GAUGE, (y - mu) / unit, logged)
    view.mu = view.base = mu.astype(np.float32)
    view.missing = np.isnan(y)
    view.judgeable = ready & ~view.missing
    deviation[~view.judgeable] = np.nan
    view.L = np.broadcast_to(deviation.astype(np.float32), (core.horizons, len(y)))
    view.age = state.rows.age
    view.witnesses = derived.witnesses
    return view


def _opened(lone: Lone, state: State, units: Units, reading: Reading, missing: Missing) -> LoneJudgement:
    """Which units open at this tick: over the threshold after enough calm ticks. Gaps open by `missing` only."""
    calm, heads = state.lone_rows.calm, units.heads
    told = reading.told_s[heads]
    with np.errstate(invalid="ignore"):
        over = told > reading.threshold
    opens = over & (calm[heads] >= lone.close_ticks)
    calm[heads] = np.where(over, 0, np.minimum(calm[heads] + 1, LONG_CALM))
    sign, said = reading.sign, told
    if lone.hears_drift:
        said, sign = _of_ticks(reading, units, told, opens)
    entered = np.zeros(len(reading.z), bool)
    loudness = np.append(np.nan_to_num(reading.s), np.float32(-1)) if opens.any() else reading.s
    for unit in np.flatnonzero(opens).tolist():
        members = units.table[:, unit]
        entered[members[int(np.argmax(loudness[members]))]] = True
    of_units = np.append(lone.law.surprise(said), np.float32(np.nan))
    F = lone.row_law.surprise(reading.s_z) * np.sign(reading.z)
    drift = lone.row_law.surprise(reading.s_drift) * np.sign(reading.drift)
    c = of_units[units.of] * sign
    if not np.isnan(missing.s).all():
        silent = np.append(missing.s[heads], np.float32(np.nan))[units.of]
        c = np.where(np.isnan(silent), c, -lone.law.surprise(silent)).astype(np.float32)
    threshold = lone.law.surprise(np.array([reading.threshold], np.float32))
    return LoneJudgement(F, drift, c, entered, float(threshold[0]), reading, missing)


def _of_ticks(
    reading: Reading, units: Units, told: Float32s, opens: NDArray[np.bool_]
) -> tuple[Float32s, NDArray[Any]]:  # fmt: skip
    """What ticks say by themselves, (E,) and its sign (S,): a drift is told at the tick at which it opens.

    It lasts for hours, in which ticks may be quite usual: told at each of them it spoils the point-wise scores of the
    rest. It holds the alarm open all the same.
    """
    heads = units.heads
    s, sharp = reading.s[heads], reading.s_z[heads]
    alone = told * np.divide(sharp, s, out=np.ones_like(s), where=s > 0)
    sign = np.sign(reading.z)
    sign[heads[opens]] = reading.sign[heads[opens]]
    return np.where(opens, told, alone), sign


def events_on(core: Core, state: State, derived: Derived, controls: Controls, t_ms: int) -> Effects:
    """Events in force for rows that follow their level at once: what deviates is explained, not expected.

    Nothing enters the expectation; inside the window, lead and tail included, the whole envelope holds. For half an
    hour, three ticks at least, after its end the way back is explained too: by what the event may have moved, turned
    over.
    """
    echo = max(ECHO_MS, 3 * core.timing.interval_ms)
    now = controls.calendar.active(t_ms)
    past = () if not controls.calendar.events else controls.calendar.active(t_ms - echo)
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
    rate, calm = np.ones(size, np.float32), np.ones(size, bool)
    if effects.frozen is not None and effects.event_only is not None:
        rate[effects.frozen] = 0
        calm &= ~(effects.frozen | effects.event_only)
    counts = reading.ready & calm
    budget = core.budget.promised(len(units.heads)) / 1000
    lone.peak.advance(state.peak, t_ms, reading.unit_s, budget)
    lone.innovations.learn(state.innovation, t_ms, reading.x, rate)
    lone.hours.learn(state.hours, t_ms, reading.z, counts)
    if lone.hears_drift:
        lone.hours.learn(state.drift_hours, t_ms, reading.drift, counts)
    if lone.entity is not None:
        lone.hours.learn(state.entity_hours, t_ms, reading.c, counts)
    lone.law.learn(state.law, t_ms, reading.told_s, counts)
    learn_absence(core, lone, state, t_ms, missing, calm)
