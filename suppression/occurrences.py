"""Occurrences of one event: wall times of its recurrence, turned into windows of event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from suppression.event import Event, Occurrence
from suppression.holidays import holiday_class, holiday_days
from suppression.recurrence import Rule, parse_rule, wall_times
from suppression.wall import MILLISECOND, is_in_gap, ms_to_wall, wall_to_ms

MARGIN_MS = 2 * 86_400_000  # more than any difference between two wall clocks
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A recurring event whose rule is read; a holiday rule has no `rule`."""

    event: Event
    rule: Rule | None

    @classmethod
    def of(cls, event: Event) -> Pattern:
        """ValueError if the text of the rule is wrong."""
        return cls(event, None if event.repeat is None else parse_rule(event.repeat, event.start, event.zone))

    def touching(self, from_ms: int, to_ms: int) -> Iterator[Occurrence]:
        """Occurrences whose window (lead and tail included) touches from ≤ t < to; each once, in order."""
        event = self.event
        length_ms = (event.length if event.holidays is None else DAY) // MILLISECOND
        after = ms_to_wall(from_ms - event.tail_ms - length_ms - MARGIN_MS, event.zone).replace(fold=0)
        before = ms_to_wall(to_ms + event.lead_ms + MARGIN_MS, event.zone).replace(fold=0)
        seen: set[tuple[int, str]] = set()
        for wall, name in self._walls(after, before):
            if wall in event.exceptions:
                continue
            occurrence = occurrence_at(event, wall, name)
            identity = (occurrence.start_ms, occurrence.title)  # two hours of a gap fall on one moment
            if occurrence.from_ms < to_ms and from_ms < occurrence.until_ms and identity not in seen:
                seen.add(identity)
                yield occurrence

    def _walls(self, after: datetime, before: datetime) -> Iterator[tuple[datetime, str]]:
        if self.event.holidays is not None:
            days = holiday_days(self.event.holidays, after.year, before.year)
            yield from ((day, name) for day, name in days if after <= day < before)
        elif self.rule is not None:
            yield from ((wall, "") for wall in wall_times(self.rule, self.event.start, after, before))


def single_occurrence(event: Event) -> Occurrence:
    """The one occurrence of an event that does not recur."""
    return occurrence_at(event, event.start)


def occurrence_at(event: Event, wall: datetime, holiday: str = "") -> Occurrence:
    """The occurrence that starts at this wall time in the event's zone."""
    start_ms = wall_to_ms(wall, event.zone, is_second=event.fold == "second")
    title = holiday or event.title
    return Occurrence(
        event_id=event.id,
        title=title,
        event_class=event.event_class or (holiday_class(holiday) if holiday else event.title),
        start_ms=start_ms,
        end_ms=_end_ms(event, wall, start_ms),
        lead_ms=event.lead_ms,
        tail_ms=event.tail_ms,
        scope=event.scope,
        direction=event.direction,
        change=event.change,
        action=event.action,
        learn=event.learn,
        expires_ms=event.expires_ms,
    )


def _end_ms(event: Event, wall: datetime, start_ms: int) -> int:
    """Elapsed length, or the wall clock's reading at the end; an event that starts in a gap keeps its full length."""
    elapsed = start_ms + event.length // MILLISECOND
    if not event.is_wall_length or is_in_gap(wall, event.zone):
        return elapsed
    end_ms = wall_to_ms(wall + event.length, event.zone, is_second=event.fold == "second")
    return end_ms if end_ms > start_ms else elapsed
