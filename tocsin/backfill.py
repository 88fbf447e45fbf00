"""Backfill: history into a state that has learnt it, published as the snapshot from which `run` goes on.

Three stages, each of which can be killed: gathering (samples through the daemon's own aligner into parts on disk),
learning (levels from the parts, then quiet steps), publishing. What was gathered stays with its source positions and
open ticks, so that `run` reads on exactly where gathering stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from connectors import snapshot
from connectors.source import Source
from detector.errors import ConfigError, RefusedError, UnreachableError
from suppression.body import iso
from suppression.calendar import Calendar
from tocsin.clock import Clock
from tocsin.core import State
from tocsin.engine import Engine, Engines
from tocsin.lone_start import warm_up_lone
from tocsin.spool import Arrays, Spool
from tocsin.warmup import first_quiet, start_levels, step_quietly

DAY_MS = 86_400_000
QUIET_MS = 14 * DAY_MS  # stepped through: the calibration and the threshold want two weeks
PART_VALUES = 8_000_000  # of a part at most about so many, 64 MB
PART_S = 20.0  # a part at least so often
SAVE_S = 60.0  # what learning has reached
IDLE_MS = 120_000  # event time by which a partition without a backlog may lie behind
CONNECT_S = 60.0


class Teller(Protocol):
    """Hears how far it is; called often."""

    def gathering(self, samples: int, until_ms: int | None, left: int) -> None: ...
    def learning(self, done: int, of: int) -> None: ...
    def say(self, line: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Window:
    """Ticks that are learnt: those that begin from `from_ms` (None: from the first sample) up to before `to_ms`."""

    from_ms: int | None
    to_ms: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """An engine that has learnt, and what its snapshot says about where it came from."""

    engine: Engine
    ticks: dict[str, int]  # interval → newest tick inside the state
    closed: frozenset[str]
    source: str  # identity of the source that was read
    learnt: int  # ticks


class Backfill:
    """One backfill into one data directory; the caller holds the directory's lock."""

    def __init__(
        self, data_dir: Path, engines: Engines, source: Source, calendar: Calendar, window: Window, clock: Clock,
        teller: Teller, origin: str,
    ) -> None:  # fmt: skip
        """`origin` names where history comes from, in words that a resumed backfill must repeat."""
        self._data_dir, self._engines, self._source, self._calendar = data_dir, engines, source, calendar
        self._window, self._clock, self._teller, self._origin = window, clock, teller, origin
        self._spool = Spool(data_dir)
        self._engine = engines.new()
        self._closed: set[str] = set()
        self._samples = 0
        self._identity = ""  # of the source that was read

    def run(self, resume: bool = False) -> Learnt:
        """Gathers and learns; with `resume` from what an earlier one has left, else anew."""
        refuse_newer(self._data_dir, self._window.to_ms)
        is_whole = False
        if resume:
            is_whole = self._go_on()
        elif self._spool.exists():
            self._teller.say("what an earlier backfill gathered is discarded; --resume goes on from it")
        if not resume:
            self._spool.clear()
        if not is_whole:
            self._gather()
        learnt = self._learn()
        if not learnt:
            self._spool.clear()
            raise ConfigError(
                f"no tick between {iso(self._window.from_ms) or 'the first sample'} and {iso(self._window.to_ms)}: "
                "expected history with samples of the configured metrics"
            )
        ticks = {str(lane.schema.interval_ms): lane.state.t_ms for lane in self._engine.lanes if lane.state.t_ms >= 0}
        return Learnt(self._engine, ticks, frozenset(self._closed), self._identity, learnt)

    def clear(self) -> None:
        """The snapshot is published: what was gathered is not needed any more."""
        self._spool.clear()

    # -- gathering ---------------------------------------------------------------------------------------------------

    def _go_on(self) -> bool:
        """Takes up the newest part; True if gathering had come to its end."""
        found = self._spool.newest()
        if found is None:
            self._teller.say("nothing was gathered yet: beginning anew")
            return False
        header, arrays = found
        if (header["fingerprint"], header["origin"]) != (self._engine.fingerprint(), self._origin):
            raise RefusedError(
                f"{self._spool.folder}: was gathered from {header['origin']} or for another configuration; expected "
                f"{self._origin} and the same series and parameters: leave out --resume to begin anew"
            )
        self._window = Window(header["from_ms"], header["to_ms"])
        self._engine = self._engines.load(header["engine"], arrays)
        self._closed = set(header["closed"])
        self._identity = str(header["source"])
        self._samples = int(header["samples"])
        self._teller.say(f"going on after {self._samples} samples")
        return bool(header["is_whole"])

    def _gather(self) -> None:
        engine, source, clock = self._engine, self._source, self._clock
        source.open(engine.positions)
        started_ms, started_s = clock.wall_ms(), clock.monotonic_s()
        part_s = started_s
        try:
            while True:
                batches = source.poll(0.2)
                if not source.partitions():
                    if clock.monotonic_s() - started_s > CONNECT_S:
                        says: Callable[[], str] = getattr(source, "status", lambda: "it does not answer")
                        raise UnreachableError(f"the source cannot be read: {says()}")
                    continue
                engine.expect(frozenset(source.partitions()))
                for batch in batches:
                    engine.take(batch)
                    self._samples += len(batch)
                    if batch.closes_ms is not None:
                        self._closed.add(batch.partition)
                    elif len(batch):
                        self._closed.discard(batch.partition)
                self._close_ticks()
                self._tell()
                now_s = clock.monotonic_s()
                is_whole = (not batches and self._is_read(started_ms)) or self._is_past_end()
                if is_whole:
                    self._close_ticks()
                if is_whole or self._spool.waiting_values > PART_VALUES or (batches and now_s - part_s > PART_S):
                    self._identity = source.identity()
                    self._write_part(is_whole)
                    part_s = now_s
                if is_whole:
                    return
        finally:
            source.close()

    def _close_ticks(self) -> None:
        """Closes what can be closed before the window's end, and keeps what lies inside the window."""
        engine, window = self._engine, self._window
        engine.set_idle(self._silent())
        while (t_ms := engine.next_tick_ms()) is not None and t_ms < window.to_ms:
            number, tick = engine.close_tick()
            if window.from_ms is None or t_ms >= window.from_ms:
                self._spool.add(number, tick, engine.lanes[number].state.index.lattice().leaves.astype(np.int64))
        engine.set_idle(frozenset())

    def _silent(self) -> frozenset[str]:
        """Partitions that have nothing left to read and whose last word lies behind: no tick waits for them."""
        marks = self._engine.watermarks
        behind = max(marks.values(), default=0) - max(IDLE_MS, self._engine.schema.lateness_ms)
        lag = self._source.lag()
        return frozenset(
            name for name in self._source.partitions()
            if name in lag and lag[name][0] == 0 and marks.get(name, -1) < behind
        )  # fmt: skip

    def _is_read(self, started_ms: int) -> bool:
        """Is everything read that was there when we began?"""
        if self._source.is_finished():
            return True
        lag, names = self._source.lag(), self._source.partitions()
        return all(name in lag and (lag[name][0] == 0 or (lag[name][1] or 0) >= started_ms) for name in names)

    def _is_past_end(self) -> bool:
        names, marks = self._source.partitions(), self._engine.watermarks
        return bool(names) and all(marks.get(name, -1) >= self._window.to_ms for name in names)

    def _tell(self) -> None:
        marks = self._engine.watermarks
        left = sum(messages for messages, _ in self._source.lag().values())
        self._teller.gathering(self._samples, min(marks.values(), default=None), left)

    def _write_part(self, is_whole: bool) -> None:
        kept, arrays = self._engine.save()
        header = {
            "fingerprint": self._engine.fingerprint(), "origin": self._origin, "engine": kept, "is_whole": is_whole,
            "closed": sorted(self._closed), "source": self._identity, "samples": self._samples,
            "from_ms": self._window.from_ms, "to_ms": self._window.to_ms,
        }  # fmt: skip
        self._spool.write(header, arrays)

    # -- learning ----------------------------------------------------------------------------------------------------

    def _learn(self) -> int:
        """Every lane learns its past; the number of ticks. What was reached is saved now and then."""
        at_lane, at_tick = self._take_up()
        learnt = 0
        for number, lane in enumerate(self._engine.lanes):
            past = self._spool.past(number)
            learnt += past.ticks
            if not past.ticks or number < at_lane:
                continue
            if lane.core.lone is not None:
                keys = list(lane.state.index.rows)
                rows = [lane.state.index.rows[key] for key in keys]
                t_ms, y = past.panel(rows)
                self._teller.say(f"learning {len(t_ms)} ticks of {len(keys)} series")
                lane.state = warm_up_lone(lane.core, lane.state, keys, t_ms, y, self._calendar)
                continue
            reached = at_tick if number == at_lane else 0
            if reached:
                first = first_quiet(lane.core, past, QUIET_MS)
            else:
                first = start_levels(lane.core, lane.state, past, self._calendar, QUIET_MS)
            saved_s = self._clock.monotonic_s()

            def save(done: int, state: State, lane: Any = lane, number: int = number) -> None:
                nonlocal saved_s
                if self._clock.monotonic_s() - saved_s >= SAVE_S:
                    lane.state = state
                    kept, arrays = self._engine.save()
                    snapshot.write(
                        self._spool.folder / "learnt", {"lane": number, "tick": done, "engine": kept}, arrays, 1
                    )
                    saved_s = self._clock.monotonic_s()

            lane.state = step_quietly(
                lane.core, lane.state, past, self._calendar, first, self._teller.learning, save, reached
            )
        return learnt

    def _take_up(self) -> tuple[int, int]:
        """Lane and tick that an earlier run of learning had reached; its state is taken over."""
        for path in snapshot.newest_first(self._spool.folder / "learnt"):
            try:
                found = snapshot.read(path)
            except snapshot.BadSnapshotError:
                continue
            self._engine = self._engines.load(found.header["engine"], found.arrays)
            return int(found.header["lane"]), int(found.header["tick"])
        return 0, 0


