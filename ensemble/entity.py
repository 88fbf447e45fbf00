"""An entity with several metrics is one series: what its metrics say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.frame import Floats
from detector.view import Float32s


@dataclass(frozen=True, slots=True)
class Entity:
    """`c = mean over the metrics with an opinion of min(s, cap)`, s of `WorstHours`, one per metric.

    Calibrate c again by its own worst hours: metrics move together, so no law of c follows from theirs. The cap lets
    no metric speak for all: the largest share alone, or the mean of the largest three, finds next to nothing, for one
    wild metric pages for ever. Raising `cap` lets fewer metrics page alone. A winsorised mean (Dixon 1960) with a fixed
    bound, for s has a unit of its own.
    """

    cap: float = 5.0

    def fuse(self, s: Floats) -> Float32s:
        """(E,) from s (M, E), metrics × entities; NaN = no opinion. NaN where no metric has one."""
        there = ~np.isnan(s)
        votes = there.sum(axis=0)
        total = np.where(there, np.minimum(s, self.cap), 0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(votes > 0, total / votes, np.nan).astype(np.float32)

    def shares(self, s: Floats) -> Float32s:
        """(M, E) share of each metric in c, for people; 0 without an opinion, NaN where none has one."""
        capped = np.where(np.isnan(s), 0, np.minimum(s, self.cap))
        with np.errstate(invalid="ignore", divide="ignore"):
            out: Float32s = (capped / capped.sum(axis=0)).astype(np.float32)
        return out
