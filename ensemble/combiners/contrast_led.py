"""Peers lead, magnitude and onset support: c = P + w (F-1) + w (D-1) of one sign; without peers F leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.schema import MINUTE_MS
from detector.timing import Timing
from detector.view import Float32s

LEAST_CONTRAST = 2.0  # surprise of P below which the fused score is 0: nobody else sees it


class OnsetState(NamedTuple):
    up: Float32s  # (S,) decayed maximum of the derivative's surprise, upwards
    down: Float32s  # (S,)


@dataclass(frozen=True, slots=True)
class ContrastLed:
    """Rules that treat the voices alike lose: they are dependent and unequal. One strong voice opens a candidate.

    Own: sums of log p (Fisher 1932) take dependent voices for independent, the largest alone is deaf to agreement.
    """

    timing: Timing
    weight: float = 0.15
    onset_half_life_ms: float = 60 * MINUTE_MS

    def init(self, n: int) -> OnsetState:
        return OnsetState(np.zeros(n, np.float32), np.zeros(n, np.float32))

    def advance(self, state: OnsetState, derivative: Float32s, contrast: Float32s) -> None:
        """D is high while the trend breaks, F stays high afterwards: so the vote asked of D is its memory."""
        keep = np.float32(self.timing.keep(max(self.onset_half_life_ms, 2 * self.timing.interval_ms)))
        for memory, sign in ((state.up, 1), (state.down, -1)):
            np.multiply(memory, keep, out=memory)
            np.fmax(memory, derivative * np.float32(sign), out=memory)

    def score(self, state: OnsetState, residual: Float32s, derivative: Float32s, contrast: Float32s) -> Float32s:
        """(S,) signed; 0 without a contrast of at least 2, NaN where nobody has an opinion.

        `contrast` NaN on every axis: the row has no peers, and c = F + w (D-1).
        """
        alone = np.isnan(contrast)
        lead = np.where(alone, residual, contrast)
        sign = np.sign(lead)
        size = np.abs(lead)
        w = np.float32(self.weight)
        zero = np.zeros_like(size)  # an array: thrice a scalar's speed
        support = sign * residual
        support -= 1
        np.fmax(support, zero, out=support)
        support *= ~alone
        onset = sign * derivative
        onset -= 1
        support += np.fmax(onset, zero, out=onset)
        support *= w
        c: Float32s = np.add(size, support, out=support)
        c *= (size >= LEAST_CONTRAST) | np.isnan(size) | alone
        c *= sign
        return c
