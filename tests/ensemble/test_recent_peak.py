"""The memory of recent peaks: an incident is told in full, its repetitions must be wilder, calm days forget."""

from __future__ import annotations

import numpy as np
import pytest

from detector.timing import HOUR_MS, MINUTE_MS
from ensemble.recent_peak import RecentPeak


def shown(s: list[float], interval_ms: int = 20 * MINUTE_MS) -> list[float]:
    """s' at every tick; three ticks are an hour."""
    kernel = RecentPeak(interval_ms)
    state = kernel.init(1)
    out = []
    for t, v in enumerate(s):
        now = np.array([v], np.float32)
        out.append(float(kernel.score(state, now)[0]))
        kernel.advance(state, t * interval_ms, now, 1.0)
    return out


def test_an_incident_is_not_held_against_itself() -> None:
    """For an hour after a peak nothing is damped."""
    assert [1.0, 50.0, 50.0, 50.0] == shown([1, 50, 50, 50])


def test_a_repetition_must_be_wilder() -> None:
    """A tick after the hour, a fifth of the peak is the new one."""
    s = shown([50, 0, 0, 0, 20])

    assert pytest.approx(2.0, rel=0.08) == s[-1]


def test_small_peaks_damp_nothing() -> None:
    """Below five units the memory has no say."""
    assert 3.0 == shown([4, 0, 0, 0, 3])[-1]


def test_the_memory_fades() -> None:
    """Two days after a peak of 50 a score of 3 is a score of 3."""
    assert 3.0 == shown([50, *[0] * 144, 3])[-1]


def test_a_gap_has_no_opinion() -> None:
    """NaN stays and is remembered as calm."""
    s = shown([np.nan, 2, 2, 2, 2])

    assert pytest.approx([np.nan, 2, 2, 2, 2], nan_ok=True) == s


@pytest.mark.parametrize(("minutes", "expected"), [(1, (0.2, 12)), (5, (0.4, 48)), (60, (0.3, 24))])
def test_coarse_intervals_remember_longer(minutes: int, expected: tuple[float, int]) -> None:
    """Share of the peak, and hours until it is half."""
    kernel = RecentPeak.of(minutes * MINUTE_MS)

    assert expected == (kernel.share, kernel.half_life_ms // HOUR_MS)


@pytest.mark.parametrize(("budget", "hours"), [(1.0, 48), (0.25, 192), (10.0, 12), (0.001, 60 * 24)])
def test_who_wants_fewer_pages_remembers_longer(budget: float, hours: int) -> None:
    """In proportion to the time between promised pages, from half a day to sixty days."""
    assert pytest.approx(hours * HOUR_MS) == RecentPeak.of(5 * MINUTE_MS).half_life(budget)


def test_minute_series_remember_half_a_day_at_any_budget() -> None:
    """Their incidents recur."""
    kernel = RecentPeak.of(MINUTE_MS)

    assert 12 * HOUR_MS == kernel.half_life(0.1) == kernel.half_life(3.0)
