"""Our own referee for series with labelled incidents: which pages are right, how late, how many are false.

The rules: only the opening of a page counts; it is right if it falls into a labelled incident (both ends included),
the first one in order; every later page of the same incident is a duplicate, neither right nor false. Times before a
series is judged are not scored. False pages are counted per series-week of time outside incidents. Times are in one
unit per call, milliseconds in the benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WEEK_MS = 604_800_000
KPI_DELAY = 7  # points; the AIOps challenge of 2018

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome of one series; `delays` from the start of each incident found to its first page."""

    incidents: int
    found: int
    pages: int
    false: int
    duplicates: int
    delays: tuple[float, ...]
    clean: int  # scored time outside incidents
    hits: tuple[bool, ...] = ()  # by incident, in the order given


@dataclass(frozen=True, slots=True)
class Pooled:
    """Figures over several series; NaN where nothing could be counted."""

    incidents: int
    recall: float
    precision: float
    false: int
    false_per_week: float
    duplicates_per_found: float
    delay_median: float  # in the unit of the times
    delay_p90: float


def judge(opens: Sequence[int], incidents: Sequence[Interval], span: Interval) -> Judged:
    """Matches page openings of one series with its incidents inside the scored span (both ends included)."""
    opens = [t for t in sorted(opens) if span[0] <= t <= span[1]]
    inside = [(start, end) for start, end in incidents if span[0] <= start <= span[1]]
    starts = np.array([start for start, _ in inside], np.int64)
    ends = np.array([end for _, end in inside], np.int64)
    hits = [0] * len(inside)
    delays: list[float] = []
    false = 0
    for t in opens:
        match = np.flatnonzero((starts <= t) & (t <= ends))
        if not match.size:
            false += 1
            continue
        if not hits[match[0]]:
            delays.append(int(t - starts[match[0]]))
        hits[match[0]] += 1
    found = sum(hit > 0 for hit in hits)
    clean = (span[1] - span[0]) - sum(min(end, span[1]) - start for start, end in inside)
    hit = tuple(h > 0 for h in hits)
    return Judged(len(inside), found, len(opens), false, sum(hits) - found, tuple(delays), max(clean, 1), hit)


def pool(series: Sequence[Judged], week: float = WEEK_MS) -> Pooled:
    """Figures over all series together; `week` is the length of a week in the unit of the times."""
    incidents, found = sum(s.incidents for s in series), sum(s.found for s in series)
    false, clean = sum(s.false for s in series), sum(s.clean for s in series)
    delays = np.array([d for s in series for d in s.delays], float)
    return Pooled(
        incidents=incidents,
        recall=found / incidents if incidents else np.nan,
        precision=found / (found + false) if found + false else np.nan,
        false=false,
        false_per_week=false / (clean / week) if clean else np.nan,
        duplicates_per_found=sum(s.duplicates for s in series) / max(found, 1),
        delay_median=float(np.median(delays)) if delays.size else np.nan,
        delay_p90=float(np.quantile(delays, 0.9)) if delays.size else np.nan,
    )


def best_at(curve: Sequence[Pooled], limit: float) -> Pooled | None:
    """Of the points of a sweep the one of highest recall whose false pages per series-week stay within the limit."""
    allowed = [point for point in curve if point.false_per_week <= limit and not np.isnan(point.recall)]
    return max(allowed, key=lambda point: (point.recall, -point.false_per_week), default=None)


def thresholds(surprise: NDArray[np.float64], most: int = 80) -> NDArray[np.float64]:
    """Up to `most` thresholds that spread over the upper tail of the values (N,), finest at the top; -1 first: all."""
    values = np.sort(surprise[np.isfinite(surprise)])
    if not values.size:
        return np.array([-1.0])
    ranks = np.unique(np.geomspace(1, max(values.size // 10, 1), most).astype(np.int64))
    return np.unique(np.r_[np.nextafter(values[values.size - ranks], -np.inf), values[-1]])


def kpi_counts(over: NDArray[np.bool_], label: NDArray[np.bool_], delay: int = KPI_DELAY) -> tuple[int, int, int]:
    """True, false positives and false negatives in points, after the challenge's adjustment.

    A labelled run counts with all its points if one of its first `delay` + 1 points is over the threshold, else with
    none.
    """
    adjusted = over.copy()
    edges = np.flatnonzero(np.diff(np.r_[0, label.astype(np.int8), 0]))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        adjusted[start:end] = over[start : min(start + delay + 1, end)].any()
    return int((adjusted & label).sum()), int((adjusted & ~label).sum()), int((~adjusted & label).sum())


def f1(true: int, false: int, missed: int) -> float:
    """Harmonic mean of precision and recall; 0 where nothing was found."""
    return 2 * true / (2 * true + false + missed) if true else 0.0
