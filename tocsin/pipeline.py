"""One step: a tick goes in, events and scores come out. Live run, replay, backtest and tests all drive it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.forecasters.seasonal import Kin
from detector.frame import Floats, Tick
from detector.state import chunks, part
from detector.view import Float32s, View
from ensemble.budget import alive_level, entering_level
from ensemble.calibrate import SIGN_BIT
from ensemble.episode import has_come_back
from suppression.alarm import AlarmEvent
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from tocsin.alarms import follow_candidates
from tocsin.core import Core, Derived, State
from tocsin.feed_alarm import follow_feeds, learn_feeds, move_feeds, with_feeds
from tocsin.filling import fill
from tocsin.judgement import Judgement
from tocsin.lone_turn import turn_lone
from tocsin.outcome import Outcome
from tocsin.rows import link, unlink

HOT_MIDDLE, HOT_SHORT = 5.0, 7.0  # |z| of F at which a row learns at a tenth
HOT_RATE = 0.1
CALIBRATED_BLOCKS = 24  # blocks of an hour or more that calibration must have seen before openings are counted


def step(core: Core, state: State, tick: Tick, controls: Controls, *, quiet: bool = False) -> tuple[State, Outcome]:
    """Steps one tick; consumes `state` (the caller goes on with the returned one). No I/O, clock or randomness.

    `quiet`: warm-up on history; filters and scales learn, nothing becomes a candidate.
    """
    derived = core.adapt(state)
    state.t_ms = tick.t_ms
    state.ticks += 1
    if core.lone is not None:
        return state, turn_lone(core, state, derived, tick, controls, quiet)
    view, effects = prepare(core, state, derived, tick, controls)
    advance(core, state, view)
    z = score(core, state, view)
    noise = view.V[0] + state.residual.sig2[0]
    deviation = np.where(view.judgeable, view.L[0], np.nan)
    core.impact.advance(state.impact, state.index, effects, deviation, noise, core.scopes)
    judgement = judge(core, state, derived, view, z)
    moved = move_feeds(core, state, tick)
    events: list[AlarmEvent] = []
    counted: tuple[int, dict[str, int]] = (0, {})
    if not quiet:
        events, counted = follow_candidates(core, state, derived, view, effects, controls, judgement, z, tick.t_ms)
        news = follow_feeds(core, state, derived, tick.t_ms, moved, effects, controls, judgement.threshold)
        events, counted = with_feeds(news, events, *counted)
    outcome = report(core, state, derived, view, judgement, events, counted, effects)
    learn(core, state, view, z, judgement, effects)
    learn_feeds(core, state, derived, tick.t_ms, moved, effects)
    if not core.lone:
        listen(core, state, derived, judgement, effects, quiet)
        core.budget.move(state.budget, tick.t_ms, derived.watched_leaves)
    return state, outcome


def listen(core: Core, state: State, derived: Derived, judgement: Judgement, effects: Effects, quiet: bool) -> None:
    """Counts how loud the service was, calendar windows left out, for the budget's threshold.

    Pages are counted also from within the windows: the budget is of all of them.
    """
    if state.calibration.blocks[0] < CALIBRATED_BLOCKS:
        return
    heard = derived.lattice.watched & ~derived.ignored & (state.rows.born >= core.rows.warmup_ticks)
    told = None if quiet else sum(_was_false(core, candidate, state, heard) for candidate in state.candidates)
    if effects.masks:
        heard[derived.lattice.part_of(effects.masks).rows] = False
    size = np.where(heard & np.isfinite(judgement.c), np.abs(judgement.c), 0)
    groups = core.budget.groups(derived.watched_leaves, derived.places)
    if groups == 1:
        loudest = np.array([size.max(initial=0.0)])
    else:
        loudest = np.zeros(groups)
        np.maximum.at(loudest, derived.place_codes, size)
    core.budget.listen(state.budget, loudest, core.timing.interval_ms, core.episode.exit_ticks, told)


def _was_false(core: Core, candidate: Candidate, state: State, heard: NDArray[np.bool_]) -> bool:
    """Did this candidate end now, after it was told, without ever coming near what counts as real?"""
    ended = candidate.state == "resolved" and candidate.ended_ms == state.t_ms and candidate.fired_ms is not None
    return ended and bool(heard[candidate.row]) and candidate.fused < core.budget.real_from(state.budget)


def prepare(core: Core, state: State, derived: Derived, tick: Tick, controls: Controls) -> tuple[View, Effects]:
    """The tick on the scales that rows are judged on, roll-ups filled, events applied to the expectation."""
    lattice = derived.lattice
    y, gauges = fill(core, state, derived, tick)
    view = View(tick.t_ms, lattice, np.zeros(0, np.float32), gauges)
    view.learning = state.ticks % core.timing.learn_every == 0
    base = core.seasonal.expect(state.season, view)
    linked = link(state.rows, y, gauges)
    effects = core.impact.effects(
        state.impact, state.index, controls.calendar.active(tick.t_ms), tick.t_ms, core.scopes
    )
    view.base = base
    view.mu = base
    if effects.log_effect is not None:
        _apply(effects, view)
    missing = np.isnan(linked)
    fresh = core.newborn.fresh(state, view) if lattice.rollups else None
    if lattice.rollups:
        _roll_up(core, state, view, linked, missing, fresh)
    view.y = linked.astype(np.float32)
    view.missing = missing
    view.judgeable = ~missing & np.isfinite(view.mu)
    rows = state.rows
    np.add(rows.age, 1, out=rows.age)
    rows.age[~missing] = 0
    rows.born[...] += (rows.born > 0) | ~missing
    if fresh is not None:
        core.newborn.ripen(state, view, fresh)
    view.age = rows.age
    view.witnesses = derived.witnesses
    return view, effects


def _roll_up(
    core: Core, state: State, view: View, linked: NDArray[np.float64], missing: NDArray[np.bool_],
    fresh: NDArray[np.bool_] | None,
) -> None:  # fmt: skip
    """Sums leaves into roll-ups, in place; a missing leaf enters at its expectation, a fresh one does not lift them.

    A roll-up with more than half of its expectation filled in abstains. Roll-ups of gauges are means on the link scale.
    """
    lattice, mu, gauges = view.lattice, view.mu, view.gauges
    leaf = lattice.leaf
    total = np.where(leaf & missing, np.where(np.isfinite(mu), mu, 0), np.where(leaf, linked, 0))
    lattice.sum_up(total)
    if missing[leaf].any():
        size = view.weight(mu)
        filled = np.where(missing, size, 0)
        lattice.sum_up(size)
        lattice.sum_up(filled)
        some = np.zeros(len(total))
        some[leaf] = ~missing[leaf]
        lattice.sum_up(some)
        gap = (filled > 0.5 * size) | (some == 0)
    else:
        gap = np.zeros(len(total), bool)
    if len(gauges):
        count = lattice.sum_up(leaf.astype(float))
        total[gauges] /= np.maximum(count[gauges], 1)
    if fresh is not None:
        core.newborn.hold_back(state, view, fresh, linked, missing, total)
    rollup = ~leaf
    linked[rollup] = total[rollup]
    missing[rollup] = gap[rollup]
    linked[missing] = np.nan


def _apply(effects: Effects, view: View) -> None:
    """Event effects on the expectation: leaves directly, roll-ups by the share of their leaves' expectation."""
    assert effects.log_effect is not None
    assert effects.variance is not None
    assert effects.loading is not None
    part = view.lattice.part_of(effects.masks)
    rows, leaves = part.rows, part.leaves
    total = view.base_sums()
    weight, safe = total[leaves], np.maximum(total[rows], 1e-12)

    def mean(of_leaves: Floats) -> Floats:
        return part.sum_up(weight * of_leaves) / safe

    ratio = np.ones(len(view.base))
    ratio[rows] += mean(np.expm1(effects.log_effect[leaves]))
    mu = view.base * ratio.astype(np.float32)
    if len(view.gauges):
        mu[view.gauges] = view.base[view.gauges] + np.log(np.maximum(ratio[view.gauges], 1e-6))
    view.mu = mu
    view.effect_variance, view.loading_variance = np.zeros((2, len(mu)), np.float32)
    view.effect_variance[rows] = mean(effects.variance[leaves])
    view.loading_variance[rows] = mean(effects.loading[leaves])


