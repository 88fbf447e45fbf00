"""Events that nobody announces: slow ones of low impact (weather), sudden ones of high impact (power cuts, news)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from connectors.simulation.geography import MOBILE_FAMILIES
from connectors.simulation.moments import moments
from connectors.simulation.parameters import WorldParameters
from connectors.simulation.rng import Stream, generator
from connectors.simulation.truth import Event

MINUTE_MS = 60_000
WEEK = 7 * 1440


def low_impact_events(parameters: WorldParameters) -> list[Event]:
    """Slow drifts of one region: three in four are losses; they rise and fall within one to three hours."""
    geography = parameters.geography
    found: list[Event] = []
    for index, region in enumerate(geography.regions):
        draw = generator(parameters.seed, Stream.LOW_IMPACT, index)
        expected = parameters.rates.low_impact_per_region_week * parameters.minutes / WEEK
        for number in range(int(draw.poisson(expected))):
            minute = int(draw.integers(0, max(parameters.minutes, 1)))
            loses = draw.random() < 0.75
            effect = -draw.uniform(0.07, 0.25) if loses else draw.uniform(0.06, 0.2)
            rise, body, fall = draw.integers(60, 181), draw.integers(30, 241), draw.integers(60, 181)
            found.append(
                low_impact_event(
                    parameters,
                    f"low-{region.name}-{number + 1}",
                    region.name,
                    parameters.start_ms + minute * MINUTE_MS,
                    (int(rise), int(body), int(fall)),
                    float(effect),
                    loadings=_uneven(draw, parameters),
                )
            )
    return [event for event in found if event.end_ms <= parameters.end_ms]


def low_impact_event(
    parameters: WorldParameters,
    name: str,
    region: str,
    start_ms: int,
    minutes: tuple[int, int, int],
    effect: float,
    loadings: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
) -> Event:
    """One slow drift; `minutes` are those of its rise, body and fall, `loadings` by family and by activity."""
    rise, body, fall = minutes
    end_ms = start_ms + (rise + body + fall) * MINUTE_MS
    return Event(
        event_id=name,
        kind="low_impact",
        event_class="sunny_weather" if effect < 0 else "rainy_weather",
        title="Fine weather" if effect < 0 else "Bad weather",
        start_ms=start_ms,
        end_ms=end_ms,
        ramp=(start_ms, start_ms + rise * MINUTE_MS, end_ms - fall * MINUTE_MS, end_ms),
        effect=((region, effect),),
        by_family=tuple(sorted(loadings[0].items())),
        by_activity=tuple(sorted(loadings[1].items())),
        by_stack=tuple((s.name, parameters.elasticity * s.elasticity) for s in parameters.geography.stacks),
    )


def high_impact_events(parameters: WorldParameters) -> list[Event]:
    """Sudden losses with their cause outside: power cuts of a region, breaking news on a continent."""
    draw = generator(parameters.seed, Stream.HIGH_IMPACT)
    found: list[Event] = []
    for minute in moments(parameters, draw, parameters.rates.high_impact_per_week, WEEK):
        number = len(found) + 1
        start_ms = parameters.start_ms + minute * MINUTE_MS
        onset, length = int(draw.integers(1, 6)), int(np.clip(70 * np.exp(0.6 * draw.standard_normal()), 25, 300))
        effect = float(np.log(draw.uniform(0.25, 0.75)))
        follow = tuple(float(f) for f in draw.uniform(0.4, 1.0, len(parameters.geography.stacks)))
        region = parameters.geography.regions[int(draw.integers(len(parameters.geography.regions)))]
        if draw.random() < 0.5:
            event = high_impact_event(
                parameters, f"cut-{number}", "power_cut", (region.name,), start_ms, (onset, length), effect, follow
            )
        else:
            hit = tuple(r.name for r in parameters.geography.regions if r.continent == region.continent)
            event = high_impact_event(
                parameters, f"news-{number}", "news", hit, start_ms, (onset, length), 0.6 * effect, follow
            )
        found.append(event)
    return [event for event in found if event.ramp[3] <= parameters.end_ms]


def high_impact_event(
    parameters: WorldParameters,
    name: str,
    event_class: str,
    regions: tuple[str, ...],
    start_ms: int,
    minutes: tuple[int, int],
    effect: float,
    follow: tuple[float, ...],
) -> Event:
    """One sudden event; `minutes` are those of onset and length, `follow` the elasticity of each stack."""
    onset, length = minutes
    end_ms = start_ms + length * MINUTE_MS
    families = sorted({d.family for d in parameters.geography.devices})
    mobiles = tuple((f, 0.5) for f in families if f in MOBILE_FAMILIES) if event_class == "power_cut" else ()
    return Event(
        event_id=name,
        kind="high_impact",
        event_class=event_class,
        title="Power cut" if event_class == "power_cut" else "Breaking news",
        start_ms=start_ms,
        end_ms=end_ms,
        ramp=(start_ms, start_ms + onset * MINUTE_MS, end_ms, end_ms + 30 * MINUTE_MS),
        effect=tuple((region, effect) for region in regions),
        by_family=mobiles,
        by_stack=tuple(
            (s.name, parameters.elasticity * f) for s, f in zip(parameters.geography.stacks, follow, strict=True)
        ),
    )


def _uneven(draw: np.random.Generator, parameters: WorldParameters) -> tuple[Mapping[str, float], Mapping[str, float]]:
    families = sorted({d.family for d in parameters.geography.devices})
    activities = [a.name for a in parameters.geography.activities]
    by_family = np.exp(0.3 * draw.standard_normal(len(families)))
    by_activity = np.exp(0.2 * draw.standard_normal(len(activities)))
    return (
        dict(zip(families, map(float, by_family / by_family.mean()), strict=True)),
        dict(zip(activities, map(float, by_activity / by_activity.mean()), strict=True)),
    )
