"""The simulated world as a source: one partition per region, as fast as polled or at a multiple of real time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from connectors.simulation.rng import Stream, generator
from connectors.simulation.world import World
from detector.errors import ConfigError
from detector.frame import Batch

MINUTE_MS = 60_000
MAX_SKEW_MINUTES = 60  # how far interleaved partitions may run apart


class SimulatorSource:
    """Serves minutes [from, to) of a world. Sample i of a partition's minute m has offset m * rows + i.

    Samples that never arrived have an offset and no sample, as in a compacted topic. Record time is event time. The
    last batch of a partition closes it. With `speed`, minute m can be polled once speed × elapsed time has passed
    its end. With `interleave` (a seed), partitions advance unevenly, up to an hour apart.
    """

    def __init__(
        self,
        world: World,
        from_minute: int = 0,
        to_minute: int | None = None,
        *,
        speed: float | None = None,
        batch_minutes: int = 10,
        interleave: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        end = world.parameters.minutes if to_minute is None else to_minute
        if not 0 <= from_minute <= end <= world.parameters.minutes:
            limit = world.parameters.minutes
            raise ConfigError(
                f"source.simulator: expected 0 <= from <= to <= {limit} minutes, got {from_minute}, {end}"
            )
        if speed is not None and not speed > 0:
            raise ConfigError(f"source.simulator.speed: expected a number above 0, got {speed}")
        if batch_minutes < 1:
            raise ConfigError(f"source.simulator.batch_minutes: expected at least 1, got {batch_minutes}")
        self._world, self._from, self._to = world, from_minute, end
        self._speed, self._batch_minutes, self._interleave = speed, batch_minutes, interleave
        self._clock, self._sleep = clock, sleep
        regions = [region.name for region in world.parameters.geography.regions]
        self._rows = {
            f"simulator/{name}": np.array([row for row, key in enumerate(world.leaves) if key[2] == name])
            for name in regions
        }
        self._next: dict[str, int] = {}  # offset to go on from
        self._closed: set[str] = set()
        self._started = 0.0
        self._polls = 0

    def open(self, positions: Mapping[str, int]) -> None:
        """Starts; a paced world begins with its earliest position."""
        for partition, rows in self._rows.items():
            first, end = self._from * len(rows), self._to * len(rows)
            self._next[partition] = min(max(positions.get(partition, first), first), end)
        self._closed.clear()
        self._polls = 0
        self._begin = min(self._minute(p) for p in self._rows)
        self._started = self._clock()

    def poll(self, timeout_s: float) -> list[Batch]:
        """At most one batch per partition; waits up to `timeout_s` when nothing is due yet."""
        batches = self._take()
        if not batches and not self.is_finished() and timeout_s > 0:
            self._sleep(min(timeout_s, self._seconds_to_next()))
            batches = self._take()
        return batches

    def partitions(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def is_finished(self) -> bool:
        return len(self._closed) == len(self._rows)

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        """Offsets that are due and not polled, and the time of the last minute read."""
        due, found = self._due(), {}
        for partition, rows in self._rows.items():
            position = self._next.get(partition, self._from * len(rows))
            last = position // len(rows) - 1
            read = self._world.parameters.start_ms + last * MINUTE_MS if last >= self._from else None
            found[partition] = (max(due * len(rows) - position, 0), read)
        return found

    def identity(self) -> str:
        """Changes with anything that changes the samples."""
        text = f"{self._world.parameters!r} {self._from} {self._to}"
        return f"simulator:{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def close(self) -> None:
        """Nothing is held."""

    def _minute(self, partition: str) -> int:
        return self._next[partition] // len(self._rows[partition])

    def _due(self) -> int:
        """First minute that cannot be polled yet."""
        if self._speed is None or not self._next:
            return self._to
        elapsed = self._clock() - self._started
        return min(self._begin + int(elapsed * self._speed / 60 + 1e-9), self._to)

    def _seconds_to_next(self) -> float:
        assert self._speed is not None
        due_at = (self._due() + 1 - self._begin) * 60 / self._speed
        return max(due_at - (self._clock() - self._started), 0.0)

    def _take(self) -> list[Batch]:
        due = self._due()
        batches = []
        for partition, minutes in self._shares():
            begin = self._minute(partition)
            end = min(begin + minutes, due)
            if end > begin or (begin == self._to and partition not in self._closed):
                batches.append(self._batch(partition, begin, end))
        return batches

    def _shares(self) -> list[tuple[str, int]]:
        """Which partitions are served at this poll, in which order, and for how many minutes at most."""
        waiting = [p for p in self._rows if p not in self._closed]
        self._polls += 1
        if self._interleave is None or not waiting:
            return [(p, self._batch_minutes) for p in waiting]
        draw = generator(self._interleave, Stream.INTERLEAVING, self._polls)
        slowest = min(self._minute(p) for p in waiting)
        shares = []
        for i in draw.permutation(len(waiting)):
            partition = waiting[i]
            room = slowest + MAX_SKEW_MINUTES - self._minute(partition)
            minutes = min(int(draw.integers(0, self._batch_minutes + 1)), room)
            if self._minute(partition) == slowest:
                minutes = max(minutes, 1)
            if minutes > 0:
                shares.append((partition, minutes))
        return shares

    def _batch(self, partition: str, begin: int, end: int) -> Batch:
        rows = self._rows[partition]
        skip = self._next[partition] - begin * len(rows)
        t_ms, y = self._world.panel(begin, end)
        value = y[:, rows].ravel()
        arrived = np.flatnonzero(~np.isnan(value))
        arrived = arrived[arrived >= skip]
        time_ms = np.repeat(t_ms, len(rows))[arrived]
        keys = [self._world.leaves[row] for row in rows]
        self._next[partition] = end * len(rows)
        closes_ms = None
        if end == self._to:
            self._closed.add(partition)
            closes_ms = self._world.parameters.start_ms + self._to * MINUTE_MS
        return Batch(
            partition=partition,
            keys=[keys[i % len(rows)] for i in arrived.tolist()],
            time_ms=time_ms,
            value=value[arrived],
            record_ms=time_ms,
            next_offset=self._next[partition],
            closes_ms=closes_ms,
            last_record_ms=int(t_ms[-1]) if end > begin else None,
        )
