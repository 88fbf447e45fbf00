"""The AIOps challenge's F1 over points (k = 7), for comparison with what others published."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks import referee
from benchmarks.quality.truth import Truth
from benchmarks.quality.views import View

KPI_FINEST_MS = 300_000  # the challenge's delay in points means something up to five-minute ticks
Scored = tuple[NDArray[np.float64], NDArray[np.bool_]]  # surprise (n,) and labels (n,) of one series


def kpi_f1(views: Sequence[View], truth: Truth) -> tuple[float, float]:
    """The challenge's F1 over points: thresholds chosen on the first half of every series, judged on the second.

    One threshold for all; and one for each series, where its first half has labelled points (else the common one).
    """
    series = []
    for view in views:
        unit = view.panel.units[view.unit]
        ticks = unit.ticks[unit.ticks >= unit.score_from]
        if view.panel.step_ms > KPI_FINEST_MS or not ticks.size:
            continue
        stamps = view.stamps[ticks]
        label = np.zeros(len(ticks), bool)
        for start, end in truth.incidents.get(view.name, []):
            label[np.searchsorted(stamps, start) : np.searchsorted(stamps, end, side="right")] = True
        series.append((np.nan_to_num(view.surprise[ticks], nan=-1.0), label))
    if not series:
        return np.nan, np.nan
    first = [(s[: len(s) // 2], y[: len(y) // 2]) for s, y in series]
    second = [(s[len(s) // 2 :], y[len(y) // 2 :]) for s, y in series]
    common = _best_cut(first)
    own = [_best_cut([half]) if half[1].any() else common for half in first]
    return _f1_at([common] * len(second), second), _f1_at(own, second)


def _f1_at(cuts: Sequence[float], series: Sequence[Scored]) -> float:
    counts = [referee.kpi_counts(s > cut, y) for cut, (s, y) in zip(cuts, series, strict=True)]
    true, false, missed = np.array(counts).sum(axis=0).tolist()
    return referee.f1(true, false, missed)


def _best_cut(series: Sequence[Scored]) -> float:
    """The threshold of highest F1; of equals the highest."""
    cuts = referee.thresholds(np.concatenate([s for s, _ in series])).tolist()
    best: float = max(cuts, key=lambda cut: (_f1_at([cut] * len(series), series), cut))
    return best
