"""A whole feed missing is one alarm on the feed, of series without peers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from detector.frame import Batch, Key, Tick
from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from detector.timing import DAY_MS
from suppression.alarm import AlarmEvent
from suppression.calendar import Scope
from suppression.controls import Controls
from suppression.silence import Silence
from tests.streams import START_MS, drive, engine_for, events, is_finite, log_of, memory, picture, play
from tocsin.core import Core, State
from tocsin.engine import Engine
from tocsin.fork import fork
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

STEP = 5 * MINUTE_MS
BUDGET = Parameters(budget=0.2, budget_per="series-week")
LONE = Schema(
    dimensions=(Dimension("server", peers=False),), metrics=(Metric("value"),), place=None, interval_ms=STEP,
    lateness_ms=0,
)  # fmt: skip
SIX: tuple[Key, ...] = tuple(("value", name) for name in "abcdef")
KEYS = SIX[:3]
STACK = replace(
    LONE, metrics=(Metric("cpu", stack="host"), Metric("load", stack="host"), Metric("sales", stack="shop"))
)  # fmt: skip
STACK_KEYS: tuple[Key, ...] = tuple((m.name, s) for m in STACK.metrics for s in ("a", "b"))
LEARNT = 9 * 288  # ticks
NO_CONTROLS = Controls()


def noise(ticks: int, columns: int = 3, first: int = 0) -> np.ndarray:
    """(T, S) positive values with a day's shape, from tick number `first` of the week on."""
    rng = np.random.default_rng([3, first + 10_000])
    shape = 1 + 0.3 * np.sin((first + np.arange(ticks)) * STEP / DAY_MS * 2 * np.pi)
    size = 100 * np.arange(1, columns + 1) * shape[:, None]
    return np.asarray(size * (1 + 0.03 * rng.standard_normal((ticks, columns))))


def usual(t: int, column: int) -> bool:
    return True


@cache
def _learnt(schema: Schema, keys: tuple[Key, ...], comes: Callable[[int, int], bool], ticks: int) -> tuple[Core, State]:
    """History in which a sample comes at tick t (negative) where `comes` says so."""
    core, y = Core(schema, BUDGET), noise(ticks, len(keys), -ticks)
    y[~np.array([[comes(t, c) for c in range(len(keys))] for t in range(-ticks, 0)])] = np.nan
    return core, warm_up(core, core.init(), keys, START_MS + STEP * np.arange(-ticks, 0), y)


def lone(
    gone: Callable[[int, int], bool],
    ticks: int = 100,
    *,
    keys: tuple[Key, ...] = KEYS,
    schema: Schema = LONE,
    comes: Callable[[int, int], bool] = usual,
    learnt: int = LEARNT,
    controls: Controls | Callable[[int], Controls] = NO_CONTROLS,
) -> list[AlarmEvent]:
    """What is told of missing data; no sample of column c at tick t where it is `gone`."""
    core, state = _learnt(schema, keys, comes, learnt)
    state, found = fork(state), list[AlarmEvent]()
    rows = np.array([state.index.rows[key] for key in keys])
    codes = np.array([[m.name for m in schema.metrics].index(key[0]) for key in keys])
    y = noise(ticks, len(keys))
    for t in range(ticks):
        is_there = np.array([comes(t, c) and not gone(t, c) for c in range(len(keys))])
        values = np.full(len(state.index), np.nan)
        values[rows] = np.where(is_there, y[t], np.nan)
        delivered = np.array([is_there[codes == m].any() for m in range(len(schema.metrics))])
        now = controls if isinstance(controls, Controls) else controls(t)
        state, outcome = step(core, state, Tick(START_MS + t * STEP, values, delivered), now)
        found += outcome.events
    return [e for e in found if e.data["evidence"]["scorers"][0]["name"] == "missing"]


def hole(first: int, end: int, *columns: int) -> Callable[[int, int], bool]:
    """Ticks [first, end) without samples of some columns, of all where none is named."""
    return lambda t, c: first <= t < end and (not columns or c in columns)


def either(*holes: Callable[[int, int], bool]) -> Callable[[int, int], bool]:
    return lambda t, c: any(gone(t, c) for gone in holes)


def at(event: AlarmEvent) -> int:
    return (event.tick_ms - START_MS) // STEP


def silence(**labels: tuple[str, ...]) -> Controls:
    scope = Scope(match=labels, exclude={})
    return Controls(silences=(Silence("s", scope, 0, START_MS + 10**12, "anna", "they are being moved"),))


def test_three_series_that_stop_are_one_alarm() -> None:
    """Told at the third tick, when each would have been; over half an hour after the data are back."""
    fired, resolved = lone(hole(20, 40))

    assert ("fired", "resolved", "recovered") == (fired.type, resolved.type, resolved.end)
    assert (22, 45) == (at(fired), at(resolved))
    assert {"metric": "value", "server": "*"} == fired.data["series"]
    assert {"first": {}, "present": {}} == fired.data["cuboid"]
    assert {"stack": "", "metrics": ["value"], "series": 3, "since": fired.data["starts_at"]} == fired.data["feed"]
    assert "2026-01-05T01:40:00Z" == fired.data["starts_at"]
    assert "value: no data from any of 3 series for 10 min" == fired.data["summary"]
    assert "critical" == fired.severity
    assert fired.data["observed"] is None
    assert -fired.data["surprise"] >= fired.data["evidence"]["threshold"]["at"]


