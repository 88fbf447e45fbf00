"""Contrast with siblings P: what a row does beyond the cells that share all its other labels. The strongest scorer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detector.contrast import Contrast, ContrastState, Learning, learn_contrast, new_contrast, score_contrast
from detector.timing import Timing
from detector.view import Float32s, View

HUBER = 2.5  # standard deviations at which a sibling's pull on the common factor is cut (Huber 1964)


@dataclass(frozen=True, slots=True)
class Correlation:
    """One factor per sibling group, leave-one-out: P = (x - beta others - drift)/sd, x the middle log deviation.

    The factor is a weighted mean in two Huber steps (Huber 1964) from the last tick's; the rest as in `contrast.py`.

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
        x = view.L[1]
        code = view.lattice.sibling_code(axis)
        groups = len(view.lattice.sibling_counts[axis])
        effect = np.asarray(view.effect_variance if axis == self.place_axis else view.loading_variance, np.float32)
        known = view.V[1] + effect
        total = known + state.pe2[axis]
        usable = view.judgeable & (code > 0)
        weight = np.where(usable, 1 / total, np.float32(0))
        whole = bool(view.judgeable.all())  # then everybody in a group is there
        counts = view.lattice.sibling_counts[axis]
        present = counts if whole else np.bincount(code, usable, groups)
        d = np.bincount(code, weight, groups)
        factor = state.factor[axis]
        if axis not in view.lattice.kept.alike:  # a row that has just joined takes its group's value
            view.lattice.kept.alike.add(axis)
            alike = np.bincount(code, factor, groups) / np.maximum(counts, 1)
            np.take(alike.astype(np.float32), code, out=factor)
        pair = np.take(present < 3, code)
        limit = np.sqrt(total)
        limit *= np.float32(HUBER)
        limit[pair] = np.inf
        rest = np.take(d.astype(np.float32), code)
        rest -= weight
        other = factor
        inverse = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            for _ in range(2):
                r = x - factor
                np.minimum(r, limit, out=r)
                np.maximum(r, -limit, out=r)
                r *= weight
                n = np.bincount(code, r, groups)
                other = np.take(n.astype(np.float32), code)
                other -= r
                other /= rest
                other += factor
                factor += np.take((n * inverse).astype(np.float32), code)
            noise: Float32s = np.float32(1) / rest
        noise += known
        other[~usable | (rest <= 0)] = np.nan
        return Contrast(other, noise, pair)

    def score(self, state: ContrastState, view: View) -> Float32s:
        """(A, S) signed z; NaN without siblings."""
        out = np.empty((self.axes, len(view.mu)), np.float32)
        for axis, contrast in enumerate(view.contrasts):
            out[axis] = score_contrast(state, axis, view.L[1], contrast)
        return out

    def learn(self, state: ContrastState, view: View, rate: Float32s) -> None:
        if view.learning:
            for axis, contrast in enumerate(view.contrasts):
                learn_contrast(state, axis, view.L[1], contrast, rate, self.timing, self.learning)
