"""Cells that move together → the few cuboids that explain them, on the lattice of roll-up rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.frame import Bools, Floats, Ints
from detector.series import Lattice

LOADING_DOUBT = 0.2  # by which the cells of a common movement differ from its mean
FEW = 16  # a root with less than this part of all leaves moves the sums above it one by one, a wider one anew
LEAST_WEIGHT = 1e-12  # of a row, below which it is taken for this
RESIDUAL_VARIANCE = 0.03**2  # what a leaf's log deviation scatters beyond counting noise


@dataclass(frozen=True, slots=True)
class Root:
    """One cuboid that moved: its row, the mean log deviation put down to it, and the raw one."""

    row: int
    size: float  # log deviation explained by this root beyond wider ones
    raw: float  # log deviation of the cuboid as it is
    gain: float  # log likelihood gained, after penalties


@dataclass(frozen=True, slots=True)
class Localisation:
    """Greedy search for the cuboid with the greatest likelihood gain; takes it away and goes on, at most eight times.

    Score of a cuboid with n leaves of deviation x and weight w: `gain = ½ m² Σw` with `m = Σwx/Σw`, less half of what
    its leaves differ (`het`), less a penalty and the log of the number of cuboids of its level. `most_roots`,
    `penalty`, `stop`, `least_size` as measured on simulated faults.
    """

    most_roots: int = 8
    penalty: float = 8.0
    stop: float = 12.0
    least_size: float = 0.1

    def roots(self, lattice: Lattice, x: Floats, v: Floats, wanted: Bools, known: Sequence[int] = ()) -> list[Root]:
        """Roots among watched rows, best first. `x`, `v` (S,): deviation (NaN = no opinion), variance; read at leaves.

        `wanted` (S,) rows that may be a root. `known`: rows of wide movements that are explained already, widest
        first; what each moves its leaves by is taken away before the search, a fifth of it in doubt for each leaf.
        """
        if known:
            x, v = explain_away(lattice, x, v, known)
        sums = Sums(lattice, x, v)
        before = sums.wx.copy()
        penalty = self.penalty + np.log(np.bincount(lattice.level, minlength=len(lattice.levels)))
        score = np.full(lattice.size, -np.inf)
        self._score(score, sums, penalty, wanted, slice(None))
        found: list[Root] = []
        moved = np.zeros(lattice.size)  # what wider roots have taken from each row
        for _ in range(self.most_roots):
            best = int(np.argmax(score))
            if not score[best] >= self.stop:
                break
            weight = max(float(sums.w[best]), LEAST_WEIGHT)
            size, raw = float(sums.wx[best]) / weight, float(before[best]) / weight
            inside = members(lattice, best)
            wider = float(moved[inside].mean()) if len(inside) else 0.0
            drop = raw * size <= 0 or abs(raw) < 0.4 * abs(size) or (wider != 0 and abs(size) < 0.3 * abs(wider))
            if not drop:
                found.append(Root(best, size, raw, float(score[best])))
            self._score(score, sums, penalty, wanted, sums.take(best, size))
            moved[inside] += size
        return found

    def _score(self, score: Floats, sums: Sums, penalty: Floats, wanted: Bools, rows: slice | Ints) -> None:
        """Writes scores of some rows; minus infinity where it cannot reach `stop` or too little moved.

        `gain - penalty` bounds a score from above, so most rows need no more than their gain. `penalty` by level.
        """
        wx, w = sums.wx[rows], np.maximum(sums.w[rows], LEAST_WEIGHT)
        score[rows] = -np.inf
        w *= 2 * (self.stop + self.penalty) * (1 - 1e-9)  # a hair less, for rounding
        near: Ints = np.flatnonzero(wx * wx >= w)
        if not isinstance(rows, slice):
            near = rows[near]
        near = near[wanted[near]]
        wx, w = sums.wx[near], np.maximum(sums.w[near], LEAST_WEIGHT)
        mean = wx / w
        gain = mean * wx
        het = 0.5 * np.maximum(0.5 * (sums.wxx[near] - gain) - 0.75 * sums.n[near], 0)
        gain *= 0.5
        gain -= np.minimum(het, 0.9 * gain)
        gain -= penalty[sums.lattice.level[near]]
        gain[np.abs(mean) < self.least_size] = -np.inf
        score[near] = gain


def explain_away(lattice: Lattice, x: Floats, v: Floats, known: Sequence[int]) -> tuple[Floats, Floats]:
    """Deviations and variances once the mean of each known row is taken from its leaves, a fifth of it in doubt."""
    x, v = np.array(x, float), np.array(v, float)
    for row in known:
        inside = members(lattice, row)
        inside = inside[np.isfinite(x[inside])]
        if len(inside):
            common = float(np.average(x[inside], weights=1 / v[inside]))
            x[inside] -= common
            v[inside] += (LOADING_DOUBT * common) ** 2
    return x, v


def left_over(lattice: Lattice, x: Floats, v: Floats, row: int) -> tuple[float, float]:
    """Mean deviation of a row's leaves and what it gains in log likelihood, half its square over its variance."""
    inside = members(lattice, row)
    inside = inside[np.isfinite(x[inside])]
    if not len(inside):
        return 0.0, 0.0
    weight = 1 / v[inside]
    mean = float(np.average(x[inside], weights=weight))
    return mean, 0.5 * mean**2 * float(weight.sum())


