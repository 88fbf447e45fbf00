"""Naive twins of how tails are blended and fitted, rows scaled, and fused scores ranked; see tests/naive.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from tests.naive import Maybe, clip, exceeded_with, weibull_tail

LOW, HIGH, BINS = 0.2, 60.0, 64
FIT_P = (0.2, 0.1, 0.05, 0.02, 0.01)


EDGES = [LOW * (HIGH / LOW) ** (k / BINS) for k in range(BINS + 1)]  # sizes at which bins begin, and the end


def edge(k: int) -> float:
    return EDGES[k]


def sides(down: Sequence[float], up: Sequence[float], total: float, alike_at: float = 200_000.0) -> list[list[float]]:
    """Histograms of both signs, each moved to their mean by as much as little has been seen."""
    own = total / (total + alike_at)
    return [
        [own * mine + (1 - own) * (d + u) / 2 for mine, d, u in zip(side, down, up, strict=True)] for side in (down, up)
    ]


def blended_tail(
    own: tuple[Sequence[float], float], pool: tuple[Sequence[float], float], weight_at: float = 20_000.0
) -> tuple[float, float]:
    """a and b of a class: its quantiles and those of all classes by what it has seen, whichever is there."""
    (own_hist, own_total), (pool_hist, pool_total) = own, pool
    w = own_total / (own_total + weight_at)
    mixed: list[Maybe] = []
    for p in FIT_P:
        mine, all_ = (
            exceeded_with(own_hist, max(own_total, 1e-9), p),
            exceeded_with(pool_hist, max(pool_total, 1e-9), p),
        )
        if mine is None or all_ is None:
            mixed.append(all_ if mine is None else mine)
        else:
            mixed.append(w * mine + (1 - w) * all_)
    return weibull_tail(mixed, FIT_P)


def row_scales(worst: Sequence[float], classes: Sequence[int], seen: Sequence[float]) -> list[float]:
    """Worst hours of each row over those usual in its class, from a quarter to four.

    Usual = geometric mean of the class, drawn to that of all rows (each by its class's share) the less it has seen.
    """
    share = [n / (n + 20_000.0) for n in seen]
    logs = [[math.log(w) for w, c in zip(worst, classes, strict=True) if c == of] for of in range(len(seen))]
    weights = [len(rows) * (w + 1e-6) for rows, w in zip(logs, share, strict=True)]
    all_ = sum(w * fmean(rows) for rows, w in zip(logs, weights, strict=True) if rows) / sum(weights)
    out = []
    for mine, of in zip(worst, classes, strict=True):
        usual = share[of] * fmean(logs[of]) + (1 - share[of]) * all_
        out.append(clip(mine / math.exp(usual), 0.25, 4.0))
    return out


def share_beyond(hist: Sequence[float], total: float, size: float) -> float:
    """Share of values that are as large: exact at a bin's start, log-linear inside, linear where nothing follows."""
    if size <= edge(0):
        return sum(hist) / total
    k = max(i for i in range(BINS) if EDGES[i] <= size)
    here, next_ = sum(hist[k:]) / total, sum(hist[k + 1 :]) / total
    inside = math.log(size / edge(k)) / math.log(edge(k + 1) / edge(k))
    return here * (next_ / here) ** inside if next_ > 0 else here * (1 - inside)


def ranked_surprise(hist: Sequence[float], total: float, size: float) -> Maybe:
    """-log10 of that share; beyond the size that .5 % exceed, exponential with the mean excess over it."""
    if sum(hist) < 5:
        return None
    joint, p = edge(0), sum(hist) / total
    if p >= 0.005:
        low, high, p = edge(0), edge(BINS), 0.005
        for _ in range(60):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if share_beyond(hist, total, middle) >= p else (low, middle)
        joint = low
    if size <= joint:
        return -math.log10(share_beyond(hist, total, size))
    excess = mass = 0.0
    for k in range(BINS):
        start, end = max(edge(k), joint), edge(k + 1)
        if end > joint:
            beyond = p if start == joint else sum(hist[k:]) / total
            piece = max(beyond - sum(hist[k + 1 :]) / total, 0.0)
            mass += piece
            excess += piece * (math.sqrt(start * end) - joint)
    return -math.log10(p) + (size - joint) / max(excess / mass, 0.3) / math.log(10)


def come_back(deviations: Sequence[float], sign: int) -> bool:
    """Is the longest deviation in that direction, and the shortest less than a quarter of it?"""
    return sign * deviations[-1] > 0 and sign * deviations[0] < 0.25 * sign * deviations[-1]
