"""What may not change a decision of the whole step, on lattices and on lone series: the future, batches, units, weeks,
the order of series, the length of a tick."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from tests.invariants.worlds import LONE_BUDGET, WORLDS, World, story, told
from tests.streams import PARAMETERS, START_MS, picture
from tocsin.outcome import Outcome

EVERY = sorted(WORLDS)
MEASURED = [name for name in EVERY if name != "counts"]  # a count has no unit: 1000 requests are not 1 request


@cache
def world_of(name: str) -> World:
    return WORLDS[name]()


@cache
def played(name: str) -> tuple[Outcome, ...]:
    return tuple(world_of(name).play())


def agree(expected: np.ndarray, actual: np.ndarray, tolerance: float) -> None:
    """Equal to `tolerance`, absolutely and relatively; no opinion in the same places."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("name", EVERY)
def test_every_world_of_these_tests_is_told_of_and_calms_down(name: str) -> None:
    """Equal silence would prove nothing."""
    kinds = {kind for _, kind, *_ in story(played(name))}

    assert {"fired", "resolved"} <= kinds
    assert np.nanmax(np.abs(world_of(name).scores(played(name)))) > 5


@pytest.mark.parametrize("name", EVERY)
def test_what_comes_later_changes_nothing_before(name: str) -> None:
    """No look-ahead: the stream cut before, in and after its incidents gives the same bits up to the cut."""
    world, whole = world_of(name), [picture(o) for o in played(name)]
    first = (told(played(name))[0].tick_ms - world.start_ms) // world.interval_ms
    for until in (first - 5, first + 1, first + 3, first + 20):
        assert whole[:until] == [picture(o) for o in replace(world, y=world.y[:until]).play()]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("future", [0.0, 1e9])
def test_another_future_changes_nothing_before(name: str, future: float) -> None:
    """Nor does it matter what comes instead: silence to zero, or a flood."""
    world = world_of(name)
    first = (told(played(name))[0].tick_ms - world.start_ms) // world.interval_ms
    y = world.y.copy()
    y[first + 2 :] = future

    assert [picture(o) for o in played(name)[: first + 2]] == [
        picture(o) for o in replace(world, y=y).play()[: first + 2]
    ]


@pytest.mark.parametrize("name", EVERY)
def test_any_cut_into_batches_gives_equal_bits(name: str) -> None:
    """One sample at a time, a few hundred, partitions far ahead of each other (B45, I2)."""
    world, whole = world_of(name), [picture(o) for o in played(name)]
    rng = np.random.default_rng(3)
    wild = rng.integers(1, 400, 10_000).tolist()

    assert whole == [picture(o) for o in world.play(sizes=[1] * world.y.size)]
    assert whole == [picture(o) for o in world.play(sizes=wild, turns=rng)]


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("factor", [1000.0, 1 / 1000])
def test_another_unit_changes_no_decision(name: str, factor: float) -> None:
    """Seconds as milliseconds, shares as per mille: the same alarms, the same scores, values in the new unit."""
    world = world_of(name)
    other = replace(world, y=world.y * factor).play()

    assert story(played(name)) == story(other)
    agree(world.scores(played(name)), world.scores(other), 1e-4)
    for a, b in zip(played(name), other, strict=True):
        agree(np.asarray(a.observed, float) * factor, np.asarray(b.observed, float), 1e-4)
        agree(np.asarray(a.expected, float) * factor, np.asarray(b.expected, float), 1e-4)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("weeks", [1, -3, 52])
def test_whole_weeks_later_the_same_is_said(name: str, weeks: int) -> None:
    """In UTC and without a calendar only the time of week matters: the same scores bit by bit, alarms shifted."""
    world = world_of(name)
    moved = replace(world, start_ms=START_MS + weeks * WEEK_MS)
    other = moved.play()

    assert story(played(name)) == story(other, moved.start_ms)
    for a, b in zip(played(name), other, strict=True):
        assert a.t_ms + weeks * WEEK_MS == b.t_ms
        assert [getattr(a, f).tobytes() for f in ("observed", "expected", "lower", "upper", "surprise", "state")] == [
            getattr(b, f).tobytes() for f in ("observed", "expected", "lower", "upper", "surprise", "state")
        ]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_series_changes_scores_by_rounding_only(name: str, seed: int) -> None:
    """Labels renamed so that rows stand in another order: scores to 1e-4, the same alarms under the new names."""
    world = world_of(name)
    rng = np.random.default_rng(seed)
    depth = len(world.keys[0])
    names: list[dict[str, str]] = [{}]
    for d in range(1, depth):
        old = sorted({key[d] for key in world.keys})
        names.append(dict(zip(old, [old[i] for i in rng.permutation(len(old))], strict=True)) | {"": ""})
    keys = [(key[0], *(names[d][key[d]] for d in range(1, depth))) for key in world.keys]
    other = replace(world, keys=keys).play()
    dimension = {d.name: k + 1 for k, d in enumerate(world.schema.dimensions)}
    renamed = [
        (at, kind, sorted((d, names[dimension[d]].get(v, v)) for d, v in cuboid), direction, end)  # type: ignore[attr-defined]
        for at, kind, cuboid, direction, end in story(played(name))
    ]

    assert renamed == story(other)
    agree(world.scores(played(name)), world.scores(other, keys), 1e-4)


