"""Small worlds with incidents for the tests of what may not change a decision: counts, gauges, ratios, lone series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.frame import Key
from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from detector.timing import DAY_MS, HOUR_MS
from suppression.alarm import AlarmEvent
from tests.streams import GRID, GRID_KEYS, PARAMETERS, START_MS, Log, Sample, counts, events, play
from tocsin.outcome import Outcome
from tocsin.parameters import Parameters


@dataclass(frozen=True)
class World:
    """A panel `y` (T, S) of series `keys` under a schema; NaN is no sample."""

    schema: Schema
    keys: Sequence[Key]
    y: np.ndarray
    parameters: Parameters = PARAMETERS
    start_ms: int = START_MS

    @property
    def interval_ms(self) -> int:
        return self.schema.interval_ms

    def log(self) -> Log:
        """One partition for each value of the last label, in the order of time."""
        partitions: dict[str, list[Sample]] = {f"p/{key[-1]}": [] for key in self.keys}
        for t, values in enumerate(self.y):
            for key, value in zip(self.keys, values.tolist(), strict=True):
                if value == value:
                    partitions[f"p/{key[-1]}"].append(Sample(key, self.start_ms + t * self.interval_ms, value))
        return Log(partitions, self.start_ms + len(self.y) * self.interval_ms)

    def play(self, sizes: Sequence[int] = (), turns: np.random.Generator | None = None) -> list[Outcome]:
        """The outcomes of the whole engine."""
        return play(self.log(), self.schema, self.parameters, sizes=sizes, turns=turns)[1]

    def scores(self, outcomes: Sequence[Outcome], keys: Sequence[Key] | None = None) -> np.ndarray:
        """(T, L) fused surprise of the leaves; NaN where a leaf has no row yet."""
        out = np.full((len(outcomes), len(self.keys)), np.nan)
        for t, outcome in enumerate(outcomes):
            rows = outcome.index.rows
            for i, key in enumerate(keys or self.keys):
                if key in rows and rows[key] < len(outcome.surprise):
                    out[t, i] = outcome.surprise[rows[key]]
        return out


def story(outcomes: Sequence[Outcome], start_ms: int = START_MS) -> list[tuple[object, ...]]:
    """What people are told or would be: when after the start, what, about which cuboid, in which direction."""
    return [
        (e.tick_ms - start_ms, e.type, sorted(e.data["cuboid"]["first"].items()), e.data["direction"], e.end)
        for e in events(outcomes)
    ]  # fmt: skip


def told(outcomes: Sequence[Outcome]) -> list[AlarmEvent]:
    return [e for e in events(outcomes) if e.type in ("fired", "released")]


def count_world() -> World:
    """A grid of counts with a witness: an outage of one cell, a fall of one region, gaps."""
    return World(GRID, GRID_KEYS, counts(ticks=24 * 6))


def _sizes(keys: Sequence[Key], ticks: int, interval_ms: int, noise: float, seed: int) -> np.ndarray:
    """(T, S) positive values of sizes .3 to 3 with a day's shape, common and own noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(ticks) * interval_ms / DAY_MS
    shape = 0.3 * np.sin(2 * np.pi * t)[:, None] + noise * rng.standard_normal((ticks, 1))
    own = noise * rng.standard_normal((ticks, len(keys)))
    return np.asarray(rng.uniform(0.3, 3, len(keys)) * np.exp(shape + own))


def gauge_world() -> World:
    """Latencies in seconds on a grid: one cell slow for a third of a day, one region fast; a few gaps."""
    schema = replace(
        GRID, metrics=(Metric("latency", kind="gauge", aggregate="mean", unit="s"),), independence=(), lateness_ms=0
    )  # fmt: skip
    keys: list[Key] = [("latency", *key[1:]) for key in GRID_KEYS if key[0] == "requests"]
    y = _sizes(keys, 24 * 6, HOUR_MS, 0.02, 5)
    y[110:118, [i for i, key in enumerate(keys) if key[1:3] == ("tv", "eu")]] *= 3
    y[90:96, [i for i, key in enumerate(keys) if key[2] == "us"]] *= 0.5
    y[np.random.default_rng(6).random(y.shape) < 0.01] = np.nan
    return World(schema, keys, y)


def ratio_world() -> World:
    """Error shares on a grid with a declared denominator: one cell fails ten times as often for a third of a day."""
    schema = replace(
        GRID, metrics=(Metric("errors", kind="ratio", aggregate="mean", denominator="requests"),), independence=(),
        lateness_ms=0,
    )  # fmt: skip
    keys: list[Key] = [("errors", *key[1:]) for key in GRID_KEYS if key[0] == "requests"]
    y = 0.01 * _sizes(keys, 24 * 6, HOUR_MS, 0.05, 7)
    y[110:118, [i for i, key in enumerate(keys) if key[1:3] == ("tv", "eu")]] *= 10
    return World(schema, keys, y)


LONE_STEP = 5 * MINUTE_MS
LONE_BUDGET = Parameters(budget=0.2, budget_per="series-week")


def lone_world(ticks: int = 700) -> World:
    """Three servers of very different sizes, 5-minute ticks: a spike of one, a fall of another, gaps."""
    schema = Schema(
        dimensions=(Dimension("server", peers=False),), metrics=(Metric("value"),), place=None, interval_ms=LONE_STEP,
        lateness_ms=0,
    )  # fmt: skip
    keys: list[Key] = [("value", name) for name in ("a", "b", "c")]
    y = 100 ** np.arange(1, 4) * _sizes(keys, ticks, LONE_STEP, 0.02, 8)
    y[500:504, 1] *= 2
    y[600:606, 2] *= 0.4
    y[np.random.default_rng(9).random(y.shape) < 0.01] = np.nan
    return World(schema, keys, y, LONE_BUDGET)


def entity_world(ticks: int = 700) -> World:
    """Two servers with four metrics each, judged as entities: three metrics of one go wild together."""
    names = ("cpu", "disk", "load", "net")
    schema = Schema(
        dimensions=(Dimension("server", peers=False),), metrics=tuple(Metric(n, kind="gauge") for n in names),
        place=None, interval_ms=LONE_STEP, lateness_ms=0,
    )  # fmt: skip
    keys: list[Key] = [(name, server) for server in ("a", "b") for name in names]
    y = _sizes(keys, ticks, LONE_STEP, 0.02, 10)
    y[550:556, :3] *= 2.5
    return World(schema, keys, y, LONE_BUDGET)


def share_world(ticks: int = 700) -> World:
    """Error shares of three services without peers: one fails five times as often for half an hour."""
    schema = Schema(
        dimensions=(Dimension("service", peers=False),),
        metrics=(Metric("errors", kind="ratio", denominator="requests"),),
        place=None, interval_ms=LONE_STEP, lateness_ms=0,
    )  # fmt: skip
    keys: list[Key] = [("errors", name) for name in ("a", "b", "c")]
    y = 0.01 * _sizes(keys, ticks, LONE_STEP, 0.05, 11)
    y[520:526, 0] *= 5
    return World(schema, keys, y, LONE_BUDGET)


WORLDS = {
    "counts": count_world, "gauges": gauge_world, "ratios": ratio_world, "lone": lone_world, "entities": entity_world,
    "shares": share_world,
}  # fmt: skip
