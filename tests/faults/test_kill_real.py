"""kill -9 with the real engine on real demand: same transitions, same state, nothing told under a second identity."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.test_kill import kill_after, received, start, transitions, verify

VICTIM = "tests.faults.victim_real"
SNAPSHOT_EVERY = 2000  # samples
LEAST_KILLS = 3


def run(data_dir: Path) -> None:
    """Runs to the end, undisturbed."""
    assert start(data_dir, None, SNAPSHOT_EVERY, VICTIM).wait(300) == 0


@pytest.mark.slow
def test_the_real_engine_survives_kills_at_random_moments(tmp_path: Path) -> None:
    """F01 with everything real but the broker: the shipped grid, all scorers, all suppressors."""
    oracle, killed = tmp_path / "oracle", tmp_path / "killed"
    oracle.mkdir()
    killed.mkdir()
    run(oracle)
    dice = random.Random(3)
    moments = sorted(dice.sample(range(len(received(oracle)) * 4 // 5), 4))

    kills = sum(kill_after(start(killed, None, SNAPSHOT_EVERY, VICTIM), killed, n, dice) for n in moments)
    run(killed)

    assert len(transitions(oracle)) > 20
    assert kills >= LEAST_KILLS
    verify(killed, oracle, kills)
