"""YAML events as occurrences in time: which event is on at a tick, where, and what it explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["explain", "covariate", "mute"]
Learning = Literal["normal", "event-only", "freeze"]
Expectation = Literal["up", "down", "either", "unknown"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Label patterns; empty matches everything. A selector is patterns that may match and patterns that must not."""

    match: Mapping[str, tuple[str, ...]]
    exclude: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of an event, in event time; `change` is relative, (-0.6, -0.1) for -60%..-10%, None if not given."""

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


@dataclass(frozen=True, slots=True)
class Calendar:
    """All events; placeholder of the compiled form."""

    fingerprint: str = ""

    def active(self, t_ms: int) -> tuple[Occurrence, ...]:
        """Occurrences with start - lead ≤ t < end + tail, ordered by (start, event id)."""
        return ()
