"""A small deterministic engine, source and receiver: enough of each to put the daemon through its paces."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from connectors.sink import SinkError
from detector.frame import Batch, Key
from suppression.alarm import AlarmEvent, alarm_id
from suppression.controls import Controls
from tocsin.outcome import Outcome
from tocsin.ports import Arrays, Header

MINUTE = 60_000
START = 1_760_000_040_000 // MINUTE * MINUTE


class ToyIndex:
    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def __len__(self) -> int:
        return len(self._names)

    def labels(self, row: int) -> Mapping[str, str]:
        return {"metric": "requests", "device": self._names[row]}

    def is_leaf(self, row: int) -> bool:
        return True

    def is_watched(self, row: int) -> bool:
        return True


class ToyEngine:
    """Fires below 50, becomes critical below 20, resolves at 50; a silenced device is held.

    `sums` adds up every sample of a device, so that one that is scored twice, or never, shows in the state.
    """

    def __init__(self, parameters: str = "a") -> None:
        self._parameters = parameters
        self.positions: dict[str, int] = {}
        self.fates: dict[str, dict[tuple[str, str], int]] = {}
        self.watermarks: dict[str, int] = {}
        self.expected: frozenset[str] = frozenset()
        self._idle: frozenset[str] = frozenset()
        self._pending: dict[int, dict[str, float]] = {}
        self._open: dict[str, list[int]] = {}  # device → [start, revision, severity]
        self.sums: dict[str, float] = {}
        self._next: int | None = None

    def expect(self, partitions: frozenset[str]) -> None:
        self.expected = partitions

    def set_idle(self, partitions: frozenset[str]) -> None:
        self._idle = partitions

    def take(self, batch: Batch) -> None:
        fates = self.fates.setdefault(batch.partition, {})
        for key, t_ms, value in zip(batch.keys, batch.time_ms.tolist(), batch.value.tolist(), strict=True):
            watermark = self.watermarks.get(batch.partition, t_ms)
            fate = "late" if t_ms < watermark - MINUTE or t_ms < (self._next or 0) else "scored"
            fates[fate, ""] = fates.get((fate, ""), 0) + 1
            self.watermarks[batch.partition] = max(watermark, t_ms)
            if fate == "scored":
                self._pending.setdefault(t_ms // MINUTE * MINUTE, {})[key[1]] = value
        if batch.closes_ms is not None:
            self.watermarks[batch.partition] = batch.closes_ms + 2 * MINUTE
        self.positions[batch.partition] = batch.next_offset

    def promise(self, partition: str, until_ms: int) -> None:
        self.watermarks[partition] = max(self.watermarks.get(partition, until_ms), until_ms)

    def next_tick_ms(self) -> int | None:
        waited_for = self.expected - self._idle
        if not self._pending or not waited_for or any(name not in self.watermarks for name in waited_for):
            return None
        tick = min(self._pending)
        return tick if min(self.watermarks[n] for n in waited_for) >= tick + 2 * MINUTE else None

    def turn(self, controls: Controls) -> Outcome:
        tick = self.next_tick_ms()
        assert tick is not None
        values = self._pending.pop(tick)
        self._next = tick + MINUTE
        names, events = sorted(values), []
        silenced = {name for s in controls.silences if s.is_in_force(tick) for name in s.scope.match.get("device", ())}
        for name in names:
            self.sums[name] = self.sums.get(name, 0.0) + values[name]
            if event := self._judge(name, values[name], tick, held=name in silenced):
                events.append(event)
        row = np.array([values[name] for name in names], np.float32)
        zeros = np.zeros(len(names), np.float32)
        return Outcome(
            tick, MINUTE, ToyIndex(names), tuple(events), row, zeros + 100, zeros + 50, zeros + 150, zeros,
            np.zeros(len(names), np.int8), candidates=len(events),
        )  # fmt: skip

    def save(self) -> tuple[Header, Arrays]:
        kept = {
            "positions": self.positions, "watermarks": self.watermarks, "open": self._open, "next": self._next,
            "pending": {str(t): row for t, row in self._pending.items()}, "names": sorted(self.sums),
            "fates": {p: [[*k, n] for k, n in f.items()] for p, f in self.fates.items()},
        }  # fmt: skip
        return json.loads(json.dumps(kept)), {"sums": np.array([self.sums[name] for name in sorted(self.sums)])}

    def fingerprint(self) -> str:
        return self._parameters

    def _judge(self, name: str, value: float, tick: int, *, held: bool) -> AlarmEvent | None:
        known = self._open.get(name)
        severity = 2 if value < 20 else 1
        if value >= 50 and known is None:
            return None
        if known is None:
            self._open[name] = known = [tick, 1, severity, int(held)]
            kind = "held" if held else "fired"
        elif value >= 50:
            del self._open[name]
            kind = "resolved"
        elif severity > known[2]:
            kind = "updated"
            known[2] = severity
        else:
            return None
        known[1] += kind in ("updated", "resolved")
        was_held = bool(known[3])
        state = "resolved" if kind == "resolved" else "held" if was_held else "firing"
        identity = alarm_id(known[0], "requests", {"device": name}, "down")
        data = {
            "alarm_id": identity, "revision": known[1], "state": state, "observed": value, "expected": 100.0,
            "severity": ("info", "warning", "critical")[known[2]], "end": "recovered" if kind == "resolved" else None,
            "series": {"metric": "requests", "device": name}, "direction": "down", "surprise": -9.5, "p": 3e-10,
            "starts_at": _iso(known[0]), "detected_at": _iso(known[0]),
            "ends_at": _iso(tick) if kind == "resolved" else None,
            "summary": f"requests on {name} are {100 - value:.0f}% below expected",
            "suppression": {"reasons": [{"reason": "silence", "by": "ann"}]} if was_held else None,
        }  # fmt: skip
        return AlarmEvent(
            kind, tick, identity, known[1], state, data["severity"], data["end"], not was_held, data,
        )  # type: ignore[arg-type]  # fmt: skip


class ToyEngines:
    def __init__(self, parameters: str = "a") -> None:
        self.parameters = parameters
        self.made: list[ToyEngine] = []

    def new(self) -> ToyEngine:
        self.made.append(ToyEngine(self.parameters))
        return self.made[-1]

    def load(self, header: Header, arrays: Arrays) -> ToyEngine:
        engine, kept = self.new(), json.loads(json.dumps(header))
        engine.positions, engine.watermarks = kept["positions"], kept["watermarks"]
        engine._open, engine._next = kept["open"], kept["next"]
        engine._pending = {int(t): row for t, row in kept["pending"].items()}
        engine.sums = dict(zip(kept["names"], arrays["sums"].tolist(), strict=True))
        engine.fates = {p: {(r, why): n for r, why, n in rows} for p, rows in kept["fates"].items()}
        return engine


class ToySource:
    """Minutes of values per partition, served in batches of `sizes` records; `script[p][i]` is {device: value}.

    Record i of a partition is minute i. `ends`: the script is closed by `closes_ms`, as a file's end.
    """

    def __init__(
        self, script: Mapping[str, Sequence[Mapping[str, float]]], *, batch: int = 3, ends: bool = True,
        delays_s: float = 0.0, record_offset_ms: int = 0,
    ) -> None:  # fmt: skip
        self._script, self._batch, self._ends, self._delays_s = script, batch, ends, delays_s
        self._record_offset_ms = record_offset_ms
        self._at: dict[str, int] = {}
        self._nap = threading.Event()
        self.opened_at: dict[str, int] = {}

    def open(self, positions: Mapping[str, int]) -> None:
        self.opened_at = dict(positions)
        self._at = {name: positions.get(name, 0) for name in self._script}

    def poll(self, timeout_s: float) -> list[Batch]:
        if self._delays_s:
            self._nap.wait(self._delays_s)
        for name, at in sorted(self._at.items(), key=lambda item: (item[1], item[0])):
            if at < self._end(name):
                self._at[name] = min(at + self._batch, self._end(name))
                return [self._make(name, at, self._at[name])]
        return []

    def partitions(self) -> tuple[str, ...]:
        return tuple(sorted(self._script))

    def is_finished(self) -> bool:
        return self._ends and all(at >= self._end(name) for name, at in self._at.items())

    def lag(self) -> Mapping[str, tuple[int, int | None]]:
        return {name: (self._end(name) - at, None) for name, at in self._at.items()}

    def identity(self) -> str:
        return "toy"

    def close(self) -> None:
        pass

    def _end(self, name: str) -> int:
        return len(self._script[name]) + self._ends

    def _make(self, name: str, begin: int, end: int) -> Batch:
        keys: list[Key] = []
        times, values = [], []
        for minute in range(begin, min(end, len(self._script[name]))):
            for device, value in sorted(self._script[name][minute].items()):
                keys.append(("requests", device))
                times.append(START + minute * MINUTE)
                values.append(value)
        time_ms = np.array(times, np.int64)
        closes = START + len(self._script[name]) * MINUTE if self._ends and end == self._end(name) else None
        return Batch(
            name, keys, time_ms, np.array(values, float), time_ms + self._record_offset_ms, end, closes_ms=closes
        )


class ToySink:
    """Remembers what it was sent; fails as told: each entry of `failures` is the error of one attempt."""

    def __init__(self, name: str = "memory", failures: Sequence[SinkError] = ()) -> None:
        self.name = name
        self.events: list[AlarmEvent] = []
        self.failures = list(failures)
        self.attempts = 0

    def send(self, events: Sequence[AlarmEvent]) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.events.extend(events)

    def close(self) -> None:
        pass

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]


class FileSink:
    """Appends id and body of each event to a file: a receiver that survives the sender's death."""

    def __init__(self, path: Path, name: str = "file") -> None:
        self.name = name
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def send(self, events: Sequence[AlarmEvent]) -> None:
        for event in events:
            line = json.dumps({"id": event.id, "type": event.type, "data": dict(event.data)}, sort_keys=True)
            os.write(self._fd, (line + "\n").encode())

    def close(self) -> None:
        os.close(self._fd)


def script(minutes: int, devices: Sequence[str], seed: int) -> list[dict[str, float]]:
    """Values around 100 with dips of a few minutes, some deep."""
    rng = np.random.default_rng(seed)
    panel = 100 + rng.normal(0, 5, (minutes, len(devices)))
    for _ in range(minutes * len(devices) // 12):
        at, row, length = rng.integers(minutes), rng.integers(len(devices)), rng.integers(1, 6)
        panel[at : at + length, row] = rng.choice([35.0, 10.0])
        panel[at : at + 1, row] = 35.0
    return [{name: round(float(v), 3) for name, v in zip(devices, row, strict=True)} for row in panel]


def _iso(t_ms: int) -> str:
    return str(np.datetime64(t_ms, "ms")).replace(".000", "") + "Z"
