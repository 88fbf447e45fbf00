"""Absence and the law of gaps for one row, tick by tick in plain numbers."""

from __future__ import annotations

import math

from detector.timing import DAY_MS, WEEK_MS


def gaps(t_ms: list[int], there: list[bool], interval_ms: int) -> tuple[list[float], list[float], float]:
    """Gap in due ticks at each tick, lengths of those that ended at it (0 for none), and how regular it is at last."""
    day = max(1, min(48, DAY_MS // interval_ms))
    week = max(1, min(168, WEEK_MS // interval_ms))
    daily, weekly = [1.0] * day, [1.0] * week
    gap, out, ended = 0.0, [], []
    for t, seen in zip(t_ms, there, strict=True):
        d, w = t % DAY_MS * day // DAY_MS, t % WEEK_MS * week // WEEK_MS
        ended.append(gap if seen else 0.0)
        due = min(max((min(daily[d], weekly[w]) / max(max(daily), 1e-3) - 0.5) * 2, 0), 1)
        gap = 0.0 if seen else gap + due
        out.append(gap)
        daily[d] += (1 - 0.8 ** min(1, day * interval_ms / DAY_MS)) * (seen - daily[d])
        weekly[w] += (1 - 0.7 ** min(1, week * interval_ms / WEEK_MS)) * (seen - weekly[w])
    usual = [share for share in daily if share >= max(daily) / 2]
    return out, ended, sum(usual) / len(usual)


def foretold(counts: list[float], weeks: float, interval_ms: int) -> list[float]:
    """Gaps a week by power of two of a row alone; a week of knowledge has 2,016 ticks at least."""
    known = weeks * min(1, WEEK_MS / interval_ms / 2016)
    e: list[float] = []
    for count in counts:
        h = count / max(weeks, 1e-9)
        if not e:
            e.append((known * h + 1) / (known + 1))
        else:
            fall = 0.5 if len(e) == 1 else min(0.5, e[1] / e[0])
            e.append((known * (h if h > 2 else min(h, fall * e[-1])) + e[-1] / 4) / (known + 1))
    return e


def rate(e: list[float], gap: float) -> float:
    at = math.log2(max(gap, 1))
    j = min(int(at), len(e) - 1)
    return sum(e[j + 1 :]) + min(max(1 - (at - j), 0), 1) * e[j]
