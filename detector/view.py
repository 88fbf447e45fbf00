"""One tick and what is computed once for all: nobody computes it twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats, Ints
from detector.series import Lattice

if TYPE_CHECKING:
    from detector.contrast import Contrast

Float32s = NDArray[np.float32]


NONE = np.zeros(0, np.float32)
NOBODY, NO_AGES, NO_WITNESSES = np.zeros(0, bool), np.zeros(0, np.int32), np.zeros((0, 0), np.int64)


def none() -> Float32s:
    """(0,) what is not filled yet."""
    return NONE


class Testimony(NamedTuple):
    """The contrast with one witness at this tick; NaN = no opinion."""

    contrast: Contrast
    residual: Float32s  # (S,) log deviation that the witness does not explain
    pe2: Float32s  # (S,) its learnt variance


@dataclass(slots=True)
class View:
    """S rows, H horizons. Filled stage by stage by the first that needs a thing; read by all after it.

    `y` is NaN where there is no sample. For gauges `mu` and `y` are on the scale of the link (log or identity).
    `effect_variance` is the variance of event effects on the log scale that all cells of a place share,
    `loading_variance` the part in which cells of one place differ; 0.0 while no event is on.
    """

    t_ms: int
    lattice: Lattice
    y: Float32s  # (S,)
    gauges: Ints  # rows judged on a link scale with learnt variance; all others are counts
    mu: Float32s = field(default_factory=none)  # (S,) expected, event effects included
    base: Float32s = field(default_factory=none)  # (S,) expected without events
    missing: Bools = field(default_factory=lambda: NOBODY)  # (S,) no sample, or a roll-up mostly filled in
    judgeable: Bools = field(default_factory=lambda: NOBODY)  # (S,) has a sample and an expectation
    L: Float32s = field(default_factory=none)  # (H, S) log deviation
    V: Float32s = field(default_factory=none)  # (H, S) its counting variance
    effect_variance: Float32s | float = 0.0
    loading_variance: Float32s | float = 0.0
    learning: bool = True  # is this a tick in which slow scales learn?
    age: Ints = field(default_factory=lambda: NO_AGES)  # (S,) ticks since the last sample
    witnesses: Ints = field(default_factory=lambda: NO_WITNESSES)  # (W, S) witness row, -1 for none
    contrasts: list[Contrast] = field(default_factory=list)  # per axis
    testimonies: list[Testimony] = field(default_factory=list)  # per witness
    base_total: Floats | None = None  # (S,), see `base_sums`
    totals: dict[int, float] = field(default_factory=dict)  # by metric, see `total_of`

    def V_now(self) -> Float32s:
        """(S,) counting variance of one tick's log deviation; 0 for gauges.

        1/(mu + 1), the delta method for log((y + 1)/(mu + 1)) of a Poisson count (McCullagh & Nelder 1989).
        """
        with np.errstate(invalid="ignore"):
            out: Float32s = np.float32(1) / (np.maximum(self.mu, np.float32(0)) + np.float32(1))
        out[self.gauges] = 0
        return out

    def weight(self, mu: Float32s) -> NDArray[np.float64]:
        """(S,) what a leaf counts for in a sum over leaves: what is expected of it, `mu`, of a gauge 1; roll-ups 0."""
        out: NDArray[np.float64] = np.where(self.lattice.leaf & np.isfinite(mu), np.abs(mu), 0.0)
        if len(self.gauges):
            own = self.gauges[self.lattice.leaf[self.gauges]]
            out[own] = np.isfinite(mu[own])
        return out

    def base_sums(self) -> Floats:
        """(S,) weights of `base` summed over the leaves of each row; do not write into it."""
        if self.base_total is None:
            self.base_total = self.lattice.sum_up(self.weight(self.base))
        return self.base_total

    def total_of(self, metric: int) -> float:
        """What is expected of all leaves of a metric together."""
        if metric not in self.totals:
            own = self.lattice.leaf & (self.lattice.metric == metric)
            self.totals[metric] = float(np.nansum(np.where(own, self.mu, 0)))
        return self.totals[metric]
