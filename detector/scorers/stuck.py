"""Stuck R: minus the log of the probability that counts repeat as often as they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.runs import RunState, go_on, known_mean
from detector.view import Float32s, View


@dataclass(frozen=True, slots=True)
class Stuck:
    """R += log(max(2 sqrt(pi mu), 1.05)) at each repetition: the chance that two Poisson draws of mean mu are equal.

    That chance is exp(-2 mu) I_0(2 mu) (Skellam 1946), about 1/(2 sqrt(pi mu)) for large mu; `least` keeps small mu,
    where the approximation exceeds one, from counting as news.
    """

    least: float = 1.05

    def init(self, n: int) -> RunState:
        return RunState(np.zeros(n, np.float32), np.full(n, np.nan, np.float32))

    def advance(self, state: RunState, view: View) -> None:
        rows = np.flatnonzero((view.y == state.last) & (view.y != 0) & ~view.missing)
        chance = 2 * np.sqrt(np.float32(np.pi) * known_mean(view, rows))
        go_on(state, view, rows, np.log(np.maximum(chance, np.float32(self.least))))
        if view.missing.any():
            np.copyto(state.last, view.y, where=~view.missing)
        else:
            state.last[...] = view.y

    def score(self, state: RunState, view: View) -> Float32s:
        """(1, S) nats; fires at 30."""
        return state.run[None]

    def learn(self, state: RunState, view: View, rate: Float32s) -> None:
        """Nothing to learn."""
