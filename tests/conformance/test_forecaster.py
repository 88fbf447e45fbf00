"""Every forecaster keeps the contract: it expects without changing, learns in place, and nothing while frozen."""

from __future__ import annotations

import numpy as np
import pytest

from detector.forecasters import FORECASTERS
from detector.state import grow
from tests.conformance.kinds import LATTICE, SIZE, bits, faults, make, stream
from tests.grids import view_of

MINUTE_MS = 60_000
SIG2 = np.full(SIZE, 0.01, np.float32)


@pytest.fixture(params=sorted(FORECASTERS))
def forecaster(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return make("forecasters", FORECASTERS, request.param)


def live(forecaster, state, y, first: int = 0, rate: float = 1.0) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """Expect, then learn, tick by tick."""
    out = []
    for k in range(len(y)):
        view = view_of(LATTICE, y[k], np.full(SIZE, np.nan), t_ms=(first + k) * MINUTE_MS)
        view.mu = forecaster.expect(state, view)
        view.judgeable = ~view.missing & np.isfinite(view.mu)
        forecaster.learn(state, view, np.full(SIZE, rate, np.float32), SIG2)
        out.append(view.mu)
    return out


def test_nothing_is_expected_before_the_first_sample(forecaster) -> None:  # type: ignore[no-untyped-def]
    """NaN, not zero."""
    state = forecaster.init(SIZE)

    assert np.isnan(forecaster.expect(state, view_of(LATTICE, np.zeros(SIZE), np.zeros(SIZE)))).all()


def test_expecting_changes_nothing(forecaster) -> None:  # type: ignore[no-untyped-def]
    """And says the same twice, (S,) float32."""
    state = forecaster.init(SIZE)
    live(forecaster, state, stream(1)[0])
    before = bits(state)
    view = view_of(LATTICE, np.zeros(SIZE), np.zeros(SIZE), t_ms=40 * MINUTE_MS)
    first, second = forecaster.expect(state, view), forecaster.expect(state, view)

    assert first.tobytes() == second.tobytes()
    assert ((SIZE,), np.float32) == (first.shape, first.dtype)
    assert before == bits(state)


def test_learning_works_in_place(forecaster) -> None:  # type: ignore[no-untyped-def]
    """The same arrays before and after."""
    state = forecaster.init(SIZE)
    before = [id(getattr(state, n)) for n in state._fields]
    live(forecaster, state, stream(1, 70)[0])

    assert before == [id(getattr(state, n)) for n in state._fields]


def test_a_day_of_steady_counts_is_learnt(forecaster) -> None:  # type: ignore[no-untyped-def]
    """Within 5 % of the mean."""
    state = forecaster.init(SIZE)
    mean = np.array([20, 50, 100, 200, 400, 800, 1600.0])
    y = np.random.default_rng(1).poisson(mean, (1440, SIZE)).astype(float)

    assert pytest.approx(mean, rel=0.05) == live(forecaster, state, y)[-1]


def test_frozen_rows_expect_what_they_did(forecaster) -> None:  # type: ignore[no-untyped-def]
    """Two weeks of another world at rate 0 move neither level nor profile, not even what the weeks agree on."""
    state = forecaster.init(SIZE)
    calm = np.random.default_rng(1).poisson(50, (600, SIZE)).astype(float)
    live(forecaster, state, calm)
    times = np.arange(0, 10_080, 317)
    view = lambda t: view_of(LATTICE, np.zeros(SIZE), np.zeros(SIZE), t_ms=int(t) * MINUTE_MS)  # noqa: E731
    live(forecaster, state, calm[:60], 600, 0.0)  # ends the bucket that was still thawed
    before = [forecaster.expect(state, view(t)) for t in times]
    for week in range(3):
        live(forecaster, state, np.full((120, SIZE), 10.0), 660 + week * 10_080, 0.0)

    assert [b.tolist() for b in before] == [forecaster.expect(state, view(t)).tolist() for t in times]


def test_growing_keeps_the_old_rows(forecaster) -> None:  # type: ignore[no-untyped-def]
    """What was expected is expected; new rows know nothing."""
    state = forecaster.init(SIZE)
    live(forecaster, state, stream(2)[0])
    grown = grow(state, SIZE + 3, forecaster.init)

    for name in grown._fields:
        old, new = getattr(state, name), getattr(grown, name)
        assert np.array_equal(old, new if old.shape == new.shape else new[..., :SIZE], equal_nan=True)
    assert np.isnan(grown.ell[SIZE:]).all()


@pytest.mark.parametrize("value", [0.0, 1e15, np.nan, 7.0])
def test_odd_values_leave_the_memory_finite(forecaster, value: float) -> None:  # type: ignore[no-untyped-def]
    """Hours of them, then calm."""
    state = forecaster.init(SIZE)
    y = np.random.default_rng(3).poisson(50, (400, SIZE)).astype(float)
    y[100:250] = value
    live(forecaster, state, y)

    assert [] == faults(state)


def test_rows_are_independent(forecaster) -> None:  # type: ignore[no-untyped-def]
    """A permutation of rows permutes what is expected, bit by bit."""
    order = np.random.default_rng(4).permutation(SIZE)
    y = stream(5, 100)[0]
    plain = live(forecaster, forecaster.init(SIZE), y)
    moved = live(forecaster, forecaster.init(SIZE), y[:, order])

    assert all(np.array_equal(a[order], b, equal_nan=True) for a, b in zip(plain, moved, strict=True))
