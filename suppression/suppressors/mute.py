"""Mute: an approved event says that nothing in its scope is to be told while it lasts."""

from __future__ import annotations

from dataclasses import dataclass

from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of_candidate, share_of


@dataclass(frozen=True, slots=True)
class Mute:
    """Holds a candidate whose leaves lie wholly in the scope of an approved event with `action: mute`."""

    reason: Reason = "mute"

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        if not scene.effects.occurrences:
            return NO
        leaves = leaves_of_candidate(scene.lattice, scene.index, candidate)
        for occurrence, mask in zip(scene.effects.occurrences, scene.effects.masks, strict=True):
            if occurrence.action == "mute" and share_of(leaves, mask) > 0.99:
                return Opinion(True, by=occurrence.event_id, until_ms=occurrence.end_ms + occurrence.tail_ms)
        return NO
