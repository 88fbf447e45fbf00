"""Zero run and stuck: equal to their naive twins, untouched by gaps, deaf to gauges."""

from __future__ import annotations

import numpy as np
import pytest

from detector.scorers.stuck import Stuck
from detector.scorers.zero_run import ZeroRun
from tests import naive
from tests.grids import flat, maybe, view_of

ROWS = 6
LATTICE = flat(ROWS)


def sparse(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mu = np.tile(rng.uniform(0.1, 8, ROWS), (40, 1)).astype(np.float32)
    y = rng.poisson(0.7 * mu).astype(float)
    y[rng.random(y.shape) < 0.15] = np.nan
    y[25:, 0] = 0
    y[25:, 1] = 7
    return y, mu


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("scorer", "twin"), [(ZeroRun(), naive.zero_run), (Stuck(), naive.stuck_run)])
def test_runs_equal_their_naive_twins(scorer, twin, seed: int) -> None:  # type: ignore[no-untyped-def]
    """Nats after every tick of counts with gaps, zeros and repetitions."""
    y, mu = sparse(seed)
    state = scorer.init(ROWS)
    for k in range(len(y)):
        scorer.advance(state, view_of(LATTICE, y[k], mu[k]))
        expected = [twin([maybe(v) for v in y[: k + 1, r]], mu[: k + 1, r].astype(float).tolist()) for r in range(ROWS)]

        assert pytest.approx(expected, rel=1e-4, abs=1e-4) == state.run.tolist()


def test_zeros_of_a_series_that_expects_much_fire_and_those_of_a_quiet_one_do_not() -> None:
    """Ten zeros at a mean of 8 pass 22 nats; at a mean of 0.1 they say nothing."""
    scorer = ZeroRun()
    state = scorer.init(ROWS)
    mu = np.array([8, 0.1, 8, 8, 8, 8])
    for _ in range(10):
        view = view_of(LATTICE, np.zeros(ROWS), mu)
        scorer.advance(state, view)

    assert scorer.score(state, view)[0, 0] > 22
    assert scorer.score(state, view)[0, 1] < 2


@pytest.mark.parametrize("scorer", [ZeroRun(), Stuck()])
def test_gauges_have_no_runs(scorer) -> None:  # type: ignore[no-untyped-def]
    """A gauge may stand still, at zero or elsewhere."""
    state = scorer.init(ROWS)
    for _ in range(30):
        view = view_of(
            LATTICE, np.full(ROWS, 5 if isinstance(scorer, Stuck) else 0), np.full(ROWS, 9), gauges=range(ROWS)
        )
        scorer.advance(state, view)

    assert not state.run.any()


def test_a_repeated_zero_is_not_stuck() -> None:
    """Zeros belong to the other scorer."""
    scorer = Stuck()
    state = scorer.init(ROWS)
    for _ in range(30):
        scorer.advance(state, view_of(LATTICE, np.zeros(ROWS), np.full(ROWS, 9)))

    assert not state.run.any()
