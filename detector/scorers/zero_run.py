"""Zero run Z: minus the log of the probability of as many zeros in a row as have come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.runs import RunState, go_on, known_mean
from detector.view import Float32s, View


@dataclass(frozen=True, slots=True)
class ZeroRun:
    """Z += log(1 + phi mu)/phi at each zero (negative binomial with dispersion phi), back to 0 at any other value.

    Minus the log of the chance of a zero, (1 + phi mu)^(-1/phi) (Greenwood & Yule 1920), summed over independent ticks.
    """

    phi: float = 0.02

    def init(self, n: int) -> RunState:
        return RunState(np.zeros(n, np.float32), np.zeros(n, np.float32))

    def advance(self, state: RunState, view: View) -> None:
        rows = np.flatnonzero((view.y == 0) & ~view.missing)
        more = np.log1p(np.float32(self.phi) * known_mean(view, rows))
        more *= np.float32(1 / self.phi)
        go_on(state, view, rows, more)

    def score(self, state: RunState, view: View) -> Float32s:
        """(1, S) nats; fires at 22. A missing sample neither adds nor takes away."""
        return state.run[None]

    def learn(self, state: RunState, view: View, rate: Float32s) -> None:
        """Nothing to learn."""
