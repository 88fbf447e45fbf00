"""The small parts around the loop: lock, watchdog, idle partitions, record time, budget, log, full disks."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import structlog

from connectors.failpoint import parse
from connectors.journal import Journal
from detector.errors import ConfigError, RefusedError, StorageError
from detector.frame import Batch
from tests.tocsin.toy import MINUTE, ToyEngine
from tocsin.budget import TokenBucket
from tocsin.clock import ManualClock, SteadyClock
from tocsin.idle import IdleWatch
from tocsin.lock import DataDirLock
from tocsin.log import redact, setup
from tocsin.outcome import Outcome
from tocsin.record_clock import RecordClock
from tocsin.recorder import Recorder
from tocsin.watchdog import Watchdog


def batch(partition: str, minutes: list[int], record_ms: list[int] | None = None, offset: int = 1) -> Batch:
    times = np.array(minutes, np.int64) * MINUTE
    records = times if record_ms is None else np.array(record_ms, np.int64)
    return Batch(partition, [("m", "d")] * len(minutes), times, np.ones(len(minutes)), records, offset)


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """F67: held by another process, refused with its pid; free again after a kill -9."""
    code = (
        "from pathlib import Path; from tocsin.lock import DataDirLock;"
        f"DataDirLock(Path({str(tmp_path)!r})); print(1, flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()

    with pytest.raises(RefusedError, match=f"in use by process {holder.pid}"):
        DataDirLock(tmp_path)
    holder.kill()
    holder.communicate()

    DataDirLock(tmp_path).release()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file where the directory should be: exit 74."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match="data"):
        DataDirLock(tmp_path / "data")


def test_the_watchdog_ends_a_loop_that_stands_still(capfd: pytest.CaptureFixture[str]) -> None:
    """P16: 120 s without a beat: stacks of all threads, exit 70; a beat in time keeps it quiet."""
    clock, codes, gone = ManualClock(), [], threading.Event()

    def give_up(code: int) -> None:
        codes.append(code)
        gone.set()

    watchdog = Watchdog(clock, 120, give_up)
    clock.advance(100)
    watchdog.beat()
    clock.advance(119)
    quiet = watchdog.is_stuck()
    watchdog.start()
    gone.wait(20)

    assert not quiet
    assert codes == [70]
    assert "Thread" in capfd.readouterr().err


def test_a_partition_behind_the_others_in_record_time_is_idle_only_when_nothing_is_left() -> None:
    """Silence is judged by record time against the newest partition, never while there is something to read."""
    watch = IdleWatch(120, 0.0)
    watch.note(batch("t/0", [60]), 0.0)
    watch.note(batch("t/1", [10]), 0.0)

    early = watch.silent({"t/0": (0, None), "t/1": (0, None)}, 5.0)
    unread = watch.silent({"t/0": (0, None), "t/1": (7, None)}, 20.0)
    silent = watch.silent({"t/0": (0, None), "t/1": (0, None)}, 20.0)

    assert (early, unread, silent) == (frozenset(), frozenset(), {"t/1"})


def test_when_all_partitions_are_silent_the_wall_clock_notices() -> None:
    """Also those that never said anything; 0 switches it off."""
    lag: dict[str, tuple[int, int | None]] = {"t/0": (0, None), "t/1": (0, None)}

    assert IdleWatch(120, 0.0).silent(lag, 119.0) == frozenset()
    assert IdleWatch(120, 0.0).silent(lag, 121.0) == {"t/0", "t/1"}
    assert IdleWatch(0, 0.0).silent(lag, 10_000.0) == frozenset()


def test_the_record_that_closed_a_tick_dates_it() -> None:
    """The first record at or past the end of the tick, of the slowest partition."""
    clock = RecordClock()
    clock.note(batch("t/0", [0, 1, 2, 3], [100, 200, 300, 400]))
    clock.note(batch("t/1", [0, 2, 3], [150, 350, 450]))

    assert clock.at(2 * MINUTE) == 350
    assert clock.at(1 * MINUTE) == 200
    assert clock.at(90 * MINUTE) == 450


def test_a_bucket_refills_evenly_and_holds_a_minutes_worth() -> None:
    """30 a minute: a burst of 30, then one every two seconds."""
    bucket = TokenBucket(30, 0.0)
    burst = sum(bucket.take(0.0) for _ in range(100))
    later = [bucket.take(t) for t in (1.0, 2.0, 3.0, 4.0)]

    assert (burst, later) == (30, [False, True, False, True])
    assert all(TokenBucket(None, 0.0).take(0.0) for _ in range(1000))


def test_secrets_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """X30: values under names of secrets, and passwords inside URLs, at any depth."""
    line = {
        "event": "connect", "sasl_password": "hunter2", "url": "postgresql://tocsin:hunter2@db/x",
        "nested": {"headers": [{"Authorization": "Bearer hunter2"}]},
    }  # fmt: skip

    shown = json.dumps(redact(None, "info", line))

    assert "hunter2" not in shown
    assert "tocsin:<redacted>@db" in shown


def test_log_settings_are_checked() -> None:
    """Place, value and what was expected."""
    with pytest.raises(ConfigError, match=r"log\.level: expected one of debug, info, warning, error, got 'loud'"):
        setup("loud")
    with pytest.raises(ConfigError, match=r"log\.format: expected json or console, got 'xml'"):
        setup("info", "xml")


def test_log_lines_are_json_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """One object a line, with level and time."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    setup("info", "json")
    structlog.get_logger(part="test").info("hello", n=3)
    structlog.reset_defaults()

    line = json.loads(stream.getvalue())

    assert (line["event"], line["level"], line["n"], line["part"]) == ("hello", "info", 3, "test")


