"""The contract of a store of alarms: what the pages and the HTTP API ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Body = Mapping[str, Any]  # an alarm as docs/reference/alarm.md has it: AlarmEvent.data


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """Which alarms; an empty condition lets everything pass.

    `match` is a union of conjunctions of label → shell pattern. `cursor` is the id of the last alarm of the page
    before. `reasons` asks for the ledger: alarms that were ever held, first under one of these reasons.
    """

    states: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    match: tuple[Mapping[str, str], ...] = ()
    since_ms: int | None = None  # alarms that started, or were still going on, at or after
    limit: int = 100
    cursor: str | None = None
    only_held: bool = False
    reasons: frozenset[str] = frozenset()


class AlarmPage(NamedTuple):
    """One page of alarms, newest start first, and the cursor of the next one (None: this was the last)."""

    items: Sequence[Body]
    next: str | None


class Points(NamedTuple):
    """One row over time; NaN in `observed` is a gap. `t_ms` is int64, the rest float32; T long each."""

    t_ms: Sequence[int]
    observed: Sequence[float]
    expected: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]


class AlarmStore(Protocol):
    """Alarms, told and held, by id; every method may be called from any thread and answers from what it has."""

    def list(self, query: AlarmQuery) -> AlarmPage: ...
    def get(self, alarm_id: str) -> Body | None: ...
    def timeline(self, alarm_id: str) -> Sequence[Body]:
        """Its events, oldest first: type, time (RFC 3339), revision, state, severity, end, surprise, summary."""
        ...

    def points(self, alarm_id: str) -> Points | None:
        """The row of the alarm around its life; None when nothing was kept."""
        ...
