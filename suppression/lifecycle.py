"""A candidate's life: pending, held or firing, resolved; every change that people see is a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from detector.schema import MINUTE_MS
from suppression.alarm import AlarmEvent
from suppression.candidate import Candidate
from suppression.decide import Verdict
from suppression.reasons import End, EventType

SEVERITIES = ("info", "warning", "critical")
UPDATE_GROWTH = 1.5  # an alarm is told anew when its size grows by half
INCIDENT_MS = 10 * MINUTE_MS


@dataclass(slots=True)
class Lifecycle:
    """Turns verdicts into events. Held: entries are for the ledger and are not told."""

    events: list[AlarmEvent] = field(default_factory=list)

    def apply(
        self, candidate: Candidate, verdict: Verdict, t_ms: int, make_body: Callable[[Candidate, int], dict[str, Any]]
    ) -> None:
        """Moves the candidate's state; appends at most one event."""
        if verdict == "hold":
            if candidate.would_have_fired_ms is None:
                candidate.would_have_fired_ms = t_ms
            if candidate.state == "pending":
                candidate.state = "held"
                candidate.held_since_ms = t_ms
                self._emit(candidate, "held", t_ms, make_body)
        elif verdict == "tell":
            if candidate.state == "pending":
                candidate.state, candidate.fired_ms = "firing", t_ms
                self._emit(candidate, "fired", t_ms, make_body)
            elif candidate.state == "held":
                candidate.state, candidate.fired_ms = "firing", t_ms
                self._emit(candidate, "released", t_ms, make_body)

    def update(self, candidate: Candidate, t_ms: int, make_body: Callable[[Candidate, int], dict[str, Any]]) -> None:
        """A firing alarm changed so that people should know: wider, graver, acknowledged."""
        self._emit(candidate, "updated", t_ms, make_body)

    def resolve(
        self, candidate: Candidate, end: End, t_ms: int, make_body: Callable[[Candidate, int], dict[str, Any]]
    ) -> None:
        """Ends it. What was never held or told leaves no trace."""
        visible = candidate.state in ("held", "firing")
        candidate.state, candidate.end, candidate.ended_ms = "resolved", end, t_ms
        if visible:
            self._emit(candidate, "resolved", t_ms, make_body)

    def _emit(
        self, candidate: Candidate, kind: EventType, t_ms: int, make_body: Callable[[Candidate, int], dict[str, Any]]
    ) -> None:
        candidate.revision += 1
        candidate.changed_ms = t_ms
        if candidate.fired_ms is not None:
            candidate.was_told = True
        data = make_body(candidate, candidate.revision)
        candidate.body = {}
        self.events.append(
            AlarmEvent(
                kind,
                t_ms,
                candidate.alarm_id,
                candidate.revision,
                candidate.state,
                candidate.severity,  # type: ignore[arg-type]
                candidate.end,
                candidate.was_told,
                data,
            )
        )


def severity(share: float, fused: float, fixed: str | None, before: str) -> str:
    """By the share of the metric's expected volume that the cuboid gained or lost: 1 % warning, 10 % critical.

    One up from c = 12 on; a fixed severity of metric or group wins; it never falls while the alarm lives.
    """
    if fixed is not None:
        return fixed
    level = 2 if share >= 0.1 else 1 if share >= 0.01 else 0
    if fused >= 12:
        level = min(level + 1, 2)
    return SEVERITIES[max(level, SEVERITIES.index(before))]
