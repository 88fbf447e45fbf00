"""How often gaps are to be expected."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from ensemble.gap_law import BINS, GapLaw
from tests import naive_absence

FIRST = np.zeros(1, np.int64)


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
    e = law.foretold(state, FIRST)

    assert pytest.approx(expected, rel=1e-3) == e[:, 0].tolist()
    for gap in (1, 2.5, 7, 1000):
        assert pytest.approx(naive_absence.rate(expected, gap), rel=1e-3) == law.rate(e, np.array([gap], np.float32))[0]


def test_longer_gaps_are_rarer_and_history_without_gaps_makes_them_so() -> None:
    law = GapLaw(5 * MINUTE_MS)
    state, one = law.init(1), np.ones(1, bool)
    lengths = np.array([1, 2, 4, 30], np.float32)

    def rates() -> list[float]:
        e = law.foretold(state, FIRST)
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
    law.settle(state)

    assert pytest.approx([naive] * rows, rel=1e-2) == law.known(state, np.arange(rows)).tolist()


def test_rows_lean_on_the_naive_median_of_their_panel() -> None:
    """Of three rows, with none, two and five gaps of a tick in half a week; a row that has seen an hour has no say."""
    law = GapLaw(MINUTE_MS, half_life_ms=10**15)
    state = law.init(4)
    naive = statistics.median([0, 2 / 0.5, 5 / 0.5])
    for i in range(1, 5041):
        ended = np.array([0, i % 2000 == 0, i % 1000 == 0, 1], np.float32)
        law.learn(state, i * MINUTE_MS, ended, np.array([True, True, True, i <= 60]))
    law.settle(state)
    known = 3 * 0.5 + 60 / 10080

    assert pytest.approx(naive, rel=1e-3) == state.pool[0]
    assert pytest.approx(known, rel=1e-3) == float(state.lean)
    assert pytest.approx((known * naive + 1) / (known + 0.5 + 1), rel=1e-2) == law.foretold(state, FIRST)[0, 0]


def test_gaps_that_are_more_often_than_shorter_ones_are_incidents_unless_they_are_usual() -> None:
    """One of twenty ticks a week in an otherwise complete series stays rare; five a week do not."""
    rates = []
    for a_week in (1, 5):
        law = GapLaw(5 * MINUTE_MS)
        state, one = law.init(1), np.ones(1, bool)
        for i in range(1, 4 * 2016):
            ended = 20.0 * (i % (2016 // a_week) == 0)
            law.learn(state, i * law.interval_ms, np.array([ended], np.float32), one)
        rates.append(float(law.rate(law.foretold(state, FIRST), np.array([16], np.float32))[0]))

    assert rates[0] < 0.05
    assert rates[1] > 2
