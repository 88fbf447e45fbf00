"""Is one threshold the same everywhere? OPIS, utility and spread over classes of a set, from scores and truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import referee
from benchmarks.quality.dataset import WEEK_MS, Dataset, Detection
from benchmarks.quality.truth import Truth, read_grid_truth, read_truth
from benchmarks.quality.views import View, stamps_at, views_of
from benchmarks.referee_grid import GridTruth
from ensemble.consistency import class_rates, edge_opis, operating_points, opis, spread, utility

VOLUMES = ("low", "middle", "high")


@dataclass(frozen=True, slots=True)
class Consistency:
    """Of one partition into classes; NaN where nothing can be compared. `rates` are of false pages, per week."""

    classes: int
    opis: float
    edge_opis: float
    utility: float
    spread: float


def consistency_lines(dataset: Dataset, said: Mapping[str, Detection]) -> list[str]:
    """What the command prints below its table: a line for each method and partition; empty without truth."""
    lines = []
    grid = read_grid_truth(dataset) if dataset.layout == "grid" else None
    truth = None if dataset.layout == "grid" else read_truth(dataset)
    for method, detection in said.items():
        found = {}
        if grid is not None:
            found = grid_consistency(dataset, detection, grid)
        elif truth is not None:
            found = series_consistency(views_of(dataset, detection), truth)
        lines += [f"{method}: {_line(name, figures)}" for name, figures in found.items() if figures.classes > 1]
    return lines


def series_consistency(views: Sequence[View], truth: Truth) -> dict[str, Consistency]:
    """By partition: each series, thirds of the volume, intervals. Operating points are those of all series pooled."""
    size = [len(view.surprise) for view in views]
    score = np.concatenate([view.surprise for view in views])
    is_real = np.concatenate([_inside(view, truth) for view in views])
    judged = [referee.judge(stamps_at(v, v.opens), truth.incidents.get(v.name, []), v.span) for v in views]
    false = np.array([j.false for j in judged], float)
    weeks = np.array([j.clean for j in judged], float) / WEEK_MS
    points = operating_points(score[~is_real])
    out = {}
    for name, of_view in _partitions(views).items():
        count = int(of_view.max()) + 1
        table = utility(*class_rates(score, is_real, np.repeat(of_view, size), count, points))
        out[name] = Consistency(
            count,
            opis(table),
            edge_opis(table),
            float(np.nanmean(table)) if np.isfinite(table).any() else np.nan,
            spread(np.bincount(of_view, false, count), np.bincount(of_view, weeks, count)),
        )
    return out


def grid_consistency(dataset: Dataset, detection: Detection, truth: GridTruth) -> dict[str, Consistency]:
    """Spread of false pages by dimension (region, device): a grid has one score, so its cuboids are what differs.

    A page counts for the value that its cuboid names; all values have the same time.
    """
    view = views_of(dataset, detection)[0]
    columns = [column for column in view.panel.columns if column.watched]
    step = view.panel.step_ms
    texts = [
        page.cuboid
        for page in detection.pages
        if not page.suppressed and not any(s <= view.stamps[page.open] <= e + step for s, e in truth.incidents)
    ]
    out = {}
    for name in sorted({key for column in columns for key in column.labels}):
        values = sorted({column.labels[name] for column in columns if name in column.labels})
        count = np.array([sum(f"{name}={value}" in text.split("&") for text in texts) for value in values], float)
        out[name] = Consistency(len(values), np.nan, np.nan, np.nan, spread(count, np.ones(len(values))))
    return out


def _partitions(views: Sequence[View]) -> dict[str, NDArray[np.int64]]:
    """Class (V,) of each view, by partition."""
    means = [float(np.nanmean(np.abs(v.panel.y[:, v.panel.unit_columns(v.unit)]))) for v in views]
    steps = np.array([view.panel.step_ms for view in views])
    return {
        "series": np.arange(len(views)),
        "volume": np.argsort(np.argsort(means)) * len(VOLUMES) // len(views),
        "interval": np.unique(steps, return_inverse=True)[1].astype(np.int64),
    }


def _inside(view: View, truth: Truth) -> NDArray[np.bool_]:
    """(T,) does the tick lie in an incident?"""
    out = np.zeros(len(view.stamps), bool)
    for start, end in truth.incidents.get(view.name, []):
        out |= (view.stamps >= start) & (view.stamps <= end)
    return out


def _line(name: str, of: Consistency) -> str:
    parts = {"OPIS": of.opis, "eps-OPIS": of.edge_opis, "utility": of.utility, "spread of false pages": of.spread}
    told = [f"{label} {value:.4f}" for label, value in parts.items() if not np.isnan(value)]
    return f"over {of.classes} classes by {name}: {', '.join(told) or 'nothing to compare'}"
