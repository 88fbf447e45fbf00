"""Samples that never arrive: short gaps anywhere, witnesses that are absent or stale for some hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.noise import BLOCK_MINUTES
from connectors.simulation.parameters import WorldParameters
from connectors.simulation.rng import Stream, generator

LONGEST_STALE = 420  # minutes


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What is lost in a world; rows are watched leaves, then witnesses (region-major)."""

    parameters: WorldParameters
    watched: int  # number of watched leaves
    absent: NDArray[np.bool_]  # (regions, stacks) witnesses that never send

    def apply(self, block: int, y: NDArray[np.float64]) -> None:
        """Puts NaN into one block, (BLOCK_MINUTES, S)."""
        rates, rows = self.parameters.rates, y.shape[1]
        draw = generator(self.parameters.seed, Stream.GAPS, block)
        number = int(draw.poisson(rates.gaps_per_leaf_day * rows * BLOCK_MINUTES / 1440))
        where, begins = draw.integers(rows, size=number), draw.integers(BLOCK_MINUTES, size=number)
        for row, begin, length in zip(where, begins, draw.integers(1, 11, size=number), strict=True):
            y[begin : begin + length, row] = np.nan
        y[:, self.watched :][:, self.absent.ravel()] = np.nan
        first = block * BLOCK_MINUTES
        for day in range((first - LONGEST_STALE) // 1440, (first + BLOCK_MINUTES) // 1440 + 1):
            for witness, start, end in self.stale(day):
                y[max(start - first, 0) : max(end - first, 0), self.watched + witness] = np.nan

    def stale(self, day: int) -> list[tuple[int, int, int]]:
        """(witness, first minute, end) of the feeds that go stale on a day, at most one a region, for 1-7 hours."""
        regions, stacks = self.absent.shape
        if day < 0 or not self.parameters.rates.stale_days:
            return []
        draw = generator(self.parameters.seed, Stream.STALE_FEEDS, day)
        happens = draw.random(regions) < self.parameters.rates.stale_days
        witness = np.arange(regions) * stacks + draw.integers(stacks, size=regions)
        begins = day * 1440 + draw.integers(1440, size=regions)
        ends = begins + draw.integers(60, LONGEST_STALE + 1, size=regions)
        found = np.stack([witness, begins, ends], axis=1)[happens]
        return [(int(row), int(begin), int(end)) for row, begin, end in found]
