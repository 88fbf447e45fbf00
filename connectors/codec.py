"""The contract of a codec: bytes of one record to samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key, Rejected


class Record(NamedTuple):
    """One record as the log has it; `value` None is a tombstone."""

    offset: int
    record_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Decoded(NamedTuple):
    """Samples of many records of one partition, in offset order, and what was refused."""

    keys: list[Key]  # (N,)
    time_ms: NDArray[np.int64]  # (N,)
    value: NDArray[np.float64]  # (N,) NaN = gap
    record_ms: NDArray[np.int64]  # (N,)
    rejected: list[Rejected]
    gaps: int
    closes_ms: int | None


class Codec(Protocol):
    """Turns records into samples; never raises for the content of a record."""

    def decode(self, records: Sequence[Record]) -> Decoded: ...
