"""Faults: what is wrong in a file, each with its own place, all told at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.errors import ConfigError

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault or warning; line and column count from 1, `loc` is the path of keys and positions."""

    file: str
    line: int
    column: int
    path: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.path}: {self.reason}" if self.path else f"{place}: {self.reason}"


class FaultsError(ConfigError):
    """One or more faults in files; the message has one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))


def dotted(loc: Loc) -> str:
    """The path as people read it: `events.0.when.duration`."""
    return ".".join(str(piece) for piece in loc)
