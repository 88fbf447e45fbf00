"""The engine as the daemon sees it: batches in, closed ticks out, everything in arrays that a snapshot can hold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.align import Aligner, FateKey, Fates
from detector.frame import Batch, Tick
from detector.schema import Schema
from detector.state import arrays_of, state_from
from detector.timing import HOUR_MS
from detector.watermark import FUTURE_MS, NEVER, PartitionClock
from ensemble.budget import BudgetState
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Amplitude, ImpactState
from tocsin.calm_exceedance import Counts, calm_exceedance
from tocsin.core import COMPONENTS, Core, State
from tocsin.exposure import Exposure
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters
from tocsin.pipeline import step

FORMAT = 11


class Lane:
    """One interval: its metrics, its aligner, its state."""

    def __init__(self, schema: Schema, parameters: Parameters, partitions: list[str], fates: Fates) -> None:
        self.schema = schema
        self.core = Core(schema, parameters)
        self.state: State = self.core.init()
        self.exposure = Exposure()
        self.exceedance: Counts = {}
        self._exceedance_hour = -1
        self.names = frozenset(m.name for m in schema.metrics)
        self.aligner = Aligner(schema, self.state.index, partitions, fates)

    def refresh(self, t_ms: int) -> None:
        """Reads off once an hour what is too much for every tick."""
        if t_ms // HOUR_MS != self._exceedance_hour:
            self._exceedance_hour = t_ms // HOUR_MS
            self.exceedance = calm_exceedance(self.core, self.state)


class Engine:
    """Everything that decides; no I/O, no clock. One lane per interval of the schema's metrics."""

    def __init__(self, schema: Schema, parameters: Parameters) -> None:
        self.schema = schema
        self.parameters = parameters
        self._partitions: list[str] = []
        self._clocks: dict[str, PartitionClock] = {}
        self._idle: frozenset[str] = frozenset()
        self._fates = Fates()
        self.positions: dict[str, int] = {}
        self.lanes = [Lane(s, parameters, self._partitions, self._fates) for s in by_interval(schema)]

    @property
    def fates(self) -> Mapping[str, Mapping[FateKey, int]]:
        """Partition → (result, reason or "") → samples, cumulative; samples of open ticks are not in it yet."""
        return self._fates.counts

    @property
    def watermarks(self) -> Mapping[str, int]:
        """Partition → event time in ms by which its samples should have arrived; without those silent so far."""
        marks = {name: clock.watermark_ms(self.schema.lateness_ms) for name, clock in self._clocks.items()}
        return {name: mark for name, mark in marks.items() if mark > NEVER}

    def pending(self) -> int:
        """Samples taken in whose tick is still open."""
        return sum(len(c.row) for lane in self.lanes for chunks in lane.aligner.open.values() for c in chunks)

    def expect(self, partitions: frozenset[str]) -> None:
        """Names every partition that ticks wait for, also those that have not said anything yet."""
        for name in sorted(partitions):
            self._clock(name)

    def _clock(self, name: str) -> PartitionClock:
        clock = self._clocks.get(name)
        if clock is None:
            clock = self._clocks[name] = PartitionClock()
            self._partitions.append(name)
        return clock

    def set_idle(self, partitions: frozenset[str]) -> None:
        """Partitions that hold no tick back."""
        self._idle = partitions

    # -- in ----------------------------------------------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """Takes a batch in and moves the partition's position; late and future ones are decided at their offset."""
        clock = self._clock(batch.partition)
        for rejected in batch.rejected:
            self._fates.add(batch.partition, "rejected", rejected.reason, rejected.samples)
        for lost in batch.lost:
            self._fates.add(batch.partition, "lost", lost.reason, lost.next - lost.first)
        self._fates.add(batch.partition, "gap", "", batch.gaps)
        if len(batch):
            keys, time_ms, value = batch.keys, batch.time_ms, batch.value
            future = time_ms > batch.record_ms + FUTURE_MS
            if future.any():
                self._fates.add(batch.partition, "rejected", "future", int(future.sum()))
                keys = [key for key, bad in zip(keys, future.tolist(), strict=True) if not bad]
                time_ms, value = time_ms[~future], value[~future]
            before = clock.pass_over(time_ms)
            closed = clock.closed_ms
            for lane in self.lanes:
                self._give(lane, batch.partition, keys, time_ms, value, before, closed)
        if batch.closes_ms is not None:
            clock.closed_ms = max(clock.closed_ms, batch.closes_ms)
        self.positions[batch.partition] = batch.next_offset

    def promise(self, partition: str, until_ms: int) -> None:
        """No sample before this event time follows in the partition: what does all the same is late."""
        clock = self._clock(partition)
        clock.closed_ms = max(clock.closed_ms, until_ms)

    def _give(
        self, lane: Lane, partition: str, keys: list[tuple[str, ...]], time_ms: NDArray[np.int64],
        value: NDArray[np.float64], before: NDArray[np.int64], closed: int,
    ) -> None:  # fmt: skip
        if len(self.lanes) > 1:
            mine = np.fromiter((key[0] in lane.names for key in keys), bool, len(keys))
            if not mine.any():
                return
            keys = [key for key, ok in zip(keys, mine.tolist(), strict=True) if ok]
            time_ms, value, before = time_ms[mine], value[mine], before[mine]
        interval = lane.schema.interval_ms
        end = time_ms - time_ms % interval + interval
        late = end <= np.maximum(before - self.schema.lateness_ms, closed)
        if lane.aligner.closed_until_ms is not None:
            late |= end <= lane.aligner.closed_until_ms  # an idle partition's ticks were closed without it
        if late.any():
            self._fates.add(partition, "late", "", int(late.sum()))
            keys = [key for key, bad in zip(keys, late.tolist(), strict=True) if not bad]
            time_ms, value = time_ms[~late], value[~late]
        if keys:
            lane.aligner.add(self._partitions.index(partition), keys, time_ms, value)

    # -- out ---------------------------------------------------------------------------------------------------------

    def next_tick_ms(self) -> int | None:
        """Start of the next tick that could be stepped now, None if no tick is closed yet."""
        found = self._next()
        return None if found is None else found[0]

    def _next(self) -> tuple[int, Lane] | None:
        waited = [c for name, c in self._clocks.items() if name not in self._idle]
        if not waited:  # nobody has anything to say: then those that ever had
            waited = [c for c in self._clocks.values() if c.watermark_ms(0) > NEVER]
        if not waited:
            return None
        watermark = min(c.watermark_ms(self.schema.lateness_ms) for c in waited)
        best: tuple[int, Lane] | None = None
        for lane in self.lanes:
            start = lane.aligner.next_ms
            if start is None or start + lane.schema.interval_ms > watermark:
                continue
            if best is None or start + lane.schema.interval_ms < best[0] + best[1].schema.interval_ms:
                best = start, lane
        return best

    def turn(self, controls: Controls) -> Outcome:
        """Steps that tick; the caller has put every control record up to it into `controls`."""
        found = self._next()
        if found is None:
            raise RuntimeError("turn() without a closed tick; ask next_tick_ms() first")
        lane = found[1]
        lane.state, outcome = step(lane.core, lane.state, lane.aligner.close(), controls)
        series = lane.core.watched(lane.state)
        lane.exposure.add(outcome.t_ms, series * outcome.interval_ms)
        lane.refresh(outcome.t_ms)
        votes = lane.core.votes.effective(lane.state.votes)
        return replace(
            outcome,
            promised=lane.core.budget.promised(series) if series else None,
            watched_ms=lane.exposure.total_ms(),
            effective_votes=None if math.isnan(votes) else votes,
            calm_exceedance=lane.exceedance,
        )

    def close_tick(self) -> tuple[int, Tick]:
        """Number of the lane and the tick that `turn` would step, closed without judging it: history is gathered so."""
        found = self._next()
        if found is None:
            raise RuntimeError("close_tick() without a closed tick; ask next_tick_ms() first")
        return self.lanes.index(found[1]), found[1].aligner.close()

    def turns(self, controls: Controls) -> Iterator[Outcome]:
        """Every tick that is closed now."""
        while self.next_tick_ms() is not None:
            yield self.turn(controls)

    # -- snapshot ----------------------------------------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Of schema and parameters: a snapshot of another one is not used."""
        return hashlib.sha256(repr((FORMAT, self.schema, self.parameters)).encode()).hexdigest()[:16]

    def save(self) -> tuple[dict[str, object], dict[str, NDArray[Any]]]:
        """JSON header and named arrays; the arrays are copies."""
        arrays: dict[str, NDArray[Any]] = {}
        lanes = []
        for number, lane in enumerate(self.lanes):
            state = lane.state
            keys, steps = state.index.history()
            align_header, align_arrays = lane.aligner.save()
            for name in COMPONENTS:
                arrays.update(arrays_of(getattr(state, name), f"{number}.{name}"))
            arrays.update({f"{number}.align.{name}": a for name, a in align_arrays.items()})
            lanes.append(
                {
                    "keys": [list(key) for key in keys],
                    "steps": steps,
                    "align": align_header,
                    "impact": [[*key, asdict(a)] for key, a in state.impact.amplitudes.items()],
                    "budget": asdict(state.budget),
                    "candidates": [c.to_json() for c in state.candidates],
                    "feed_alarms": [c.to_json() for c in state.feed_alarms],
                    "t_ms": state.t_ms,
                    "ticks": state.ticks,
                    "watched": [list(day) for day in lane.exposure.days],  # it goes on while the snapshot is written
                }
            )
        header: dict[str, object] = {
            "format": FORMAT,
            "partitions": list(self._partitions),
            "clocks": {name: asdict(clock) for name, clock in self._clocks.items()},
            "idle": sorted(self._idle),
            "positions": dict(self.positions),
            "fates": [[p, result, reason, n] for p, mine in self.fates.items() for (result, reason), n in mine.items()],
            "lanes": lanes,
        }
        return header, {name: np.array(a) for name, a in arrays.items()}

    @classmethod
    def load(
        cls, schema: Schema, parameters: Parameters, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Engine:
        """The engine that `save` described."""
        engine = cls(schema, parameters)
        engine._partitions.extend(header["partitions"])
        engine._clocks.update({name: PartitionClock(**values) for name, values in header["clocks"].items()})
        engine._idle = frozenset(header["idle"])
        engine.positions.update(header["positions"])
        for partition, result, reason, count in header["fates"]:
            engine._fates.add(partition, result, reason, count)
        for number, (lane, saved) in enumerate(zip(engine.lanes, header["lanes"], strict=True)):
            state = lane.state
            state.index.replay([tuple(key) for key in saved["keys"]], saved["steps"])
            for name in COMPONENTS:
                kind = type(getattr(state, name))
                setattr(state, name, state_from(kind, dict(arrays), f"{number}.{name}"))
            state.impact = ImpactState({(e, s, p): Amplitude(**a) for e, s, p, a in saved["impact"]})
            state.budget = BudgetState(**saved["budget"])
            state.candidates = [Candidate.from_json(c) for c in saved["candidates"]]
            state.feed_alarms = [Candidate.from_json(c) for c in saved["feed_alarms"]]
            state.t_ms, state.ticks = saved["t_ms"], saved["ticks"]
            lane.exposure.days = [list(day) for day in saved["watched"]]
            prefix = f"{number}.align."
            lane.aligner.load(
                saved["align"], {n[len(prefix) :]: np.array(a) for n, a in arrays.items() if n.startswith(prefix)}
            )
        return engine


def by_interval(schema: Schema) -> list[Schema]:
    """One schema per interval, in order of interval; metrics without one have the schema's."""
    intervals = sorted({m.interval_ms or schema.interval_ms for m in schema.metrics})
    return [
        replace(
            schema,
            interval_ms=interval,
            metrics=tuple(m for m in schema.metrics if (m.interval_ms or schema.interval_ms) == interval),
        )
        for interval in intervals
    ]


class Engines:
    """Makes engines of one schema and one set of parameters."""

    def __init__(self, schema: Schema, parameters: Parameters) -> None:
        self.schema = schema
        self.parameters = parameters

    def new(self) -> Engine:
        return Engine(self.schema, self.parameters)

    def load(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Engine:
        return Engine.load(self.schema, self.parameters, header, arrays)
