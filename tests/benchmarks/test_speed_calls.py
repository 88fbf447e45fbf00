"""Row 10 of the speed bars: calls of a tick grow with chunks of rows, never with rows."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speed.calls import Counted, calls_of_step, count_calls
from detector.frame import Key, Tick
from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from suppression.controls import Controls
from tocsin.core import Core
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up


def test_calls_of_python_and_c_are_counted() -> None:
    """`abs` and `len` are two more than nothing."""

    def run() -> int:
        return abs(len("ab"))

    assert 2 == count_calls(run) - count_calls(lambda: None)


def test_a_tick_makes_as_many_calls_for_ten_thousand_rows_as_for_one_thousand() -> None:
    """Both are one chunk: there is no loop over rows."""
    few, some = calls_of_step(1000), calls_of_step(10_000)

    assert (1, 1) == (few.chunks, some.chunks)
    assert few.calls == some.calls


def test_a_chunk_of_many_costs_no_more_calls_than_a_single_one() -> None:
    """10^5 rows against 10^3, an event being on, learning included."""
    few, many = calls_of_step(1000), calls_of_step(100_000)

    assert 6 < many.chunks
    assert many.calls <= few.calls * many.chunks


def calls_of_lone_tick(rows: int, interval_ms: int) -> int:
    """Calls of a calm tick of series without peers, after a day of history; one of three has no sample."""
    schema = Schema(
        (Dimension("server", peers=False),), (Metric("value"),), place=None, interval_ms=interval_ms, lateness_ms=0
    )
    core, ticks = Core(schema, Parameters(budget=1.0, budget_per="series-week")), 400
    keys: list[Key] = [("value", f"{row:03d}") for row in range(rows)]
    y = 100 + np.random.default_rng(1).standard_normal((ticks + 2, 3))[:, np.arange(rows) % 3]
    t_ms = 1_767_571_200_000 + 12 * interval_ms + np.arange(ticks + 2) * interval_ms
    state = warm_up(core, core.init(), keys, t_ms[:ticks], y[:ticks])
    y[ticks:] = np.where(np.arange(rows) % 3 == 0, np.nan, y[ticks - 1])
    for i in (ticks, ticks + 1):
        tick = Tick(int(t_ms[i]), y[i], np.ones(1, bool))
        calls = count_calls(lambda: step(core, state, tick, Controls()))  # noqa: B023
    return calls


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 5 * MINUTE_MS])
def test_a_tick_of_lone_series_makes_as_many_calls_for_three_hundred_as_for_six(interval_ms: int) -> None:
    """And not many: ticks of few series are all calls."""
    few, many = (calls_of_lone_tick(rows, interval_ms) for rows in (6, 300))

    assert few == many < 400


def test_chunks_are_counted_upwards() -> None:
    """A remainder is a chunk."""
    assert (1, 2) == (Counted(16_384, 0).chunks, Counted(16_385, 0).chunks)
