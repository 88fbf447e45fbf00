"""The seasonal expectation: equal to its naive twin, bounded in what one bucket can move, cold start from an hour."""

from __future__ import annotations

import numpy as np
import pytest

from detector.forecasters.seasonal import Seasonal, SeasonalState
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, HOUR_MS, WEEK_MS, Timing
from detector.view import View
from tests import naive, naive_births
from tests.grids import MINUTES, flat, maybe, view_of

ROWS = 6
LATTICE = flat(ROWS)


def learnt(seed: int) -> tuple[Seasonal, SeasonalState]:
    """A forecaster with a random profile, past its cold start."""
    rng = np.random.default_rng(seed)
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(ROWS)
    state.ell[...] = rng.normal(1, 1, ROWS)
    state.season[...] = rng.normal(0, 0.5, state.season.shape)
    state.prev_res[...] = rng.normal(0, 0.5, state.season.shape)
    state.seen[...] = 1e9
    return seasonal, state


@pytest.mark.parametrize("interval_ms", [1000, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS, WEEK_MS])
@pytest.mark.parametrize("t_ms", [0, 12 * HOUR_MS + 14 * MINUTE_MS, 6 * DAY_MS + 23 * HOUR_MS + 59 * MINUTE_MS])
def test_the_phase_is_the_naive_one_at_any_interval(interval_ms: int, t_ms: int) -> None:
    """Two neighbouring slots and a weight in [0, 1), also across the end of the week."""
    timing = Timing(interval_ms)
    t_ms -= t_ms % interval_ms

    assert naive.seasonal_phase(t_ms, interval_ms, timing.bucket_ms, timing.slots) == timing.phase(t_ms)
    i, j, w = timing.phase(t_ms)
    assert 0 <= w < 1
    assert (i + 1) % timing.slots == j


@pytest.mark.parametrize("seed", range(3))
def test_expectation_equals_its_naive_twin(seed: int) -> None:
    """Level and profile, interpolated between slots; gauges stay on the scale of their link."""
    seasonal, state = learnt(seed)
    gauges = [1, 4]
    for t_ms in np.random.default_rng(seed).integers(0, 2 * WEEK_MS, 20).tolist():
        t_ms -= t_ms % MINUTE_MS
        view = View(t_ms, LATTICE, np.zeros(ROWS, np.float32), np.array(gauges))
        phase = naive.seasonal_phase(t_ms, MINUTE_MS, 30 * MINUTE_MS, 336)
        expected = [
            naive.seasonal_expectation(
                float(state.ell[r]), state.season[:, r].astype(float).tolist(), phase, r in gauges
            )
            for r in range(ROWS)
        ]

        assert pytest.approx(expected, rel=1e-5) == seasonal.expect(state, view).tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("hot_ticks", "hot_rate"), [(0, 1.0), (4, 0.1), (12, 0.1), (12, 0.0), (30, 0.0)])
def test_the_end_of_a_bucket_equals_its_naive_twin(seed: int, hot_ticks: int, hot_rate: float) -> None:
    """Level, slot and remainder after half an hour with gaps, hot and frozen ticks and a gauge among the rows."""
    rng = np.random.default_rng(seed)
    seasonal, state = learnt(seed)
    gauges = [2]
    mu = rng.gamma(2, 5, (30, ROWS)).astype(np.float32)
    y = rng.poisson(mu * rng.uniform(0.3, 2, ROWS)).astype(np.float32)
    y[:, 2] = mu[:, 2] + rng.normal(0.5, 1, 30)
    y[rng.random(y.shape) < 0.05] = np.nan
    rate = np.ones((30, ROWS), np.float32)
    rate[:hot_ticks] = hot_rate
    sig2 = rng.uniform(0.001, 0.1, ROWS).astype(np.float32)
    before = [(float(state.ell[r]), float(state.season[7, r]), float(state.prev_res[7, r])) for r in range(ROWS)]
    start = 7 * 30 * MINUTE_MS
    for k in range(30):
        seasonal.learn(state, view_of(LATTICE, y[k], mu[k], gauges=gauges, t_ms=start + k * MINUTE_MS), rate[k], sig2)
    nothing = np.full(ROWS, np.nan)
    next_bucket = view_of(LATTICE, nothing, mu[0], gauges=gauges, t_ms=start + 30 * MINUTE_MS)
    seasonal.learn(state, next_bucket, rate[0], sig2)

    for r in range(ROWS):
        expected = naive.bucket_close(
            *before[r], [maybe(v) for v in y[:, r]], mu[:, r].tolist(), rate[:, r].tolist(), float(sig2[r]),
            gauge=r in gauges, bucket_ms=30 * MINUTE_MS, level_half_life_ms=3 * DAY_MS,
        )  # fmt: skip
        found = (float(state.ell[r]), float(state.season[7, r]), float(state.prev_res[7, r]))
        assert pytest.approx(expected, rel=2e-3, abs=2e-3) == found


