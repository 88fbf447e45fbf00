"""Unanticipated low-impact events: the whole audience of a place drifts slowly, and no derivative voice speaks."""

from __future__ import annotations

from dataclasses import dataclass

from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene


@dataclass(frozen=True, slots=True)
class LowImpact:
    """Asked of candidates over all devices and activities only: onset below `onset` and |F z| below `largest_z`.

    A witness that stayed while we moved contradicts, if its contrast alone would be told: an audience that drifts takes
    the other stacks along. A witness that usually goes with us contradicts sooner.
    """

    reason: Reason = "low_impact"
    onset: float = 3.0
    largest_z: float = 9.0

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        slow = candidate.onset < self.onset and candidate.largest_z < self.largest_z
        coupled = bool(scene.is_coupled[candidate.present])
        slow = slow and candidate.testimony < (scene.wide_threshold if coupled else scene.threshold)
        return Opinion(True, by="no derivative voice") if slow else NO
