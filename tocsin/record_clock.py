"""When did the record arrive that closed a tick? Record time by event time, as it was read."""

from __future__ import annotations

import numpy as np

from detector.frame import Batch

STEP_MS = 10_000  # event time is remembered in steps of this
KEEP = 20_000


class RecordClock:
    """For each step of event time, when the slowest partition first reached it (record time, ms)."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}  # step of event time → record time, latest over partitions
        self._reached: dict[str, int] = {}  # partition → newest step
        self._newest_ms: int | None = None

    def note(self, batch: Batch) -> None:
        if batch.last_record_ms is not None:
            self._newest_ms = max(self._newest_ms or 0, batch.last_record_ms)
        if not len(batch):
            return
        steps = np.maximum.accumulate(batch.time_ms) // STEP_MS
        new, at = np.unique(steps, return_index=True)
        reached = self._reached.get(batch.partition, -1)
        for step, i in zip(new.tolist(), at.tolist(), strict=True):
            if step > reached:
                self._first[step] = max(self._first.get(step, 0), int(batch.record_ms[i]))
        self._reached[batch.partition] = max(reached, int(new[-1]))
        self._newest_ms = max(self._newest_ms or 0, int(batch.record_ms.max()))

    def close(self, until_ms: int, wall_ms: int) -> None:
        """Event time was promised to have passed `until_ms` without a record: then that is when it was noticed."""
        step = until_ms // STEP_MS
        self._first[step] = max(self._first.get(step, 0), wall_ms)
        self._newest_ms = max(self._newest_ms or 0, wall_ms)

    def at(self, end_ms: int) -> int | None:
        """Record time at which event time `end_ms` had been reached; the newest one where that is unknown."""
        step = -(-end_ms // STEP_MS)
        while self._first and next(iter(self._first)) < step - KEEP:
            self._first.pop(next(iter(self._first)))
        for ahead in range(step, step + 360):
            if ahead in self._first:
                return self._first[ahead]
        return self._newest_ms
