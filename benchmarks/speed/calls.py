"""Row 10: how many Python calls a tick makes, which must not depend on the number of rows but on that of chunks."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from benchmarks.speed import whole
from benchmarks.speed.lattice import Sizes
from detector.frame import Tick
from detector.state import CHUNK

REGIONS, CONTINENTS = 12, 2  # the same in all sizes, for an event has a filter a region
TICKS = 5  # one of them learns


@dataclass(frozen=True, slots=True)
class Counted:
    rows: int
    calls: int  # a tick, on average over one period of learning, rounded down

    @property
    def chunks(self) -> int:
        return ceil(self.rows / CHUNK)


def count_calls(function: Callable[[], Any]) -> int:
    """Calls of Python and C functions that `function` makes; a collection of garbage, which calls back, waits."""
    total = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal total
        if event in ("call", "c_call"):
            total += 1

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
    return total


def calls_of_step(rows: int) -> Counted:
    """Calls of the whole step on a calm lattice of about so many rows, an event being on; learning is among them.

    Calm, because an incident costs calls that belong to it and to no row: every leaf has its expected count.
    """
    activities = max(2, round(rows / 31 / (REGIONS + CONTINENTS + 1)) - 1)
    warm = whole.build_sizes(Sizes(REGIONS, CONTINENTS, activities))
    index = warm.state.index
    lattice, scope = index.lattice(), warm.in_scope()

    def calm() -> Tick:
        y = np.full(len(index), np.nan)
        expected = warm.traffic.mean * whole.day_shape(warm.t_ms) * np.where(scope, 1 + whole.EVENT_CHANGE, 1.0)
        y[lattice.leaves] = expected[lattice.leaves]
        tick = Tick(warm.t_ms, y, np.ones(len(warm.core.schema.metrics), bool))
        warm.t_ms += whole.MINUTE_MS
        return tick

    for _ in range(TICKS):
        warm.step(calm())
    ticks = [calm() for _ in range(TICKS)]
    return Counted(len(index), count_calls(lambda: [warm.step(tick) for tick in ticks]) // TICKS)
