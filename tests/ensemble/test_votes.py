"""Effective votes: equal to the naive twin with gaps, K for independent voices, 1 for equal ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ensemble.votes import HALF_LIFE_TICKS, Votes


def naive_votes(ticks: list[np.ndarray], calm: list[np.ndarray]) -> float:
    """(tr R)² / ‖R‖² with loops; every voice was heard enough."""
    k = len(ticks[0])
    keep = 0.5 ** (1 / HALF_LIFE_TICKS)

    def correlation(i: int, j: int) -> float:
        xy = xx = yy = 0.0
        for age, (tick, quiet) in enumerate(zip(reversed(ticks), reversed(calm), strict=True)):
            for a, b, ok in zip(tick[i].tolist(), tick[j].tolist(), quiet.tolist(), strict=True):
                if ok and not math.isnan(a) and not math.isnan(b):
                    xy, xx, yy = xy + keep**age * a * b, xx + keep**age * a * a, yy + keep**age * b * b
        return xy / math.sqrt(xx * yy) if xx * yy else 0.0

    r = [[correlation(i, j) for j in range(k)] for i in range(k)]
    return sum(r[i][i] for i in range(k)) ** 2 / sum(x * x for row in r for x in row)


@pytest.mark.parametrize("seed", range(3))
def test_votes_equal_their_naive_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(3, 3))
    votes = Votes(3)
    state = votes.init(0)
    ticks, calm = [], []
    for _ in range(8):
        tick = (mixing @ rng.normal(size=(3, 200))).astype(np.float32)
        tick[rng.random(tick.shape) < 0.1] = np.nan
        quiet = rng.random(200) < 0.9
        votes.learn(state, tick, quiet)
        ticks.append(tick)
        calm.append(quiet)

    assert pytest.approx(naive_votes(ticks, calm), rel=1e-9) == votes.effective(state)


def test_independent_voices_count_each_and_equal_ones_once() -> None:
    rng = np.random.default_rng(5)
    calm = np.ones(20_000, bool)
    for voices, expected in (
        (rng.normal(size=(3, 20_000)), 3),
        (np.repeat(rng.normal(size=(1, 20_000)), 3, axis=0), 1),
    ):
        votes = Votes(3)
        state = votes.init(0)
        votes.learn(state, voices, calm)
        assert pytest.approx(expected, rel=0.01) == votes.effective(state)


def test_a_voice_without_opinion_is_none_and_too_little_says_nothing() -> None:
    """Without peers there are two voices; before enough was heard there is no number."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3, 5000))
    x[2] = np.nan
    votes = Votes(3)
    state = votes.init(0)
    votes.learn(state, x[:, :100], np.ones(100, bool))
    assert math.isnan(votes.effective(state))
    votes.learn(state, x, np.ones(5000, bool))
    assert pytest.approx(2, rel=0.01) == votes.effective(state)
