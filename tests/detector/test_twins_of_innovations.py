"""Learning of series without peers: levels, scales, clock, bases and seasons equal to their naive twin, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.innovations import Innovations, InnovationState
from detector.look import EXPERTS
from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS
from tests import naive_innovations
from tests.grids import maybe

START_MS = 1_767_571_200_000 + 22 * HOUR_MS
RATES = (1.0, 0.1, 0.0, 1.0)


def samples(seed: int, t_ms: np.ndarray) -> np.ndarray:
    """(T, 4): a daily pattern, wild now and then, slightly moved, steps; gaps."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((len(t_ms), 4))
    x[:, 0] += 3 * np.sin(2 * np.pi * t_ms / DAY_MS)
    x[:, 1] += 12 * (rng.random(len(t_ms)) < 0.04)
    x[:, 3] += 8 * (np.arange(len(t_ms)) // 70 % 2)
    x[rng.random(x.shape) < 0.08] = np.nan
    return x.astype(np.float32)


def rows_of(state: InnovationState) -> list[naive_innovations.Row]:
    def column(a: np.ndarray, row: int) -> list:  # type: ignore[type-arg]
        return a[..., row].astype(float).tolist()

    return [
        naive_innovations.Row(*(column(a, row) for a in state[:-1]), int(state.seen[row]))
        for row in range(state.seen.shape[0])
    ]


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 5 * MINUTE_MS, 45 * MINUTE_MS, HOUR_MS, DAY_MS, 9 * DAY_MS])
@pytest.mark.parametrize("wild_rate", [1.0, 0.5])
def test_learning_equals_its_naive_twin(interval_ms: int, wild_rate: float) -> None:
    """300 ticks from the first sample on, a rate for each row: all that is remembered, young, settled and wild."""
    kernel = replace(Innovations.of(interval_ms), wild_rate=wild_rate)
    t_ms = START_MS - START_MS % interval_ms + np.arange(300) * interval_ms
    x = samples(interval_ms % 97, t_ms)
    state = kernel.init(4)
    rng = np.random.default_rng(7)
    state.daily[...] = rng.normal(0, 0.5, state.daily.shape)
    state.weekly[...] = rng.normal(0, 0.5, state.weekly.shape)
    rows = rows_of(state)
    settings = naive_innovations.Settings(
        interval_ms, kernel.clip, kernel.outlier, kernel.season_gain, kernel.tolerance, kernel.floor, kernel.wild,
        kernel.wild_rate, [2.0, 5.0, 15.0, max(3 * DAY_MS / interval_ms, 300.0)],
        1 - 0.5 ** (1 / max(10 * DAY_MS / interval_ms, 300.0)),
    )  # fmt: skip
    rate = np.array(RATES, np.float32)
    for t, now in zip(t_ms.tolist(), x, strict=True):
        kernel.learn(state, t, now, rate)
        for row, mine in enumerate(rows):
            naive_innovations.learn(mine, settings, t, maybe(now[row]), RATES[row])

    for row, mine in enumerate(rows):
        assert mine.seen == state.seen[row]
        for name in ("daily", "weekly", "base", "level", "scale", "clock", "drift"):
            found = getattr(state, name)[..., row]
            assert pytest.approx(np.array(getattr(mine, name)), rel=5e-3, abs=5e-3) == found, (name, row)
    assert EXPERTS == len(rows[0].level)


def test_the_drift_of_five_minute_streams_equals_its_naive_twin() -> None:
    """The last half hour against the last days; nobody's at other intervals, none without a sample."""
    kernel = Innovations.of(5 * MINUTE_MS)
    t_ms = START_MS + np.arange(300) * 5 * MINUTE_MS
    x = samples(11, t_ms)
    x[-8:, 2] += 9
    state = kernel.init(4)
    for t, now in zip(t_ms.tolist(), x, strict=True):
        kernel.learn(state, t, now, np.ones(4, np.float32))
    settings = naive_innovations.Settings(5 * MINUTE_MS, 3, 4, 0.2, kernel.tolerance, kernel.floor, 4, 1, [], 0)
    now = np.array([0, 0, 0, np.nan], np.float32)
    expected = [naive_innovations.drift(row, settings) for row in rows_of(state)]

    assert pytest.approx([*expected[:3], np.nan], rel=1e-4, nan_ok=True) == kernel.score(state, 0, now).drift.tolist()
    assert expected[2] > 3
    for interval_ms in (MINUTE_MS, HOUR_MS):
        assert np.isnan(replace(kernel, interval_ms=interval_ms).score(state, 0, now).drift).all()
