"""A device born into a running service, through the whole step: what is expected of it, and that nobody is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.frame import Key, Tick
from detector.schema import Dimension, Metric, Parent, Schema
from detector.timing import DAY_MS, HOUR_MS
from suppression.controls import Controls
from tests.streams import START_MS
from tocsin.core import Core, State
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

SCHEMA = Schema(
    dimensions=(
        Dimension("device", (Parent("family", {"tv": ("tv-*",), "phone": ("phone-*",)}),)),
        Dimension("region"),
    ),
    metrics=(Metric("requests", kind="count"),), place="region", interval_ms=HOUR_MS, lateness_ms=0,
)  # fmt: skip
KEYS: list[Key] = [
    ("requests", f"{family}-{i}", region) for family in ("phone", "tv") for i in (1, 2, 3) for region in ("eu", "na")
]
BORN = np.array([key[1] == "tv-3" for key in KEYS])
HISTORY = 14 * 24
HOURS = np.arange(HISTORY + 6 * 24)


def volumes(schema: Schema = SCHEMA, seed: int = 3) -> np.ndarray:
    """(T, 12) televisions peak at night, six times the morning, phones at noon; tv-3 is as large as the other two."""
    rng = np.random.default_rng(seed)
    day = 2 * np.pi * HOURS / 24
    shape = {"tv": 0.9 * np.sin(day - 2.5), "phone": 0.4 * np.sin(day - 1)}
    size = np.array([800.0 if new else 400.0 for new in BORN])
    mean = size * np.exp(np.stack([shape[key[1].split("-")[0]] for key in KEYS], axis=1))
    mean *= np.exp(0.02 * rng.standard_normal(mean.shape))
    return rng.poisson(mean).astype(float) if schema.metrics[0].kind == "count" else mean


def start(schema: Schema, y: np.ndarray) -> tuple[Core, State]:
    """Two weeks without the device."""
    core = Core(schema, Parameters(budget=5.0, budget_per="1000-series-week"))
    keys = [key for key, new in zip(KEYS, BORN, strict=True) if not new]
    return core, warm_up(core, core.init(), keys, START_MS + HOURS[:HISTORY] * HOUR_MS, y[:HISTORY, ~BORN])


def live(core: Core, state: State, y: np.ndarray, *, flat: bool = False) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Expected and observed (hours, born leaves) from the birth on, and cuboids that people are told about."""
    state.index.admit(KEYS)
    rows = np.array([state.index.rows[key] for key in KEYS])
    core.adapt(state)
    if flat:
        state.season.season[:, rows[BORN]] = 0
    expected, observed, told = [], [], set()
    for hour in range(HISTORY, len(y)):
        values = np.full(len(state.index), np.nan)
        values[rows] = y[hour]
        tick = Tick(START_MS + hour * HOUR_MS, values, np.ones(1, bool))
        state, outcome = step(core, state, tick, Controls())
        expected.append(outcome.expected[rows[BORN]])
        observed.append(outcome.observed[rows[BORN]])
        told |= {str(e.data["cuboid"]["present"]) for e in outcome.events if e.type in ("fired", "released")}
    return np.array(expected), np.array(observed), sorted(told)


def error(expected: np.ndarray, observed: np.ndarray) -> float:
    """Mean |log deviation| from the second hour to the end of the second day."""
    return float(np.abs(np.log(observed / expected))[1:48].mean())


def test_a_device_born_in_week_three_is_expected_to_live_as_its_family_does() -> None:
    """One step ahead, over two days, a fifth of what a flat start errs by."""
    y = volumes()
    borrowed = error(*live(*start(SCHEMA, y), y)[:2])
    flat = error(*live(*start(SCHEMA, y), y, flat=True)[:2])

    assert borrowed < 0.1
    assert borrowed < flat / 5


@pytest.mark.parametrize("kind", ["count", "gauge", "auto"])
def test_a_birth_is_told_to_nobody(kind: str) -> None:
    """Twice the volume of the family in one tick, and the end of the warm-up; nor does a gauge of another size."""
    schema = replace(SCHEMA, metrics=(replace(SCHEMA.metrics[0], kind=kind, aggregate="mean"),))  # type: ignore[arg-type]
    y = volumes(schema)

    assert [] == live(*start(schema, y), y)[2]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_birth_makes_no_other_gauge_forget(sign: int) -> None:
    """Kind and level of all other leaves of an undeclared metric stay: positive values on logs, others as they are."""
    schema = replace(SCHEMA, metrics=(Metric("requests", kind="auto", aggregate="mean"),))
    y = sign * volumes(schema)
    core, state = start(schema, y)
    before, kinds = state.season.ell.copy(), state.rows.kind.copy()
    live(core, state, y[: HISTORY + 1])
    n = len(before)

    assert np.abs(state.season.ell[:n] - before).max() < 0.1
    assert kinds.tolist() == state.rows.kind[:n].tolist()
    assert {kinds[0]} == set(state.rows.kind[n:].tolist())


