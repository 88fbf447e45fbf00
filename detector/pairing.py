"""Which witness row testifies for which watched row, from the declared independence."""

from __future__ import annotations

import numpy as np

from detector.frame import Ints
from detector.series import SeriesIndex


def witness_metrics(index: SeriesIndex) -> tuple[int, ...]:
    """Metrics of witness stacks that any declaration names, in schema order; one row of `pair_rows` each."""
    stacks = {i.witness for i in index.schema.independence}
    return tuple(
        k for k, metric in enumerate(index.schema.metrics) if metric.role == "witness" and metric.stack in stacks
    )


def pair_rows(index: SeriesIndex) -> Ints:
    """(W, S) row of the witness for each watched row: all labels that the witness has agree, else those of `match`.

    Cell with cell where the witness has the cell, else the roll-up of the place. -1 where nothing is declared or known.
    Own: independence is declared, never guessed from data, since what moves together in calm times need not be apart.
    """
    schema = index.schema
    level_of, codes, levels = index.structure()
    metrics = witness_metrics(index)
    out = np.full((len(metrics), len(level_of)), -1, np.int64)
    names = schema.dimension_names
    tops = [len(d.parents) + 1 for d in schema.dimensions]
    for k, witness_code in enumerate(metrics):
        witness = schema.metrics[witness_code]
        has = [witness.dimensions is None or name in witness.dimensions for name in names]
        declared = {i.watched: i.match for i in schema.independence if i.witness == witness.stack}
        for code, (metric_code, level) in enumerate(levels):
            metric = schema.metrics[metric_code]
            if metric.role != "watched" or metric.stack not in declared:
                continue
            rows = np.flatnonzero(level_of == code)
            full = tuple((at if at >= 0 else top) if h else -1 for at, h, top in zip(level, has, tops, strict=True))
            place = tuple(
                (at if name in declared[metric.stack] and at >= 0 else top) if h else -1
                for at, h, top, name in zip(level, has, tops, names, strict=True)
            )
            for wanted in (place, full):  # the full match overrides
                table = index.row_table(witness_code, wanted)
                if not table:
                    continue
                moved = codes[:, rows].astype(np.int64)
                for d, at in enumerate(wanted):
                    if at < 0 or at == tops[d]:
                        moved[d] = 0
                hit = table.find(index.combine(moved))
                out[k, rows[hit >= 0]] = hit[hit >= 0]
    return out
