"""From a budget of false pages to a threshold: openings and fit equal their naive twins, moves are slow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.timing import DAY_MS, HOUR_MS, WEEK_MS
from ensemble.budget import LEVELS, Budget, BudgetState, alive_level, entering_level
from tests import naive


def heard(budget: Budget, scale: float, weeks: float, series: int = 1000, seed: int = 1) -> BudgetState:
    """A life in which the loudest fused score of an hour is exponential of that scale, above 1."""
    rng = np.random.default_rng(seed)
    state = budget.init()
    for hour in range(int(weeks * 168)):
        budget.listen(state, 1 + rng.exponential(scale, 1), HOUR_MS, 3)
        budget.move(state, hour * HOUR_MS, series)
    return state


@pytest.mark.parametrize("groups", [1, 4])
def test_openings_equal_their_naive_twin(groups: int) -> None:
    """A level is opened when it is exceeded after so many calm ticks; old openings count ever less; NaN is calm."""
    rng = np.random.default_rng(groups)
    loudest = 6 * rng.random((300, groups)) ** 3 * 2
    loudest[rng.random(loudest.shape) < 0.1] = np.nan
    budget = Budget()
    state = budget.init()
    for row in loudest:
        budget.listen(state, row, HOUR_MS, 3)
    keep = 0.5 ** (HOUR_MS / (3 * WEEK_MS))

    for k, level in enumerate(LEVELS.tolist()):
        assert pytest.approx(naive.openings(loudest.tolist(), level, 3, keep)) == state.openings[k]
    assert pytest.approx(HOUR_MS * (1 - keep**300) / (1 - keep)) == state.listened_ms


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0, 1000.0])
def test_the_fitted_threshold_equals_its_naive_twin(seed: int, rate: float) -> None:
    """Openings that do not reach four levels further, an exponential law next to the promise, followed down to it."""
    rng = np.random.default_rng(seed)
    budget = Budget(rate)
    state = budget.init()
    state.listened_ms = 3 * WEEK_MS
    state.openings = (200 * np.exp(-LEVELS / rng.uniform(0.5, 2)) + rng.uniform(0, 3)).tolist()
    expected = naive.budget_threshold(
        LEVELS.tolist(), state.openings, state.threshold, budget.bounds(500), budget.pages_a_week(500) * 3
    )

    assert pytest.approx(expected) == budget.fitted(state, 500)


@pytest.mark.parametrize(("rate", "start"), [(3, 7.5), (0.3, 8.5), (30, 6.5), (1000, 7.5 - math.log10(1000 / 3))])
def test_before_anything_was_heard_the_threshold_follows_from_the_budget(rate: float, start: float) -> None:
    """7.5 - log10(B/3)."""
    assert pytest.approx(start) == Budget(rate).start(100)
    assert pytest.approx(start) == heard(Budget(rate), 1.0, 1 / 7).threshold


def test_the_threshold_moves_a_quarter_a_day_at_most() -> None:
    """A bad day cannot change what pages tomorrow by much."""
    budget = Budget(3)
    state = heard(budget, 2.0, 1)
    for day in range(7, 20):
        before = state.threshold
        budget.listen(state, np.array([14.0 if day % 2 else 1.0]), HOUR_MS, 3)
        budget.move(state, day * DAY_MS, 1000)

        assert abs(state.threshold - before) <= 0.25 + 1e-9


@pytest.mark.parametrize(("rate", "low", "high"), [(3, 5.5, 10), (10, 5.5, 10), (11, 2, 10), (1000, 2, 10)])
def test_the_threshold_stays_within_its_bounds(rate: float, low: float, high: float) -> None:
    """Quiet worlds stop at the lower bound, no world passes the upper one."""
    assert low == pytest.approx(heard(Budget(rate), 0.01, 12).threshold)
    assert low <= heard(Budget(rate), 4.0, 12).threshold <= high


def test_a_larger_budget_never_raises_the_threshold() -> None:
    """More pages are accepted, so that less is asked of each."""
    thresholds = [heard(Budget(rate), 1.0, 6).threshold for rate in (1, 3, 10, 30, 100, 1000)]

    assert sorted(thresholds, reverse=True) == thresholds


def test_the_promise_is_kept_where_the_law_is_exponential() -> None:
    """Openings above the threshold come as often as the budget allows, within a factor of two."""
    budget = Budget(2.0, "service-week")
    threshold = heard(budget, 1.0, 12).threshold
    expected = 168 * math.exp(-(threshold - 1))  # exceedances a week of the world in `heard`

    assert 1.0 <= expected <= 4.0


@pytest.mark.parametrize(
    ("per", "promised", "pages"), [("1000-series-week", 3, 1.5), ("series-week", 3000, 1500), ("service-week", 6, 3)]
)
def test_every_unit_of_the_budget_is_the_same_promise_in_other_words(per: str, promised: float, pages: float) -> None:
    """Three per unit, for 500 series: per 1000 series-weeks, and pages of the whole service a week."""
    budget = Budget(3.0, per)  # type: ignore[arg-type]

    assert pytest.approx(promised) == budget.promised(500)
    assert pytest.approx(pages) == budget.pages_a_week(500)


def test_rows_enter_below_the_threshold_and_stay_alive_below_that() -> None:
    """Threshold less 2.5, at least half of it and one; alive from half of it, never above what enters."""
    assert [5.0, 1.75, 1.0] == [entering_level(7.5), entering_level(3.5), entering_level(2.0)]
    assert [2.5, 1.75, 1.0] == [alive_level(7.5), alive_level(3.5), alive_level(2.0)]


@pytest.mark.parametrize(("each", "lower"), [(0, True), (1, False), (3, False)])
def test_pages_that_rules_hold_leave_room_for_others_and_split_ones_take_it(each: int, lower: bool) -> None:
    """Each opening of the threshold told `each` times: none lets it fall, one leaves it, three raise it."""
    rng = np.random.default_rng(5)
    plain, budget = Budget(2.0, "service-week").init(), Budget(2.0, "service-week")
    state = budget.init()
    for hour in range(12 * 168):
        loudest = 1 + rng.exponential(1.0, 1)
        told = each * int(loudest[0] >= state.threshold)
        budget.listen(plain, loudest, HOUR_MS, 3)
        budget.listen(state, loudest, HOUR_MS, 3, told)
        budget.move(plain, hour * HOUR_MS, 100)
        budget.move(state, hour * HOUR_MS, 100)

    difference = state.threshold - plain.threshold
    if lower:
        assert difference < -0.5
    elif each == 1:
        assert abs(difference) < 0.25
    else:
        assert difference > 0.5


def test_while_nobody_can_be_told_nothing_is_learnt_of_pages() -> None:
    budget = Budget(2.0, "service-week")
    state = budget.init()
    for _ in range(500):
        budget.listen(state, np.array([9.0]), HOUR_MS, 3)

    assert 1.0 == budget.conversion(state)


def naive_conversion(ticks: list[tuple[float, int]], threshold: float, keep: float) -> float:
    """Pages told over openings of the threshold that were not real, five of each beforehand; older ones count less.

    Openings between two counted levels are read off both, by how near they are; an opening of the level 4.0 above one
    is real and is taken away.
    """
    opened = told = 0.0
    calm = [3] * len(LEVELS)
    for loudest, pages in ticks:
        now = []
        for k, level in enumerate(LEVELS.tolist()):
            above = loudest >= level
            now.append(float(above and calm[k] >= 3))
            calm[k] = 0 if above else calm[k] + 1
        below = max(k for k, level in enumerate(LEVELS.tolist()) if level <= threshold)
        near = (threshold - LEVELS[below]) / 0.5
        false = [now[k] - now[k + 8] for k in (below, below + 1)]
        opened = max(opened * keep + (1 - near) * false[0] + near * false[1], 0.0)
        told = told * keep + pages
    return min(max((told + 5) / (opened + 5), 0.1), 3.0)


@pytest.mark.parametrize("threshold", [2.0, 3.2, 6.9])
@pytest.mark.parametrize("often", [0.05, 0.9])
def test_pages_an_opening_equal_their_naive_twin(threshold: float, often: float) -> None:
    """Over two weeks of hours in which openings of the threshold in force are told, or told several times, or not."""
    rng = np.random.default_rng(4)
    ticks = [(float(c), int(rng.random() < often) * int(c >= threshold)) for c in 1 + rng.exponential(2.0, 336)]
    budget = Budget()
    state = budget.init()
    state.threshold = threshold
    for loudest, pages in ticks:
        budget.listen(state, np.array([loudest]), HOUR_MS, 3, pages)

    assert pytest.approx(naive_conversion(ticks, threshold, 0.5 ** (HOUR_MS / (3 * WEEK_MS)))) == budget.conversion(
        state
    )
