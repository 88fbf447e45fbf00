"""Naive twins of who is who: rows, what lies above and beside them, ticks, clocks; see tests/naive.py.

A row is known by its labels, as people see them: {"metric": …, "region": "eu", "device": "*", "device_family": "tv"}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import NamedTuple

from detector.schema import Metric, Schema

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
Labels = dict[str, str]

# -- rows (detector/series.py, lattice.py, pairing.py, leaning.py) ---------------------------------------------------


def has_dimension(metric: Metric, name: str) -> bool:
    return metric.dimensions is None or name in metric.dimensions


def labels_above(schema: Schema, key: Sequence[str]) -> list[Labels]:
    """Labels of every row that the leaf of a key adds to, its own first: each dimension as it is, by parent, or all."""
    metric = schema.metric(key[0])
    options: list[list[Labels]] = []
    for dimension, text in zip(schema.dimensions, key[1:], strict=True):
        if not has_dimension(metric, dimension.name):
            continue
        mine = [{dimension.name: text}]
        if dimension.peers:
            for parent in dimension.parents:
                above = parent.of(text)
                if above is not None:
                    mine.append({dimension.name: "*", f"{dimension.name}_{parent.name}": above})
            mine.append({dimension.name: "*"})
        options.append(mine)
    out = []
    for choice in product(*options):
        labels = {"metric": metric.name}
        for part in choice:
            labels |= part
        out.append(labels)
    return out


def of_dimension(schema: Schema, labels: Labels, name: str) -> Labels:
    """What a row's labels say of a dimension: value, parent or `*`; nothing where the metric does not have it."""
    dimension = next(d for d in schema.dimensions if d.name == name)
    keys = [name, *(f"{name}_{parent.name}" for parent in dimension.parents)]
    return {key: labels[key] for key in keys if key in labels}


def are_siblings(schema: Schema, a: Labels, b: Labels, name: str) -> bool:
    """Do two different rows agree in all but their value, or parent of one kind, of one dimension of peers?"""
    mine, theirs = of_dimension(schema, a, name), of_dimension(schema, b, name)
    is_peer = next(d for d in schema.dimensions if d.name == name).peers
    rest_a = {k: v for k, v in a.items() if k not in mine}
    rest_b = {k: v for k, v in b.items() if k not in theirs}
    is_value = bool(mine) and mine != {name: "*"} and theirs != {name: "*"}
    return is_peer and a != b and is_value and mine.keys() == theirs.keys() and rest_a == rest_b


def witness_labels(schema: Schema, row: Labels, witness: Metric) -> list[Labels]:
    """Whom to look for, best first: the witness with all labels of the row that it has, else with those of the match.

    Empty where no independence is declared.
    """
    metric = schema.metric(row["metric"])
    matches = [i.match for i in schema.independence if (i.watched, i.witness) == (metric.stack, witness.stack)]
    if metric.role != "watched" or witness.role != "witness" or not matches:
        return []
    names = [d.name for d in schema.dimensions if has_dimension(witness, d.name)]
    out = []
    for kept in (names, matches[-1]):
        labels = {"metric": witness.name}
        for name in names:
            labels |= (of_dimension(schema, row, name) if name in kept else {}) or {name: "*"}
        out.append(labels)
    return out


def leaning_labels(schema: Schema, row: Labels) -> Labels | None:
    """The row with one dimension opened: the first of peers that is neither the place nor open; None without one."""
    for dimension in schema.dimensions:
        is_value = row.get(dimension.name, "*") != "*"
        if is_value and dimension.peers and dimension.name != schema.place:
            return row | {dimension.name: "*"}
    return None


# -- what a tick computes once (detector/view.py) --------------------------------------------------------------------


def counting_variance(mu: float, gauge: bool) -> float:
    """Of the log deviation of one tick's count."""
    return 0.0 if gauge else 1 / (max(mu, 0.0) + 1)


def leaf_weight(mu: float, gauge: bool, leaf: bool) -> float:
    """What a row counts for in a sum over leaves: nothing unless it is one and something is expected of it."""
    if not leaf or math.isnan(mu):
        return 0.0
    return 1.0 if gauge else abs(mu)


# -- time (detector/timing.py, watermark.py) -------------------------------------------------------------------------


