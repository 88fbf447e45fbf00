"""Every scorer keeps the contract: three verbs, NaN for no opinion, nothing learnt while frozen."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from detector.scorers import SCORERS
from detector.state import grow
from tests.conformance.kinds import SIZE, Line, bits, faults, fork, make, stream

KINDS = sorted(SCORERS)
ODD = {
    "zeros": np.zeros(SIZE),
    "huge": np.full(SIZE, 1e15),
    "missing": np.full(SIZE, np.nan),
    "constant": np.full(SIZE, 7.0),
    "tiny": np.full(SIZE, 1e-12),
}


@pytest.fixture(params=KINDS)
def line(request: pytest.FixtureRequest) -> Line:
    return Line(make("scorers", SCORERS, request.param))


def test_configuration_is_a_frozen_value_and_memory_a_named_tuple(line: Line) -> None:
    """Equal parameters are equal scorers; rows are the last axis of memory that is not of all of them."""
    assert is_dataclass(line.scorer)
    assert line.scorer == type(line.scorer)(**{f.name: getattr(line.scorer, f.name) for f in fields(line.scorer)})
    assert of_all(line) <= {"doubt"}
    assert all(getattr(line.state, name).shape[-1] == SIZE for name in set(line.state._fields) - of_all(line))


def of_all(line: Line) -> set[str]:
    """Names of arrays that do not grow with rows: what is learnt of all of them together."""
    none = line.scorer.init(0)
    return {name for name in none._fields if getattr(none, name).shape[-1] != 0}


def test_advance_and_learn_work_in_place(line: Line) -> None:
    """The same arrays before and after; the engine holds views of them."""
    y, mu = stream(1)
    before = {name: id(getattr(line.state, name)) for name in line.state._fields}
    for k in range(10):
        line.tick(y[k], mu[k], k=k)

    assert before == {name: id(getattr(line.state, name)) for name in line.state._fields}


def test_a_score_changes_nothing_and_is_the_same_twice(line: Line) -> None:
    """(K, S) float32; neither the memory nor the view is moved by it."""
    y, mu = stream(2)
    for k in range(10):
        line.tick(y[k], mu[k], k=k)
    view = line.view(y[10], mu[10])
    line.scorer.advance(line.state, view)
    before, deviations = bits(line.state), view.L.tobytes()
    first, second = line.scorer.score(line.state, view), line.scorer.score(line.state, view)

    assert first.tobytes() == second.tobytes()
    assert SIZE == first.shape[-1]
    assert 2 == first.ndim
    assert np.float32 == first.dtype
    assert before == bits(line.state)
    assert deviations == view.L.tobytes()


def test_no_sample_is_no_opinion(line: Line) -> None:
    """NaN in, NaN out; a run of equal values keeps its length, for a gap neither adds nor takes."""
    y, mu = stream(3)
    for k in range(10):
        z = line.tick(y[k], mu[k], k=k)
    gap = line.tick(np.full(SIZE, np.nan), mu[10], k=10)

    assert np.isnan(gap).all() or (line.state._fields[0] == "run" and z.tolist() == gap.tolist())


def test_no_expectation_is_no_opinion(line: Line) -> None:
    """A new row, before its level is known."""
    y, _ = stream(3)
    z = line.tick(y[0], np.full(SIZE, np.nan))

    assert (np.isnan(z) | (z == 0)).all()


def test_frozen_rows_do_not_learn(line: Line) -> None:
    """Rate 0: the memory is what `advance` made it."""
    y, mu = stream(4)
    for k in range(10):
        line.tick(y[k], mu[k], k=k)
    view = line.view(y[10], mu[10], 10)
    line.scorer.advance(line.state, view)
    before = bits(line.state)
    line.scorer.learn(line.state, view, np.zeros(SIZE, np.float32))

    assert before == bits(line.state)


def test_hot_rows_learn_a_tenth(line: Line) -> None:
    """At rate 0.1 nothing moves further than at rate 1, and all of it together at most a fifth (floors bound both)."""
    y, mu = stream(5)
    for k in range(10):
        line.tick(y[k], mu[k], k=k)
    view = line.view(y[10], mu[10], 10)
    line.scorer.advance(line.state, view)
    moved = []
    for rate in (1.0, 0.1):
        state = fork(line.state)
        line.scorer.learn(state, view, np.full(SIZE, rate, np.float32))
        moved.append([np.abs(np.nan_to_num(getattr(state, n) - getattr(line.state, n))) for n in state._fields])

    for calm, hot in zip(*moved, strict=True):
        assert (hot <= calm + 1e-6).all()
        assert hot.sum() <= 0.2 * calm.sum() + 1e-5


def test_growing_keeps_the_old_rows(line: Line) -> None:
    """New rows are as `init` makes them."""
    y, mu = stream(6)
    for k in range(10):
        line.tick(y[k], mu[k], k=k)
    grown, fresh = grow(line.state, SIZE + 5, line.scorer.init), line.scorer.init(5)

    for name in grown._fields:
        old, new = getattr(line.state, name), getattr(grown, name)
        if name in of_all(line):
            assert new is old
            continue
        assert np.array_equal(old, new[..., :SIZE], equal_nan=True)
        assert np.array_equal(getattr(fresh, name), new[..., SIZE:], equal_nan=True)


@pytest.mark.parametrize("odd", sorted(ODD))
def test_odd_values_leave_the_memory_finite(line: Line, odd: str) -> None:
    """Fifty ticks of them amid calm ones, and no NaN or infinity in any array."""
    y, mu = stream(7, 150)
    for k in range(150):
        z = line.tick(ODD[odd] if 50 <= k < 100 else y[k], mu[k], k=k)

        assert not np.isinf(z).any()
    assert [] == faults(line.state)
    assert np.isfinite(z).any()


def test_a_permutation_of_rows_permutes_the_scores(line: Line) -> None:
    """To rounding: no row is special by its place."""
    order = np.array([3, 0, 4, 1, 2, 5, 6])  # the witness and the sum stay where they are
    y, mu = stream(8)
    other = Line(line.scorer)
    for k in range(20):
        plain, moved = line.tick(y[k], mu[k], k=k), other.tick(y[k][order], mu[k][order], k=k)

        np.testing.assert_allclose(plain[:, order], moved, rtol=1e-3, atol=1e-3)
