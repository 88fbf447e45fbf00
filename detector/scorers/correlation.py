"""Contrast with siblings P: what a row does beyond the cells that share all its other labels. The strongest scorer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detector.common_factor import factor_by_code, factor_by_shape
from detector.contrast import Contrast, ContrastState, Learning, learn_contrast, new_contrast, score_contrast
from detector.state import chunks, part
from detector.timing import Timing
from detector.view import Float32s, View


@dataclass(frozen=True, slots=True)
class Correlation:
    """One factor per sibling group, leave-one-out: P = (x - beta others - drift)/sd, x the middle log deviation.

    The factor is a weighted mean in two Huber steps (Huber 1964): `common_factor.py`; the rest as in `contrast.py`.

    Groups come from the lattice: same cuboid level, all labels but one equal, the row included. Three siblings make
    an axis; two a pair contrast without the Huber step and with doubled scale; fewer abstain. `place_axis` is the
    axis whose siblings are other places, on which the whole variance of event effects counts; on the others that of
    loadings only.
    """

    timing: Timing
    axes: int
    place_axis: int = -1
    learning: Learning = field(default_factory=Learning)

    def init(self, n: int) -> ContrastState:
        return new_contrast(self.axes, n, self.learning.start)

    def advance(self, state: ContrastState, view: View) -> None:
        """Estimates each group's common movement, robustly, and keeps the leave-one-out value for `score`."""
        view.contrasts = [self._axis(state, view, axis) for axis in range(self.axes)]

    def _axis(self, state: ContrastState, view: View, axis: int) -> Contrast:
        lattice, x, pe2, factor = view.lattice, view.L[1], state.pe2[axis], state.factor[axis]
        effect = np.asarray(view.effect_variance if axis == self.place_axis else view.loading_variance, np.float32)
        known = view.V[1] + effect
        if axis not in lattice.kept.alike:  # a row that has just joined takes its group's value
            lattice.kept.alike.add(axis)
            code, counts = lattice.siblings[axis], lattice.sibling_counts[axis]
            alike = np.bincount(code, factor, len(counts)) / np.maximum(counts, 1)
            np.take(alike.astype(np.float32), code, out=factor)
        siblings = lattice.siblings_of(axis)
        rest, whole = siblings.rest, bool(view.judgeable.all())  # then everybody in a group is there
        usable = view.judgeable[rest] & (siblings.code > 0)
        present = siblings.counts if whole else np.bincount(siblings.code, usable, len(siblings.counts))
        own = factor[rest]
        mine = known[rest]
        found = factor_by_code(x[rest], mine, mine + pe2[rest], usable, siblings.code, present, own)
        if not siblings.blocks:
            return Contrast(*found)
        factor[rest] = own
        out = np.empty_like(x), np.empty_like(x), np.empty(len(x), bool)
        for array, values in zip(out, found, strict=True):
            array[rest] = values
        for rows, shape in siblings.blocks:
            there = None if whole else view.judgeable[rows]
            written = out[0][rows], out[1][rows], out[2][rows]
            factor_by_shape(x[rows], known[rows], pe2[rows], there, shape, factor[rows], written)
        return Contrast(*out)

    def score(self, state: ContrastState, view: View) -> Float32s:
        """(A, S) signed z; NaN without siblings."""
        size = len(view.mu)
        out = np.empty((self.axes, size), np.float32)
        for low, high in chunks(size):  # a chunk at a time, for its scratch to stay in cache
            rows, x = part(state, low, high, size), view.L[1, low:high]
            for axis, contrast in enumerate(view.contrasts):
                out[axis, low:high] = score_contrast(rows, axis, x, contrast.some(low, high))
        return out

    def learn(self, state: ContrastState, view: View, rate: Float32s) -> None:
        if view.learning:
            for axis, contrast in enumerate(view.contrasts):
                learn_contrast(state, axis, view.L[1], contrast, rate, self.timing, self.learning)
