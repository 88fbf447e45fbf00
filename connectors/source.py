"""The contract of a source: where samples come from, in order within a partition, with positions to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from detector.frame import Batch


class Source(Protocol):
    """Batches of samples, partition by partition.

    `open(positions)` starts: a partition named there goes on from that offset, any other starts where the source's own
    configuration says. `poll(timeout_s)` returns what has arrived, at most a few batches, and an empty list when
    nothing did; it never raises for bad bytes (they are `Batch.rejected`) and raises `UnreachableError` only when a
    retry cannot help. `is_finished()` turns true when nothing can ever follow (a file's end). `lag()` gives, per
    partition, (messages behind, record time in ms of the last record read or None).
    """

    def open(self, positions: Mapping[str, int]) -> None: ...
    def poll(self, timeout_s: float) -> list[Batch]: ...
    def partitions(self) -> tuple[str, ...]: ...
    def is_finished(self) -> bool: ...
    def lag(self) -> Mapping[str, tuple[int, int | None]]: ...
    def identity(self) -> str: ...
    def close(self) -> None: ...
