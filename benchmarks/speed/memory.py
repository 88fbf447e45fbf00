"""Resident bytes of a row: a fresh process before and after it has built what a live one keeps."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def resident() -> int:
    """Bytes of this process in memory now (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("VmRSS: expected in /proc/self/status, found nothing")


def touch(arrays: Iterable[Any]) -> int:
    """Writes to every page, so that memory promised only is there too; returns the sum of bytes."""
    total = 0
    for array in arrays:
        np.copyto(array, np.array(array))
        total += array.nbytes
    return total


def core_memory(rows: int) -> dict[str, float]:
    """The three-scorer core with its index, of which the lattice with its groups of peers is a part."""
    from benchmarks.speed.core_cell import core_index
    from detector.forecasters.seasonal import Seasonal
    from detector.scorers.correlation import Correlation
    from detector.scorers.derivative import Derivative
    from detector.scorers.forecast_residual import ForecastResidual
    from detector.timing import Timing

    core_index(100).lattice()  # imports and first calls are nobody's rows
    gc.collect()
    before = resident()
    index = core_index(rows)
    index.lattice()
    timing, n = Timing(60_000), len(index)
    states = [
        c.init(n) for c in (Seasonal(timing), ForecastResidual(timing), Derivative(timing), Correlation(timing, 1))
    ]
    bytes_of_arrays = sum(touch(state) for state in states)
    gc.collect()
    return {"rows": n, "resident": (resident() - before) / n, "arrays": bytes_of_arrays / n}


def whole_memory(rows: int) -> dict[str, float]:
    """Everything that a live engine of one interval keeps: state, index, labels, lattice and what follows from it."""
    from benchmarks.speed.lattice import Sizes, keys, schema
    from tocsin.core import COMPONENTS, Core
    from tocsin.parameters import Parameters

    def build(rows: int) -> tuple[Core, Any]:
        sizes = Sizes.of(rows)
        core = Core(schema(sizes), Parameters())
        state = core.init()
        state.index.admit(keys(sizes))
        core.adapt(state)
        return core, state

    build(1000)
    gc.collect()
    before = resident()
    core, state = build(rows)
    n = len(state.index)
    bytes_of_arrays = sum(touch(_arrays(getattr(state, name))) for name in COMPONENTS)
    lattice = core.adapt(state).lattice
    for axis in range(core.axes):  # a tick asks for these, and they are kept
        lattice.siblings_of(axis)
    lattice.leaf_counts.sum()
    gc.collect()
    return {"rows": n, "resident": (resident() - before) / n, "arrays": bytes_of_arrays / n}


def _arrays(state: Any) -> list[Any]:
    """Arrays of a state, those of states within it too."""
    out: list[Any] = []
    for value in state:
        out += _arrays(value) if isinstance(value, tuple) else [value]
    return out


def river_memory(series: int) -> dict[str, float]:
    """river's three scorers with a full weekly profile."""
    from river import stats

    from benchmarks.speed.river_cell import SLOTS, river_series

    river_series([1.0] * 10)
    gc.collect()
    before = resident()
    made = river_series([1.0] * series)
    for one in made:
        for slot in range(SLOTS):
            one.profile[slot] = stats.EWMean(0.15)
        one.point(0, 1.0)
    gc.collect()
    return {"rows": series, "resident": (resident() - before) / series}
