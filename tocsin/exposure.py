"""How much was watched: series × time of the trailing four weeks, by day; what false alarms are counted against."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.timing import DAY_MS

DAYS = 28


@dataclass(slots=True)
class Exposure:
    """`days` [day since the epoch, series × ms], oldest first, at most `DAYS` of them."""

    days: list[list[int]] = field(default_factory=list)

    def add(self, t_ms: int, series_ms: int) -> None:
        """A tick that was judged; ticks come in order."""
        day = t_ms // DAY_MS
        if not self.days or self.days[-1][0] != day:
            self.days.append([day, 0])
            self.days = [one for one in self.days if one[0] > day - DAYS]
        self.days[-1][1] += series_ms

    def total_ms(self) -> int:
        return sum(series_ms for _, series_ms in self.days)
