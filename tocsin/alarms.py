"""From rows that entered to alarms: roots, candidates, verdicts, events. Object by object; only a few are ever open."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.schema import MINUTE_MS
from detector.view import Float32s, View
from ensemble.budget import alive_level
from ensemble.episode import has_come_back
from suppression.alarm import AlarmEvent, alarm_id
from suppression.body import body
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.lifecycle import SEVERITIES, Lifecycle, severity
from suppression.localise import Root
from suppression.reasons import Direction
from suppression.suppressor import Scene
from suppression.width import leaves_of
from tocsin.alarm_numbers import numbers_of, remember_worst
from tocsin.core import Core, Derived, State
from tocsin.judgement import Judgement
from tocsin.letting_go import has_calmed, is_gone, start_anew
from tocsin.roots import find_roots, loud_rows

SAME_ROOT = 0.6  # intersection over union of leaves from which two cuboids are one alarm
WIDEN_MS = 25 * MINUTE_MS
RESUME_MS = 30 * MINUTE_MS
COUPLED = (
    0.5  # share of a row's own variance below which the contrast with a witness says that they usually go together
)
INCIDENT_MS = 10 * MINUTE_MS
PLENTY = 100.0  # expected counts from which one tick is known to 10 %
Make = Callable[[Candidate, int], dict[str, Any]]


def follow_candidates(
    core: Core, state: State, derived: Derived, view: View, effects: Effects, controls: Controls, judgement: Judgement,
    z: Float32s, t_ms: int,
) -> tuple[list[AlarmEvent], tuple[int, dict[str, int]]]:  # fmt: skip
    """Opens, judges and ends candidates; returns the events of this tick and what was opened and first held."""
    scene = _scene(core, state, derived, view, effects, controls, judgement, z, t_ms)
    opened = 0
    loud = loud_rows(state, derived, view, judgement)
    if judgement.entered.any() or len(loud):
        for root, special in find_roots(core, state, derived, view, judgement, loud):
            opened += _match_or_open(core, state, derived, view, judgement, root, special, t_ms)
    opened += _shadows(core, state, derived, view, effects, scene, judgement, t_ms)
    life = Lifecycle()
    held: dict[str, int] = {}
    for candidate in state.candidates:
        _absorb(candidate, state, view, judgement, scene)
        if candidate.state != "resolved":
            remember_worst(core, state, view, judgement, candidate)
    for candidate in [c for c in state.candidates if c.state != "resolved"]:
        make = _body_maker(core, state, view, judgement, scene)
        if candidate.alarm_id in controls.acknowledged and not candidate.acknowledged:
            candidate.acknowledged = True
            if candidate.state == "firing":
                life.update(candidate, t_ms, make)
        if candidate.alarm_id in controls.withdrawn:
            life.resolve(candidate, "withdrawn", t_ms, make)
            continue
        if candidate.end is None and candidate.calm_ticks >= core.episode.exit_ticks:
            candidate.end = "recovered"
        if candidate.end is not None:
            _close(core, state, candidate, life, t_ms, make)
            continue
        before, reasons = candidate.state, candidate.reasons
        verdict = core.judge.decide(candidate, scene) if before != "firing" else "tell"
        if before == "held" and "part_of" in reasons and "part_of" not in candidate.reasons and not candidate.is_run:
            start_anew(candidate, state, view, judgement)
            verdict = core.judge.decide(candidate, scene)
        gone = verdict == "tell" and before != "firing" and is_gone(candidate, state, view, judgement)
        if gone or (verdict == "tell" and before == "held" and has_calmed(candidate, judgement)):
            verdict = "wait"
        if verdict == "hold" and before == "pending":
            _widen_alarm(core, candidate, scene, view)
        grade(core, state, view, candidate)
        if before == "pending" and verdict == "tell":
            candidate.incident = incident_of(state, scene, candidate, t_ms)
        life.apply(candidate, verdict, t_ms, make)
        if before == "pending" and candidate.state == "held":
            held[candidate.holds[0].reason] = held.get(candidate.holds[0].reason, 0) + 1
        if before == "firing":
            refresh(candidate, life, t_ms, make)
    state.candidates = [c for c in state.candidates if c.state != "resolved" or t_ms - (c.ended_ms or 0) <= RESUME_MS]
    return life.events, (opened, held)


def _scene(
    core: Core, state: State, derived: Derived, view: View, effects: Effects, controls: Controls, judgement: Judgement,
    z: Float32s, t_ms: int,
) -> Scene:  # fmt: skip
    raw = view.L[0]
    if effects.log_effect is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = np.log(np.maximum(view.mu, 1e-12) / np.maximum(view.base, 1e-12))
        shift[view.gauges] = view.mu[view.gauges] - view.base[view.gauges]
        raw = raw + np.where(np.isfinite(shift), shift, 0)
        with np.errstate(invalid="ignore"):  # on a ramp the sums lag behind; one tick of many counts speaks for itself
            plenty = (view.base >= PLENTY) & view.judgeable
            raw = np.where(plenty, np.log((view.y + 1) / (view.base + 1)), raw)
    coupled = np.zeros(len(raw), bool)
    for testimony in view.testimonies:
        coupled |= testimony.pe2 < COUPLED * state.residual.sig2[1]
    return Scene(
        t_ms, core.timing, state.index, derived.lattice, controls, effects, judgement.threshold, z[: core.horizons],
        view.L, raw, judgement.F, judgement.P, judgement.W, coupled, state.rows.age, state.candidates,
    )  # fmt: skip


# -- opening -----------------------------------------------------------------------------------------------------------


def _match_or_open(
    core: Core, state: State, derived: Derived, view: View, judgement: Judgement, root: Root, special: str, t_ms: int
) -> int:
    """Updates an open candidate of the same cells, widens one that this contains, or opens a new one (returns 1)."""
    lattice = derived.lattice
    sign = 1 if root.size > 0 else -1
    leaves = leaves_of(lattice, root.row)
    mine = np.zeros(lattice.size, bool)
    mine[leaves] = True
    for candidate in state.candidates:
        if candidate.sign != sign or candidate.is_shadow or candidate.end == "adapted":
            continue
        own = leaves_of(lattice, candidate.present)
        shared = int(np.count_nonzero(mine[own]))
        if shared >= SAME_ROOT * (len(own) + len(leaves) - shared):
            if candidate.state == "resolved":
                if candidate.end == "withdrawn":  # a person said that it is not real; not again while it goes on
                    candidate.ended_ms = t_ms
                    return 0
                if candidate.end != "recovered":
                    continue
                _resume(candidate)
            candidate.size, candidate.raw = root.size, root.raw
            return 0
        if candidate.state == "resolved":
            continue
        inside = shared == len(leaves) < len(own)
        if candidate.state == "firing" and inside and abs(root.raw) < 1.6 * abs(candidate.raw) + 0.05:
            return 0  # part of what people already know
        contains = shared == len(own) < len(leaves)
        young = t_ms - candidate.opened_ms <= max(WIDEN_MS, core.timing.interval_ms)
        if contains and young and abs(root.size) >= 0.5 * abs(candidate.size):
            candidate.present = root.row
            candidate.size, candidate.raw = root.size, root.raw
            candidate.changed_ms = -1  # tells `refresh` that people should know
            return 0
    metric = state.index.metric_of(root.row).name
    cuboid = state.index.cuboid(root.row)
    start = t_ms - core.timing.interval_ms  # hot in two of three ticks: it began at the tick before at the latest
    direction: Direction = "up" if sign > 0 else "down"
    fresh = Candidate(
        alarm_id(start, metric, cuboid, direction), root.row, root.row, sign, start, t_ms,
        size=root.size, raw=root.raw, peak_raw=root.raw, contrast=math.nan, is_run=bool(special), special=special,
    )  # fmt: skip
    if any(c.alarm_id == fresh.alarm_id for c in state.candidates):
        return 0
    state.candidates.append(fresh)
    return 1


def _resume(candidate: Candidate) -> None:
    """The same cells again shortly after: the alarm goes on under its id."""
    candidate.state = "held" if candidate.fired_ms is None and candidate.would_have_fired_ms is not None else "pending"
    candidate.end = candidate.ended_ms = None
    candidate.calm_ticks = 0


def _shadows(
    core: Core,
    state: State,
    derived: Derived,
    view: View,
    effects: Effects,
    scene: Scene,
    judgement: Judgement,
    t_ms: int,
) -> int:
    """Candidates that the calendar takes away: what each place would have raised had nobody known of the event.

    With the effect in the expectation nothing deviates; without it the place's roll-up would. It is put on record,
    held.
    """
    opened = 0
    lattice = derived.lattice
    for occurrence, mask, phase in zip(effects.occurrences, effects.masks, effects.phases, strict=True):
        if occurrence.action != "explain" or phase < 0.5:
            continue
        for row in _place_rows(core, state, derived, mask):
            if not view.judgeable[row] or not lattice.watched[row] or derived.ignored[row]:
                continue
            deviation = float(scene.raw_deviation[row])
            z = deviation / math.sqrt(float(view.V[0, row] + state.residual.sig2[0, row]))
            surprise = float(
                core.calibration.surprise_of(state.calibration, 0, z, int(state.rows.classes[row]), int(row))
            )
            if abs(surprise) < judgement.threshold or any(
                c.row == row and c.is_shadow and c.state != "resolved" for c in state.candidates
            ):
                continue
            sign = 1 if deviation > 0 else -1
            start = max(occurrence.from_ms, t_ms - core.timing.interval_ms)
            start -= start % core.timing.interval_ms
            identity = alarm_id(
                start, state.index.metric_of(row).name, state.index.cuboid(row), "up" if sign > 0 else "down"
            )
            if any(c.alarm_id == identity for c in state.candidates):
                continue
            state.candidates.append(
                Candidate(
                    identity,
                    row,
                    row,
                    sign,
                    start,
                    t_ms,
                    size=deviation,
                    raw=deviation,
                    peak_raw=deviation,
                    residual=abs(surprise),
                    contrast=math.nan,
                    fused=abs(surprise),
                    is_shadow=True,
                    is_weak=False,
                )
            )
            opened += 1
    return opened


def _place_rows(core: Core, state: State, derived: Derived, mask: NDArray[np.bool_]) -> list[int]:
    """Roll-up rows of the places that the scope wholly covers (their leaves), one metric at a time."""
    lattice = derived.lattice
    if not lattice.rollups:
        return [int(r) for r in np.flatnonzero(mask & lattice.watched)]
    out = []
    names = core.schema.dimension_names
    d = names.index(core.schema.place) if core.schema.place in names else -1
    for code, (metric, level) in enumerate(lattice.levels):
        if core.schema.metrics[metric].role != "watched":
            continue
        tops = [len(x.parents) + 1 for x in core.schema.dimensions]
        if any(at != (0 if i == d else top) for i, (at, top) in enumerate(zip(level, tops, strict=True)) if at >= 0):
            continue
        inside, grouping, rows = lattice.groups_at(code)
        held = grouping.sum(mask[lattice.leaves][inside].astype(float))
        out += np.arange(lattice.size)[rows][held > 0.5 * grouping.counts].tolist()
    return out


# -- following ---------------------------------------------------------------------------------------------------------


def _absorb(candidate: Candidate, state: State, view: View, judgement: Judgement, scene: Scene) -> None:
    """Peaks of the candidate's row, and whether it is calm."""
    row, sign = candidate.present, candidate.sign
    if candidate.state == "resolved":
        return
    if not view.judgeable[row] and not candidate.is_run:
        return  # nothing is known of this tick
    F, P, c = (sign * float(a[row]) for a in (judgement.F, judgement.P, judgement.c))
    raw = float(scene.raw_deviation[row]) if candidate.is_shadow else float(view.L[0, row])
    candidate.raw = raw if math.isfinite(raw) else candidate.raw
    if abs(candidate.raw) > abs(candidate.peak_raw) and candidate.raw * sign > 0:
        candidate.peak_raw = candidate.raw
    if candidate.is_shadow:
        alive = abs(candidate.raw) >= 0.3 * abs(candidate.peak_raw) and candidate.raw * sign > 0
        on = any(
            mask[leaves_of(scene.lattice, row)].mean() > 0.5 and phase > 0
            for mask, phase in zip(scene.effects.masks, scene.effects.phases, strict=True)
        )
        candidate.calm_ticks = 0 if alive and on else candidate.calm_ticks + (1 if on else 1 << 20)
        return
    if candidate.state in ("pending", "held") and "part_of" not in candidate.reasons and candidate.raw * sign > 0:
        candidate.size = candidate.raw  # what waits or is held grows with its row
    candidate.residual = max(candidate.residual, F if math.isfinite(F) else 0.0)
    if math.isfinite(P):
        candidate.contrast = P if math.isnan(candidate.contrast) else max(candidate.contrast, P)
    testimony = sign * float(scene.testimony[row])
    if math.isfinite(testimony):
        candidate.testimony = max(candidate.testimony, testimony)
    onset = float((state.onset.up if sign > 0 else state.onset.down)[row])
    candidate.onset = max(candidate.onset, onset)
    candidate.fused = max(candidate.fused, c if math.isfinite(c) else 0.0)
    known = [sign * z for z in scene.z[:, row].tolist() if math.isfinite(z)]
    candidate.largest_z = max(candidate.largest_z, *known) if known else candidate.largest_z
    run = bool(judgement.run[row])
    if run and not candidate.is_run:
        candidate.is_run, candidate.special = True, "zero_run" if state.zero.run[row] >= 22 else "stuck"
    least = alive_level(judgement.threshold)
    remembered = bool(has_come_back(view.L[:, row], sign))
    alive = run or (least <= F and not remembered) or least <= P  # NaN is no voice
    candidate.calm_ticks = 0 if alive else candidate.calm_ticks + 1


