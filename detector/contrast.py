"""One row against one other value: the residual, and how its variance, drift and loading are learnt.

A one-factor model per row (Sharpe 1963): `x = beta other + me + e`, beta a decayed regression pulled to 1 by a ridge
(Hoerl & Kennard 1970), all steps bounded; the variance as in Huber's proposal 2 (1964): a fault hardly widens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from detector.frame import Bools, Floats
from detector.running import gain
from detector.timing import DAY_MS, Timing
from detector.view import Float32s

PRIOR = 4e-5  # variance of a common movement of 0.6 %: pulls the loading to 1 while the others have hardly moved
DRIFT_HALF_LIFE_MS = DAY_MS
CUT, CLOSE_CUT = 3.0, 1.5  # standard deviations at which a residual's say in its variance ends
CUT_SHARE, CLOSE_SHARE = 0.995007, 0.778465  # E[min(z², cut²)] of a normal z: what is left of a variance that is cut so
FEW_UPDATES = 500  # in a half-life, below which a fault of hours would be a tenth of what is remembered: the close cut
LEVERAGE = 2.0  # standard deviations from which on a residual says nothing more of the loading
DOUBT = 0.2  # by which loadings differ until they have proved otherwise
LEAST_DOUBT = 0.03
LARGE = 3.0  # deviations from which on a common movement says something of loadings
DOUBT_PRIOR = 200.0  # so much other⁴ / variance² says 20 %: a few ticks of movements of three deviations
DOUBT_HALF_LIFE_MS = 30 * DAY_MS


class ContrastState(NamedTuple):
    """A axes (or witnesses), S rows."""

    pe2: Float32s  # (A, S) learnt variance of the contrast
    me: Float32s  # (A, S) its slow drift
    cxy: Float32s  # (A, S) covariance of the row with the other
    cxx: Float32s  # (A, S) variance of the other
    factor: Float32s  # (A, S) common movement of the row's group; the same value in all rows of a group
    learnt: Float32s  # (A, S) updates so far, weighted by the rate
    doubt: Floats  # (A, 2) decayed sums that tell how far loadings differ, over all rows of an axis


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
    @property
    def doubt(self) -> Floats: ...


class Contrast(NamedTuple):
    """What a tick knows of one axis, made by `advance`, read by `score` and `learn`."""

    other: Float32s  # (S,) movement of the others, the row left out; NaN = no opinion
    noise: Float32s  # (S,) variance of row and other that is known: counting, events, the others' mean
    doubled: Bools  # (S,) a pair: scale is doubled, for nobody can tell which of the two moved

    def some(self, low: int, high: int) -> Contrast:
        """Of the rows [low, high), as views."""
        return Contrast(self.other[low:high], self.noise[low:high], self.doubled[low:high])


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
        np.zeros((axes, 2)),
    )  # fmt: skip


def loading_variance(doubt: Floats) -> np.float32:
    """Variance of loadings around their learnt value, from `doubt` (2,): .2² until large common movements taught."""
    value = (doubt[0] + DOUBT**2 * DOUBT_PRIOR) / (doubt[1] + DOUBT_PRIOR)
    return np.float32(min(max(value, LEAST_DOUBT**2), DOUBT**2))


def residual(state: Learnt, axis: int, x: Float32s, other: Float32s) -> Float32s:
    """What the row did beyond its loading on the others and its drift."""
    beta: Float32s = state.cxy[axis] / state.cxx[axis]
    np.clip(beta, np.float32(0.2), np.float32(1.6), out=beta)
    beta *= other
    np.subtract(x, beta, out=beta)
    beta -= state.me[axis]
    return beta


def score_contrast(state: Learnt, axis: int, x: Float32s, contrast: Contrast) -> Float32s:
    """(S,) signed z; loadings are known so well as they have proved to be, hence the last term."""
    variance = state.pe2[axis] + contrast.noise
    variance += loading_variance(state.doubt[axis]) * contrast.other**2
    scale = np.sqrt(variance, out=variance)
    if contrast.doubled.any():
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
    _learn_doubt(state.doubt[axis], e, other, noise + pe2, g, timing.keep(DOUBT_HALF_LIFE_MS, every))
    step = np.clip(e, -3 * sd, 3 * sd)
    step *= gain(timing.keep(DRIFT_HALF_LIFE_MS, every), learnt)
    step *= g * share
    step[np.abs(e) > 4 * sd] *= np.float32(0.1)
    few = how.half_life_ms < FEW_UPDATES * every * timing.interval_ms
    cut, kept = (CLOSE_CUT, CLOSE_SHARE) if few else (CUT, CUT_SHARE)
    excess = np.minimum(e * e, np.float32(cut**2) * total)
    excess *= np.float32(1 / kept)
    excess -= total
    pe2 += gain(keep, learnt) * g * excess
    np.maximum(pe2, np.float32(how.floor), out=pe2)
    me += step
    slow = np.float32(1 - keep) * g * share
    sd *= np.float32(LEVERAGE)
    xs = x - e
    xs += np.clip(e, -sd, sd)
    np.clip(xs, -0.5, 0.5, out=xs)
    np.clip(other, -0.5, 0.5, out=other)
    cxy += slow * (xs * other + np.float32(PRIOR) - cxy)
    cxx += slow * (other * other + np.float32(PRIOR) - cxx)
    learnt += g


def _learn_doubt(doubt: Floats, e: Float32s, other: Float32s, total: Float32s, g: Float32s, keep: float) -> None:
    """Weighted regression of the excess variance on the square of the common movement, over all rows of an axis.

    Breusch & Pagan 1979: Σ w o² (e² - v) / Σ w o⁴ with w = 1/v², e² clipped at 9 v, v without the loadings' part. Only
    movements of three deviations and more count, by the mean over the rows that had one: what everybody does in a calm
    hour, however many they are, says nothing of a movement that comes from outside.
    """
    square = (other / total) * other
    large = square >= LARGE**2
    weight = g * np.where(large, square, 0) / np.float32(max(int(large.sum()), 1))
    excess = np.minimum(e * e / total, np.float32(9)) - 1
    doubt *= keep
    doubt[0] += float(np.sum(weight * excess, dtype=np.float64))
    doubt[1] += float(np.sum(weight * square, dtype=np.float64))
