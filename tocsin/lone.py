"""Lone series, without siblings or witness: the components that judge each by its own past, and their memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.absence import Absence, AbsenceState
from detector.innovations import Innovations, InnovationState
from detector.link import ENOUGH, Link, neutral
from detector.schema import MINUTE_MS, Schema
from detector.series import Lattice
from detector.view import Float32s
from ensemble.entity import Entity
from ensemble.gap_law import GapLaw, GapLawState
from ensemble.known_range import KnownRange, KnownRangeState
from ensemble.opening_law import OpeningLaw, OpeningLawState
from ensemble.recent_peak import RecentPeak, RecentPeakState
from ensemble.worst_hours import WorstHours, WorstHoursState

V = TypeVar("V", bound=np.generic)
NEW, COLLECTING, JUDGED = 0, 1, 2  # stages of a row
LONG_CALM = 1 << 20  # ticks
MOST_COLLECTED = 2048  # ticks of a cold start's history


class LoneRows(NamedTuple):
    stage: NDArray[np.int8]  # (S,) NEW before the first sample, COLLECTING until the warm-up has passed, then JUDGED
    calm: NDArray[np.int32]  # (S,) ticks since the row's unit was over the threshold
    heard: NDArray[np.int32]  # (S,) ticks with a sample since the row's unit was missing for unusually long
    threshold: NDArray[np.float64]  # () of s' in force; 0 before the first
    day: NDArray[np.int64]  # () day since the epoch in which it was read from the law


class Collected(NamedTuple):
    """Samples of rows whose warm-up is under way: the history of a cold start, C rows of it and K ticks."""

    times: NDArray[np.int64]  # (1, K) tick starts, newest last; 0 before the first
    values: NDArray[np.float64]  # (C, K)
    rows: NDArray[np.int64]  # (C, 1)


@dataclass(frozen=True, slots=True)
class Units:
    """What is judged, paged about and budgeted: a row, or the rows of one entity.

    An entity is what has equal labels where there are dimensions and several watched metrics (a server, say).
    """

    of: NDArray[np.int64]  # (S,) unit of each row; -1 for rows that raise nothing
    heads: NDArray[np.int64]  # (E,) first row of each unit: where the memory of the unit stands
    table: NDArray[np.int64]  # (M, E) rows of each unit; -1 for none
    are_rows: bool  # every row is a unit

    def at_heads(self, a: NDArray[V]) -> NDArray[V]:
        """(E,) of units from (S,) of rows; not a copy where every row is a unit."""
        return a if self.are_rows else a[self.heads]

    def of_rows(self, a: Float32s) -> Float32s:
        """(S,) of rows from (E,) of units; NaN for rows that raise nothing."""
        return a if self.are_rows else np.append(a, np.float32(np.nan))[self.of]


@dataclass(frozen=True, slots=True)
class Lone:
    """All of one interval. `entity` is None where a unit is a row."""

    innovations: Innovations
    hours: WorstHours
    peak: RecentPeak
    known: KnownRange
    law: OpeningLaw  # of units
    row_law: OpeningLaw  # of rows
    entity: Entity | None
    hears_drift: bool  # whether a unit also speaks by how far its last half hour lies from its last days
    hears_range: bool  # whether it counts where a value leads to
    close_ticks: int
    collected: int  # ticks that a cold start keeps at most
    absence: Absence  # of units
    gap_law: GapLaw  # of units

    @classmethod
    def of(cls, schema: Schema, warmup_ms: int) -> Lone:
        interval = schema.interval_ms
        hours = WorstHours(interval)
        close = closing_ticks(interval)
        single = OpeningLaw(interval, hours.block, close_ticks=close)
        several = bool(schema.dimensions) and sum(m.role == "watched" for m in schema.metrics) > 1
        law = OpeningLaw.of_entities(interval, hours.block, close) if several else single
        innovations, known = Innovations.of(interval), KnownRange.of(interval)
        collected = min(max(-(-warmup_ms // interval), ENOUGH), MOST_COLLECTED)
        return cls(
            innovations, hours, RecentPeak.of(interval), known, law, single, Entity() if several else None,
            innovations.hears_drift and not several, known.is_heard and not several, close, collected,
            Absence(interval), GapLaw(interval),
        )  # fmt: skip

    def init_rows(self, n: int) -> LoneRows:
        calm, heard = np.full((2, n), LONG_CALM, np.int32)
        return LoneRows(np.zeros(n, np.int8), calm, heard, np.zeros(()), np.array(-1))

    def init_collected(self, n: int) -> Collected:
        """Does not depend on `n`: rows join it with their first sample."""
        del n
        k = self.collected
        return Collected(np.zeros((1, k), np.int64), np.zeros((0, k)), np.zeros((0, 1), np.int64))

    def init_link(self, n: int) -> Link:
        return neutral(n)

    def init_innovation(self, n: int) -> InnovationState:
        return self.innovations.init(n)

    def init_hours(self, n: int) -> WorstHoursState:
        return self.hours.init(n)

    def init_entity_hours(self, n: int) -> WorstHoursState:
        return self.hours.init(n if self.entity is not None else 0)

    def init_drift_hours(self, n: int) -> WorstHoursState:
        return self.hours.init(n if self.hears_drift else 0)

    def init_peak(self, n: int) -> RecentPeakState:
        return self.peak.init(n)

    def init_known(self, n: int) -> KnownRangeState:
        return self.known.init(n if self.hears_range else 0)

    def init_absence(self, n: int) -> AbsenceState:
        return self.absence.init(n)

    def init_gaps(self, n: int) -> GapLawState:
        return self.gap_law.init(n)

    def init_law(self, n: int) -> OpeningLawState:
        return self.law.init(n)

    def units(self, lattice: Lattice, ignored: NDArray[np.bool_]) -> Units:
        """The units of the present rows; a later row never changes which row heads a unit."""
        rows = np.flatnonzero(lattice.leaf & lattice.watched & ~ignored)
        of = np.full(lattice.size, -1, np.int64)
        if self.entity is None:
            of[rows] = np.arange(len(rows))
            return Units(of, rows, rows[None, :], len(rows) == lattice.size)
        _, first, code = np.unique(lattice.codes[:, rows], axis=1, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))  # units in order of their heads
        of[rows] = order[code.reshape(-1)]
        heads = rows[np.sort(first)]
        depth = np.zeros(len(heads), np.int64)
        table = np.full((int(np.bincount(of[rows], minlength=1).max(initial=0)), len(heads)), -1, np.int64)
        for row in rows.tolist():
            unit = of[row]
            table[depth[unit], unit] = row
            depth[unit] += 1
        return Units(of, heads, table, False)


def closing_ticks(interval_ms: int) -> int:
    """Calm ticks after which an alarm ends: five minutes below five-minute intervals, else half an hour and two.

    Three ticks of hourly series let an alarm swallow the next incident. One tick finds still more of them, but tells an
    outage of half a day twice.
    """
    if interval_ms < 5 * MINUTE_MS:
        return max(1, 5 * MINUTE_MS // interval_ms)
    return max(2, -(-30 * MINUTE_MS // interval_ms))
