"""Lone series through the engine: each judged by its own past; entities, events, cold and warm start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from detector.frame import Key, Tick
from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from ensemble.opening_law import OpeningLaw
from suppression.alarm import AlarmEvent
from suppression.calendar import Calendar
from suppression.controls import Controls
from suppression.silence import Silence
from tests.streams import START_MS, drive, engine_for, events, is_finite, log_of, memory, picture, play
from tocsin.calendar_file import parse_calendars
from tocsin.core import Core
from tocsin.engine import Engine
from tocsin.lone import closing_ticks
from tocsin.lone_start import add_law
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

SERVERS = Schema(
    dimensions=(Dimension("server", peers=False),), metrics=(Metric("value"),), place=None, interval_ms=5 * MINUTE_MS,
    lateness_ms=0,
)  # fmt: skip
STEP = SERVERS.interval_ms
BUDGET = Parameters(budget=0.2, budget_per="series-week")
KEYS: list[Key] = [("value", "a"), ("value", "b"), ("value", "c")]
SPIKE = 500
LOW_TIDE = 2232  # lowest point of a day's shape


def noise(ticks: int = 700, columns: int = 3, seed: int = 0) -> np.ndarray:
    """(T, S) series of sizes 100, 10,000, 1,000,000 with a day's shape and 3 % noise."""
    rng = np.random.default_rng(seed)
    shape = 1 + 0.3 * np.sin(np.arange(ticks) * STEP / DAY_MS * 2 * np.pi)
    return np.asarray(
        100.0 ** np.arange(1, columns + 1) * shape[:, None] * (1 + 0.03 * rng.standard_normal((ticks, columns)))
    )


def run(y: np.ndarray, keys: Sequence[Key] = KEYS, schema: Schema = SERVERS, **how: object) -> list[Outcome]:
    return play(log_of(y, keys, STEP, by=9), schema, BUDGET, **how)[1]


def told(outcomes: list[Outcome]) -> list[AlarmEvent]:
    return [e for e in events(outcomes) if e.type in ("fired", "released")]


