"""EWMA z: distance from an exponentially weighted mean, over the root of an exponentially weighted variance."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.dataset import DAY_MS
from benchmarks.quality.peers.peer import Stream, Verdict

MEAN_TICKS = 10.0  # half-life of the mean
LEAST_SEEN = 20  # values before there is an opinion


class MovingAverage:
    """`z = (y - m) / s`, m with a half-life of ten ticks, s² the mean of (y - m)² with a half-life of a day.

    Source: Roberts (1959), control chart of geometric moving averages; the newest value against the mean before it.
    """

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        middle, spread = stream.usual
        fast = 1 - 0.5 ** (1 / MEAN_TICKS)
        slow = 1 - 0.5 ** (stream.step_ms / max(DAY_MS, 50 * stream.step_ms))
        floor = (1e-3 * spread) ** 2
        z = np.full(len(stream.y), np.nan)
        mean, variance, seen = middle, 0.0, 0
        for t, y in enumerate(stream.y.tolist()):
            if y != y:
                continue
            e = y - mean if seen else 0.0
            if seen >= LEAST_SEEN:
                z[t] = e / (variance + floor) ** 0.5
            seen += 1
            mean = y if seen == 1 else mean + max(fast, 1 / seen) * e
            variance += max(slow, 1 / seen) * (e * e - variance)
        return Verdict(np.abs(z), z)
