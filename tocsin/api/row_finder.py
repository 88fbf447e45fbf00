"""From labels to the row that bears them."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from detector.series import SeriesIndex
from tocsin.alarm_labels import row_key


class RowFinder:
    """Finds rows of an index by labels; only hashes are kept, and a hit is checked against the index."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[int, list[int]] = {}
        self._known = 0

    def find(self, index: SeriesIndex, labels: Mapping[str, str]) -> int | None:
        """The row of these labels, None where no row bears them."""
        with self._lock:
            for row in range(self._known, len(index)):
                self._rows.setdefault(hash(row_key(index.labels(row))), []).append(row)
            self._known = len(index)
            wanted = row_key(labels)
            candidates = self._rows.get(hash(wanted), [])
            return next((row for row in candidates if row_key(index.labels(row)) == wanted), None)
