"""Told p against what calm rows do: by class, added over intervals, live, in the metrics, and kept by a snapshot."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ensemble.calibrate import PROMISED
from tests.streams import GRID, PARAMETERS, counts, log_of, play
from tocsin.calm_exceedance import calm_exceedance, ratios
from tocsin.engine import Engine
from tocsin.status import Status
from tocsin.status_metrics import StatusCollector

EU = ("region", "3-10")
ALL = ("all", ">=100")


def test_counts_of_intervals_are_added_and_small_classes_left_out() -> None:
    """Thirty of forty expected; at p = .001 too few to say anything; a spread needs two classes."""
    of, spreads = ratios(
        [{EU: ((10.0, 15.0), (3.0, 1.5))}, {EU: ((20.0, 25.0), (3.0, 2.5)), ALL: ((5.0, 19.0), (0, 1.9))}]
    )

    assert {(*EU, 0.01): 0.75} == of
    assert {} == spreads


def test_the_spread_is_that_of_the_logarithms_over_classes() -> None:
    """One class at half the promise, one at twice it: the standard deviation of log10 is that of a factor of two."""
    of, spreads = ratios([{EU: ((50.0, 100.0), (1, 2)), ALL: ((80.0, 40.0), (1, 2))}])

    assert {(*EU, 0.01): 0.5, (*ALL, 0.01): 2.0} == of
    assert {0.01: pytest.approx(math.log10(2))} == spreads


def test_the_engine_tells_how_calm_rows_keep_the_promise() -> None:
    """Two weeks of a calm grid: every level of the watched metric, close to what is promised; a snapshot keeps it."""
    engine, outcomes = play(log_of(counts(ticks=24 * 14)))
    found = outcomes[-1].calm_exceedance
    again = Engine.load(GRID, PARAMETERS, *engine.save()).lanes[0]
    exceeded, expected = (sum(pairs[0][i] for pairs in found.values()) for i in (0, 1))

    assert {} == outcomes[0].calm_exceedance
    levels = {level for level, _ in found}
    assert {"all", "region", "device,region,activity"} <= levels
    assert {"30-100", ">=100"} == {volume for _, volume in found}
    assert all(len(pairs) == len(PROMISED) for pairs in found.values())
    assert expected > 50
    assert 1 / 3 < exceeded / expected < 3
    assert calm_exceedance(again.core, again.state) == calm_exceedance(engine.lanes[0].core, engine.lanes[0].state)


def test_the_metrics_name_class_and_p() -> None:
    registry = CollectorRegistry()
    status = Status(calm_exceedance={(*EU, 0.01): 0.75}, calm_exceedance_spread={0.01: 0.1})
    registry.register(StatusCollector(lambda: status))
    text = generate_latest(registry).decode()

    assert 'tocsin_calm_exceedance_ratio{level="region",p="0.01",volume="3-10"} 0.75' in text
    assert 'tocsin_calm_exceedance_spread{p="0.01"} 0.1' in text
