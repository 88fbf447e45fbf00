"""Warm start from history and cold start without one: equal to their naive twins, row by row, gaps included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.forecasters.seasonal import Seasonal
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS, Timing
from detector.warmstart import add_ticks, no_sums, start_from
from tests import naive_start
from tests.grids import flat, maybe, view_of

START_MS = 1_767_571_200_000 + 5 * HOUR_MS
PARENT = np.array([-1, 0, 0, -1, -1, 0])
GAUGE = np.array([False, False, False, True, False, False])


def or_nan(x: float | None) -> float:
    return float("nan") if x is None else x


def history(seed: int, interval_ms: int, ticks: int) -> np.ndarray:
    """(T, 6): a busy row, a sparse one and one of a few samples that lean on it, a gauge, zeros, nothing at all."""
    rng = np.random.default_rng(seed)
    t = START_MS + np.arange(ticks) * interval_ms
    daily = 1 + 0.8 * np.sin(2 * np.pi * t / DAY_MS) + 0.4 * (t // DAY_MS % 7 >= 5)
    y = np.stack([rng.poisson(40 * daily), rng.poisson(0.6 * daily), rng.poisson(3 * daily)], axis=1).astype(float)
    gauge = 5 * daily + rng.normal(0, 0.3, ticks)
    y = np.column_stack([y, gauge, np.zeros(ticks), np.full(ticks, np.nan)])
    y[rng.random(y.shape) < 0.1] = np.nan
    y[len(y) // 4 :, 2] = np.nan
    y[ticks // 3 : ticks // 2, 0] = np.nan
    return y


@pytest.mark.parametrize(
    ("interval_ms", "days"),
    [(HOUR_MS, 30), (HOUR_MS, 10), (HOUR_MS, 1), (6 * HOUR_MS, 40), (DAY_MS, 40), (WEEK_MS, 70)],
)
@pytest.mark.parametrize("seed", range(2))
def test_the_warm_start_equals_its_naive_twin(interval_ms: int, days: int, seed: int) -> None:
    """Weekly shape, what sparse rows take from their parent, and the level, from buckets that came in two pieces."""
    timing = Timing(interval_ms)
    y = history(seed, interval_ms, days * DAY_MS // interval_ms)
    t_ms = START_MS - START_MS % interval_ms + np.arange(len(y)) * interval_ms
    rows = np.arange(y.shape[1])
    sums = no_sums(timing, int(t_ms[0]), int(t_ms[-1]), len(rows))
    cut = len(y) // 3
    add_ticks(sums, timing, t_ms[:cut], y[:cut], rows)
    add_ticks(sums, timing, t_ms[cut:], y[cut:], rows)
    state = Seasonal(timing).init(len(rows))
    start_from(state, timing, sums, GAUGE, PARENT)
    per_day = max(DAY_MS // timing.bucket_ms, 1)
    buckets = [
        naive_start.history_buckets(
            [(t, maybe(v)) for t, v in zip(t_ms.tolist(), y[:, row], strict=True)], interval_ms, timing.bucket_ms,
            timing.slots,
        )
        for row in rows
    ]  # fmt: skip
    shapes = [
        naive_start.weekly_shape(naive_start.week_deviations(buckets[r], bool(GAUGE[r])), timing.slots, per_day)
        for r in rows
    ]
    leaning = [
        naive_start.leaning_shape(shapes[r], shapes[PARENT[r]], buckets[r], per_day) if PARENT[r] >= 0 else shapes[r]
        for r in rows
    ]

    assert pytest.approx(np.array(leaning).T, rel=2e-3, abs=2e-3) == state.season.astype(float)
    for r in rows:
        expected = naive_start.starting_level(buckets[r], leaning[r], sums.last_ms, timing.bucket_ms, bool(GAUGE[r]))
        assert pytest.approx(or_nan(expected), rel=1e-4, abs=1e-4, nan_ok=True) == float(state.ell[r])
        assert (state.seen[r] > 0) == (expected is not None)


@given(
    data=st.lists(st.one_of(st.none(), st.integers(0, 400)), min_size=1, max_size=30),
    season=st.lists(st.floats(-2, 2), min_size=336, max_size=336),
    first_minutes=st.integers(1, 40),
)
@settings(max_examples=60, deadline=None)
def test_the_cold_start_equals_its_naive_twin(data: list[int | None], season: list[float], first_minutes: int) -> None:
    """A count and a gauge with the same samples, over a profile that is already there; the first minutes count."""
    timing = Timing(MINUTE_MS)
    seasonal = Seasonal(timing, cold_ms=first_minutes * MINUTE_MS)
    state = seasonal.init(2)
    state.season[...] = np.array(season, np.float16)[:, None]
    lattice = flat(2)
    start = 9 * 30 * MINUTE_MS
    for k, value in enumerate(data):
        y = np.full(2, np.nan if value is None else value)
        view = view_of(lattice, y, np.full(2, np.nan), gauges=[1], t_ms=start + k * MINUTE_MS)
        seasonal.learn(state, view, np.ones(2, np.float32), np.full(2, 0.01, np.float32))
    told = [(start + k * MINUTE_MS, value) for k, value in enumerate(data)]
    kept = state.season[:, 0].astype(float).tolist()

    for row, gauge in enumerate((False, True)):
        expected = naive_start.cold_level(told, kept, MINUTE_MS, timing.bucket_ms, first_minutes, gauge)
        assert pytest.approx(or_nan(expected), rel=1e-4, abs=2e-4, nan_ok=True) == float(state.ell[row])
