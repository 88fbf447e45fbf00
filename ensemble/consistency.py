"""Does one threshold mean the same everywhere? Utility, its inconsistency and the spread of rates over classes.

One threshold serves series of all volumes, regions and devices; where scores are not comparable, one class pages too
much and another is deaf. OPIS (operating-point inconsistency score) and eps-OPIS are those of Zhang et al. 2024,
"Threshold-Consistent Margin Loss for Open-World Deep Metric Learning", with a mean over operating points for their
integral. OPIS rewards scores that are equally bad: read it beside the utility and the spread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats, Ints

FALSE_RATES = tuple(float(d) for d in np.logspace(-4, -2, 9))  # operating points d, shares of calm scores let through
EDGE = 0.1  # share of the classes at either end that eps-OPIS compares
LEAST_EVENTS = 0.5  # counted for a class without any, so that its rate has a logarithm


def operating_points(calm: Floats, rates: Sequence[float] = FALSE_RATES) -> Floats:
    """(D,) thresholds that at most the share d of the calm scores (N,) exceeds; NaN scores are left out.

    +inf where there is none. The threshold for d is the score of rank floor(d N) from the top: ties stay below it.
    """
    known = np.sort(calm[np.isfinite(calm)])[::-1]
    if not len(known):
        return np.full(len(rates), np.inf)
    at = np.minimum(np.floor(np.asarray(rates, float) * len(known)), len(known) - 1).astype(np.int64)
    out: Floats = known[at].astype(float)
    return out


def class_rates(score: Floats, is_real: Bools, classes: Ints, count: int, points: Floats) -> tuple[Floats, Floats]:
    """(C, D) true negative and true positive rate of each class above each threshold.

    `score`, `is_real` and `classes` (N,); a rate is NaN where the class has no score of its kind. NaN scores are left
    out, and `count` is the number of classes.
    """
    known = np.isfinite(score)
    tnr, tpr = np.full((2, count, len(points)), np.nan)
    for kind, out in ((False, tnr), (True, tpr)):
        mine = known & (is_real == kind)
        total = np.bincount(classes[mine], minlength=count)
        some = total > 0
        for d, point in enumerate(points):
            above = np.bincount(classes[mine & (score > point)], minlength=count)
            share = above[some] / total[some]
            out[some, d] = share if kind else 1 - share
    return tnr, tpr


def utility(tnr: Floats, tpr: Floats) -> Floats:
    """U_c(d) = 2 TNR TPR / (TNR + TPR), elementwise (Zhang et al. 2024); 0 where both are 0, NaN stays."""
    both = tnr + tpr
    out: Floats = np.where(both == 0, 0.0, 2 * tnr * tpr / np.where(both == 0, 1, both))
    return out


def opis(utilities: Floats) -> float:
    """Mean over classes and operating points of (U_c(d) - mean of U(d) over classes)² (Zhang et al. 2024).

    `utilities` (C, D); classes with a NaN are left out; NaN with fewer than two left.
    """
    known = _known(utilities)
    return float(((known - known.mean(axis=0)) ** 2).mean()) if len(known) >= 2 else np.nan


def edge_opis(utilities: Floats, edge: float = EDGE) -> float:
    """eps-OPIS: mean over d of (mean U of the best share `edge` of classes - mean U of the worst)².

    The classes are ranked at each operating point; at least one class stands at either end (Zhang et al.
    2024). `utilities` (C, D) as for `opis`.
    """
    known = np.sort(_known(utilities), axis=0)
    if len(known) < 2:
        return np.nan
    n = max(int(edge * len(known)), 1)
    return float(((known[-n:].mean(axis=0) - known[:n].mean(axis=0)) ** 2).mean())


def spread(events: Floats, exposure: Floats) -> float:
    """Standard deviation over classes of log10(events / exposure); 0 when every class has the same rate.

    `events`, `exposure` (C,), for example false pages and series-weeks; a class without events counts half of one, one
    without exposure is left out; NaN with fewer than two left.
    """
    some = exposure > 0
    if some.sum() < 2:
        return np.nan
    return float(np.log10(np.maximum(events[some], LEAST_EVENTS) / exposure[some]).std())


def _known(utilities: Floats) -> NDArray[np.float64]:
    out: NDArray[np.float64] = utilities[np.isfinite(utilities).all(axis=1)].astype(float)
    return out
