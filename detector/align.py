"""Samples in any order become ticks in event time; nothing is dropped without being counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key, Tick
from detector.schema import Schema
from detector.series import SeriesIndex

FateKey = tuple[str, str]  # (result, reason or "")


@dataclass(slots=True)
class Chunk:
    """Samples of one tick from one batch; `row` -1 where the key had no row when it came."""

    row: NDArray[np.int64]  # (N,)
    time_ms: NDArray[np.int64]  # (N,)
    value: NDArray[np.float64]  # (N,)
    partition: NDArray[np.int32]  # (N,)
    unknown: dict[int, Key] = field(default_factory=dict)  # position → key


class Fates:
    """Cumulative counts per partition of what became of samples."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[FateKey, int]] = {}

    def add(self, partition: str, result: str, reason: str = "", count: int = 1) -> None:
        if count:
            mine = self.counts.setdefault(partition, {})
            mine[(result, reason)] = mine.get((result, reason), 0) + int(count)


class Aligner:
    """Collects samples of one interval until their tick closes.

    A tick's content is sorted by (series, time, value) before it is aggregated, so that neither batching nor the
    interleaving of partitions changes a bit. New series get rows when their tick closes, in sorted label order, up to
    `schema.max_series`. Ticks are windows of event time (Akidau et al. 2015, "The Dataflow Model"). Own: what counts
    as a repetition, so that a log read twice is scored once.
    """

    def __init__(self, schema: Schema, index: SeriesIndex, partitions: list[str], fates: Fates) -> None:
        self.schema = schema
        self.index = index
        self.partitions = partitions
        self.fates = fates
        self.open: dict[int, list[Chunk]] = {}
        self.next_ms: int | None = None  # start of the next tick to close; None before the first sample
        self._has_closed = False
        self._aggregates = [m.aggregate for m in schema.metrics]

    def add(self, partition: int, keys: list[Key], time_ms: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Takes samples that are not late, of one partition."""
        table = self.index.rows
        row = np.fromiter((table.get(key, -1) for key in keys), np.int64, len(keys))
        interval = self.schema.interval_ms
        tick = time_ms - time_ms % interval
        starts = np.unique(tick)
        for start in starts.tolist():
            at = np.flatnonzero(tick == start) if len(starts) > 1 else np.arange(len(keys))
            unknown = {i: keys[j] for i, j in enumerate(at.tolist()) if row[j] < 0} if (row[at] < 0).any() else {}
            chunk = Chunk(row[at], time_ms[at], value[at], np.full(len(at), partition, np.int32), unknown)
            self.open.setdefault(start, []).append(chunk)
        first = int(starts[0])
        if self.next_ms is None or (first < self.next_ms and not self._has_closed):
            self.next_ms = first

    @property
    def closed_until_ms(self) -> int | None:
        """Samples of ticks before this are late, whatever their partition; None while nothing has been closed."""
        return self.next_ms if self._has_closed else None

    def close(self) -> Tick:
        """Closes the next tick, empty or not."""
        assert self.next_ms is not None
        start = self.next_ms
        chunks = self.open.pop(start, [])
        self._has_closed = True
        self.next_ms = start + self.schema.interval_ms
        metrics = len(self.schema.metrics)
        if not chunks:
            return Tick(start, np.full(len(self.index), np.nan), np.zeros(metrics, bool))
        self._admit(chunks)
        row = np.concatenate([c.row for c in chunks])
        time_ms = np.concatenate([c.time_ms for c in chunks])
        value = np.concatenate([c.value for c in chunks])
        partition = np.concatenate([c.partition for c in chunks])
        self._count(partition, row < 0, "rejected", "series_limit")
        kept = row >= 0
        gap = kept & np.isnan(value)
        self._count(partition, gap, "gap")
        kept &= ~gap
        if not kept.all():
            row, time_ms, value, partition = row[kept], time_ms[kept], value[kept], partition[kept]
        y = np.full(len(self.index), np.nan)
        often = np.bincount(row, minlength=len(self.index)) > 1
        if not often.any():
            y[row] = value
            self._count(partition, np.ones(len(row), bool), "scored")
        else:
            many = often[row]
            y[row[~many]] = value[~many]
            self._count(partition, ~many, "scored")
            self._aggregate(y, row[many], time_ms[many], value[many], partition[many])
        delivered = np.zeros(metrics, bool)
        if len(row):
            delivered[np.unique(self.index.lattice().metric[row])] = True
        return Tick(start, y, delivered)

    def _admit(self, chunks: list[Chunk]) -> None:
        fresh = sorted({key for c in chunks for key in c.unknown.values()})
        room = self.schema.max_series - self.index.leaf_count
        known = self.index.rows
        fresh = [key for key in fresh if key not in known][: max(room, 0)]
        if fresh:
            self.index.admit(fresh)
        for chunk in chunks:
            for position, key in chunk.unknown.items():
                chunk.row[position] = self.index.rows.get(key, -1)

    def _aggregate(
        self, y: NDArray[np.float64], row: NDArray[np.int64], time_ms: NDArray[np.int64], value: NDArray[np.float64],
        partition: NDArray[np.int32],
    ) -> None:  # fmt: skip
        """Series with several samples in the tick: repetitions are dropped, the rest aggregated in sorted order."""
        order = np.lexsort((partition, value, time_ms, row))
        row, time_ms, value, partition = row[order], time_ms[order], value[order], partition[order]
        same_time = np.r_[False, (row[1:] == row[:-1]) & (time_ms[1:] == time_ms[:-1])]
        again = same_time & np.r_[False, value[1:] == value[:-1]]
        self._count(partition, again, "duplicate")
        self._count(partition, same_time & ~again, "conflict")  # a note on scored
        row, value, partition = row[~again], value[~again], partition[~again]
        self._count(partition, np.ones(len(row), bool), "scored")
        starts = np.flatnonzero(np.r_[True, np.diff(row) != 0])
        ends = np.r_[starts[1:], len(row)]
        of = row[starts]
        metric = self.index.lattice().metric[of]
        for code in np.unique(metric):
            mine = metric == code
            how = self._aggregates[code]
            if how == "last":
                y[of[mine]] = value[ends[mine] - 1]
                continue
            reduce = {"sum": np.add, "mean": np.add, "min": np.minimum, "max": np.maximum}[how]
            out = reduce.reduceat(value, starts)[mine]
            y[of[mine]] = out / (ends - starts)[mine] if how == "mean" else out

    def _count(self, partition: NDArray[np.int32], mask: NDArray[np.bool_], result: str, reason: str = "") -> None:
        if mask.any():
            for code, count in enumerate(np.bincount(partition[mask])):
                if count:
                    self.fates.add(self.partitions[code], result, reason, int(count))

    # -- snapshot ----------------------------------------------------------------------------------------------------

    def save(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Open ticks: samples that are read but not yet judged, beside the offsets after them."""
        chunks = [(start, c) for start, cs in sorted(self.open.items()) for c in cs]
        unknown = []
        at = 0
        for _, c in chunks:
            unknown += [[at + i, list(key)] for i, key in sorted(c.unknown.items())]
            at += len(c.row)
        header = {"next_ms": self.next_ms, "has_closed": self._has_closed, "unknown": unknown}
        empty = np.zeros(0, np.int64)
        arrays = {
            "tick": np.concatenate([empty, *(np.full(len(c.row), start, np.int64) for start, c in chunks)]),
            "row": np.concatenate([empty, *(c.row for _, c in chunks)]),
            "time_ms": np.concatenate([empty, *(c.time_ms for _, c in chunks)]),
            "value": np.concatenate([np.zeros(0), *(c.value for _, c in chunks)]),
            "partition": np.concatenate([np.zeros(0, np.int32), *(c.partition for _, c in chunks)]),
        }
        return header, arrays

    def load(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.next_ms, self._has_closed = header["next_ms"], header["has_closed"]
        unknown = {int(i): tuple(key) for i, key in header["unknown"]}
        tick = arrays["tick"]
        for start in np.unique(tick).tolist():
            at = np.flatnonzero(tick == start)
            chunk = Chunk(
                arrays["row"][at], arrays["time_ms"][at], arrays["value"][at], arrays["partition"][at],
                {i: unknown[j] for i, j in enumerate(at.tolist()) if j in unknown},
            )  # fmt: skip
            self.open[start] = [chunk]
