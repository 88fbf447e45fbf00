"""Small streams for tests of the whole engine: seeded counts of a grid with a witness, cut into batches at will."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from detector.frame import Batch, Key
from detector.schema import Dimension, Independence, Metric, Schema
from detector.timing import HOUR_MS
from suppression.alarm import AlarmEvent
from suppression.controls import Controls
from tocsin.engine import Engine
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters

START_MS = 1_767_571_200_000  # Monday, 2026-01-05T00:00Z
PARAMETERS = Parameters(budget=1000.0)  # so many false pages are accepted that small worlds have episodes

GRID = Schema(
    dimensions=(Dimension("device"), Dimension("region"), Dimension("activity")),
    metrics=(
        Metric("requests", stack="app", kind="count"),
        Metric("cdn", role="witness", stack="cdn", kind="count", dimensions=("region",)),
    ),
    independence=(Independence("app", "cdn"),),
    interval_ms=HOUR_MS,
    lateness_ms=2 * HOUR_MS,
)
GRID_KEYS: list[Key] = [
    *(("requests", d, r, a) for d in ("phone", "tv", "web") for r in ("eu", "na", "us") for a in ("browse", "play")),
    *(("cdn", "", r, "") for r in ("eu", "na", "us")),
]


class Sample(NamedTuple):
    """One sample as a partition delivers it."""

    key: Key
    time_ms: int
    value: float


@dataclass(frozen=True)
class Log:
    """A log per partition, in the order of its offsets; `ends_ms` closes all of them."""

    partitions: dict[str, list[Sample]]
    ends_ms: int | None = None
    record_ms: dict[str, list[int]] = field(default_factory=dict)  # default: event time

    def batches(self, sizes: Iterable[int] = (), *, turns: np.random.Generator | None = None) -> list[Batch]:
        """The log cut into batches of the given sizes (then whole), partitions by turns or in random order."""
        sizes, position = iter(sizes), dict.fromkeys(self.partitions, 0)
        out = []
        while any(position[p] < len(log) for p, log in self.partitions.items()):
            waiting = [p for p, log in self.partitions.items() if position[p] < len(log)]
            for name in waiting if turns is None else [waiting[int(turns.integers(len(waiting)))]]:
                log, first = self.partitions[name], position[name]
                position[name] = min(first + next(sizes, 10**9), len(log))
                out.append(self._batch(name, first, position[name]))
        if self.ends_ms is not None:
            out += [
                replace(self._batch(p, len(log), len(log)), closes_ms=self.ends_ms)
                for p, log in self.partitions.items()
            ]
        return out

    def _batch(self, name: str, first: int, end: int) -> Batch:
        samples = self.partitions[name][first:end]
        time_ms = np.array([s.time_ms for s in samples], np.int64)
        records = self.record_ms.get(name)
        record_ms = time_ms if records is None else np.array(records[first:end], np.int64)
        return Batch(
            name, [s.key for s in samples], time_ms, np.array([s.value for s in samples], float), record_ms, end
        )


def counts(
    keys: Sequence[Key] = GRID_KEYS,
    ticks: int = 24 * 10,
    seed: int = 0,
    interval_ms: int = HOUR_MS,
    mean: float = 200.0,
) -> np.ndarray:
    """(T, S) counts with a day's shape, common noise, an outage of one cell and a fall of one region."""
    rng = np.random.default_rng(seed)
    t = np.arange(ticks) * interval_ms / HOUR_MS
    shape = 1 + 0.5 * np.sin(2 * np.pi * t / 24)
    mu = mean * rng.uniform(0.3, 3, len(keys)) * shape[:, None] * np.exp(0.03 * rng.standard_normal((ticks, 1)))
    y = rng.poisson(mu).astype(float)
    late = int(ticks * 0.8)
    hit = [i for i, k in enumerate(keys) if k[0] == "requests" and k[1:3] == ("tv", "eu")]
    y[late : late + 8, hit] = np.floor(0.2 * y[late : late + 8, hit])
    fall = [i for i, k in enumerate(keys) if k[0] == "requests" and len(k) > 2 and k[2] == "us"]
    y[late - 20 : late - 14, fall] = np.floor(0.5 * y[late - 20 : late - 14, fall])
    y[rng.random(y.shape) < 0.01] = np.nan
    return y


def log_of(
    y: np.ndarray, keys: Sequence[Key] = GRID_KEYS, interval_ms: int = HOUR_MS, *, ends: bool = True, by: int = 2
) -> Log:
    """A log with one partition per value of label `by` (one in all where keys are shorter); NaN is no sample."""
    partitions: dict[str, list[Sample]] = {}
    for key in keys:
        partitions.setdefault(f"p/{key[by] if len(key) > by else 0}", [])
    for t in range(len(y)):
        for row, key in enumerate(keys):
            if not np.isnan(y[t, row]):
                name = f"p/{key[by] if len(key) > by else 0}"
                partitions[name].append(Sample(key, START_MS + t * interval_ms, float(y[t, row])))
    return Log(partitions, START_MS + len(y) * interval_ms if ends else None)


def engine_for(log: Log, schema: Schema = GRID, parameters: Parameters = PARAMETERS) -> Engine:
    """A new engine that waits for all partitions of the log."""
    engine = Engine(schema, parameters)
    engine.expect(frozenset(log.partitions))
    return engine


def drive(engine: Engine, batches: Iterable[Batch], controls: Controls | None = None) -> list[Outcome]:
    """Takes every batch, steps whatever has closed after each."""
    controls = controls or Controls()
    out = []
    for batch in batches:
        engine.take(batch)
        out += list(engine.turns(controls))
    return out


def play(
    log: Log, schema: Schema = GRID, parameters: Parameters = PARAMETERS, **how: Any
) -> tuple[Engine, list[Outcome]]:
    """A whole log through a new engine."""
    controls = how.pop("controls", None)
    engine = engine_for(log, schema, parameters)
    return engine, drive(engine, log.batches(**how), controls)


def events(outcomes: Iterable[Outcome]) -> list[AlarmEvent]:
    return [event for outcome in outcomes for event in outcome.events]


def memory(engine: Engine) -> dict[str, Any]:
    """All state of an engine as comparable values: JSON of what is no array, bytes of every array."""
    header, arrays = engine.save()
    header = json.loads(json.dumps(header))
    header["fates"] = sorted(header["fates"])
    header["clocks"] = dict(sorted(header["clocks"].items()))
    return {"header": header, **{name: (a.shape, str(a.dtype), a.tobytes()) for name, a in sorted(arrays.items())}}


def picture(outcome: Outcome) -> tuple[Any, ...]:
    """One outcome as comparable values, bit for bit."""
    arrays = (outcome.observed, outcome.expected, outcome.lower, outcome.upper, outcome.surprise, outcome.state)
    return (
        outcome.t_ms, outcome.interval_ms, outcome.events, *(a.tobytes() for a in arrays), outcome.candidates,
        outcome.held, outcome.calendar,
    )  # fmt: skip


UNKNOWN = ("ell", "last", "counter", "value", "past_x", "peak", "values")  # arrays in which NaN has a meaning


def is_finite(engine: Engine, unknown: Sequence[str] = UNKNOWN) -> list[str]:
    """Names of arrays that hold NaN or infinity although they are not allowed to."""
    _, arrays = engine.save()
    bad = []
    for name, a in arrays.items():
        if a.dtype.kind != "f":
            continue
        if np.isinf(a).any() or (np.isnan(a).any() and name.rpartition(".")[2] not in unknown):
            bad.append(name)
    return bad
