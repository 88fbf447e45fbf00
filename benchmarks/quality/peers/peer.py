"""The contract of a peer: one series as it streams, and what was said of each of its ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import DAY_MS


@dataclass(frozen=True, slots=True)
class Stream:
    """One series: values (T,) with NaN where nothing came; `start` is the first tick that is judged.

    `rate`: pages per tick that the budget allows this series, for thresholders of the peer's own. `weight` (T,) or a
    number: precision of a tick where it is known, larger is surer.
    """

    y: NDArray[np.float64]
    step_ms: int
    start: int
    rate: float
    weight: NDArray[np.float64] | float = 1.0

    @property
    def day(self) -> int:
        """Ticks of a season: a day; a week where a tick is a day or longer."""
        ticks = round(DAY_MS / self.step_ms)
        return ticks if ticks >= 2 else 7

    @property
    def usual(self) -> tuple[float, float]:
        """Median of the warm-up and the robust size of its spread; 0 and 1 where there is none."""
        known = self.y[: self.start]
        known = known[np.isfinite(known)]
        if not known.size:
            return 0.0, 1.0
        middle = float(np.median(known))
        spread = float(1.4826 * np.median(np.abs(known - middle))) or float(known.std()) or abs(middle) or 1.0
        return middle, spread


class Verdict(NamedTuple):
    """Of each tick (T,): how strange (larger is stranger, NaN = no opinion), which way, and over the peer's own bar.

    `over` None: the peer has no thresholder of its own.
    """

    strength: NDArray[np.float64]
    deviation: NDArray[np.float64]
    over: NDArray[np.bool_] | None = None


class Peer(Protocol):
    """Causal: what is said of a tick follows from that tick and earlier ones, and from the warm-up."""

    is_comparable: bool  # strengths of different series mean the same as they are

    def judge(self, stream: Stream) -> Verdict: ...
