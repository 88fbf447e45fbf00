"""Warm start of an engine from history: profiles in one vectorised pass, then filters and scales by quiet steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detector.frame import Key, Tick
from detector.timing import DAY_MS
from detector.warmstart import warm_start
from suppression.calendar import Calendar
from suppression.controls import Controls
from tocsin.core import Core, State
from tocsin.lone_start import warm_up_lone
from tocsin.pipeline import step
from tocsin.rows import COUNT, LOG_GAUGE, REAL_GAUGE, link

QUIET_MS = 3 * DAY_MS  # the end of history that is stepped through, at least
SHORTEST_MS = 2 * DAY_MS  # shorter history is stepped only


def warm_up(
    core: Core,
    state: State,
    keys: Sequence[Key],
    t_ms: NDArray[np.int64],
    y: NDArray[np.float64],
    calendar: Calendar | None = None,
    quiet_ms: int = QUIET_MS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> State:
    """Learns from a panel: `keys` (L,) leaves, `t_ms` (T,) tick starts without holes, `y` (T, L), NaN = no sample.

    The whole history gives level and profile; its last `quiet_ms` are stepped without raising anything, so that
    scales, contrasts and calibration are learnt by the very code that judges afterwards.
    """
    calendar = calendar or Calendar()
    if core.lone is not None:
        return warm_up_lone(core, state, keys, t_ms, y, calendar)
    state.index.admit(keys)
    core.adapt(state)
    rows = np.array([state.index.rows[key] for key in keys])
    size = len(state.index)
    quiet = len(t_ms)
    if len(t_ms) and t_ms[-1] - t_ms[0] >= SHORTEST_MS:
        panel = np.full((len(t_ms), size), np.nan)
        panel[:, rows] = y
        _decide(core, state, rows, y)
        gauges = np.flatnonzero(state.rows.kind > COUNT)
        if len(gauges):
            for i in range(len(t_ms)):
                panel[i] = link(state.rows, panel[i], gauges)
        _roll_up_panel(core, state, panel)
        parent = _parents(core, state)
        off = (
            np.array([bool(calendar.active(int(t))) for t in t_ms])
            if calendar.fingerprint and len(t_ms) < 200_000
            else None
        )
        if off is not None and off.mean() > 0.5:
            off = None  # a calendar that is always on says nothing
        warm_start(state.season, core.timing, t_ms, panel, state.rows.kind > COUNT, parent, off)
        quiet = min(len(t_ms), max(core.timing.ticks(quiet_ms), 200))
        state.rows.born[...] = np.minimum(np.isfinite(panel[: len(t_ms) - quiet]).sum(axis=0), 2**30).astype(np.int32)
    controls = Controls(calendar=calendar)
    first = len(t_ms) - quiet
    delivered = np.ones(len(core.schema.metrics), bool)
    for i in range(first, len(t_ms)):
        values = np.full(size, np.nan)
        values[rows] = y[i]
        state, _ = step(core, state, Tick(int(t_ms[i]), values, delivered), controls, quiet=True)
        if (i - first) % 200 == 0:
            progress(i - first, quiet)
    if not core.lone:
        core.budget.settle(state.budget, core.adapt(state).watched_leaves)
    progress(quiet, quiet)
    return state


def _decide(core: Core, state: State, rows: NDArray[np.int64], y: NDArray[np.float64]) -> None:
    """Kinds of all rows from the whole history: integers ≥ 0 are counts, positive values a log gauge, others real."""
    lattice = core.adapt(state).lattice
    for m, metric in enumerate(core.schema.metrics):
        mine = lattice.metric[rows] == m
        if not mine.any():
            continue
        values = y[:, mine]
        values = values[np.isfinite(values)]
        kind = COUNT
        if metric.kind in ("gauge", "ratio") or (
            metric.kind == "auto" and len(values) and bool((values < 0).any() or (values != np.floor(values)).any())
        ):
            kind = REAL_GAUGE if len(values) and bool((values < 0).any()) else LOG_GAUGE
        of_metric = np.flatnonzero(lattice.metric == m)
        state.rows.kind[of_metric] = kind
        if kind != COUNT and len(values):
            with np.errstate(all="ignore"):
                size = np.nanmedian(np.abs(y[:, mine]), axis=0)
            typical = float(np.median(np.abs(values))) or 1.0
            size = np.where(np.isfinite(size) & (size > 0), size, typical)
            state.rows.offset[of_metric] = 0.01 * float(np.median(size))
            state.rows.unit[of_metric] = float(np.median(size))
            state.rows.offset[rows[mine]] = 0.01 * size
            state.rows.unit[rows[mine]] = size


def _roll_up_panel(core: Core, state: State, panel: NDArray[np.float64]) -> None:
    """Roll-up columns of the panel: sums (means for gauges) of leaves, a missing leaf at its mean share."""
    lattice = core.adapt(state).lattice
    if not lattice.rollups:
        return
    leaf = lattice.leaf
    mean = np.nansum(panel, axis=0) / np.maximum(np.isfinite(panel).sum(axis=0), 1)
    gauge = state.rows.kind > COUNT
    count = lattice.sum_up(leaf.astype(float))
    for i in range(len(panel)):
        row = panel[i]
        total = np.where(leaf, np.where(np.isnan(row), mean, row), 0.0)
        lattice.sum_up(total)
        total[gauge] /= np.maximum(count[gauge], 1)
        row[~leaf] = total[~leaf]


def _parents(core: Core, state: State) -> NDArray[np.int64]:
    """(S,) the row whose shape a sparse row leans on: the same labels, the first dimension that is no place open."""
    index = state.index
    level_of, codes, levels = index.structure()
    names = core.schema.dimension_names
    out = np.full(len(level_of), -1, np.int64)
    for code, (metric, level) in enumerate(levels):
        free = [d for d, at in enumerate(level) if at == 0 and names[d] != core.schema.place]
        if not free:
            continue
        top = len(core.schema.dimensions[free[0]].parents) + 1
        above = (*level[: free[0]], top, *level[free[0] + 1 :])
        table = index.row_table(metric, above)
        rows = np.flatnonzero(level_of == code)
        moved = codes[:, rows].astype(np.int64)
        moved[free[0]] = 0
        out[rows] = [table.get(c, -1) for c in index.combine(moved).tolist()]
    return out
