"""Rows of a quality set as half-hours or hours on a log scale: series as they are, of grids the roll-ups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import Dataset, Panel
from detector.lattice import Lattice
from detector.schema import MINUTE_MS, Metric, Schema
from detector.series import SeriesIndex

HALF_HOUR_MS = 30 * MINUTE_MS


class Buckets(NamedTuple):
    """S rows over T consecutive buckets; a lattice without peers."""

    step_ms: int
    t_ms: NDArray[np.int64]  # (T,)
    x: NDArray[np.float64]  # (T, S) log of the bucket's mean, NaN = nothing
    lattice: Lattice


def bucketed(dataset: Dataset, most: int, least_ms: int, most_ms: int) -> Buckets | None:
    """At most so many rows, and so long, of the first panel that lasts `least_ms`; None where there is none."""
    for panel in dataset.panels:
        if len(panel.t_ms) * panel.step_ms < least_ms:
            continue
        y = _roll_ups(panel) if dataset.layout == "grid" else panel.y
        y = y[: most_ms // panel.step_ms]
        factor = max(1, HALF_HOUR_MS // panel.step_ms)
        skip = int(-panel.t_ms[0] // panel.step_ms % factor)
        n = (len(y) - skip) // factor
        blocks = y[skip : skip + n * factor].reshape(n, factor, -1)
        there = ~np.isnan(blocks)
        count = there.sum(axis=1)
        mean = np.where(count > factor // 2, np.where(there, blocks, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
        good = (np.isnan(mean).mean(axis=0) < 0.2) & (np.nanmin(mean, axis=0) >= 0)
        mean = mean[:, np.flatnonzero(good)[:most]]
        if not mean.shape[1]:
            continue
        x = np.log(mean + 0.01 * np.nanmedian(mean, axis=0))
        schema = Schema(dimensions=(), metrics=tuple(Metric(f"m{i}") for i in range(x.shape[1])), place=None)
        index = SeriesIndex(schema)
        index.admit([(m.name,) for m in schema.metrics])
        return Buckets(factor * panel.step_ms, panel.t_ms[skip : skip + n * factor : factor], x, index.lattice())
    return None


def _roll_ups(panel: Panel) -> NDArray[np.float64]:
    """(T, S) sums of the watched cells: all, each region, each device; a missing cell counts nothing."""
    masks = [[c.watched for c in panel.columns]]
    for name in ("region", "device"):
        values = sorted({c.labels[name] for c in panel.columns if name in c.labels})
        masks += [[c.watched and c.labels.get(name) == value for c in panel.columns] for value in values]
    kept = [np.array(mask) for mask in masks if any(mask)]
    return np.stack([np.nansum(panel.y[:, mask], axis=1) for mask in kept], axis=1)
