"""Agreement: only magnitude speaks; the siblings moved alike, so the cause lies outside of the cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene


@dataclass(frozen=True, slots=True)
class Agreement:
    """Asked of candidates narrower than a place: contrast peak below threshold - 3.5."""

    reason: Reason = "agreement"

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        if math.isnan(candidate.contrast) or candidate.contrast >= scene.contrast_threshold:
            return NO
        return Opinion(True, by="siblings moved alike")
