"""Event: what a calendar file says once, as a value; Occurrence: one time that it happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from suppression.scope import Scope

Action = Literal["explain", "covariate", "mute"]
Learning = Literal["normal", "event-only", "freeze"]
Expectation = Literal["up", "down", "either", "unknown"]
Fold = Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """Public holidays of a country as an endless recurrence of whole local days.

    `names` are shell patterns of the holidays that are meant; empty means all of `categories`. `data_version` is the
    version of the table behind it, so that the fingerprint of a calendar changes when the table does.
    """

    country: str
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    names: tuple[str, ...] = ()
    data_version: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a calendar; `start` and `exceptions` are naive wall times in `zone`.

    `length` is elapsed time, or a difference of wall times where `is_wall_length` (an `end` was given, or whole days);
    `repeat` is the text of an RFC 5545 RRULE without DTSTART. With `holidays`, start and repeat are not used and each
    holiday is an occurrence of its own class. `fold` decides which of two equal wall times is meant.
    """

    id: str
    title: str
    start: datetime
    length: timedelta
    zone: str = "UTC"
    event_class: str = ""  # "" = title
    is_wall_length: bool = False
    repeat: str | None = None
    holidays: HolidayRule | None = None
    exceptions: tuple[datetime, ...] = ()
    fold: Fold = "first"
    lead_ms: int = 0
    tail_ms: int = 0
    scope: Scope = field(default_factory=Scope)
    direction: Expectation = "unknown"
    change: tuple[float, float] | None = None  # relative, (-0.6, -0.1) for -60%..-10%
    action: Action = "explain"
    learn: Learning = "event-only"
    approved_by: str | None = None
    expires_ms: int | None = None
    owner: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of an event, in event time; `change` is relative, (-0.6, -0.1) for -60%..-10%, None if not given.

    From `expires_ms` on the occurrence is no longer in force, whatever its end.
    """

    event_id: str
    title: str
    event_class: str
    start_ms: int
    end_ms: int
    lead_ms: int
    tail_ms: int
    scope: Scope
    direction: Expectation
    change: tuple[float, float] | None
    action: Action
    learn: Learning
    expires_ms: int | None = None

    @property
    def from_ms(self) -> int:
        """Start of the window with its lead."""
        return self.start_ms - self.lead_ms

    @property
    def until_ms(self) -> int:
        """End of the window with its tail, excluded; never after the expiry."""
        end = self.end_ms + self.tail_ms
        return end if self.expires_ms is None else min(end, self.expires_ms)
