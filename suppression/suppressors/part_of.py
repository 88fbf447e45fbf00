"""Part of: a cell inside a wider candidate that is held or waiting, and that moved no more than it explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of


@dataclass(frozen=True, slots=True)
class PartOf:
    """Holds a candidate inside a held or waiting wider one of its sign with |size| < 0.3 |wide size| + 0.1."""

    reason: Reason = "part_of"

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        own = leaves_of(scene.lattice, candidate.present)
        for wide in scene.candidates:
            if (
                wide is candidate
                or wide.sign != candidate.sign
                or wide.state not in ("pending", "held")
                or wide.is_weak
            ):
                continue
            leaves = leaves_of(scene.lattice, wide.present)
            if len(leaves) <= len(own) or not np.isin(own, leaves).all():
                continue
            if abs(candidate.size) < 0.3 * abs(wide.size) + 0.1:
                return Opinion(True, by=wide.alarm_id)
        return NO
