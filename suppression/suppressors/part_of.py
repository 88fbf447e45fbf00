"""Part of: what a wider candidate that waits explains, or what an alarm that people have already makes move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.frame import Bools
from detector.schema import MINUTE_MS
from detector.series import Lattice
from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import join, leaves_of


@dataclass(frozen=True, slots=True)
class PartOf:
    """Four ways to belong to another candidate of the metric; `louder` is how much more it must say to be told itself.

    Inside a held or waiting wider one of its sign, |size| < 0.3 |wide size| + 0.1. Sharing leaves with a firing one
    of its sign: the same movement seen through another cuboid. Begun within `together_ms` of a firing one of its sign
    while the least cuboid that contains both moves by half of what the calmer of them does: one cause, whose parts
    stand out more than the whole. Sibling of a firing one with the other sign: where few siblings are compared, the
    others seem to move against the one that moved.
    """

    reason: Reason = "part_of"
    louder: float = 1.5
    together_ms: int = 25 * MINUTE_MS
    in_place_ms: int = 90 * MINUTE_MS
    share: float = 0.5

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        lattice = scene.lattice
        own = leaves_of(lattice, candidate.present)
        mine = np.zeros(lattice.size, bool)
        mine[own] = True
        for other in scene.candidates:
            if other is candidate or other.is_weak or other.is_shadow or other.state == "resolved":
                continue
            if lattice.metric[other.present] != lattice.metric[candidate.present]:
                continue
            if other.state == "firing":
                belongs = candidate.fused < self.louder * other.fused and (
                    bool(mine[leaves_of(lattice, other.present)].any())
                    if other.sign == candidate.sign
                    else are_siblings(lattice, candidate.present, other.present)
                )
                belongs = belongs or self.whole_of(candidate, other, scene) is not None
            else:
                belongs = other.sign == candidate.sign and self._is_explained(candidate, other, mine, len(own), lattice)
            if belongs:
                return Opinion(True, by=other.alarm_id)
        return NO

    def whole_of(self, candidate: Candidate, alarm: Candidate, scene: Scene) -> int | None:
        """Row of the least cuboid that contains both, if they began together and it moves along; else None."""
        apart_ms = abs(candidate.opened_ms - alarm.opened_ms)
        if alarm.sign != candidate.sign or apart_ms > max(self.in_place_ms, scene.timing.interval_ms):
            return None
        row = join(scene.lattice, candidate.present, alarm.present)
        if row is None or row in (candidate.present, alarm.present):
            return None
        whole, own, theirs = (
            candidate.sign * float(scene.deviation[0, r]) for r in (row, candidate.present, alarm.present)
        )
        if not (whole > 0 and whole >= self.share * min(own, theirs)):
            return None
        is_apart = apart_ms > max(self.together_ms, scene.timing.interval_ms)
        return None if is_apart and scene.index.schema.place not in scene.index.cuboid(row) else row

    @staticmethod
    def _is_explained(candidate: Candidate, wide: Candidate, mine: Bools, size: int, lattice: Lattice) -> bool:
        """Are the candidate's `size` leaves, marked in `mine` (S,), all among those of a wider one that moved more?"""
        if not abs(candidate.size) < 0.3 * abs(wide.size) + 0.1:
            return False
        theirs = leaves_of(lattice, wide.present)
        return len(theirs) > size and int(np.count_nonzero(mine[theirs])) == size


def are_siblings(lattice: Lattice, a: int, b: int) -> bool:
    """Do the two rows share a sibling group on some axis?"""
    return any(code[a] > 0 and code[a] == code[b] for code in lattice.siblings)