def advance(core: Core, state: State, view: View) -> None:
    """Moves filters of every row, in place."""
    core.residual.advance(state.residual, view)
    core.contrast.advance(state.contrast, view)
    core.witness.advance(state.witness, view)
    core.zero.advance(state.zero, view)
    core.stuck.advance(state.stuck, view)


def score(core: Core, state: State, view: View) -> Float32s:
    """(K, S) signed z: F per horizon, D, P per axis, P per witness; NaN before warm-up, wider until 14 days."""
    parts = (
        core.residual.score(state.residual, view),
        core.derivative.score(state.derivative, view),
        core.contrast.score(state.contrast, view),
        core.witness.score(state.witness, view),
    )
    return np.concatenate(parts)


def judge(core: Core, state: State, derived: Derived, view: View, z: Float32s) -> Judgement:
    """Calibrates, combines, and moves episodes."""
    h = core.horizons
    size = len(view.mu)
    widening = core.rows.widening(state.rows)
    classes = state.rows.classes
    is_wide = bool((widening != 1).any())
    q = np.empty_like(z)
    F, P, W, c = np.full((4, size), np.nan, np.float32)
    D = q[h]
    for first, end in chunks(size):  # a chunk at a time, for its scratch to stay in cache
        rows = slice(first, end)
        some = part(state.calibration, first, end, size)
        judged = z[:, rows] / widening[rows] if is_wide else z[:, rows]
        out = core.calibration.surprises(some, judged, classes[rows], q[:, rows])
        F[rows] = largest(out[:h])
        if core.scorers > h + 1:
            P[rows] = largest(out[h + 1 :])
        if core.witness_count:
            W[rows] = largest(out[h + 1 + core.axes :])
        onset = part(state.onset, first, end, size)
        core.combiner.advance(onset, D[rows], P[rows])
        c[rows] = core.combiner.score(onset, F[rows], D[rows], P[rows])
    threshold = state.budget.threshold
    entering = entering_level(threshold)
    Z, R = state.zero.run, state.stuck.run
    ready = ~np.isnan(widening) & derived.lattice.watched & ~derived.ignored
    run = ((core.parameters.zero_nats <= Z) | (core.parameters.stuck_nats <= R)) & ready
    sign = hot_sign(F, D, P, c, entering, threshold)
    sign[run & (sign == 0)] = -1
    faint = (view.mu < core.parameters.least_expected) & (state.rows.kind == 0)
    sign[~ready | faint] = 0
    least = np.float32(alive_level(threshold))
    rows_inside = np.flatnonzero(state.episode.sign)  # nobody asks whether others are alive
    inside, alive = state.episode.sign[rows_inside], run.copy()
    with np.errstate(invalid="ignore"):
        goes_on = (inside * F[rows_inside] >= least) & ~has_come_back(view.L[:, rows_inside], inside)
        alive[rows_inside] |= goes_on | (inside * P[rows_inside] >= least)
    entered = core.episode.advance(state.episode, sign, alive)
    return Judgement(q, F, D, P, W, c, entered, run, threshold, entering)


