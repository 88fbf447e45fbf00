"""The contract of a suppressor: one reason not to tell, judged anew at every tick while a candidate is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detector.frame import Bools, Floats, Ints
from detector.series import Lattice, SeriesIndex
from detector.timing import Timing
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.reasons import Reason


class Opinion(NamedTuple):
    """`holds`: do not tell; `waits`: not yet; `by` names who or what; `until_ms` when it ends, if that is known."""

    holds: bool
    waits: bool = False
    by: str = ""
    until_ms: int | None = None


NO = Opinion(False)


@dataclass(slots=True)
class Scene:
    """What a rule may look at, at one tick. S rows; z and deviations by horizon where written (H, S)."""

    t_ms: int
    timing: Timing
    index: SeriesIndex
    lattice: Lattice
    controls: Controls
    effects: Effects
    threshold: float
    z: Floats  # (H, S) of the forecast residual
    deviation: Floats  # (H, S) log deviation
    raw_deviation: Floats  # (S,) short log deviation from the expectation without events
    residual: Floats  # (S,) surprise F now
    contrast: Floats  # (S,) surprise P now
    testimony: Floats  # (S,) surprise of the contrast with witnesses now, NaN without
    is_coupled: Bools  # (S,) a witness usually explains at least half of the row's variance
    age: Ints  # (S,) ticks since the last sample
    candidates: list[Candidate]

    @property
    def wide_threshold(self) -> float:
        return max(self.threshold - 1.5, 1.0)

    @property
    def contrast_threshold(self) -> float:
        return max(self.threshold - 3.5, 1.0)


class Suppressor(Protocol):
    """Frozen values; the candidate is theirs to annotate (`event`, `witnesses`, `llr`), never to end."""

    reason: Reason

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion: ...
