"""Forecast residual F: how far decayed sums of what came are from those of what was expected, in standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.running import gain
from detector.timing import DAY_MS, Timing
from detector.view import Float32s, View

SMALL_CHANGE = 0.05  # below it the quadratic form replaces the deviance, which cancels in float32
LARGE_SUM = 1e6  # above it too


class ResidualState(NamedTuple):
    Y: Float32s  # (H, S) decayed sum of observations; of residuals for gauges
    M: Float32s  # (H, S) decayed sum of expectations; of ticks for gauges
    sig2: Float32s  # (H, S) learnt multiplicative variance of the log deviation
    learnt: Float32s  # (S,) updates of sig2, weighted by the rate


@dataclass(frozen=True, slots=True)
class ForecastResidual:
    """Signed root of the negative binomial deviance (McCullagh & Nelder 1989, ch. 11) per horizon.

    With `Ye = (1+lam) Y`, `Me = (1+lam) M` mean equals variance again, as for a Poisson count. `phi = sig2 + event variance` is the
    dispersion. Gauges: mean residual over its learnt deviation. `half_life_ms`: memory of sig2.
    """

    timing: Timing
    half_life_ms: float = 5 * DAY_MS
    floor: float = 0.008**2
    start: float = 0.05**2

    def init(self, n: int) -> ResidualState:
        h = len(self.timing.lam)
        return ResidualState(
            np.zeros((h, n), np.float32), np.zeros((h, n), np.float32), np.full((h, n), self.start, np.float32),
            np.zeros(n, np.float32),
        )  # fmt: skip

    def advance(self, state: ResidualState, view: View) -> None:
        """Moves the sums and makes `view.L`, `view.V` (H, S); a missing sample counts as expected."""
        y = np.where(view.missing, view.mu, view.y)
        m = view.mu
        if len(view.gauges):
            y = y.copy()
            m = m.copy()
            y[view.gauges] = np.where(view.missing[view.gauges], 0, view.y[view.gauges] - view.mu[view.gauges])
            m[view.gauges] = 1
        known = np.isfinite(m)
        y = np.where(known, y, 0)
        m = np.where(known, m, 0)
        view.L = np.empty_like(state.Y)
        view.V = np.empty_like(state.Y)
        one = np.float32(1)
        for h, lam in enumerate(self.timing.lam):
            keep, scale = np.float32(lam), np.float32(1 + lam)
            Y, M, V = state.Y[h], state.M[h], view.V[h]
            Y *= keep
            Y += y
            M *= keep
            M += m
            np.multiply(M, scale, out=V)
            V += one
            np.divide(one, V, out=V)  # 1/(Me+1)
            np.multiply(Y, scale, out=view.L[h])
            view.L[h] += one
            view.L[h] *= V
            np.log(view.L[h], out=view.L[h], where=view.L[h] > 0)
        if len(view.gauges):
            g = view.gauges
            view.L[:, g] = state.Y[:, g] / np.maximum(state.M[:, g], one)
            view.V[:, g] = 0

    def score(self, state: ResidualState, view: View) -> Float32s:
        """(H, S) signed z, positive when more came than was expected."""
        out = np.empty_like(state.Y)
        tiny = np.float32(1e-12)
        for h, lam in enumerate(self.timing.lam):
            scale = np.float32(1 + lam)
            phi = state.sig2[h] + np.asarray(view.effect_variance, np.float32)
            Ye = state.Y[h] * scale
            Me = state.M[h] * scale + tiny
            change = Ye / Me
            change -= np.float32(1)
            inverse = 1 / phi
            dev = Ye * np.log(np.maximum(Ye, tiny) / Me)
            dev -= (Ye + inverse) * np.log((1 + phi * Ye) / (1 + phi * Me))
            z = np.sqrt(np.maximum(dev, 0) * np.float32(2))
            np.copysign(z, change, out=z)
            near = (np.abs(change) < SMALL_CHANGE) | (Me > LARGE_SUM)
            z = np.where(near, np.clip(change, -1, 1) * np.sqrt(Me / (1 + phi * Me)), z)
            out[h] = z
        if len(view.gauges):
            g = view.gauges
            variance = view.effect_variance if isinstance(view.effect_variance, float) else view.effect_variance[g]
            out[:, g] = view.L[:, g] / np.sqrt(state.sig2[:, g] + variance)
        out[:, view.missing | ~np.isfinite(view.mu)] = np.nan
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
        state.learnt.__iadd__(g)
