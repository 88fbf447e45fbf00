"""Incidents of the service: which kind falls where, when, how deep and for how long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.simulation.geography import Where
from connectors.simulation.moments import moments
from connectors.simulation.parameters import WorldParameters
from connectors.simulation.rng import Stream, generator
from connectors.simulation.truth import Event, IncidentPlan, IncidentShape

MINUTE_MS = 60_000
SHARES: dict[str, float] = {
    "device_region": 0.20,
    "activity_region": 0.11,
    "leak": 0.18,
    "region": 0.09,
    "device": 0.08,
    "spike": 0.08,
    "family_region": 0.07,
    "zero": 0.06,
    "leaf": 0.05,
    "stuck": 0.04,
    "multi_device": 0.04,
}


def incident_plans(
    parameters: WorldParameters, log_volume: NDArray[np.float64], high_impact: list[Event]
) -> list[IncidentPlan]:
    """Draws all incidents; `log_volume` (devices, regions, activities) makes busy places likelier (square root).

    With `forced_overlap` each starts inside a high-impact event and, where it has a region, in one of the event's.
    """
    draw = generator(parameters.seed, Stream.INCIDENTS)
    plans: list[IncidentPlan] = []
    for minute in moments(parameters, draw, parameters.rates.incidents_per_day, 1440):
        inside: Event | None = None
        if parameters.forced_overlap and high_impact:
            inside = high_impact[int(draw.integers(len(high_impact)))]
            last = max((inside.end_ms - inside.start_ms) // MINUTE_MS, 1)
            minute = (inside.start_ms - parameters.start_ms) // MINUTE_MS + int(draw.integers(last))
        plan = _plan(parameters, np.exp(0.5 * log_volume), minute, draw, inside)
        if plan.end_ms <= parameters.end_ms and not any(_clash(plan, other) for other in plans):
            plans.append(plan)
    return plans


def _plan(
    parameters: WorldParameters,
    weight: NDArray[np.float64],
    minute: int,
    draw: np.random.Generator,
    inside: Event | None,
) -> IncidentPlan:
    shares = np.array(list(SHARES.values()))
    kind = list(SHARES)[int(draw.choice(len(SHARES), p=shares / shares.sum()))]
    if inside is not None:
        busy = np.array([r.name in inside.regions for r in parameters.geography.regions])
        weight = weight * busy[None, :, None]
    where = _where(kind, parameters, weight, draw)
    minutes = int(np.clip(55 * np.exp(0.6 * draw.standard_normal()), 15, 300))
    depth = min(0.12 + 0.9 * float(draw.random()) ** 1.3, 1.0)
    onset, shape = int(draw.integers(1, 5)), "step"
    if kind == "leak":
        minutes, shape = int(draw.integers(120, 421)), "leak"
    elif kind == "spike":
        depth = -float(draw.uniform(0.5, 3.0))
    elif kind in ("zero", "stuck"):
        depth, shape = (1.0 if kind == "zero" else 0.0), kind
    elif kind == "multi_device":
        depth = max(depth, 0.2)
    start_ms = parameters.start_ms + minute * MINUTE_MS
    known: IncidentShape = shape  # type: ignore[assignment]
    return IncidentPlan(kind, where, start_ms, start_ms + minutes * MINUTE_MS, depth, onset, known)


def _where(kind: str, parameters: WorldParameters, weight: NDArray[np.float64], draw: np.random.Generator) -> Where:
    geography = parameters.geography
    flat = weight.ravel() / weight.sum()
    d, r, a = np.unravel_index(int(draw.choice(flat.size, p=flat)), geography.shape)
    device, region = geography.devices[d], geography.regions[r]
    at_region = ("region", (region.name,))
    narrow = draw.random()
    if kind in ("leak", "spike"):  # half on a device, the rest on an activity or all of the region
        kind = "device_region" if narrow < 0.5 else "activity_region" if narrow < 0.75 or kind == "spike" else "region"
    if kind == "region":
        return (at_region,)
    if kind == "device":
        return (("device", (device.name,)),)
    if kind == "family_region":
        return (("device.family", (device.family,)), at_region)
    if kind == "activity_region":
        return (at_region, ("activity", (geography.activities[a].name,)))
    if kind in ("leaf", "stuck") or (kind == "zero" and narrow < 0.5):
        return (("device", (device.name,)), at_region, ("activity", (geography.activities[a].name,)))
    if kind == "multi_device":
        others = draw.permutation(len(geography.devices))[: int(draw.integers(2, 5))]
        return (("device", tuple(sorted(geography.devices[i].name for i in others))), at_region)
    return (("device", (device.name,)), at_region)


def _clash(plan: IncidentPlan, other: IncidentPlan) -> bool:
    """Do both hold at one time and, as far as regions and devices tell, in one place?"""
    if plan.end_ms <= other.start_ms or other.end_ms <= plan.start_ms:
        return False
    mine, theirs = dict(plan.where), dict(other.where)
    return all(set(mine[name]) & set(theirs[name]) for name in ("region", "device") if name in mine and name in theirs)
