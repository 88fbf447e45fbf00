"""Forecast residual F: how far decayed sums of what came are from those expected, in standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.frame import Bools
from detector.running import gain
from detector.state import CHUNK, chunks, part
from detector.timing import DAY_MS, Timing
from detector.view import Float32s, View

SMALL_CHANGE = 0.05  # below it the quadratic form replaces the deviance, which cancels in float32
LARGE_SUM = 1e6  # above it too
TINY, ONE = np.float32(1e-12), np.float32(1)
SIGN_BIT = np.uint32(1 << 31)  # of a float32


class ResidualState(NamedTuple):
    Y: Float32s  # (H, S) decayed weighted sum of observations; of residuals for gauges
    M: Float32s  # (H, S) decayed weighted sum of expectations; of ticks for gauges
    Q: Float32s  # (H, S) variance of Y if counts were Poisson; of ticks for gauges
    sig2: Float32s  # (H, S) learnt multiplicative variance of the log deviation
    learnt: Float32s  # (S,) updates of sig2, weighted by the rate


@dataclass(frozen=True, slots=True)
class ForecastResidual:
    """Signed root of the negative binomial deviance (McCullagh & Nelder 1989, ch. 11) per horizon.

    Ticks enter with weight `1/(1 + whitening mu)`: what a busy tick says is limited by its multiplicative noise, so
    an evening's peak does not drown the night after it. Sums are then scaled by M/Q, which makes the mean equal the
    variance again, as for a Poisson count (with constant mu: by 1 + lam). `phi = sig2 + event variance` is the
    dispersion. Gauges: mean residual over its learnt deviation. `half_life_ms`: memory of sig2.
    """

    timing: Timing
    half_life_ms: float = 5 * DAY_MS
    floor: float = 0.008**2
    start: float = 0.05**2
    whitening: float = 0.02

    def init(self, n: int) -> ResidualState:
        shape = (len(self.timing.lam), n)
        return ResidualState(
            np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32),
            np.full(shape, self.start, np.float32), np.zeros(n, np.float32),
        )  # fmt: skip

    def advance(self, state: ResidualState, view: View) -> None:
        """Moves the sums and makes `view.L`, `view.V` (H, S); a missing sample counts as expected."""
        known = np.isfinite(view.mu)
        m = np.where(known, view.mu, np.float32(0))
        y = np.where(view.missing, m, view.y)
        y[~known] = 0
        weight = np.float32(self.whitening) * m
        weight += ONE
        np.divide(ONE, weight, out=weight)
        if len(view.gauges):
            g = view.gauges
            y[g] -= m[g]
            m[g] = known[g]
            weight[g] = ONE
        y *= weight
        m *= weight
        q = m * weight
        view.L = np.empty_like(state.Y)
        view.V = np.empty_like(state.Y)
        size = len(y)
        tiny = np.full(min(size, CHUNK), TINY)  # an array: thrice a scalar's speed
        for low, high in chunks(size):  # a chunk at a time, for its scratch to stay in cache
            _advance(
                part(state, low, high, size),
                self.timing,
                y[low:high],
                m[low:high],
                q[low:high],
                view.L[:, low:high],
                view.V[:, low:high],
                tiny[: high - low],
            )
        if len(view.gauges):
            view.L[:, g] = state.Y[:, g] / np.maximum(state.M[:, g], ONE)
            view.V[:, g] = 0

    def score(self, state: ResidualState, view: View) -> Float32s:
        """(H, S) signed z, positive when more came than was expected."""
        out = np.empty_like(state.Y)
        size = out.shape[1]
        event = np.asarray(view.effect_variance, np.float32)
        tiny = np.full(min(size, CHUNK), TINY)
        for low, high in chunks(size):  # a chunk at a time, for its scratch to stay in cache
            rows = part(state, low, high, size)
            variance = event[low:high] if event.ndim else event
            for h in range(len(out)):
                out[h, low:high] = _deviance_root(rows, h, rows.sig2[h] + variance, tiny[: high - low])
        if len(view.gauges):
            g = view.gauges
            out[:, g] = view.L[:, g] / np.sqrt(state.sig2[:, g] + (event[g] if event.ndim else event))
        out[:, ~view.judgeable] = np.nan
        return out

    def learn(self, state: ResidualState, view: View, rate: Float32s) -> None:
        """sig2 follows what is left of L² after counting and event variance, bounded at nine variances."""
        if not view.learning:
            return
        keep = self.timing.keep(self.half_life_ms, self.timing.learn_every)
        g = rate * ~view.missing
        step = gain(keep, state.learnt) * g
        for h in range(len(state.sig2)):
            sig2 = state.sig2[h]
            extra = view.V[h] + np.asarray(view.effect_variance, np.float32)
            total = extra + sig2
            excess = np.minimum(view.L[h] ** 2, 9 * total)
            excess -= extra
            excess -= sig2
            excess *= step
            sig2 += excess
            np.maximum(sig2, np.float32(self.floor), out=sig2)
        np.add(state.learnt, g, out=state.learnt)


def _advance(
    state: ResidualState, timing: Timing, y: Float32s, m: Float32s, q: Float32s, L: Float32s, V: Float32s,
    tiny: Float32s,
) -> None:  # fmt: skip
    """Moves the sums of some rows by a tick's weighted y, m, q (n,); writes L and V (H, n) as of counts."""
    scale = np.empty_like(y)
    for h, lam in enumerate(timing.lam):
        Y, M, Q = state.Y[h], state.M[h], state.Q[h]
        Y *= np.float32(lam)
        Y += y
        M *= np.float32(lam)
        M += m
        Q *= np.float32(lam * lam)
        Q += q
        np.maximum(Q, tiny, out=scale)
        np.divide(M, scale, out=scale)
        np.multiply(M, scale, out=V[h])
        V[h] += ONE
        np.divide(ONE, V[h], out=V[h])  # 1/(Me+1)
        scale *= Y
        scale += ONE
        scale *= V[h]
        np.log(np.maximum(scale, tiny, out=scale), out=L[h])


