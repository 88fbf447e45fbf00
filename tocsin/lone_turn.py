"""A tick of lone series from samples to outcome: what `step` does where no series has peers."""

from __future__ import annotations

import numpy as np

from detector.frame import Tick
from detector.view import View
from suppression.alarm import AlarmEvent
from suppression.controls import Controls
from suppression.impact import Effects
from tocsin.core import Core, Derived, State
from tocsin.feed_alarm import LEAST_SERIES, FeedNews, follow_feeds, learn_feeds, move_feeds, told_with_feed, with_feeds
from tocsin.feeds import FeedTick
from tocsin.lone import LONG_CALM
from tocsin.lone_alarm import follow_lone
from tocsin.lone_judge import LoneJudgement, judge_lone, learn_lone
from tocsin.outcome import ROW_STATES, Outcome

FIRING, HELD, WARMING, GAP = (ROW_STATES.index(name) for name in ("firing", "held", "warming", "gap"))


def turn_lone(core: Core, state: State, derived: Derived, tick: Tick, controls: Controls, quiet: bool) -> Outcome:
    """Judges, follows alarms, reports, and learns last; `quiet`: nothing becomes a candidate."""
    view, effects, judgement = judge_lone(core, state, derived, tick, controls)
    assert derived.units is not None
    has_feeds = len(derived.units.heads) >= LEAST_SERIES
    moved = move_feeds(core, state, tick) if has_feeds else None
    events, opened, held = list[AlarmEvent](), 0, dict[str, int]()
    news = FeedNews()
    if not quiet:
        if moved is not None:
            news = _follow_feeds(core, state, derived, effects, controls, judgement, moved, tick.t_ms)
        events, opened, held = follow_lone(
            core, state, derived, view, effects, controls, judgement, tick.t_ms
        )  # fmt: skip
    events, (opened, held) = with_feeds(news, events, opened, held)
    outcome = _report(core, state, view, judgement, effects, events, opened, held)
    learn_lone(core, state, derived.units, tick.t_ms, judgement.reading, judgement.missing, effects)
    if moved is not None:
        learn_feeds(core, state, derived, tick.t_ms, moved, effects)
    return outcome


def _follow_feeds(
    core: Core, state: State, derived: Derived, effects: Effects, controls: Controls, judgement: LoneJudgement,
    moved: FeedTick, t_ms: int,
) -> FeedNews:  # fmt: skip
    """Alarms on feeds; units whose feed people were told about wait with their own, and are asked again later."""
    opens, units = judgement.missing.opens, derived.units
    assert units is not None
    news = follow_feeds(
        core, state, derived, t_ms, moved, effects, controls, judgement.threshold, opens
    )  # fmt: skip
    if np.count_nonzero(opens):
        rows = np.flatnonzero(opens)
        told = np.append(told_with_feed(core, state, derived, moved), True)
        waits = rows[told[units.table[:, units.of[rows]]].all(axis=0)]
        opens[waits] = False
        state.lone_rows.heard[waits] = LONG_CALM
    return news


def _report(
    core: Core, state: State, view: View, judgement: LoneJudgement, effects: Effects, events: list[AlarmEvent],
    opened: int, held: dict[str, int],
) -> Outcome:  # fmt: skip
    reading = judgement.reading
    row_state = np.zeros(len(view.y), np.int8)
    row_state[view.missing] = GAP
    if np.count_nonzero(reading.ready) < len(row_state):
        row_state[~reading.ready] = WARMING
    for candidate in state.candidates:
        if candidate.state in ("held", "firing"):
            row_state[candidate.present] = HELD if candidate.state == "held" else FIRING
    ids = tuple(dict.fromkeys(o.event_id for o in effects.occurrences))
    return Outcome(
        view.t_ms, core.timing.interval_ms, state.index, tuple(events), view.y, view.mu, reading.lower, reading.upper,
        judgement.c, row_state, opened, held, ids,
    )  # fmt: skip