def largest(q: Float32s) -> Float32s:
    """(S,) the value of greatest size over the first axis, sign kept; NaN where all are."""
    high: Float32s = np.fmax.reduce(q, axis=0)
    low: Float32s = np.fmin.reduce(q, axis=0)
    lead = high + low  # its sign is exact, and that of the greater of the two
    np.negative(low, out=low)
    out: Float32s = np.fmax(high, low, out=low)
    tied = lead == 0
    bits, sign = out.view(np.uint32), lead.view(np.uint32)
    sign &= SIGN_BIT
    bits |= sign
    if tied.any():  # of equals the first speaks
        ties = np.flatnonzero(tied)
        out[ties] = q[np.argmax(np.abs(q[:, ties]) == high[ties], axis=0), ties]
    return out


def hot_sign(F: Float32s, D: Float32s, P: Float32s, c: Float32s, entering: float, threshold: float) -> NDArray[np.int8]:
    """(S,) sign of what is hot, 0 for none. A row without peers enters by F alone."""
    out = np.zeros(len(F), np.int8)
    with np.errstate(invalid="ignore"):
        led, slow = np.abs(P) >= entering, np.abs(F) >= entering
        hot = led | slow | (np.abs(c) >= threshold)
        hot |= (np.abs(D) >= entering) & ~np.isnan(P)
    rows = np.flatnonzero(hot)
    lead = np.where(led[rows], P[rows], np.where(slow[rows], F[rows], D[rows]))
    out[rows] = np.sign(np.nan_to_num(lead))
    return out


