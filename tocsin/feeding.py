"""Feeding: samples in event-time order to messages keyed by place, at a pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connectors.records.encode import Encoder
from connectors.tables.block import Block
from detector.errors import ConfigError
from detector.frame import Key

MAX_POINTS = 100  # of a message in the layouts batch and columnar


class Message(NamedTuple):
    """One message: the key that chooses its partition, its body, the event time it belongs to, its samples."""

    key: bytes
    value: bytes
    time_ms: int
    samples: int


@dataclass(frozen=True, slots=True)
class Window:
    """Event times to feed: `from_ms` included, `to_ms` excluded; None: no bound."""

    from_ms: int | None = None
    to_ms: int | None = None


def messages(
    blocks: Iterable[Block], encoder: Encoder, place: int | None, window: Window = Window()
) -> Iterator[Message]:
    """Messages in event-time order; samples of one time and place share messages where the layout allows it.

    `place`: which part of a sample's key is its place. Without one the whole key chooses the partition, so that the
    samples of a series stay in order.
    """
    at_most = 1 if encoder.mapping.layout == "single" else MAX_POINTS
    waiting: list[tuple[Key, int, float]] = []
    for block in blocks:
        for sample in zip(block.keys, block.time_ms.tolist(), block.value.tolist(), strict=True):
            if window.to_ms is not None and sample[1] >= window.to_ms:
                yield from _of_one_time(waiting, encoder, place, at_most)
                return
            if window.from_ms is not None and sample[1] < window.from_ms:
                continue
            if waiting and waiting[0][1] != sample[1]:
                yield from _of_one_time(waiting, encoder, place, at_most)
                waiting = []
            waiting.append(sample)
    yield from _of_one_time(waiting, encoder, place, at_most)


def _of_one_time(
    samples: Sequence[tuple[Key, int, float]], encoder: Encoder, place: int | None, at_most: int
) -> Iterator[Message]:
    groups: dict[bytes, list[tuple[Key, int, float]]] = {}
    for sample in samples:
        text = "|".join(sample[0]) if place is None else sample[0][place]
        groups.setdefault(text.encode(), []).append(sample)
    for key, members in groups.items():
        for first in range(0, len(members), at_most):
            keys, times, values = zip(*members[first : first + at_most], strict=True)
            yield Message(key, encoder.encode(keys, times, values), times[0], len(keys))


class Pace:
    """Waits so that event time passes `speed` times as fast as real time; without a speed it never waits."""

    def __init__(
        self,
        speed: float | None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise ConfigError(f"--speed: expected a number above 0, got {speed:g}")
        self._speed, self._monotonic, self._sleep = speed, monotonic, sleep
        self._began: tuple[float, int] | None = None

    def is_due_in(self, time_ms: int) -> float:
        """Seconds until an event time is due."""
        if self._speed is None:
            return 0.0
        if self._began is None:
            self._began = (self._monotonic(), time_ms)
        began, first_ms = self._began
        return began + (time_ms - first_ms) / 1000 / self._speed - self._monotonic()

    def wait_for(self, time_ms: int, flush: Callable[[], None]) -> None:
        """Waits until an event time is due; what was sent before is flushed first."""
        seconds = self.is_due_in(time_ms)
        if seconds > 0:
            flush()
            self._sleep(max(0.0, self.is_due_in(time_ms)))

    def restart(self) -> None:
        """After a pause: the next time is due at once."""
        self._began = None
