"""Naive twin of how series without peers learn: one row, plain floats, lists for the arrays; see tests/naive.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean

from tests.naive import Maybe, clip

DAY_MS = 86_400_000
FAST = 3  # levels that are judged, with half-lives of 2, 5 and 15 ticks; the fourth is the slow one
YOUNG = 100


@dataclass
class Row:
    """Memory of one row: profiles by slot, levels and scales by expert and half-life, a clock by half-life and hour."""

    daily: list[float]
    weekly: list[float]
    base: list[float]
    level: list[list[float]]
    scale: list[list[float]]
    clock: list[list[float]]
    drift: list[float]
    seen: int = 0


@dataclass
class Settings:
    """The kernel's parameters, by the same names; `half_lives` in ticks, `alpha` a settled scale's share."""

    interval_ms: int
    clip: float
    outlier: float
    season_gain: float
    tolerance: float
    floor: float
    wild: float
    wild_rate: float
    half_lives: list[float]
    alpha: float


def place(t_ms: int, interval_ms: int, cycle_ms: int, slots: int) -> tuple[int, int, float]:
    """The slots around the tick's middle and the weight of the later one; a slot's value stands at its middle."""
    at = math.fmod(t_ms + interval_ms / 2, cycle_ms) / (cycle_ms / slots) - 0.5
    before = math.floor(at)
    return before % slots, (before + 1) % slots, at - before


def seasons(row: Row, settings: Settings, t_ms: int) -> list[float]:
    """What the three experts take off: nothing, the time of day, the time of day and of the week."""
    out = [0.0]
    for profile, cycle_ms in ((row.daily, DAY_MS), (row.weekly, 7 * DAY_MS)):
        i, j, w = place(t_ms, settings.interval_ms, cycle_ms, len(profile))
        out.append(out[-1] + (1 - w) * profile[i] + w * profile[j])
    return out


def heard(row: Row, settings: Settings, x: float, season: list[float]) -> list[tuple[float, float]]:
    """Per fast level innovation and scale of the least surprised expert among those that are about the best."""
    out = []
    for h in range(FAST):
        scales = [max(row.scale[k][h], settings.floor) for k in range(3)]
        good = [k for k in range(3) if scales[k] <= settings.tolerance * min(scales)]
        best = min(good, key=lambda k: abs(x - season[k] - row.level[k][h]) / scales[k])
        out.append((x - season[best] - row.level[best][h], scales[best]))
    return out


def drift(row: Row, settings: Settings) -> float:
    """The second fast level less the slow one, in its usual size, of the least surprised expert among the best."""
    sizes = [max(size, settings.floor) for size in row.drift]
    moved = [(row.level[k][1] - row.level[k][-1]) / sizes[k] for k in range(3)]
    good = [k for k in range(3) if sizes[k] <= settings.tolerance * min(sizes)]
    return moved[min(good, key=lambda k: abs(moved[k]))]


def learn(row: Row, settings: Settings, t_ms: int, x: Maybe, rate: float) -> None:
    """One tick: clock, usual drift, levels and scales by what is expected without the clock, bases and seasons."""
    if x is None:
        return
    season = seasons(row, settings, t_ms)
    if row.seen == 0:
        row.level = [[x - season[k]] * len(settings.half_lives) for k in range(3)]
        row.base = [x - season[1], x - season[2]]
    row.seen += 1
    young = 1 / row.seen
    hour = t_ms % DAY_MS * 24 // DAY_MS
    voices = heard(row, settings, x, season)
    spread = [max(scale * row.clock[h][hour], settings.floor) for h, (_, scale) in enumerate(voices)]
    z = fmean(e / s for (e, _), s in zip(voices, spread, strict=True))
    followed = rate * (settings.wild_rate if abs(z) > settings.wild and row.seen > YOUNG else 1.0)
    for h, (e, scale) in enumerate(voices):
        ratio = min(abs(e) / scale, settings.outlier)
        share = rate * min(1.0, max(24 * settings.alpha, young))
        row.clock[h][hour] = max(row.clock[h][hour] + share * (ratio - row.clock[h][hour]), 0.2)
    for k in range(3):
        if 300_000 <= settings.interval_ms < 1_800_000:  # elsewhere drift is not heard
            moved = abs(row.level[k][1] - row.level[k][-1])
            limit = max(row.drift[k], settings.floor)
            row.drift[k] += rate * max(settings.alpha, min(young, 0.5)) * (min(moved, 4 * limit) - row.drift[k])
        for h, half_life in enumerate(settings.half_lives):
            e = x - season[k] - row.level[k][h]
            limit = max(row.scale[k][h], settings.floor)
            gain = max(1 - 0.5 ** (1 / half_life), min(young, 0.5))
            row.level[k][h] += followed * gain * clip(e, -settings.clip * limit, settings.clip * limit)
            share = followed * max(settings.alpha, min(young, 0.5))
            row.scale[k][h] += share * (min(abs(e), settings.outlier * limit) - row.scale[k][h])
    for k, (profile, cycle_ms) in enumerate(((row.daily, DAY_MS), (row.weekly, 7 * DAY_MS))):
        limit = 3 * max(row.scale[k + 1][-1], settings.floor)
        e = rate * clip(x - season[k + 1] - row.base[k], -limit, limit)
        row.base[k] += (4 * settings.alpha if row.seen > YOUNG else young) * e
        if len(profile) > 1:
            ticks_a_slot = max(1.0, DAY_MS / settings.interval_ms / len(row.daily))
            i, j, w = place(t_ms, settings.interval_ms, cycle_ms, len(profile))
            profile[i] += settings.season_gain / ticks_a_slot * (1 - w) * e
            profile[j] += settings.season_gain / ticks_a_slot * w * e
