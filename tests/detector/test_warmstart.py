"""Profiles from history at intervals that do not fill a day; the rest is in test_twins_of_starts.py."""

from __future__ import annotations

import numpy as np
import pytest

from detector.forecasters.seasonal import Seasonal
from detector.schema import MINUTE_MS
from detector.timing import Timing
from detector.warmstart import add_ticks, no_sums, start_from


@pytest.mark.parametrize("minutes", [50, 100, 5 * 60, 11 * 60])
def test_intervals_that_do_not_fill_a_day_have_a_profile_of_the_week(minutes: int) -> None:
    """Slots of a week are compared over weeks, for there are no times of day: a swing of a third is found again."""
    timing = Timing(minutes * MINUTE_MS)
    n = 6 * timing.slots
    t_ms = np.arange(n, dtype=np.int64) * timing.interval_ms
    swing = 0.3 * np.sin(2 * np.pi * np.arange(n) / timing.slots)
    sums = no_sums(timing, int(t_ms[0]), int(t_ms[-1]), 1)
    add_ticks(sums, timing, t_ms, 1000 * np.exp(swing)[:, None], np.zeros(1, np.int64))
    seasonal = Seasonal(timing)
    state = seasonal.init(1)
    start_from(state, timing, sums, np.zeros(1, bool), np.full(1, -1))

    assert pytest.approx(swing[: timing.slots], abs=0.02) == state.season[:, 0].astype(float)


def test_hours_that_no_week_shows_are_as_on_other_days_not_as_of_the_parent() -> None:
    """An event is on every Friday evening, so those hours teach nothing: the row is as on other evenings there."""
    timing = Timing(30 * MINUTE_MS)
    t_ms = np.arange(4 * timing.slots, dtype=np.int64) * timing.interval_ms
    hour = t_ms / 3_600_000 % 24
    y = np.stack([1000 * np.exp(0.5 * np.sin(np.pi * hour / 12)), np.full(len(t_ms), 50_000.0)], axis=1)
    event = (t_ms // 86_400_000 % 7 == 1) & (hour >= 19)  # the epoch was a Thursday
    y[event] = np.nan
    sums = no_sums(timing, int(t_ms[0]), int(t_ms[-1]), 2)
    add_ticks(sums, timing, t_ms, y, np.arange(2))
    state = Seasonal(timing).init(2)
    start_from(state, timing, sums, np.zeros(2, bool), np.array([1, -1]))
    evening, before = slice(48 + 38, 96), slice(38, 48)

    assert event[evening].all()
    assert pytest.approx(state.season[before, 0].astype(float), abs=0.02) == state.season[evening, 0].astype(float)
