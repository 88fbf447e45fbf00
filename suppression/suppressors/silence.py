"""Silence: a person asked not to be told about these labels until a time."""

from __future__ import annotations

from dataclasses import dataclass

from suppression.candidate import Candidate
from suppression.reasons import Reason
from suppression.scoping import leaf_mask
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of_candidate, share_of


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """Holds a candidate all of whose leaves a silence in force matches."""

    reason: Reason = "silence"

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        if not scene.controls.silences:
            return NO
        leaves = leaves_of_candidate(scene.lattice, scene.index, candidate)
        for silence in scene.controls.silences:
            if not silence.is_in_force(scene.t_ms):
                continue
            if share_of(leaves, leaf_mask(scene.index, silence.scope)) > 0.99:
                return Opinion(True, by=f"{silence.by}: {silence.why}", until_ms=silence.until_ms)
        return NO
