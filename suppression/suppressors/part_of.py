"""Part of: what a wider candidate that waits explains, or what an alarm that people have already makes move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.frame import Ints
from detector.series import Lattice
from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of


@dataclass(frozen=True, slots=True)
class PartOf:
    """Three ways to belong to another candidate of the metric; `louder` is how much more it must say to be told itself.

    Inside a held or waiting wider one of its sign, |size| < 0.3 |wide size| + 0.1. Sharing leaves with a firing one
    of its sign: the same movement seen through another cuboid. Sibling of a firing one with the other sign: where few
    siblings are compared, the others seem to move against the one that moved.
    """

    reason: Reason = "part_of"
    louder: float = 1.5

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        lattice = scene.lattice
        own = leaves_of(lattice, candidate.present)
        for other in scene.candidates:
            if other is candidate or other.is_weak or other.is_shadow:
                continue
            if lattice.metric[other.present] != lattice.metric[candidate.present]:
                continue
            theirs = leaves_of(lattice, other.present)
            if other.state in ("pending", "held"):
                belongs = other.sign == candidate.sign and self._is_explained(candidate, other, own, theirs)
            elif other.state == "firing":
                shares = other.sign == candidate.sign and bool(np.isin(own, theirs).any())
                mirrors = other.sign != candidate.sign and are_siblings(lattice, candidate.present, other.present)
                belongs = (shares or mirrors) and candidate.fused < self.louder * other.fused
            else:
                belongs = False
            if belongs:
                return Opinion(True, by=other.alarm_id)
        return NO

    @staticmethod
    def _is_explained(candidate: Candidate, wide: Candidate, own: Ints, theirs: Ints) -> bool:
        if len(theirs) <= len(own) or not np.isin(own, theirs).all():
            return False
        return abs(candidate.size) < 0.3 * abs(wide.size) + 0.1


def are_siblings(lattice: Lattice, a: int, b: int) -> bool:
    """Do the two rows share a sibling group on some axis?"""
    return any(code[a] > 0 and code[a] == code[b] for code in lattice.siblings)
