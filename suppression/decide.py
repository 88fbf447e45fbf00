"""Ask every suppressor, keep every reason; then wait, hold, release or tell."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from detector.schema import ALL, MINUTE_MS
from suppression.candidate import Candidate, Hold
from suppression.reasons import Reason
from suppression.suppressor import Opinion, Scene
from suppression.suppressors.agreement import Agreement
from suppression.suppressors.calendar import CalendarRule
from suppression.suppressors.low_impact import LowImpact
from suppression.suppressors.mute import Mute
from suppression.suppressors.part_of import PartOf
from suppression.suppressors.silence import SilenceRule
from suppression.suppressors.stack import Stack
from suppression.width import leaves_of, overlap

Verdict = Literal["weak", "wait", "hold", "tell"]
ABRUPT = 3.0  # surprise of the onset memory that counts as a derivative voice
OUTGROWN_MS = 15 * MINUTE_MS  # for so long a place must be beyond its event's envelope before people are told
SAME_LEAVES = 0.6  # intersection over union from which two candidates speak of the same cells


@dataclass(frozen=True, slots=True)
class Judge:
    """The rules in their order; reasons that apply are all kept, the first leads."""

    mute: Mute = field(default_factory=Mute)
    silence: SilenceRule = field(default_factory=SilenceRule)
    calendar: CalendarRule = field(default_factory=CalendarRule)
    part_of: PartOf = field(default_factory=PartOf)
    low_impact: LowImpact = field(default_factory=LowImpact)
    agreement: Agreement = field(default_factory=Agreement)
    stack: Stack = field(default_factory=Stack)

    def decide(self, candidate: Candidate, scene: Scene) -> Verdict:
        """The verdict at this tick; `candidate.holds` becomes every reason that applies."""
        asked: list[tuple[Reason, Opinion]] = [
            ("mute", self.mute.judge(candidate, scene)),
            ("silence", self.silence.judge(candidate, scene)),
        ]
        weak, waits = False, False
        if not candidate.is_run:
            asked.append(("calendar", self.calendar.judge(candidate, scene)))
        if not candidate.is_run and not candidate.is_shadow:  # a shadow has no voices that the other rules could ask
            alone = math.isnan(candidate.contrast)
            if is_place_wide(candidate.present, scene) and not is_outside_lattice(candidate.present, scene):
                low_impact = self.low_impact.judge(candidate, scene)
                asked.append(("low_impact", low_impact))
                # magnitude alone would have told people; that the other voices decline it is put on record
                speaks = low_impact.holds and candidate.residual >= scene.wide_threshold
                weak = candidate.fused < scene.wide_threshold and not speaks
                opinion = self.stack.judge(candidate, scene)
                asked.append(("stack", opinion))
                waits = opinion.waits
            else:
                weak = candidate.fused < scene.threshold
                if not alone:
                    asked.append(("low_impact", self.low_impact.judge_part(candidate, scene)))
                    asked.append(("agreement", self.agreement.judge(candidate, scene)))
                if is_family_in_place(candidate.present, scene) and candidate.onset >= ABRUPT:
                    opinion = self.stack.judge(candidate, scene)
                    asked.append(("stack", opinion))
                    waits = opinion.waits
                elif is_in_place(candidate.present, scene) and not weak:
                    opinion = self.stack.judge_part(candidate, scene)
                    asked.append(("stack", opinion))
                    waits = opinion.waits
            asked.append(("part_of", self.part_of.judge(candidate, scene)))
        candidate.is_weak = weak
        before = {h.reason: h.since_ms for h in candidate.holds}
        holds = [Hold(reason, o.by, before.get(reason, scene.t_ms), o.until_ms) for reason, o in asked if o.holds]
        fades = candidate.is_weak or candidate.is_shadow  # ends without a word: what held it last stays on record
        if holds or not (fades and candidate.state == "held"):
            candidate.holds = holds
        if candidate.is_weak:
            return "weak"
        if holds:
            return "hold"
        if candidate.is_shadow:
            if not has_outgrown(candidate, scene):
                return "weak"
            candidate.holds = []
            return "tell"
        return "wait" if waits else "tell"


def has_outgrown(shadow: Candidate, scene: Scene) -> bool:
    """Does the place move beyond what its event explains, for some ticks, while no candidate of its own tells of it?"""
    beyond = shadow.event is not None and bool(shadow.event.get("outgrown"))
    shadow.clear_ticks = shadow.clear_ticks + 1 if beyond else 0
    if shadow.clear_ticks < scene.timing.ticks(OUTGROWN_MS):
        return False
    own = leaves_of(scene.lattice, shadow.present)
    return not any(
        other.sign == shadow.sign
        and not other.is_shadow
        and not other.is_weak
        and other.state != "resolved"
        and overlap(own, leaves_of(scene.lattice, other.present)) >= SAME_LEAVES
        for other in scene.candidates
    )


def cuboid_dimensions(row: int, scene: Scene) -> set[str]:
    """Names of the dimensions that the cuboid restricts."""
    return {name.partition(".")[0] for name in scene.index.cuboid(row)}


def is_place_wide(row: int, scene: Scene) -> bool:
    """All devices and all activities of a place or of everything."""
    return cuboid_dimensions(row, scene) <= {scene.index.schema.place}


def is_outside_lattice(row: int, scene: Scene) -> bool:
    """A series without dimensions beside its place has nothing narrower: it is a leaf, and is judged as one."""
    labels = scene.index.labels(row)
    return not any(value == ALL for name, value in labels.items() if name != scene.index.schema.place)


def is_in_place(row: int, scene: Scene) -> bool:
    """Restricted to a place and in one other dimension, or in more: part of what could move as a whole there."""
    dimensions = cuboid_dimensions(row, scene)
    return scene.index.schema.place in dimensions and len(dimensions) >= 2


def is_family_in_place(row: int, scene: Scene) -> bool:
    """A parent level of some dimension, in one place or group of places, everything else open."""
    names = set(scene.index.cuboid(row))
    place = scene.index.schema.place
    others = {n for n in names if n.partition(".")[0] != place}
    return len(others) == 1 and "." in next(iter(others)) and len(names) == 2