def ticks_of(found: list[AlarmEvent]) -> list[int]:
    return [(e.tick_ms - START_MS) // STEP for e in found]


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def calendar(start: int, end: int, expect: str = "") -> Calendar:
    """One event over ticks [start, end)."""
    first, last = (np.datetime64(START_MS + t * STEP, "ms").astype("datetime64[s]") for t in (start, end))
    head = "version: 1\ntimezone: UTC\nevents:\n  - id: sale\n    title: Sale\n"
    text = f"{head}    when: {{start: {first}, end: {last}}}\n"
    return parse_calendars({"calendar.yaml": text + expect})


def test_a_spike_is_told_at_its_tick_once() -> None:
    """The series itself, its direction, and nothing of the others; closed half an hour later."""
    y = noise()
    y[SPIKE, 1] *= 2
    found = events(run(y))

    assert [("fired", SPIKE), ("resolved", SPIKE + 6)] == list(
        zip([e.type for e in found], ticks_of(found), strict=True)
    )
    assert {"metric": "value", "server": "b"} == found[0].data["series"]
    assert "up" == found[0].data["direction"]
    assert ["innovation", "drift"] == [s["name"] for s in found[0].data["evidence"]["scorers"]]
    assert found[0].data["surprise"] >= found[0].data["evidence"]["threshold"]["at"]
    assert found[0].data["lower"] < found[0].data["expected"] < found[0].data["upper"] < found[0].data["observed"]


def test_a_spike_that_is_over_is_described_at_its_worst() -> None:
    """Half an hour later the value is usual again; the resolved alarm states the spike."""
    y = noise()
    y[SPIKE, 1] *= 2
    fired, resolved = (e.data for e in events(run(y)))

    assert [fired[name] for name in ("observed", "expected", "lower", "upper", "deviation")] == [
        resolved[name] for name in ("observed", "expected", "lower", "upper", "deviation")
    ]
    assert fired["evidence"]["scorers"] == resolved["evidence"]["scorers"]
    assert fired["summary"].startswith("value on b is ")
    assert resolved["summary"].startswith("value on b was ")


def test_a_slow_shift_of_a_stream_is_told() -> None:
    """Sixty percent within four hours: no tick stands out, but the last half hour does from the last days."""
    y = noise(2400)
    y[2300:, 1] *= np.minimum(1 + 0.6 * np.arange(100) / 48, 1.6)
    found = told(run(y))
    sharp = {s["name"]: s["surprise"] for s in found[0].data["evidence"]["scorers"]}

    assert [("b", "up")] == [(e.data["series"]["server"], e.data["direction"]) for e in found]
    assert 2300 < ticks_of(found)[0] < 2348
    assert abs(sharp["innovation"]) < found[0].data["evidence"]["threshold"]["at"] < sharp["drift"]


def test_a_drift_is_told_at_its_opening_only() -> None:
    """The ticks that follow are judged by themselves, and most are usual; the alarm stays open all the same."""
    y = noise(2400)
    y[2300:, 1] *= np.minimum(1 + 0.6 * np.arange(100) / 48, 1.6)
    outcomes = run(y)
    opened = ticks_of(told(outcomes))[0]
    by_tick = {(o.t_ms - START_MS) // STEP: abs(float(o.surprise[1])) for o in outcomes}
    at = told(outcomes)[0].data["evidence"]["threshold"]["at"]

    assert at <= by_tick[opened]
    assert float(np.quantile([by_tick[t] for t in range(opened + 1, opened + 12)], 0.8)) < at
    assert [opened + 12 < tick for tick in ticks_of([e for e in events(outcomes) if e.type == "resolved"])] == [True]


def test_hourly_series_have_no_drift() -> None:
    """Nor have their bodies a voice of it, nor their state its units."""
    core = Core(replace(SERVERS, interval_ms=HOUR_MS), BUDGET)

    assert core.lone is not None
    assert not core.lone.hears_drift
    assert 0 == core.lone.init_drift_hours(3).log_unit.size


@pytest.mark.parametrize(("interval_ms", "expected"), [(MINUTE_MS, 3), (5 * MINUTE_MS, 3), (HOUR_MS, 0)])
def test_series_below_half_an_hour_know_their_range(interval_ms: int, expected: int) -> None:
    """Coarser ones have no state of it."""
    core = Core(replace(SERVERS, interval_ms=interval_ms), BUDGET)

    assert core.lone is not None
    assert expected == core.lone.init_known(3).ends.shape[1]


def loudness_of_jumps(parameters: Parameters, hears_range: bool = True) -> list[float]:
    """Surprise of a jump up from the lowest hour of a day, into what is usual at noon, and of an equal one down."""
    y, loud = noise(2400), []
    for factor in (1.45, 1 / 1.45):
        jump = y.copy()
        jump[LOW_TIDE, 1] *= factor
        log = log_of(jump, KEYS, STEP, by=9)
        engine = engine_for(log, SERVERS, parameters)
        for lane in engine.lanes:
            assert lane.core.lone is not None
            lane.core.lone = replace(lane.core.lone, hears_range=hears_range)
        at = [o for o in drive(engine, log.batches()) if (o.t_ms - START_MS) // STEP == LOW_TIDE]
        loud.append(abs(float(at[0].surprise[1])))
    return loud


def test_a_jump_out_of_the_known_range_is_louder_than_one_within() -> None:
    """Equal jumps from the lowest hour of a day: up to where the series is at noon, down to where it never was."""
    within, beyond = loudness_of_jumps(BUDGET)

    assert within < beyond


def test_whoever_wants_a_page_a_week_hears_the_known_range_not_at_all() -> None:
    """Equal bits with and without it, from one false page per series-week on; fewer, and jumps are told apart."""
    weekly, rarer = (Parameters(budget=b, budget_per="series-week") for b in (1.0, 0.9))

    assert loudness_of_jumps(weekly) == loudness_of_jumps(weekly, hears_range=False)
    assert loudness_of_jumps(rarer) != loudness_of_jumps(rarer, hears_range=False)


def test_values_without_peers_are_not_summed() -> None:
    """As many rows as series; a lattice over the same labels has a roll-up."""
    peers = replace(SERVERS, dimensions=(Dimension("server"),))

    assert [3, 4] == [len(run(noise(30), schema=s)[-1].index) for s in (SERVERS, peers)]


def test_only_schemas_without_peers_and_witnesses_pay_for_it() -> None:
    """State of the other kind has no rows."""
    peers = replace(SERVERS, dimensions=(Dimension("server"),))
    for schema, used, unused in ((SERVERS, "innovation", "season"), (peers, "season", "innovation")):
        engine, _ = play(log_of(noise(5), KEYS, STEP, by=9), schema, BUDGET)
        state = engine.lanes[0].state

        assert (True, 0) == (getattr(state, used)[0].size > 0, getattr(state, unused)[0].size)


def test_a_usual_gap_never_opens() -> None:
    """Samples lost one by one all the time are no news, nor are two in a row then."""
    y = noise(1000)
    y[np.random.default_rng(5).random(y.shape) < 0.2] = np.nan
    y[SPIKE : SPIKE + 2, 1] = np.nan

    assert [] == [e for e in told(run(y)) if "missing" == e.data["evidence"]["scorers"][0]["name"]]


def test_an_unusual_gap_is_told_once_and_ends_with_samples() -> None:
    """At its second or third tick, one unit over the threshold at most; open until half an hour after it."""
    y, start = noise(1000), 800
    y[start : start + 40, 1] = np.nan
    found = events(run(y))

    assert ["fired", "resolved"] == [e.type for e in found]
    assert start + 1 <= ticks_of(found)[0] <= start + 3
    assert start + 45 == ticks_of(found)[1]
    assert {"metric": "value", "server": "b"} == found[0].data["series"]
    assert "missing" == found[0].data["evidence"]["scorers"][0]["name"]
    assert found[0].data["observed"] is None
    at = found[0].data["evidence"]["threshold"]["at"]
    assert at <= -found[0].data["surprise"] <= -found[1].data["surprise"] <= at + 1.001
    assert START_MS + start * STEP == utc_ms(found[0].data["starts_at"])
    assert f"value on b: no data for {(ticks_of(found)[0] - start) * 5} min" == found[0].data["summary"]


@pytest.mark.parametrize(("ticks", "is_missed"), [(100, True), (4031, True), (4032, False), (8000, False)])
def test_who_has_been_gone_for_two_weeks_is_missed_no_more(ticks: int, is_missed: bool) -> None:
    """Also not after 25 days, when milliseconds since the last sample no longer fit 32 bits."""
    engine, _ = play(log_of(noise(1000), KEYS, STEP, by=9), SERVERS, BUDGET)
    state, core = engine.lanes[0].state, engine.lanes[0].core
    state.rows.age[1] = ticks - 1
    state.absence.gap[1] = ticks - 1
    y = noise(1001)[-1]
    y[1] = np.nan
    _, outcome = step(core, state, Tick(state.t_ms + STEP, y, np.ones(1, bool)), Controls())

    assert is_missed == bool(np.isfinite(outcome.surprise[1]))
    assert np.isfinite(outcome.surprise[[0, 2]]).all()


def test_gaps_of_irregular_series_and_of_unknown_ones_are_no_news() -> None:
    """Two of three samples never come; and one that has been there for a day and a half."""
    irregular, young = noise(1000), noise(560)
    irregular[np.random.default_rng(5).random(irregular.shape) < 0.66] = np.nan
    irregular[800:900, 1] = np.nan
    young[480:520, 1] = np.nan

    found = told(run(irregular)) + told(run(young[:, 1:2], KEYS[1:2]))

    assert "missing" not in [s["name"] for e in found for s in e.data["evidence"]["scorers"]]


def test_nothing_is_said_before_the_warm_up_has_passed() -> None:
    """No opinion, no alarm, whatever happens; then the collected day is history."""
    y = noise()
    y[100, 0] *= 5
    outcomes = run(y)
    day = DAY_MS // STEP

    assert [] == told(outcomes)
    assert all(np.isnan(o.surprise).all() and (o.state == 3).all() for o in outcomes[:day])
    assert np.isfinite(outcomes[day + 1].surprise).all()


def test_batches_do_not_matter() -> None:
    """Cut anywhere: the same outcomes and the same memory, bit for bit."""
    y = noise()
    y[SPIKE, 0] *= 2
    log = log_of(y, KEYS, STEP, by=9)
    one, outcomes = play(log, SERVERS, BUDGET)
    other, cut = play(log, SERVERS, BUDGET, sizes=[1, 7, 200, 3, 50] * 30)

    assert [picture(o) for o in outcomes] == [picture(o) for o in cut]
    assert memory(one) == memory(other)
    assert [] == is_finite(one)


@pytest.mark.parametrize("stop", [20, 150, SPIKE * 3 + 4], ids=["collecting", "late in warm-up", "alarm open"])
def test_a_loaded_engine_goes_on_as_if_nothing_had_happened(stop: int) -> None:
    """Also while history is being collected and while an alarm is open."""
    y = noise()
    y[SPIKE, 0] *= 2
    log = log_of(y, KEYS, STEP, by=9)
    batches = log.batches([stop])
    whole = engine_for(log, SERVERS, BUDGET)
    wanted = drive(whole, batches)
    first = engine_for(log, SERVERS, BUDGET)
    before = drive(first, batches[:1])
    header, arrays = first.save()
    again = Engine.load(SERVERS, BUDGET, json.loads(json.dumps(header)), arrays)
    after = drive(again, batches[1:])

    assert [picture(o) for o in wanted] == [picture(o) for o in before + after]
    assert memory(whole) == memory(again)


def test_what_comes_later_changes_nothing_before() -> None:
    """Two futures, one past."""
    y = noise()
    other = y.copy()
    other[SPIKE:] *= np.random.default_rng(1).uniform(0, 5, other[SPIKE:].shape)

    assert [picture(o) for o in run(y)[:SPIKE]] == [picture(o) for o in run(other)[:SPIKE]]


def test_a_monstrous_value_during_an_event_is_one_alarm() -> None:
    """A hundred thousand units off, of a series with values below zero: told, with numbers that are finite."""
    y = noise()
    y[:, 1] -= 10_000
    y[SPIKE : SPIKE + 3, 1] = 1e9
    found = events(run(y, controls=Controls(calendar=calendar(SPIKE - 5, SPIKE + 20))))

    assert ["up"] == [e.data["direction"] for e in found if e.type == "fired"]
    assert found[0].data["evidence"]["event"]["observed"] > 1e6
    assert 1e9 == found[0].data["observed"]


def test_an_event_holds_what_it_explains() -> None:
    """Jump and way back, both inside the envelope: on record, not told."""
    y = noise()
    y[SPIKE : SPIKE + 24, 0] *= 1.6
    on = Controls(calendar=calendar(SPIKE, SPIKE + 24))
    found = events(run(y, controls=on))

    assert {"calendar"} == {r["reason"] for e in found if e.type == "held" for r in e.data["suppression"]["reasons"]}
    assert [] == told(run(y, controls=on))
    assert SPIKE in ticks_of(told(run(y)))


def test_what_exceeds_the_envelope_is_told() -> None:
    """Ten times as much is no sale; nor is a fall where a rise was expected."""
    much, fall = noise(), noise()
    much[SPIKE, 0] *= 10
    fall[SPIKE, 0] *= 0.4
    expect = "    expect: {direction: up, change: +20%..+100%}\n"

    assert [SPIKE] == ticks_of(told(run(much, controls=Controls(calendar=calendar(SPIKE - 3, SPIKE + 3)))))
    assert [SPIKE] == ticks_of(told(run(fall, controls=Controls(calendar=calendar(SPIKE - 3, SPIKE + 3, expect)))))


def test_a_silence_holds() -> None:
    """A person's word counts for lone series too."""
    from suppression.scope import Scope

    y = noise()
    y[SPIKE, 0] *= 2
    silence = Silence("s1", Scope(match={"server": ("a",)}, exclude={}), START_MS, START_MS + 10**10, "ann", "known")
    found = events(run(y, controls=Controls(silences=(silence,))))

    assert ["held", "resolved"] == [e.type for e in found]


def entities(ticks: int = 700) -> tuple[Schema, list[Key], np.ndarray]:
    names = [f"m{i}" for i in range(6)]
    schema = replace(SERVERS, metrics=tuple(Metric(n) for n in names))
    rng = np.random.default_rng(4)
    return schema, [(n, s) for n in names for s in ("a", "b")], 50 + rng.standard_normal((ticks, 12))


def test_metrics_of_one_server_are_one_alarm() -> None:
    """It carries the server's labels and names the metrics that moved."""
    schema, keys, y = entities()
    y[SPIKE : SPIKE + 2, [0, 2, 4]] += 30
    found = told(run(y, keys, schema))

    assert [SPIKE] == ticks_of(found)
    assert {"server": "a"} == found[0].data["cuboid"]["present"]
    named = {s["name"] for s in found[0].data["evidence"]["scorers"]}
    assert {"innovation", "innovation:m0", "innovation:m1", "innovation:m2"} == named


def test_warm_start_judges_from_the_first_tick_on() -> None:
    """History of eight days; a counter's history is differenced."""
    schema = replace(SERVERS, metrics=(Metric("value", kind="counter"),))
    y = np.cumsum(np.abs(noise(8 * 288 + 10, 2)), axis=0)
    core = Core(schema, BUDGET)
    t_ms = START_MS + np.arange(len(y)) * STEP
    state = warm_up(core, core.init(), KEYS[:2], t_ms[:-10], y[:-10])
    state, outcome = step(core, state, Tick(int(t_ms[-10]), y[-10], np.ones(1, bool)), Controls())

    assert np.isfinite(outcome.surprise).all()
    assert (np.abs(outcome.surprise) < 4).all()
    assert outcome.observed == pytest.approx(np.diff(y[-11:-9], axis=0)[0])


def test_closing_takes_five_minutes_or_half_an_hour() -> None:
    """Half an hour and two ticks from five-minute intervals on; at least a tick below."""
    found = [closing_ticks(ms) for ms in (10_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)]

    assert [30, 5, 6, 2, 2] == found


def test_openings_of_history_count_in_their_own_weeks() -> None:
    """A row that joins later brings what its past held; weeks gone by are forgotten."""
    law = OpeningLaw(HOUR_MS, 6)
    live, past = law.init(3), law.init(1)
    law.learn(live, 10 * WEEK_MS, np.full(3, 2, np.float32), np.ones(3, bool))
    law.learn(past, 8 * WEEK_MS, np.full(1, 2, np.float32), np.ones(1, bool))
    law.learn(past, 9 * WEEK_MS, np.full(1, 2, np.float32), np.ones(1, bool))
    add_law(live, past, np.array([1]))

    assert [3.0, 0.0, 1.0, 0.0, 0.0] == live.opened[0].tolist()
    assert 10 == int(live.week)


def test_dimensions_without_peers_have_no_parents() -> None:
    """The configuration says why."""
    from pydantic import ValidationError

    from tocsin.config.series_models import DimensionModel

    with pytest.raises(ValidationError, match="expected no parents"):
        DimensionModel.model_validate({"peers": False, "parents": {"rack": {"path": "rack"}}})