def _deviance_root(state: ResidualState, h: int, phi: Float32s, tiny: Float32s) -> Float32s:
    """(n,) z of one horizon as if all rows were counts of dispersion `phi` (n,); `tiny` (n,) is full of `TINY`."""
    zero = np.zeros_like(tiny)  # as `tiny` an array: thrice a scalar's speed
    scale = np.maximum(state.Q[h], tiny)
    np.divide(state.M[h], scale, out=scale)
    Ye = state.Y[h] * scale
    np.maximum(Ye, zero, out=Ye)  # residuals of gauges, which are judged otherwise, may be negative
    Me = scale
    Me *= state.M[h]
    np.maximum(Me, tiny, out=Me)
    change = Ye / Me
    dev = np.maximum(change, tiny)
    np.log(dev, out=dev)
    dev *= Ye
    change -= ONE
    dispersed = phi * Me
    dispersed += ONE
    other = phi * Ye
    other += ONE
    other /= dispersed
    np.log(other, out=other)
    Ye += ONE / phi
    other *= Ye
    dev -= other
    dev *= np.float32(2)
    z = np.sqrt(np.maximum(dev, zero, out=dev), out=dev)
    np.abs(change, out=other)
    near = other < SMALL_CHANGE
    near |= Me > LARGE_SUM
    Me /= dispersed
    small = np.sqrt(Me, out=Me)
    np.add(zero, ONE, out=other)
    small *= np.minimum(np.maximum(change, np.negative(other, out=dispersed), out=dispersed), other, out=other)
    bits = z.view(np.uint32)
    sign = change.view(np.uint32)
    sign &= SIGN_BIT
    bits |= sign
    return blend(near, small, z)


def blend(choice: Bools, a: Float32s, b: Float32s) -> Float32s:
    """(n,) `a` where chosen, else `b`, written into `b`: bit by bit, faster than `np.where` on a mixed mask."""
    mask = choice.astype(np.uint32)
    np.negative(mask, out=mask)
    bits = b.view(np.uint32)
    mask &= a.view(np.uint32) ^ bits
    bits ^= mask
    return b
