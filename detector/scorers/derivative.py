"""Derivative D: short against middle horizon; high while a trend breaks, quiet afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.running import gain
from detector.timing import DAY_MS, Timing
from detector.view import Float32s, View


class DerivativeState(NamedTuple):
    sig2: Float32s  # (S,) learnt variance of the difference beyond counting noise
    learnt: Float32s  # (S,)


@dataclass(frozen=True, slots=True)
class Derivative:
    """D = (L_short - L_middle)/sqrt(0.8 V_short + sig2 + event variance); half-life of sig2 five days.

    A short against a longer exponential mean (Brown 1963). Own: the variance. Of independent ticks the difference keeps
    .53 of V_short at one minute and .32 at an hour; 0.8 leaves room for ticks that are not, sig2 is the rest, learnt.
    """

    timing: Timing
    half_life_ms: float = 5 * DAY_MS
    floor: float = 0.008**2
    start: float = 0.04**2

    def init(self, n: int) -> DerivativeState:
        return DerivativeState(np.full(n, self.start, np.float32), np.zeros(n, np.float32))

    def advance(self, state: DerivativeState, view: View) -> None:
        """Nothing of its own: the sums belong to the forecast residual."""

    def score(self, state: DerivativeState, view: View) -> Float32s:
        """(1, S) signed z."""
        z: Float32s = (view.L[0] - view.L[1]) / np.sqrt(
            np.float32(0.8) * view.V[0] + state.sig2 + np.asarray(view.effect_variance, np.float32)
        )
        z[~view.judgeable] = np.nan
        return z[None]

    def learn(self, state: DerivativeState, view: View, rate: Float32s) -> None:
        if not view.learning:
            return
        keep = self.timing.keep(self.half_life_ms, self.timing.learn_every)
        g = rate * ~view.missing
        extra = np.float32(0.8) * view.V[0] + np.asarray(view.effect_variance, np.float32)
        total = extra + state.sig2
        excess = np.minimum((view.L[0] - view.L[1]) ** 2, 9 * total) - extra - state.sig2
        np.add(state.sig2, excess * gain(keep, state.learnt) * g, out=state.sig2)
        np.maximum(state.sig2, np.float32(self.floor), out=state.sig2)
        np.add(state.learnt, g, out=state.learnt)
