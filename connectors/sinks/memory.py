"""The sink of tests and of what runs inside one process: keeps what it was given."""

from __future__ import annotations

from collections.abc import Sequence

from suppression.alarm import AlarmEvent


class MemorySink:
    """Remembers every event in the order of delivery."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.events: list[AlarmEvent] = []
        self.is_closed = False

    def send(self, events: Sequence[AlarmEvent]) -> None:
        self.events.extend(events)

    def close(self) -> None:
        self.is_closed = True
