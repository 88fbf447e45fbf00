"""How often gaps are to be expected."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from ensemble.gap_law import BINS, GapLaw
from tests import naive_absence


@pytest.mark.parametrize("seed", range(3))
def test_rates_equal_their_naive_twin(seed: int) -> None:
    """One row, gaps of all lengths, within a day (no forgetting)."""
    rng = np.random.default_rng(seed)
    law = GapLaw(MINUTE_MS)
    state = law.init(1)
    counts = [0.0] * BINS
    one = np.ones(1, bool)
    for i in range(1, 1000):
        length = float(rng.choice([0, 0, 1, 1.9, 3, 20, 300]))
        law.learn(state, i * MINUTE_MS, np.array([length], np.float32), one)
        if length:
            counts[int(math.log2(round(length)))] += 1
    weeks = 999 * MINUTE_MS / WEEK_MS
    expected = naive_absence.foretold(counts, weeks, MINUTE_MS)
    e = law.foretold(state)

    assert pytest.approx(expected, rel=1e-3) == e[:, 0].tolist()
    for gap in (1, 2.5, 7, 1000):
        assert pytest.approx(naive_absence.rate(expected, gap), rel=1e-3) == law.rate(e, np.array([gap], np.float32))[0]


def test_longer_gaps_are_rarer_and_history_without_gaps_makes_them_so() -> None:
    law = GapLaw(5 * MINUTE_MS)
    state, one = law.init(1), np.ones(1, bool)
    lengths = np.array([1, 2, 4, 30], np.float32)

    def rates() -> list[float]:
        e = law.foretold(state)
        return [float(law.rate(e, lengths[i : i + 1])[0]) for i in range(4)]

    before = rates()
    for i in range(1, 3 * 2016):
        law.learn(state, i * law.interval_ms, np.zeros(1, np.float32), one)

    assert before == sorted(before, reverse=True)
    assert all(now < then for now, then in zip(rates(), before, strict=True))


@pytest.mark.parametrize(
    ("interval_ms", "days", "rows", "naive"),
    [(MINUTE_MS, 3, 1, 3 / 7), (MINUTE_MS, 3, 4, 3 / 7 + 12 / 7), (HOUR_MS, 7, 1, 1 / 12), (5 * MINUTE_MS, 7, 30, 3)],
)
def test_what_is_known_equals_its_naive_figure(interval_ms: int, days: int, rows: int, naive: float) -> None:
    """Weeks, with up to two of the panel's; of hourly ticks it takes twelve for one. Forgetting aside."""
    law = GapLaw(interval_ms, half_life_ms=10**15)
    state, everyone = law.init(rows), np.ones(rows, bool)
    for i in range(days * DAY_MS // interval_ms):
        law.learn(state, i * interval_ms, np.zeros(rows, np.float32), everyone)

    assert pytest.approx([naive] * rows, rel=1e-2) == law.known(state).tolist()


def test_gaps_that_are_more_often_than_shorter_ones_are_incidents_unless_they_are_usual() -> None:
    """One of twenty ticks a week in an otherwise complete series stays rare; five a week do not."""
    rates = []
    for a_week in (1, 5):
        law = GapLaw(5 * MINUTE_MS)
        state, one = law.init(1), np.ones(1, bool)
        for i in range(1, 4 * 2016):
            ended = 20.0 * (i % (2016 // a_week) == 0)
            law.learn(state, i * law.interval_ms, np.array([ended], np.float32), one)
        rates.append(float(law.rate(law.foretold(state), np.array([16], np.float32))[0]))

    assert rates[0] < 0.05
    assert rates[1] > 2