def test_one_series_that_stops_is_its_own_alarm() -> None:
    """The others go on."""
    found = lone(hole(20, 40, 1))

    assert ["fired", "resolved"] == [e.type for e in found]
    assert {"metric": "value", "server": "b"} == found[0].data["series"]
    assert found[0].data["feed"] is None


def test_a_feed_of_one_series_is_that_series() -> None:
    """Nothing is gained by calling it a feed."""
    found = lone(hole(20, 40), keys=KEYS[:1])

    assert ["fired", "resolved"] == [e.type for e in found]
    assert {"metric": "value", "server": "a"} == found[0].data["series"]
    assert found[0].data["feed"] is None


def test_the_alarm_of_a_series_becomes_the_feed_s() -> None:
    """The first is silent for six ticks when the others stop: its alarm grows, nobody is paged twice."""
    fired, grown, resolved = lone(either(hole(14, 20, 0), hole(20, 40)))

    assert ("fired", "updated", "resolved") == (fired.type, grown.type, resolved.type)
    assert 1 == len({e.alarm_id for e in (fired, grown, resolved)})
    assert {"metric": "value", "server": "a"} == fired.data["series"] == grown.data["series"]
    assert {"first": {"server": "a"}, "present": {}} == grown.data["cuboid"]
    assert fired.data["feed"] is None
    assert 3 == grown.data["feed"]["series"]
    assert (16, 22) == (at(fired), at(grown))


def test_what_stays_away_when_the_feed_is_back_is_told_by_itself() -> None:
    """Two of three are back: the alarm on the feed ends, the third has its own from then on."""
    found = lone(either(hole(20, 40), hole(40, 60, 2)))
    who = ["feed" if e.data["feed"] else e.data["series"]["server"] for e in found]

    assert [("fired", "feed", 22), ("resolved", "feed", 45), ("fired", "c", 45), ("resolved", "c", 65)] == [
        (e.type, name, at(e)) for e, name in zip(found, who, strict=True)
    ]


def test_one_of_three_that_is_back_does_not_end_it() -> None:
    """Less than half: it lasts until a second comes; or until the feed has delivered for an hour, whatever is back."""
    second = lone(either(hole(20, 40), hole(40, 44, 1), hole(40, 99, 2)))
    alone = lone(either(hole(20, 40), hole(40, 99, 1, 2)))

    assert [("fired", 22), ("resolved", 49)] == [(e.type, at(e)) for e in second if e.data["feed"]]
    assert [("fired", 22), ("resolved", 51)] == [(e.type, at(e)) for e in alone if e.data["feed"]]


def by_chance(t: int, column: int) -> bool:
    return bool(np.random.default_rng([5, t + 10_000]).random() < 0.34)


def in_turns(t: int, column: int) -> bool:
    return (t + column) % 3 == 0


def asleep(t: int, column: int) -> bool:
    """All but the first sleep from 20:00 on."""
    return column == 0 or t % 288 < 240


def test_a_feed_that_never_was_regular_is_not_missing() -> None:
    """One tick of three, all series at once; then nothing for three hours."""
    assert [] == lone(hole(20, 56), comes=by_chance)


def test_series_that_are_irregular_alone_are_a_regular_feed_together() -> None:
    """Each comes at every third tick, in turns: no gap of one is news, that nothing comes is."""
    fired, resolved = lone(hole(20, 56), comes=in_turns, keys=SIX)

    assert ("fired", "resolved") == (fired.type, resolved.type)
    assert 6 == fired.data["feed"]["series"]
    assert 22 <= at(fired) <= 25


def test_a_feed_that_was_known_for_two_days_only_says_nothing() -> None:
    """Of a series with peers in knowledge: of one feed, two days are too little to know its weekends."""
    assert [] == lone(hole(20, 56), comes=in_turns, keys=SIX, learnt=2 * 288)


def test_a_feed_that_stops_before_its_warm_up_says_nothing() -> None:
    """It is known for two hours when it stops for a day, and for ever."""
    y = noise(700)
    y[24:312] = np.nan

    assert [] == [e for e in events(play(log_of(y, KEYS, STEP, by=9), LONE, BUDGET)[1]) if e.data["feed"]]
    assert [] == [e for e in events(play(log_of(y[:312], KEYS, STEP, by=9), LONE, BUDGET)[1]) if e.data["feed"]]


def test_who_sleeps_at_night_is_not_missing_with_the_rest() -> None:
    """Two of three always stop at night; the third stops one night too: its own alarm."""
    told = [e for e in lone(hole(250, 270, 0), 280, comes=asleep) if e.type == "fired"]

    assert [("a", None)] == [(e.data["series"]["server"], e.data["feed"]) for e in told]


