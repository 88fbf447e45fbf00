"""A series' own unit: what the worst hour in ten reaches, learnt, shared where little is known, forgotten in time."""

from __future__ import annotations

import numpy as np
import pytest

from detector.timing import HOUR_MS, MINUTE_MS
from ensemble.worst_hours import STEP, WorstHours


def fed(z: np.ndarray, interval_ms: int = MINUTE_MS) -> tuple[WorstHours, np.ndarray]:
    """The unit (S,) after z (T, S)."""
    unit = WorstHours(interval_ms)
    state = unit.init(z.shape[1])
    unit.warm(state, np.arange(len(z)) * interval_ms, z.astype(np.float32))
    return unit, np.exp(state.log_unit)


def noise(n: int, rows: int = 1) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((n, rows)) / 0.8


def test_the_unit_is_the_quantile_of_block_maxima() -> None:
    """Against the quantile of the maxima themselves: within a bin and the weight of the class."""
    z = noise(300 * 60) * 3
    _, q = fed(z)
    maxima = np.abs(z).reshape(-1, 60).max(axis=1)

    assert pytest.approx(np.quantile(maxima, 0.9), rel=STEP) == float(q[0])


def test_gaussian_noise_has_the_gaussian_unit() -> None:
    """The start value is what independent noise would teach."""
    unit, q = fed(noise(400 * 60))

    assert pytest.approx(unit.gaussian, abs=0.1) == float(np.log(q[0]))


def test_few_wild_hours_do_not_move_the_unit() -> None:
    """Incidents in one hour of twenty stay what they are: far out."""
    z = noise(400 * 60)
    _, calm = fed(z)
    z[:: 20 * 60] = 500
    _, wild = fed(z)

    assert float(wild[0]) < 1.25 * float(calm[0])


def test_a_series_that_bursts_every_few_hours_has_a_large_unit() -> None:
    """What happens in a fifth of the hours is no news."""
    z = noise(400 * 60)
    z[:: 5 * 60] = 80
    _, q = fed(z)

    assert float(q[0]) > 50


def test_a_row_without_blocks_has_the_class_median() -> None:
    """Five wild rows tell what to expect of a sixth that has not spoken."""
    z = noise(200 * 60, 6) * 10
    z[:, 5] = np.nan
    _, q = fed(z)

    assert pytest.approx(float(np.median(q[:5])), rel=0.15) == float(q[5])


def test_gaps_and_left_out_rows_end_no_block() -> None:
    """A block without a value leaves the histogram as it was."""
    unit = WorstHours(MINUTE_MS)
    state = unit.init(2)
    for t in range(60):
        unit.learn(state, t * MINUTE_MS, np.array([np.nan, 9], np.float32), np.array([True, False]))

    assert 0.0 == float(state.hist.sum())


def test_what_was_long_ago_is_forgotten() -> None:
    """700 wild blocks, then 2,200 calm ones: the unit of calm."""
    wild, calm = noise(700 * 6) * 50, noise(2200 * 6)
    _, q = fed(np.concatenate([wild, calm]), HOUR_MS)
    _, expected = fed(calm, HOUR_MS)

    assert pytest.approx(float(expected[0]), rel=0.1) == float(q[0])


def test_the_score_is_in_units_and_keeps_gaps() -> None:
    """|z| over the unit; NaN stays."""
    unit = WorstHours(HOUR_MS)
    state = unit.init(2)
    q = float(np.exp(unit.gaussian))
    s = unit.score(state, np.array([-2 * q, np.nan], np.float32))

    assert pytest.approx([2, np.nan], nan_ok=True) == s.tolist()


@pytest.mark.parametrize(("minutes", "block"), [(1, 60), (5, 12), (30, 6), (60, 6), (1440, 6)])
def test_a_block_is_an_hour_or_six_ticks(minutes: int, block: int) -> None:
    """Whatever is longer."""
    assert block == WorstHours(minutes * MINUTE_MS).block
