"""How far each partition has come in event time, robustly and by its own samples alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.schema import MINUTE_MS

NEVER = -(1 << 62)
JUMP_MS = 60 * MINUTE_MS  # a leap ahead of more than this is believed when a second sample confirms it
FUTURE_MS = 10 * MINUTE_MS  # a sample later than its record by more than this has a wrong clock


@dataclass(slots=True)
class PartitionClock:
    """Greatest believable event time of a partition; `suspect_ms` is a leap that nobody has confirmed yet.

    A heuristic watermark (Akidau et al. 2015, "The Dataflow Model"). Own: a leap waits to be confirmed, for one wrong
    clock must not make everybody late.
    """

    seen_ms: int = NEVER
    suspect_ms: int = NEVER
    closed_ms: int = NEVER  # promise: no sample before it follows

    def pass_over(self, time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) what was seen before each sample, moving over them in order.

        Independent of how the samples are cut into batches. One sample dated 2099 does not make all others late: a leap
        of more than an hour waits for a second sample beyond it.
        """
        if not len(time_ms):
            return np.zeros(0, np.int64)
        before = np.maximum.accumulate(np.concatenate([[self.seen_ms], time_ms[:-1]]))
        if self.seen_ms > NEVER and self.suspect_ms == NEVER and not (time_ms - before > JUMP_MS).any():
            self.seen_ms = max(self.seen_ms, int(time_ms.max()))
            return before
        out = np.empty(len(time_ms), np.int64)
        for i, t in enumerate(time_ms.tolist()):
            out[i] = self.seen_ms
            if self.seen_ms == NEVER or t - self.seen_ms <= JUMP_MS:
                self.seen_ms = max(self.seen_ms, t)
                if t > self.seen_ms - JUMP_MS and self.suspect_ms - t > JUMP_MS:
                    self.suspect_ms = NEVER
            elif self.suspect_ms != NEVER and abs(t - self.suspect_ms) <= JUMP_MS:
                self.seen_ms, self.suspect_ms = max(t, self.suspect_ms), NEVER
            else:
                self.suspect_ms = t
        return out

    def watermark_ms(self, lateness_ms: int) -> int:
        """Event time by which all samples of the partition should have arrived."""
        return max(self.seen_ms - lateness_ms if self.seen_ms > NEVER else NEVER, self.closed_ms)
