"""Innovations: a jump speaks at once, seasons only where they help, incidents leave no echo, gaps change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.innovations import Innovations, InnovationState
from detector.look import EXPERTS
from detector.state import fork
from detector.timing import DAY_MS, MINUTE_MS

HALF_HOUR = 30 * MINUTE_MS
ONES = np.ones(1, np.float32)


def times(n: int, interval_ms: int = HALF_HOUR) -> np.ndarray:
    return np.arange(n, dtype=np.int64) * interval_ms


def noise(n: int, rows: int = 1) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((n, rows)).astype(np.float32)


def warmed(x: np.ndarray, interval_ms: int = HALF_HOUR) -> tuple[Innovations, InnovationState]:
    kernel = Innovations.of(interval_ms)
    state = kernel.init(x.shape[1])
    kernel.warm(state, times(len(x), interval_ms), x)
    return kernel, state


def naive_z(kernel: Innovations, state: InnovationState, t_ms: int, x: float, row: int) -> float:
    """The formula of one row, written out."""
    season = [0.0]
    for profile, cycle in ((state.daily, DAY_MS), (state.weekly, 7 * DAY_MS)):
        at = ((t_ms + kernel.interval_ms / 2) % cycle) / cycle * len(profile) - 0.5
        i = int(np.floor(at))
        w = at - i
        season.append(season[-1] + (1 - w) * profile[i % len(profile), row] + w * profile[(i + 1) % len(profile), row])
    parts = []
    for h in range(3):
        scales = [max(state.scale[k, h, row], kernel.floor) for k in range(EXPERTS)]
        heard = [k for k in range(EXPERTS) if scales[k] <= kernel.tolerance * min(scales)]
        best = min(heard, key=lambda k: abs(x - season[k] - state.level[k, h, row]) / scales[k])
        hour = int(t_ms % DAY_MS * 24 // DAY_MS)
        spread = max(state.scale[best, h, row] * state.clock[h, hour, row], kernel.floor)
        parts.append((x - season[best] - state.level[best, h, row]) / spread)
    return float(np.mean(parts))


def test_the_vectorised_score_is_the_formula() -> None:
    """Three rows against the formula written out for one."""
    x = noise(700, 3) + np.array([0, 1, 5], np.float32) * np.sin(times(700) / DAY_MS * 2 * np.pi)[:, None].astype("f4")
    kernel, state = warmed(x)
    now = np.array([0.3, 4.0, -6.0], np.float32)

    expected = [naive_z(kernel, state, 700 * HALF_HOUR, float(now[r]), r) for r in range(3)]

    assert pytest.approx(expected, rel=1e-4) == kernel.score(state, 700 * HALF_HOUR, now).z.tolist()


def test_scoring_changes_nothing() -> None:
    """Judge, then learn: the state is the same to the bit after a score."""
    kernel, state = warmed(noise(300))
    before = fork(state)
    kernel.score(state, 300 * HALF_HOUR, np.array([9], np.float32))

    for expected, got in zip(before, state, strict=True):
        assert np.array_equal(expected, got)


def test_a_jump_speaks_in_its_first_tick_with_its_sign() -> None:
    """Ten deviations of the noise are about twelve scales."""
    kernel, state = warmed(noise(700))
    z = [float(kernel.score(state, 700 * HALF_HOUR, np.array([v], np.float32)).z[0]) for v in (10, -10)]

    assert z[0] > 8
    assert z[1] < -8


def test_a_daily_pattern_is_expected() -> None:
    """A steep evening peak is no innovation once two weeks have shown it."""
    day = np.where(np.arange(48) % 48 == 40, 20.0, 0.0)
    x = (np.tile(day, 14)[:, None] + noise(14 * 48)).astype(np.float32)
    kernel, state = warmed(x)
    at = (14 * 48 + 40) * HALF_HOUR

    assert abs(float(kernel.score(state, at, np.array([20], np.float32)).z[0])) < 3


def test_without_a_pattern_the_plain_level_is_heard() -> None:
    """White noise: the expert without season has about the smallest error, so it is always heard."""
    _, state = warmed(noise(2000))

    assert bool(np.all(state.scale[0, :3] < 1.2 * state.scale[1:, :3].min(axis=0)))


def test_a_spike_leaves_no_echo() -> None:
    """After one wild tick the next calm one is calm: the level moved by three scales' share at most."""
    kernel, state = warmed(noise(700))
    kernel.learn(state, 700 * HALF_HOUR, np.array([1000], np.float32), ONES)

    assert abs(float(kernel.score(state, 701 * HALF_HOUR, np.array([0], np.float32)).z[0])) < 3


def test_a_lasting_shift_is_adopted() -> None:
    """A level that stays up for half a day of ticks is the new level, not an alarm without end."""
    kernel, state = warmed(noise(700))
    z = []
    for t in range(700, 760):
        x = np.array([8], np.float32)
        z.append(float(kernel.score(state, t * HALF_HOUR, x).z[0]))
        kernel.learn(state, t * HALF_HOUR, x, ONES)

    assert z[0] > 6
    assert abs(z[-1]) < 1.5


