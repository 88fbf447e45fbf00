"""The table that people read, methods beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.quality.dataset import Dataset
from benchmarks.quality.figures import Figures
from benchmarks.referee_grid import GridFigures


def table(dataset: Dataset, rows: Mapping[str, Figures]) -> str:
    """One line a method: own pages at the promised budget first, then what thresholds chosen afterwards would give."""
    grid = dataset.layout == "grid"
    per = "service-week" if grid else "series-week"
    any_row = next(iter(rows.values()))
    head = ["method", "recall"]
    head += ["quiet", "in events"] if grid else []
    head += ["precision", f"false/{per}", "÷ promised", "dup/found", "delay med", "p90", "held"]
    head += [f"pages@{limit:g}" for limit in any_row.pages_at] + [f"sweep@{limit:g}" for limit in any_row.sweep_at]
    head += [f"false {name}" for name in any_row.situations]
    kpi = any(not math.isnan(row.kpi_f1[0]) for row in rows.values())
    head += ["k=7 F1", "k=7 F1 own"] if kpi else []
    body = [_cells(name, row, grid, kpi) for name, row in rows.items()]
    lines = [f"{dataset.path.resolve().name}: promised {any_row.promised:g} false pages per {per}; delays in ticks"]
    lines += aligned([head, *body])
    for name, row in rows.items():
        if row.worst_class:
            lines.append(f"{name}: worst class by realised ÷ promised: {row.worst_class[0]}: {row.worst_class[1]:.2f}")
    return "\n".join(lines)


def cells_table(name: str, figures: Mapping[str, float]) -> str:
    """The two figures of a set of cells."""
    return "\n".join([f"{name}: localisation", *aligned([list(figures), [_text(value) for value in figures.values()]])])


def _cells(name: str, row: Figures, grid: bool, kpi: bool) -> list[str]:
    own = row.own
    out = [name, _text(own.recall)]
    if isinstance(own, GridFigures) and grid:
        out += [_text(own.recall_quiet), _text(own.recall_in_events)]
    ratio = row.realised / row.promised if row.promised else math.nan
    out += [_text(own.precision), _text(row.realised), _text(ratio), _text(own.duplicates_per_found)]
    out += [f"{own.delay_median:.0f}", f"{own.delay_p90:.0f}", str(row.held)]
    out += [_text(value) for value in (*row.pages_at.values(), *row.sweep_at.values(), *row.situations.values())]
    return [*out, *map(_text, row.kpi_f1)] if kpi else out


def _text(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if isinstance(value, int) else f"{value:.3f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
