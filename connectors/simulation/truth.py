"""What really happened in a simulated world: events with true and scheduled times, incidents with cells and depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.geography import Where

EventKind = Literal["anticipated", "low_impact", "high_impact"]
EventShape = Literal["plain", "half_time", "decay"]
IncidentShape = Literal["step", "leak", "zero", "stuck"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something outside the service that moves its use, everywhere in some regions.

    The log effect on a leaf is `effect[region] * profile(t) * by_family * by_activity`, on a witness
    `effect[region] * profile(t) * by_stack`. `ramp` holds four times in ms: the effect leaves 0, is full, begins to
    fade, is over. Scheduled times are what the calendar says; None where it says nothing.
    """

    event_id: str
    kind: EventKind
    event_class: str
    title: str
    start_ms: int
    end_ms: int
    ramp: tuple[int, int, int, int]
    effect: tuple[tuple[str, float], ...]  # (region, log effect)
    by_family: tuple[tuple[str, float], ...] = ()  # 1 where not named
    by_activity: tuple[tuple[str, float], ...] = ()
    by_stack: tuple[tuple[str, float], ...] = ()  # 0 where not named
    shape: EventShape = "plain"
    scheduled_start_ms: int | None = None
    scheduled_end_ms: int | None = None
    moved: bool = False

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(region for region, _ in self.effect)

    def is_on(self, t_ms: int) -> bool:
        """Does it have any effect at this time?"""
        return self.ramp[0] <= t_ms < self.ramp[3]

    def profile(self, t_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of the full effect at each time, (T,), between 0 and 1."""
        first, full, fade, over = self.ramp
        up, down = (t_ms - first) / max(full - first, 1), (over - t_ms) / max(over - fade, 1)
        share = np.clip(np.minimum(up, down), 0.0, 1.0)
        if self.kind == "low_impact":  # weather has no moment at which it is fastest
            return share
        share = _smooth(share)
        if self.shape == "half_time":
            middle = (t_ms - self.start_ms) / max(self.end_ms - self.start_ms, 1)
            pause = np.minimum(_smooth((middle - 0.44) / 0.03), _smooth((0.59 - middle) / 0.03))
            share *= 1 - 0.55 * pause
        elif self.shape == "decay":
            share *= np.exp(-np.maximum(t_ms - full, 0) / (3 * 3_600_000))
        return share


@dataclass(frozen=True, slots=True)
class IncidentPlan:
    """A fault of the service itself; it moves no witness. Times are ms, end excluded.

    `depth` is the share lost at the worst moment (negative: so much is added). A step gets there in `onset_minutes` and
    is over at once; a leak grows to the end; zero sends nothing but 0; stuck repeats one value.
    """

    kind: str
    where: Where
    start_ms: int
    end_ms: int
    depth: float
    onset_minutes: int = 2
    shape: IncidentShape = "step"

    def loss(self, t_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share lost at each time, (T,); 0 outside the incident."""
        on = (t_ms >= self.start_ms) & (t_ms < self.end_ms)
        onset_ms = self.end_ms - self.start_ms if self.shape == "leak" else self.onset_minutes * 60_000
        share = np.clip((t_ms + 60_000 - self.start_ms) / max(onset_ms, 1), 0, 1)
        return np.where(on, self.depth * share, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Incident:
    """An incident as it fell: its plan, its cells, and whether anybody could have seen it."""

    incident_id: str
    plan: IncidentPlan
    cells: NDArray[np.intp]  # (cells,) rows of watched leaves
    expected: NDArray[np.float64]  # (cells,) mean counts a minute without it, around its first hour
    information: float  # log-likelihood gain of knowing it, over its first hour
    identifiable: bool

    @property
    def start_ms(self) -> int:
        return self.plan.start_ms

    @property
    def end_ms(self) -> int:
        return self.plan.end_ms

    @property
    def cuboid(self) -> str:
        """Its place in words, like `device=tv-2&region=eu-1`."""
        return "&".join(f"{name}={'|'.join(values)}" for name, values in self.plan.where) or "all"


@dataclass(frozen=True, slots=True)
class Truth:
    """All events and incidents of a world, each ordered by start."""

    events: tuple[Event, ...]
    incidents: tuple[Incident, ...]

    def of_kind(self, kind: EventKind) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.kind == kind)

    def identifiable(self) -> tuple[Incident, ...]:
        """The incidents that count for recall."""
        return tuple(incident for incident in self.incidents if incident.identifiable)


def information(plan: IncidentPlan, expected: NDArray[Any]) -> float:
    """½ log(1-depth)² Σ_cells 1/(1/(mu H) + .03²), H = min(duration, 60 min).

    A total loss counts as a loss of 99 %. A stuck leaf is judged by the improbability of equal draws instead.
    """
    minutes = min((plan.end_ms - plan.start_ms) / 60_000, 60.0)
    mean = np.maximum(np.asarray(expected, np.float64), 1e-9)
    if plan.shape == "stuck":
        return float(np.max(np.log(np.maximum(2 * np.sqrt(np.pi * mean), 1.05))) * minutes)
    change = np.log(max(1 - plan.depth, 0.01))
    return float(0.5 * change**2 * np.sum(1 / (1 / (mean * minutes) + 0.03**2)))


IDENTIFIABLE = 40.0  # least information of an incident that a detector should find


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
