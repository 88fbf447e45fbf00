"""Naive twins of what judges series without peers: plain floats and loops, one row at a time; see tests/naive.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, fmean, median

from tests.naive import Maybe, clip

# -- the link (detector/link.py) -------------------------------------------------------------------------------------


def linked(y: float, power: float, unit: float, centre: float, scale: float) -> float:
    """(f(y/unit) - centre)/scale, f a power of y/unit + 0.01; the logarithm below 0.1, the identity from 1 on."""
    v = y / unit
    if power >= 1:
        shaped = v
    else:
        positive = max(v, 0.0) + 0.01
        shaped = math.log(positive) if power < 0.1 else positive**power
    return (shaped - centre) / scale


def unlinked(x: float, power: float, unit: float, centre: float, scale: float) -> float:
    shaped = x * scale + centre
    if power >= 1:
        return shaped * unit
    raised = math.exp(shaped) if power < 0.1 else max(shaped, 0.0) ** (1 / power)
    return max(raised - 0.01, 0.0) * unit


def stabilising_power(values: Sequence[float]) -> float:
    """1 - slope of log spread on log level over windows of twelve, between the outer thirds; 30 windows say 1."""
    points = []
    windows = len(values) // 12
    if windows < 8:
        return 1.0
    for w in range(windows):
        window = values[12 * w : 12 * w + 12]
        level = median(window)
        spread = fmean(abs(b - a) for a, b in pairwise(window))
        if level > 0 and spread > 0:
            points.append((math.log(level), math.log(spread)))
    n = len(points)
    if n < 8:
        return 1.0
    points.sort(key=lambda point: point[0])
    third = max(1, n // 3)
    low, high = points[:third], points[-third:]
    span = median(x for x, _ in high) - median(x for x, _ in low)
    if span <= 0.3:
        return 1.0
    slope = (median(y for _, y in high) - median(y for _, y in low)) / span
    return (n * clip(1 - slope, 0, 1) + 30) / (n + 30)


def chosen_link(history: Sequence[Maybe]) -> tuple[float, float, float, float]:
    """Power, unit, centre and scale from the values of a history."""
    values = [v for v in history if v is not None]
    if len(values) < 24:
        return 1.0, 1.0, 0.0, 1.0
    if min(values) < 0:
        power = 1.0
    elif sum(v == 0 for v in values) > len(values) / 2:
        power = 0.25
    else:
        power = stabilising_power(values)
    unit = median(abs(v) for v in values) or fmean(abs(v) for v in values) or 1.0
    shaped = [linked(v, power, unit, 0.0, 1.0) for v in values]
    centre = median(shaped)
    spread = 1.25 * fmean(abs(s - centre) for s in shaped)
    return power, unit, centre, spread if spread > 0 else max(abs(centre) * 0.01, 1e-3)


# -- the first season (detector/season_start.py) ---------------------------------------------------------------------


def cycle_median(
    t_ms: Sequence[int], x: Sequence[Maybe], interval_ms: int, cycle_ms: int, slots: int, least: int
) -> list[float]:
    """Median over cycles of a slot's mean less the median of its cycle's slots, shrunk by n/(n + 1)."""
    means: dict[int, dict[int, list[float]]] = {}
    for t, value in zip(t_ms, x, strict=True):
        if value is not None:
            middle = t + interval_ms // 2
            slot = min(middle % cycle_ms * slots // cycle_ms, slots - 1)
            means.setdefault(middle // cycle_ms, {}).setdefault(slot, []).append(value)
    deviations: list[list[float]] = [[] for _ in range(slots)]
    for cycle in means.values():
        of_slot = {slot: fmean(values) for slot, values in cycle.items()}
        middle_of_cycle = median(of_slot.values())
        for slot, mean in of_slot.items():
            deviations[slot].append(mean - middle_of_cycle)
    return [median(d) * len(d) / (len(d) + 1) if len(d) >= least else 0.0 for d in deviations]


# -- worst hours, recent peaks, entities (ensemble/) -----------------------------------------------------------------


def block_peaks(t_ms: Sequence[int], z: Sequence[Maybe], interval_ms: int, block: int) -> list[float]:
    """Largest |z| of every block that ended; blocks stand on multiples of their length since the epoch."""
    out: list[float] = []
    peak: Maybe = None
    for t, value in zip(t_ms, z, strict=True):
        if value is not None:
            peak = abs(value) if peak is None else max(peak, abs(value))
        if (t // interval_ms + 1) % block == 0 and peak is not None:
            out.append(peak)
            peak = None
    return out


def gaussian_unit(block: int, share: float = 0.1) -> float:
    """Log of the 1 - share quantile of the largest |z| of a block of independent Gaussians, in mean absolute values."""
    tail = 1 - (1 - share) ** (1 / block)
    return math.log(NormalDist().inv_cdf(1 - tail / 2) / 0.8)


def peak_histogram(peaks: Sequence[float], half_life: float, bins: int = 64) -> list[float]:
    """Decayed counts by log of the peak, from 1 to 10,000."""
    hist = [0.0] * bins
    for peak in peaks:
        hist = [count * 0.5 ** (1 / half_life) for count in hist]
        hist[min(int(math.log(max(peak, 1)) / (math.log(1e4) / bins)), bins - 1)] += 1
    return hist


def worst_hour_units(hists: Sequence[Sequence[float]], block: int, pseudo: float, share: float = 0.1) -> list[float]:
    """Log units of rows: the own quantile, linear within its bin, leaning on the median of rows and two Gaussians."""
    step = math.log(1e4) / 64
    own, totals = [], []
    for hist in hists:
        total = sum(hist)
        wanted = share * total
        above = [sum(hist[k:]) for k in range(len(hist))]
        last = max([k for k, a in enumerate(above) if a >= wanted], default=0)
        unit = 0.0
        if total > 0 and last > 0:
            unit = (last + clip((above[last] - wanted) / max(hist[last], 1e-6), 0, 1)) * step
        own.append(unit)
        totals.append(total)
    pool = median([*(u for u, n in zip(own, totals, strict=True) if n >= 3), *[gaussian_unit(block, share)] * 2])
    return [(u * n + pool * pseudo) / (n + pseudo) for u, n in zip(own, totals, strict=True)]


def peak_half_life(interval_ms: int, budget: float) -> float:
    """Half a day below five minutes; else two days over the budget, one from half an hour on; half to sixty days."""
    if interval_ms < 300_000:
        return 43_200_000
    days = 2 if interval_ms < 1_800_000 else 1
    return clip(days / budget, 0.5, 60) * 86_400_000


def damped(s: Sequence[Maybe], share: float, keep: float, delay: int) -> list[Maybe]:
    """s over what is left of the largest s of more than `delay` ticks ago, where that is above one."""
    out: list[Maybe] = []
    for t, now in enumerate(s):
        memory = 0.0
        for u in range(t - delay):
            value = s[u]
            memory = max(memory, (value if value is not None else 0.0) * keep ** (t - 1 - delay - u))
        out.append(None if now is None else now / max(1.0, share * memory))
    return out


def known_loudness(
    x: Sequence[Maybe], z: Sequence[Maybe], delay: int, ticks_a_day: int, weeks: float, loud: float
) -> list[float | None]:
    """How loud a move is by where it leads, in the range of values of more than `delay` ticks ago; tick 0 is midnight.

    The first value is known at once. None where nothing came.
    """
    out: list[float | None] = []
    high = low = next((value for value in x if value is not None), 0.0)
    for t, (value, side) in enumerate(zip(x, z, strict=True)):
        if value is None or side is None:
            out.append(None)
        else:
            away = value - low if side > 0 else high - value
            width = max(high - low, 0.03)
            share = clip(1 + (away - (high - low)) / width, 0.3, 2)
            out.append(loud * (share if share > 1 else math.sqrt(share)))
        if t % ticks_a_day == 0:
            shrink = 0.5 * (high - low) * (1 - 0.5 ** (1 / (7 * weeks)))
            high, low = high - shrink, low + shrink
        known = x[t - delay] if t >= delay else None
        if known is not None:
            high, low = max(high, known), min(low, known)
    return out


def voiced_share(s: Sequence[Maybe], cap: float) -> list[float] | None:
    """Share of each metric in the sum of capped scores; None where nobody said anything."""
    capped = [0.0 if value is None else min(value, cap) for value in s]
    total = sum(capped)
    return [value / total for value in capped] if total > 0 else None


# -- the law of openings (ensemble/opening_law.py) -------------------------------------------------------------------


def opened_above(s: Sequence[Maybe], level: float, close_ticks: int) -> int:
    """How often a row rose above a level after so many ticks that were not above it."""
    count, calm = 0, 1 << 20
    for value in s:
        above = value is not None and value > level
        if above and calm >= close_ticks:
            count += 1
        calm = 0 if above else calm + 1
    return count


def opening_law(
    opened: tuple[float, float], weeks: float, prior_rate: float, prior_exponent: float, prior_openings: float
) -> tuple[float, float]:
    """Openings a series-week at 0.8 and the exponent of their power law between 0.8 and 1.2, pulled to the prior."""
    extra = prior_openings / prior_rate
    low, high = (
        (seen + prior_openings * level**-prior_exponent) / (weeks + extra)
        for seen, level in zip(opened, (0.8, 1.2), strict=True)
    )
    return low, clip(math.log(low / high) / math.log(1.2 / 0.8), 2.5, 6.0)


def opening_surprise(s: float) -> float:
    """-log10 of a tenth of an hour's minutes, times s to the minus third power; from 0 to 15."""
    return clip(-math.log10(0.1 / 60 * s**-3), 0.0, 15.0)