def test_a_silence_of_all_series_holds_the_alarm_on_the_feed() -> None:
    """One of two of them does not."""
    held = lone(hole(20, 40), controls=silence(server=("*",)))
    fired = lone(hole(20, 40), controls=silence(server=("a", "b")))

    assert ["held", "resolved"] == [e.type for e in held]
    assert not any(e.told for e in held)
    assert ["silence"] == [r["reason"] for r in held[0].data["suppression"]["reasons"]]
    assert ["fired", "resolved"] == [e.type for e in fired]


def test_what_a_person_withdrew_is_not_told_series_by_series() -> None:
    """Nothing more is said of it while it goes on; it may be missed again once it was back."""
    identity = lone(hole(20, 40))[0].alarm_id
    gone = either(hole(20, 60), hole(80, 95))
    found = lone(gone, controls=lambda t: Controls(withdrawn=frozenset({identity} if t >= 30 else ())))

    assert [("fired", 22), ("resolved", 30), ("fired", 82)] == [(e.type, at(e)) for e in found]
    assert "withdrawn" == found[1].end


def test_somebody_is_on_it() -> None:
    """An acknowledgement is a revision, once."""
    identity = lone(hole(20, 40))[0].alarm_id
    known = Controls(acknowledged=frozenset({identity}))
    found = lone(hole(20, 40), controls=lambda t: known if t >= 30 else NO_CONTROLS)

    assert [("fired", 22), ("updated", 30), ("resolved", 45)] == [(e.type, at(e)) for e in found]
    assert [False, True, True] == [e.data["acknowledged"] for e in found]


def test_a_feed_that_is_gone_for_long_is_no_feed_any_more() -> None:
    """After `idle_ttl` its series have given their places back."""
    _, state = _learnt(LONE, KEYS, usual, LEARNT)
    patient, state, found = Core(LONE, replace(BUDGET, idle_ttl_ms=40 * STEP)), fork(state), list[AlarmEvent]()
    for t in range(60):
        nothing = Tick(START_MS + t * STEP, np.full(len(state.index), np.nan), np.zeros(1, bool))
        state, outcome = step(patient, state, nothing, NO_CONTROLS)
        found += outcome.events

    assert [("fired", None, 2), ("resolved", "series_gone", 39)] == [(e.type, e.end, at(e)) for e in found]


def test_all_metrics_of_a_stack_are_one_alarm() -> None:
    """Of the shop data come on, so no server is missing as a whole."""
    fired, resolved = lone(hole(20, 40, 0, 1, 2, 3), keys=STACK_KEYS, schema=STACK)

    assert ("fired", "resolved") == (fired.type, resolved.type)
    assert ("host", ["cpu", "load"], 4) == tuple(fired.data["feed"][name] for name in ("stack", "metrics", "series"))
    assert fired.data["summary"].startswith("cpu and 1 other metric: no data from any of 4 series for ")


def test_a_metric_that_stops_is_the_alarm_of_that_metric() -> None:
    """The servers go on to send another: no server is missing."""
    fired, resolved = lone(hole(20, 40, 2, 3), keys=STACK_KEYS, schema=STACK)

    assert ("fired", "resolved") == (fired.type, resolved.type)
    assert {"metric": "load", "server": "*"} == fired.data["series"]
    assert ["load"] == fired.data["feed"]["metrics"]


@pytest.mark.parametrize("kill", [799, 801, 803, 820, 841])
def test_an_engine_that_was_killed_goes_on_to_equal_alarms(kill: int) -> None:
    """Saved before the gap, inside it before and after the alarm, on the way back, and after it."""
    y = noise(850)
    y[800:840] = np.nan
    log = log_of(y, KEYS, STEP, by=9)
    whole, wanted = play(log, LONE, BUDGET)
    first, (batch, *_) = engine_for(log, LONE, BUDGET), log.batches()
    early = batch.time_ms < START_MS + kill * STEP
    first.take(replace(some_of(batch, early), closes_ms=START_MS + kill * STEP))
    before = list(first.turns(NO_CONTROLS))
    header, arrays = first.save()
    again = Engine.load(LONE, BUDGET, json.loads(json.dumps(header)), arrays)
    after = drive(again, [some_of(batch, ~early), *log.batches()[1:]])

    assert ["fired", "resolved"] == [e.type for e in events(wanted) if e.data["feed"]]
    assert [picture(o) for o in wanted] == [picture(o) for o in before + after]
    assert memory(whole) == memory(again)
    assert [] == is_finite(again)


def some_of(batch: Batch, mask: np.ndarray) -> Batch:
    keys = [key for key, ok in zip(batch.keys, mask.tolist(), strict=True) if ok]
    return replace(
        batch, keys=keys, time_ms=batch.time_ms[mask], value=batch.value[mask], record_ms=batch.record_ms[mask]
    )
