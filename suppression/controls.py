"""What people and the daemon have decided, as one frozen value in force at a tick."""

from __future__ import annotations

from dataclasses import dataclass, field

from suppression.calendar import Calendar
from suppression.silence import Silence


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything outside the log that can change a decision; each change is journalled with the tick it applies at."""

    calendar: Calendar = field(default_factory=Calendar)
    silences: tuple[Silence, ...] = ()
    acknowledged: frozenset[str] = frozenset()  # alarm ids
    withdrawn: frozenset[str] = frozenset()  # alarm ids that a person closed as not real
    idle: frozenset[str] = frozenset()  # partitions that hold no tick back and whose series are gaps
