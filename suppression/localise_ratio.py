"""Which cuboids of a cube explain that an overall ratio rose or fell: a scan over all combinations of labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RatioScan:
    """How a ratio is searched; raising a penalty asks more of a cuboid before it is blamed.

    `pseudo_count` denominators of the overall rate are put under every leaf's earlier rate; `per_label` nats is the
    price of each label that a cuboid names; `most_labels` bounds its depth. A label is dropped again if the leaves
    that join without it moved at least `moved_share` as far (in logs) as those with it. Up to `most_roots` are
    blamed; each after the first must reach `least_score` nats and carry `least_share` of all that moved.
    """

    pseudo_count: float = 300.0
    per_label: float = 2.0
    most_labels: int = 3
    moved_share: float = 0.3
    most_roots: int = 3
    least_score: float = 5.0
    least_share: float = 0.1


@dataclass(frozen=True, slots=True)
class RatioRoot:
    """One blamed cuboid: `labels` are (dimension, code) pairs; `observed` and `expected` numerators inside it."""

    labels: tuple[tuple[int, int], ...]
    score: float  # log likelihood ratio less penalties, in nats
    gain: float  # the log likelihood ratio alone
    observed: float
    expected: float

    @property
    def direction(self) -> Literal["up", "down"]:
        return "up" if self.observed >= self.expected else "down"


def leaf_rates(before_value: Floats, before_cnt: Floats, pseudo_count: float = 300.0) -> Floats:
    """(N,) rate of each leaf before, drawn to the overall rate R where it had few: (value + k R) / (n + k)."""
    total = float(before_cnt.sum())
    overall = float(before_value.sum()) / total if total > 0 else 0.0
    rate: Floats = (before_value + pseudo_count * overall) / (before_cnt + pseudo_count)
    return rate


def localise_ratio(
    codes: Ints,  # (N, D) code of each dimension, -1 where a leaf does not have it
    value: Floats,  # (N,) numerator now
    cnt: Floats,  # (N,) denominator now
    before_value: Floats,  # (N,) sum of numerators before, 0 where the leaf is new
    before_cnt: Floats,  # (N,)
    scan: RatioScan = RatioScan(),
    direction: Literal["up", "down"] = "up",
) -> list[RatioRoot]:
    """Cuboids whose ratio departs most from the rest, best first; each later one after the earlier are explained away.

    With A observed and E expected inside, B and EB outside, T and ET overall, the gain of a cuboid is

        A log(A/E) + B log(B/EB) - T log(T/ET)

    counted only where its ratio moved further in `direction` than the rest. From it go `per_label` for each label and
    the log of the number of cuboids of its level. Counts of people are far more dispersed than Poisson, so the gain
    alone likes cuboids that are too narrow: a label stays only if it parts what moved from what did not (`_widen`).
    After a root is found its leaves are set to what was expected. The scan is Kulldorff (1997), "A spatial scan
    statistic", for Poisson counts; dropping labels is our own. Empty where no cuboid moved further in `direction`
    than the rest.
    """
    _check(codes, value, cnt, before_value, before_cnt)
    expected = cnt * leaf_rates(before_value, before_cnt, scan.pseudo_count)
    left = value.astype(np.float64, copy=True)
    moved = abs(float(value.sum() - expected.sum()))
    levels = _levels(codes, scan.most_labels)
    roots: list[RatioRoot] = []
    for _ in range(scan.most_roots):
        best = _best(levels, left, expected, scan, direction)
        if best is None or (roots and best[0] < scan.least_score):
            break
        score, gain, dims, group = best
        dims, members = _widen(codes, left, expected, dims, levels[dims].group == group, scan)
        first = int(np.argmax(members))
        labels = tuple((d, int(codes[first, d])) for d in dims)
        observed, usual = float(value[members].sum()), float(expected[members].sum())
        if any(root.labels == labels for root in roots) or (roots and abs(observed - usual) < scan.least_share * moved):
            break
        roots.append(RatioRoot(labels, score, gain, observed, usual))
        left[members] = expected[members]
    return roots


@dataclass(frozen=True, slots=True)
class _Level:
    group: Ints  # (N,) number of the cuboid that holds the leaf, -1 where it has not all labels
    count: int


def _levels(codes: Ints, most_labels: int) -> dict[tuple[int, ...], _Level]:
    """The cuboids of every set of dimensions, numbered in order of their codes."""
    levels = {}
    for depth in range(1, min(most_labels, codes.shape[1]) + 1):
        for dims in combinations(range(codes.shape[1]), depth):
            part = codes[:, dims]
            complete = (part >= 0).all(axis=1)
            if not complete.any():
                continue
            cuboids, number = np.unique(part[complete], axis=0, return_inverse=True)
            group = np.full(len(codes), -1, np.int64)
            group[complete] = number.reshape(-1)
            levels[dims] = _Level(group, len(cuboids))
    return levels


def _best(
    levels: dict[tuple[int, ...], _Level],
    value: Floats,
    expected: Floats,
    scan: RatioScan,
    direction: Literal["up", "down"],
) -> tuple[float, float, tuple[int, ...], int] | None:
    """(score, gain, dims, group) of the best cuboid; of equals the one of fewest labels, then of lowest codes."""
    total, total_expected = float(value.sum()), float(expected.sum())
    overall = _x_log_ratio(np.array([total]), np.array([total_expected]))[0]
    sign = 1.0 if direction == "up" else -1.0
    best: tuple[float, float, tuple[int, ...], int] | None = None
    for dims, level in levels.items():
        inside = level.group >= 0
        a = np.asarray(np.bincount(level.group[inside], value[inside], level.count), np.float64)
        e = np.asarray(np.bincount(level.group[inside], expected[inside], level.count), np.float64)
        b, eb = np.maximum(total - a, 0.0), np.maximum(total_expected - e, 0.0)
        gain = _x_log_ratio(a, e) + _x_log_ratio(b, eb) - overall
        further = sign * (a * eb - b * e) > 0
        score = np.where(further, gain, -np.inf) - scan.per_label * len(dims) - np.log(level.count)
        top = int(np.argmax(score))
        if np.isfinite(score[top]) and (best is None or score[top] > best[0] + 1e-9):
            best = (float(score[top]), float(gain[top]), dims, top)
    return best


def _widen(
    codes: Ints, value: Floats, expected: Floats, dims: tuple[int, ...], members: NDArray[np.bool_], scan: RatioScan
) -> tuple[tuple[int, ...], NDArray[np.bool_]]:
    """Drops the labels that do not part what moved from what did not, the least telling first."""
    while len(dims) > 1:
        inside = _moved(value, expected, members)
        share, drop, wider = max(
            (
                (_moved(value, expected, rest) / inside, drop, rest | members)
                for drop, rest in _rests(codes, dims, members)
            ),
            key=lambda option: option[0],
        )
        if not share >= scan.moved_share:
            break
        dims, members = tuple(d for d in dims if d != drop), wider
    return dims, members


def _rests(codes: Ints, dims: tuple[int, ...], members: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.bool_]]]:
    """For each label of a cuboid the leaves that would join if it were dropped."""
    first = codes[int(np.argmax(members))]
    out = []
    for drop in dims:
        kept = [d for d in dims if d != drop]
        out.append((drop, (codes[:, kept] == first[kept]).all(axis=1) & ~members))
    return out


def _moved(value: Floats, expected: Floats, rows: NDArray[np.bool_]) -> float:
    """Log ratio of observed to expected, drawn to nothing where little was expected."""
    return float(np.log((value[rows].sum() + 3.0) / (expected[rows].sum() + 3.0)))


def _x_log_ratio(x: Floats, e: Floats) -> Floats:
    """x log(x/e), 0 where x is 0; expectations of nothing are lifted to a millionth."""
    safe = np.maximum(x, 1e-300)
    out: Floats = np.where(x > 0, x * np.log(safe / np.maximum(e, 1e-6)), 0.0)
    return out


def _check(codes: NDArray[Any], *arrays: NDArray[Any]) -> None:
    assert codes.ndim == 2, f"codes: expected (N, D), got shape {codes.shape}"
    for array in arrays:
        assert array.shape == (len(codes),), f"expected one number per leaf ({len(codes)},), got {array.shape}"
