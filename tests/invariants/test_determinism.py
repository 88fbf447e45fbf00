"""What may not change a decision: the future, how a stream is cut, who comes first, a stop in the middle."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from detector.timing import HOUR_MS
from tests.streams import (
    GRID,
    GRID_KEYS,
    PARAMETERS,
    START_MS,
    Log,
    counts,
    drive,
    engine_for,
    events,
    log_of,
    memory,
    picture,
    play,
)
from tocsin.engine import Engine

Y = counts(ticks=24 * 6)
LOG = log_of(Y)
TICKS = len(Y)


@pytest.fixture(scope="module")
def whole() -> tuple[dict, list]:  # type: ignore[type-arg]
    """State and outcomes of the stream taken in at once."""
    engine, outcomes = play(LOG)
    return memory(engine), [picture(o) for o in outcomes]


def test_the_stream_of_these_tests_raises_and_resolves_alarms(whole) -> None:  # type: ignore[no-untyped-def]
    """Equal silence would prove nothing."""
    kinds = {event.type for outcome in whole[1] for event in outcome[2]}

    assert {"fired", "resolved"} <= kinds


@pytest.mark.parametrize("seed", [1, 2])
def test_any_split_into_batches_gives_equal_bits(whole, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Batches of 1 to 400 samples: the same outcomes and the same state, bit for bit (B45)."""
    sizes = np.random.default_rng(seed).integers(1, 400, 10_000).tolist()
    engine, outcomes = play(LOG, sizes=sizes)

    assert whole[1] == [picture(o) for o in outcomes]
    assert whole[0] == memory(engine)


