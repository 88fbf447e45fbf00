"""Writes the transitions of a tick into the journal, and holds everything up while that cannot be done."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from connectors.journal import Journal
from detector.errors import StorageError
from detector.frame import Batch
from suppression.alarm import AlarmEvent
from tocsin.clock import Clock, SteadyClock
from tocsin.log import logger
from tocsin.outcome import Outcome

TRIES = 3  # of a disk that fails; a full one is waited for
WAIT_S = 1.0
BALLAST = "ballast"


class Recorder:
    """Decides per tick: silent (a replay of what the journal has) or new (durable when `record` returns).

    A disk that is full is waited for, since an alarm without a journal row must not be told; a file of `ballast_bytes`
    is given back first, because a full disk cannot even forget. Any other failure is given up after three tries.
    """

    def __init__(
        self, journal: Journal, clock: Clock, steady: SteadyClock, stopping: threading.Event, *,
        beat: Callable[[], None], ballast_bytes: int = 0,
    ) -> None:  # fmt: skip
        self._journal, self._clock, self._steady, self._stopping, self._beat = journal, clock, steady, stopping, beat
        self._emit = journal.emit_ticks()
        self._ballast = journal.path.with_name(BALLAST)
        self._log = logger("journal")
        self.mismatches = 0
        self.trouble: str | None = None
        if ballast_bytes:
            _fill(self._ballast, ballast_bytes)

    def newest_ms(self) -> int | None:
        """Newest tick of any shard whose transitions are durable."""
        return max(self._emit.values(), default=None)

    def is_silent(self, outcome: Outcome) -> bool:
        return outcome.t_ms <= self._emit.get(str(outcome.interval_ms), -(2**63))

    def record(self, outcome: Outcome, record_ms: int | None) -> bool:
        """Makes the outcome's events durable, or compares them where they must be; True if there is news to deliver."""
        if not outcome.events:
            return False
        if self.is_silent(outcome):
            self._compare(outcome.events)
            return False
        shard = str(outcome.interval_ms)
        clashes: list[str] = []

        def write() -> None:
            clashes[:] = self._journal.commit(
                shard, outcome.t_ms, outcome.events, record_ms=record_ms, now_ms=self._steady.ms()
            )

        self._insist(write)
        self._emit[shard] = outcome.t_ms
        for identity in clashes:
            self._mismatch(identity, "this transition is in the journal with another body, which stays")
        return True

    def advance(self, ticks: Mapping[str, int]) -> None:
        """Moves the watermark up to what a snapshot is about to hold."""
        self._insist(lambda: self._journal.advance(ticks))
        for shard, tick_ms in ticks.items():
            self._emit[shard] = max(tick_ms, self._emit.get(shard, tick_ms))

    def note_input(self, batches: Sequence[Batch]) -> None:
        self._insist(lambda: self._journal.note_input(batches))

    def _compare(self, events: Sequence[AlarmEvent]) -> None:
        for event in events:
            if not self._journal.is_known(event):
                self._mismatch(event.id, "a replay gives a transition that the journal does not have; it is not told")

    def _mismatch(self, identity: str, text: str) -> None:
        self.mismatches += 1
        if self.mismatches <= 20:
            self._log.error(text, id=identity)

    def _insist(self, write: Callable[[], object]) -> None:
        failures = 0
        while True:
            try:
                write()
            except StorageError as error:
                failures += 1
                self.trouble = str(error)
                is_full = _is_full(error)
                self._log.error("alarms wait: the journal cannot be written", error=str(error), tries=failures)
                if is_full:
                    self._ballast.unlink(missing_ok=True)
                if (failures >= TRIES and not is_full) or self._stopping.is_set():
                    raise
                self._beat()
                self._clock.wait(self._stopping, WAIT_S)
                continue
            self.trouble = None
            return


def _is_full(error: StorageError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_FULL


def _fill(path: Path, size: int) -> None:
    """Reserves space; a disk without room for it is the journal's trouble to report, not ours."""
    try:
        with open(path, "ab") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        path.unlink(missing_ok=True)
