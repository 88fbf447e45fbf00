"""Rows born while running: the shape they start on, and roll-ups that their volume does not disturb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detector.births import lend_shapes, settled_value, shape_givers
from detector.forecasters.seasonal import Seasonal
from detector.frame import Bools
from detector.timing import DAY_MS, Timing
from detector.view import View
from tocsin.rows import COUNT

if TYPE_CHECKING:
    from tocsin.core import State

SHARE_OF_WARMUP = 1 / 6  # half-life of what is held back, as a share of the warm-up


@dataclass(frozen=True, slots=True)
class Newborn:
    """A row born while running takes the profile of the narrowest roll-up above it that has seen a day.

    Until it is judged, after `warmup_ms`, its volume does not lift the judged roll-ups above it; then their level takes
    what was left out. Fails you where a new row's volume still grows after the warm-up: then it is a drift of theirs.
    """

    timing: Timing
    seasonal: Seasonal
    warmup_ms: int

    @property
    def _warmup_ticks(self) -> int:
        return -(-self.warmup_ms // self.timing.interval_ms)  # whole, for counts of ticks to be compared as they are

    def adopt(self, state: State, before: int) -> None:
        """Profiles of the rows from number `before` on, in place."""
        is_ready = (state.rows.born >= self.timing.ticks(DAY_MS)) & np.isfinite(state.season.ell)
        is_ready[before:] = False
        if is_ready.any():
            rows = np.arange(before, len(is_ready))
            lend_shapes(state.season, rows, shape_givers(state.index, rows, is_ready))

    def fresh(self, state: State, view: View) -> Bools | None:
        """(S,) leaves that are not judged yet; None where there are none, or no roll-up is judged."""
        young = state.rows.born < self._warmup_ticks
        out: Bools = young & view.lattice.leaf
        return out if out.any() and not young[~view.lattice.leaf].all() else None

    def hold_back(
        self, state: State, view: View, fresh: Bools, linked: NDArray[np.float64], missing: Bools,
        total: NDArray[np.float64],
    ) -> None:  # fmt: skip
        """Takes from the values of judged roll-ups, `total` (S,), what the fresh leaves add to the expected, in place.

        How much that is is remembered in `left_out`, for `ripen`. `linked` (S,) and `missing` (S,) are of the leaves.
        """
        lattice, mu, rows = view.lattice, view.mu, state.rows
        own = np.where(fresh, np.where(missing, np.nan_to_num(mu), linked), 0)
        number = np.where(fresh, 1.0, 0.0)
        for of_leaves in (own, number):
            lattice.sum_up(of_leaves)
        judged = (rows.born >= self._warmup_ticks) & np.isfinite(mu) & ~lattice.leaf
        above = np.flatnonzero(judged & (number > 0))
        if not len(above):
            return
        gauge = rows.kind[above] > COUNT
        everything = total[above]
        without = everything - own[above]
        if gauge.any():
            count = lattice.sum_up(lattice.leaf.astype(float))[above]
            others = count - number[above]
            mean = (everything * count - own[above]) / np.maximum(others, 1)
            without = np.where(gauge, np.where(others > 0, mean, everything), without)
        kept = total[above] = settled_value(mu[above], without, everything)
        with np.errstate(invalid="ignore"):
            logged = np.log((np.maximum(everything, 0) + 0.5) / (np.maximum(kept, 0) + 0.5))
        left = np.where(gauge, everything - kept, logged).astype(np.float32)
        keep = self.timing.keep(max(SHARE_OF_WARMUP * self.warmup_ms, self.timing.interval_ms))
        rows.left_out[above] += np.float32(1 - keep) * (left - rows.left_out[above])

    def ripen(self, state: State, view: View, fresh: Bools) -> None:
        """Leaves judged from this tick on count in the roll-ups above: their levels take what was left out."""
        lattice, rows = view.lattice, state.rows
        ripe = fresh & (rows.born >= self._warmup_ticks)
        if not ripe.any():
            return
        size = view.weight(view.mu)
        held, now = np.where(fresh, size, 0), np.where(ripe, size, 0)
        for of_leaves in (held, now):
            lattice.sum_up(of_leaves)
        above = np.flatnonzero(~lattice.leaf & (now > 0) & (rows.left_out != 0))
        by = (rows.left_out[above] * now[above] / held[above]).astype(np.float32)
        rows.left_out[above] -= by
        self.seasonal.shift(state.season, above, by)
        is_count = rows.kind[above] == COUNT
        for sums in (state.residual.Y, state.residual.M, state.residual.Q):
            sums[:, above[is_count]] *= np.exp(by[is_count])
