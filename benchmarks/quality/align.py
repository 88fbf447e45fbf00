"""From rows at their own times to ticks: step, place of each row, panels of series that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clock import Clock
from benchmarks.quality.dataset import DAY_MS, Column, Panel, Unit
from benchmarks.quality.kinds import infer_kind
from detector.errors import DataError

WARMUP_MS = 14 * DAY_MS
WARMUP_SHARE = 0.15
_MOST_CELLS = 400_000_000  # of a panel, 3.2 GB
_STEP_ROWS = 2000  # rows at the start from which a step is inferred, so that what comes later cannot change it


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one unit, any order: `values` is (n, C) for its C columns; `texts` index the set's texts of time.

    `score_from_ms`: scored from here on; None: after the warm-up rule.
    """

    name: str
    t_ms: NDArray[np.int64]  # (n,)
    texts: NDArray[np.int32]  # (n,)
    values: NDArray[np.float64]  # (n, C)
    labels: tuple[dict[str, str], ...]  # (C,)
    step_ms: int
    score_from_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows of one unit on ticks since the epoch, strictly increasing."""

    rows: Rows  # in order of time, one row a tick
    ticks: NDArray[np.int64]  # (n,)
    phase_ms: int
    dropped: int


def infer_step_ms(t_ms: NDArray[np.int64]) -> int:
    """The commonest distance between neighbouring rows of the start of a series (the smaller of equals)."""
    distances = np.diff(np.unique(t_ms)[: _STEP_ROWS + 1])
    if not distances.size:
        return 60_000
    values, counts = np.unique(distances, return_counts=True)
    return int(values[np.argmax(counts)])


def place(rows: Rows) -> Placed:
    """Gives each row its tick: the nearest on the phase of the first row, else the next one if that is taken.

    Of rows with the same time the last in the file counts. A row that would be moved by more than a tick (rows denser
    than the step) is dropped and counted: the row before it was already judged, and taking a mean would change that
    judgement afterwards.
    """
    order = np.argsort(rows.t_ms, kind="stable")
    last_of_time = np.r_[np.diff(rows.t_ms[order]) != 0, True]
    order = order[last_of_time]
    t_ms = rows.t_ms[order]
    phase = int(t_ms[0] % rows.step_ms)
    wanted = (t_ms - phase + rows.step_ms // 2) // rows.step_ms
    steps = np.arange(len(wanted))
    ticks = np.maximum.accumulate(wanted - steps) + steps
    keep = np.ones(len(wanted), bool)
    if (ticks - wanted > 1).any():
        ticks, keep = _place_one_by_one(wanted)
    order = order[keep]
    placed = Rows(
        rows.name,
        rows.t_ms[order],
        rows.texts[order],
        rows.values[order],
        rows.labels,
        rows.step_ms,
        rows.score_from_ms,
    )
    return Placed(placed, ticks[keep], phase, int((~keep).sum()))


def _place_one_by_one(wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    ticks, keep = wanted.copy(), np.ones(len(wanted), bool)
    last = int(wanted[0]) - 1
    for i, tick in enumerate(wanted.tolist()):
        if last + 1 - tick > 1:
            keep[i] = False
            continue
        last = max(tick, last + 1)
        ticks[i] = last
    return ticks, keep


def make_panels(
    units: Sequence[Rows], texts: tuple[str, ...], clock: Clock
) -> tuple[tuple[Panel, ...], tuple[str, ...]]:
    """Panels of equal step and overlapping spans, in order of (step, start), and notes on rows that were dropped."""
    placed = [place(rows) for rows in units]
    notes = [f"{p.rows.name}: {p.dropped} rows denser than its step were dropped" for p in placed if p.dropped]
    panels = []
    for step_ms in sorted({p.rows.step_ms for p in placed}):
        same = sorted((p for p in placed if p.rows.step_ms == step_ms), key=lambda p: (int(p.ticks[0]), p.rows.name))
        group: list[Placed] = []
        end = None
        for p in same:
            if end is not None and p.ticks[0] > end:
                panels.append(_panel(group, texts, clock))
                group, end = [], None
            group.append(p)
            end = int(p.ticks[-1]) if end is None else max(end, int(p.ticks[-1]))
        panels.append(_panel(group, texts, clock))
    return tuple(panels), tuple(notes)


def _panel(group: list[Placed], texts: tuple[str, ...], clock: Clock) -> Panel:
    group = sorted(group, key=lambda p: p.rows.name)
    step_ms = group[0].rows.step_ms
    start = min(int(p.ticks[0]) for p in group)
    length = max(int(p.ticks[-1]) for p in group) - start + 1
    width = sum(len(p.rows.labels) for p in group)
    if length * width > _MOST_CELLS:
        raise DataError(
            f"times of {group[0].rows.name} and the {len(group) - 1} series beside it span {length} ticks of"
            f" {step_ms / 1000:g} s: expected at most {_MOST_CELLS // width}; is a time or a step_s wrong?"
        )
    y = np.full((length, width), np.nan)
    columns: list[Column] = []
    units: list[Unit] = []
    for u, p in enumerate(group):
        at = p.ticks - start
        judged = _score_from(p.rows)
        for c, labels in enumerate(p.rows.labels):
            y[at, len(columns)] = p.rows.values[:, c]
            columns.append(Column(u, labels, infer_kind(p.rows.values[p.rows.t_ms < judged, c])))
        first = int(np.searchsorted(p.rows.t_ms, judged))
        score_from = int(at[first]) if first < len(at) else int(at[-1]) + 1
        units.append(Unit(p.rows.name, at, p.rows.texts, score_from, p.phase_ms))
    t_ms = (np.arange(length, dtype=np.int64) + start) * step_ms
    return Panel(step_ms, t_ms, t_ms, y, tuple(columns), tuple(units), texts, clock)


def _score_from(rows: Rows) -> int:
    """Event time from which a unit is judged: given, or after min(14 d, 15 % of its own span)."""
    if rows.score_from_ms is not None:
        return rows.score_from_ms
    span = int(rows.t_ms[-1] - rows.t_ms[0])
    return int(rows.t_ms[0]) + int(min(WARMUP_MS, WARMUP_SHARE * span))
