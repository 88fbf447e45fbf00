"""The alarm on a feed of which nothing arrives any more: one, however many series it has."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Ints, Tick
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, HOUR_MS
from suppression.alarm import AlarmEvent, alarm_id
from suppression.body import body, number
from suppression.candidate import Candidate, SilentFeed
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.lifecycle import Lifecycle, severity
from suppression.suppressor import Scene
from tocsin.alarm_numbers import threshold_json, voice
from tocsin.core import Core, Derived, State
from tocsin.feeds import FeedTick
from tocsin.lone_absence import LEAST_TICKS, LOUDEST, REGULAR, SHARE

MISSING = "missing"
LEAST_SERIES = 2  # a feed of one series is that series
TOGETHER_MS = 30 * MINUTE_MS  # three ticks at least: what was heard so lately fell silent with the feed
TOGETHER = 0.5  # share of the series due that must have; and that must be back for the alarm to end
BACK_MS = HOUR_MS  # of delivering without a break after which it ends whatever came back: series may have new names


@dataclass(slots=True)
class FeedNews:
    """Transitions of this tick, how many alarms opened, and how many were first held by what."""

    events: list[AlarmEvent] = field(default_factory=list)
    opened: int = 0
    held: dict[str, int] = field(default_factory=dict)


def with_feeds(
    news: FeedNews, events: list[AlarmEvent], opened: int, held: dict[str, int]
) -> tuple[list[AlarmEvent], tuple[int, dict[str, int]]]:
    """What the feeds and everything else came to: events, candidates opened, candidates first held by reason."""
    both = {reason: held.get(reason, 0) + news.held.get(reason, 0) for reason in (held | news.held)}
    return news.events + events, (opened + news.opened, both)


def move_feeds(core: Core, state: State, tick: Tick) -> FeedTick:
    """Ages and gaps of the feeds at this tick."""
    there = core.feeds.there(tick)
    return core.feeds.advance(state.feed_absence, state.feed_rows, tick.t_ms, there)


def learn_feeds(core: Core, state: State, derived: Derived, t_ms: int, moved: FeedTick, effects: Effects) -> None:
    """Shares of ticks and lengths of gaps; a feed all of whose series an event freezes or excuses learns nothing."""
    counts = ~_is_gone(core, state)
    if (
        effects.frozen is not None
        and effects.event_only is not None
        and not (moved.there.all() and not moved.ended.any())
    ):
        lattice, size = derived.lattice, len(core.schema.metrics)
        own = lattice.leaf & lattice.watched
        excused = own & (effects.frozen | effects.event_only)
        all_of, masked = (np.bincount(lattice.metric[rows], minlength=size) for rows in (own, excused))
        counts &= core.feeds.holds @ masked < core.feeds.holds @ all_of
    core.feeds.learn(state.feed_absence, state.feed_gaps, t_ms, moved, counts)


def follow_feeds(
    core: Core, state: State, derived: Derived, t_ms: int, moved: FeedTick, effects: Effects, controls: Controls,
    threshold: float, openings: Bools | None = None,
) -> FeedNews:  # fmt: skip
    """Opens, follows and ends alarms on feeds.

    `threshold`: surprise from which people are told. `openings` (S,), of lone series: heads of units that are missing
    for unusually long; where the whole feed is, they are told with it: the flag is taken back.
    """
    news = FeedNews()
    is_silent = np.count_nonzero(moved.there) < len(moved.there)
    if not is_silent and not state.feed_alarms:
        return news
    scene = _scene(core, state, derived, t_ms, effects, controls, threshold)
    life = Lifecycle(news.events)
    if is_silent:
        news.opened = _open(core, state, derived, t_ms, moved, threshold, openings, life, scene)
    for alarm in state.feed_alarms:
        before = alarm.state
        _follow(core, state, derived, scene, alarm, moved, life)
        if before == "pending" and alarm.state == "held":
            news.held[alarm.holds[0].reason] = news.held.get(alarm.holds[0].reason, 0) + 1
    state.feed_alarms = [a for a in state.feed_alarms if a.state != "resolved"]
    return news


def told_with_feed(core: Core, state: State, derived: Derived, moved: FeedTick) -> Bools:
    """(S,) watched leaves whose silence is that of a feed which people were told about, or which is held."""
    covered = np.zeros(len(core.schema.metrics), bool)
    for f in np.flatnonzero(~moved.there & (state.feed_rows.heard < _close_ticks(core))).tolist():
        covered |= core.feeds.holds[f]
    for alarm in state.feed_alarms:
        covered |= core.feeds.holds[_number(alarm)]
    lattice = derived.lattice
    out: Bools = lattice.leaf & lattice.watched & covered[lattice.metric]
    return out


# -- opening -----------------------------------------------------------------------------------------------------------


def _open(
    core: Core, state: State, derived: Derived, t_ms: int, moved: FeedTick, threshold: float, openings: Bools | None,
    life: Lifecycle, scene: Scene,
) -> int:  # fmt: skip
    """New alarms, or a series' alarm that becomes the feed's; their number."""
    feeds, rows = core.feeds, state.feed_rows
    may = ~moved.there & (rows.heard >= _close_ticks(core)) & ~_is_gone(core, state)
    for alarm in state.feed_alarms:
        may &= ~(feeds.inside[_number(alarm)] | feeds.inside[:, _number(alarm)])
    own, rarity = _rare(core, state, derived, moved)
    opened = 0
    for f in range(len(feeds.feeds)):
        if not may[f]:
            continue
        inside = feeds.inside[f]
        units = np.zeros(0, np.int64) if openings is None else unit_heads(core, derived, f, np.flatnonzero(openings))
        is_own = bool((own & may & inside).any())
        if not is_own and not len(units):
            continue
        series = _together(core, state, derived, t_ms, f, 0 if is_own else TOGETHER)
        if series < LEAST_SERIES:
            continue
        rarest = float(rarity[inside].max(initial=1.0)) if own[inside].any() else 1.0
        fused = threshold + math.log10(rarest)
        _tell(core, state, derived, t_ms, f, series, fused, life, scene)
        rows.heard[inside] = 0
        may &= ~inside
        opened += 1
    return opened


def _rare(core: Core, state: State, derived: Derived, moved: FeedTick) -> tuple[Bools, NDArray[np.float64]]:
    """(F,) feeds whose gap is unusual by itself, and how many times as rare as its share of the budget it is.

    Gaps may spend a quarter of the budget, all feeds together: of a lattice that of the service, of which one alarm on
    a feed is one page; of lone series that of one of them, for which it is a page as well.
    """
    feeds, absence, gaps = core.feeds, state.feed_absence, state.feed_gaps
    series = max(core.watched(state), 1)
    promise = SHARE * core.budget.promised(series) / 1000 * (series if core.lone is None else 1) / len(feeds.feeds)
    unusual, rarity = np.zeros(len(feeds.feeds), bool), np.ones(len(feeds.feeds))
    rows = np.flatnonzero(~moved.there & (absence.gap >= LEAST_TICKS))
    speak = feeds.law.known(gaps, rows) >= feeds.law.least_weeks
    rows = rows[speak & (feeds.absence.regular(absence, rows) >= REGULAR)]
    rate = feeds.rate(gaps, absence.gap[rows], rows)
    unusual[rows] = rate < promise
    rarity[rows] = np.clip(promise / np.maximum(rate, 1e-9), 1, LOUDEST)
    return unusual, rarity


def unit_heads(core: Core, derived: Derived, f: int, heads: Ints) -> Ints:
    """Those of some units, by their heads, all of whose rows are of the feed."""
    units, lattice = derived.units, derived.lattice
    assert units is not None
    members = units.table[:, units.of[heads]]
    mine = np.append(core.feeds.holds[f][lattice.metric], True)[members]
    return heads[mine.all(axis=0)]


def _together(core: Core, state: State, derived: Derived, t_ms: int, f: int, share: float) -> int:
    """Series that were due when the feed fell silent; 0 where less than two fell silent with it, or this share of them.

    Of a feed whose own gap is unusual no share is asked: series may be rare, each by itself.
    """
    timing, units = core.timing, derived.units
    mine = _leaves(core, derived, f)
    who = mine
    if units is not None:
        assert core.lone is not None
        who = units.of[mine]
        is_due = core.lone.absence.due(state.absence, t_ms, units.heads[who]) > 0.5
        mine, who = mine[is_due], who[is_due]
    silent, age = int(state.feed_rows.age[f]), state.rows.age[mine]
    due = int((age < silent + timing.ticks(DAY_MS)).sum())
    lately = age < silent + max(3, timing.ticks(TOGETHER_MS))
    is_feed = len(np.unique(who[lately])) >= LEAST_SERIES and int(lately.sum()) >= share * due
    return due if is_feed else 0


def _leaves(core: Core, derived: Derived, f: int) -> Ints:
    """Leaf rows of a feed that may raise alarms."""
    lattice = derived.lattice
    return np.flatnonzero(
        lattice.leaf & lattice.watched & ~derived.ignored & core.feeds.holds[f][lattice.metric]
    )  # fmt: skip


def _tell(
    core: Core, state: State, derived: Derived, t_ms: int, f: int, series: int, fused: float, life: Lifecycle,
    scene: Scene,
) -> None:  # fmt: skip
    """A new candidate; or, where people were told of some of its series already, the first of those grows."""
    feed = core.feeds.feeds[f]
    metrics = [core.schema.metrics[code].name for code in feed.metrics]
    start_ms = t_ms - (int(state.feed_rows.age[f]) - 1) * core.timing.interval_ms
    silent = SilentFeed(f, feed.stack, metrics, series, start_ms)
    known = [
        c for c in state.candidates
        if c.special == MISSING and c.state == "firing" and len(unit_heads(core, derived, f, np.array([c.present])))
    ]  # fmt: skip
    if known:
        alarm = min(known, key=lambda c: (c.start_ms, c.alarm_id))
        state.candidates = [c for c in state.candidates if c is not alarm]
        alarm.feed, alarm.present, alarm.calm_ticks = silent, -1, 0
        alarm.fused = max(alarm.fused, fused)
        _grade(core, alarm)
        life.update(alarm, t_ms, lambda of, revision: _body(core, state, scene, of, revision))
    else:
        identity = alarm_id(start_ms, metrics[0], {}, "down")
        alarm = Candidate(
            identity, -1, -1, -1, start_ms, t_ms, contrast=math.nan, fused=fused, is_run=True, special=MISSING,
            feed=silent, is_weak=False,
        )  # fmt: skip
        _grade(core, alarm)
    state.feed_alarms.append(alarm)


# -- following ---------------------------------------------------------------------------------------------------------


def _follow(
    core: Core, state: State, derived: Derived, scene: Scene, alarm: Candidate, moved: FeedTick, life: Lifecycle
) -> None:  # fmt: skip
    """One alarm's tick: acknowledged, withdrawn, ended; else mutes and silences are asked."""
    t_ms, f = scene.t_ms, _number(alarm)

    def make(of: Candidate, revision: int) -> dict[str, Any]:
        return _body(core, state, scene, of, revision)

    if alarm.alarm_id in scene.controls.acknowledged and not alarm.acknowledged:
        alarm.acknowledged = True
        if alarm.state == "firing":
            life.update(alarm, t_ms, make)
    if alarm.alarm_id in scene.controls.withdrawn:
        return life.resolve(alarm, "withdrawn", t_ms, make)
    is_back = bool(moved.there[f]) and _share_back(core, state, derived, alarm, t_ms) >= TOGETHER
    alarm.calm_ticks = alarm.calm_ticks + 1 if is_back else 0
    heard = int(state.feed_rows.heard[f]) if moved.there[f] else 0
    if alarm.calm_ticks >= _close_ticks(core) or heard >= max(core.timing.ticks(BACK_MS), _close_ticks(core)):
        return life.resolve(alarm, "recovered", t_ms, make)
    if _is_gone(core, state)[f]:
        return life.resolve(alarm, "series_gone", t_ms, make)
    if alarm.state != "firing" and not moved.there[f]:
        verdict = core.judge.decide(alarm, scene)
        if alarm.state == "pending":
            alarm.incident = alarm.alarm_id
        life.apply(alarm, verdict, t_ms, make)
    return None


