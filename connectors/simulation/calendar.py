"""The operator's calendar of a simulated world, in the shape of a calendar file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.simulation.planned import CLASSES
from connectors.simulation.truth import Event

CalendarEvent = dict[str, Any]


def calendar_event(event: Event) -> CalendarEvent:
    """One entry as the operator wrote it: scheduled times in UTC, regions, direction and a wide range of change."""
    if event.scheduled_start_ms is None or event.scheduled_end_ms is None:
        raise ValueError(f"{event.event_id} is not in the calendar")
    kind = CLASSES[event.event_class]
    return {
        "id": event.event_id,
        "title": event.title,
        "class": event.event_class,
        "when": {
            "start": _wall(event.scheduled_start_ms),
            "end": _wall(event.scheduled_end_ms),
            "lead": "60m",
            "tail": "120m",
        },
        "scope": {"region": list(event.regions)},
        "expect": {"direction": kind.direction, "change": kind.change},
        "action": "explain",
        "learn": "event-only",
    }


def calendar_yaml(events: Sequence[CalendarEvent]) -> str:
    """A calendar file in UTC; values are written as JSON, which is YAML."""
    lines = [
        "version: 1",
        "timezone: UTC",
        "owner: simulated-world@example.org",
        "",
        "events:" if events else "events: []",
    ]
    for event in events:
        for number, (key, value) in enumerate(event.items()):
            text = json.dumps(value, ensure_ascii=False)
            lines.append(f"  {'- ' if number == 0 else '  '}{key}: {text}")
    return "\n".join(lines) + "\n"


def _wall(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")
