"""kill -9 anywhere: nothing is lost, nothing is told under a second identity, nothing is told that was not so."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from connectors import snapshot
from connectors.failpoint import FAILPOINTS

ROOT = Path(__file__).parents[2]
MOST_STARTS = 30


class Run(NamedTuple):
    starts: int
    kills: int


def start(
    data_dir: Path, fail: str | None, delay_s: float, victim: str = "tests.faults.victim"
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOCSIN_TESTING": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("TOCSIN_FAIL", None)
    if fail:
        environment["TOCSIN_FAIL"] = fail
    arguments = [sys.executable, "-m", victim, str(data_dir), str(data_dir / "received"), str(delay_s)]
    return subprocess.Popen(arguments, cwd=ROOT, env=environment)


def run_through(data_dir: Path, fail: str | None = None, again: int = 1) -> Run:
    """Starts until the end is reached; the first `again` starts have the failpoint armed."""
    data_dir.mkdir(parents=True, exist_ok=True)
    for kills in range(MOST_STARTS):
        code = start(data_dir, fail if kills < again else None, 0.0).wait(60)
        if code == 0:
            return Run(kills + 1, kills)
        assert code == -signal.SIGKILL
    raise AssertionError("the end was never reached")


def transitions(data_dir: Path) -> dict[str, str]:
    """Id → body of every transition in the journal, told or not."""
    db = sqlite3.connect(data_dir / "journal.db")
    rows = dict(db.execute("SELECT id, body FROM outbox"))
    db.close()
    return rows


def received(data_dir: Path) -> list[tuple[str, str]]:
    lines = (data_dir / "received").read_text().splitlines()
    return [(json.loads(line)["id"], line) for line in lines]


def kill_after(process: subprocess.Popen[bytes], data_dir: Path, lines: int, dice: random.Random) -> bool:
    """Kills the process a moment after the receiver has so many lines; False: it came to its end before that."""
    path, deadline = data_dir / "received", time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= lines:
            time.sleep(dice.uniform(0, 0.05))
            break
        time.sleep(0.002)
    process.kill()
    return process.wait() == -signal.SIGKILL


def verify(data_dir: Path, oracle: Path, kills: int) -> None:
    """Same transitions with equal bodies; all of them delivered; duplicates only as re-deliveries of one a kill."""
    got, told = transitions(data_dir), received(data_dir)
    assert transitions(oracle) == got
    assert {identity for identity, _ in received(oracle)} == {identity for identity, _ in told}
    assert len(set(told)) == len({identity for identity, _ in told})  # equal id, equal body
    assert len(told) - len(set(told)) <= kills
    assert sorted((data_dir / "snapshots").glob("*.tmp")) == []
    whole = snapshot.read(snapshot.newest_first(data_dir / "snapshots")[0])
    reference = snapshot.read(snapshot.newest_first(oracle / "snapshots")[0])
    assert reference.header["engine"] == whole.header["engine"]
    assert list(reference.arrays) == list(whole.arrays)
    for name, array in reference.arrays.items():
        assert array.tobytes() == whole.arrays[name].tobytes(), name  # state equal to the bit
    revisions: dict[str, int] = {}
    for identity, _ in dict.fromkeys(told):
        alarm, _, revision = identity.partition("/")
        assert int(revision) > revisions.get(alarm, 0)
        revisions[alarm] = int(revision)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a run that nobody disturbed."""
    path = tmp_path_factory.mktemp("oracle")
    assert run_through(path) == Run(1, 0)
    assert len(transitions(path)) > 100
    return path


@pytest.mark.parametrize("passes", [1, 2, 5])
@pytest.mark.parametrize("name", FAILPOINTS)
def test_a_kill_at_each_failpoint_changes_nothing(tmp_path: Path, oracle: Path, name: str, passes: int) -> None:
    """F02-F05: die at the 1st, 2nd, 5th pass of each point where durability could break; the point is reached."""
    run = run_through(tmp_path, f"{name}:{passes}")

    verify(tmp_path, oracle, run.kills)
    assert run.kills == 1


def test_a_second_kill_during_recovery_changes_nothing(tmp_path: Path, oracle: Path) -> None:
    """F08: the failpoint is armed for the second and third start too."""
    run = run_through(tmp_path, "committed:3", again=3)

    verify(tmp_path, oracle, run.kills)
    assert run.kills == 3


def test_kills_at_random_moments_change_nothing(tmp_path: Path, oracle: Path) -> None:
    """F01: SIGKILL at seeded moments, a little after so many deliveries, eight times on the way to the end."""
    dice = random.Random(5)
    moments = sorted(dice.sample(range(len(received(oracle)) * 4 // 5), 8))

    kills = sum(kill_after(start(tmp_path, None, 0.004), tmp_path, lines, dice) for lines in moments)
    last = run_through(tmp_path)

    verify(tmp_path, oracle, kills)
    assert kills >= 6
    assert last.kills == 0


def test_sigterm_ends_with_zero_and_nothing_is_delivered_twice(tmp_path: Path, oracle: Path) -> None:
    """F09: an orderly stop costs no duplicate at all."""
    tmp_path.mkdir(exist_ok=True)
    process = start(tmp_path, None, 0.02)
    while process.poll() is None and not (tmp_path / "snapshots").exists():
        time.sleep(0.02)
    process.terminate()
    code = process.wait(20)
    run_through(tmp_path)

    assert code == 0
    verify(tmp_path, oracle, 0)
