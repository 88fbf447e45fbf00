"""From a budget to a threshold: power-law noise gets what was promised, incidents hardly raise it."""

from __future__ import annotations

import numpy as np
import pytest

from detector.timing import HOUR_MS, MINUTE_MS, WEEK_MS
from ensemble.opening_law import LOW, LOWEST, OpeningLaw, OpeningLawState

ROWS = 20


def learnt(s: np.ndarray, interval_ms: int = HOUR_MS, close: int = 1) -> tuple[OpeningLaw, OpeningLawState]:
    law = OpeningLaw(interval_ms, block=6, close_ticks=close)
    state = law.init(s.shape[1])
    counts = np.ones(s.shape[1], bool)
    for t, row in enumerate(s.astype(np.float32)):
        law.learn(state, t * interval_ms, row, counts)
    return law, state


def pareto(exponent: float, weeks: int = 4) -> np.ndarray:
    """(T, 20) s with P(s > x) = 0.1/6 x^-exponent an hour above .5, isolated points."""
    rng = np.random.default_rng(6)
    size = np.minimum((rng.random((weeks * 168, ROWS)) / (0.1 / 6)) ** (-1 / exponent), 1e6)
    size[1::2] = 0
    return size


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
@pytest.mark.parametrize("budget", [0.1, 0.5])
def test_power_law_noise_opens_as_often_as_promised(exponent: float, budget: float) -> None:
    """The threshold is where the true law has the rate: at most twice, at least a third, since the prior holds back."""
    law, state = learnt(pareto(exponent))
    rate = 84 * 0.1 / 6 * law.threshold(state, budget) ** -exponent

    assert budget / 3 < rate < budget * 2


def test_incidents_hardly_raise_the_threshold() -> None:
    """A huge peak every second week in every series, twice the budget: counting all openings would allow none."""
    s = pareto(3)
    law, state = learnt(s)
    calm = law.threshold(state, 0.25)
    s[7::336] = 50
    law, state = learnt(s)

    assert law.threshold(state, 0.25) < 2 * calm


def test_a_crowd_of_incidents_is_no_flat_law() -> None:
    """A peak of 5 every other day, more than all noise: the law still falls faster than the square."""
    s = pareto(3)
    s[7::48] = 5
    law, state = learnt(s)
    rate, exponent = law.law(state)

    assert 2.5 == exponent
    assert pytest.approx(LOW * (rate / 0.25) ** 0.4) == law.threshold(state, 0.25)


def test_without_openings_the_prior_rules() -> None:
    """By construction of s, 2.8 openings a week at 1 in hourly data, a power of 2.7."""
    law = OpeningLaw(HOUR_MS, block=6)

    assert pytest.approx(2.8 ** (1 / 2.7)) == law.threshold(law.init(1), 1.0)


def test_below_half_an_hour_the_prior_falls_faster_and_weighs_more() -> None:
    """16.8 openings a week at 1, whatever the ticks, with the fourth power; a wild week moves it little."""
    law = OpeningLaw(5 * MINUTE_MS, block=12)
    state = law.init(ROWS)
    calm = law.threshold(state, 0.25)
    for t in range(0, 2016, 10):
        for s in (3.0, 0.0):
            law.learn(state, t * 5 * MINUTE_MS, np.full(ROWS, s, np.float32), np.ones(ROWS, bool))

    assert pytest.approx((16.8 / 0.25) ** 0.25) == calm
    assert law.threshold(state, 0.25) < 1.3 * calm


def test_entities_keep_to_their_own_prior() -> None:
    """Twenty series with a heavy tail hardly move the law of capped means: 2.8 openings a week, exponent 6."""
    law = OpeningLaw.of_entities(HOUR_MS, block=6, close_ticks=1)
    state = law.init(ROWS)
    for t, row in enumerate(pareto(1.5, weeks=1).astype(np.float32)):
        law.learn(state, t * HOUR_MS, row, np.ones(ROWS, bool))

    assert pytest.approx((2.8 / 0.5) ** (1 / 6), rel=0.05) == law.threshold(state, 0.5)


def test_a_large_budget_stops_at_the_lowest_threshold() -> None:
    """Below a unit everything would open."""
    law = OpeningLaw(HOUR_MS, block=6)

    assert LOWEST == law.threshold(law.init(1), 100.0)


def test_a_long_excursion_is_one_opening() -> None:
    """It closes after the calm ticks; shorter calm goes on."""
    s = np.zeros((40, 1))
    s[5:10] = s[12:15] = s[25:30] = 2.0
    _, state = learnt(s, MINUTE_MS, close=5)

    assert [2.0, 2.0] == state.opened[:, 0].tolist()


def test_rows_left_out_neither_open_nor_count_as_watched() -> None:
    """Events and gaps are no evidence about noise."""
    law = OpeningLaw(HOUR_MS, block=6)
    state = law.init(3)
    law.learn(state, 0, np.array([5, np.nan, 5], np.float32), np.array([False, True, True]))

    assert [1.0, 1.0] == state.opened[:, 0].tolist()
    assert pytest.approx(HOUR_MS / WEEK_MS) == float(state.watched[0])


def test_what_is_older_than_four_weeks_is_forgotten() -> None:
    """Weeks move through five columns."""
    law, state = learnt(pareto(3, weeks=1))
    for week in range(2, 8):
        law.learn(state, week * WEEK_MS, np.zeros(ROWS, np.float32), np.ones(ROWS, bool))

    assert 0.0 == float(state.opened.sum())


def test_surprise_grows_with_s_and_is_one_in_so_many_minutes_at_one() -> None:
    """At s = 1: a tenth of the hours, whatever the ticks of a block."""
    law = OpeningLaw(HOUR_MS, block=6)
    surprise = law.surprise(np.array([1, 10, 0, np.nan, 1e9], np.float32))
    one = np.log10(600)

    assert pytest.approx([one, 3 + one, 0, np.nan, 15], rel=1e-5, nan_ok=True) == surprise.tolist()
