"""The link: what the history decides, what it leaves alone, and that the way back is exact."""

from __future__ import annotations

import numpy as np
import pytest

from detector.link import SPARSE_POWER, Link, apply, choose, invert, kind_of, neutral, spread_power


def varying(power: float, n: int = 6000) -> np.ndarray:
    """A series whose spread grows as level ** (1 - power), over levels from 10 to 1000."""
    rng = np.random.default_rng(5)
    level = 10 ** (2 + np.sin(np.arange(n) / 600))
    return level + 8 * (level / 100) ** (1 - power) * rng.standard_normal(n)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_power_that_stabilises_spread_is_found(power: float) -> None:
    """500 windows outweigh the prior of 30 that says identity."""
    found = spread_power(varying(power))

    assert pytest.approx(power, abs=0.12) == found


def test_a_series_at_one_level_keeps_the_identity() -> None:
    """Levels that do not differ say nothing about how spread grows with level."""
    flat = 50 + np.random.default_rng(1).standard_normal(5000)

    assert spread_power(flat) == 1.0


def test_a_short_history_keeps_the_identity() -> None:
    """Fewer than eight windows decide nothing."""
    assert spread_power(varying(0.0)[:90]) == 1.0


def test_values_below_zero_keep_the_identity() -> None:
    """A power of a negative number does not exist."""
    link = choose((varying(0.0) - 500)[:, None])

    assert [1.0] == link.power.tolist()


def test_a_series_that_is_mostly_zero_gets_the_sparse_power() -> None:
    """Rare bursts are compared by order of magnitude."""
    values = np.zeros(500)
    values[::10] = np.arange(1, 51)
    link = choose(values[:, None])

    assert [SPARSE_POWER] == link.power.tolist()


def test_history_lands_around_zero_with_unit_spread() -> None:
    """Centre and scale belong to the shaped values."""
    values = varying(0.5)[:, None]
    x = apply(choose(values), values)

    assert pytest.approx(0, abs=1e-9) == float(np.median(x))
    assert pytest.approx(0.8) == float(np.mean(np.abs(x)))


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_the_inverse_gives_the_value_back(power: float) -> None:
    """Also for zero, and for what is not there."""
    link = Link(np.full(4, power), np.full(4, 7.0), np.full(4, 0.3), np.full(4, 2.0))
    values = np.array([0.0, 3.0, 70.0, np.nan])

    assert pytest.approx(values, nan_ok=True, abs=1e-9) == invert(link, apply(link, values))


def test_another_unit_changes_nothing() -> None:
    """Milliseconds or seconds: the same values on the link scale."""
    values = varying(0.5)[:, None]
    other = values * 1000

    assert pytest.approx(apply(choose(values), values)) == apply(choose(other), other)


def test_a_constant_history_has_a_scale() -> None:
    """No division by zero; one per cent of the value is a step."""
    link = choose(np.full((100, 1), 45.0))

    assert pytest.approx(1.0) == float(apply(link, np.array([45.45]))[0])


def test_rows_without_history_are_left_as_they_are() -> None:
    """Fewer than 24 values, or none."""
    values = np.full((100, 2), np.nan)
    values[:10, 0] = 5.0

    for expected, got in zip(neutral(2), choose(values), strict=True):
        assert expected.tolist() == got.tolist()


def test_gaps_are_left_out_of_the_choice() -> None:
    """A series with holes gets the link of its samples."""
    values = varying(0.5)
    holed = np.full(2 * len(values), np.nan)
    holed[::2] = values

    assert choose(values[:, None]).power.tolist() == choose(holed[:, None]).power.tolist()


@pytest.mark.parametrize(
    ("values", "has_denominator", "expected"),
    [
        ([0.0, 4.0], False, "count"),
        ([0.0, 1.0], True, "ratio"),
        ([0.0, 0.4], True, "ratio"),
        ([0.0, 0.4], False, "gauge"),
        ([0.0, 1.4], True, "gauge"),
        ([-1.0, 4.0], False, "real"),
        ([np.nan], False, "gauge"),
    ],
)
def test_the_kind_of_value_is_read_from_history(values: list[float], has_denominator: bool, expected: str) -> None:
    """Integers from 0 on are counts; within [0, 1] over a denominator a ratio; else positive or real gauges."""
    assert expected == kind_of(np.array(values), has_denominator)
