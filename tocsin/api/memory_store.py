"""Alarms in memory, fed by outcomes: what a demo, a backtest and the tests show."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from detector.schema import Schema
from suppression.alarm import AlarmEvent
from tocsin.alarm_labels import labels_of
from tocsin.api.store import AlarmPage, AlarmQuery, Body, Points
from tocsin.api.times import to_ms, to_text
from tocsin.json_values import reasons_of

MOST_ALARMS = 10_000
MOST_POINTS = 1_000  # ended alarms whose points are kept
PointsOf = Callable[[Body], Points | None]


class MemoryStore:
    """The newest body of each alarm, its events, and the points around those that ended.

    Above `most_alarms` the oldest ended ones are forgotten, never one that is going on.
    """

    def __init__(self, schema: Schema, points_of: PointsOf, most_alarms: int = MOST_ALARMS) -> None:
        self._schema = schema
        self._points_of = points_of
        self._most = most_alarms
        self._lock = threading.Lock()
        self._bodies: dict[str, Body] = {}
        self._events: dict[str, list[Body]] = {}
        self._ended: dict[str, None] = {}  # ids in the order of their end
        self._points: dict[str, Points] = {}

    def take(self, events: Iterable[AlarmEvent]) -> None:
        """Takes the transitions of one tick, in order."""
        for event in events:
            points = self._points_of(event.data) if event.state == "resolved" else None
            with self._lock:
                self._take(event, points)

    def restore(self, bodies: Iterable[Body]) -> None:
        """Takes alarms of before a restart; what is known already stays."""
        with self._lock:
            for body in bodies:
                alarm_id = str(body["alarm_id"])
                self._bodies.setdefault(alarm_id, body)
                if body.get("state") == "resolved":
                    self._ended[alarm_id] = None

    def list(self, query: AlarmQuery) -> AlarmPage:
        """Newest start first (ids begin with the start); a page holds at most `query.limit`."""
        with self._lock:
            ids = sorted(self._bodies, reverse=True)
            bodies = {alarm_id: self._bodies[alarm_id] for alarm_id in ids}
        items: list[Body] = []
        for alarm_id, body in bodies.items():
            if query.cursor is not None and alarm_id >= query.cursor:
                continue
            if not _passes(query, body, lambda body=body: labels_of(self._schema, body)):  # type: ignore[misc]
                continue
            if len(items) == query.limit:
                return AlarmPage(items, str(items[-1]["alarm_id"]))
            items.append(body)
        return AlarmPage(items, None)

    def get(self, alarm_id: str) -> Body | None:
        with self._lock:
            return self._bodies.get(alarm_id)

    def timeline(self, alarm_id: str) -> Sequence[Body]:
        with self._lock:
            return tuple(self._events.get(alarm_id, ()))

    def points(self, alarm_id: str) -> Points | None:
        with self._lock:
            kept, body = self._points.get(alarm_id), self._bodies.get(alarm_id)
        if body is None:
            return None
        return kept or self._points_of(body)

    def _take(self, event: AlarmEvent, points: Points | None) -> None:
        alarm_id, body = event.alarm_id, dict(event.data)
        before = self._bodies.get(alarm_id)
        if body.get("suppression") is None and before is not None and before.get("suppression") is not None:
            body["suppression"] = before["suppression"]  # the ledger keeps why it was held, and how it ended
        self._bodies[alarm_id] = body
        self._events.setdefault(alarm_id, []).append(timeline_entry(event))
        if event.state != "resolved":
            return
        self._ended[alarm_id] = None
        if points is not None and len(points.t_ms):
            self._points[alarm_id] = points
            if len(self._points) > MOST_POINTS:
                del self._points[next(iter(self._points))]
        while len(self._bodies) > self._most and self._ended:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            for kept in (self._bodies, self._events, self._points):
                kept.pop(oldest, None)


def timeline_entry(event: AlarmEvent) -> Body:
    """One line of an alarm's timeline."""
    return {
        "type": event.type,
        "time": to_text(event.tick_ms),
        "revision": event.revision,
        "state": event.state,
        "severity": event.severity,
        "end": event.end,
        "told": event.told,
        "surprise": event.data.get("surprise"),
        "summary": event.data.get("summary"),
    }


def first_reason(body: Mapping[str, Any]) -> str | None:
    """The reason under which a held candidate is counted; None for one that never was held."""
    reasons = reasons_of(body)
    return str(reasons[0].get("reason")) if reasons else None


def _passes(query: AlarmQuery, body: Body, labels: Callable[[], Mapping[str, str]]) -> bool:
    if query.states and body.get("state") not in query.states:
        return False
    if query.severities and body.get("severity") not in query.severities:
        return False
    reason = first_reason(body)
    if query.only_held and body.get("suppression") is None:
        return False
    if query.reasons and reason not in query.reasons:
        return False
    if query.since_ms is not None:
        last = to_ms(body.get("ends_at"))
        if last is not None and last < query.since_ms:
            return False
    return not query.match or any(matches(pattern, labels()) for pattern in query.match)


def matches(pattern: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Do all named labels fit their shell patterns? A label that is not there fits only `*`.

    >>> matches({"region": "us-*"}, {"metric": "requests", "region": "us-east"})
    True
    """
    return all(fnmatchcase(labels.get(name.replace(".", "_"), ""), glob) for name, glob in pattern.items())
