"""Writes snapshots beside the engine: from copied arrays, in a thread of its own, one at a time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from connectors import snapshot
from detector.errors import StorageError
from tocsin.clock import Clock
from tocsin.log import logger
from tocsin.ports import Arrays
from tocsin.status import SnapshotStatus

WRITE_SHARE = 20.0  # the pause between snapshots is at least this many times the last write
FAILURES_TO_SHOUT = 3


class Snapshotter:
    """Knows when the next snapshot is due and writes it; `offer` never blocks the engine."""

    def __init__(self, directory: Path, clock: Clock, *, every_s: float, every_samples: int) -> None:
        self._directory, self._clock = directory, clock
        self._every_s, self._every_samples = every_s, every_samples
        self._started_s = clock.monotonic_s()
        self._thread: threading.Thread | None = None
        self._in_a_row = 0
        self.status = SnapshotStatus()
        self._log = logger("snapshot")

    def is_due(self, samples: int) -> bool:
        """`samples` were taken in since the last one began."""
        if self.is_busy():
            return False
        pause_s = max(self._every_s, WRITE_SHARE * self.status.duration_s)
        return samples >= self._every_samples or self._clock.monotonic_s() - self._started_s >= pause_s

    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def offer(self, header: dict[str, Any], arrays: Arrays) -> None:
        """Starts writing; both arguments belong to the writer from now on."""
        assert not self.is_busy()
        self._started_s = self._clock.monotonic_s()
        self._thread = threading.Thread(target=self._write, args=(header, arrays), name="snapshot", daemon=True)
        self._thread.start()

    def finish(self, timeout_s: float) -> bool:
        """Waits for a write under way; False: it did not end in time."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_busy()

    def fell_back(self, count: int) -> None:
        """Notes that a start had to leave out `count` newer snapshots."""
        s = self.status
        self.status = SnapshotStatus(s.last_success_ms, s.duration_s, s.size_bytes, s.failures, s.fallbacks + count)

    def _write(self, header: dict[str, Any], arrays: Arrays) -> None:
        start_s, s = self._clock.monotonic_s(), self.status
        try:
            path = snapshot.write(self._directory, header, arrays)
            size = path.stat().st_size
        except (StorageError, OSError) as error:
            self._in_a_row += 1
            say = self._log.error if self._in_a_row >= FAILURES_TO_SHOUT else self._log.warning
            say("a snapshot failed; the one before stays", error=str(error), in_a_row=self._in_a_row)
            self.status = SnapshotStatus(s.last_success_ms, s.duration_s, s.size_bytes, s.failures + 1, s.fallbacks)
            return
        self._in_a_row = 0
        duration_s = self._clock.monotonic_s() - start_s
        self.status = SnapshotStatus(self._clock.wall_ms(), duration_s, size, s.failures, s.fallbacks)
        self._log.debug("snapshot written", path=str(path), bytes=size, seconds=round(duration_s, 3))
