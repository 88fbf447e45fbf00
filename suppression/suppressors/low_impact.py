"""Low-impact events: the audience of a place drifts slowly, all of it or unevenly, and no derivative voice speaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.schema import MINUTE_MS
from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of, share_covered


@dataclass(frozen=True, slots=True)
class LowImpact:
    """Asked of places over all devices and activities: onset below `onset`, no |z| of `largest_z`; and of their parts.

    A witness that stayed while we moved contradicts, if its contrast alone would be told: an audience that drifts takes
    the other stacks along. A witness that usually goes with us contradicts sooner.
    """

    reason: Reason = "low_impact"
    onset: float = 3.0
    part_onset: float = 5.0  # of a part, whose place drifts meanwhile: a fault of its own breaks off more sharply
    largest_z: float = 9.0
    moving: float = 2.0  # |z| from which a place is said to move
    finest_ms: int = 10 * MINUTE_MS  # longest tick at which a drift of an hour is told from a break

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        slow = candidate.onset < self.onset and candidate.largest_z < self.largest_z
        coupled = bool(scene.is_coupled[candidate.present])
        slow = slow and candidate.testimony < (scene.wide_threshold if coupled else scene.threshold)
        return Opinion(True, by="no derivative voice") if slow else NO

    def judge_part(self, candidate: Candidate, scene: Scene) -> Opinion:
        """Of a part of one place: slow unevenness while the place itself drifts that way, or is in a planned event.

        What moves a place moves its devices and activities unevenly, by a quarter or so; a fault of one of them has an
        onset of its own. Not asked at ticks so long that a drift looks abrupt, or a fault slow.
        """
        if (
            scene.timing.interval_ms > self.finest_ms
            or candidate.onset >= self.part_onset
            or candidate.largest_z >= self.largest_z
        ):
            return NO
        row = place_row(candidate.present, scene)
        if row is None:
            return NO
        z = candidate.sign * scene.z[:, row]
        drifts = bool(np.isfinite(z).any()) and float(np.nanmax(z)) >= self.moving
        planned = any(
            phase > 0 and share_covered(scene.lattice, candidate.present, mask) >= 0.5
            for mask, phase in zip(scene.effects.masks, scene.effects.phases, strict=True)
        )
        return Opinion(True, by="its place drifts") if drifts or planned else NO


def place_row(row: int, scene: Scene) -> int | None:
    """The row of the one place that a narrower row lies in; None if it lies in several or is the place itself."""
    place = scene.index.schema.place
    cuboid = scene.index.cuboid(row)
    if place not in cuboid or len(cuboid) < 2:
        return None
    above = scene.lattice.all_above(leaves_of(scene.lattice, row)[:1])[:, 0]
    return next((int(r) for r in above[above >= 0] if set(scene.index.cuboid(int(r))) == {place}), None)
