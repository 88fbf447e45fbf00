"""Rows born into a running service: whose shape they take, and what roll-ups above them make of their volume.

Own: nothing published was found for a lattice of roll-ups; the idea is the prior of a hierarchical model, its mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.forecasters.seasonal import SeasonalState
from detector.frame import Bools, Floats, Ints
from detector.series import Level, SeriesIndex


def shape_givers(index: SeriesIndex, rows: Ints, is_ready: Bools) -> NDArray[np.int64]:
    """(N,) for each of `rows` (N,) the narrowest roll-up above it that is ready to lend its shape; -1 for none.

    One dimension is opened, to its parents first and then wholly, the place last: what people do at an hour depends on
    where they are more than on the device in their hand, and most on the family of devices. Then several dimensions.
    `is_ready` (S,): rows whose shape is known.
    """
    level_of, codes, levels = index.structure()
    out = np.full(len(rows), -1, np.int64)
    for code in np.unique(level_of[rows]).tolist():
        metric, level = levels[code]
        mine = np.flatnonzero(level_of[rows] == code)
        for wider in _wider(index, level):
            left = mine[out[mine] < 0]
            if not len(left):
                break
            table = index.row_table(metric, wider)
            if table:
                found = table.find(_lifted(index, codes, rows[left], level, wider))
                out[left] = np.where((found >= 0) & is_ready[found], found, -1)
    return out


def lend_shapes(state: SeasonalState, rows: Ints, givers: NDArray[np.int64]) -> None:
    """New rows start on the profile of their giver, in place; the level is their own, from their first hour."""
    lent = givers >= 0
    state.season[:, rows[lent]] = state.season[:, givers[lent]]


def settled_value(mu: Floats, without: Floats, with_all: Floats) -> Floats:
    """(N,) what roll-ups are judged by while leaves under them are fresh: the value that is nearest to the expected.

    `mu` (N,) expected, `without` and `with_all` (N,) the value without and with the fresh leaves. New volume never
    raises a roll-up above what is expected; where it replaces volume that is gone (a new version of an application
    takes over from the old one) it fills the gap. For sums, and for means of gauges.
    """
    out: Floats = np.clip(mu, np.minimum(without, with_all), np.maximum(without, with_all))
    return out


def _wider(index: SeriesIndex, level: Level) -> Iterator[Level]:
    """Levels above, narrowest first: one dimension opened, then all up to one, the place last."""
    schema = index.schema
    tops = [len(d.parents) + 1 for d in schema.dimensions]
    order = sorted(range(len(level)), key=lambda d: schema.dimensions[d].name == schema.place)
    order = [d for d in order if 0 <= level[d] < tops[d] and schema.dimensions[d].peers]
    for d in order:
        for at in range(level[d] + 1, tops[d] + 1):
            yield (*level[:d], at, *level[d + 1 :])
    opened = list(level)
    for number, d in enumerate(order):
        opened[d] = tops[d]
        if number:
            yield tuple(opened)


def _lifted(index: SeriesIndex, codes: Ints, rows: Ints, level: Level, wider: Level) -> NDArray[np.int64]:
    """Combined codes of the rows (N,) at the wider level; -1, which no table has, where a parent is unknown."""
    tops = [len(d.parents) + 1 for d in index.schema.dimensions]
    out = codes[:, rows].astype(np.int64)
    for d, (at, new) in enumerate(zip(level, wider, strict=True)):
        if new == at:
            continue
        if new == tops[d]:
            out[d] = 0
        else:  # from values only: a parent has no parent
            out[d] = index.parent_codes(d, new - 1)[out[d]] if at == 0 else -1
    known = np.flatnonzero((out >= 0).all(axis=0))
    combined = index.combine(np.maximum(out, 0))
    found = np.full(len(combined), -1, np.int64)
    found[known] = combined[known]
    return found
