"""Cells that move together → the few cuboids that explain them, on the lattice of roll-up rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.frame import Bools, Floats, Ints
from detector.series import Lattice

LOADING_DOUBT = 0.2  # by which the cells of a common movement differ from its mean
FEW = 16  # a root with less than this part of all leaves moves the sums above it one by one, a wider one anew
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
        raw_mean = sums.mean()
        penalty = np.log(np.bincount(lattice.level, minlength=len(lattice.levels)))
        penalty += self.penalty
        penalty = penalty[lattice.level]
        penalty[~wanted] = np.inf
        score = self._score(sums, penalty, slice(None))
        found: list[Root] = []
        moved = np.zeros(lattice.size)  # what wider roots have taken from each row
        for _ in range(self.most_roots):
            best = int(np.argmax(score))
            if not score[best] >= self.stop:
                break
            size, raw = float(sums.mean(best)), float(raw_mean[best])
            inside = members(lattice, best)
            wider = float(moved[inside].mean()) if len(inside) else 0.0
            drop = raw * size <= 0 or abs(raw) < 0.4 * abs(size) or (wider != 0 and abs(size) < 0.3 * abs(wider))
            if not drop:
                found.append(Root(best, size, raw, float(score[best])))
            changed = sums.take(inside, size)
            score[changed] = self._score(sums, penalty, changed)
            moved[inside] += size
        return found

    def _score(self, sums: Sums, penalty: Floats, rows: slice | Ints) -> Floats:
        """Scores of some rows; minus infinity where the penalty is infinite or too little moved."""
        mean = sums.mean(rows)
        gain = mean * sums.wx[rows]
        het = sums.wxx[rows] - gain
        gain *= 0.5
        het *= 0.5
        het -= 0.75 * sums.n[rows]
        np.maximum(het, 0, out=het)
        het *= 0.5
        score: Floats = gain - np.minimum(het, 0.9 * gain, out=het)
        score -= penalty[rows]
        score[np.abs(mean) < self.least_size] = -np.inf
        return score


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
        ok = lattice.leaf & lattice.watched
        ok &= np.isfinite(x)
        ok &= np.isfinite(v)
        self.x = np.where(ok, x, 0.0)
        self.weight = np.where(ok, 1 / np.maximum(v, 1e-9), 0.0)
        self.w = lattice.sum_up(self.weight.copy())
        self.n = lattice.sum_up(ok.astype(float))
        self.wx = self.weight * self.x
        self.wxx = lattice.sum_up(self.wx * self.x)
        lattice.sum_up(self.wx)

    def mean(self, rows: slice | Ints | int = slice(None)) -> Floats:
        return self.wx[rows] / np.maximum(self.w[rows], 1e-12)

    def take(self, leaves: Ints, size: float) -> slice | Ints:
        """Takes `size` from some leaves; returns the rows whose sums changed, some more than once."""
        x, weight = self.x[leaves], self.weight[leaves]
        self.x[leaves] = x - size
        if len(leaves) > len(self.lattice.leaves) // FEW:
            np.multiply(self.weight, self.x, out=self.wx)
            np.multiply(self.wx, self.x, out=self.wxx)
            self.lattice.sum_up(self.wx)
            self.lattice.sum_up(self.wxx)
            return slice(None)
        above = self.lattice.all_above(leaves)
        known = above >= 0
        rows = above[known]
        np.add.at(self.wx, rows, np.broadcast_to(weight * -size, above.shape)[known])
        np.add.at(self.wxx, rows, np.broadcast_to(weight * (size - 2 * x) * size, above.shape)[known])
        return rows


def members(lattice: Lattice, row: int) -> Ints:
    """Leaves of a cuboid row, ascending; kept by the lattice, so do not write into them."""
    return lattice.leaves_of(row)


def without_common_drift(
    lattice: Lattice, x: Floats, v: Floats, allowance: Floats, levels: Sequence[int], rounds: int = 3
) -> Floats:
    """Leaf deviations less the natural common movement of the given levels, three rounds.

    The robust mean of each group (deviations cut at 3 sd + 0.04) is itself cut to ± the deviation that this roll-up
    is known to have, `allowance` (S,).
    """
    out = np.array(x, float)
    left = out[lattice.leaf_rows].astype(np.float32)
    ok = np.isfinite(left)
    variance = v[lattice.leaf_rows].astype(np.float32)
    w = np.where(ok, 1 / np.maximum(variance, np.float32(1e-9)), np.float32(0))
    limit = 3 * np.sqrt(variance) + np.float32(0.04)
    limit[~ok] = 0
    left[~ok] = 0
    low = -limit
    plans = []
    for level in levels:
        inside, grouping, rows = lattice.groups_at(level)
        if grouping.size:
            weight = np.maximum(grouping.sum(w[inside]), 1e-12)
            plans.append((inside, grouping, weight, allowance[rows]))
    for _ in range(rounds):
        for inside, grouping, weight, most in plans:
            mine = left[inside]
            cut = np.maximum(mine, low[inside])
            np.minimum(cut, limit[inside], out=cut)
            cut *= w[inside]
            grouping.subtract(mine, np.clip(grouping.sum(cut) / weight, -most, most).astype(np.float32))
            if not isinstance(inside, slice):
                left[inside] = mine
    out[lattice.leaf_rows] = np.where(ok, left, np.nan)
    return out
