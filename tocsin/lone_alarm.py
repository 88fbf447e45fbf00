"""Alarms of lone series: each opening of a unit is a candidate under the same rules and the same lifecycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from detector.view import View
from suppression.alarm import AlarmEvent, alarm_id
from suppression.body import body, number
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.lifecycle import Lifecycle
from suppression.suppressor import Scene
from tocsin.alarm_numbers import threshold_json, voice
from tocsin.alarms import grade, incident_of, refresh
from tocsin.core import Core, Derived, State
from tocsin.lone import LONG_CALM
from tocsin.lone_judge import LoneJudgement, measure

LOUDEST = 3  # metrics of a unit that are named as evidence
MISSING = "missing"
LEAST_SURPRISE = 2.0  # from which a metric counts as a voice for the alarm


def follow_lone(
    core: Core, state: State, derived: Derived, view: View, effects: Effects, controls: Controls,
    judgement: LoneJudgement, t_ms: int,
) -> tuple[list[AlarmEvent], int, dict[str, int]]:  # fmt: skip
    """Opens, judges and ends candidates; the events of this tick, how many opened, how many were first held by what."""
    assert core.lone is not None
    missing = judgement.missing.is_loud and np.count_nonzero(judgement.missing.opens) > 0
    if not (state.candidates or judgement.is_entered or missing):
        return [], 0, {}
    made: list[Scene] = []

    def scene() -> Scene:
        """What rules look at; made where somebody looks: a gap that people were told of needs nothing for two weeks."""
        if not made:
            assert core.lone is not None
            measure(core, core.lone, state, view, judgement)
            made.append(_scene(core, state, derived, view, effects, controls, judgement))
        return made[0]

    if judgement.is_entered:
        scene()
    opened = [_open(state, view, judgement, int(row), t_ms) for row in np.flatnonzero(judgement.entered)]
    opened += _missing(state, derived, judgement, t_ms, core.timing.interval_ms)
    state.candidates += opened
    life, held = Lifecycle(), dict[str, int]()
    for candidate in state.candidates:
        if candidate.special != MISSING:
            scene()
        _absorb(candidate, state, derived, view, judgement)
        if candidate.special != MISSING and view.judgeable[candidate.present] and candidate.is_at_worst():
            candidate.remember(_measured(core, state, derived, view, judgement, candidate))
        before = candidate.state
        _follow(core, state, derived, view, judgement, controls, scene, candidate, life)
        if before == "pending" and candidate.state == "held":
            reason = candidate.holds[0].reason
            held[reason] = held.get(reason, 0) + 1
    state.candidates = [c for c in state.candidates if c.state != "resolved"]
    return life.events, len(opened), held


def _open(state: State, view: View, judgement: LoneJudgement, row: int, t_ms: int) -> Candidate:
    sign = 1 if judgement.reading.sign[row] >= 0 else -1
    size = float(view.L[0, row])
    identity = alarm_id(
        t_ms, state.index.metric_of(row).name, state.index.cuboid(row), "up" if sign > 0 else "down"
    )  # fmt: skip
    return Candidate(
        identity, row, row, sign, t_ms, t_ms, size=size, raw=size, peak_raw=size, contrast=math.nan, is_weak=False
    )


def _missing(state: State, derived: Derived, judgement: LoneJudgement, t_ms: int, interval_ms: int) -> list[Candidate]:
    """Candidates of units that are missing for unusually long; not of one that people are already told about.

    They start at the first tick without a sample, as people will count.
    """
    units, missing = derived.units, judgement.missing
    assert units is not None
    told = {int(units.of[c.present]) for c in state.candidates if c.state == "firing"}
    out = []
    for row in np.flatnonzero(missing.opens).tolist():
        unit = int(units.of[row])
        if unit in told:
            state.lone_rows.heard[row] = LONG_CALM  # asked again at the next tick
            continue
        members = units.table[units.table[:, unit] >= 0, unit]
        start_ms = t_ms - (int(state.rows.age[members].min()) - 1) * interval_ms
        identity = alarm_id(start_ms, state.index.metric_of(row).name, state.index.cuboid(row), "down")
        out.append(
            Candidate(
                identity, row, row, -1, start_ms, t_ms, contrast=math.nan, is_run=True, special=MISSING, is_weak=False,
            )
        )  # fmt: skip
    return out


def _scene(
    core: Core, state: State, derived: Derived, view: View, effects: Effects, controls: Controls,
    judgement: LoneJudgement,
) -> Scene:  # fmt: skip
    nobody = np.full(len(view.y), np.nan, np.float32)
    z = np.broadcast_to(judgement.reading.z, (core.horizons, len(view.y)))
    return Scene(
        view.t_ms, core.timing, state.index, derived.lattice, controls, effects, judgement.threshold, z, view.L,
        view.L[0], judgement.F, nobody, nobody, np.zeros(len(nobody), bool), state.rows.age.astype(float),
        state.candidates,
    )  # fmt: skip


def _absorb(candidate: Candidate, state: State, derived: Derived, view: View, judgement: LoneJudgement) -> None:
    """Peaks of the candidate's unit, whatever their sign, and for how long it has been calm."""
    assert derived.units is not None
    row = candidate.present
    unit = int(derived.units.of[row])
    if candidate.special == MISSING:
        head = derived.units.heads[unit] if unit >= 0 else row
        candidate.calm_ticks = int(state.lone_rows.heard[head]) if unit >= 0 else LONG_CALM
        said = float(judgement.c[row])
        if math.isfinite(said) and judgement.missing.s[head] > 0:
            candidate.fused = max(candidate.fused, abs(said))
        return
    candidate.calm_ticks = int(state.lone_rows.calm[derived.units.heads[unit]]) if unit >= 0 else 1 << 20
    if not view.judgeable[row]:
        return
    raw = float(view.L[0, row])
    candidate.raw = raw
    if abs(raw) > abs(candidate.peak_raw):
        candidate.peak_raw = candidate.size = raw
    peaks = (("residual", judgement.F[row]), ("drift", judgement.drift[row]), ("fused", judgement.c[row]))
    for name, value in peaks:
        if math.isfinite(value):
            setattr(candidate, name, max(getattr(candidate, name), abs(float(value))))
    z = float(judgement.reading.z[row])
    if math.isfinite(z):
        candidate.largest_z = max(candidate.largest_z, candidate.sign * z)


