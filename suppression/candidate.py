"""A root that would be told if nothing held it: its peaks, its waiting, its life as an alarm."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from suppression.reasons import Direction, End, Reason, State


@dataclass(slots=True)
class Hold:
    """One reason why a candidate is not told."""

    reason: Reason
    by: str = ""
    since_ms: int = 0
    until_ms: int | None = None


@dataclass(slots=True)
class Testimony:
    """What one witness said about a candidate."""

    row: int
    surprise: float
    llr: float
    age_ticks: int


@dataclass(slots=True)
class SilentFeed:
    """Of what an alarm on a feed speaks: nothing of these metrics arrives."""

    number: int  # of the feed, in the engine's order
    stack: str
    metrics: list[str]
    series: int  # that were due when it fell silent
    since_ms: int  # first tick without a sample


@dataclass(slots=True)
class Candidate:
    """Memory of one root from opening to end. Sizes are log deviations, peaks are surprises of the candidate's sign."""

    alarm_id: str
    row: int  # first cuboid; -1: a whole feed
    present: int  # cuboid now, after widening; -1: a whole feed
    sign: int
    start_ms: int
    opened_ms: int
    size: float = 0.0  # of the root, running
    raw: float = 0.0
    peak_raw: float = 0.0
    residual: float = 0.0  # peak F
    contrast: float = 0.0  # peak P; NaN without peers
    testimony: float = 0.0  # peak of the contrast with witnesses; 0 without
    onset: float = 0.0  # peak onset memory of D
    drift: float = 0.0  # peak surprise of a lone series' drift
    fused: float = 0.0  # peak c
    largest_z: float = 0.0
    is_run: bool = False  # zero run or stuck
    special: str = ""  # "zero_run", "stuck", "missing" or ""
    feed: SilentFeed | None = None
    is_shadow: bool = False  # opened by the calendar's own test: what would have fired without the event
    state: State = "pending"
    is_weak: bool = True
    holds: list[Hold] = field(default_factory=list)
    event: dict[str, Any] | None = None
    llr: float = 0.0
    is_latched: bool = False  # the stack explained it once
    clear_ticks: int = 0
    waited_ticks: int = 0
    held_since_ms: int | None = None
    would_have_fired_ms: int | None = None
    fired_ms: int | None = None
    changed_ms: int = 0
    calm_ticks: int = 0
    revision: int = 0
    severity: str = "info"
    end: End | None = None
    ended_ms: int | None = None
    acknowledged: bool = False
    was_told: bool = False
    incident: str = ""
    witnesses: list[Testimony] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    worst: dict[str, Any] = field(default_factory=dict)  # what was measured at the present cuboid's worst tick, as JSON

    @property
    def direction(self) -> Direction:
        return "up" if self.sign > 0 else "down"

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return tuple(h.reason for h in self.holds)

    def is_at_worst(self) -> bool:
        """Is the present cuboid further out than ever in the direction of the candidate, or seen first?"""
        if self.worst.get("row") != self.present:
            return True
        return self.sign * self.raw > self.sign * float(self.worst["raw"])

    def remember(self, measured: dict[str, Any]) -> None:
        """Keeps what was measured at this tick as the worst that happened; `measured` as `body.at_worst` reads it."""
        self.worst = {"row": self.present, "raw": self.raw, **measured}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Candidate:
        values = dict(data)
        values["holds"] = [Hold(**h) for h in data["holds"]]
        values["witnesses"] = [Testimony(**w) for w in data["witnesses"]]
        values["feed"] = None if data["feed"] is None else SilentFeed(**data["feed"])
        return cls(**values)