@pytest.mark.parametrize("seed", [1, 2])
def test_any_interleaving_of_partitions_gives_equal_bits(whole, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Partitions run ahead of each other by hundreds of samples (I2)."""
    rng = np.random.default_rng(seed)
    engine, outcomes = play(LOG, sizes=rng.integers(1, 700, 10_000).tolist(), turns=rng)

    assert whole[1] == [picture(o) for o in outcomes]
    assert whole[0] == memory(engine)


@pytest.mark.parametrize("until", [30, 118])
def test_what_comes_later_changes_nothing_before(whole, until: int) -> None:  # type: ignore[no-untyped-def]
    """No look-ahead: the stream cut at a tick gives the same outcomes up to it."""
    _, outcomes = play(log_of(Y[:until]))

    assert whole[1][:until] == [picture(o) for o in outcomes]


@pytest.mark.parametrize("seed", [1, 2])
def test_samples_out_of_order_within_the_lateness_change_nothing(whole, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Every partition shuffled so that no sample is later than the lateness (B23, B30)."""
    rng = np.random.default_rng(seed)
    shuffled = {}
    for name, samples in LOG.partitions.items():
        key = np.array([s.time_ms for s in samples]) + rng.integers(0, GRID.lateness_ms - HOUR_MS, len(samples))
        shuffled[name] = [samples[i] for i in np.argsort(key, kind="stable").tolist()]
    first, _ = play(Log(shuffled, LOG.ends_ms))
    engine, outcomes = play(Log(shuffled, LOG.ends_ms), sizes=[61] * 10_000)

    assert whole[1] == [picture(o) for o in outcomes]
    assert whole[0]["header"]["lanes"] == memory(first)["header"]["lanes"]
    assert whole[0] == memory(engine)


def test_times_off_the_grid_fall_into_their_tick(whole) -> None:  # type: ignore[no-untyped-def]
    """Jitter within an interval is no information (B31)."""
    rng = np.random.default_rng(4)
    moved = {
        name: [s._replace(time_ms=s.time_ms + int(rng.integers(0, HOUR_MS))) for s in samples]
        for name, samples in LOG.partitions.items()
    }
    _, outcomes = play(Log(moved, LOG.ends_ms))

    assert whole[1] == [picture(o) for o in outcomes]


@pytest.mark.parametrize("stop", [5, 117, 120])
def test_a_stop_with_save_and_load_changes_nothing(whole, stop: int) -> None:  # type: ignore[no-untyped-def]
    """Saved after a tick, with samples of later ticks waiting, and loaded: it goes on bit by bit."""
    batches = iter(LOG.batches([500] * 10_000))
    engine, outcomes = engine_for(LOG), []
    while len(outcomes) < stop:
        outcomes += drive(engine, [next(batches)])
    header, arrays = engine.save()
    again = Engine.load(GRID, PARAMETERS, json.loads(json.dumps(header)), {k: v.copy() for k, v in arrays.items()})

    assert memory(engine) == memory(again)
    outcomes += drive(again, batches)
    assert whole[1] == [picture(o) for o in outcomes]
    assert whole[0] == memory(again)


def test_what_was_saved_does_not_move_while_the_engine_goes_on() -> None:
    """Snapshots are written beside the work: neither the header nor an array may be a view of what changes."""
    batches = iter(LOG.batches([500] * 10_000))
    engine, outcomes = engine_for(LOG), []
    while len(outcomes) < 5:
        outcomes += drive(engine, [next(batches)])
    header, arrays = engine.save()
    then = json.dumps(header), {name: a.tobytes() for name, a in arrays.items()}
    assert drive(engine, batches)

    assert then == (json.dumps(header), {name: a.tobytes() for name, a in arrays.items()})


def test_two_runs_give_equal_ids_and_bodies() -> None:
    """Ids are hashes of content and event time."""
    first, second = (events(play(LOG)[1]) for _ in range(2))

    assert [(e.id, e.data) for e in first] == [(e.id, e.data) for e in second]


def test_ids_do_not_depend_on_the_budget() -> None:
    """No configuration is part of an id: an alarm that two configurations raise at one tick has one name."""
    _, loose = play(LOG)
    _, strict = play(LOG, parameters=replace(PARAMETERS, budget=900.0))
    starts = {
        (e.data["starts_at"], str(e.data["cuboid"]["first"]), e.data["direction"]): e.alarm_id for e in events(loose)
    }

    shared = 0
    for event in events(strict):
        name = starts.get((event.data["starts_at"], str(event.data["cuboid"]["first"]), event.data["direction"]))
        if name is not None:
            shared += 1
            assert name == event.alarm_id
    assert shared > 0


def test_a_permutation_of_series_changes_scores_by_rounding_only() -> None:
    """Other names, other rows, other order of sums: scores agree to 1e-4, alarms fall at the same ticks."""
    swap = {"phone": "c3", "tv": "a1", "web": "b2"}
    renamed = [(k[0], swap.get(k[1], k[1]), *k[2:]) for k in GRID_KEYS]
    plain, plain_out = play(LOG)
    other, other_out = play(log_of(Y, renamed))
    rows = [plain.lanes[0].state.index.rows[k] for k in GRID_KEYS]
    moved = [other.lanes[0].state.index.rows[k] for k in renamed]

    for a, b in zip(plain_out, other_out, strict=True):
        known = [i for i, row in enumerate(rows) if row < len(a.expected)]
        own, their = [rows[i] for i in known], [moved[i] for i in known]
        np.testing.assert_allclose(a.surprise[own], b.surprise[their], rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(a.expected[own], b.expected[their], rtol=1e-3)
    assert [(e.tick_ms, e.type) for e in events(plain_out)] == [(e.tick_ms, e.type) for e in events(other_out)]


def test_the_engine_counts_ticks_from_the_first_sample() -> None:
    """Every tick from the first to the end is stepped once, in order, empty ones too."""
    hole = Y.copy()
    hole[50:55] = np.nan
    _, outcomes = play(log_of(hole))

    assert [START_MS + k * HOUR_MS for k in range(TICKS)] == [o.t_ms for o in outcomes]
