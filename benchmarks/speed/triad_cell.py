"""The triad as a cell: what an element from memory costs in this round."""

from __future__ import annotations

import math

from benchmarks.speed.cell import Reading
from benchmarks.speed.triad import ELEMENTS, triad_ns


class TriadCell:
    def __init__(self) -> None:
        self.points = ELEMENTS
        triad_ns()

    def separation(self) -> float:
        return math.nan

    def measure(self) -> Reading:
        return Reading(triad_ns())
