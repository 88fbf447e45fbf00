"""Samples as they travel: columnar batches of one partition on the way in, aligned ticks on the way on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
Key = tuple[str, ...]  # one text per `Schema.key_columns`; "" where a metric does not have that dimension

RejectReason = Literal[
    "undecodable", "too_large", "bad_shape", "bad_label", "bad_time", "future", "bad_value", "series_limit",
    "schema", "scorer_error",
]  # fmt: skip
LostReason = Literal["retention", "unreadable_batch"]
REJECT_REASONS: tuple[str, ...] = RejectReason.__args__  # type: ignore[attr-defined]
LOST_REASONS: tuple[str, ...] = LostReason.__args__  # type: ignore[attr-defined]


class Rejected(NamedTuple):
    """One input that was refused: where it is, why, and how many samples it held (1 when that is unknown)."""

    offset: int
    reason: RejectReason
    detail: str
    samples: int = 1


class Lost(NamedTuple):
    """A range of offsets, end excluded, that the source can never give us."""

    first: int
    next: int
    reason: LostReason


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of consecutive records of one partition, in offset order.

    `value` is NaN for a gap (NaN token, stale marker). `record_ms` is Kafka's arrival stamp (for files: event time).
    `next_offset` is the position to go on from once the batch is taken in. `closes_ms`, if set, promises that no sample
    with an earlier event time follows in this partition: `feed --end` and the end of a file say so. `gaps` counts whole
    records without a sample (tombstones).
    """

    partition: str  # for example "client-activity/3"; a file's name
    keys: list[Key]  # (N,)
    time_ms: NDArray[np.int64]  # (N,) event time
    value: NDArray[np.float64]  # (N,)
    record_ms: NDArray[np.int64]  # (N,) record time
    next_offset: int
    rejected: tuple[Rejected, ...] = ()
    lost: tuple[Lost, ...] = ()
    gaps: int = 0
    closes_ms: int | None = None
    last_record_ms: int | None = None  # record time of the last record, also when no sample came out of it

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Tick:
    """One aligned time step over all leaves and roll-ups of an engine.

    `y` is NaN where no sample arrived; roll-up rows are filled by the step, the aligner leaves them NaN.
    """

    t_ms: int  # start of the tick, event time
    y: NDArray[np.float64]  # (S,)
    feed_delivered: Bools = field(default_factory=lambda: np.ones(0, bool))  # (metrics,) did the metric's feed deliver?
