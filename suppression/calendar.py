"""Calendar: which events are on at any moment, at the cost of the moment's neighbourhood."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from suppression.event import Action, Event, Expectation, HolidayRule, Learning, Occurrence
from suppression.occurrences import Pattern, single_occurrence
from suppression.scope import Scope

__all__ = ["Action", "Calendar", "Event", "Expectation", "HolidayRule", "Learning", "Occurrence", "Scope"]

SPAN_MS = 1 << 31  # 24.9 days; occurrences are expanded and kept by spans of this length
KEPT_SPANS = 512  # 35 years; beyond it the cache starts anew


@dataclass(slots=True)
class _Span:
    """Occurrences whose window touches one span of time, by (start, event id), and the last answer."""

    occurrences: list[Occurrence]
    since: NDArray[np.int64]  # (N,) window with lead
    until: NDArray[np.int64]  # (N,) window with tail, excluded
    edges: NDArray[np.int64]  # sorted moments at which the answer changes
    last: tuple[int, tuple[Occurrence, ...]] = (-1, ())  # one tuple, so that threads see a whole answer


@dataclass(frozen=True)
class Calendar:
    """All events, compiled: answers for any moment without a horizon; equal events give equal answers.

    What is kept between calls is a cache only. Occurrences of recurring events are expanded span by span on first use;
    a call inside a known span looks them up.
    """

    events: tuple[Event, ...] = ()
    _spans: dict[int, _Span] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that the events say, independent of their order."""
        texts = sorted(json.dumps(asdict(event), sort_keys=True, default=str) for event in self.events)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()

    def active(self, t_ms: int) -> tuple[Occurrence, ...]:
        """Occurrences with start - lead ≤ t < end + tail that have not expired, ordered by (start, event id)."""
        if not self.events:
            return ()
        span = self._span(t_ms // SPAN_MS)
        if not span.occurrences:
            return ()
        segment = int(np.searchsorted(span.edges, t_ms, side="right"))
        known, answer = span.last
        if known != segment:
            on = np.flatnonzero((span.since <= t_ms) & (t_ms < span.until))
            answer = tuple(span.occurrences[i] for i in on.tolist())
            span.last = (segment, answer)
        return answer

    def between(self, from_ms: int, to_ms: int) -> tuple[Occurrence, ...]:
        """Occurrences whose window (lead and tail included) touches from ≤ t < to, ordered by (start, event id)."""
        if not self.events or from_ms >= to_ms:
            return ()
        found: dict[tuple[int, str, str], Occurrence] = {}
        for number in range(from_ms // SPAN_MS, (to_ms - 1) // SPAN_MS + 1):
            for occurrence in self._span(number).occurrences:
                if occurrence.from_ms < to_ms and from_ms < occurrence.until_ms:
                    found[_order(occurrence)] = occurrence
        return tuple(found[key] for key in sorted(found))

    def event(self, event_id: str) -> Event | None:
        """The event of this id; for an occurrence of a holiday its rule's event."""
        return self._by_id.get(event_id)

    @cached_property
    def _by_id(self) -> dict[str, Event]:
        return {event.id: event for event in self.events}

    @cached_property
    def _singles(self) -> tuple[list[Occurrence], NDArray[np.int64], NDArray[np.int64]]:
        single = sorted((single_occurrence(e) for e in self.events if not _is_recurring(e)), key=_order)
        since = np.array([o.from_ms for o in single], np.int64)
        return single, since, np.array([o.until_ms for o in single], np.int64)

    @cached_property
    def _patterns(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.of(event) for event in self.events if _is_recurring(event))

    def _span(self, number: int) -> _Span:
        span = self._spans.get(number)
        if span is None:
            if len(self._spans) >= KEPT_SPANS:
                self._spans.clear()
            span = self._spans[number] = self._expand(number * SPAN_MS, (number + 1) * SPAN_MS)
        return span

    def _expand(self, from_ms: int, to_ms: int) -> _Span:
        occurrences = sorted(self._touching(from_ms, to_ms), key=_order)
        since = np.array([o.from_ms for o in occurrences], np.int64)
        until = np.array([o.until_ms for o in occurrences], np.int64)
        return _Span(occurrences, since, until, np.unique(np.concatenate([since, until])))

    def _touching(self, from_ms: int, to_ms: int) -> Iterator[Occurrence]:
        single, since, until = self._singles
        for i in np.flatnonzero((since < to_ms) & (from_ms < until)).tolist():
            yield single[i]
        for pattern in self._patterns:
            yield from pattern.touching(from_ms, to_ms)


def _is_recurring(event: Event) -> bool:
    return event.repeat is not None or event.holidays is not None


def _order(occurrence: Occurrence) -> tuple[int, str, str]:
    return occurrence.start_ms, occurrence.event_id, occurrence.title
