"""From a budget of false pages to a threshold: the fit equals its naive twin, moves slowly, stays in its bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.timing import DAY_MS, WEEK_MS
from ensemble.budget import Budget, BudgetState, entering_level
from tests import naive


def run(budget: Budget, peaks_a_day: int, scale: float, days: int, series: int = 1000) -> BudgetState:
    """A life with so many candidates a day, their peaks exponential above 4."""
    rng = np.random.default_rng(2)
    state = budget.init()
    for day in range(days):
        budget.move(state, day * DAY_MS, series)
        for _ in range(peaks_a_day):
            budget.observe(state, day * DAY_MS, 4 + float(rng.exponential(scale)))
    return state


@pytest.mark.parametrize(("rate", "count"), [(3.0, 200), (3.0, 2), (1000.0, 1), (30.0, 40)])
def test_the_fitted_threshold_equals_its_naive_twin(rate: float, count: int) -> None:
    """Mean excess above the entering level, rate of exceedance equal to the budget; with hardly any peaks a step."""
    rng = np.random.default_rng(count)
    budget = Budget(rate)
    state = budget.init()
    state.since_ms = 0
    state.peaks = [(0, float(x)) for x in 3 + rng.exponential(1.5, count)]
    expected = naive.budget_target([c for _, c in state.peaks], state.threshold, rate, 500, 3)

    assert pytest.approx(expected) == budget.fitted(state, 3 * WEEK_MS, 500)


@pytest.mark.parametrize(("rate", "start"), [(3, 7.5), (0.3, 8.5), (30, 6.5), (1000, 7.5 - math.log10(1000 / 3))])
def test_until_two_weeks_are_seen_the_threshold_follows_from_the_budget(rate: float, start: float) -> None:
    """7.5 - log10(B/3)."""
    assert pytest.approx(start) == Budget(rate).start
    assert pytest.approx(start) == run(Budget(rate), 20, 1.0, 14).threshold


def test_the_threshold_moves_a_quarter_a_day_at_most() -> None:
    """A bad day cannot change what pages tomorrow by much."""
    before, after = run(Budget(3), 50, 3.0, 15), run(Budget(3), 50, 3.0, 16)

    assert 0 < after.threshold - before.threshold <= 0.25 + 1e-9


@pytest.mark.parametrize(("rate", "low", "high"), [(3, 5.5, 10), (10, 5.5, 10), (11, 2, 10), (1000, 2, 10)])
def test_the_threshold_stays_within_its_bounds(rate: float, low: float, high: float) -> None:
    """Quiet worlds stop at the lower, wild ones at the upper bound."""
    assert low == run(Budget(rate), 0, 1.0, 80).threshold
    assert high == run(Budget(rate), 200, 30.0, 80).threshold


def test_a_larger_budget_never_raises_the_threshold() -> None:
    """More pages are accepted, so that less is asked of each."""
    thresholds = [run(Budget(rate), 30, 1.5, 60).threshold for rate in (1, 3, 10, 30, 100, 1000)]

    assert sorted(thresholds, reverse=True) == thresholds


def test_peaks_older_than_four_weeks_are_forgotten() -> None:
    """The memory is bounded."""
    assert len(run(Budget(3), 10, 1.0, 60).peaks) <= 10 * 29


def test_the_entering_level_is_below_the_threshold_and_at_least_one() -> None:
    """Threshold less 2.5."""
    assert [5.0, 1.0] == [entering_level(7.5), entering_level(2.0)]
