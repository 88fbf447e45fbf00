"""The nightly profile by MSTL: taken where it is better on days that it has not seen, and only there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.timing import DAY_MS, HOUR_MS, Timing
from tocsin.nightly import nightly_fit, one_step_scores

HOURS = Timing(HOUR_MS)
WEEKS = 4
T_MS = 1_767_571_200_000 + HOUR_MS * np.arange(WEEKS * 168, dtype=np.int64)
SLOT = (T_MS // HOUR_MS) % 168
WEEK = np.arange(168)
PROFILE = 0.8 * np.sin(2 * np.pi * WEEK / 24) + np.where(WEEK // 24 >= 5, 0.4, 0.0)


def series(noise: float = 0.05) -> np.ndarray:
    return 3 + PROFILE[SLOT] + noise * np.random.default_rng(1).standard_normal(len(SLOT))


def test_a_flat_profile_loses_to_the_fit() -> None:
    """The fit is near the truth, up to a level, which stays the running one's over the last days."""
    fit = nightly_fit(T_MS, series(), HOURS, np.zeros(168))

    assert fit is not None
    assert fit.gain > 0.5
    deviation = fit.season - PROFILE
    assert np.std(deviation) < 0.06
    assert pytest.approx(0, abs=1e-9) == fit.season[SLOT[-72:]].mean()


def test_the_true_profile_wins_over_the_fit() -> None:
    """It has the noise of three weeks in it."""
    fit = nightly_fit(T_MS, series(), HOURS, PROFILE)

    assert fit is not None
    assert fit.gain < 0


def test_gaps_are_filled_at_the_running_profile() -> None:
    """A tenth of the samples is missing; a third is too much."""
    y = series()
    rng = np.random.default_rng(2)
    some, many = y.copy(), y.copy()
    some[rng.random(len(y)) < 0.1] = np.nan
    many[rng.random(len(y)) < 0.33] = np.nan
    fit = nightly_fit(T_MS, some, HOURS, PROFILE)

    assert fit is not None
    assert np.std(fit.season - PROFILE) < 0.06
    assert nightly_fit(T_MS, many, HOURS, PROFILE) is None


@pytest.mark.parametrize("days", [3, 16])
def test_a_short_history_fits_nothing(days: int) -> None:
    n = days * DAY_MS // HOUR_MS

    assert nightly_fit(T_MS[:n], series()[:n], HOURS, PROFILE) is None


def test_one_step_scores_are_those_of_the_formula() -> None:
    """Gaussian around what was known before; a gap scores nothing and moves nothing."""
    rest = [1.0, 1.2, math.nan, 0.9, 9.0, 1.1]
    level, variance, seen, expected = 1.0, 0.01, 0, []
    for value in rest:
        if math.isnan(value):
            expected.append(math.nan)
            continue
        expected.append(-0.5 * (math.log(2 * math.pi * variance) + (value - level) ** 2 / variance))
        seen += 1
        gain = max(1 - 0.5 ** (1 / 72), 1 / (seen + 1))
        bounded = max(-3 * math.sqrt(variance), min(3 * math.sqrt(variance), value - level))
        level, variance = level + gain * bounded, variance + gain * (bounded**2 - variance)

    assert pytest.approx(expected, nan_ok=True) == one_step_scores(np.array(rest), HOURS).tolist()