def horizons_ms(interval_ms: int) -> list[int]:
    """1, 3 and 8 ticks, at least 3, 15 and 90 minutes."""
    return [max(n * interval_ms, m * MINUTE_MS) for n, m in ((1, 3), (3, 15), (8, 90))]


def bucket_ms(interval_ms: int) -> int:
    """A tick, at least half an hour; a day for what is rarer than twice a day."""
    return DAY_MS if interval_ms > 12 * HOUR_MS else max(interval_ms, 30 * MINUTE_MS)


def left_after(interval_ms: int, half_life_ms: float, ticks: int) -> float:
    """Halved once a half-life."""
    return math.exp(-math.log(2) * ticks * interval_ms / half_life_ms)


def seen_before(times: Sequence[int]) -> tuple[list[int | None], int | None]:
    """Greatest believable time before each sample, and after all; None before the first.

    A sample more than an hour ahead is believed once another one comes that is also ahead by more than an hour and
    within an hour of it. Ahead samples that do not agree replace each other; one that lies more than an hour beyond
    the sample that moved the clock is forgotten.
    """
    out: list[int | None] = []
    seen: int | None = None
    suspect: int | None = None
    for t in times:
        out.append(seen)
        if seen is None:
            seen = t
        elif t > seen + HOUR_MS:
            if suspect is None or not suspect - HOUR_MS <= t <= suspect + HOUR_MS:
                suspect = t
            else:
                seen, suspect = max(t, suspect), None
        else:
            seen = max(seen, t)
            is_recent = t > seen - HOUR_MS
            if suspect is not None and is_recent and suspect > t + HOUR_MS:
                suspect = None
    return out, seen


# -- ticks (detector/align.py) ---------------------------------------------------------------------------------------


class Arrival(NamedTuple):
    """One sample; NaN is a gap."""

    partition: int
    key: tuple[str, ...]
    time_ms: int
    value: float


def aggregated(how: str, values: Sequence[float]) -> float:
    """Values of one series and tick, in order of time, then of value."""
    if how == "last":
        return values[-1]
    return {"sum": sum, "mean": fmean, "min": min, "max": max}[how](values)


def aligned(
    arrivals: Sequence[Arrival], aggregates: Mapping[str, str], interval_ms: int, room: int
) -> tuple[dict[int, dict[tuple[str, ...], float]], dict[tuple[int, str, str], int]]:
    """Value by tick and series, and how many samples of each partition met which fate.

    Ticks close in order and the first `room` new series of a tick, by label, are admitted; a gap admits its series too.
    Of equal time and value a series has one sample (that of the lowest partition), the others are duplicates; equal
    time and another value is a conflict, noted beside "scored".
    """
    values: dict[int, dict[tuple[str, ...], float]] = {}
    fates: dict[tuple[int, str, str], int] = {}

    def met(arrival: Arrival, result: str, reason: str = "") -> None:
        fate = (arrival.partition, result, reason)
        fates[fate] = fates.get(fate, 0) + 1

    admitted: set[tuple[str, ...]] = set()
    for start in sorted({a.time_ms // interval_ms * interval_ms for a in arrivals}):
        here = [a for a in arrivals if a.time_ms // interval_ms * interval_ms == start]
        fresh = sorted({a.key for a in here} - admitted)
        admitted |= set(fresh[: max(room - len(admitted), 0)])
        values[start] = {}
        for key in sorted({a.key for a in here}):
            mine = [a for a in here if a.key == key]
            if key not in admitted:
                for a in mine:
                    met(a, "rejected", "series_limit")
                continue
            for a in mine:
                if math.isnan(a.value):
                    met(a, "gap")
            told: list[Arrival] = []
            there = [a for a in mine if not math.isnan(a.value)]
            for a in sorted(there, key=lambda a: (a.time_ms, a.value, a.partition)):
                if told and (told[-1].time_ms, told[-1].value) == (a.time_ms, a.value):
                    met(a, "duplicate")
                    continue
                if told and told[-1].time_ms == a.time_ms:
                    met(a, "conflict")
                met(a, "scored")
                told.append(a)
            if told:
                values[start][key] = aggregated(aggregates[key[0]], [a.value for a in told])
    return values, fates
