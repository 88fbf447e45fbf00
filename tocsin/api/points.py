"""The last ticks of every row in bounded memory, for charts."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from tocsin.api.store import Points
from tocsin.outcome import Outcome

MOST_BYTES = 64 << 20
MOST_TICKS = 4320  # three days of minutes
PARTS = 4  # observed, expected, lower, upper


class PointsRing:
    """A ring of ticks for all rows of one interval; the more rows, the fewer ticks fit into `most_bytes`."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_ticks: int = MOST_TICKS) -> None:
        self._most_bytes = most_bytes
        self._most_ticks = most_ticks
        self._lock = threading.Lock()
        self._times: NDArray[np.int64] = np.zeros(0, np.int64)  # (T,)
        self._values: NDArray[np.float32] = np.zeros((0, PARTS, 0), np.float32)  # (T, 4, S)
        self._next = 0  # ticks ever written since the ring was made
        self._rows = 0

    def add(self, outcome: Outcome) -> None:
        """Copies one tick, over the oldest one when the ring is full."""
        rows = len(outcome.observed)
        with self._lock:
            if rows > self._values.shape[2]:
                self._grow(rows)
            self._rows = max(self._rows, rows)
            slot = self._next % len(self._times)
            self._times[slot] = outcome.t_ms
            for part, values in enumerate((outcome.observed, outcome.expected, outcome.lower, outcome.upper)):
                self._values[slot, part, :rows] = values
                self._values[slot, part, rows:] = np.nan
            self._next += 1

    def row(self, row: int, from_ms: int, to_ms: int) -> Points:
        """One row's ticks with from ≤ t ≤ to, oldest first; empty when nothing is kept."""
        with self._lock:
            slots = self._slots()
            times = self._times[slots]
            chosen = slots[(times >= from_ms) & (times <= to_ms)]
            values = self._values[chosen, :, row] if row < self._rows else np.zeros((0, PARTS), np.float32)
            times = self._times[chosen][: len(values)]
        return Points(times.tolist(), *(values[:, part].tolist() for part in range(PARTS)))

    def _slots(self) -> NDArray[np.int64]:
        kept = min(self._next, len(self._times))
        return np.arange(self._next - kept, self._next) % max(len(self._times), 1)

    def _grow(self, rows: int) -> None:
        """Makes room for more rows, with a quarter to spare; the newest ticks that still fit are kept."""
        width = rows + rows // 4
        ticks = max(1, min(self._most_ticks, self._most_bytes // (width * PARTS * 4)))
        slots = self._slots()[-ticks:]
        times, values = np.zeros(ticks, np.int64), np.empty((ticks, PARTS, width), np.float32)
        times[: len(slots)] = self._times[slots]
        values[: len(slots), :, : self._values.shape[2]] = self._values[slots]
        values[: len(slots), :, self._values.shape[2] :] = np.nan
        self._times, self._values, self._next = times, values, len(slots)
