"""Any shape of schema: 0 to 4 dimensions, one series, several intervals, counters, zeros for gaps, idle partitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.frame import Batch
from detector.schema import ALL, MINUTE_MS, Dimension, Independence, Metric, Parent, Schema
from detector.timing import HOUR_MS
from suppression.controls import Controls
from tests.streams import (
    PARAMETERS,
    START_MS,
    Log,
    Sample,
    counts,
    drive,
    engine_for,
    events,
    is_finite,
    log_of,
    memory,
    picture,
    play,
)

NAMES = ("device", "region", "activity", "plan")
VALUES = (("phone", "tv", "web"), ("eu", "na", "us"), ("browse", "play"), ("free", "paid"))


def schema_of(dimensions: int) -> Schema:
    return Schema(
        dimensions=tuple(Dimension(n) for n in NAMES[:dimensions]), metrics=(Metric("requests", kind="count"),),
        place="region" if dimensions > 1 else None, interval_ms=HOUR_MS, lateness_ms=0,
    )  # fmt: skip


def keys_of(dimensions: int) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [("requests",)]
    for values in VALUES[:dimensions]:
        keys = [(*key, value) for key in keys for value in values]
    return keys


@pytest.mark.parametrize("dimensions", [0, 1, 2, 3, 4])
def test_an_outage_is_told_in_a_lattice_of_any_dimensions(dimensions: int) -> None:
    """With a factor of five lost in one cell for half a day; zero dimensions: the single series itself."""
    keys = keys_of(dimensions)
    rng = np.random.default_rng(3)
    y = rng.poisson(400, (24 * 6, len(keys))).astype(float)
    y[120:132, 0] = np.floor(y[120:132, 0] / 5)
    parameters = PARAMETERS if dimensions else replace(PARAMETERS, budget=50.0)  # a lone series keeps its promise
    engine, outcomes = play(log_of(y, keys, by=1), schema_of(dimensions), parameters)
    told = [e for e in events(outcomes) if e.type == "fired" and e.tick_ms >= START_MS + 120 * HOUR_MS]

    assert [] == is_finite(engine)
    assert len(told) == 1
    assert told[0].data["direction"] == "down"
    assert dict(zip(NAMES, keys[0][1:], strict=False)) == told[0].data["cuboid"]["first"]
    assert {"metric": "requests", **dict(zip(NAMES, keys[0][1:], strict=False))} == told[0].data["series"]


def test_single_series_without_peers_are_judged_by_their_own_forecast() -> None:
    """Five metrics of different sizes without dimensions: no sums between them, no contrast, one alarm."""
    metrics = tuple(Metric(f"m{i}", kind="count") for i in range(5))
    schema = Schema(dimensions=(), metrics=metrics, place=None, interval_ms=HOUR_MS, lateness_ms=0)
    rng = np.random.default_rng(1)
    y = rng.poisson([10, 100, 1000, 10_000, 50], (24 * 6, 5)).astype(float)
    y[120:132, 2] *= 0.3
    _, outcomes = play(log_of(np.floor(y), [(m.name,) for m in metrics]), schema, replace(PARAMETERS, budget=5.0))
    told = [
        e for e in events(outcomes) if e.type == "fired" and 0 <= e.tick_ms - START_MS - 120 * HOUR_MS <= 2 * HOUR_MS
    ]

    assert 5 == len(outcomes[-1].index)
    assert ["m2"] == [e.data["series"]["metric"] for e in told]


def test_a_single_series_with_a_witness_is_told_at_once() -> None:
    """No roll-ups to localise on: a fall that is loud in the tick in which it enters is its own root."""
    schema = Schema(
        dimensions=(), place=None, interval_ms=HOUR_MS, lateness_ms=0, independence=(Independence("app", "cdn", ()),),
        metrics=(Metric("requests", stack="app", kind="count"), Metric("cdn", "witness", "cdn", kind="count")),
    )  # fmt: skip
    rng = np.random.default_rng(3)
    y = rng.poisson(400, (24 * 6, 2)).astype(float)
    y[120:132, 0] = np.floor(y[120:132, 0] / 5)
    _, outcomes = play(log_of(y, [("requests",), ("cdn",)]), schema)
    told = [e for e in events(outcomes) if e.told]

    assert ["fired", "resolved"] == [e.type for e in told]
    assert 120 <= (told[0].tick_ms - START_MS) / HOUR_MS <= 122
    assert told[0].data["summary"].startswith("requests are ")


def test_several_intervals_live_in_one_engine() -> None:
    """Minutes and hours of two metrics: each tick at its end, in event-time order, both with their own horizons."""
    schema = Schema(
        dimensions=(Dimension("device"),), place=None, lateness_ms=0,
        metrics=(Metric("fast", kind="count"), Metric("slow", kind="count", interval_ms=HOUR_MS)),
    )  # fmt: skip
    samples = [Sample(("fast", "tv"), START_MS + m * MINUTE_MS, 5.0) for m in range(300)]
    samples += [Sample(("slow", "tv"), START_MS + m * MINUTE_MS, 50.0) for m in range(300)]
    samples.sort(key=lambda s: s.time_ms)
    log = Log({"p/0": samples}, START_MS + 300 * MINUTE_MS)
    engine, outcomes = play(log, schema, sizes=[17] * 1000)
    again, other = play(log, schema)
    ends = [o.t_ms + o.interval_ms for o in outcomes]

    assert {MINUTE_MS: 300, HOUR_MS: 5} == {i: sum(o.interval_ms == i for o in outcomes) for i in (MINUTE_MS, HOUR_MS)}
    assert sorted(ends) == ends
    assert [picture(o) for o in outcomes] == [picture(o) for o in other]
    assert memory(engine) == memory(again)
    assert {("scored", ""): 600} == engine.fates["p/0"]
    assert 3000.0 == next(o for o in outcomes if o.interval_ms == HOUR_MS).observed[0]


def test_roll_ups_are_the_sums_of_their_leaves() -> None:
    """Every row, families and `*` among them, by comparing labels; a missing leaf at its expectation."""
    dimensions = (
        Dimension("device", (Parent("family", {"hand": ("phone", "watch"), "big": ("tv",)}),)),
        Dimension("region"),
    )
    schema = replace(schema_of(2), dimensions=dimensions)
    keys = [("requests", d, r) for d in ("phone", "watch", "tv", "odd") for r in ("eu", "na", "us")]
    y = np.random.default_rng(0).poisson(100, (50, len(keys))).astype(float)
    y[49, 3] = np.nan
    _, outcomes = play(log_of(y, keys), schema)
    last, index = outcomes[-1], outcomes[-1].index
    family = {"phone": "hand", "watch": "hand", "tv": "big", "odd": None}
    leaf = {key[1:]: (y[49, i] if i != 3 else last.expected[index.rows[keys[3]]]) for i, key in enumerate(keys)}

    assert 12 + 2 * 3 + 2 + 4 + 3 + 1 == len(index)
    for row in range(len(index)):
        labels = index.labels(row)
        parts = [
            v for (d, r), v in leaf.items()
            if labels["region"] in (ALL, r) and labels["device"] in (ALL, d)
            and labels.get("device_family", family[d]) == family[d]
        ]  # fmt: skip
        if not index.is_leaf(row):
            assert pytest.approx(sum(parts), rel=1e-5) == last.observed[row]


def test_a_roll_up_that_is_mostly_filled_in_abstains() -> None:
    """More than half of its expectation missing: no value, no opinion."""
    keys = [("requests", d) for d in ("a", "b", "c", "d")]
    y = np.random.default_rng(0).poisson(100, (50, 4)).astype(float)
    y[48, 0] = np.nan
    y[49, :3] = np.nan
    _, outcomes = play(log_of(y, keys), replace(schema_of(1)))

    assert np.isfinite(outcomes[48].observed[4])
    assert np.isnan(outcomes[49].observed[4])


def test_a_counter_is_judged_by_its_increase() -> None:
    """A reset takes the new value; after a gap one tick is unknown (B37)."""
    raw = np.array([100, 110, 125, 5, 15, np.nan, 40, 50, 50], float)
    schema = replace(schema_of(0), metrics=(Metric("requests", kind="counter"),))
    _, outcomes = play(log_of(raw[:, None], [("requests",)]), schema)
    seen = [float(o.observed[0]) for o in outcomes]

    assert [10, 15, 5, 10] == seen[1:5]
    assert [10, 0] == seen[7:]
    assert np.isnan([seen[0], *seen[5:7]]).all()


def test_missing_means_zero_only_while_the_feed_delivers() -> None:
    """`missing: zero`: a silent series is 0 in ticks in which the metric came at all, else a gap."""
    keys = [("requests", "a"), ("requests", "b")]
    y = np.full((6, 2), 7.0)
    y[2, 1] = np.nan
    y[4] = np.nan
    schema = replace(schema_of(1), metrics=(Metric("requests", kind="count", missing="zero"),))
    _, outcomes = play(log_of(y, keys), schema)

    assert [7, 7, 0, 7, 7] == [float(o.observed[1]) for o in outcomes if np.isfinite(o.observed[1])]
    assert np.isnan(outcomes[4].observed).all()


def test_an_idle_partition_holds_no_tick_back_and_its_late_samples_are_late() -> None:
    """Ticks wait for every partition that is expected, until it is declared idle (F45)."""
    keys = [("requests", d) for d in ("a", "b")]
    log = log_of(np.full((10, 2), 5.0), keys, ends=False, by=1)
    engine = engine_for(log, schema_of(1))
    alive = [b for b in log.batches([1] * 20) if b.partition == "p/a"]
    silent = [b for b in log.batches([1] * 20) if b.partition == "p/b"]

    assert [] == drive(engine, alive)
    engine.set_idle(frozenset({"p/b"}))
    assert 9 == len(list(engine.turns(Controls(idle=frozenset({"p/b"})))))
    engine.set_idle(frozenset())
    drive(engine, silent)
    assert {("late", ""): 9} == engine.fates["p/b"]
    assert {("scored", ""): 9} == engine.fates["p/a"]
    assert 2 == engine.pending()


def test_a_partition_with_a_promise_holds_no_tick_back() -> None:
    """The end of a file, or of a feed, closes its ticks."""
    keys = [("requests", d) for d in ("a", "b")]
    log = log_of(np.full((10, 2), 5.0), keys, ends=False, by=1)
    engine = engine_for(log, schema_of(1))
    drive(engine, log.batches())
    empty = np.zeros(0, np.int64)
    end = Batch("p/b", [], empty, np.zeros(0), empty, 10, closes_ms=START_MS + 100 * HOUR_MS)
    outcomes = drive(engine, [end])

    assert START_MS + 8 * HOUR_MS == (outcomes[-1].t_ms if outcomes else START_MS + 8 * HOUR_MS)
    assert 1 <= engine.pending() <= 2


def test_witnesses_raise_nothing_and_testify() -> None:
    """An outage of a witness is nobody's page."""
    schema = Schema(
        dimensions=(Dimension("device"), Dimension("region")),
        metrics=(
            Metric("requests", stack="app", kind="count"),
            Metric("cdn", role="witness", stack="cdn", kind="count", dimensions=("region",)),
        ),
        independence=(Independence("app", "cdn"),), interval_ms=HOUR_MS, lateness_ms=0,
    )  # fmt: skip
    keys = [("requests", d, r) for d in ("a", "b", "c") for r in ("eu", "na", "us")]
    keys += [("cdn", "", r) for r in ("eu", "na", "us")]
    y = np.random.default_rng(2).poisson(500, (24 * 6, len(keys))).astype(float)
    y[120:130, -1] = np.floor(y[120:130, -1] * 0.2)
    _, outcomes = play(log_of(y, keys), schema)

    assert not [e for e in events(outcomes) if e.told]


@pytest.mark.parametrize("seed", [0, 1])
def test_series_that_come_and_go_leave_the_state_finite(seed: int) -> None:
    """New series at any tick, long silences: rows are added while the engine runs."""
    rng = np.random.default_rng(seed)
    keys = keys_of(3)
    y = counts(keys, ticks=120, seed=seed)
    for row in range(len(keys)):
        y[: rng.integers(0, 90), row] = np.nan
    engine, outcomes = play(log_of(y, keys), schema_of(3))

    assert [] == is_finite(engine)
    sizes = [len(o.observed) for o in outcomes]
    assert sorted(sizes) == sizes
    assert sizes[0] < sizes[-1]
