"""The derivative: equal to its naive twin; loud while a trend breaks, quiet afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from detector.scorers.derivative import Derivative
from detector.scorers.forecast_residual import ForecastResidual
from tests import naive
from tests.grids import MINUTES, flat, view_of

ROWS = 5
LATTICE = flat(ROWS)


@pytest.mark.parametrize("seed", range(3))
def test_score_and_learning_equal_their_naive_twins(seed: int) -> None:
    """D from the deviations of the tick; sig2 by the same bounded step as the residual's."""
    rng = np.random.default_rng(seed)
    scorer = Derivative(MINUTES)
    state = scorer.init(ROWS)
    keep = MINUTES.keep(scorer.half_life_ms, MINUTES.learn_every)
    expected, learnt = state.sig2.astype(float), 0.0
    for _ in range(6):
        view = view_of(LATTICE, np.ones(ROWS), np.ones(ROWS))
        view.L = rng.normal(0, 0.5, (3, ROWS)).astype(np.float32)
        view.V = rng.uniform(0.001, 0.5, (3, ROWS)).astype(np.float32)
        view.effect_variance = 0.01
        z = scorer.score(state, view)[0]
        for r in range(ROWS):
            short, middle = float(view.L[0, r]), float(view.L[1, r])
            twin = naive.derivative_z(short, middle, float(view.V[0, r]), expected[r], 0.01)
            assert pytest.approx(twin, rel=1e-4) == z[r]
            expected[r] = naive.learnt_variance(
                expected[r], short - middle, 0.8 * float(view.V[0, r]) + 0.01, keep, learnt, 1.0, scorer.floor
            )
        scorer.learn(state, view, np.ones(ROWS, np.float32))
        learnt += 1

    assert pytest.approx(expected.tolist(), rel=1e-4) == state.sig2.tolist()


def test_a_step_is_loud_at_its_edge_and_quiet_an_hour_later() -> None:
    """D answers "does it change", not "is it different"."""
    # ▁▁▁▁▁▁▁▁▁▁████████████████████████  60 calm minutes, then 90 at half
    residual, derivative = ForecastResidual(MINUTES), Derivative(MINUTES)
    r_state, d_state = residual.init(ROWS), derivative.init(ROWS)
    z = []
    for k in range(150):
        view = view_of(LATTICE, np.full(ROWS, 200.0 if k < 60 else 100.0), np.full(ROWS, 200.0))
        residual.advance(r_state, view)
        z.append(float(derivative.score(d_state, view)[0, 0]))

    assert min(z[60:70]) < -4
    assert abs(z[-1]) < 1
