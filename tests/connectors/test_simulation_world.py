"""The simulated world: the same bytes for the same seed, in any pieces, with the sizes and losses it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from connectors.simulation import Rates, Volume, World, WorldParameters, make_geography
from connectors.simulation.noise import ornstein_uhlenbeck
from detector.errors import ConfigError, DataError

SMALL = make_geography({"phone": 3, "tv": 2}, {"eu": 2, "na": 2})
NOTHING = Rates(absent_witnesses=0).only()
PARAMETERS = WorldParameters(minutes=3 * 1440 + 77, history_days=0.5, geography=SMALL)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two worlds of equal parameters hold equal bytes, those of another seed differ."""
    one, two = World(PARAMETERS).panel(0, 4000), World(PARAMETERS).panel(0, 4000)
    other = World(replace(PARAMETERS, seed=8)).panel(0, 4000)

    assert one.y.tobytes() == two.y.tobytes()
    assert one.y.tobytes() != other.y.tobytes()


def test_another_process_makes_the_same_bytes() -> None:
    """Nothing of a world hangs on the order of sets, on addresses or on the process."""
    code = (
        "import hashlib; from connectors.simulation import World, WorldParameters, make_geography;"
        "w = World(WorldParameters(minutes=1440, history_days=0.2, geography=make_geography({'tv': 2}, {'eu': 2})));"
        "text = w.calendar_yaml() + repr([i.plan for i in w.truth.incidents]);"
        "print(hashlib.sha256(w.panel(0, 1440).y.tobytes() + text.encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert 1 == len(found)


@pytest.mark.parametrize("piece", [1, 7, 359, 360, 1440])
def test_pieces_of_any_size_join_to_the_same_values(piece: int) -> None:
    """Values do not depend on the chunks in which they are asked for, nor on their order."""
    whole = World(PARAMETERS).panel(300, 1100).y
    world = World(PARAMETERS)
    begins = list(range(300, 1100, piece))
    pieces = {b: world.panel(b, min(b + piece, 1100)).y for b in reversed(begins)}

    assert whole.tobytes() == np.concatenate([pieces[b] for b in begins]).tobytes()


def test_chunks_cover_the_world_to_its_last_minute() -> None:
    """Chunks follow each other without a hole and the last one is short."""
    world = World(PARAMETERS)
    t_ms = np.concatenate([panel.t_ms for panel in world.chunks(1000)])

    assert PARAMETERS.minutes == len(t_ms)
    assert {60_000} == set(np.diff(t_ms).tolist())
    assert PARAMETERS.end_ms == int(t_ms[-1]) + 60_000


def test_leaves_are_the_product_and_three_witnesses_a_region() -> None:
    """Every watched combination and every witness has one key in the order of the schema's columns."""
    world = World(PARAMETERS)

    assert ("metric", "device", "region", "activity") == world.schema().key_columns
    assert 5 * 4 * 5 == world.watched_count
    assert 5 * 4 * 5 + 4 * 3 == len(set(world.leaves))
    assert {("cdn_bytes", "", "eu-1", ""), ("requests", "tv-2", "na-1", "play")} <= set(world.leaves)


def test_the_schema_knows_parents_roles_and_testimony() -> None:
    """Families and continents follow from the names; every witness may testify in its own region."""
    schema = World(PARAMETERS).schema()
    device, region, _ = schema.dimensions

    assert "tv" == device.parents[0].of("tv-2")
    assert "eu" == region.parents[0].of("eu-1")
    assert ["watched", "witness", "witness", "witness"] == [m.role for m in schema.metrics]
    assert {(i.watched, i.match) for i in schema.independence} == {("client", ("region",))}
    assert {m.stack for m in schema.metrics[1:]} == {i.witness for i in schema.independence}


def test_calm_counts_are_poisson_around_their_expectation() -> None:
    """Without noise and events the counts of a leaf have the mean that `expected` says, and that variance."""
    quiet = replace(PARAMETERS, rates=NOTHING, noise=replace(PARAMETERS.noise, scale=0.0))
    world = World(quiet)
    y = world.panel(0, 2880).y[:, : world.watched_count]
    mean = np.stack([world.expected(minute) for minute in range(2880)])
    z = (y - mean) / np.sqrt(mean)

    busy = mean.mean(axis=0) > 5
    assert abs(float(z[:, busy].mean())) < 0.05
    assert 1.0 == pytest.approx(float(z[:, busy].var()), abs=0.05)


def test_the_median_leaf_has_the_declared_volume() -> None:
    """Half of the leaves have fewer counts a minute than the knob says, and the spread is wide."""
    world = World(WorldParameters())
    mean = np.exp(world._volume)

    assert 6.0 == pytest.approx(float(np.median(mean)))
    assert np.quantile(mean, 0.01) < 0.3
    assert np.quantile(mean, 0.99) > 150


def test_slow_noise_has_its_size_and_forgets_in_its_time() -> None:
    """An Ornstein-Uhlenbeck process keeps its standard deviation and loses e^-1 of itself in one time constant."""
    draw = np.random.Generator(np.random.SFC64(1))
    x = ornstein_uhlenbeck(draw, 6000, np.full(200, 4.0), np.full(200, 0.04))

    assert 0.04 == pytest.approx(float(x.std()), rel=0.03)
    assert np.exp(-1) == pytest.approx(float((x[24:] * x[:-24]).mean() / x.var()), abs=0.03)


def test_a_leafs_own_noise_has_no_seam_between_blocks() -> None:
    """Across the border of two blocks a leaf's mean moves no more than inside a block."""
    parameters = replace(PARAMETERS, rates=NOTHING, volume=Volume(median_leaf=1e6, leaf_sd=0.0))
    parameters = replace(parameters, noise=replace(parameters.noise, white=0.0, scale=10.0))
    y = World(parameters).panel(0, 2160).y[:, :100]
    step = np.abs(np.diff(np.log(y), axis=0)).mean(axis=1)
    seams = step[359::360]

    assert float(seams.mean()) < 1.5 * float(np.median(step))


def test_gaps_last_up_to_ten_minutes_and_come_as_often_as_declared() -> None:
    """The share of lost samples is the rate times the mean length; no gap of a watched leaf is long."""
    rates = replace(NOTHING, gaps_per_leaf_day=2.0)
    world = World(replace(PARAMETERS, rates=rates))
    lost = np.isnan(world.panel(0, 4320).y)

    assert 2.0 * 5.5 / 1440 == pytest.approx(float(lost.mean()), rel=0.15)


def test_absent_witnesses_never_send_and_stale_ones_pause_for_hours() -> None:
    """With every feed absent nothing testifies; stale feeds are silent for at least an hour, one a region."""
    absent = World(replace(PARAMETERS, rates=replace(NOTHING, absent_witnesses=1.0)))
    stale = World(replace(PARAMETERS, rates=replace(NOTHING, stale_days=1.0)))
    pauses = stale._losses.stale(1)

    assert np.isnan(absent.panel(0, 400).y[:, absent.watched_count :]).all()
    assert not np.isnan(absent.panel(0, 400).y[:, : absent.watched_count]).any()
    assert 4 == len(pauses)
    assert all(60 <= end - begin <= 420 for _, begin, end in pauses)
    row, begin, end = pauses[0]
    assert np.isnan(stale.panel(begin, end).y[:, stale.watched_count + row]).all()


def test_without_gaps_nothing_is_lost() -> None:
    """A world of nothing but counts has no NaN."""
    assert not np.isnan(World(replace(PARAMETERS, rates=NOTHING)).panel(0, 2000).y).any()


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, 10**6)])
def test_minutes_outside_the_world_are_refused(span: tuple[int, int]) -> None:
    """The error names the world's length and what was asked for."""
    with pytest.raises(DataError, match=rf"to <= {PARAMETERS.minutes} minutes, got {span[0]}, {span[1]}"):
        World(PARAMETERS).panel(*span)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 0}, "world.minutes: expected at least 1, got 0"),
        ({"start_ms": 1}, "world.start_ms: expected a whole minute in ms, got 1"),
        ({"seed": -1}, "world.seed: expected a number >= 0, got -1"),
        ({"rates": Rates(incidents_per_day=-1)}, "world.rates.incidents_per_day: expected a number >= 0, got -1"),
        ({"forced_overlap": True, "rates": Rates(high_impact_per_week=0)}, "world.forced_overlap"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, Any], message: str) -> None:
    """Each fault says which knob, what was found, what was expected."""
    with pytest.raises(ConfigError, match=message):
        replace(PARAMETERS, **change)


def test_an_unknown_situation_is_refused() -> None:
    """The error lists the situations that exist."""
    with pytest.raises(ConfigError, match="no such situation 'rain', expected one of anticipated"):
        Rates().only("rain")  # type: ignore[arg-type]


def test_a_geography_without_regions_is_refused() -> None:
    """A world needs at least one of each."""
    with pytest.raises(ConfigError, match=r"geography\.regions: expected at least one, got none"):
        make_geography(continents={})
