"""Anticipated events: matches elsewhere, our own exclusives and launches; and what the calendar says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from connectors.simulation.parameters import WorldParameters
from connectors.simulation.rng import Stream, generator
from connectors.simulation.shape import clock_minute
from connectors.simulation.truth import Event, EventShape

MINUTE_MS = 60_000
WEEK = 7 * 1440


@dataclass(frozen=True, slots=True)
class EventClass:
    """A kind of planned event: when it is held, how large it is, what an operator would write about it."""

    name: str
    title: str
    days: tuple[int, ...]  # of the week, taken in turn
    hours: tuple[float, ...]  # UTC, one is drawn
    minutes: int  # length
    mean: float  # log effect
    sd: float
    least: float  # |log effect| is at least this, in the direction of the mean
    everywhere: bool
    shape: EventShape
    direction: str
    change: str


MATCH = EventClass(
    "match", "League match", (1, 2, 5, 6, 3, 4, 0), (17.0, 18.5, 20.0), 110, -0.28, 0.13, 0.05, False, "half_time",
    "down", "-50%..-3%",
)  # fmt: skip
EXCLUSIVE = EventClass(
    "exclusive", "Weekly exclusive", (4,), (20.0,), 150, 0.55, 0.2, 0.1, True, "plain", "up", "10%..200%"
)
LAUNCH = EventClass(
    "launch", "Title launch", (3, 0), (8.0,), 600, 0.6, 0.25, 0.1, True, "decay", "up", "10%..220%"
)  # fmt: skip
CLASSES = {c.name: c for c in (MATCH, EXCLUSIVE, LAUNCH)}


def planned_events(parameters: WorldParameters) -> list[Event]:
    """All planned events of a world, with their true times, scheduled as they were held."""
    rates = parameters.rates
    events = []
    for number, (kind, per_week) in enumerate(
        ((MATCH, rates.matches_per_week), (EXCLUSIVE, rates.exclusives_per_week), (LAUNCH, rates.launches_per_week))
    ):
        draw = generator(parameters.seed, Stream.PLANNED, number)
        events += _events_of(parameters, kind, per_week, draw)
    return events


def planned_event(
    parameters: WorldParameters, kind: EventClass, name: str, start_ms: int, regions: tuple[str, ...], effect: float
) -> Event:
    """One occurrence with the class's loadings and regional factors of this world, scheduled as it is held."""
    draw = generator(parameters.seed, Stream.PLANNED, 100 + list(CLASSES).index(kind.name))
    geography = parameters.geography
    factors = np.exp(0.3 * draw.standard_normal(len(geography.regions)))
    families = sorted({d.family for d in geography.devices})
    by_family = np.exp(0.25 * draw.standard_normal(len(families)))
    by_activity = np.exp(0.2 * draw.standard_normal(len(geography.activities)))
    by_family, by_activity = by_family / by_family.mean(), by_activity / by_activity.mean()
    follow = parameters.elasticity if kind is MATCH else 0.0  # our own programme moves nobody else's stack
    end_ms = start_ms + kind.minutes * MINUTE_MS
    return Event(
        event_id=name,
        kind="anticipated",
        event_class=kind.name,
        title=kind.title,
        start_ms=start_ms,
        end_ms=end_ms,
        ramp=(start_ms - 20 * MINUTE_MS, start_ms + 10 * MINUTE_MS, end_ms, end_ms + 40 * MINUTE_MS),
        effect=tuple(
            (r.name, effect * float(f)) for r, f in zip(geography.regions, factors, strict=True) if r.name in regions
        ),
        by_family=tuple(zip(families, map(float, by_family), strict=True)),
        by_activity=tuple(zip((a.name for a in geography.activities), map(float, by_activity), strict=True)),
        by_stack=tuple((s.name, follow * s.elasticity) for s in geography.stacks),
        shape=kind.shape,
        scheduled_start_ms=start_ms,
        scheduled_end_ms=end_ms,
    )


def with_calendar_faults(parameters: WorldParameters, events: list[Event]) -> list[Event]:
    """Takes some planned events out of the calendar and moves others there by 45-90 minutes; exact shares, rounded."""
    draw = generator(parameters.seed, Stream.CALENDAR)
    order = draw.permutation(len(events))
    missing = round(parameters.rates.calendar_missing * len(events))
    moved = round(parameters.rates.calendar_moved * len(events))
    faulty = list(events)
    for i in order[:missing]:
        faulty[i] = replace(events[i], scheduled_start_ms=None, scheduled_end_ms=None)
    for i in order[missing : missing + moved]:
        shift = int(draw.integers(45, 91)) * MINUTE_MS * (1 if draw.random() < 0.5 else -1)
        event = events[i]
        faulty[i] = replace(
            event, scheduled_start_ms=event.start_ms + shift, scheduled_end_ms=event.end_ms + shift, moved=True
        )
    return faulty


def _events_of(
    parameters: WorldParameters, kind: EventClass, per_week: float, draw: np.random.Generator
) -> list[Event]:
    geography = parameters.geography
    begin = -clock_minute(parameters)  # Monday 00:00 on or before the start, in minutes of the world
    weeks = -(-(parameters.minutes - begin) // WEEK)
    found = []
    for number in range(round(per_week * weeks)):
        week, turn = int(number / per_week), number if per_week < 1 else number - int(per_week * int(number / per_week))
        day, hour = kind.days[turn % len(kind.days)], kind.hours[int(draw.integers(len(kind.hours)))]
        minute = begin + week * WEEK + day * 1440 + int(hour * 60)
        size = kind.mean + kind.sd * draw.standard_normal()
        sign = 1 if kind.mean > 0 else -1
        effect = sign * max(sign * size, kind.least)
        chosen = draw.permutation(len(geography.regions))[: int(draw.integers(2, 6))]
        names = {geography.regions[i].name for i in chosen}
        regions = tuple(r.name for r in geography.regions if kind.everywhere or r.name in names)
        if minute >= 30 and minute + kind.minutes + 60 < parameters.minutes:
            start_ms = parameters.start_ms + minute * MINUTE_MS
            found.append(planned_event(parameters, kind, f"{kind.name}-{number + 1}", start_ms, regions, effect))
    return found