class Sums:
    """Σw, Σwx, Σwx² of every row from its leaves; `take` moves them where a root was taken away."""

    def __init__(self, lattice: Lattice, x: Floats, v: Floats) -> None:
        """`x`, `v` (S,) are read at watched leaves; a leaf without an opinion weighs nothing."""
        self.lattice = lattice
        at = lattice.leaf_rows
        mine, variance = x[at], v[at]
        ok = np.isfinite(mine)
        ok &= np.isfinite(variance)
        ok &= lattice.watched[at]
        weight = 1 / np.maximum(variance, 1e-9)
        if ok.all():
            self.n = lattice.leaf_counts
        else:
            mine, weight = np.where(ok, mine, 0.0), np.where(ok, weight, 0.0)
            self.n = self._sum(ok)
        self.x, self.weight = np.zeros(lattice.size), np.zeros(lattice.size)
        self.x[at], self.weight[at] = mine, weight
        self.w = self._sum(weight)
        weight *= mine
        self.wx = self._sum(weight)
        weight *= mine
        self.wxx = self._sum(weight)

    def _sum(self, of_leaves: Floats | Bools) -> Floats:
        """(S,) sums of values of all leaves (L,)."""
        values = np.zeros(self.lattice.size)
        values[self.lattice.leaf_rows] = of_leaves
        return self.lattice.sum_up(values)

    def take(self, row: int, size: float) -> slice | Ints:
        """Takes `size` from the leaves of a row; returns the rows whose sums changed, each once."""
        leaves = self.lattice.leaves_of(row)
        x, weight = self.x[leaves], self.weight[leaves]
        self.x[leaves] = x - size
        if len(leaves) > len(self.lattice.leaves) // FEW:
            self.wx = self.lattice.sum_up(self.weight * self.x)
            self.wxx = self.lattice.sum_up(self.weight * self.x * self.x)
            return slice(None)
        above = self.lattice.above(row)
        self.wx[above.rows] -= size * above.sum(weight)
        self.wxx[above.rows] += size * above.sum(weight * (size - 2 * x))
        return above.rows


def members(lattice: Lattice, row: int) -> Ints:
    """Leaves of a cuboid row, ascending; kept by the lattice, so do not write into them."""
    return lattice.leaves_of(row)


def without_common_drift(
    lattice: Lattice, x: Floats, v: Floats, usual: Floats, levels: Sequence[int], rounds: int = 3
) -> Floats:
    """Leaf deviations less the natural common movement of the given levels, three rounds.

    The robust mean of each group (deviations cut at 3 sd + 0.04) is itself cut to ± the deviation that this roll-up
    is known to have, the root of `usual` (S,). Float32 inside.
    """
    out = np.array(x, float)
    left = out[lattice.leaf_rows].astype(np.float32)
    ok = np.isfinite(left)
    limit = v[lattice.leaf_rows].astype(np.float32)
    w = 1 / np.maximum(limit, np.float32(1e-9))
    np.sqrt(limit, out=limit)
    limit *= np.float32(3)
    limit += np.float32(0.04)
    whole = bool(ok.all())
    if not whole:
        unknown = ~ok
        w[unknown] = limit[unknown] = left[unknown] = 0
    low = -limit
    scratch = np.empty_like(left)
    plans = []
    for level in levels:
        inside, grouping, rows = lattice.groups_at(level)
        if grouping.size:
            weight = np.maximum(grouping.sum(w[inside]), 1e-12)
            here = low[inside], limit[inside], w[inside], scratch[: grouping.size]
            plans.append((inside, grouping, weight, np.sqrt(usual[rows]), *here))
    for _ in range(rounds):
        for inside, grouping, weight, most, least, greatest, share, cut in plans:
            mine = left[inside]
            np.maximum(mine, least, out=cut)
            np.minimum(cut, greatest, out=cut)
            cut *= share
            grouping.subtract(mine, np.clip(grouping.sum(cut, np.float32) / weight, -most, most).astype(np.float32))
            if not isinstance(inside, slice):
                left[inside] = mine
    if not whole:
        left[unknown] = np.nan
    out[lattice.leaf_rows] = left
    return out
