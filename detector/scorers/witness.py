"""Contrast with a witness: an independent stack's metric of the same place is a peer, and so a detector of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.contrast import Contrast, ContrastState, Learning, learn_contrast, new_contrast, score_contrast
from detector.timing import Timing
from detector.view import Float32s, View

FRESH_TICKS = 5  # a witness that has been silent for longer has no opinion


@dataclass(frozen=True, slots=True)
class Witness:
    """log y - log witness beyond loading and drift; one sibling, no Huber step, only where independence is declared.

    `view.witnesses` (W, S) holds each row's witness row, -1 for none (`detector/pairing.py`).
    """

    timing: Timing
    witnesses: int
    learning: Learning = Learning()

    def init(self, n: int) -> ContrastState:
        return new_contrast(self.witnesses, n, self.learning.start)

    def advance(self, state: ContrastState, view: View) -> None:
        view.testimonies = []
        for row in view.witnesses:
            usable = (row >= 0) & view.judgeable
            at = np.where(usable, row, 0)
            usable &= (view.age[at] <= FRESH_TICKS) & np.isfinite(view.mu[at])
            other = np.where(usable, view.L[1][at], np.float32(np.nan))
            noise = view.V[1] + view.V[1][at] + np.asarray(view.loading_variance, np.float32)
            view.testimonies.append(Contrast(other, noise, np.zeros(len(row), bool)))

    def score(self, state: ContrastState, view: View) -> Float32s:
        """(W, S) signed z; NaN without a fresh witness."""
        out = np.empty((self.witnesses, len(view.mu)), np.float32)
        for k, contrast in enumerate(view.testimonies):
            out[k] = score_contrast(state, k, view.L[1], contrast)
        return out

    def learn(self, state: ContrastState, view: View, rate: Float32s) -> None:
        if view.learning:
            for k, contrast in enumerate(view.testimonies):
                learn_contrast(state, k, view.L[1], contrast, rate, self.timing, self.learning)
