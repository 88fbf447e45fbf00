"""kill -9 with the real engine on real demand: same transitions, same state, nothing told under a second identity."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.test_kill import start, transitions, verify

VICTIM = "tests.faults.victim_real"
SNAPSHOT_EVERY = 2000  # samples
LEAST_KILLS = 3


def run(data_dir: Path) -> float:
    """Runs to the end, undisturbed; seconds."""
    begin = time.monotonic()
    assert start(data_dir, None, SNAPSHOT_EVERY, VICTIM).wait(300) == 0
    return time.monotonic() - begin


@pytest.mark.slow
def test_the_real_engine_survives_kills_at_random_moments(tmp_path: Path) -> None:
    """F01 with everything real but the broker: the shipped grid, all scorers, all suppressors."""
    oracle, killed = tmp_path / "oracle", tmp_path / "killed"
    oracle.mkdir()
    killed.mkdir()
    took_s, dice, kills = run(oracle), random.Random(3), 0
    for _ in range(5):
        process = start(killed, None, SNAPSHOT_EVERY, VICTIM)
        try:
            process.wait(dice.uniform(0.3, 0.6) * took_s)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    run(killed)

    assert len(transitions(oracle)) > 20
    assert kills >= LEAST_KILLS
    verify(killed, oracle, kills)
