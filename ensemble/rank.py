"""How rare is a value? Its rank among what was seen, and an exponential tail beyond the last rank that says much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detector.frame import Floats
from ensemble.tails import BINS, LOW, STEP, TAIL_P, tail_quantiles

LEAST_SEEN = 5.0  # values of a sign from which on its rank says something
LEAST_EXCESS = 0.3  # of the tail
LEAST_SHARE = 1e-15


@dataclass(frozen=True, slots=True)
class Rank:
    """Of values of one sign, from their histogram: P(size or more), log-linear inside a bin.

    Beyond the size exceeded with .5 %, exponential with the mean excess seen there (peaks over a threshold with shape
    0, Davison & Smith 1990).
    """

    above: Floats  # (BINS + 1,) P(size >= bin's start)
    joint: float  # where the tail begins, in bins
    share: float  # of values beyond it
    excess: float  # their mean distance from it

    @classmethod
    def of(cls, hist: Floats, total: float) -> Rank | None:
        """From `hist` (BINS,) counts of one sign, `total` of both and of zeros; None with fewer than five in `hist`."""
        above = np.append(np.cumsum(hist[::-1])[::-1] / total, 0.0)
        if above[0] * total < LEAST_SEEN:
            return None
        log_joint = float(tail_quantiles(hist, np.array(total))[-1])
        if math.isnan(log_joint):  # all of this sign are rare, or no end is in sight
            joint, share = (0.0, float(above[0])) if above[0] < TAIL_P[-1] else (float(BINS), LEAST_SHARE)
        else:
            joint, share = (log_joint - math.log(LOW)) / STEP, float(TAIL_P[-1])
        first = min(int(joint), BINS - 1)
        counts, centres = hist[first:].astype(float), np.arange(first, BINS) + 0.5
        counts[0], centres[0] = max(share * total - counts[1:].sum(), 0.0), (joint + first + 1) / 2
        distance = LOW * np.exp(centres * STEP) - LOW * math.exp(joint * STEP)
        excess = float((counts * distance).sum() / max(counts.sum(), 1e-9))
        return cls(above, joint, share, max(excess, LEAST_EXCESS))

    @property
    def start(self) -> float:
        """Size at which the tail begins."""
        return LOW * math.exp(self.joint * STEP)

    def surprise(self, size: float) -> float:
        """-log10 of the share of values that are as large."""
        at = max(math.log(max(size, 1e-9) / LOW) / STEP, 0.0)
        if at >= self.joint:
            return -math.log10(self.share) + max(size - self.start, 0.0) / (self.excess * math.log(10))
        i = int(at)
        here, after = float(self.above[i]), float(self.above[i + 1])
        left = here * (after / here) ** (at - i) if after > 0 else here * (1 - (at - i))
        return -math.log10(max(left, LEAST_SHARE))

    def size(self, p: float) -> float:
        """The size that the share `p` exceeds, the inverse of `surprise`; 0 where not even that many have the sign."""
        if p <= self.share:
            return self.start + self.excess * math.log(self.share / p)
        i = int((self.above[:BINS] >= p).sum()) - 1
        if i < 0:
            return 0.0
        here, after = float(self.above[i]), float(self.above[i + 1])
        inside = math.log(here / p) / math.log(here / after) if after > 0 else (here - p) / here
        return LOW * math.exp((i + inside) * STEP)