def refuse_newer(data_dir: Path, tick_ms: int) -> None:
    """Raises `RefusedError` where a snapshot holds a tick at or after this one: it knows more than we shall."""
    for path in snapshot.newest_first(data_dir / "snapshots"):
        try:
            newest = max(snapshot.read(path).header["ticks"].values(), default=-1)
        except (snapshot.BadSnapshotError, KeyError, AttributeError, TypeError):
            continue
        if newest >= tick_ms:
            raise RefusedError(
                f"{path}: goes to {iso(newest)}, beyond this backfill's {iso(tick_ms)}; expected an older one: move "
                "the folder snapshots away if it is to be replaced"
            )


def detached(header: Mapping[str, Any], arrays: Arrays, positions: Mapping[str, int]) -> tuple[dict[str, Any], Arrays]:
    """The saved engine without the partitions that history came from, reading on at other ones.

    For history from elsewhere: ticks that are closed stay closed, so that what the daemon's own source tells of them
    again is late and not judged twice.
    """
    lanes = [{**lane, "align": {**lane["align"], "unknown": []}} for lane in header["lanes"]]
    out = {
        **header, "partitions": [], "clocks": {}, "idle": [], "fates": [], "positions": dict(positions), "lanes": lanes
    }  # fmt: skip
    kept = {name: (a[:0] if ".align." in name else a) for name, a in arrays.items()}
    return out, {name: np.array(a) for name, a in kept.items()}
