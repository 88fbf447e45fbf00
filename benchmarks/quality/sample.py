"""A seeded part of a set, whole series at a time, so that slow methods end; every method of a table sees the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.quality.dataset import Dataset, Panel

SEED = 4


def sampled(dataset: Dataset, points: int, seed: int = SEED) -> Dataset:
    """Units drawn without replacement while the values of all fit into `points`; the smallest if none does.

    The panels left out have no units; a set that fits is returned as it is. Deterministic: equal set, points and seed,
    equal sample.
    """
    sizes = [
        (number, u, int(np.isfinite(panel.y[:, panel.unit_columns(u)]).sum()))
        for number, panel in enumerate(dataset.panels)
        for u in range(len(panel.units))
    ]
    if sum(size for _, _, size in sizes) <= points:
        return dataset
    room, taken = points, set()
    for at in np.random.default_rng(seed).permutation(len(sizes)).tolist():
        number, u, size = sizes[at]
        if size <= room:
            taken.add((number, u))
            room -= size
    if not taken:
        taken.add(min(sizes, key=lambda entry: entry[2])[:2])
    panels = [
        _part(panel, [u for u in range(len(panel.units)) if (number, u) in taken])
        for number, panel in enumerate(dataset.panels)
    ]
    note = (
        f"sample of {len(taken)} of {len(sizes)} series, {points - room if room < points else min(sizes)[2]} values,"
        f" seed {seed}"
    )
    return replace(dataset, panels=tuple(p for p in panels if p.units), notes=(*dataset.notes, note))


def _part(panel: Panel, units: list[int]) -> Panel:
    columns = [c for c, column in enumerate(panel.columns) if column.unit in units]
    where = {u: i for i, u in enumerate(units)}
    return replace(
        panel,
        y=panel.y[:, columns],
        columns=tuple(replace(panel.columns[c], unit=where[panel.columns[c].unit]) for c in columns),
        units=tuple(panel.units[u] for u in units),
    )
