"""The benchmarks of drift and of nightly fits: what they generate, read and measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import drift, nightly
from benchmarks.quality.read import read_dataset
from benchmarks.rows import bucketed
from detector.timing import DAY_MS, Timing

SAMPLE = Path(__file__).parents[1] / "data" / "grid_bike_sample"


def test_what_changes_for_good_changes_at_the_known_time() -> None:
    """Means over whole weeks before and after: the named share; calm rows and those that keep their level do not."""
    x, names = drift.streams(2, seed=1)
    week = drift.A_WEEK
    before = x[drift.CHANGE - 3 * week : drift.CHANGE].mean(axis=0)
    after = x[drift.CHANGE : drift.CHANGE + 3 * week].mean(axis=0)
    by = {"calm": 0.0, "level -10 %": np.log(0.9), "level +25 %": np.log(1.25), "peak two hours later": 0.0}

    for name, change in zip(names, after - before, strict=True):
        if name in by:
            assert pytest.approx(by[name], abs=0.015) == change


def test_a_row_that_is_told_of_a_new_shape_has_it_sooner() -> None:
    """Its errors in the week after; rows that are told nothing are the same bits."""
    x, names = drift.streams(1, seed=2)
    told = np.array([name == "peak two hours later" for name in names])
    plain, wise = drift.run(x, None, ""), drift.run(x, None, "", told)
    after = slice(drift.CHANGE - drift.HISTORY + drift.A_DAY, drift.CHANGE - drift.HISTORY + drift.A_WEEK)

    np.testing.assert_array_equal(plain.errors[:, ~told], wise.errors[:, ~told])
    assert np.abs(wise.errors[after, told]).mean() < 0.9 * np.abs(plain.errors[after, told]).mean()


def test_a_grid_is_read_as_its_roll_ups() -> None:
    """The first row is the whole service, the others add up to it twice: by region and by device."""
    rows = bucketed(read_dataset(SAMPLE), 99, 0, 10**12)

    assert rows is not None
    assert len(rows.t_ms) == len(rows.x)
    assert {rows.step_ms} == set(np.diff(rows.t_ms).tolist())
    assert np.nanmean(rows.x[:, 0]) > np.nanmean(rows.x[:, 1:], axis=0).max()


def test_deeper_calm_noise_hides_drops() -> None:
    """Recall of drops put in falls from nearly all to few as the noise rises."""
    timing = Timing(DAY_MS // 24)
    noise = np.random.default_rng(0).standard_normal((24 * 100, 2))

    assert nightly.recall(0.05 * noise, timing) > 0.95
    assert nightly.recall(2 * noise, timing) < 0.3
