"""Forecast residual F: how far decayed sums of what came are from those expected, in standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.running import gain
from detector.state import chunks, part
from detector.timing import DAY_MS, Timing
from detector.view import Float32s, View

SMALL_CHANGE = 0.05  # below it the quadratic form replaces the deviance, which cancels in float32
LARGE_SUM = 1e6  # above it too
TINY = np.float32(1e-12)


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
        one = np.float32(1)
        known = np.isfinite(view.mu)
        m = np.where(known, view.mu, np.float32(0))
        y = np.where(view.missing, m, view.y)
        y[~known] = 0
        weight = np.float32(self.whitening) * m
        weight += one
        np.divide(one, weight, out=weight)
        if len(view.gauges):
            g = view.gauges
            y[g] -= m[g]
            m[g] = known[g]
            weight[g] = one
        y *= weight
        m *= weight
        q = m * weight
        view.L = np.empty_like(state.Y)
        view.V = np.empty_like(state.Y)
        for h, lam in enumerate(self.timing.lam):
            Y, M, Q, L, V = state.Y[h], state.M[h], state.Q[h], view.L[h], view.V[h]
            Y *= np.float32(lam)
            Y += y
            M *= np.float32(lam)
            M += m
            Q *= np.float32(lam * lam)
            Q += q
            scale = M / np.maximum(Q, TINY)
            np.multiply(M, scale, out=V)
            V += one
            np.divide(one, V, out=V)  # 1/(Me+1)
            np.multiply(Y, scale, out=L)
            L += one
            L *= V
            np.log(np.maximum(L, TINY, out=L), out=L)
        if len(view.gauges):
            view.L[:, g] = state.Y[:, g] / np.maximum(state.M[:, g], one)
            view.V[:, g] = 0

    def score(self, state: ResidualState, view: View) -> Float32s:
        """(H, S) signed z, positive when more came than was expected."""
        out = np.empty_like(state.Y)
        size = out.shape[1]
        event = np.asarray(view.effect_variance, np.float32)
        for low, high in chunks(size):  # a chunk at a time, for its scratch to stay in cache
            rows = part(state, low, high, size)
            variance = event[low:high] if event.ndim else event
            for h in range(len(out)):
                out[h, low:high] = _deviance_root(rows, h, rows.sig2[h] + variance)
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


def _deviance_root(state: ResidualState, h: int, phi: Float32s) -> Float32s:
    """(S,) z of one horizon as if all rows were counts of dispersion `phi` (S,)."""
    one = np.float32(1)
    scale = state.M[h] / np.maximum(state.Q[h], TINY)
    Ye = state.Y[h] * scale
    np.maximum(Ye, 0, out=Ye)  # residuals of gauges, which are judged otherwise, may be negative
    Me = scale
    Me *= state.M[h]
    np.maximum(Me, TINY, out=Me)
    change = Ye / Me
    dev = np.log(np.maximum(change, TINY))
    dev *= Ye
    change -= one
    dispersed = phi * Me
    dispersed += one
    other = phi * Ye
    other += one
    other /= dispersed
    np.log(other, out=other)
    other *= Ye + one / phi
    dev -= other
    dev *= np.float32(2)
    z = np.sqrt(np.maximum(dev, 0, out=dev), out=dev)
    np.copysign(z, change, out=z)
    near = (np.abs(change) < SMALL_CHANGE) | (Me > LARGE_SUM)
    out: Float32s = np.where(near, np.clip(change, -1, 1) * np.sqrt(Me / dispersed), z)
    return out
