"""What is measured in a process of its own: built once, measured once a round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """One round of one cell: CPU nanoseconds of a point, and figures worth printing."""

    ns: float
    figures: dict[str, float] = field(default_factory=dict)


class Cell(Protocol):
    """Warm when made. `separation` is asked once, before the clock starts."""

    points: int  # scored a tick

    def separation(self) -> float:
        """Area under the ROC curve, known deviations against the rest; NaN where there is nothing to separate."""

    def measure(self) -> Reading:
        """Scores and learns some ticks."""
