"""Stuck R: minus the log of the probability that counts repeat as often as they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.runs import RunState
from detector.view import Float32s, View


@dataclass(frozen=True, slots=True)
class Stuck:
    """R += log(max(2 sqrt(pi mu), 1.05)) at each repetition: the chance that two Poisson draws of mean mu are equal."""

    least: float = 1.05

    def init(self, n: int) -> RunState:
        return RunState(np.zeros(n, np.float32), np.full(n, np.nan, np.float32))

    def advance(self, state: RunState, view: View) -> None:
        mu = np.where(np.isfinite(view.mu), view.mu, 0)
        more = np.log(np.maximum(2 * np.sqrt(np.float32(np.pi) * np.maximum(mu, 0)), np.float32(self.least)))
        same = (view.y == state.last) & (view.y != 0)
        np.copyto(state.run, np.where(same, state.run + more, np.float32(0)), where=~view.missing)
        np.copyto(state.last, view.y, where=~view.missing)
        state.run[view.gauges] = 0

    def score(self, state: RunState, view: View) -> Float32s:
        """(1, S) nats; fires at 30."""
        return state.run[None]

    def learn(self, state: RunState, view: View, rate: Float32s) -> None:
        """Nothing to learn."""
