"""Feeds: what is delivered together and can stay away together. A metric is one, and so are all metrics of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.absence import Absence, AbsenceState
from detector.frame import Bools, Ints, Tick
from detector.schema import Schema
from detector.view import Float32s
from ensemble.gap_law import GapLaw, GapLawState

NEVER = 1 << 40  # ticks since the last sample of a feed that has not delivered yet
LONG_HEARD = 1 << 20  # ticks


class FeedRows(NamedTuple):
    age: NDArray[np.int64]  # (F,) ticks since the feed delivered; NEVER and more before its first sample
    heard: NDArray[np.int64]  # (F,) ticks in which it delivered since people were told of its silence


class FeedTick(NamedTuple):
    """What one tick told of the feeds."""

    there: Bools  # (F,) it delivered
    ended: Float32s  # (F,) due ticks of the gap that ended; 0 for none


@dataclass(frozen=True, slots=True)
class Feed:
    stack: str
    metrics: tuple[int, ...]  # codes


@dataclass(frozen=True, slots=True)
class Feeds:
    """The F feeds of one interval, wider ones first; their gaps obey the laws that the gaps of one series obey."""

    feeds: tuple[Feed, ...]
    holds: Bools  # (F, M) the metric is in the feed
    inside: Bools  # (F, F) the second feed is the first, or part of it
    absence: Absence
    law: GapLaw

    @classmethod
    def of(cls, schema: Schema) -> Feeds:
        """Watched metrics alone: a witness raises nothing."""
        by_stack: dict[str, list[int]] = {}
        for code, metric in enumerate(schema.metrics):
            if metric.role == "watched":
                by_stack.setdefault(metric.stack, []).append(code)
        feeds = [Feed(stack, tuple(codes)) for stack, codes in by_stack.items()]
        feeds += [Feed(f.stack, (code,)) for f in feeds if len(f.metrics) > 1 for code in f.metrics]
        holds = np.zeros((len(feeds), len(schema.metrics)), bool)
        for f, feed in enumerate(feeds):
            holds[f, list(feed.metrics)] = True
        inside: Bools = ~np.any(holds[None] & ~holds[:, None], axis=2)
        return cls(tuple(feeds), holds, inside, Absence(schema.interval_ms), GapLaw(schema.interval_ms))

    def init_absence(self, n: int) -> AbsenceState:
        """None of the three depends on `n`: feeds are declared."""
        del n
        return self.absence.init(len(self.feeds))

    def init_gaps(self, n: int) -> GapLawState:
        del n
        return self.law.init(len(self.feeds))

    def init_rows(self, n: int) -> FeedRows:
        del n
        return FeedRows(np.full(len(self.feeds), NEVER, np.int64), np.full(len(self.feeds), LONG_HEARD, np.int64))

    def there(self, tick: Tick) -> Bools:
        """(F,) feeds of which some metric delivered; a tick without any sample has delivered nothing."""
        if not len(tick.feed_delivered):
            return np.full(len(self.feeds), not np.isnan(tick.y).all())
        if np.count_nonzero(tick.feed_delivered) == len(tick.feed_delivered):
            absent = np.isnan(tick.y)
            return np.full(len(self.feeds), np.count_nonzero(absent) < len(absent))
        there: Bools = np.any(self.holds & tick.feed_delivered, axis=1)
        return there

    def advance(self, absence: AbsenceState, rows: FeedRows, t_ms: int, there: Bools) -> FeedTick:
        """Moves ages and gaps; what never delivered is not missing."""
        is_new = rows.age >= NEVER
        np.add(rows.age, 1, rows.age)
        rows.age[there] = 0
        np.add(rows.heard, there, rows.heard)
        np.minimum(rows.heard, LONG_HEARD, out=rows.heard)
        if np.count_nonzero(there) == len(there) and not np.count_nonzero(absence.gap):
            return FeedTick(there, np.zeros(len(there), np.float32))
        ended = self.absence.advance(absence, t_ms, there)
        absence.gap[is_new] = 0
        ended[is_new] = 0
        return FeedTick(there, ended)

    def learn(self, absence: AbsenceState, gaps: GapLawState, t_ms: int, moved: FeedTick, counts: Bools) -> None:
        """Shares of ticks and lengths of gaps, of feeds in `counts` (F,)."""
        self.absence.learn(absence, t_ms, moved.there, counts.astype(np.float32))
        self.law.learn(gaps, t_ms, moved.ended, counts)

    def rate(self, gaps: GapLawState, gap: Float32s, rows: Ints) -> NDArray[np.float64]:
        """(n,) gaps at least as long that are to be expected a week, of some feeds; gap (n,) in due ticks."""
        return self.law.rate(self.law.foretold(gaps, rows), gap)

    def warm(
        self, absence: AbsenceState, gaps: GapLawState, rows: FeedRows, t_ms: NDArray[np.int64], there: Bools,
        counts: Bools,
    ) -> None:  # fmt: skip
        """Learns from history: `there` (T, F), each feed from its first sample on; `counts` (T,) ticks that teach.

        History may come in pieces, one call each.
        """
        born = np.logical_or.accumulate(there, axis=0) | (rows.age < NEVER)
        for t, now, known, is_counted in zip(t_ms.tolist(), there, born, counts.tolist(), strict=True):
            moved = self.advance(absence, rows, t, now)
            self.learn(absence, gaps, t, moved, known & is_counted)
        self.law.settle(gaps)