def test_roll_ups_count_the_device_once_it_is_judged() -> None:
    """All of the family in a region: expected twice as much from the second day on, within a tenth."""
    y = volumes()
    core, state = start(SCHEMA, y)
    live(core, state, y[: HISTORY + 3 * 24])
    labels = {"metric": "requests", "device": "*", "device_family": "tv", "region": "eu"}
    row = next(row for row in range(len(state.index)) if state.index.labels(row) == labels)
    hour = HISTORY + 3 * 24
    tick = Tick(START_MS + hour * HOUR_MS, np.full(len(state.index), np.nan), np.ones(1, bool))
    for key, value in zip(KEYS, y[hour], strict=True):
        tick.y[state.index.rows[key]] = value
    _, outcome = step(core, state, tick, Controls())
    family = [key[1].startswith("tv") and key[2] == "eu" for key in KEYS]

    assert pytest.approx(y[hour, family].sum(), rel=0.1) == outcome.expected[row]
    assert outcome.observed[row] == y[hour, family].sum()


def test_a_version_that_takes_over_from_another_leaves_roll_ups_as_they_were() -> None:
    """The volume of tv-2 moves to tv-3 within one tick: the family as a whole is told nowhere."""
    y = volumes()
    gone = np.array([key[1] == "tv-2" for key in KEYS])
    y[:, BORN] = np.random.default_rng(1).poisson(y[:, BORN] / 2)
    y[HISTORY:, gone] = 0
    told = live(*start(SCHEMA, y), y)[2]

    assert told  # tv-2 itself is gone, and that is told
    assert not any("family" in cuboid for cuboid in told)


def test_an_outage_of_the_family_is_seen_while_the_device_is_new() -> None:
    """Six hours after the birth everything of the televisions but the new one falls to a third."""
    y = volumes()
    old = np.array([key[1] in ("tv-1", "tv-2") for key in KEYS])
    y[HISTORY + 6 : HISTORY + 10, old] *= 0.2
    y[HISTORY + 6 : HISTORY + 10, BORN] *= 0.2
    told = live(*start(SCHEMA, y), y)[2]

    assert any("tv" in cuboid for cuboid in told)


def test_an_outage_of_a_young_device_is_told() -> None:
    """On its third day everything of it falls to a fifth for six hours: it, and nothing else, is told."""
    y = volumes()
    y[HISTORY + 60 : HISTORY + 66, BORN] *= 0.2

    assert ["{'device': 'tv-3'}"] == live(*start(SCHEMA, y), y)[2]


def test_days_are_counted_from_the_birth() -> None:
    """The row's confidence: none in the first day, half after it, all from 14 days on."""
    y = volumes()
    core, state = start(SCHEMA, y)
    row = len(state.index)
    live(core, state, y[: HISTORY + 12])
    first = core.rows.confidence(state.rows, row)
    state.rows.born[row] = DAY_MS // HOUR_MS
    second = core.rows.confidence(state.rows, row)
    state.rows.born[row] = 14 * DAY_MS // HOUR_MS

    assert np.isnan(first)
    assert 0.5 == second
    assert 1.0 == core.rows.confidence(state.rows, row)


@pytest.mark.parametrize(("young_ms", "least", "most"), [(7 * DAY_MS, 0.0, 0.1), (0, 0.25, 9.0)])
def test_a_service_without_history_knows_its_day_on_the_second(young_ms: float, least: float, most: float) -> None:
    """Nobody can lend a shape: all days of the first week are alike; as in later weeks it would take a week."""
    y = volumes()
    core = Core(SCHEMA, Parameters())
    core.seasonal = replace(core.seasonal, young_ms=young_ms)
    expected, observed, _ = live(core, core.init(), y[: HISTORY + 48])

    assert least < float(np.abs(np.log(observed / expected))[24:48].mean()) < most
