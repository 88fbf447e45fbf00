"""The peer of the simulated world: how far a row is from its forecast, and nothing else, at a fixed surprise.

It has Tocsin's forecast, calibration and localisation; what it lacks is the contrast with peers, the onset, the learnt
budget and every rule that holds. So the difference is what those are worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.view import Float32s
from ensemble.budget import BudgetState
from ensemble.combiners.contrast_led import OnsetState


@dataclass(frozen=True, slots=True)
class Magnitude:
    """A combiner: c = F."""

    def init(self, n: int) -> OnsetState:
        return OnsetState(np.zeros(n, np.float32), np.zeros(n, np.float32))

    def advance(self, state: OnsetState, derivative: Float32s, contrast: Float32s) -> None:
        """Remembers nothing."""

    def score(self, state: OnsetState, residual: Float32s, derivative: Float32s, contrast: Float32s) -> Float32s:
        """(S,) signed F."""
        return np.array(residual)


@dataclass(frozen=True, slots=True)
class FixedBudget:
    """A budget whose threshold never moves."""

    threshold: float

    def groups(self, series: int, places: int) -> int:
        return 1

    def listen(
        self, state: BudgetState, loudest: Float32s, interval_ms: int, exit_ticks: int, told: int | None = None
    ) -> None:
        """Counts nothing."""

    def real_from(self, state: BudgetState) -> float:
        """Nothing told is counted as false: there is no promise to hold it against."""
        return 0.0

    def move(self, state: BudgetState, t_ms: int, series: int) -> None:
        """Stays."""
        state.threshold = self.threshold
