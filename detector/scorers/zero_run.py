"""Zero run Z: minus the log of the probability of as many zeros in a row as have come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.runs import RunState
from detector.view import Float32s, View


@dataclass(frozen=True, slots=True)
class ZeroRun:
    """Z += log(1 + phi mu)/phi at each zero (negative binomial with dispersion phi), back to 0 at any other value."""

    phi: float = 0.02

    def init(self, n: int) -> RunState:
        return RunState(np.zeros(n, np.float32), np.zeros(n, np.float32))

    def advance(self, state: RunState, view: View) -> None:
        mu = np.where(np.isfinite(view.mu), view.mu, 0)
        more = np.log1p(np.float32(self.phi) * np.maximum(mu, 0))
        more *= np.float32(1 / self.phi)
        grown = np.where(view.y == 0, state.run + more, np.float32(0))
        np.copyto(state.run, grown, where=~view.missing)
        state.run[view.gauges] = 0

    def score(self, state: RunState, view: View) -> Float32s:
        """(1, S) nats; fires at 22. A missing sample neither adds nor takes away."""
        return state.run[None]

    def learn(self, state: RunState, view: View, rate: Float32s) -> None:
        """Nothing to learn."""
