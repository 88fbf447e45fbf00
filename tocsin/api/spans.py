"""When which calendar event was on, as the outcomes told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

MOST_SPANS = 1000


class Span(NamedTuple):
    """A stretch of event time, end excluded."""

    kind: str  # "alarm" or "calendar"
    id: str
    from_ms: int
    to_ms: int


class CalendarSpans:
    """Joins the ticks in which an event was on; remembers the newest stretches."""

    def __init__(self) -> None:
        self._open: dict[str, Span] = {}
        self._ended: deque[Span] = deque(maxlen=MOST_SPANS)

    def note(self, t_ms: int, interval_ms: int, event_ids: Iterable[str]) -> None:
        """Says which events were on at one tick."""
        on = set(event_ids)
        for event_id in list(self._open):
            if event_id not in on:
                self._ended.append(self._open.pop(event_id))
        for event_id in on:
            span = self._open.get(event_id)
            since = t_ms if span is None else min(span.from_ms, t_ms)
            until = t_ms + interval_ms if span is None else max(span.to_ms, t_ms + interval_ms)
            self._open[event_id] = Span("calendar", event_id, since, until)

    def within(self, from_ms: int, to_ms: int, event_ids: Iterable[str]) -> list[Span]:
        """Stretches of these events that touch a window, oldest first."""
        wanted = set(event_ids)
        spans = [*list(self._ended), *list(self._open.values())]
        touching = (s for s in spans if s.id in wanted and s.to_ms > from_ms and s.from_ms <= to_ms)
        return sorted(touching, key=lambda span: (span.from_ms, span.id))
