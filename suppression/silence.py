"""A person's silence: matcher, until, by, why."""

from __future__ import annotations

from dataclasses import dataclass

from suppression.calendar import Scope


@dataclass(frozen=True, slots=True)
class Silence:
    """Holds what it matches, told to nobody, from `since_ms` until `until_ms` (event time, end excluded)."""

    id: str
    scope: Scope
    since_ms: int
    until_ms: int
    by: str
    why: str

    def is_in_force(self, t_ms: int) -> bool:
        return self.since_ms <= t_ms < self.until_ms
