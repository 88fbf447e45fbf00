"""The source of tests and of samples that are pushed in: a log of records per partition, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np

from connectors.codec import Codec, Record
from detector.frame import Batch


class MemorySource:
    """Serves appended records as a broker would: in order within a partition, from any position, any number of times.

    `append` may be called from another thread. `finish` promises that nothing follows. At most `chunk` records of a
    partition come per poll. An empty poll returns at once: this source never waits.
    """

    def __init__(self, codec: Codec, partitions: Sequence[str] = ("memory/0",), chunk: int = 5000) -> None:
        self._codec = codec
        self._chunk = chunk
        self._lock = Lock()
        self._logs: dict[str, list[Record]] = {partition: [] for partition in partitions}
        self._positions = dict.fromkeys(partitions, 0)
        self._read_ms: dict[str, int] = {}
        self._closes_ms: int | None = None
        self._closed: set[str] = set()

    def append(
        self, partition: str, value: bytes | None, *, record_ms: int = 0, key: bytes | None = None
    ) -> int:  # fmt: skip
        """Adds one record and gives its offset; raises KeyError for a partition that this source does not have."""
        with self._lock:
            log = self._logs[partition]
            log.append(Record(len(log), record_ms, key, value))
            return len(log) - 1

    def finish(self, closes_ms: int) -> None:
        """Says that no sample with an earlier event time follows, in any partition."""
        with self._lock:
            self._closes_ms = closes_ms

    def open(self, positions: Mapping[str, int]) -> None:
        self._positions.update({name: offset for name, offset in positions.items() if name in self._logs})

    def poll(self, timeout_s: float) -> list[Batch]:
        with self._lock:
            return [batch for name in self._logs if (batch := self._next(name)) is not None]

    def partitions(self) -> tuple[str, ...]:
        return tuple(self._logs)

    def is_finished(self) -> bool:
        with self._lock:
            return len(self._closed) == len(self._logs)

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        with self._lock:
            return {
                name: (max(0, len(log) - self._positions[name]), self._read_ms.get(name))
                for name, log in self._logs.items()
            }

    def identity(self) -> str:
        return "memory"

    def close(self) -> None:
        """Nothing is held outside."""

    def _next(self, name: str) -> Batch | None:
        log, first = self._logs[name], self._positions[name]
        records = log[first : first + self._chunk]
        is_end = self._closes_ms is not None and first + len(records) >= len(log)
        if not records and (not is_end or name in self._closed):
            return None
        decoded = self._codec.decode(records)
        self._positions[name] = first + len(records)
        if records:
            self._read_ms[name] = records[-1].record_ms
        if is_end:
            self._closed.add(name)
        return Batch(
            partition=name,
            keys=decoded.keys,
            time_ms=decoded.time_ms,
            value=decoded.value,
            record_ms=np.asarray(decoded.record_ms, np.int64),
            next_offset=first + len(records),
            rejected=tuple(decoded.rejected),
            gaps=decoded.gaps,
            closes_ms=self._closes_ms if is_end else decoded.closes_ms,
            last_record_ms=records[-1].record_ms if records else None,
        )
