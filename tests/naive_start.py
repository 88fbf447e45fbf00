"""Naive twins of how rows start, from history and without it: plain floats and loops, one row at a time; see naive.py.

A history is a list of (tick's start in ms, value); no value, no entry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from tests.naive import Maybe, seasonal_phase

DAY_MS = 86_400_000
SATURDAY, SUNDAY = 2, 3  # the epoch was a Thursday


def history_buckets(
    history: Sequence[tuple[int, Maybe]], interval_ms: int, bucket_ms: int, slots: int
) -> dict[tuple[int, int], list[float]]:
    """Values by number of the cycle of `slots` buckets since the epoch, and slot; of a tick its middle decides."""
    out: dict[tuple[int, int], list[float]] = {}
    for t, value in history:
        if value is not None:
            out.setdefault(divmod((t + interval_ms // 2) // bucket_ms, slots), []).append(value)
    return out


def week_deviations(buckets: dict[tuple[int, int], list[float]], gauge: bool) -> dict[tuple[int, int], float]:
    """How far each bucket's mean is from its week's level: difference for gauges, bounded log ratio for counts.

    The level of a week is the mean of its values, for gauges that of its buckets. A week of zeros says nothing.
    """
    out = {}
    for week in {week for week, _ in buckets}:
        mine = {slot: values for (w, slot), values in buckets.items() if w == week}
        if gauge:
            level = fmean(fmean(values) for values in mine.values())
        else:
            level = fmean(value for values in mine.values() for value in values)
        for slot, values in mine.items():
            if gauge:
                out[week, slot] = fmean(values) - level
            elif level > 0:
                out[week, slot] = math.log(max(fmean(values) / level, 0.02))
    return out


def weekly_shape(deviations: dict[tuple[int, int], float], slots: int, per_day: int) -> list[float]:
    """Time of day for working days and for weekends, what weekdays add in week after week, and mean zero."""
    if slots < 7:
        return [0.0] * slots
    days = slots // per_day
    weekend = {SATURDAY, SUNDAY} if days == 7 else set()

    def base(day: int, time: int) -> float:
        every = [(s // per_day, d) for (_, s), d in deviations.items() if s % per_day == time]
        alike = [d for other, d in every if (other in weekend) == (day in weekend)]
        if len(alike) >= 2:
            return median(alike)
        return median(d for _, d in every) if every else 0.0

    shape = []
    for slot in range(slots):
        usual = base(*divmod(slot, per_day))
        left = [d - usual for (_, s), d in sorted(deviations.items()) if s == slot]
        more = 0.0
        if len(left) >= 3:
            more = median(left)
        elif len(left) == 2 and left[0] * left[1] > 0:
            more = min(left, key=abs)
        shape.append(usual + more)
    return [x - fmean(shape) for x in shape]


def leaning_shape(
    own: Sequence[float], above: Sequence[float], buckets: dict[tuple[int, int], list[float]], per_day: int,
    prior: float = 20.0,
) -> list[float]:  # fmt: skip
    """A sparse row's shape: posterior mean of each slot's rate, Gamma prior of 20 counts at the parent's shape.

    A slot that was never seen is known by as many values as a day has at its time, on the mean over a week's days.
    """
    values = [value for some in buckets.values() for value in some]
    if not values:
        return list(above)
    mean = fmean(values)
    own_mean, above_mean = fmean(map(math.exp, own)), fmean(map(math.exp, above))
    out = []
    for slot in range(len(own)):
        n: float = sum(len(some) for (_, s), some in buckets.items() if s == slot)
        if n == 0:
            alike = sum(len(some) for (_, s), some in buckets.items() if s % per_day == slot % per_day)
            n = alike / (len(own) // per_day)
        rate = math.exp(own[slot]) / max(own_mean, 1e-9) * mean
        expected = max(math.exp(above[slot]) / above_mean * mean, 1e-6)
        out.append(math.log(max((rate * n + prior) / (n + prior / expected), 1e-6)))
    return [x - fmean(out) for x in out]


def starting_level(
    buckets: dict[tuple[int, int], list[float]], shape: Sequence[float], last_ms: int, bucket_ms: int, gauge: bool
) -> Maybe:
    """Level under the shape, buckets weighted by age with a half-life of three days; None without a value."""
    top = bottom = 0.0
    for (week, slot), values in buckets.items():
        age = max(last_ms - ((week * len(shape) + slot) * bucket_ms + bucket_ms // 2), 0)
        weight = 0.5 ** (age / (3 * DAY_MS))
        for value in values:
            top += weight * (value - shape[slot] if gauge else value)
            bottom += weight * (1.0 if gauge else math.exp(shape[slot]))
    if bottom == 0:
        return None
    return top / bottom if gauge else math.log(max(top, 0.005) / bottom)


def cold_level(
    history: Sequence[tuple[int, Maybe]], season: Sequence[float], interval_ms: int, bucket_ms: int, first: int,
    gauge: bool,
) -> Maybe:  # fmt: skip
    """Running mean of the first samples with the season taken off, half a count added to the first; 0.005 at least."""
    mean: Maybe = None
    seen = 0
    for t, y in history:
        if y is None or seen == first:
            continue
        i, j, w = seasonal_phase(t, interval_ms, bucket_ms, len(season))
        usual = (1 - w) * season[i] + w * season[j]
        seen += 1
        if gauge:
            mean = y - usual if mean is None else mean + (y - usual - mean) / seen
        elif mean is None:
            mean = (max(y, 0.0) + 0.5) / math.exp(usual)
        else:
            mean = max(mean + (max(y, 0.0) / math.exp(usual) - mean) / seen, 0.005)
    return mean if gauge or mean is None else math.log(mean)
