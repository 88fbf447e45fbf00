"""Anticipated events: the calendar explains a direction, a size, a scope and a time, and nothing beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detector.frame import Bools
from suppression.calendar import Occurrence
from suppression.candidate import Candidate
from suppression.impact import envelope
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of, share_covered

NOISE_SDS = 2.0
FARTHEST = 30.0  # log deviation that evidence states at most; gauges deviate in units, without a bound
LEAST_EXCESS = 0.1  # log deviation beyond the envelope from which the event is said to be outgrown


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """Holds what lies inside the envelope of an `explain` event that is on, while peers do not contradict.

    What moves against its siblings or its witness inside the event's scope is not the event: all cells there would have
    moved alike. A candidate that is the whole scope has no siblings in it: only its witness can object. And nobody can
    object to a cell that is as usual before the event's start or after its end: it only did not come with the lead, or
    was back before the tail had run out. `least_share`: part of the candidate's leaves that the scope must hold.
    """

    reason: Reason = "calendar"
    least_share: float = 0.5

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        candidate.event = None
        for occurrence, mask, phase in zip(
            scene.effects.occurrences, scene.effects.masks, scene.effects.phases, strict=True
        ):
            if (
                occurrence.action != "explain"
                or share_covered(scene.lattice, candidate.present, mask) < self.least_share
            ):
                continue
            explained = self._explains(candidate, scene, occurrence, mask, phase)
            candidate.event = explained
            if explained["explains"]:
                return Opinion(True, by=occurrence.event_id, until_ms=occurrence.end_ms + occurrence.tail_ms)
        return NO

    def _explains(
        self, candidate: Candidate, scene: Scene, occurrence: Occurrence, mask: Bools, phase: float
    ) -> dict[str, object]:
        leaves = leaves_of(scene.lattice, candidate.present)
        variance = scene.effects.variance
        widen = 2 * math.sqrt(float(variance[leaves].mean())) if variance is not None and len(leaves) else 0.0
        low, high = envelope(occurrence, widen)
        observed = float(scene.raw_deviation[candidate.present])
        predicted = float(scene.effects.log_effect[leaves].mean()) if scene.effects.log_effect is not None else 0.0
        doubt = NOISE_SDS * self._noise(candidate, scene)  # of the deviation itself: back to normal is inside too
        is_usual = phase < 1 and abs(observed) <= doubt
        lattice = scene.lattice
        scope = mask & lattice.leaf & (lattice.metric == lattice.metric[candidate.present])
        is_whole = int(np.count_nonzero(scope)) == int(np.count_nonzero(scope[leaves]))
        objection = candidate.testimony if is_whole else candidate.contrast  # NaN: nobody can say
        peers_object = not candidate.is_shadow and objection >= scene.contrast_threshold and not is_usual
        floor, ceiling = min(low, 0) * phase - doubt, max(high, 0) * phase + doubt
        inside = floor <= observed <= ceiling
        return {
            "id": occurrence.event_id,
            "title": occurrence.title,
            "predicted": math.expm1(predicted),
            "observed": math.expm1(min(observed, FARTHEST)),
            "lower": math.expm1(low * phase),
            "upper": math.expm1(high * phase),
            "explains": bool(inside and not peers_object),
            "outgrown": bool(observed < floor - LEAST_EXCESS or observed > ceiling + LEAST_EXCESS),
            "peers_object": peers_object,
            "until_ms": occurrence.end_ms + occurrence.tail_ms,
        }

    @staticmethod
    def _noise(candidate: Candidate, scene: Scene) -> float:
        """Standard deviation of the row's short deviation in calm times."""
        z, deviation = float(scene.z[0, candidate.present]), float(scene.deviation[0, candidate.present])
        return max(abs(deviation) / max(abs(z), 0.3), 0.01) if math.isfinite(z) and math.isfinite(deviation) else 0.01
