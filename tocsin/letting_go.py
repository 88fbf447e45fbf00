"""Letting go of what was held: is it still there, and what of it is its own?"""

from __future__ import annotations

import math

from detector.view import View
from suppression.candidate import Candidate
from tocsin.core import State
from tocsin.judgement import Judgement


def is_gone(candidate: Candidate, state: State, view: View, judgement: Judgement) -> bool:
    """Is a deviation that single ticks show no longer there at this one? Then nobody is told about it any more.

    What a silence, an event or a wait held back may be over before it is let go, while the decayed sums remember it.
    """
    row = candidate.present
    if judgement.run[row] or not view.judgeable[row]:
        return False
    y, mu = float(view.y[row]), float(view.base[row] if candidate.is_shadow else view.mu[row])
    if state.rows.kind[row] > 0:
        now, variance = y - mu, float(state.residual.sig2[0, row])
    else:
        now, variance = math.log((y + 1) / (mu + 1)), 1 / (mu + 1) + float(state.residual.sig2[0, row])
    if abs(candidate.peak_raw) < 4 * math.sqrt(variance):
        return False  # too faint for one tick to say anything
    return candidate.sign * now < 0.25 * abs(candidate.peak_raw)


def has_calmed(candidate: Candidate, judgement: Judgement) -> bool:
    """Would what was held and is let go not even enter now? Its peaks may be those of what held it."""
    if candidate.is_shadow or judgement.run[candidate.present]:
        return False
    return not candidate.sign * float(judgement.c[candidate.present]) >= judgement.entering  # NaN: nobody can say


def start_anew(candidate: Candidate, state: State, view: View, judgement: Judgement) -> None:
    """What was part of another candidate is its own from now on; what it did before was the other's doing."""
    row, sign = candidate.present, candidate.sign
    F, P, W, c = (sign * float(a[row]) for a in (judgement.F, judgement.P, judgement.W, judgement.c))
    candidate.contrast = P
    candidate.residual, candidate.testimony, candidate.fused = (max(x, 0.0) if x == x else 0.0 for x in (F, W, c))
    candidate.onset = float((state.onset.up if sign > 0 else state.onset.down)[row])
    candidate.raw = candidate.peak_raw = float(view.L[0, row])
    candidate.largest_z = 0.0