def shifted(kernel: Innovations, ticks: int) -> list[float]:
    """z of a level that stays up, with levels that know noise."""
    state = kernel.init(1)
    kernel.warm(state, times(700), noise(700))
    z = []
    for t in range(700, 700 + ticks):
        x = np.array([40], np.float32)
        z.append(float(kernel.score(state, t * HALF_HOUR, x).z[0]))
        kernel.learn(state, t * HALF_HOUR, x, ONES)
    return z


def test_wild_ticks_are_followed_at_half_the_rate() -> None:
    """A shift stays news for longer than with the usual rate, and is still adopted."""
    slow = shifted(Innovations.of(HALF_HOUR), 400)
    usual = shifted(replace(Innovations.of(HALF_HOUR), wild_rate=1.0), 400)
    until = [next(i for i, z in enumerate(found) if abs(z) < 4) for found in (slow, usual)]

    assert slow[0] == pytest.approx(usual[0], rel=0.1)
    assert 1.5 * until[1] < until[0]
    assert abs(slow[-1]) < 4


def test_a_young_row_follows_whatever_it_sees() -> None:
    """Until a hundred samples nothing is wild: scales are not known."""
    slow, usual = Innovations(MINUTE_MS), Innovations(MINUTE_MS, wild_rate=1.0)
    states = [kernel.init(1) for kernel in (slow, usual)]
    for t in range(90):
        for kernel, state in zip((slow, usual), states, strict=True):
            kernel.learn(state, t * MINUTE_MS, np.array([100.0 * (t > 40)], np.float32), ONES)

    assert np.array_equal(states[0].level, states[1].level)


@pytest.mark.parametrize(("interval_ms", "outlier"), [(15 * MINUTE_MS, 4), (HALF_HOUR, 2.5), (DAY_MS, 2.5)])
def test_coarse_wild_ticks_teach_the_scale_less(interval_ms: int, outlier: float) -> None:
    """From half an hour on."""
    assert outlier == Innovations.of(interval_ms).outlier


def test_frozen_rows_do_not_learn() -> None:
    """Rate 0 keeps levels, scales and seasons; rate 1 beside it moves them."""
    kernel, state = warmed(noise(300, 2))
    before = fork(state)
    kernel.learn(state, 300 * HALF_HOUR, np.array([3, 3], np.float32), np.array([0, 1], np.float32))

    for name in ("daily", "weekly", "base", "level", "scale", "clock"):
        assert np.array_equal(getattr(before, name)[..., 0], getattr(state, name)[..., 0])
    assert not np.array_equal(before.level[..., 1], state.level[..., 1])


def test_a_gap_has_no_opinion_and_teaches_nothing() -> None:
    """NaN in, NaN out, and the state stays."""
    kernel, state = warmed(noise(300))
    before = fork(state)
    gap = np.array([np.nan], np.float32)
    z = kernel.score(state, 300 * HALF_HOUR, gap).z
    kernel.learn(state, 300 * HALF_HOUR, gap, ONES)

    assert bool(np.isnan(z[0]))
    for expected, got in zip(before, state, strict=True):
        assert np.array_equal(expected, got)


def test_the_first_sample_of_a_row_is_no_surprise() -> None:
    """A row that just appeared has nothing to differ from."""
    kernel = Innovations(MINUTE_MS)
    state = kernel.init(1)
    x = np.array([12345], np.float32)
    first = float(kernel.score(state, 0, x).z[0])
    kernel.learn(state, 0, x, ONES)

    assert 0.0 == first
    assert pytest.approx(0, abs=1e-3) == float(kernel.score(state, MINUTE_MS, x).z[0])


@pytest.mark.parametrize(
    ("interval_ms", "slots"),
    [(MINUTE_MS, (48, 336)), (60 * MINUTE_MS, (24, 168)), (DAY_MS, (1, 7)), (7 * DAY_MS, (1, 1))],
)
def test_slots_follow_the_interval(interval_ms: int, slots: tuple[int, int]) -> None:
    """Half-hours at most, a tick at least; daily data has days of the week only."""
    assert slots == Innovations(interval_ms).slots


def test_days_of_the_week_are_told_apart_in_daily_data() -> None:
    """The middle of a day falls into its own slot: Sunday's dip is expected on Sundays."""
    week = np.array([0, 0, 0, 0, 0, -10, -10], np.float32)
    x = np.tile(week, 60)[:, None] + 0.1 * noise(420)
    kernel, state = warmed(x.astype(np.float32), DAY_MS)
    expected = [float(kernel.score(state, (420 + d) * DAY_MS, week[d : d + 1]).expected[0]) for d in (4, 5)]

    assert pytest.approx([0, -10], abs=2) == expected
