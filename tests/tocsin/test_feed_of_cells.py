"""A whole feed of cells missing is one alarm on the feed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache

import numpy as np
from rich.console import Console

from detector.frame import Key, Tick
from detector.schema import Dimension, Independence, Metric, Schema
from detector.timing import DAY_MS
from suppression.alarm import AlarmEvent
from suppression.controls import Controls
from tests.docs.test_alarm_page import LABELS, NAMED, fields
from tests.streams import START_MS, Log, drive, events, log_of, memory, picture
from tests.tocsin.test_feed_alarm import LEARNT, STEP, at, silence, some_of
from tocsin import evidence
from tocsin.core import Core, State
from tocsin.engine import Engine
from tocsin.fork import fork
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up
from tocsin.web.alarm import alarm_view

GRID = Schema(
    dimensions=(Dimension("device"), Dimension("region")),
    metrics=(
        Metric("requests", stack="app", kind="count"),
        Metric("cdn", role="witness", stack="cdn", kind="count", dimensions=("region",)),
    ),
    independence=(Independence("app", "cdn"),),
    interval_ms=STEP,
)
GRID_KEYS: list[Key] = [("requests", d, r) for d in ("phone", "tv", "web") for r in ("eu", "na", "us")]
GRID_KEYS += [("cdn", "", r) for r in ("eu", "na", "us")]


def counts(ticks: int, seed: int = 1, rare: float = 0) -> np.ndarray:
    """(T, S) counts; all cells but the first two leave out this share of their samples."""
    rng = np.random.default_rng(seed)
    shape = 1 + 0.4 * np.sin(np.arange(ticks) * STEP / DAY_MS * 2 * np.pi)
    y = rng.poisson(np.linspace(300, 900, len(GRID_KEYS)) * shape[:, None]).astype(float)
    y[:, 2:9][rng.random((ticks, 7)) < rare] = np.nan
    return y


@cache
def learnt(rare: float = 0) -> tuple[Core, State]:
    core = Core(GRID, Parameters(budget=10.0))
    t_ms = START_MS + STEP * np.arange(-LEARNT, 0)
    return core, warm_up(core, core.init(), GRID_KEYS, t_ms, counts(LEARNT, rare=rare))


def grid(y: np.ndarray, controls: Controls | None = None, rare: float = 0) -> list[AlarmEvent]:
    """The events of a stage that begins after nine days of history."""
    core, state = learnt(rare)
    state, found = fork(state), list[AlarmEvent]()
    rows = np.array([state.index.rows[key] for key in GRID_KEYS])
    codes = np.array([0] * 9 + [1] * 3)
    for t, values in enumerate(y):
        tick = np.full(len(state.index), np.nan)
        tick[rows] = values
        delivered = np.array([np.isfinite(values[codes == m]).any() for m in range(2)])
        now = controls or Controls()
        state, outcome = step(core, state, Tick(START_MS + t * STEP, tick, delivered), now)
        found += outcome.events
    return found


def test_cells_that_all_stop_are_one_alarm_and_none_when_they_are_back() -> None:
    """Half an hour without data: nothing else is told in it, nor in the two hours after it."""
    y = counts(60)
    y[20:26, :9] = np.nan
    fired, resolved = grid(y)

    assert ("fired", "resolved") == (fired.type, resolved.type)
    assert {"metric": "requests", "device": "*", "region": "*"} == fired.data["series"]
    assert ("app", ["requests"], 9) == tuple(fired.data["feed"][name] for name in ("stack", "metrics", "series"))
    assert 22 <= at(fired) <= 24
    assert 26 <= at(resolved) <= 36


def test_cells_that_come_now_and_then_are_missing_with_the_feed() -> None:
    """Seven of nine come every fifty ticks: most were silent before, as they usually are."""
    y = counts(60, rare=0.98)
    y[20:40, :9] = np.nan
    fired = next(e for e in grid(y, rare=0.98) if e.data["feed"])

    assert ("fired", 9) == (fired.type, fired.data["feed"]["series"])
    assert 22 <= at(fired) <= 24


def test_a_witness_that_stops_raises_nothing() -> None:
    y = counts(60)
    y[20:40, 9:] = np.nan

    assert [] == grid(y)


def test_a_feed_that_stops_while_a_candidate_is_held_leaves_it_held() -> None:
    """A region falls under a silence; then nothing comes at all: that is told."""
    y = counts(60)
    y[10:20, [i for i, k in enumerate(GRID_KEYS) if k[0] == "requests" and k[2] == "eu"]] *= 0.2
    y[20:30, :9] = np.nan
    found = grid(y, silence(region=("eu",)))
    told = [e for e in found if e.told]

    assert "held" in [e.type for e in found]
    assert ["fired", "resolved"] == [e.type for e in told]
    assert all(e.data["feed"] for e in told)


def test_a_silent_lattice_that_was_killed_goes_on_to_equal_alarms() -> None:
    """Saved inside the gap, while the alarm is open."""
    y = counts(60)
    y[20:40, :9] = np.nan
    log = log_of(y, GRID_KEYS, STEP)
    schema = replace(GRID, lateness_ms=0)
    batches = log.batches()
    early = [some_of(b, b.time_ms < START_MS + 30 * STEP) for b in batches]
    late = [some_of(b, b.time_ms >= START_MS + 30 * STEP) for b in batches]
    whole, wanted = _after_history(log, schema), list[Outcome]()
    wanted += drive(whole, batches)
    first = _after_history(log, schema)
    before = drive(first, [replace(b, closes_ms=START_MS + 30 * STEP) for b in early if b.closes_ms is None])
    header, arrays = first.save()
    again = Engine.load(schema, first.parameters, json.loads(json.dumps(header)), arrays)
    after = drive(again, late)

    assert ["fired", "resolved"] == [e.type for e in events(wanted) if e.data["feed"]]
    assert 1 == len(first.lanes[0].state.feed_alarms)
    assert [picture(o) for o in wanted] == [picture(o) for o in before + after]
    assert {n: a for n, a in memory(whole).items() if "feed" in n} == {
        n: a for n, a in memory(again).items() if "feed" in n
    }


def _after_history(log: Log, schema: Schema) -> Engine:
    """An engine that has learnt the stage's history and goes on with a log."""
    engine = Engine(schema, Parameters(budget=10.0))
    engine.expect(frozenset(log.partitions))
    lane = engine.lanes[0]
    lane.state = fork(learnt()[1])
    lane.aligner.index = lane.state.index
    return engine


def test_the_page_of_the_alarm_names_its_fields() -> None:
    """Those of a feed too."""
    y = counts(60)
    y[20:26, :9] = np.nan
    found = {name.removesuffix("[]") for event in grid(y) for name in fields(dict(event.data))}

    assert {"feed", "stack", "metrics", "series", "since"} <= found
    assert set() == found - {name.partition("[")[0] for name in NAMED} - LABELS


def test_pages_say_what_is_missing() -> None:
    """In the browser and in the terminal, instead of numbers that there are not."""
    y = counts(60)
    y[20:26, :9] = np.nan
    body = dict(grid(y)[0].data)
    facts = {name: text for name, text, _ in alarm_view(body, [], at(grid(y)[0])).facts}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(evidence.page(body, []))

    assert ["Since", "Nothing arrives of"] == list(facts)
    assert "requests (stack app); 9 series were due" == facts["Nothing arrives of"]
    assert "nothing arrives of requests; 9 series were due; surprise -" in console.export_text()
