"""Naive twins of `ensemble.consistency`, with plain floats and loops; None is NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence

Maybe = float | None


def operating_point(calm: Sequence[Maybe], rate: float) -> float:
    """The calm score of rank floor(rate n) from the top."""
    known = sorted((s for s in calm if s is not None), reverse=True)
    return known[min(math.floor(rate * len(known)), len(known) - 1)] if known else math.inf


def class_utility(scores: Sequence[tuple[Maybe, bool]], point: float) -> Maybe:
    """2 TNR TPR / (TNR + TPR) of one class's (score, is it real)."""
    calm = [s for s, is_real in scores if s is not None and not is_real]
    real = [s for s, is_real in scores if s is not None and is_real]
    if not calm or not real:
        return None
    tnr = sum(s <= point for s in calm) / len(calm)
    tpr = sum(s > point for s in real) / len(real)
    return 2 * tnr * tpr / (tnr + tpr) if tnr + tpr else 0.0


def opis(utilities: Sequence[Sequence[Maybe]]) -> Maybe:
    """By class, by operating point."""
    known = [[u for u in row if u is not None] for row in utilities if None not in row]
    if len(known) < 2:
        return None
    squares = []
    for d in range(len(known[0])):
        mean = sum(row[d] for row in known) / len(known)
        squares += [(row[d] - mean) ** 2 for row in known]
    return sum(squares) / len(squares)


def edge_opis(utilities: Sequence[Sequence[Maybe]], edge: float) -> Maybe:
    known = [[u for u in row if u is not None] for row in utilities if None not in row]
    if len(known) < 2:
        return None
    n = max(math.floor(edge * len(known)), 1)
    gaps = []
    for d in range(len(known[0])):
        ranked = sorted(row[d] for row in known)
        gaps.append(sum(ranked[-n:]) / n - sum(ranked[:n]) / n)
    return sum(gap**2 for gap in gaps) / len(gaps)


def spread(events: Sequence[float], exposure: Sequence[float]) -> Maybe:
    logs = [math.log10(max(n, 0.5) / w) for n, w in zip(events, exposure, strict=True) if w > 0]
    if len(logs) < 2:
        return None
    mean = sum(logs) / len(logs)
    return math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs))
