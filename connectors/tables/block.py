"""A bounded piece of a file, read; and the mistakes that concern a whole file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.records.fault import Fault
from detector.errors import DataError
from detector.frame import Key, Rejected

ROWS = 50_000  # of a file that are read at a time


class Block(NamedTuple):
    """Samples in the order of the file; `rejected` has the line (or row) number as its offset."""

    keys: list[Key]  # (N,)
    time_ms: NDArray[np.int64]  # (N,)
    value: NDArray[np.float64]  # (N,)
    rejected: list[Rejected]
    gaps: int = 0


class Builder:
    """Collects samples and refusals until there is enough for a block."""

    __slots__ = ("_name", "keys", "rejected", "times", "values")

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self.keys: list[Key] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.rejected: list[Rejected] = []

    def refuse(self, line: int, fault: Fault) -> None:
        self.rejected.append(Rejected(line, fault.reason, f"{self._name}:{line}: {fault.detail}"))

    def is_full(self) -> bool:
        return len(self.keys) + len(self.rejected) >= ROWS

    def take(self) -> Block:
        block = Block(self.keys, np.array(self.times, np.int64), np.array(self.values, np.float64), self.rejected)
        self.keys, self.times, self.values, self.rejected = [], [], [], []
        return block


def unreadable(path: Path, error: BaseException, line: int | None = None) -> DataError:
    """The error of a file that cannot be read on."""
    place = path.name if line is None else f"{path.name}:{line}"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(f"{place}: cannot be read: {reason}")
