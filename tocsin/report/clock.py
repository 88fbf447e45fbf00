"""The clock of a backtest: times as the engine has them, and how they are read and written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from suppression.wall import EPOCH, MILLISECOND, ms_to_wall
from tocsin.config.time_fields import parse_time, to_ms

if TYPE_CHECKING:
    from suppression.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Clock:
    """`zone` is that of times without a zone. `is_wall`: the data has such times, and the engine's clock is that wall.

    A wall clock keeps days and weeks where people have them, whatever the season; UTC is the axis where the data says
    in which zone its times are.
    """

    zone: str = "UTC"
    is_wall: bool = False

    @property
    def name(self) -> str:
        return self.zone if self.is_wall else "UTC"

    def read(self, text: str) -> int:
        """Milliseconds on the engine's axis of an ISO time, a date, or seconds (ms, us, ns) since 1970; ValueError."""
        cell = text.strip()
        try:
            number = float(cell)
        except ValueError:
            time = parse_time(cell)
            if time.tzinfo is None and self.is_wall:
                return (time - EPOCH) // MILLISECOND
            return self.of_utc(to_ms(time, self.zone))
        size = abs(number)
        if not 9e8 <= size < 5e18:
            raise ValueError(f"expected a time such as 2026-10-15T20:15 or seconds since 1970, got {text!r}") from None
        for least, per_ms in ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0)):
            if size >= least:
                return self.of_utc(int(number / per_ms))
        return self.of_utc(int(number * 1000))

    def of_utc(self, t_ms: int) -> int:
        """A moment of UTC on the engine's axis."""
        if not self.is_wall or self.zone == "UTC":
            return t_ms
        return (ms_to_wall(t_ms, self.zone).replace(fold=0) - EPOCH) // MILLISECOND

    def text(self, t_ms: int) -> str:
        """`2026-11-20 22:47`, with seconds where there are any."""
        moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=t_ms)
        return f"{moment:%Y-%m-%d %H:%M}" + (f":{moment:%S}" if moment.second else "")

    def calendar(self, calendar: Calendar, from_ms: int, to_ms: int) -> Calendar:
        """The calendar on the engine's axis; on a wall clock the occurrences from one time to another."""
        if not self.is_wall or self.zone == "UTC" or not calendar.events:
            return calendar
        from suppression.calendar import Calendar as Compiled

        day = 86_400_000
        moved = []
        for number, occurrence in enumerate(calendar.between(from_ms - day, to_ms + day)):
            event = calendar.event(occurrence.event_id)
            assert event is not None
            start, end = self.of_utc(occurrence.start_ms), self.of_utc(occurrence.end_ms)
            expires = None if occurrence.expires_ms is None else self.of_utc(occurrence.expires_ms)
            is_alone = event.repeat is None and event.holidays is None
            moved.append(
                replace(
                    event, id=event.id if is_alone else f"{event.id}.{number}", title=occurrence.title,
                    event_class=occurrence.event_class, start=EPOCH + start * MILLISECOND,
                    length=timedelta(milliseconds=max(end - start, 1)), zone="UTC", is_wall_length=False, repeat=None,
                    holidays=None, exceptions=(), fold="first", expires_ms=expires,
                )
            )  # fmt: skip
        return Compiled(tuple(moved))
