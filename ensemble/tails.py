"""Decayed histograms per class, and the tails fitted to them."""

from __future__ import annotations

import numpy as np

from detector.frame import Floats, Ints

BINS = 64
LOW, HIGH = 0.2, 60.0  # of |z|, log-spaced
STEP = float(np.log(HIGH / LOW) / BINS)
TAIL_P = np.array([0.1, 0.05, 0.02, 0.01, 0.005])  # of ranks
FIT_P = np.array([0.2, 0.1, 0.05, 0.02, 0.01])  # of tails: where incidents last for hours they own the last .5 %
POOL_COUNT = 20_000.0  # values at which a class weighs as much as the pooled fit
SIDE_COUNT = 10 * POOL_COUNT  # values at which signs have tails of their own: most incidents are of one sign
DEFAULT_A, DEFAULT_B = 0.7, 1.3  # between a Gaussian tail and an exponential one


def bin_of(size: Floats) -> Ints:
    """Bin of |z|; below LOW the first, above HIGH the last."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log(size * np.float32(1 / LOW)) * np.float32(1 / STEP)
    x = np.minimum(np.fmax(x, 0), BINS - 1)  # of NaN the first bin too
    out: Ints = x.astype(np.int64)
    return out


def tail_quantiles(hist: Floats, total: Floats, tail: Floats = TAIL_P) -> Floats:
    """(..., 5) log of the size exceeded with the probabilities `tail`; NaN where the class has seen too little for it.

    `hist` (..., BINS) counts of one sign, `total` (...) counts of both signs and of zeros.
    """
    above = np.cumsum(hist[..., ::-1], axis=-1)[..., ::-1] / np.maximum(total, 1e-9)[..., None]  # P(size ≥ bin's start)
    out = np.full((*hist.shape[:-1], len(tail)), np.nan)
    flat, target = above.reshape(-1, BINS), out.reshape(-1, len(tail))
    for k, p in enumerate(tail):
        first = (flat >= p).sum(axis=1) - 1  # last bin whose start is exceeded with at least p
        ok = (first >= 0) & (first < BINS - 1) & (total.reshape(-1) * p >= 5)
        i = np.clip(first, 0, BINS - 2)
        hi, lo = flat[np.arange(len(flat)), i], flat[np.arange(len(flat)), i + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(lo > 0, np.log(hi / p) / np.log(hi / lo), (hi - p) / np.maximum(hi - lo, 1e-12))
        target[ok, k] = (np.log(LOW) + (i + np.clip(share, 0, 1)) * STEP)[ok]
    return out


def fit_weibull(quantiles: Floats, tail: Floats = TAIL_P) -> tuple[Floats, Floats]:
    """a, b of `-log10 p = a size^b` by least squares of log(-log10 p) on log size; b in [0.9, 2.2].

    A Weibull tail (Weibull 1951) from the robust core of the distribution: incidents (well under 0.5 % of points)
    cannot reach it. `quantiles` (..., 5) as of `tail_quantiles`; with fewer than two known: a = 0.7, b = 1.3.
    """
    y = np.log(-np.log10(tail))
    ok = np.isfinite(quantiles)
    q = np.where(ok, np.maximum(quantiles, np.log(0.05)), 0)
    n = ok.sum(axis=-1)
    mean_q = q.sum(axis=-1) / np.maximum(n, 1)
    mean_y = (y * ok).sum(axis=-1) / np.maximum(n, 1)
    dq = (q - mean_q[..., None]) * ok
    sxx = (dq**2).sum(axis=-1)
    sxy = (dq * (y - mean_y[..., None])).sum(axis=-1)
    b = np.clip(np.where(sxx > 1e-9, sxy / np.maximum(sxx, 1e-12), DEFAULT_B), 0.9, 2.2)
    a = np.exp(mean_y - b * mean_q)
    known = n >= 2
    return np.where(known, a, DEFAULT_A), np.where(known, b, DEFAULT_B)