# -- the length of a tick ------------------------------------------------------------------------------------------


def fine_counts(seed: int) -> tuple[World, list[tuple[int, int, int, int]]]:
    """Twelve series of counts a 5-minute tick, five days; incidents (series, first, last tick, sign) of hours."""
    schema = Schema(
        dimensions=(Dimension("device"), Dimension("region")), metrics=(Metric("requests", kind="count"),),
        place="region", interval_ms=5 * MINUTE_MS, lateness_ms=0,
    )  # fmt: skip
    keys = [("requests", d, r) for d in ("phone", "tv", "web", "watch") for r in ("eu", "na", "us")]
    rng = np.random.default_rng(seed)
    ticks = 5 * DAY_MS // schema.interval_ms
    shape = 1 + 0.4 * np.sin(2 * np.pi * np.arange(ticks) * schema.interval_ms / DAY_MS)
    mu = 120 * rng.uniform(0.5, 2, len(keys)) * shape[:, None]
    incidents = [(1, 700, 760, -1), (6, 900, 960, 1), (10, 1150, 1210, -1)]
    for series, first, last, sign in incidents:
        mu[first:last, series] *= 0.3 if sign < 0 else 2.5
    return World(schema, keys, rng.poisson(mu).astype(float), PARAMETERS), incidents


def fine_gauges(seed: int) -> tuple[World, list[tuple[int, int, int, int]]]:
    """Four series without peers, 5-minute ticks: lasting changes up and down."""
    schema = Schema(
        dimensions=(Dimension("server", peers=False),), metrics=(Metric("value"),), place=None,
        interval_ms=5 * MINUTE_MS, lateness_ms=0,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    ticks = 5 * DAY_MS // schema.interval_ms
    shape = np.exp(0.2 * np.sin(2 * np.pi * np.arange(ticks) * schema.interval_ms / DAY_MS))
    y = 10 * shape[:, None] * np.exp(0.02 * rng.standard_normal((ticks, 4)))
    incidents = [(0, 720, 756, 1), (1, 900, 948, -1), (3, 1200, 1260, 1)]
    for series, first, last, sign in incidents:
        y[first:last, series] *= 2.5 if sign > 0 else 0.4
    return World(schema, [("value", name) for name in "abcd"], y, LONE_BUDGET), incidents


def coarser(world: World, times: int, how: str) -> World:
    """The same world with ticks of so many of its ticks; incomplete ones at the end are left off."""
    whole = world.y[: len(world.y) // times * times].reshape(-1, times, world.y.shape[1])
    y = whole.sum(axis=1) if how == "sum" else whole.mean(axis=1)
    return replace(world, y=y, schema=replace(world.schema, interval_ms=times * world.interval_ms))


def signs_found(world: World, incidents: list[tuple[int, int, int, int]], step_ms: int) -> list[set[str]]:
    """For each incident the directions of the alarms told about its series while it lasted, an hour more at most."""
    alarms = told(world.play())
    out = []
    for series, first, last, _ in incidents:
        begin, end = world.start_ms + first * step_ms, world.start_ms + last * step_ms + HOUR_MS
        labels = dict(zip(world.schema.dimension_names, world.keys[series][1:], strict=True))
        mine = [
            e.data["direction"] for e in alarms
            if begin - world.interval_ms < e.tick_ms < end
            and all(v in ("*", labels[d]) for d, v in e.data["cuboid"]["first"].items())
        ]  # fmt: skip
        out.append(set(mine))
    return out


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("make", "how"), [(fine_counts, "sum"), (fine_gauges, "mean")])
def test_every_found_incident_keeps_its_sign_at_a_coarser_tick(make, how: str, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Resampled from 5 to 15 and 30 minutes: what was found is found, in the same direction and in no other."""
    world, incidents = make(seed)
    fine = signs_found(world, incidents, world.interval_ms)

    assert [{"up" if sign > 0 else "down"} for *_, sign in incidents] == fine
    for times in (3, 6):
        assert fine == signs_found(coarser(world, times, how), incidents, world.interval_ms)
