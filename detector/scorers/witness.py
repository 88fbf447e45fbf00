"""Contrast with a witness: an independent stack's metric of the same place is a peer, and so a detector of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detector.contrast import PRIOR, Contrast, Learning, learn_contrast, residual, score_contrast
from detector.frame import Floats
from detector.timing import Timing
from detector.view import Float32s, Testimony, View

FRESH_TICKS = 5  # a witness that has been silent for longer has no opinion


class WitnessState(NamedTuple):
    """W witnesses, S rows."""

    pe2: Float32s  # (W, S) learnt variance of the contrast
    me: Float32s  # (W, S) its slow drift
    cxy: Float32s  # (W, S) covariance of row and witness
    cxx: Float32s  # (W, S) variance of the witness
    learnt: Float32s  # (W, S)
    doubt: Floats  # (W, 2) how far loadings differ


@dataclass(frozen=True, slots=True)
class Witness:
    """log y - log witness beyond loading and drift; one sibling, no Huber step, only where independence is declared.

    `view.witnesses` (W, S) holds each row's witness row, -1 for none (`detector/pairing.py`). Differences to a control
    that the cause cannot reach (Card & Krueger 1994), with the loading of `detector/contrast.py`.
    """

    timing: Timing
    witnesses: int
    learning: Learning = field(default_factory=Learning)

    def init(self, n: int) -> WitnessState:
        def full(value: float) -> Float32s:
            return np.full((self.witnesses, n), value, np.float32)

        return WitnessState(
            full(self.learning.start), full(0), full(PRIOR), full(PRIOR), full(0), np.zeros((self.witnesses, 2))
        )

    def advance(self, state: WitnessState, view: View) -> None:
        """Sets every row against its witness; localisation and `score` read what comes of it."""
        view.testimonies = []
        x, v = view.L[1], view.V[1]
        for w, row in enumerate(view.witnesses):
            usable = (row >= 0) & view.judgeable
            at = np.where(usable, row, 0)
            usable &= (view.age[at] <= FRESH_TICKS) & np.isfinite(view.mu[at])
            other = np.where(usable, x[at], np.float32(np.nan))
            noise = v + v[at] + np.asarray(view.loading_variance, np.float32)
            contrast = Contrast(other, noise, np.zeros(len(row), bool))
            view.testimonies.append(Testimony(contrast, residual(state, w, x, other), state.pe2[w]))

    def score(self, state: WitnessState, view: View) -> Float32s:
        """(W, S) signed z; NaN without a fresh witness."""
        out = np.empty((self.witnesses, len(view.mu)), np.float32)
        for w, testimony in enumerate(view.testimonies):
            out[w] = score_contrast(state, w, view.L[1], testimony.contrast)
        return out

    def learn(self, state: WitnessState, view: View, rate: Float32s) -> None:
        if view.learning:
            for w, testimony in enumerate(view.testimonies):
                learn_contrast(state, w, view.L[1], testimony.contrast, rate, self.timing, self.learning)
