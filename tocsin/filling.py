"""Leaf values of a tick as they are judged: counters differenced, missing zeros filled, kinds of new rows decided."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.frame import Tick
from tocsin.core import Core, Derived, State
from tocsin.rows import COUNT, LOG_GAUGE, REAL_GAUGE, UNDECIDED

LARGEST = 1e18  # values beyond it count as it: squares and sums of them still fit float32 state
UNITS = (1e-30, LARGEST)
LOWEST, HIGHEST = np.array(-LARGEST), np.array(LARGEST)


def fill(core: Core, state: State, derived: Derived, tick: Tick) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(S,) leaf values in the user's unit, roll-ups NaN; and the rows that are gauges."""
    rows = state.rows
    y = leaf_values(core, state, derived, tick)
    _decide_kinds(core, state, derived, y)
    np.maximum(y, 0, out=y, where=rows.kind == COUNT)  # a count that is declared as one cannot be negative
    return y, np.flatnonzero(rows.kind > COUNT)


def leaf_values(core: Core, state: State, derived: Derived, tick: Tick) -> NDArray[np.float64]:
    """(S,) leaf values, whatever their kind: missing zeros filled, counters differenced; roll-ups NaN."""
    lattice, rows = derived.lattice, state.rows
    y = np.full(lattice.size, np.nan)
    y[: len(tick.y)] = tick.y
    for code, metric in enumerate(core.schema.metrics):
        if metric.missing == "zero" and code < len(tick.feed_delivered) and tick.feed_delivered[code]:
            absent = lattice.leaf & (lattice.metric == code) & np.isnan(y)
            y[absent] = 0.0
        if metric.kind == "counter":
            _difference(rows.counter, y, np.flatnonzero(lattice.leaf & (lattice.metric == code)))
    np.maximum(y, LOWEST, out=y)
    np.minimum(y, HIGHEST, out=y)
    return y


def _difference(last: NDArray[np.float64], y: NDArray[np.float64], leaves: NDArray[np.int64]) -> None:
    """Monotone counters: the increase since the last tick; a fall is a reset, after a gap nothing is known."""
    now = y[leaves]
    increase = now - last[leaves]
    y[leaves] = np.where(increase < 0, now, increase)
    last[leaves] = now


def _decide_kinds(core: Core, state: State, derived: Derived, y: NDArray[np.float64]) -> None:
    """`kind: auto` starts as a count and becomes a gauge at the first value that no count can have.

    Positive gauges are judged on a log scale, others on their own; a gauge's unit is fixed in its first hour.
    """
    rows, lattice = state.rows, derived.lattice
    undecided = np.flatnonzero((rows.kind == UNDECIDED) & (~np.isnan(y) | ~lattice.leaf))
    if len(undecided):
        declared = {m: k.kind for m, k in enumerate(core.schema.metrics)}
        for m in np.unique(lattice.metric[undecided]):
            mine = undecided[lattice.metric[undecided] == m]
            known = rows.kind[(lattice.metric == m) & (rows.kind > COUNT)]
            # of a metric that is known as a gauge a new row is one: as a count it would make all others forget
            if declared[int(m)] in ("gauge", "ratio") or (declared[int(m)] == "auto" and len(known)):
                seen = y[mine[lattice.leaf[mine]]]
                if bool(np.isnan(seen).all()):
                    continue  # roll-ups whose leaves have not said anything yet
                before = rows.unit[(lattice.metric == m) & (rows.kind == LOG_GAUGE)]
                is_real = bool((seen < 0).any()) or (len(known) > 0 and bool((known == REAL_GAUGE).all()))
                rows.kind[mine] = REAL_GAUGE if is_real else LOG_GAUGE
                _fix_scale(state, mine, y, seen, float(before[0]) if len(before) else None)
            else:
                rows.kind[mine] = COUNT
    auto = np.asarray([m.kind == "auto" for m in core.schema.metrics], bool)[lattice.metric]
    suspects = np.flatnonzero(auto & (rows.kind == COUNT) & lattice.leaf & ~np.isnan(y))
    if len(suspects):
        value = y[suspects]
        odd = suspects[(value < 0) | (value != np.floor(value))]
        if len(odd):
            _become_gauge(state, derived, odd, y)
    negative = np.flatnonzero((rows.kind == LOG_GAUGE) & (y < 0))
    if len(negative):
        rows.kind[negative] = REAL_GAUGE
        _fix_scale(state, negative, y, y[negative])
        _forget(state, negative)


def _become_gauge(state: State, derived: Derived, leaves: NDArray[np.int64], y: NDArray[np.float64]) -> None:
    """The metric of these leaves is no count: all its rows change kind and start their level anew."""
    lattice = derived.lattice
    metrics = np.unique(lattice.metric[leaves])
    mine = np.flatnonzero(np.isin(lattice.metric, metrics))
    negative = bool(np.nanmin(y[leaves]) < 0)
    state.rows.kind[mine] = REAL_GAUGE if negative else LOG_GAUGE
    _fix_scale(state, mine, y, y[leaves])
    _forget(state, mine)


def _fix_scale(
    state: State, rows: NDArray[np.int64], y: NDArray[np.float64], seen: NDArray[np.float64],
    unit: float | None = None,
) -> None:  # fmt: skip
    """Unit and offset of rows from their present value; the median of `seen`, or 1, where that is zero or missing.

    Rows on a log scale share one unit, for means of logs to be comparable: `unit`, else the median of `seen`. It keeps
    the logs near zero, where float32 is fine, in whatever unit people measure.
    """
    known = np.abs(seen[~np.isnan(seen) & (seen != 0)])
    usual = float(np.clip(np.median(known) if len(known) else 1.0, *UNITS))
    size = np.abs(y[rows])
    size = np.clip(np.where(np.isfinite(size) & (size > 0), size, usual), *UNITS)
    state.rows.offset[rows] = 0.01 * size
    logged = state.rows.kind[rows] == LOG_GAUGE
    state.rows.unit[rows] = np.where(logged, usual if unit is None else unit, size)


def _forget(state: State, rows: NDArray[np.int64]) -> None:
    """Level and sums of another scale mean nothing any more."""
    state.season.ell[rows] = np.nan
    state.season.seen[rows] = 0
    for sums in (state.residual.Y, state.residual.M, state.residual.Q):
        sums[:, rows] = 0
    for sums in (state.season.acc_y, state.season.acc_m, state.season.raw_y, state.season.raw_m):
        sums[rows] = 0
