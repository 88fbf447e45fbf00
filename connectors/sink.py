"""The contract of a sink: one place where alarms go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.errors import UnreachableError
from suppression.alarm import AlarmEvent


class SinkError(UnreachableError):
    """A delivery failed; `permanent` says that trying again cannot help; `reason` is a short word for the metric."""

    def __init__(self, message: str, *, permanent: bool = False, reason: str = "unreachable") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.reason = reason


class Sink(Protocol):
    """Delivers events at least once; returning means that the receiver has acknowledged every one of them.

    Only `tocsin/deliver.py` tries again, and it keeps the order of revisions of an alarm.
    """

    name: str

    def send(self, events: Sequence[AlarmEvent]) -> None: ...
    def close(self) -> None: ...