def _widen_alarm(core: Core, candidate: Candidate, scene: Scene, view: View) -> None:
    """A second cuboid that began with an alarm and moves as one with it: people hear of the whole, under one id."""
    if candidate.reasons != ("part_of",):
        return
    by = candidate.holds[0].by
    for alarm in scene.candidates:
        if alarm.alarm_id != by or alarm.state != "firing":
            continue
        row = core.judge.part_of.whole_of(candidate, alarm, scene)
        if row is None:
            return
        alarm.present = row
        alarm.size = alarm.raw = float(view.L[0, row])
        alarm.changed_ms = -1  # tells `refresh` that people should know


def grade(core: Core, state: State, view: View, candidate: Candidate) -> None:
    row = candidate.present
    metric = state.index.metric_of(row)
    fixed = metric.severity
    for group in core.schema.groups:
        labels = state.index.labels(row)
        from suppression.scope import Scope

        if group.severity is not None and Scope(match=group.match, exclude={}).matches(labels):
            fixed = group.severity
    own, everything = float(view.mu[row]), 0.0
    lattice = view.lattice
    if state.rows.kind[row] == 0 and math.isfinite(own):
        everything = view.total_of(int(lattice.metric[row]))
        share = own / everything * abs(math.expm1(max(min(candidate.raw, 3.0), -20.0))) if everything > 0 else 0.0
    else:
        share = 0.05
    candidate.severity = severity(share, candidate.fused, fixed, candidate.severity)


