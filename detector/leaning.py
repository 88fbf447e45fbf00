"""Whom a sparse or a new row leans on: the roll-up whose seasonal shape is likely to be its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.series import SeriesIndex


class Leaning(NamedTuple):
    """S rows."""

    parent: NDArray[np.int64]  # (S,) the row with the same labels and one dimension opened, -1 where there is none
    axis: NDArray[np.int64]  # (S,) number of that dimension; 0 where there is none


def lean_on(index: SeriesIndex) -> Leaning:
    """Whose seasonal shape, and whose steps, each row takes.

    The first dimension that is not the place is opened: what people do at an hour depends on where they are more than
    on the device in their hand. Of a row that is open in all of these nothing is known but its own past. Own: chosen
    by what shapes of demand depend on, not by volume, for a sparse row cannot say whom it resembles.
    """
    level_of, codes, levels = index.structure()
    names = index.schema.dimension_names
    out = Leaning(np.full(len(level_of), -1, np.int64), np.zeros(len(level_of), np.int64))
    for code, (metric, level) in enumerate(levels):
        rows = np.flatnonzero(level_of == code)
        for d, at in enumerate(level):
            if at != 0 or names[d] == index.schema.place or not index.schema.dimensions[d].peers:
                continue
            above = (*level[:d], len(index.schema.dimensions[d].parents) + 1, *level[d + 1 :])
            table = index.row_table(metric, above)
            moved = codes[:, rows].astype(np.int64)
            moved[d] = 0
            out.parent[rows], out.axis[rows] = table.find(index.combine(moved)), d
            break
    return out