def _share_back(core: Core, state: State, derived: Derived, alarm: Candidate, t_ms: int) -> float:
    """Share of the series heard within a day before the silence that have lately been heard again."""
    assert alarm.feed is not None
    timing = core.timing
    since = (t_ms - alarm.feed.since_ms) // timing.interval_ms + 1  # ticks, this one included
    mine = _leaves(core, derived, _number(alarm))
    age = state.rows.age[mine]
    due = int((age < since + timing.ticks(DAY_MS)).sum())
    back = int((age < min(since, max(3, timing.ticks(TOGETHER_MS)))).sum())
    return back / max(due, 1)


def _is_gone(core: Core, state: State) -> Bools:
    """(F,) feeds silent for so long that their series have given their places back, or that never delivered."""
    out: Bools = state.feed_rows.age >= core.parameters.idle_ttl_ms / core.timing.interval_ms
    return out


def _grade(core: Core, alarm: Candidate) -> None:
    """All of the metric is gone; a severity that is declared for it wins."""
    assert alarm.feed is not None
    fixed = core.schema.metric(alarm.feed.metrics[0]).severity
    alarm.severity = severity(1.0, alarm.fused, fixed, alarm.severity)


def _number(alarm: Candidate) -> int:
    assert alarm.feed is not None
    return alarm.feed.number


