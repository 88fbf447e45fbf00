"""The simulated world as a source: the contract of sources, interleaving, pace and positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from connectors.simulation import Rates, World, WorldParameters, make_geography
from connectors.sources.simulator import SimulatorSource
from detector.errors import ConfigError
from detector.frame import Batch

PARAMETERS = WorldParameters(
    minutes=240, geography=make_geography({"tv": 2}, {"eu": 2, "na": 1}), rates=Rates(gaps_per_leaf_day=5).only("gap")
)
WORLD = World(PARAMETERS)


def drain(source: SimulatorSource) -> Iterator[Batch]:
    while not source.is_finished():
        yield from source.poll(0)


def samples(batches: list[Batch]) -> dict[tuple[tuple[str, ...], int], float]:
    return {
        (key, int(t)): float(value)
        for batch in batches
        for key, t, value in zip(batch.keys, batch.time_ms, batch.value, strict=True)
    }


def whole_world() -> dict[tuple[tuple[str, ...], int], float]:
    t_ms, y = WORLD.panel(0, 240)
    return {
        (WORLD.leaves[row], int(t_ms[m])): float(y[m, row]) for m, row in zip(*np.nonzero(~np.isnan(y)), strict=True)
    }


@pytest.mark.parametrize("interleave", [None, 1, 2])
def test_every_sample_is_served_once_for_any_interleaving(interleave: int | None) -> None:
    """All partitions together hold the world, in event-time order within each, and end with its end."""
    source = SimulatorSource(WORLD, interleave=interleave)
    source.open({})
    batches = list(drain(source))

    assert whole_world() == samples(batches)
    assert len(whole_world()) == sum(len(batch) for batch in batches)
    for partition in source.partitions():
        own = [batch for batch in batches if batch.partition == partition]
        times = np.concatenate([batch.time_ms for batch in own])
        assert (np.diff(times) >= 0).all()
        assert PARAMETERS.end_ms == own[-1].closes_ms
        assert all(batch.closes_ms is None for batch in own[:-1])


def test_partitions_are_regions() -> None:
    """Every sample of a partition, watched or witness, is of one region."""
    source = SimulatorSource(WORLD)
    source.open({})

    assert ("simulator/eu-1", "simulator/eu-2", "simulator/na-1") == source.partitions()
    for batch in drain(source):
        assert {batch.partition.removeprefix("simulator/")} == {key[2] for key in batch.keys}


def test_interleaving_lets_partitions_run_apart_but_not_far() -> None:
    """The newest and the oldest partition differ by up to an hour, and do differ."""
    source = SimulatorSource(WORLD, interleave=3)
    source.open({})
    next_minute, apart = dict.fromkeys(source.partitions(), 0), []
    for batch in drain(source):
        next_minute[batch.partition] = batch.next_offset // 13
        apart.append(max(next_minute.values()) - min(next_minute.values()))

    assert 10 < max(apart) <= 60


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_it_goes_on_from_any_position(cut: int) -> None:
    """What was read before a stop and what is read after it are the world, nothing twice."""
    first = SimulatorSource(WORLD, interleave=4)
    first.open({})
    before = [batch for batch, _ in zip(drain(first), range(cut), strict=False)]
    second = SimulatorSource(WORLD)
    second.open({batch.partition: batch.next_offset for batch in before})
    after = list(drain(second))

    assert whole_world() == samples(before) | samples(after)
    assert len(whole_world()) == sum(len(batch) for batch in [*before, *after])


def test_it_goes_on_inside_a_minute() -> None:
    """A position between two samples of one minute serves the second and not the first."""
    source = SimulatorSource(WORLD)
    source.open({"simulator/eu-1": 5})
    batch = next(batch for batch in drain(source) if batch.partition == "simulator/eu-1")
    t_ms, y = WORLD.panel(0, 1)
    rows = [row for row, key in enumerate(WORLD.leaves) if key[2] == "eu-1"]

    expected = [WORLD.leaves[row] for row in rows[5:] if not np.isnan(y[0, row])]
    assert expected == [key for key, t in zip(batch.keys, batch.time_ms, strict=True) if t == t_ms[0]]


def test_opened_at_the_end_it_still_closes_every_partition() -> None:
    """A source that was read to its end gives empty batches that promise that nothing follows."""
    source = SimulatorSource(WORLD)
    source.open(dict.fromkeys(source.partitions(), 240 * 13))
    batches = source.poll(0)

    assert [(0, PARAMETERS.end_ms)] * 3 == [(len(batch), batch.closes_ms) for batch in batches]
    assert source.is_finished()


class FakeTime:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, [0.0]

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_a_paced_world_serves_a_minute_once_it_has_passed() -> None:
    """At 600 × real time a simulated minute takes a tenth of a second."""
    #    wall s   100      100.1     100.2    100.25
    #    ─────────┼─────────┼─────────┼────┼──────▶
    #    served   0         1         2    2      minutes
    fake = FakeTime()
    source = SimulatorSource(WORLD, speed=600, clock=fake, sleep=fake.sleep)
    source.open({})
    served = []
    for now in (100.0, 100.1, 100.2, 100.25):
        fake.now = now
        source.poll(0)
        served.append(source.lag()["simulator/eu-1"])

    first = PARAMETERS.start_ms
    assert [(0, None), (0, first), (0, first + 60_000), (0, first + 60_000)] == served


def test_a_paced_poll_waits_until_the_next_minute_is_due() -> None:
    """It sleeps for what is missing, not for its whole timeout, and comes back with the minute."""
    fake = FakeTime()
    source = SimulatorSource(WORLD, speed=60, clock=fake, sleep=fake.sleep)
    source.open({})
    batches = source.poll(5)

    assert [0.0, pytest.approx(1.0)] == fake.slept
    assert 3 == len(batches)


def test_lag_counts_what_is_due_and_not_polled() -> None:
    """An unpaced world is all due."""
    source = SimulatorSource(WORLD, batch_minutes=40)
    source.open({})
    source.poll(0)

    assert (200 * 13, PARAMETERS.start_ms + 39 * 60_000) == source.lag()["simulator/eu-1"]


def test_identity_changes_with_the_world() -> None:
    """Positions of one world are not those of another."""
    other = SimulatorSource(World(replace(PARAMETERS, seed=9)))

    assert SimulatorSource(WORLD).identity() == SimulatorSource(World(PARAMETERS)).identity()
    assert SimulatorSource(WORLD).identity() != other.identity()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"from_minute": 9, "to_minute": 5}, "expected 0 <= from <= to <= 240 minutes, got 9, 5"),
        ({"speed": 0}, "source.simulator.speed: expected a number above 0, got 0"),
        ({"batch_minutes": 0}, "source.simulator.batch_minutes: expected at least 1, got 0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, int], message: str) -> None:
    """Each fault says which option, what was found, what was expected."""
    with pytest.raises(ConfigError, match=message):
        SimulatorSource(WORLD, **options)  # type: ignore[arg-type]
