"""Rows of calendar listings: events with their next occurrence, and occurrences in UTC and local time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detector.errors import ConfigError
from suppression.calendar import Calendar, Event, Occurrence, Scope
from suppression.wall import ms_to_wall
from tocsin.config.duration import format_duration
from tocsin.listing import Row
from tocsin.silences_edit import utc_text

DAY_MS = 86_400_000
LOOK_AHEAD_DAYS = 400
EVENT_COLUMNS = {
    "id": "ID", "class": "CLASS", "next": "NEXT (UTC)", "zone": "ZONE", "repeat": "REPEAT", "action": "ACTION",
    "expect": "EXPECT", "scope": "SCOPE",
}  # fmt: skip


def event_rows(calendar: Calendar, now_ms: int) -> list[Row]:
    """One row an event, in order of its next occurrence and then of its id; what is past or on nothing comes last."""
    following: dict[str, Occurrence] = {}
    for occurrence in calendar.between(now_ms, now_ms + LOOK_AHEAD_DAYS * DAY_MS):
        if occurrence.end_ms > now_ms:
            following.setdefault(occurrence.event_id, occurrence)
    rows = [_event_row(event, following.get(event.id)) for event in calendar.events]
    return sorted(rows, key=lambda row: (row["next"] is None, row["next"] or "", row["id"]))


def occurrence_rows(occurrences: Sequence[Occurrence], zone: str) -> list[Row]:
    """One row an occurrence, in their order."""
    return [
        {
            "id": o.event_id,
            "title": o.title,
            "class": o.event_class,
            "start": utc_text(o.start_ms),
            "end": utc_text(o.end_ms),
            "local_start": f"{ms_to_wall(o.start_ms, zone):%a %Y-%m-%d %H:%M}",
            "local_end": f"{ms_to_wall(o.end_ms, zone):%a %Y-%m-%d %H:%M}",
            "zone": zone,
            "lead": format_duration(o.lead_ms),
            "tail": format_duration(o.tail_ms),
            "action": o.action,
            "learn": o.learn,
            "expect": _expect(o.direction, o.change),
            "scope": scope_row(o.scope),
        }
        for o in occurrences
    ]


def occurrence_columns(zone: str) -> dict[str, str]:
    """Headings; local times only where they differ from UTC."""
    local = {} if zone == "UTC" else {"local_start": f"START ({zone})", "local_end": f"END ({zone})"}
    first = {"start": "START (UTC)", "end": "END (UTC)"}
    return {**first, **local, "id": "ID", "title": "TITLE", "action": "ACTION", "expect": "EXPECT", "scope": "SCOPE"}


def scope_row(scope: Scope) -> dict[str, Any]:
    """A scope as JSON values: `{"region": ["us-*"], "device": {"not": ["tv"]}}`, or `{"all": true}`."""
    shown: dict[str, Any] = {}
    for key in scope.keys:
        match, exclude = scope.match.get(key), scope.exclude.get(key)
        selector = {**({"any": list(match)} if match else {}), **({"not": list(exclude)} if exclude else {})}
        shown[key] = list(match) if match and not exclude else selector
    return shown or {"all": True}


def zone_named(zone: str) -> str:
    """The zone, or ConfigError with a near one."""
    from tocsin.config.time_fields import check_zone

    try:
        return check_zone(zone)
    except ValueError as error:
        raise ConfigError(f"--tz: {error}") from None


def _event_row(event: Event, following: Occurrence | None) -> dict[str, Any]:
    return {
        "id": event.id,
        "title": event.title,
        "class": event.event_class or (event.title if event.holidays is None else None),
        "next": None if following is None else utc_text(following.start_ms),
        "zone": event.zone,
        "repeat": event.repeat if event.holidays is None else f"holidays of {event.holidays.country}",
        "action": event.action,
        "learn": event.learn,
        "expect": _expect(event.direction, event.change),
        "scope": scope_row(event.scope),
        "approved_by": event.approved_by,
        "expires": None if event.expires_ms is None else utc_text(event.expires_ms),
        "owner": event.owner,
        "tags": dict(event.tags),
    }


def _expect(direction: str, change: tuple[float, float] | None) -> str:
    return direction if change is None else f"{direction} {change[0]:+.0%}..{change[1]:+.0%}"
