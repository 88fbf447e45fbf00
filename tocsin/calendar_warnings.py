"""Second look at a valid calendar: what is allowed and probably not meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from suppression.calendar import Calendar, Event, Occurrence
from suppression.occurrences import Pattern, occurrence_at, single_occurrence
from suppression.recurrence import wall_times
from suppression.scope import Scope
from tocsin.calendar_file import EventSource
from tocsin.config.faults import Fault

DAY_MS = 86_400_000
HORIZON_MS = 400 * DAY_MS
OPPOSITE = {"up": "down", "down": "up"}
MAX_PAIRS = 200_000  # overlaps looked at; a calendar with more is checked in part


def calendar_warnings(sources: Sequence[EventSource], now_ms: int, known_keys: Iterable[str] = ()) -> list[Fault]:
    """Warnings in order of place; `known_keys` are the labels of the configuration, empty if none is given."""
    known = set(known_keys)
    found = [fault for source in sources for fault in _of_event(source, now_ms, known)]
    return sorted({*found, *_contradictions(sources, now_ms)})


def _of_event(source: EventSource, now_ms: int, known: set[str]) -> Iterator[Fault]:
    event = source.event
    if event.expires_ms is not None and event.expires_ms <= now_ms:
        yield source.warning("has expired: no longer in force", "expires")
    if event.action == "mute" and _length_ms(event) > DAY_MS:
        yield source.warning("mutes for longer than 24h", "action")
    if event.action == "mute" and event.scope.is_everything:
        yield source.warning("mutes everything", "scope")
    if event.repeat is not None:
        rule = Pattern.of(event).rule
        assert rule is not None
        first = wall_times(rule, event.start, event.start, event.start.replace(year=event.start.year + 1))
        if not first or first[0] != event.start:
            yield source.warning(
                "the start is not one of its own times by repeat: it happens first later", "when", "start"
            )
        for missing in event.exceptions:
            if not wall_times(rule, event.start, missing, missing.replace(microsecond=1)):
                yield source.warning(f"{missing:%Y-%m-%dT%H:%M} is none of its times", "when", "except")
    for key in event.scope.keys:
        if known and key not in known:
            reason = f"{key!r} is neither metric, a dimension nor a parent of the configuration: matches no series"
            yield source.warning(reason, "scope", key)


def _length_ms(event: Event) -> int:
    if event.holidays is not None:
        return DAY_MS + event.lead_ms + event.tail_ms
    once = single_occurrence(event) if event.repeat is None else occurrence_at(event, event.start)
    return once.until_ms - once.from_ms


def _contradictions(sources: Sequence[EventSource], now_ms: int) -> Iterator[Fault]:
    """Pairs of events that overlap within the next 400 days, share rows and expect opposite directions; each once."""
    directed = {s.event.id: s for s in sources if s.event.direction in OPPOSITE}
    calendar = Calendar(tuple(s.event for s in directed.values()))
    told: set[tuple[str, str]] = set()
    on: list[Occurrence] = []
    pairs = 0
    for occurrence in calendar.between(now_ms, now_ms + HORIZON_MS):
        on = [other for other in on if other.until_ms > occurrence.from_ms]
        for other in on:
            pairs += 1
            if pairs > MAX_PAIRS:
                return
            pair = (other.event_id, occurrence.event_id)
            is_opposite = OPPOSITE[other.direction] == occurrence.direction
            if is_opposite and pair not in told and pair[::-1] not in told and _may_meet(other.scope, occurrence.scope):
                told.add(pair)
                first, second = sorted(pair, key=list(directed).index)  # told at the one that stands later
                yield directed[second].warning(f"overlaps {first!r}, which expects the opposite direction")
        on.append(occurrence)


def _may_meet(one: Scope, other: Scope) -> bool:
    """False only if plain values of one key exclude each other."""
    for key in set(one.match) & set(other.match):
        here, there = one.match[key], other.match[key]
        if not any(one.allows(key, value) for value in there) and not any(other.allows(key, value) for value in here):
            return False
    return True
