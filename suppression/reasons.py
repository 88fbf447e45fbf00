"""The closed sets of words for an alarm's life; the same words appear in code, JSON, metrics and docs."""

from __future__ import annotations

from typing import Literal, get_args

State = Literal["pending", "held", "firing", "resolved"]
End = Literal["recovered", "adapted", "withdrawn", "series_gone"]
EventType = Literal["fired", "updated", "held", "released", "resolved"]
Reason = Literal["calendar", "mute", "silence", "low_impact", "agreement", "stack", "part_of"]
Direction = Literal["up", "down"]

STATES: tuple[State, ...] = get_args(State)
ENDS: tuple[End, ...] = get_args(End)
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
REASONS: tuple[Reason, ...] = get_args(Reason)
