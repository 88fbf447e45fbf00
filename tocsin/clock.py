"""The wall clock as a value that is passed in: deliveries, retries and people need it, decisions never do."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """`wall_ms` is UTC and may be stepped by anyone; `monotonic_s` measures intervals and never goes back."""

    def wall_ms(self) -> int: ...
    def monotonic_s(self) -> float: ...
    def wait(self, event: threading.Event, timeout_s: float) -> bool: ...


class SteadyClock:
    """Wall time at the start plus what has passed since: no age jumps when the wall clock is stepped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_ms = clock.wall_ms() - round(clock.monotonic_s() * 1000)

    def ms(self) -> int:
        return self._start_ms + round(self._clock.monotonic_s() * 1000)


class SystemClock:
    """The machine's clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)


class ManualClock:
    """A clock that moves only when told; `wait` moves it by the time-out at once, so that loops need no sleep."""

    def __init__(self, wall_ms: int = 1_760_000_000_000) -> None:
        self._wall_ms = wall_ms
        self._monotonic_s = 0.0

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if not event.is_set():
            self.advance(timeout_s)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        self._monotonic_s += seconds
        self._wall_ms += round(seconds * 1000)

    def step_wall(self, wall_ms: int) -> None:
        """Steps the wall clock as an administrator would; intervals do not notice."""
        self._wall_ms = wall_ms
