"""Readers of the long layout (`series_id,timestamp,value`) and of a folder with a single series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.align import Rows, infer_step_ms, make_panels
from benchmarks.quality.clock import Clock, clock_of
from benchmarks.quality.csvfile import Text, header, read_columns
from benchmarks.quality.dataset import DAY_MS, Panel
from benchmarks.quality.layout import Found
from benchmarks.quality.meta import read_steps_ms


@dataclass(frozen=True, slots=True)
class Stamped:
    """The rows of one file with their times: `texts` (N,) index `words`."""

    t_ms: NDArray[np.int64]  # (N,)
    texts: NDArray[np.int32]  # (N,)
    words: tuple[str, ...]
    clock: Clock


def stamp(times: Text, column: str, path: Path, step_ms: int = 1000, clock: Clock | None = None) -> Stamped:
    """Parses a column of times; every different text is parsed once."""
    clock = clock or clock_of(times.row(0), column, step_ms, path)
    return Stamped(clock.parse(times.values, path)[times.codes], times.codes, times.values, clock)


def read_long(found: Found, path: Path, earlier: Found | None) -> tuple[tuple[Panel, ...], tuple[str, ...]]:
    """Panels of a long set; a series of the history that the set does not have is left out."""
    columns = read_columns(found.file, ["series_id", found.time], ["value"])
    ids, stamped = columns.text["series_id"], stamp(columns.text[found.time], found.time, found.file)
    old = _history(earlier)
    steps = read_steps_ms(path)
    units = []
    for name, at in _rows_by_series(ids).items():
        before = old.get(name)
        units.append(_unit(name, stamped, columns.number["value"], at, before, steps.get(name, steps.get(""))))
    panels, notes = make_panels(units, stamped.words, stamped.clock)
    if old and not set(old) & set(ids.values):
        notes = (*notes, "none of the series of --history is in the set")
    return panels, notes


def read_single(found: Found, path: Path, earlier: Found | None) -> tuple[tuple[Panel, ...], tuple[str, ...]]:
    """The panel of a folder that holds one series, named after the folder."""
    columns = read_columns(found.file, [found.time], list(found.values))
    stamped = stamp(columns.text[found.time], found.time, found.file)
    values = columns.number[found.values[0]]
    before = None
    if earlier is not None:
        old = read_columns(earlier.file, [earlier.time], list(earlier.values))
        before = (stamp(old.text[earlier.time], earlier.time, earlier.file).t_ms, old.number[earlier.values[0]])
    steps = read_steps_ms(path)
    name = path.resolve().name
    unit = _unit(name, stamped, values, np.arange(columns.length), before, steps.get(name, steps.get("")))
    panels, notes = make_panels([unit], stamped.words, stamped.clock)
    if "date_local" in header(found.file):
        panels = tuple(_on_local_clock(panel, found.file, stamped) for panel in panels)
    return panels, notes


def _history(earlier: Found | None) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    if earlier is None:
        return {}
    columns = read_columns(earlier.file, ["series_id", earlier.time], ["value"])
    stamped = stamp(columns.text[earlier.time], earlier.time, earlier.file)
    rows = _rows_by_series(columns.text["series_id"])
    return {name: (stamped.t_ms[at], columns.number["value"][at]) for name, at in rows.items()}


def _rows_by_series(ids: Text) -> dict[str, NDArray[np.int64]]:
    order = np.argsort(ids.codes, kind="stable")
    ends = np.cumsum(np.bincount(ids.codes, minlength=len(ids.values)))
    return {name: order[(ends[i - 1] if i else 0) : ends[i]] for i, name in enumerate(ids.values)}


def _unit(
    name: str,
    stamped: Stamped,
    values: NDArray[np.float64],
    at: NDArray[np.int64],
    before: tuple[NDArray[np.int64], NDArray[np.float64]] | None,
    step_ms: int | None,
) -> Rows:
    t_ms, texts, y = stamped.t_ms[at], stamped.texts[at], values[at]
    score_from = None
    if before is not None:
        start = int(t_ms.min())
        older = before[0] < start
        if older.any():
            score_from = start
            t_ms = np.r_[before[0][older], t_ms]
            texts = np.r_[np.zeros(int(older.sum()), np.int32), texts]  # never written: before `score_from`
            y = np.r_[before[1][older], y]
    return Rows(name, t_ms, texts, y[:, None], ({},), step_ms or infer_step_ms(t_ms), score_from)


def _on_local_clock(panel: Panel, file: Path, stamped: Stamped) -> Panel:
    """Puts the panel on the wall clock that its local dates betray: a date begins at local midnight.

    Each tick uses the last midnight seen so far; the hours before the first one use UTC (no look ahead).
    """
    dates = read_columns(file, ["date_local"]).text["date_local"]
    days = clock_of(dates.row(0), "date_local", 1000, file).parse(dates.values, file)[dates.codes]
    order = np.argsort(stamped.t_ms, kind="stable")
    t_ms, days = stamped.t_ms[order], days[order]
    turned = np.flatnonzero(np.diff(days) > 0) + 1
    turned = turned[t_ms[turned] - t_ms[turned - 1] <= panel.step_ms]  # after a gap the first row is no midnight
    if not turned.size:
        return panel
    offsets = days[turned] - t_ms[turned]
    last = np.searchsorted(t_ms[turned], panel.t_ms, side="right") - 1
    offset = np.where(last >= 0, offsets[np.maximum(last, 0)], 0)
    return replace(panel, local_ms=panel.t_ms + np.where(np.abs(offset) < DAY_MS, offset, 0))
