"""The first profile: medians of cycles, deaf to single days, silent where too few were seen."""

from __future__ import annotations

import numpy as np
import pytest

from detector.season_start import cycle_medians
from detector.timing import DAY_MS, HOUR_MS

SHAPE = np.array([0.0, 0, 0, 6, 0, 0, 0, -3] * 3)


def profile(x: np.ndarray, least: int = 4) -> np.ndarray:
    return cycle_medians(np.arange(len(x)) * HOUR_MS, x, HOUR_MS, DAY_MS, 24, least)


def test_the_median_of_days_is_the_profile() -> None:
    """Ten equal days on a moving level: the shape, shrunk by 10/11."""
    x = (np.tile(SHAPE, 10) + np.repeat(np.arange(10.0), 24))[:, None]

    assert pytest.approx(SHAPE * 10 / 11, abs=1e-5) == profile(x)[:, 0]


def test_a_day_of_outage_does_not_move_it() -> None:
    """One wild day of ten is not the median."""
    x = np.tile(SHAPE, 10)[:, None]
    x[72:84] = -500

    assert pytest.approx(SHAPE * 10 / 11, abs=1e-5) == profile(x)[:, 0]


def test_too_few_days_give_no_profile() -> None:
    """Three days where four are asked for: zero, row by row."""
    x = np.tile(SHAPE, 5)[:, None].repeat(2, axis=1)
    x[: 2 * 24, 1] = np.nan

    assert pytest.approx(5 / 6 * 6) == float(profile(x)[3, 0])
    assert 0.0 == float(np.abs(profile(x)[:, 1]).max())


def test_a_slot_without_samples_stays_zero() -> None:
    """Closed at night: no value, no profile, no warning."""
    x = np.tile(SHAPE, 6)[:, None]
    x[5::24] = np.nan

    assert 0.0 == float(profile(x)[5, 0])
    assert pytest.approx(6 / 7 * 6) == float(profile(x)[3, 0])
