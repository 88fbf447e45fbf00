"""Gaps in due ticks."""

from __future__ import annotations

import numpy as np
import pytest

from detector.absence import Absence
from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS
from tests import naive_absence

START_MS = 1_767_571_200_000


@pytest.mark.parametrize("interval_ms", [5 * MINUTE_MS, HOUR_MS])
@pytest.mark.parametrize("seed", range(2))
def test_gaps_equal_their_naive_twin(interval_ms: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ticks = 9 * DAY_MS // interval_ms
    t_ms = (START_MS + np.arange(ticks) * interval_ms).tolist()
    there = rng.random((ticks, 3)) < np.array([0.99, 0.7, 0.2])
    there[ticks // 2 : ticks // 2 + 9] = False
    absence = Absence(interval_ms)
    state, rate = absence.init(3), np.ones(3, np.float32)
    grown, ended = [], []
    for t, row in zip(t_ms, there, strict=True):
        ended.append(absence.advance(state, t, row))
        grown.append(state.gap.copy())
        absence.learn(state, t, row, rate)
    for s in range(3):
        gap, over, regular = naive_absence.gaps(t_ms, there[:, s].tolist(), interval_ms)
        assert pytest.approx(gap, abs=1e-2) == np.array(grown)[:, s].tolist()
        assert pytest.approx(over, abs=1e-2) == np.array(ended)[:, s].tolist()
        assert pytest.approx(regular, abs=1e-4) == absence.regular(state, np.array([s]))[0]


def test_what_sleeps_every_night_is_not_due_then() -> None:
    """After two weeks nothing is due at three, everything at noon."""
    absence = Absence(5 * MINUTE_MS)
    state, rate = absence.init(1), np.ones(1, np.float32)
    for i in range(14 * 288):
        there = np.array([i % 288 >= 84])
        absence.advance(state, START_MS + i * 5 * MINUTE_MS, there)
        absence.learn(state, START_MS + i * 5 * MINUTE_MS, there, rate)

    assert 0 == absence.due(state, START_MS + 3 * HOUR_MS, np.array([0]))[0]
    assert 1 == absence.due(state, START_MS + 12 * HOUR_MS, np.array([0]))[0]
    assert 1 == pytest.approx(absence.regular(state, np.array([0]))[0], abs=1e-3)
