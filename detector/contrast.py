"""One row against one other value: the residual, and how its variance, drift and loading are learnt.

A one-factor model per row (Sharpe 1963): `x = beta other + me + e`, beta a decayed regression pulled to 1 by a ridge
(Hoerl & Kennard 1970), all steps bounded (Huber 1964).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from detector.frame import Bools
from detector.running import gain
from detector.timing import DAY_MS, Timing
from detector.view import Float32s

PRIOR = 4e-5  # variance of a common movement of 0.6 %: pulls the loading to 1 while the others have hardly moved
DRIFT_HALF_LIFE_MS = DAY_MS


class ContrastState(NamedTuple):
    """A axes (or witnesses), S rows."""

    pe2: Float32s  # (A, S) learnt variance of the contrast
    me: Float32s  # (A, S) its slow drift
    cxy: Float32s  # (A, S) covariance of the row with the other
    cxx: Float32s  # (A, S) variance of the other
    factor: Float32s  # (A, S) common movement of the row's group; the same value in all rows of a group
    learnt: Float32s  # (A, S) updates so far, weighted by the rate


class Learnt(Protocol):
    """The part of a contrast's memory that is learnt: what siblings and witnesses share."""

    @property
    def pe2(self) -> Float32s: ...
    @property
    def me(self) -> Float32s: ...
    @property
    def cxy(self) -> Float32s: ...
    @property
    def cxx(self) -> Float32s: ...
    @property
    def learnt(self) -> Float32s: ...


class Contrast(NamedTuple):
    """What a tick knows of one axis, made by `advance`, read by `score` and `learn`."""

    other: Float32s  # (S,) movement of the others, the row left out; NaN = no opinion
    noise: Float32s  # (S,) variance of row and other that is known: counting, events, the others' mean
    doubled: Bools  # (S,) a pair: scale is doubled, for nobody can tell which of the two moved


@dataclass(frozen=True, slots=True)
class Learning:
    """How fast the contrast learns and the least variance it believes."""

    half_life_ms: float = 5 * DAY_MS
    floor: float = 0.008**2
    start: float = 0.04**2


def new_contrast(axes: int, n: int, start: float) -> ContrastState:
    shape = (axes, n)
    return ContrastState(
        np.full(shape, start, np.float32), np.zeros(shape, np.float32), np.full(shape, PRIOR, np.float32),
        np.full(shape, PRIOR, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32),
    )  # fmt: skip


def residual(state: Learnt, axis: int, x: Float32s, other: Float32s) -> Float32s:
    """What the row did beyond its loading on the others and its drift."""
    beta: Float32s = state.cxy[axis] / state.cxx[axis]
    np.clip(beta, np.float32(0.2), np.float32(1.6), out=beta)
    beta *= other
    np.subtract(x, beta, out=beta)
    beta -= state.me[axis]
    return beta


def score_contrast(state: Learnt, axis: int, x: Float32s, contrast: Contrast) -> Float32s:
    """(S,) signed z; loadings are known to 20 % only, hence the last term."""
    variance = state.pe2[axis] + contrast.noise
    variance += (np.float32(0.2) * contrast.other) ** 2
    scale = np.sqrt(variance, out=variance)
    np.multiply(scale, 2, out=scale, where=contrast.doubled)
    z = residual(state, axis, x, contrast.other)
    z /= scale
    return z


def learn_contrast(
    state: Learnt, axis: int, x: Float32s, contrast: Contrast, rate: Float32s, timing: Timing, how: Learning
) -> None:
    """Variance, drift and loading of one axis, all steps bounded; rows without an opinion learn nothing."""
    every = timing.learn_every
    keep = timing.keep(how.half_life_ms, every)
    pe2, me, cxy, cxx, learnt = (a[axis] for a in (state.pe2, state.me, state.cxy, state.cxx, state.learnt))
    known = np.isfinite(contrast.other)
    other = np.where(known, contrast.other, np.float32(0))
    noise = np.where(known, contrast.noise, np.float32(0))
    e = residual(state, axis, x, other)
    g = rate * known
    total = noise + pe2
    share = pe2 / total  # what is left to learn from: the part that is not counting noise
    sd = np.sqrt(total)
    step = np.clip(e, -3 * sd, 3 * sd)
    step *= gain(timing.keep(DRIFT_HALF_LIFE_MS, every), learnt)
    step *= g * share
    step[np.abs(e) > 4 * sd] *= np.float32(0.1)
    excess = np.minimum(e * e, 9 * total)
    excess -= total
    pe2 += gain(keep, learnt) * g * excess
    np.maximum(pe2, np.float32(how.floor), out=pe2)
    me += step
    slow = np.float32(1 - keep) * g * share
    xs = np.clip(x, -0.5, 0.5)
    np.clip(other, -0.5, 0.5, out=other)
    cxy += slow * (xs * other + np.float32(PRIOR) - cxy)
    cxx += slow * (other * other + np.float32(PRIOR) - cxx)
    learnt += g
