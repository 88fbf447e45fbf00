"""Which partitions are silent? A decision of clocks, so it only ever acts through a journalled control record."""

from __future__ import annotations

from collections.abc import Mapping

from detector.frame import Batch

SETTLE_S = 10.0  # the source's own count of what is left may be this old


class IdleWatch:
    """A partition is idle when nothing of it is left to read and it has been silent for `after_s`.

    Silence is counted in record time against the newest partition, or by our own monotonic clock. `after_s` 0: never.
    """

    def __init__(self, after_s: float, now_s: float) -> None:
        self._after_s, self._start_s = after_s, now_s
        self._arrival_s: dict[str, float] = {}
        self._record_ms: dict[str, int] = {}

    def note(self, batch: Batch, now_s: float) -> None:
        self._arrival_s[batch.partition] = now_s
        if batch.last_record_ms is not None:
            self._record_ms[batch.partition] = batch.last_record_ms
        elif len(batch):
            self._record_ms[batch.partition] = int(batch.record_ms[-1])

    def silent(self, lag: Mapping[str, tuple[int, int | None]], now_s: float) -> frozenset[str]:
        """Partitions that hold everybody up without having anything to say."""
        if self._after_s <= 0:
            return frozenset()
        newest = max(self._record_ms.values(), default=0)
        names = set()
        for partition, (messages, _) in lag.items():
            quiet_s = now_s - self._arrival_s.get(partition, self._start_s)
            behind_s = (newest - self._record_ms.get(partition, newest)) / 1000
            if messages == 0 and quiet_s >= SETTLE_S and max(quiet_s, behind_s) >= self._after_s:
                names.add(partition)
        return frozenset(names)
