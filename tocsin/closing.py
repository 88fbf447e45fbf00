"""Ticks are closed by our own clock while nothing arrives at all, so that silence can be told of.

A promise says that no sample before some event time follows in a partition, as the end of a file does. It is made at a
position and journalled before it is in force: a replay that comes to the position keeps it there, whatever clocks say.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from connectors.journal import Control
from detector.frame import Batch
from detector.schema import MINUTE_MS
from detector.timing import DAY_MS, WEEK_MS

SETTLE_S = 10.0  # a caught-up source may have learnt so late of what is there
LEAST_S = 5.0  # between two promises
LONGEST_S = 14 * DAY_MS / 1000  # a silence that lasts longer is the new order
PAUSES = 16  # lengths 1, 2-3, 4-7, … minutes
USUAL = 3.0  # pauses a week or so, from which a length is usual
Pauses = dict[str, list[float]]  # partition → (PAUSES,) decayed counts, by log2 of their minutes of record time


class QuietSource(Protocol):
    """A source that can say that it has read everything, and that can end a batch at a position."""

    def is_answering(self) -> bool:
        """Have the brokers said a moment ago how much there is?"""
        ...

    def is_caught_up(self) -> bool:
        """Have they, and is everything read?"""
        ...

    def split_at(self, offsets: Mapping[str, Collection[int]]) -> None:
        """No batch reaches over one of these offsets: it ends before it."""
        ...


class Promise(NamedTuple):
    """No sample before `until_ms` of event time follows in the partition from `position` on."""

    position: int
    until_ms: int


class QuietClock:
    """How far event time has gone on in partitions that are silent: as much as our clock since each was last heard.

    Only while the source has read everything: a broker that does not answer makes nothing late. A partition whose
    producers pause as long at least three times a week is not silent yet. Times in seconds are monotonic.
    """

    def __init__(self, after_s: float, tick_ms: int, now_s: float, pauses: Pauses | None = None) -> None:
        """`after_s`: silence of everybody from which promises are made, 0 for never; `tick_ms`: shortest interval."""
        self._after_s, self._tick_ms = after_s, tick_ms
        self._blind_s = now_s  # we could not have heard anything before
        self._heard_s: dict[str, float] = {}
        self._anchors: dict[str, tuple[int, float]] = {}  # watermark when it was last heard, and since when it is quiet
        self._told_s, self._told_tick = -LEAST_S, -1
        self._record_ms: dict[str, int] = {}
        self.pauses: Pauses = {name: list(counts) for name, counts in (pauses or {}).items()}

    def note(self, batch: Batch, now_s: float) -> None:
        """Something came."""
        name = batch.partition
        self._heard_s[name] = now_s
        self._anchors.pop(name, None)
        if not len(batch):
            return
        last_ms = self._record_ms.get(name, int(batch.record_ms[0]))
        times = np.maximum.accumulate(np.concatenate([[last_ms], batch.record_ms]))
        self._record_ms[name] = int(times[-1])
        counts = np.array(self.pauses.get(name, [0.0] * PAUSES)) * 0.5 ** ((int(times[-1]) - last_ms) / WEEK_MS)
        long = np.diff(times) / MINUTE_MS
        for minutes in long[long >= 1].tolist():
            counts[min(int(np.log2(minutes)), PAUSES - 1)] += 1
        self.pauses[name] = counts.tolist()

    def blind(self, now_s: float) -> None:
        """The source has more to read, or cannot say: silence begins anew."""
        self._blind_s = now_s
        self._anchors.clear()

    def promises(self, marks: Mapping[str, int], waited: Iterable[str], now_s: float) -> dict[str, int]:
        """Partition → event time in ms, where that closes another tick; `marks`: watermarks of the partitions."""
        names = list(waited)
        quiet_s = now_s - max(self._blind_s, *self._heard_s.values(), -np.inf)
        if self._after_s <= 0 or not names or not max(SETTLE_S, self._after_s) <= quiet_s <= LONGEST_S:
            return {}
        if any(name not in marks for name in names) or now_s - self._told_s < LEAST_S:
            return {}
        out = {}
        for name in names:
            since_s = max(self._blind_s, self._heard_s.get(name, self._blind_s))
            mark_ms, since_s = self._anchors.setdefault(name, (marks[name], since_s))
            if now_s - since_s < self._usual_s(name):
                return {}
            out[name] = mark_ms + int(1000 * (now_s - since_s))
        tick = min(out.values()) // self._tick_ms
        if tick <= self._told_tick or min(out.values()) <= min(marks[name] for name in names):
            return {}
        self._told_s, self._told_tick = now_s, tick
        return out

    def _usual_s(self, name: str) -> float:
        """The shortest 2^j minutes that fewer than `USUAL` pauses of a week or so were as long as."""
        counts = self.pauses.get(name)
        if counts is None:
            return 0.0
        longer = np.cumsum(counts[::-1])[::-1]
        rare = np.flatnonzero(longer < USUAL)
        j = int(rare[0]) if len(rare) else PAUSES
        return 60.0 * 2**j if j else 0.0


class Promises:
    """What the journal holds of them and the engine has not come to yet, by partition, in order of positions."""

    def __init__(self, records: Iterable[Control]) -> None:
        self._waiting: dict[str, list[Promise]] = {}
        for record in records:
            if record.kind == "close":
                for name, promise in read(record.text)[1].items():
                    insort(self._waiting.setdefault(name, []), promise)

    def offsets(self) -> dict[str, frozenset[int]]:
        """Where batches must end."""
        return {name: frozenset(p.position for p in mine) for name, mine in self._waiting.items()}

    def names(self) -> tuple[str, ...]:
        return tuple(self._waiting)

    def due(self, name: str, position: int) -> int | None:
        """What is promised at a position or was before it; each is given once. None for nothing."""
        mine = self._waiting.get(name, [])
        count = sum(p.position <= position for p in mine)
        due, self._waiting[name] = mine[:count], mine[count:]
        return max((p.until_ms for p in due), default=None)


def write(promises: Mapping[str, Promise], wall_ms: int) -> str:
    """The text of a control record `close`."""
    return json.dumps({"at": wall_ms, "partitions": {name: list(p) for name, p in sorted(promises.items())}})


def read(text: str) -> tuple[int, dict[str, Promise]]:
    """When it was made, by the wall clock, and what was promised."""
    found = json.loads(text)
    return int(found["at"]), {str(name): Promise(*map(int, p)) for name, p in found["partitions"].items()}
