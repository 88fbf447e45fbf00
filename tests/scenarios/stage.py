"""A small warmed-up service at five-minute ticks on which one thing happens at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from detector.frame import Key, Tick
from detector.schema import MINUTE_MS, Dimension, Independence, Metric, Schema
from detector.timing import DAY_MS, HOUR_MS
from suppression.alarm import AlarmEvent
from suppression.calendar import Calendar, Event, Scope
from suppression.controls import Controls
from suppression.silence import Silence
from tocsin.core import Core, State
from tocsin.fork import fork
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

TICK_MS = 5 * MINUTE_MS
LEARNT_DAYS = 4
START_MS = 1_767_571_200_000 + LEARNT_DAYS * DAY_MS  # Friday, 2026-01-09T00:00Z: the stage begins
DEVICES, REGIONS, ACTIVITIES = ("phone", "tv", "watch", "web"), ("eu", "jp", "na", "us"), ("browse", "play")
STACKS = ("cdn", "dns")
SCHEMA = Schema(
    dimensions=(Dimension("device"), Dimension("region"), Dimension("activity")),
    metrics=(
        Metric("requests", stack="app", kind="count"),
        *(Metric(s, role="witness", stack=s, kind="count", dimensions=("region",)) for s in STACKS),
    ),
    independence=tuple(Independence("app", s) for s in STACKS),
    interval_ms=TICK_MS,
)
KEYS: list[Key] = [("requests", d, r, a) for d in DEVICES for r in REGIONS for a in ACTIVITIES]
KEYS += [(s, "", r, "") for s in STACKS for r in REGIONS]
PARAMETERS = Parameters(budget=10.0)
NO_CONTROLS = Controls()
Factor = Callable[[int, Key], float]  # tick of the stage, key → what its counts are multiplied by


def counts(first: int, ticks: int, factor: Factor | None = None) -> np.ndarray:
    """(T, S) counts of the stage's ticks, negative ones are history; equal for equal ticks whatever is asked for."""
    size = np.random.default_rng(5).uniform(0.5, 2, len(KEYS))
    size[-len(STACKS) * len(REGIONS) :] *= 40
    out = np.empty((ticks, len(KEYS)))
    for i in range(ticks):
        t = first + i
        rng = np.random.default_rng([7, t + 100_000])
        day = 2 * np.pi * (t * TICK_MS % DAY_MS) / DAY_MS
        places = np.exp(0.01 * rng.standard_normal(len(REGIONS)))
        shape = (1 + 0.4 * np.sin(day)) * np.array([places[REGIONS.index(k[2])] for k in KEYS])
        change = np.ones(len(KEYS)) if factor is None else np.array([factor(t, k) for k in KEYS])
        lasting = rng.poisson(400 * size * shape).astype(float)
        out[i] = np.where(np.isnan(change), np.nan, np.floor(lasting * np.nan_to_num(change)))
    return out


@cache
def _learnt(parameters: Parameters, schema: Schema) -> tuple[Core, State]:
    core = Core(schema, parameters)
    t_ms = START_MS + TICK_MS * np.arange(-LEARNT_DAYS * DAY_MS // TICK_MS, 0)
    y = counts(-LEARNT_DAYS * DAY_MS // TICK_MS, len(t_ms))
    mine = [i for i, k in enumerate(KEYS) if any(k[0] == m.name for m in schema.metrics)]
    return core, warm_up(core, core.init(), [KEYS[i] for i in mine], t_ms, y[:, mine])


@dataclass
class Told:
    """What one tick brought."""

    minute: int
    event: AlarmEvent

    def __getattr__(self, name: str) -> Any:
        return getattr(self.event, name)

    @property
    def reasons(self) -> list[str]:
        held = self.event.data["suppression"]
        return [] if held is None else [r["reason"] for r in held["reasons"]]

    @property
    def cuboid(self) -> dict[str, str]:
        return dict(self.event.data["cuboid"]["present"])


def perform(
    factor: Factor,
    minutes: int,
    controls: Controls | Callable[[int, list[Told]], Controls] = NO_CONTROLS,
    parameters: Parameters = PARAMETERS,
    schema: Schema = SCHEMA,
) -> list[Told]:
    """The events of so many minutes. `controls` may depend on the minute and on what was told so far."""
    core, learnt = _learnt(parameters, schema)
    state, told = fork(learnt), []
    rows = [(i, state.index.rows[k]) for i, k in enumerate(KEYS) if k in state.index.rows]
    y = counts(0, minutes // 5, factor)
    for t in range(minutes // 5):
        values = np.full(len(state.index), np.nan)
        for i, row in rows:
            values[row] = y[t, i]
        now = controls if isinstance(controls, Controls) else controls(5 * t, told)
        state, outcome = step(core, state, Tick(START_MS + t * TICK_MS, values, np.ones(3, bool)), now)
        told += [Told(5 * t, event) for event in outcome.events]
    return told


def when(change: float, first: int, last: int, **labels: str) -> Factor:
    """So much of normal in minutes [first, last) where the labels agree; `metric` names a witness."""
    metric = labels.pop("metric", "requests")
    wanted = [labels.get(name) for name in ("device", "region", "activity")]

    def factor(t: int, key: Key) -> float:
        inside = first <= 5 * t < last and key[0] == metric
        return change if inside and all(w is None or w == k for w, k in zip(wanted, key[1:], strict=True)) else 1.0

    return factor


def together(*factors: Factor) -> Factor:
    return lambda t, key: float(np.prod([f(t, key) for f in factors]))


def calm(t: int, key: Key) -> float:
    return 1.0


def planned(
    first: int, last: int, *, action: str = "explain", change: tuple[float, float] | None = (-0.6, -0.2), **scope: str
) -> Calendar:
    """A calendar with one event in minutes [first, last)."""
    start = datetime.fromtimestamp(START_MS / 1000, UTC).replace(tzinfo=None)
    event = Event(
        "match", "Cup final", start + timedelta(minutes=first), timedelta(minutes=last - first),
        scope=Scope({k: (v,) for k, v in scope.items()}),
        direction="down" if change else "unknown", change=change, action=action,  # type: ignore[arg-type]
        approved_by="ops" if action == "mute" else None, lead_ms=15 * MINUTE_MS, tail_ms=15 * MINUTE_MS,
    )  # fmt: skip
    return Calendar((event,))


def silence(first: int, last: int, **labels: str) -> Silence:
    scope = Scope({k: (v,) for k, v in labels.items()})
    return Silence("s1", scope, START_MS + first * MINUTE_MS, START_MS + last * MINUTE_MS, "ann", "known fault")


def kinds(told: Sequence[Told]) -> list[str]:
    return [t.type for t in told]


def without_witnesses() -> Schema:
    return replace(SCHEMA, metrics=SCHEMA.metrics[:1], independence=())


__all__ = [
    "HOUR_MS", "PARAMETERS", "SCHEMA", "START_MS", "TICK_MS", "Told", "calm", "kinds", "perform", "planned", "silence",
    "together", "when", "without_witnesses",
]  # fmt: skip