def incident_of(state: State, scene: Scene, candidate: Candidate, t_ms: int) -> str:
    """Alarms that share a place and fire within ten minutes share the incident of the first."""
    lattice = scene.lattice
    names = scene.index.schema.dimension_names
    place = scene.index.schema.place
    d = names.index(place) if place in names else -1
    mine = set(lattice.codes[d, leaves_of(lattice, candidate.present)].tolist()) if d >= 0 else {0}
    for other in state.candidates:
        if (
            other is candidate
            or other.fired_ms is None
            or t_ms - other.fired_ms > max(INCIDENT_MS, scene.timing.interval_ms)
        ):
            continue
        theirs = set(lattice.codes[d, leaves_of(lattice, other.present)].tolist()) if d >= 0 else {0}
        if mine & theirs:
            return other.incident or other.alarm_id
    return candidate.alarm_id


def refresh(candidate: Candidate, life: Lifecycle, t_ms: int, make: Any) -> None:
    """A firing alarm that grew wider or graver is told anew."""
    graver = SEVERITIES.index(candidate.severity) > SEVERITIES.index(candidate.body.get("severity", candidate.severity))
    if candidate.changed_ms == -1 or graver:
        life.update(candidate, t_ms, make)
    candidate.body = {"severity": candidate.severity}


def _close(core: Core, state: State, candidate: Candidate, life: Lifecycle, t_ms: int, make: Any) -> None:
    assert candidate.end is not None
    life.resolve(candidate, candidate.end, t_ms, make)


def _body_maker(core: Core, state: State, view: View, judgement: Judgement, scene: Scene) -> Make:
    def make(of: Candidate, revision: int) -> dict[str, Any]:
        return body(of, scene, numbers_of(core, state, view, judgement, of), revision)

    return make