def learn(core: Core, state: State, view: View, z: Float32s, judgement: Judgement, effects: Effects) -> None:
    """What may learn learns; a row hot for a day is re-based."""
    with np.errstate(invalid="ignore"):
        hot = (np.abs(z[1]) > HOT_MIDDLE) | (np.abs(z[0]) > HOT_SHORT)
    rate = np.where(hot, np.float32(HOT_RATE), np.float32(1))
    if effects.frozen is not None and effects.event_only is not None:
        part, total = view.lattice.part_of(effects.masks), view.base_sums()
        masked = (effects.frozen | effects.event_only)[part.leaves]
        covered = part.sum_up(total[part.leaves] * masked)
        rate[part.rows[covered > 0.5 * total[part.rows]]] = 0
    _rebase(core, state, view, hot)
    core.residual.learn(state.residual, view, rate)
    core.derivative.learn(state.derivative, view, rate)
    core.contrast.learn(state.contrast, view, rate)
    core.witness.learn(state.witness, view, rate)
    core.seasonal.learn(
        state.season, view, rate, state.residual.sig2[1], Kin(*core.adapt(state).leaning, state.contrast.pe2)
    )
    core.calibration.advance(state.calibration, z, rate)
    if view.learning:
        classes = state.rows.classes
        core.calibration.learn(state.calibration, z, classes, np.where(view.judgeable, rate, 0).astype(np.float32))
        core.calibration.learn_fused(
            state.calibration,
            judgement.c,
            classes,
            np.where(view.judgeable & view.lattice.watched, rate, 0).astype(np.float32),
            (state.episode.sign == 0) | judgement.entered,
        )
        calm = (rate == 1) & view.judgeable & view.lattice.watched & (state.episode.sign == 0)
        core.votes.learn(state.votes, np.stack([judgement.F, judgement.D, judgement.P]), calm)
        if core.calibration.is_due(state.calibration):
            state.rows.classes[...] = core.classes(state, core.adapt(state))
            core.calibration.fit(state.calibration, state.rows.classes)


def _rebase(core: Core, state: State, view: View, hot: NDArray[np.bool_]) -> None:
    """Freeze limit: a row that stays hot for a day takes its new level as normal."""
    run = state.rows.hot_run
    run[...] = np.where(hot, np.minimum(run + 1, 32_000), np.maximum(run - 2, 0))
    rows = np.flatnonzero(run > core.timing.ticks(core.parameters.freeze_limit_ms))
    if not len(rows):
        return
    by = view.L[-1, rows]
    by = np.where(np.isfinite(by), by, 0).astype(np.float32)
    core.seasonal.shift(state.season, rows, by)
    gauge = state.rows.kind[rows] > 0
    for k in range(core.horizons):
        for sums in (state.residual.M, state.residual.Q):
            sums[k, rows] *= np.where(gauge, 1, np.exp(by))
        state.residual.Y[k, rows] -= np.where(gauge, by * state.residual.M[k, rows], 0)
    run[rows] = 0
    for candidate in state.candidates:
        if candidate.present in rows and candidate.end is None:
            candidate.end = "adapted"


def report(
    core: Core,
    state: State,
    derived: Derived,
    view: View,
    judgement: Judgement,
    events: list[AlarmEvent],
    counted: tuple[int, dict[str, int]],
    effects: Effects,
) -> Outcome:
    """The numbers of every row for pages and metrics."""
    sd = 3 * np.sqrt(view.V_now() + state.residual.sig2[0] + np.asarray(view.effect_variance, np.float32))
    rows = np.arange(len(view.mu))
    observed, expected = view.y, view.mu
    with np.errstate(over="ignore", invalid="ignore"):
        lower, upper = expected * np.exp(-sd), expected * np.exp(sd)
    if len(view.gauges):
        g = view.gauges
        observed, expected = observed.copy(), expected.copy()
        with np.errstate(over="ignore"):  # beyond float32: infinity, which people are shown as no number
            lower[g] = unlink(state.rows, (view.mu - sd)[g], rows[g])
            upper[g] = unlink(state.rows, (view.mu + sd)[g], rows[g])
            observed[g] = unlink(state.rows, view.y[g], rows[g])
            expected[g] = unlink(state.rows, view.mu[g], rows[g])
    row_state = np.zeros(len(rows), np.int8)
    row_state[view.missing] = 4
    row_state[state.rows.born < core.parameters.warmup_ms / core.timing.interval_ms] = 3
    for candidate in state.candidates:
        if candidate.state == "held":
            row_state[candidate.present] = 2
        elif candidate.state == "firing":
            row_state[candidate.present] = 1
    opened, held = counted
    return Outcome(
        view.t_ms, core.timing.interval_ms, state.index, tuple(events), observed, expected, lower, upper,
        np.clip(judgement.c, -15, 15), row_state, opened, held, tuple(o.event_id for o in effects.occurrences),
    )  # fmt: skip
