"""Naive twins of how rows are born: they know rows by their labels; see naive.py."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from detector.schema import Dimension, Schema
from tests.naive_rows import Labels


def giver_labels(schema: Schema, row: Labels, parents: dict[tuple[str, str], str], ready: Collection[Labels]) -> Labels:
    """The first of the wider rows, narrowest first, that is among `ready`; {} without one.

    `parents`: (dimension, value) → its parent.
    """
    return next((labels for labels in wider(schema, row, parents) if labels in ready), {})


def wider(schema: Schema, row: Labels, parents: dict[tuple[str, str], str]) -> Iterator[Labels]:
    """One dimension opened, to the parent and then wholly, the place last; then two, three … wholly."""
    dims = [d for d in schema.dimensions if d.peers and d.name != schema.place]
    dims += [d for d in schema.dimensions if d.peers and d.name == schema.place]
    closed = [d for d in dims if d.name in row and opened(d, row) != row]
    for d in closed:
        parent = parents.get((d.name, row[d.name]))
        if parent is not None:
            yield opened(d, row) | {f"{d.name}_{d.parents[0].name}": parent}
        yield opened(d, row)
    for number in range(2, len(closed) + 1):
        out = row
        for d in closed[:number]:
            out = opened(d, out)
        yield out


def opened(dimension: Dimension, row: Labels) -> Labels:
    """The row with the dimension, and its parents, open."""
    kept = {k: v for k, v in row.items() if k not in {f"{dimension.name}_{p.name}" for p in dimension.parents}}
    return kept | {dimension.name: "*"}


def settled(mu: float, without: float, with_all: float) -> float:
    """The middle one of the three."""
    return sorted((mu, without, with_all))[1]


def young_bucket(
    level: float, slots: list[float], seen: float, ticks: int, raw: float, free: float, step: float, *,
    interval_ms: int, bucket_ms: int,
) -> tuple[float, list[float], float]:  # fmt: skip
    """Level, the seven slots of a time of day, and samples seen, after a bucket in a row's first week."""
    if not any(slots):  # never seen: learnt whole, and no news for the level
        return level, [raw] * 7, seen + ticks
    days = seen * interval_ms / 86_400_000
    moved = max(math.log(2) * bucket_ms / (3 * 86_400_000), ticks / (seen + ticks)) * free
    return level + moved, [s + max(0.15, 1 / (days + 2)) * step for s in slots], seen + ticks
