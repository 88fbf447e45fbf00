"""Event amplitudes: the filter equals its naive twin; phase, prior and envelope follow the operator's words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.schema import MINUTE_MS
from suppression.calendar import Occurrence
from suppression.impact import Amplitude, Impact, envelope, phase, prior
from suppression.scope import Scope
from tests import naive
from tests.grids import MINUTES

HOUR = 60 * MINUTE_MS


def event(change: tuple[float, float] | None = (-0.6, -0.1), direction: str = "down") -> Occurrence:
    return Occurrence(
        "match",
        "Match",
        "match",
        10 * HOUR,
        12 * HOUR,
        HOUR,
        2 * HOUR,
        Scope(),
        direction,
        change,
        "explain",
        "event-only",
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("change", [(-0.6, -0.1), (0.2, 0.9), None])
def test_the_amplitude_filter_equals_its_naive_twin(seed: int, change: tuple[float, float] | None) -> None:
    """Mean, variance and log odds after 40 ticks of deviations, wild ones among them."""
    rng = np.random.default_rng(seed)
    occurrence = event(change, "unknown")
    impact = Impact(MINUTES)
    found = Amplitude(*prior(occurrence))
    expected = (found.mean, found.variance, found.odds)
    for _ in range(40):
        observed, h, r = float(rng.standard_t(2)) * 0.3, float(rng.uniform(0.06, 1)), float(rng.uniform(0.001, 0.5))
        impact._update(occurrence, found, observed, h, r)
        expected = naive.amplitude_update(*expected, observed, h, r, prior(occurrence), envelope(occurrence, 0.0))

        assert pytest.approx(expected, rel=1e-9) == (found.mean, found.variance, found.odds)


@pytest.mark.parametrize(
    ("minute", "share"), [(-61, 0), (-30, 0.5), (0, 1), (119, 1), (180, 0.5), (239, 0.0), (300, 0)]
)
def test_the_phase_rises_over_the_lead_and_falls_over_the_tail(minute: int, share: float) -> None:
    """One while the event lasts, a straight line on both sides."""
    #       lead  event       tail
    # ▁▁▁▁▁▂▄▆████████████▇▆▅▄▃▂▁▁▁▁▁▁
    found = phase(event(), 10 * HOUR + minute * MINUTE_MS, MINUTE_MS)

    assert pytest.approx(share, abs=0.01) == found


def test_the_prior_is_the_middle_of_the_operators_range() -> None:
    """On the log scale; without a range nothing is known but the usual size of events."""
    mean, variance = prior(event())
    low, high = math.log(0.4), math.log(0.9)

    assert pytest.approx(((low + high) / 2, ((high - low) / 4) ** 2)) == (mean, variance)
    assert (0.0, 0.35**2) == prior(event(None))


def test_the_envelope_has_the_operators_direction() -> None:
    """An unnamed size reaches three prior deviations, in the named direction only."""
    assert pytest.approx((math.log(0.4) - 0.1, math.log(0.9) + 0.1)) == envelope(event(), 0.1)
    assert (-1.05, 0.0) == pytest.approx(envelope(event(None, "down"), 0.0))
    assert (0.0, 1.05) == pytest.approx(envelope(event(None, "up"), 0.0))
    assert (-1.05, 1.05) == pytest.approx(envelope(event(None, "unknown"), 0.0))


def test_a_cancelled_event_is_found_out_by_itself() -> None:
    """Nothing happens although it is scheduled: the log odds fall below zero, and it is no longer applied."""
    occurrence = event()
    impact = Impact(MINUTES)
    amplitude = Amplitude(*prior(occurrence))
    for _ in range(60):
        applied = amplitude.mean if amplitude.odds > 0 else 0.0
        impact._update(occurrence, amplitude, -applied, 1.0, 0.002)

    assert amplitude.odds < 0


def test_the_size_seen_replaces_the_size_expected_within_the_range() -> None:
    """After an hour the amplitude is what the place really lost, but never beyond what the operator gave."""
    impact = Impact(MINUTES)
    for truth, end in ((math.log(0.5), math.log(0.5)), (math.log(0.05), math.log(0.4))):
        occurrence = event()
        amplitude = Amplitude(*prior(occurrence))
        for _ in range(60):
            applied = amplitude.mean if amplitude.odds > 0 else 0.0
            impact._update(occurrence, amplitude, truth - applied, 1.0, 0.01)

        assert pytest.approx(end, abs=0.03) == amplitude.mean
