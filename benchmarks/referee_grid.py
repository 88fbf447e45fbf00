"""Our own referee for grids: pages of one service against incidents, split by what else was going on.

Rules: the first fifth of the ticks is not scored; a page is right if it opens from an incident's start to one tick
after its end (the first in the order of the file); a false page is counted under the first of these that was on, a
tick before to two ticks after: unanticipated high, anticipated, unanticipated low; else quiet. Weeks are all scored
time. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.referee import WEEK_MS

UNSCORED_SHARE = 0.2
SITUATIONS = ("unanticipated_high", "anticipated", "unanticipated_low")


@dataclass(frozen=True, slots=True)
class GridTruth:
    """Incidents in the order of the file, and special events by kind; intervals with both ends included."""

    incidents: tuple[tuple[int, int], ...]
    in_event: tuple[bool, ...]
    events: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class GridFigures:
    recall: float
    recall_quiet: float
    recall_in_events: float
    precision: float
    false_per_week: float
    false_by_situation: dict[str, float]  # per week
    duplicates_per_found: float
    delay_median: float  # ticks
    delay_p90: float  # ticks


def judge_grid(opens_ms: Sequence[int], truth: GridTruth, t_ms: NDArray[np.int64]) -> GridFigures:
    """Figures of one grid; `t_ms` (T,) are its ticks, all of them."""
    step = int(t_ms[1] - t_ms[0])
    start = int(t_ms[int(UNSCORED_SHARE * len(t_ms))])
    found: dict[int, list[float]] = {}
    false = dict.fromkeys(("quiet", *SITUATIONS), 0)
    for t in sorted(t for t in opens_ms if t >= start):
        match = next((i for i, (s, e) in enumerate(truth.incidents) if s <= t <= e + step), None)
        if match is None:
            false[_situation(t, truth, step)] += 1
        else:
            found.setdefault(match, []).append((t - truth.incidents[match][0]) / step)
    hit = np.array([i in found for i in range(len(truth.incidents))], bool)
    inside = np.array(truth.in_event, bool)
    weeks = (int(t_ms[-1]) - start) / WEEK_MS
    wrong = sum(false.values())
    delays = np.array([min(d) for d in found.values()], float)
    return GridFigures(
        recall=_mean(hit),
        recall_quiet=_mean(hit[~inside]),
        recall_in_events=_mean(hit[inside]),
        precision=len(found) / max(len(found) + wrong, 1),
        false_per_week=wrong / weeks,
        false_by_situation={name: count / weeks for name, count in false.items()},
        duplicates_per_found=sum(len(d) - 1 for d in found.values()) / max(len(found), 1),
        delay_median=float(np.median(delays)) if delays.size else np.nan,
        delay_p90=float(np.quantile(delays, 0.9)) if delays.size else np.nan,
    )


def _situation(t: int, truth: GridTruth, step: int) -> str:
    for kind in SITUATIONS:
        if any(k == kind and s - step <= t <= e + 2 * step for s, e, k in truth.events):
            return kind
    return "quiet"


def _mean(hit: NDArray[np.bool_]) -> float:
    return float(hit.mean()) if hit.size else np.nan
