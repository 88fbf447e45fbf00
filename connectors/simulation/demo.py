"""The demo's world: four quiet weeks with matches, then ten hours in which four things happen, ending when told."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from connectors.simulation.geography import Geography, Where, make_geography
from connectors.simulation.parameters import MINUTES_PER_DAY, Noise, Rates, Volume, WorldParameters
from connectors.simulation.planned import MATCH, planned_event
from connectors.simulation.truth import Event, IncidentPlan
from connectors.simulation.unplanned import high_impact_event, low_impact_event
from connectors.simulation.world import World
from detector.errors import ConfigError

MINUTE_MS = 60_000
MATCH_REGIONS = ("eu-1", "eu-2")
SUNNY_REGION = "na-1"
NEWS_REGION = "na-3"
FAILED: Where = (("device", ("tv-2",)), ("region", ("eu-1",)))
LIVE_CLOCK = 2 * 1440 + 12 * 60  # minute of the week at which the live hours begin: a Wednesday, noon UTC
LIVE_HOURS = 10
MATCH_MINUTE = 190  # of the live hours; earlier matches were at the same time of day


class Demo(NamedTuple):
    """The world, where its live hours begin, and its four situations."""

    world: World
    live_from_minute: int
    match: Event
    sunny: Event
    news: Event
    failure: IncidentPlan


def demo_geography() -> Geography:
    """240 watched leaves on 8 devices, 6 regions, 5 activities, and 18 witnesses."""
    return make_geography({"phone": 3, "tv": 3, "browser": 2}, {"eu": 3, "na": 3})


def demo_world(end_ms: int, seed: int = 3, days: int = 28, hours: int = LIVE_HOURS) -> Demo:
    """The demo, ending at `end_ms` (cut to the minute); the same bytes whenever it is run.

    In order: fine weather on the first region of one continent; a match in two regions of the other one and, while
    it lasts, a device failing in one of these; breaking news in a third place. The world keeps its own clock, so that
    neither the hour nor the weekday of `end_ms` changes what happens; only the calendar names true times.
    """
    if days < 1 or hours < LIVE_HOURS:
        raise ConfigError(f"demo: expected at least 1 day and {LIVE_HOURS} hours, got {days} and {hours}")
    live_from = days * MINUTES_PER_DAY
    minutes = live_from + hours * 60
    start_ms = end_ms // MINUTE_MS * MINUTE_MS - minutes * MINUTE_MS
    base = WorldParameters(
        seed=seed,
        start_ms=start_ms,
        minutes=minutes,
        history_days=days,
        geography=demo_geography(),
        volume=Volume(16.0, region_sd=0.3, device_sd=0.4, cell_sd=0.2, leaf_sd=0.1, night_floor=0.4),
        noise=Noise(scale=0.7),
        rates=Rates(gaps_per_leaf_day=0.02).only("gap"),
        clock_minute=(LIVE_CLOCK - live_from) % (7 * MINUTES_PER_DAY),
    )

    def at(minute: int) -> int:
        """Time of a minute of the live hours."""
        return start_ms + (live_from + minute) * MINUTE_MS

    sunny = low_impact_event(base, "sunny", SUNNY_REGION, at(5), (300, 60, 100), float(np.log(0.77)))
    match = _match(base, "match-tonight", at(MATCH_MINUTE), MATCH_REGIONS, -0.40)
    failure = IncidentPlan("device_region", FAILED, at(230), at(280), depth=0.7, onset_minutes=2)
    news = high_impact_event(
        base, "breaking-news", "news", (NEWS_REGION,), at(420), (3, 90), float(np.log(0.5)), (0.8, 0.6, 0.7)
    )
    script = (*_past_matches(base, live_from), sunny, match, news)
    world = World(replace(base, events=script, incidents=(failure,)))
    return Demo(world, live_from, match, sunny, news, failure)


def _past_matches(base: WorldParameters, live_from: int) -> list[Event]:
    """A match every second day of the history, at the time of day of tonight's, in two or three regions."""
    names = [region.name for region in base.geography.regions]
    days = range((live_from // MINUTES_PER_DAY - 1) % 2, live_from // MINUTES_PER_DAY, 2)
    sizes = np.random.Generator(np.random.SFC64(base.seed)).normal(-0.38, 0.05, len(days))
    found = []
    for number, day in enumerate(days):
        others = names[2 + number % 4 : 3 + number % 4] if number % 2 else []
        start_ms = base.start_ms + (day * MINUTES_PER_DAY + MATCH_MINUTE) * MINUTE_MS
        found.append(_match(base, f"match-{number + 1}", start_ms, (*MATCH_REGIONS, *others), float(sizes[number])))
    return found


def _match(base: WorldParameters, name: str, start_ms: int, regions: tuple[str, ...], effect: float) -> Event:
    """A match without half-time, of one size in every region and of nearly one size for all who use the service.

    So its effect is what the script says; loadings that nobody has learnt yet keep a third of their spread.
    """
    event = planned_event(base, MATCH, name, start_ms, regions, effect)

    def mild(loadings: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
        return tuple((value, 1 + (loading - 1) / 3) for value, loading in loadings)

    return replace(
        event,
        shape="plain",
        effect=tuple((region, effect) for region in event.regions),
        by_family=mild(event.by_family),
        by_activity=mild(event.by_activity),
    )