@pytest.mark.parametrize("day", [0, 3])
def test_a_bucket_of_a_first_week_equals_its_naive_twin(day: int) -> None:
    """Rows without a shape, rows with one that they were lent, and a row that is past its first week."""
    rng = np.random.default_rng(day)
    seasonal, state = learnt(day)
    state.season[:, :3] = 0
    state.prev_res[...] = 0
    state.seen[...] = 60 + 1440 * day
    state.seen[5] = 1e9
    mu = np.full(ROWS, 50, np.float32)
    y = rng.poisson(mu * rng.uniform(0.8, 1.2, ROWS), (30, ROWS)).astype(np.float32)
    sig2 = np.full(ROWS, 0.01, np.float32)
    alike = 7 + 48 * np.arange(7)
    before, old = state.ell.astype(float), state.season[alike].astype(float)
    for k in range(31):
        values = y[k] if k < 30 else np.full(ROWS, np.nan)
        seasonal.learn(
            state, view_of(LATTICE, values, mu, t_ms=(7 * 30 + k) * MINUTE_MS), np.ones(ROWS, np.float32), sig2
        )

    for r in range(5):
        came, expected = float(y[:, r].sum()), 30 * 50.0
        c = 3 * np.sqrt(0.01 + 1 / (expected + 1))
        free, shrunk = np.log((came + 2) / (expected + 2)), np.log((came + 60) / (expected + 60))
        level, slots, seen = naive_births.young_bucket(
            before[r], old[:, r].tolist(), 60 + 1440 * day, 30, shrunk, float(np.clip(free, -c, c)),
            float(np.clip(shrunk, -c / 2, c / 2)), interval_ms=MINUTE_MS, bucket_ms=30 * MINUTE_MS,
        )  # fmt: skip
        assert pytest.approx(level, abs=1e-4) == state.ell[r]
        assert pytest.approx(slots, abs=2e-3) == state.season[alike, r].tolist()
        assert seen == state.seen[r]
    assert (state.season[alike[1:], 5] == old[1:, 5].astype(np.float16)).all()  # its other days are left alone


def test_one_lost_bucket_hardly_moves_level_and_profile() -> None:
    """An outage that the learning rate did not notice moves its slot by 0.03 at most, and the level hardly."""
    seasonal, state = learnt(0)
    state.prev_res[...] = 0
    level, slot = state.ell.copy(), state.season[7].copy()
    mu = np.full(ROWS, 20, np.float32)
    for k in range(31):
        view = view_of(LATTICE, np.zeros(ROWS), mu, t_ms=7 * 30 * MINUTE_MS + k * MINUTE_MS)
        seasonal.learn(state, view, np.ones(ROWS, np.float32), np.full(ROWS, 0.01, np.float32))

    assert np.abs(state.season[7] - slot).max() < 0.03
    assert np.abs(state.ell - level).max() < 0.002


def test_what_two_weeks_agree_on_is_learnt_although_it_was_hot() -> None:
    """A weekly match moves its slot by most of its size in the second week; the first week alone moves nothing."""
    #       week 1      week 2
    # ──────▁▁▁▁────────▁▁▁▁──────▶  half of normal, hot all the time
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(ROWS)
    state.ell[...] = np.log(100)
    state.seen[...] = 1e9
    mu, hot = np.full(ROWS, 100, np.float32), np.full(ROWS, 0.1, np.float32)
    moved = []
    for week in range(2):
        for k in range(31):
            view = view_of(LATTICE, np.full(ROWS, 50), mu, t_ms=week * WEEK_MS + 7 * 30 * MINUTE_MS + k * MINUTE_MS)
            seasonal.learn(state, view, hot, np.full(ROWS, 0.01, np.float32))
        moved.append(float(state.season[7, 0]))

    assert moved[0] == 0
    assert moved[1] < 0.5 * np.log(0.5)


def test_a_new_row_takes_the_mean_of_its_first_hour() -> None:
    """Level NaN before the first sample; then the running mean, not the first value."""
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(ROWS)
    rng = np.random.default_rng(1)
    y = rng.poisson(40, (60, ROWS))

    assert np.isnan(seasonal.expect(state, view_of(LATTICE, y[0], np.full(ROWS, np.nan)))).all()
    for k in range(60):
        view = view_of(LATTICE, y[k], np.full(ROWS, np.nan), t_ms=k * MINUTE_MS)
        view.mu = seasonal.expect(state, view)
        seasonal.learn(state, view, np.ones(ROWS, np.float32), np.full(ROWS, 0.01, np.float32))
    assert pytest.approx(y.mean(axis=0), rel=0.02) == np.exp(state.ell)


def test_a_new_row_of_zeros_has_a_finite_level() -> None:
    """The logarithm of nothing is bounded."""
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(ROWS)
    for k in range(200):
        view = view_of(LATTICE, np.zeros(ROWS), np.full(ROWS, np.nan), t_ms=k * MINUTE_MS)
        view.mu = seasonal.expect(state, view)
        seasonal.learn(state, view, np.ones(ROWS, np.float32), np.full(ROWS, 0.01, np.float32))

    assert np.isfinite(state.ell).all()
    assert (np.exp(state.ell) < 0.05).all()
