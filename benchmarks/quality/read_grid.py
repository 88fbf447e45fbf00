"""Reader of the grid layout: region × device on two stacks, A watched and B the witness; one service."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.quality.align import infer_step_ms
from benchmarks.quality.csvfile import Columns, read_columns
from benchmarks.quality.dataset import Column, Panel, Unit
from benchmarks.quality.kinds import infer_kind
from benchmarks.quality.layout import Found
from benchmarks.quality.meta import read_steps_ms
from benchmarks.quality.read_long import Stamped, stamp
from detector.errors import DataError

UNSCORED_SHARE = 0.2  # of the ticks, at the start
WATCHED = "A"
KEYS = ("stack", "region", "device")


def read_grid(found: Found, path: Path, earlier: Found | None) -> tuple[tuple[Panel, ...], tuple[str, ...]]:
    """The one panel of a grid, columns in sorted order of (stack, region, device)."""
    columns, now = _read(found)
    t_ms, values, texts = now.t_ms, columns.number["value"], now.texts
    keys = _keys(columns)
    start = int(t_ms.min())
    if earlier is not None:
        old_columns, old = _read(earlier)
        older = old.t_ms < start
        t_ms, values = np.r_[old.t_ms[older], t_ms], np.r_[old_columns.number["value"][older], values]
        texts = np.r_[np.zeros(int(older.sum()), np.int32), texts]
        keys = [key for key, use in zip(_keys(old_columns), older.tolist(), strict=True) if use] + keys
    names = sorted(set(keys))
    if not any(name[0] == WATCHED for name in names):
        stacks = ", ".join(sorted({name[0] for name in names}))
        raise DataError(f"{found.file}: column 'stack': expected rows of the watched stack '{WATCHED}', found {stacks}")
    step_ms = read_steps_ms(path).get("") or infer_step_ms(t_ms)
    phase = start % step_ms
    ticks = (t_ms - phase) // step_ms
    first = int(ticks.min())
    ticks = ticks - first
    y = np.full((int(ticks.max()) + 1, len(names)), np.nan)
    where = {name: i for i, name in enumerate(names)}
    y[ticks, np.array([where[key] for key in keys])] = values
    own, row = np.unique(ticks, return_index=True)
    has_history = earlier is not None and bool((t_ms < start).any())
    stamps = own[own >= (start - phase) // step_ms - first]
    judged = int(stamps[0]) if has_history else int(stamps[int(UNSCORED_SHARE * len(stamps))])
    unit = Unit("", own, texts[row].astype(np.int32), judged, int(phase))
    made = tuple(
        Column(0, {"region": r, "device": d, "stack": s}, infer_kind(y[:judged, i]), watched=s == WATCHED)
        for i, (s, r, d) in enumerate(names)
    )
    grid_ms = (np.arange(len(y), dtype=np.int64) + first) * step_ms
    return (Panel(step_ms, grid_ms, grid_ms, y, made, (unit,), now.words, now.clock),), ()


def _read(found: Found) -> tuple[Columns, Stamped]:
    columns = read_columns(found.file, [found.time, *KEYS], ["value"])
    return columns, stamp(columns.text[found.time], found.time, found.file)


def _keys(columns: Columns) -> list[tuple[str, str, str]]:
    stack, region, device = (columns.text[name] for name in KEYS)
    return [
        (stack.values[s], region.values[r], device.values[d])
        for s, r, d in zip(stack.codes.tolist(), region.codes.tolist(), device.codes.tolist(), strict=True)
    ]
