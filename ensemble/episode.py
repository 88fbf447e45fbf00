"""Hysteresis over all series at once: a row enters when hot in two of three ticks, and leaves when calm for long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools
from detector.schema import MINUTE_MS
from detector.timing import Timing
from detector.view import Float32s


class EpisodeState(NamedTuple):
    recent: NDArray[np.uint8]  # (S,) bit k: hot k ticks ago
    sign: NDArray[np.int8]  # (S,) +1, -1 while in an episode, else 0
    calm: NDArray[np.int16]  # (S,) ticks since last alive


REMEMBERED = 0.25  # share of the long deviation below which the short one has come back


@dataclass(frozen=True, slots=True)
class Episode:
    """Enter: hot in 2 of 3 ticks. Exit: not alive for `exit_ms` (at least 3 ticks).

    Two thresholds that differ (Schmitt 1938), and a run rule to enter (Western Electric 1956).
    """

    timing: Timing
    exit_ms: float = 30 * MINUTE_MS

    @property
    def exit_ticks(self) -> int:
        return max(3, self.timing.ticks(self.exit_ms))

    def init(self, n: int) -> EpisodeState:
        return EpisodeState(np.zeros(n, np.uint8), np.zeros(n, np.int8), np.zeros(n, np.int16))

    def advance(self, state: EpisodeState, hot: NDArray[np.int8], alive: Bools) -> Bools:
        """Moves all rows; `hot` (S,) is the sign of what is hot, 0 for none. Returns the rows that enter now."""
        recent = state.recent
        np.left_shift(recent, 1, out=recent)
        np.bitwise_and(recent, 6, out=recent)
        np.bitwise_or(recent, hot != 0, out=recent, casting="unsafe")
        inside = state.sign != 0
        twice = (recent == 3) | (recent >= 5)  # bits 0+1, 0+2, 1+2 (1+2 without 0 is filtered next)
        entered: Bools = twice & (hot != 0) & ~inside
        np.copyto(state.sign, hot, where=entered)
        state.calm[...] = np.where(alive | ~inside, 0, np.minimum(state.calm + 1, 32_000))
        np.copyto(state.sign, np.int8(0), where=state.calm >= self.exit_ticks)
        return entered


def has_come_back(L: Float32s, sign: NDArray[np.int8] | int) -> Bools:
    """(S,) Does only the long horizon still deviate in the direction `sign`? L (H, S) log deviations, shortest first.

    A decayed sum remembers an outage for hours after it ended; what people want to know is whether it goes on.
    """
    long = L[-1] * sign
    back: Bools = (long > 0) & (L[0] * sign < np.float32(REMEMBERED) * long)
    return back
