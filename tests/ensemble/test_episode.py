"""Hysteresis: equal to its naive twin on random histories; in by two of three, out by long calm."""

from __future__ import annotations

import numpy as np
import pytest

from detector.schema import MINUTE_MS
from detector.timing import HOUR_MS, Timing
from ensemble.episode import Episode
from tests import naive

ROWS, TICKS = 40, 200


@pytest.mark.parametrize("seed", range(4))
def test_episodes_equal_their_naive_twin(seed: int) -> None:
    """Sign of every row after every tick, and who enters when."""
    rng = np.random.default_rng(seed)
    episode = Episode(Timing(5 * MINUTE_MS))
    state = episode.init(ROWS)
    hot = np.where(rng.random((TICKS, ROWS)) < 0.15, rng.choice([-1, 1], (TICKS, ROWS)), 0).astype(np.int8)
    alive = rng.random((TICKS, ROWS)) < 0.3
    signs, entries = [], []
    for t in range(TICKS):
        entries.append(episode.advance(state, hot[t], alive[t]))
        signs.append(state.sign.copy())
    expected = np.array([naive.episode(hot[:, r].tolist(), alive[:, r].tolist(), 6) for r in range(ROWS)]).T

    assert expected.tolist() == np.array(signs).tolist()
    before = np.vstack([np.zeros((1, ROWS)), expected[:-1]])
    assert ((expected != 0) & (before == 0)).tolist() == np.array(entries).tolist()


def test_one_hot_tick_is_not_an_episode_and_two_of_three_are() -> None:
    """A single spike never pages."""
    # hot    ▁█▁▁▁█▁█
    # inside        █
    episode = Episode(Timing(MINUTE_MS))
    state = episode.init(1)
    entered = [
        bool(episode.advance(state, np.array([h], np.int8), np.array([False]))[0]) for h in (0, 1, 0, 0, 0, 1, 0, 1)
    ]

    assert [False] * 7 + [True] == entered


def test_the_exit_is_half_an_hour_but_at_least_three_ticks() -> None:
    """Thirty minutes of calm; at hourly ticks three hours."""
    assert 30 == Episode(Timing(MINUTE_MS)).exit_ticks
    assert 3 == Episode(Timing(HOUR_MS)).exit_ticks
