"""Odd values leave no trace: no NaN or infinity in any array, ever, and calm comes back (B34, B38, B40, B41, B43)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.schema import MINUTE_MS, Dimension, Kind, Metric, Schema
from tests.streams import PARAMETERS, START_MS, Log, Sample, events, is_finite, log_of, play

QUICK = replace(PARAMETERS, warmup_ms=60 * MINUTE_MS)
DEVICES = ("a", "b", "c", "d")
KEYS = [("requests", d) for d in DEVICES]
TICKS = 200


def schema(kind: Kind = "auto") -> Schema:
    metrics = (Metric("requests", kind=kind),)
    return Schema(dimensions=(Dimension("device"),), metrics=metrics, place=None, lateness_ms=0)


def calm(seed: int = 0, mean: float = 50.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (TICKS, len(DEVICES))).astype(float)


def spoilt(y: np.ndarray, how: str) -> np.ndarray:
    """One series spoilt from tick 120 on; the others as they were."""
    rng = np.random.default_rng(1)
    y = y.copy()
    values = {
        "zeros": np.zeros(80),
        "huge": np.full(80, 1e15),
        "largest": np.full(80, 1.8e308),
        "largest once": np.r_[1.7e308, y[121:, 0]],
        "alternating": np.where(np.arange(80) % 2, 1e15, 0.0),
        "missing": np.full(80, np.nan),
        "constant": np.full(80, 50.0),
        "tiny": np.full(80, 5e-324),
        "negative zero": np.full(80, -0.0),
        "negative": -y[120:, 0],
        "huge negative": np.full(80, -1.8e308),
        "precise": 1e15 + rng.standard_normal(80),
        "fractions": y[120:, 0] + rng.random(80),
    }
    y[120:, 0] = values[how]
    return y


HOWS = (
    "zeros", "huge", "largest", "largest once", "alternating", "missing", "constant", "tiny", "negative zero",
    "negative", "huge negative", "precise", "fractions",
)  # fmt: skip


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("kind", ["auto", "count", "gauge"])
@pytest.mark.parametrize("how", HOWS)
def test_no_array_ever_holds_nan_or_infinity(how: str, kind: Kind) -> None:
    """After eighty ticks of it, in any array of the state, and without a numerical warning."""
    engine, outcomes = play(log_of(spoilt(calm(), how), KEYS, MINUTE_MS), schema(kind), QUICK)

    assert TICKS == len(outcomes)
    assert [] == is_finite(engine)


@pytest.mark.parametrize("how", ["huge", "largest once", "alternating"])
def test_the_other_series_go_on_being_judged(how: str) -> None:
    """Whatever one series does, its siblings have finite opinions."""
    _, outcomes = play(log_of(spoilt(calm(), how), KEYS, MINUTE_MS), schema("count"), QUICK)

    assert np.isfinite([o.surprise[1:4] for o in outcomes[130:]]).all()


def test_constant_for_hours_then_a_breath_more_is_no_alarm() -> None:
    """The scale has a floor (B38)."""
    y = np.full((TICKS, 4), 0.25)
    y[150:, 0] += 1e-9

    assert [] == events(play(log_of(y, KEYS, MINUTE_MS), schema("gauge"), QUICK)[1])


def test_a_shift_to_the_fifteenth_power_and_back_does_not_poison_the_state() -> None:
    """Half an hour at 1e15, then normal: the expectation is what it was within a few per cent at the end (B40)."""
    y = np.vstack([calm(), calm(1), calm(2)])
    y[150:180, 0] = 1e15
    _, outcomes = play(log_of(y, KEYS, MINUTE_MS), schema("count"), QUICK)

    assert pytest.approx(50, rel=0.25) == outcomes[-1].expected[0]
    assert pytest.approx(200, rel=0.25) == outcomes[-1].expected[4]


@pytest.mark.parametrize("first", [0.0, 1e9, -5.0])
def test_a_first_value_that_is_an_outlier_is_forgotten(first: float) -> None:
    """The level is the mean of an hour at most for so long; nothing pages (B39)."""
    y = np.vstack([calm(), calm(1), calm(2)])
    y[0, 0] = first
    engine, outcomes = play(log_of(y, KEYS, MINUTE_MS), schema("count"), replace(QUICK, warmup_ms=8 * 60 * MINUTE_MS))

    assert [] == is_finite(engine)
    assert [] == events(outcomes)


def test_one_sample_only_and_nothing_at_all_are_no_error() -> None:
    """Warm-up, abstention, no alarm (B39)."""
    alone = Log({"p/0": [Sample(KEYS[0], START_MS, 5.0)]}, START_MS + 100 * MINUTE_MS)
    nothing = log_of(np.full((50, 4), np.nan), KEYS, MINUTE_MS)
    engine, outcomes = play(alone, schema(), QUICK)

    assert 100 == len(outcomes)
    assert [] == is_finite(engine)
    assert [] == events(outcomes)
    assert [] == play(nothing, schema(), QUICK)[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_mix_of_everything_stays_finite(seed: int) -> None:
    """Any of these values at any time in any series."""
    rng = np.random.default_rng(seed)
    odd = np.array([0, -0.0, 1, 1e15, -1e15, 1.8e308, -1.8e308, 5e-324, np.nan, 2**53 + 1, 0.1, 1e-9])
    y = np.where(rng.random((TICKS, 4)) < 0.3, rng.choice(odd, (TICKS, 4)), calm(seed))
    for kind in ("auto", "count", "gauge", "ratio"):
        engine, _ = play(log_of(y, KEYS, MINUTE_MS), schema(kind), QUICK)

        assert [] == is_finite(engine)