@pytest.mark.parametrize("text", ["nowhere:1", "sent:0", "sent:x", ""])
def test_failpoints_are_spelt_right_or_refused(text: str) -> None:
    """A typo must not make a test pass by never killing anything."""
    with pytest.raises(ConfigError, match="TOCSIN_FAIL: expected NAME or NAME:N"):
        parse(text)


def _outcome() -> Outcome:
    engine = ToyEngine()
    engine.expect(frozenset({"p"}))
    engine.take(Batch("p", [("m", "d")], np.zeros(1, np.int64), np.ones(1), np.zeros(1, np.int64), 1, closes_ms=MINUTE))
    from suppression.controls import Controls

    return engine.turn(Controls())


def failing(code: int) -> StorageError:
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = code  # type: ignore[attr-defined]
    error = StorageError("the journal cannot be written")
    error.__cause__ = cause
    return error


def test_a_full_disk_is_waited_for_and_the_ballast_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F24: no emission without a row; the loop beats while it waits, and goes on when there is room."""
    journal, clock, beats = Journal(tmp_path / "journal.db"), ManualClock(), []
    recorder = Recorder(
        journal, clock, SteadyClock(clock), threading.Event(), beat=lambda: beats.append(1), ballast_bytes=4096
    )
    had_ballast, real, left = (tmp_path / "ballast").stat().st_size, journal.commit, [5]

    def commit(*arguments: object, **more: object) -> tuple[str, ...]:
        left[0] -= 1
        if left[0] >= 0:
            raise failing(sqlite3.SQLITE_FULL)
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "commit", commit)
    is_new = recorder.record(_outcome(), None)

    assert is_new
    assert had_ballast == 4096
    assert not (tmp_path / "ballast").exists()
    assert len(beats) == 5
    assert recorder.trouble is None
    assert journal.last_seq() == 1


def test_a_failing_disk_is_given_up_after_three_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F21: exit 74, and nothing was told that is not written down."""
    journal, clock = Journal(tmp_path / "journal.db"), ManualClock()
    recorder = Recorder(journal, clock, SteadyClock(clock), threading.Event(), beat=lambda: None)
    tries = []

    def commit(*arguments: object, **more: object) -> tuple[str, ...]:
        tries.append(1)
        raise failing(sqlite3.SQLITE_IOERR)

    monkeypatch.setattr(journal, "commit", commit)
    with pytest.raises(StorageError) as caught:
        recorder.record(_outcome(), None)

    assert (len(tries), caught.value.exit_code) == (3, 74)
    assert recorder.trouble is not None
