"""What every layout becomes: panels of series on a common tick grid, with the set's own times kept for the way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clock import Clock
from detector.schema import Kind

Layout = Literal["long", "single", "wide", "grid", "cells"]
BudgetPer = Literal["series-week", "service-week"]
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a panel: whose it is, what it is called, what its values are."""

    unit: int  # index into `Panel.units`
    labels: dict[str, str]  # metric of a wide set; region and device of a grid; empty for long sets
    kind: Kind  # inferred on the history only
    watched: bool = True  # False: a witness (stack B of a grid), raises nothing


@dataclass(frozen=True, slots=True)
class Unit:
    """What is paged about and budgeted: a series, an entity with several metrics, or a whole grid.

    `ticks` and `texts` are the rows that the set has, in order: tick index in the panel, index into `Panel.texts`.
    Rows before `score_from` are history or warm-up and are neither scored nor written.
    """

    name: str
    ticks: NDArray[np.int64]  # (n,)
    texts: NDArray[np.int32]  # (n,)
    score_from: int
    phase_ms: int = 0  # how far its samples lie from the start of their tick

    @property
    def first(self) -> int:
        return int(self.ticks[0])

    @property
    def last(self) -> int:
        return int(self.ticks[-1])


@dataclass(frozen=True, slots=True)
class Panel:
    """Series of one interval whose spans overlap, aligned to ticks; columns come last.

    `t_ms` is the start of each tick in UTC; `local_ms` the same on the wall clock of the people behind the series
    (equal to `t_ms` where the set does not tell). `y` is NaN where no sample arrived.
    """

    step_ms: int
    t_ms: NDArray[np.int64]  # (T,) contiguous
    local_ms: NDArray[np.int64]  # (T,)
    y: NDArray[np.float64]  # (T, S)
    columns: tuple[Column, ...]  # (S,)
    units: tuple[Unit, ...]  # (U,)
    texts: tuple[str, ...]
    clock: Clock

    def time_texts(self, unit: int, ticks: NDArray[np.int64]) -> list[str]:
        """The times (N,) of ticks in the set's own words; where the unit has no row, in the set's own form."""
        own = self.units[unit]
        at = np.minimum(np.searchsorted(own.ticks, ticks), len(own.ticks) - 1)
        have = own.ticks[at] == ticks
        out = [self.texts[code] for code in own.texts[at].tolist()]
        if not have.all():
            made = self.clock.format(self.t_ms[np.asarray(ticks)[~have]] + own.phase_ms)
            for i, text in zip(np.flatnonzero(~have).tolist(), made, strict=True):
                out[i] = text
        return out

    def unit_columns(self, unit: int) -> list[int]:
        return [i for i, column in enumerate(self.columns) if column.unit == unit]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One set as the detector may see it: values, no truth; `calendar_csv` is the text of `calendar.csv`."""

    path: Path
    layout: Layout
    panels: tuple[Panel, ...]
    budget_per: BudgetPer
    calendar_csv: str | None = None
    notes: tuple[str, ...] = ()  # what the reader decided or dropped, for people


@dataclass(frozen=True, slots=True)
class Page:
    """One alarm opening; ticks index the panel. `close` None: still open at the end."""

    panel: int
    unit: int
    open: int
    close: int | None
    direction: Literal["up", "down"]
    cuboid: str
    p: float
    suppressed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """What a method said of a dataset: pages, and one p per tick and unit (T, U) for each panel, NaN = no opinion."""

    pages: tuple[Page, ...]
    p: tuple[NDArray[np.float64], ...]