def _close_ticks(core: Core) -> int:
    return core.lone.close_ticks if core.lone is not None else core.episode.exit_ticks


def _body(core: Core, state: State, scene: Scene, alarm: Candidate, revision: int) -> dict[str, Any]:
    gap = float(state.feed_absence.gap[_number(alarm)])
    surprise = -min(alarm.fused, 15.0)
    said = voice(
        MISSING, surprise if gap else math.nan, surprise, gap, "ticks in which the feed was due and nothing came"
    )
    numbers = {
        "observed": None, "expected": None, "lower": None, "upper": None, "scorers": [said],
        "votes": {"for": int(gap > 0), "against": 0, "abstain": int(gap <= 0), "effective": None},
        "surprise": number(surprise), "p": number(10**surprise),
        "threshold": threshold_json(core, alarm, scene.threshold),
    }  # fmt: skip
    return body(alarm, scene, numbers, revision)


def _scene(
    core: Core, state: State, derived: Derived, t_ms: int, effects: Effects, controls: Controls, threshold: float
) -> Scene:  # fmt: skip
    """What mutes and silences look at; of a feed that is silent there are no numbers."""
    size = derived.lattice.size
    none, nobody = np.full(size, np.nan, np.float32), np.zeros(size, bool)
    wide = np.broadcast_to(none, (core.horizons, size))
    return Scene(
        t_ms, core.timing, state.index, derived.lattice, controls, effects, threshold, wide, wide, none, none, none,
        none, nobody, state.rows.age, [],
    )  # fmt: skip
