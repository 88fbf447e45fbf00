"""An entity: many metrics a little outweigh one metric a lot, gaps do not vote, order does not matter."""

from __future__ import annotations

import numpy as np
import pytest

from ensemble.entity import Entity


def naive(column: list[float], cap: float) -> float:
    """Mean of the capped scores that are there."""
    votes = [min(s, cap) for s in column if s == s]
    return sum(votes) / len(votes) if votes else float("nan")


def test_the_vectorised_mean_is_the_formula() -> None:
    """Against the formula written out, with gaps."""
    s = np.random.default_rng(2).gamma(1, 3, (19, 8))
    s[np.random.default_rng(3).random((19, 8)) < 0.2] = np.nan

    expected = [naive(s[:, e].tolist(), 5.0) for e in range(8)]

    assert pytest.approx(expected, rel=1e-5) == Entity().fuse(s).tolist()


def test_many_metrics_a_little_outweigh_one_metric_a_lot() -> None:
    """One wild metric of ten says a tenth of the cap; five at 2 say 1."""
    one, many = np.zeros((10, 1)), np.zeros((10, 1))
    one[0], many[:5] = 1e6, 2.0

    assert [0.5] == Entity().fuse(one).tolist()
    assert [1.0] == Entity().fuse(many).tolist()


def test_a_gap_does_not_vote_for_normal() -> None:
    """The mean is over metrics with an opinion; zero is an opinion."""
    s = np.array([[3.0, 3.0], [np.nan, 0.0]])

    assert [3.0, 1.5] == Entity().fuse(s).tolist()


def test_an_entity_without_opinions_has_none() -> None:
    """All metrics silent: NaN, without a warning."""
    assert bool(np.isnan(Entity().fuse(np.full((4, 1), np.nan))[0]))


def test_the_order_of_metrics_does_not_matter() -> None:
    """Rows in another order, the same c."""
    s = np.random.default_rng(2).gamma(1, 3, (19, 4))

    assert pytest.approx(Entity().fuse(s)) == Entity().fuse(s[::-1])


def test_shares_name_the_metrics_that_spoke() -> None:
    """They add up to one; a metric that is not there has none."""
    s = np.array([[9.0], [1.0], [np.nan], [4.0]])

    assert pytest.approx([0.5, 0.1, 0.0, 0.4]) == Entity().shares(s)[:, 0].tolist()


def test_a_calm_entity_has_no_shares() -> None:
    """Nobody spoke: nobody is named."""
    assert bool(np.isnan(Entity().shares(np.zeros((3, 1)))).all())
