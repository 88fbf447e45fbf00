"""The forecast residual: equal to its naive twin, silent about gaps, bounded in what it learns."""

from __future__ import annotations

import numpy as np
import pytest

from detector.scorers.forecast_residual import ForecastResidual
from tests import naive
from tests.grids import MINUTES, flat, maybe, view_of

ROWS = 8
LATTICE = flat(ROWS)


def walk(seed: int, ticks: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Counts around an expectation from 0.1 to 1000, some missing, some rows halved or doubled."""
    rng = np.random.default_rng(seed)
    mu = (10.0 ** rng.uniform(-1, 3, ROWS) * rng.uniform(0.8, 1.2, (ticks, ROWS))).astype(np.float32)
    y = rng.poisson(mu * 2.0 ** rng.integers(-1, 2, ROWS)).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    y[-1] = rng.poisson(mu[-1])
    return y, mu


@pytest.mark.parametrize("seed", range(5))
def test_sums_deviance_and_deviation_equal_their_naive_twins(seed: int) -> None:
    """Scaled sums, L, V and the signed root of the deviance at all horizons, gaps counted as expected."""
    y, mu = walk(seed)
    scorer = ForecastResidual(MINUTES)
    state = scorer.init(ROWS)
    state.sig2[...] = np.random.default_rng(seed).uniform(1e-4, 0.2, state.sig2.shape)
    event = np.random.default_rng(seed + 1).uniform(0, 0.1, ROWS).astype(np.float32)
    for k in range(len(y)):
        view = view_of(LATTICE, y[k], mu[k])
        view.effect_variance = event
        scorer.advance(state, view)
    z = scorer.score(state, view)

    for h, lam in enumerate(MINUTES.lam):
        for r in range(ROWS):
            Ye, Me = naive.decayed_sums([maybe(v) for v in y[:, r]], mu[:, r].astype(float).tolist(), lam)
            assert pytest.approx(naive.log_deviation(Ye, Me), rel=1e-4, abs=1e-5) == view.L[h, r]
            assert pytest.approx(naive.counting_variance(Me), rel=1e-4) == view.V[h, r]
            phi = float(state.sig2[h, r]) + float(event[r])
            # the two forms meet at 5 % of change, and float32 may choose the other one there
            assert pytest.approx(naive.residual_z(Ye, Me, phi), rel=5e-3, abs=5e-3) == z[h, r]


@pytest.mark.parametrize("seed", range(3))
def test_learnt_variance_equals_its_naive_twin(seed: int) -> None:
    """sig2 per horizon over ten learning ticks at rates 1, 0.1 and 0."""
    y, mu = walk(seed)
    scorer = ForecastResidual(MINUTES)
    state = scorer.init(ROWS)
    rate = np.resize(np.array([1, 0.1, 0], np.float32), ROWS)
    expected = state.sig2.astype(float)
    learnt = np.zeros(ROWS)
    keep = MINUTES.keep(scorer.half_life_ms, MINUTES.learn_every)
    for k in range(10):
        view = view_of(LATTICE, y[k], mu[k])
        scorer.advance(state, view)
        scorer.learn(state, view, rate)
        for r in np.flatnonzero(~view.missing):
            for h in range(3):
                expected[h, r] = naive.learnt_variance(
                    expected[h, r],
                    float(view.L[h, r]),
                    float(view.V[h, r]),
                    keep,
                    learnt[r],
                    float(rate[r]),
                    scorer.floor,
                )
            learnt[r] += rate[r]

    assert pytest.approx(expected, rel=1e-4) == state.sig2
    assert (state.sig2[:, rate == 0] == np.float32(scorer.start)).all()


def test_exactly_what_was_expected_scores_zero() -> None:
    """Zero is an opinion."""
    scorer = ForecastResidual(MINUTES)
    state = scorer.init(ROWS)
    mu = np.full(ROWS, 10.0)
    view = view_of(LATTICE, mu, mu)
    scorer.advance(state, view)

    assert scorer.score(state, view).tolist() == [[0.0] * ROWS] * 3


def test_a_gap_scores_nan_and_pulls_neither_way() -> None:
    """A missing sample counts as expected in the sums and abstains in the score."""
    scorer = ForecastResidual(MINUTES)
    state = scorer.init(ROWS)
    view = view_of(LATTICE, np.full(ROWS, np.nan), np.full(ROWS, 10.0))
    scorer.advance(state, view)

    assert np.isnan(scorer.score(state, view)).all()
    assert (state.Y == state.M).all()


def test_a_gauge_is_judged_by_its_residual_over_its_learnt_deviation() -> None:
    """Rows on a link scale: mean residual over sqrt(sig2), no counting variance."""
    scorer = ForecastResidual(MINUTES)
    state = scorer.init(ROWS)
    state.sig2[...] = 0.04
    for _ in range(200):
        view = view_of(LATTICE, np.full(ROWS, 2.5), np.full(ROWS, 2.0), gauges=[3])
        scorer.advance(state, view)
    z = scorer.score(state, view)

    assert pytest.approx([2.5] * 3, rel=0.01) == z[:, 3].tolist()
    assert view.V[:, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("factor", [1e3, 1e6, 1e12])
def test_the_score_stays_finite_and_monotone_for_enormous_sums(factor: float) -> None:
    """Where float32 cancels the quadratic form takes over; more loss is never less surprising."""
    scorer = ForecastResidual(MINUTES)
    z = []
    for lost in (0.02, 0.1, 0.5, 0.9, 1.0):
        state = scorer.init(ROWS)
        view = view_of(LATTICE, np.full(ROWS, factor * (1 - lost)), np.full(ROWS, factor))
        scorer.advance(state, view)
        z.append(float(scorer.score(state, view)[1, 0]))

    assert np.isfinite(z).all()
    assert sorted(z, reverse=True) == z
