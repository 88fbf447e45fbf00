"""A plain seasonal median: distance from the same time of earlier days, over its running size."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.peers.peer import Stream, Verdict
from benchmarks.quality.plain_residual import scaled_residual


class SeasonalMedian:
    """Residual from the median of the same time of day (week, from twenty minutes a tick on), over its running size.

    The residual of `plain` without what `plain` adds: no own tail, and the threshold is that of all peers.
    """

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        weight = stream.weight if isinstance(stream.weight, float) else stream.weight[:, None]
        z = scaled_residual(stream.step_ms, stream.y[:, None], weight)[:, 0]
        return Verdict(np.abs(z), z)