def _follow(
    core: Core, state: State, derived: Derived, view: View, judgement: LoneJudgement, controls: Controls,
    scene: Callable[[], Scene], candidate: Candidate, life: Lifecycle,
) -> None:  # fmt: skip
    """One candidate's tick: acknowledged, withdrawn, ended; else the rules are asked. A gap says nothing new."""
    t_ms = view.t_ms
    assert core.lone is not None

    def make(of: Candidate, revision: int) -> dict[str, Any]:
        return body(of, scene(), _numbers(core, state, derived, view, judgement, of), revision)

    if candidate.alarm_id in controls.acknowledged and not candidate.acknowledged:
        candidate.acknowledged = True
        if candidate.state == "firing":
            life.update(candidate, t_ms, make)
    if candidate.alarm_id in controls.withdrawn:
        return life.resolve(candidate, "withdrawn", t_ms, make)
    if candidate.calm_ticks >= core.lone.close_ticks:
        return life.resolve(candidate, "recovered", t_ms, make)
    if candidate.special == MISSING and state.rows.age[candidate.present] >= core.timing.ticks(
        core.parameters.idle_ttl_ms
    ):
        return life.resolve(candidate, "series_gone", t_ms, make)
    grade(core, state, view, candidate)
    if candidate.state == "firing":
        return refresh(candidate, life, t_ms, make)
    # while it is calm nothing is asked: what lies within the threshold is no reason to tell
    asked = view.judgeable[candidate.present] or candidate.special == MISSING
    if asked and not candidate.calm_ticks:
        verdict = core.judge.decide(candidate, scene())
        if verdict == "wait":  # for something wider: there is nothing wider
            verdict = "tell"
        if candidate.state == "pending" and verdict == "tell":
            candidate.incident = incident_of(state, scene(), candidate, t_ms)
        life.apply(candidate, verdict, t_ms, make)
    return None


def _numbers(
    core: Core, state: State, derived: Derived, view: View, judgement: LoneJudgement, candidate: Candidate
) -> dict[str, Any]:
    surprise = candidate.sign * min(candidate.fused, 15.0)
    return {
        **_measured(core, state, derived, view, judgement, candidate),
        "surprise": number(surprise), "p": number(10 ** -abs(surprise)),
        "threshold": threshold_json(core, candidate, judgement.threshold),
    }  # fmt: skip


def _measured(
    core: Core, state: State, derived: Derived, view: View, judgement: LoneJudgement, candidate: Candidate
) -> dict[str, Any]:
    """What this tick says of the unit: values of its first row in the user's unit, voices and votes."""
    row, reading = candidate.present, judgement.reading
    voices = _voices(core, state, derived, judgement, candidate)
    said = [v["surprise"] for v in voices if v["surprise"] is not None]
    speak = sum(abs(s) >= LEAST_SURPRISE for s in said)
    return {
        "observed": number(float(view.y[row]), 6), "expected": number(float(view.mu[row]), 6),
        "lower": number(float(reading.lower[row]), 6), "upper": number(float(reading.upper[row]), 6),
        "scorers": voices,
        "votes": {"for": speak, "against": len(said) - speak, "abstain": len(voices) - len(said), "effective": None},
    }  # fmt: skip


def _voices(
    core: Core, state: State, derived: Derived, judgement: LoneJudgement, candidate: Candidate
) -> list[dict[str, Any]]:
    """The innovation of the row; of units with several metrics the loudest of them, by share of what all said."""
    reading, units = judgement.reading, derived.units
    assert units is not None
    row = candidate.present
    if candidate.special == MISSING:
        gap = float(state.absence.gap[row])
        now = float(judgement.c[row]) if gap else math.nan
        return [voice(MISSING, now, candidate.sign * candidate.fused, gap, "ticks in which one was due and none came")]
    own = voice(
        "innovation", float(judgement.F[row]), candidate.sign * candidate.residual + 0.0, float(reading.z[row]),
        "one tick against the minutes before it, in usual sizes",
    )  # fmt: skip
    unit = int(units.of[row])
    if core.lone is not None and core.lone.hears_drift:
        drift = voice(
            "drift", float(judgement.drift[row]), candidate.sign * candidate.drift + 0.0, float(reading.drift[row]),
            "the last half hour against the last days, in usual sizes",
        )  # fmt: skip
        return [own, drift]
    if core.lone is None or core.lone.entity is None or unit < 0:
        return [own]
    members = units.table[units.table[:, unit] >= 0, unit]
    shares = np.nan_to_num(core.lone.entity.shares(reading.s[members][:, None])[:, 0])
    out = [own]
    for i in np.argsort(-shares, kind="stable")[:LOUDEST].tolist():
        metric, surprise = state.index.metric_of(int(members[i])).name, float(judgement.F[members[i]])
        what = f"innovation of {metric}, {shares[i]:.0%} of what the {len(members)} metrics say together"
        out.append(voice(f"innovation:{metric}", surprise, surprise, float(reading.z[members[i]]), what))
    return out
