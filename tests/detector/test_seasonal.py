"""The seasonal expectation: equal to its naive twin, bounded in what one bucket can move, cold start from an hour."""

from __future__ import annotations

import numpy as np
import pytest

from detector.forecasters.seasonal import Kin, Seasonal, SeasonalState
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
        level, slot, left = naive.bucket_steps(
            before[r][2], [maybe(v) for v in y[:, r]], mu[:, r].tolist(), rate[:, r].tolist(), float(sig2[r]),
            gauge=r in gauges, bucket_ms=30 * MINUTE_MS, level_half_life_ms=3 * DAY_MS,
        )  # fmt: skip
        found = (float(state.ell[r]), float(state.season[7, r]), float(state.prev_res[7, r]))
        assert pytest.approx((before[r][0] + level, before[r][1] + slot, left), rel=2e-3, abs=2e-3) == found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("hot_ticks", "hot_rate"), [(0, 1.0), (4, 0.1), (12, 0.1)])
def test_rows_with_parents_equal_their_naive_twin(seed: int, hot_ticks: int, hot_rate: float) -> None:
    """Grandchild, child and parent in any order; not below a row in its first week, a gauge, or one never seen."""
    rng = np.random.default_rng(seed)
    n = 9
    parent = np.array([4, -1, 8, 3, 1, 6, -1, 8, -1])  # 0 below 4 below 1
    gauges, young, unknown = [3], [6], [8]
    parent[3] = 1
    lattice = flat(n)
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(n)
    state.ell[...] = rng.normal(1, 1, n)
    state.season[...] = rng.normal(0, 0.5, state.season.shape)
    state.prev_res[...] = rng.normal(0, 0.2, state.season.shape)
    state.seen[...] = 1e9
    state.seen[young] = 2000
    state.ell[unknown] = np.nan
    mu = rng.gamma(20, 5, (30, n)).astype(np.float32)
    mu[:, unknown] = np.nan
    y = rng.poisson(np.nan_to_num(mu) * rng.uniform(0.6, 1.5, n)).astype(np.float32)
    y[:, 3] = mu[:, 3] + rng.normal(0.5, 1, 30)
    y[rng.random(y.shape) < 0.05] = np.nan
    rate = np.ones((30, n), np.float32)
    rate[:hot_ticks, ::2] = hot_rate
    sig2 = rng.uniform(0.001, 0.1, n).astype(np.float32)
    kin = Kin(parent, np.arange(n) % 2, rng.uniform(1e-4, 0.01, (2, n)).astype(np.float32))
    before = [(float(state.ell[r]), float(state.season[7, r]), float(state.prev_res[7, r])) for r in range(n)]
    start = 7 * 30 * MINUTE_MS
    for k in range(31):
        values, at = (y[k], k) if k < 30 else (np.full(n, np.nan), 0)
        view = view_of(lattice, values, mu[at], gauges=gauges, t_ms=start + k * MINUTE_MS)
        seasonal.learn(state, view, rate[at], sig2, kin)

    above = {0: [4, 1], 4: [1]}
    samples = [([maybe(v) for v in y[:, r]], mu[:, r].tolist(), rate[:, r].tolist()) for r in range(n)]
    steps = {
        r: naive.bucket_steps(
            before[r][2], *samples[r], float(kin.variance[r % 2, r] if r in above else sig2[r]), gauge=r in gauges,
            bucket_ms=30 * MINUTE_MS, level_half_life_ms=3 * DAY_MS,
            parent=naive.bucket_sums(*samples[above[r][0]], False) if r in above else None,
        )
        for r in range(n) if r not in unknown + young
    }  # fmt: skip
    for r, (level, slot, left) in steps.items():
        level += sum(steps[p][0] for p in above.get(r, []))
        slot += sum(steps[p][1] for p in above.get(r, []))
        found = (float(state.ell[r]), float(state.season[7, r]), float(state.prev_res[7, r]))
        assert pytest.approx((before[r][0] + level, before[r][1] + slot, left), rel=2e-3, abs=2e-3) == found


def test_what_befell_one_of_several_siblings_does_not_become_its_share() -> None:
    """Rain takes half of everybody, a week later a fault most of one: two weeks agree on it, its siblings do not."""
    n, parent = 4, np.array([3, 3, 3, -1])
    seasonal = Seasonal(MINUTES)
    state = seasonal.init(n)
    state.ell[...] = np.log(np.array([100, 100, 100, 300]))
    state.seen[...] = 1e9
    kin = Kin(parent, np.zeros(n, np.int64), np.full((1, n), 0.03**2, np.float32))
    sig2 = np.full(n, 0.1**2, np.float32)
    for week, others, last in ((1, 50.0, 50.0), (2, 100.0, 20.0)):
        y = np.array([others, others, last, 2 * others + last], np.float32)
        for k in range(31):
            view = view_of(
                flat(n), y, np.exp(state.ell + state.season[7]), t_ms=week * WEEK_MS + (7 * 30 + k) * MINUTE_MS
            )
            seasonal.learn(state, view, np.ones(n, np.float32), sig2, kin)

    share = state.season[7].astype(float) - float(state.season[7, 3])
    assert pytest.approx([0, 0, 0], abs=0.05) == share[:3].tolist()


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
