"""The whole step as a cell."""

from __future__ import annotations

import math

from benchmarks.speed import whole
from benchmarks.speed.cell import Reading

TICKS = 30  # hold one end of a seasonal bucket and six learning ticks


class WholeCell:
    """`tocsin.pipeline.step` on a warm lattice of about `rows` rows."""

    def __init__(self, rows: int) -> None:
        self.warm = whole.warm(rows)
        self.points = len(self.warm.state.index)

    def separation(self) -> float:
        """Not asked: what the step finds is counted by the share of rows in an episode and by its candidates."""
        return math.nan

    def measure(self) -> Reading:
        took = self.warm.timed_ticks(TICKS)
        candidates = sum(c.state != "resolved" for c in self.warm.state.candidates)
        return Reading(
            sum(took) / TICKS / self.points * 1e9,
            {
                "levels": len(self.warm.state.index.lattice().levels),
                "in_episode": self.warm.episode_share(),
                "candidates": candidates,
                "worst_ns": max(took) / self.points * 1e9,
            },
        )
