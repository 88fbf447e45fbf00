"""Link and first season of series without peers: equal to their naive twins on random histories with gaps."""

from __future__ import annotations

import numpy as np
import pytest

from detector.link import Link, apply, choose, invert, spread_power
from detector.season_start import cycle_medians
from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from tests import naive_lone
from tests.grids import maybe


def histories(seed: int, ticks: int = 400) -> np.ndarray:
    """(T, 7): multiplicative noise, counts, mostly zeros, signed, constant, zeros alone, hardly anything; gaps."""
    rng = np.random.default_rng(seed)
    level = np.exp(np.cumsum(0.1 * rng.standard_normal(ticks)))
    y = np.stack(
        [
            level * np.exp(0.1 * rng.standard_normal(ticks)), rng.poisson(30 * level), rng.poisson(0.3, ticks),
            rng.standard_normal(ticks), np.full(ticks, 7.0), np.zeros(ticks), rng.random(ticks),
        ],
        axis=1,
    ).astype(float)  # fmt: skip
    y[rng.random(y.shape) < 0.1] = np.nan
    y[20:, 6] = np.nan
    return np.asarray(y)


@pytest.mark.parametrize("seed", range(4))
def test_the_chosen_link_equals_its_naive_twin(seed: int) -> None:
    """Power from spread against level, unit, centre and scale; rows with fewer than 24 values stay neutral."""
    y = histories(seed)
    found = choose(y)

    for row in range(y.shape[1]):
        expected = naive_lone.chosen_link([maybe(v) for v in y[:, row]])
        assert pytest.approx(expected) == (found.power[row], found.unit[row], found.centre[row], found.scale[row])
    assert any(0.1 < power < 0.9 for power in found.power.tolist())


@pytest.mark.parametrize("seed", range(4))
def test_the_power_that_frees_spread_of_level_equals_its_naive_twin(seed: int) -> None:
    """Windows of twelve, the outer thirds, thirty windows that say nothing grows."""
    y = histories(seed)
    for row in range(2):
        values = y[np.isfinite(y[:, row]), row]
        for n in (50, 110, len(values)):
            assert pytest.approx(naive_lone.stabilising_power(values[:n].tolist())) == spread_power(values[:n])


@pytest.mark.parametrize("power", [0.0, 0.05, 0.1, 0.5, 0.99, 1.0])
def test_link_and_inverse_equal_their_naive_twins(power: float) -> None:
    """Also of values below zero and of deviations that no value maps to; NaN stays NaN."""
    rng = np.random.default_rng(3)
    y = np.concatenate([rng.exponential(5, 50), [0.0, -3.0, 1e6, np.nan]])
    x = np.concatenate([3 * rng.standard_normal(50), [-100.0, 0.0, 5.0, np.nan]])
    args = (power, 4.0, 0.8, 1.7)
    link = Link(*(np.array([a]) for a in args))

    for value, found in zip(y.tolist(), apply(link, y[:, None])[:, 0].tolist(), strict=True):
        assert (
            pytest.approx(naive_lone.linked(value, *args), nan_ok=True) == found if value == value else found != found
        )
    for value, found in zip(x.tolist(), invert(link, x[:, None])[:, 0].tolist(), strict=True):
        assert pytest.approx(naive_lone.unlinked(value, *args)) == found if value == value else found != found


@pytest.mark.parametrize(("interval_ms", "cycle_ms", "slots"), [(HOUR_MS, DAY_MS, 24), (30 * MINUTE_MS, WEEK_MS, 336)])
@pytest.mark.parametrize("seed", range(2))
def test_the_median_of_cycles_equals_its_naive_twin(interval_ms: int, cycle_ms: int, slots: int, seed: int) -> None:
    """Slot means less their cycle's median, medians over cycles, shrunk; slots seen too rarely are 0."""
    rng = np.random.default_rng(seed)
    n = 12 * DAY_MS // interval_ms if cycle_ms == DAY_MS else 4 * WEEK_MS // interval_ms
    t_ms = 1_767_571_200_000 + np.arange(n) * interval_ms
    x = rng.standard_normal((n, 3)) + np.sin(np.arange(n) * interval_ms / cycle_ms * 2 * np.pi)[:, None]
    x[rng.random(x.shape) < 0.3] = np.nan
    found = cycle_medians(t_ms, x, interval_ms, cycle_ms, slots, 3)

    for row in range(3):
        expected = naive_lone.cycle_median(
            t_ms.tolist(), [maybe(v) for v in x[:, row]], interval_ms, cycle_ms, slots, 3
        )
        assert pytest.approx(expected, abs=1e-5) == found[:, row].tolist()
