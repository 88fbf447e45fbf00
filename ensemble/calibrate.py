"""Scores become surprises: one tail per class of series and scorer, a bounded correction per row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.frame import Bools, Floats, Ints
from detector.state import chunks
from detector.timing import DAY_MS, HOUR_MS, Timing
from ensemble.rank import Rank
from ensemble.tails import (
    BINS,
    DEFAULT_A,
    DEFAULT_B,
    FIT_P,
    POOL_COUNT,
    SIDE_COUNT,
    bin_of,
    fit_weibull,
    tail_quantiles,
)

CAP = 15.0  # surprise, the most that is shown
LEAST_SIZE = 1e-6  # of |z|, whose logarithm is taken
SIGN_BIT = np.uint32(1 << 31)  # of a float32
START = 2.5  # of a row's worst hours, in its own standard deviations
BLOCK_QUANTILE = 0.9
HALF_LIFE_UPDATES = 4_000  # at least: a fortnight of hours says little of a tail
BLOCK_MS, BLOCK_TICKS = HOUR_MS, 6
PROMISED = (1e-2, 1e-3)  # p whose keeping is watched, of fused scores in one direction
UNKNOWN = np.float32(1e30)  # a level before the first fit
LEAST_FUSED = 1000.0  # fused scores from which on their ranks are used
VOLUME_EDGES = tuple(10.0**x for x in (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0))  # mean counts per tick


class CalibrationState(NamedTuple):
    """C classes, K scorers, S rows; signs: 0 down, 1 up."""

    hist: NDArray[np.float32]  # (C, K, 2, BINS) decayed counts of row-scaled |z|
    total: NDArray[np.float32]  # (C, K) decayed counts, any sign
    log_a: NDArray[np.float32]  # (C, K, 2) tail: -log10 p = a |z|^b
    b: NDArray[np.float32]  # (C, K, 2)
    worst: NDArray[np.float32]  # (K, S) running 0.9 quantile of block maxima of |z| of the row
    block: NDArray[np.float32]  # (K, S) largest |z| of the running block
    blocks: NDArray[np.int64]  # (2,) blocks so far, ticks in the running one
    scale: NDArray[np.float32]  # (K, S) by which the row's |z| is divided
    fused: NDArray[np.float32]  # (C, 2, BINS) decayed counts of the fused score c
    fused_total: NDArray[np.float32]  # (C,)
    levels: NDArray[np.float32]  # (C, 2, 2) |c| exceeded with each of PROMISED, as of the last fit; UNKNOWN before
    exceeded: NDArray[np.float32]  # (C, 2) decayed counts of fused scores outside episodes beyond these
    outside: NDArray[np.float32]  # (C,) decayed counts of all of them
    updates: NDArray[np.int64]  # (1,) learning ticks so far
    fitted: NDArray[np.int64]  # (1,) updates at the last fit


@dataclass(frozen=True, slots=True)
class Calibration:
    """Class Weibull tails with a row scale: z' = z / clip(w row / w class, 0.25, 4), w the row's worst hours.

    w = the 0.9 quantile of the maxima of |z| over blocks of an hour (at least six ticks): what a row does in its
    worst hour of ten says how far its tail reaches, which a quantile of single points does not, for points come in
    bursts. Block maxima (Gumbel 1958), their quantile by stochastic approximation (Robbins & Monro 1951) of its log.
    `classes` (S,) of a row = cuboid level × kind × volume bucket; made by the caller, `classes` of them. The
    memory of the histograms halves in `half_life_ms`, at the earliest after 4,000 updates; tails are fitted daily, more
    often while young. Tails of a single row lose: five weeks of a row do not show its 1e-5 quantile. What a class, or
    a sign, has seen decides how much its tail and the mean of its worst hours are its own: on hourly grids, where one
    tick of twenty is in an incident and most are drops, tails by sign from the last .5 % of a fortnight hid drops.
    """

    timing: Timing
    scorers: int
    classes: int
    half_life_ms: float = 14 * DAY_MS

    def init(self, n: int) -> CalibrationState:
        c, k = self.classes, self.scorers
        return CalibrationState(
            np.zeros((c, k, 2, BINS), np.float32), np.zeros((c, k), np.float32),
            np.full((c, k, 2), np.log(DEFAULT_A), np.float32), np.full((c, k, 2), DEFAULT_B, np.float32),
            np.full((k, n), START, np.float32), np.zeros((k, n), np.float32), np.zeros(2, np.int64),
            np.ones((k, n), np.float32),
            np.zeros((c, 2, BINS), np.float32), np.zeros(c, np.float32),
            np.full((c, 2, len(PROMISED)), UNKNOWN, np.float32), np.zeros((c, len(PROMISED)), np.float32),
            np.zeros(c, np.float32), np.zeros(1, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip

    def surprises(self, state: CalibrationState, z: Floats, classes: Ints, out: Floats) -> Floats:
        """(K, S) signed surprise of all scorers, capped; NaN stays NaN. Rows of `state` and arguments belong together.

        `z`, `out` (K, S) float32, no memory in common; `classes` (S,).
        """
        n = z.shape[1]
        down = np.multiply(classes, 2, dtype=np.int64)
        side, is_up = np.empty(n, np.int64), np.empty(n, bool)
        tail, sign = np.empty(n, np.float32), np.empty(n, np.uint32)
        least = np.full(n, LEAST_SIZE, np.float32)  # arrays: thrice a scalar's speed
        most = np.full(n, np.log(CAP), np.float32)
        for k in range(self.scorers):
            size = out[k]
            np.abs(z[k], out=size)
            size /= state.scale[k]
            np.greater(z[k], 0, out=is_up)
            np.add(down, is_up, out=side)
            np.maximum(size, least, out=size)
            np.log(size, out=size)
            size *= state.b[:, k].reshape(-1).take(side, mode="clip", out=tail)
            size += state.log_a[:, k].reshape(-1).take(side, mode="clip", out=tail)
            np.minimum(size, most, out=size)
            np.exp(size, out=size)
            np.bitwise_and(z[k].view(np.uint32), SIGN_BIT, out=sign)
            bits = size.view(np.uint32)
            bits |= sign
        return out

    def surprise_of(self, state: CalibrationState, k: int, z: float, row_class: int, row: int) -> float:
        """Signed surprise of one z of one row."""
        size = max(abs(z) / float(state.scale[k, row]), LEAST_SIZE)
        side = int(z > 0)
        value = float(np.exp(state.log_a[row_class, k, side] + state.b[row_class, k, side] * np.log(size)))
        return float(np.copysign(min(value, CAP), z))

    @property
    def block_ticks(self) -> int:
        return max(self.timing.ticks(BLOCK_MS), BLOCK_TICKS)

    def advance(self, state: CalibrationState, scores: Floats, rate: Floats) -> None:
        """Moves block maxima by a tick's scores (K, S); at a block's end the rows' worst hours.

        Frozen rows (rate 0) are left out.
        """
        frozen = np.flatnonzero(rate == 0)
        for k in range(self.scorers):
            size = np.abs(scores[k])
            size[frozen] = np.nan
            np.fmax(state.block[k], size, out=state.block[k])
        state.blocks[1] += 1
        if state.blocks[1] < self.block_ticks:
            return
        step = np.float32(max(0.03, 1 / (1 + int(state.blocks[0]) / 3)))
        for k in range(self.scorers):
            worst, block = state.worst[k], state.block[k]
            move = np.where(block > worst, np.float32(BLOCK_QUANTILE), np.float32(BLOCK_QUANTILE - 1))
            move[block == 0] = 0  # nobody had an opinion
            worst *= np.exp(step * move)
        state.block[...] = 0
        state.blocks[0] += 1
        state.blocks[1] = 0

    def learn(self, state: CalibrationState, scores: Floats, classes: Ints, rate: Floats) -> None:
        """Adds a learning tick's scores (K, S) to the histograms."""
        size = len(classes)
        used = int(classes.max(initial=-1)) + 1  # classes beyond it have no rows
        side, weight = np.empty(size, np.int64), np.empty(size, np.float32)
        for k in range(self.scorers):
            for low, high in chunks(size):  # a chunk at a time, for its scratch to stay in cache
                rows = slice(low, high)
                z = scores[k, rows]
                here = weight[rows] = np.where(np.isfinite(z), rate[rows], np.float32(0))
                far = np.abs(np.where(here > 0, z, np.float32(0)))
                far /= state.scale[k, rows]
                bins = np.multiply(classes[rows], 2, out=side[rows])
                bins += z > 0
                bins *= BINS
                bins += bin_of(far)
            hist = np.bincount(side, weight, used * 2 * BINS).reshape(used, 2, BINS)
            state.hist[:used, k] += hist.astype(np.float32)
            state.total[:used, k] += hist.sum(axis=(1, 2)).astype(np.float32)
        state.updates[0] += 1
        updates = self.half_life_ms / (self.timing.interval_ms * self.timing.learn_every)
        keep = np.float32(0.5 ** (1 / max(updates, HALF_LIFE_UPDATES)))
        for decayed in (state.hist, state.total, state.fused, state.fused_total, state.exceeded, state.outside):
            decayed *= keep

    def is_due(self, state: CalibrationState) -> bool:
        """Fit at 16, 32, 64, … learning ticks, then daily."""
        since = int(state.updates[0] - state.fitted[0])
        daily = max(1, DAY_MS // (self.timing.interval_ms * self.timing.learn_every))
        return since >= min(max(int(state.fitted[0]), 16), max(daily, 16))

    def fit(self, state: CalibrationState, classes: Ints) -> None:
        """Fits all tails, class blended with pool by what it has seen, and the scales of the rows."""
        state.fitted[0] = state.updates[0]
        seen = np.flatnonzero(state.total.any(axis=1))  # of the many classes that may be; all others are as the pool
        q = _quantiles(state.hist[seen].astype(float), state.total[seen].astype(float))
        pool = _quantiles(state.hist.sum(axis=0, dtype=float), state.total.sum(axis=0, dtype=float))
        share = state.total / (state.total + np.float32(POOL_COUNT))
        w = share[seen, :, None, None]
        blended = np.where(np.isfinite(q), np.where(np.isfinite(pool), w * q + (1 - w) * pool, q), pool)
        a, b = fit_weibull(np.concatenate([pool[None], blended]), FIT_P)
        for fitted, found in ((state.log_a, np.log(a)), (state.b, b)):
            fitted[...] = found[0]
            fitted[seen] = found[1:]
        count = np.bincount(classes, minlength=self.classes)
        for k in range(self.scorers) if len(classes) else ():
            log_worst = np.log(state.worst[k])
            mean = np.bincount(classes, log_worst, self.classes) / np.maximum(count, 1)
            own = share[:, k]
            mean = own * mean + (1 - own) * np.average(mean, weights=count * (own + np.float32(1e-6)))
            state.scale[k] = np.clip(np.exp(log_worst - mean[classes]), 0.25, 4.0)
        self._fit_levels(state)

    # -- the fused score ---------------------------------------------------------------------------------------------

    def learn_fused(
        self, state: CalibrationState, c: Floats, classes: Ints, rate: Floats, outside: Bools | None = None
    ) -> None:
        """Adds signed fused scores (S,) to the ranks of their class, after counting those beyond what was promised.

        `outside` (S,): rows in no episode, or in its first tick, which would have to be told; the others teach nothing.
        None: all.
        """
        weight = np.where(np.isfinite(c), rate, np.float32(0))
        if outside is not None:
            weight[~outside] = 0
        self._count(state, c, classes, weight > 0)
        side = (classes * 2 + (c > 0)) * BINS + bin_of(np.abs(np.where(weight > 0, c, 0)))
        hist = np.bincount(side, weight, self.classes * 2 * BINS).reshape(self.classes, 2, BINS)
        state.fused[...] += hist.astype(np.float32)
        state.fused_total[...] += hist.sum(axis=(1, 2)).astype(np.float32)

    def fused_surprise(self, state: CalibrationState, c: float, row_class: int) -> float:
        """Signed surprise of one fused score: its `Rank` among the class's values.

        Classes that saw too little use the rank among all values; where these are too few, or hardly any has the sign,
        c itself, which is a surprise already. How often calm ticks exceed what this says, beside a Weibull tail and
        beside ranks among scores of episodes too: `python -m benchmarks.quality.fused_tail`.
        """
        if not np.isfinite(c) or c == 0:
            return 0.0
        rank = self._rank(state, row_class, int(c > 0))
        return float(np.copysign(min(abs(c) if rank is None else rank.surprise(abs(c)), CAP), c))

    def exceedance(self, state: CalibrationState) -> tuple[Floats, Floats]:
        """(C, 2) fused scores outside episodes beyond each of PROMISED, and how many there would be by the promise.

        Either direction may exceed, so twice p is expected.
        """
        return state.exceeded.astype(float), 2 * np.array(PROMISED) * state.outside[:, None].astype(float)

    def _rank(self, state: CalibrationState, row_class: int | None, side: int) -> Rank | None:
        """Of a class that saw enough, else of all classes; None where they saw too little."""
        if row_class is not None and state.fused_total[row_class] >= POOL_COUNT:
            return Rank.of(state.fused[row_class, side].astype(float), float(state.fused_total[row_class]))
        total = float(state.fused_total.sum())
        return Rank.of(state.fused[:, side].sum(axis=0).astype(float), total) if total >= LEAST_FUSED else None

    def _fit_levels(self, state: CalibrationState) -> None:
        if state.fused_total.sum() < LEAST_FUSED:
            return
        rich = np.flatnonzero(state.fused_total >= POOL_COUNT).tolist()
        for side in (0, 1):
            for of in (None, *rich):
                rank = self._rank(state, of, side)
                levels = [-np.log10(p) if rank is None else rank.size(p) for p in PROMISED]
                state.levels[slice(None) if of is None else of, side] = levels

    def _count(self, state: CalibrationState, c: Floats, classes: Ints, judged: Bools) -> None:
        """Fused scores beyond the levels of the last fit, which knew nothing of them."""
        least = float(state.levels.min())
        if least >= UNKNOWN:
            return
        state.outside[...] += np.bincount(classes[judged], minlength=self.classes)
        with np.errstate(invalid="ignore"):
            far = np.flatnonzero(judged & (np.abs(c) > least))
        beyond = np.abs(c[far, None]) > state.levels[classes[far], (c[far] > 0).astype(np.int64)]
        for k in range(len(PROMISED)):
            state.exceeded[:, k] += np.bincount(classes[far], beyond[:, k], self.classes)


def _quantiles(hist: Floats, total: Floats) -> Floats:
    """(..., 2, 5) log sizes exceeded with FIT_P, of signs that are taken for alike until much has been seen.

    `hist` (..., 2, BINS), `total` (...) of both signs.
    """
    own = (total / (total + SIDE_COUNT))[..., None, None]
    sides = own * hist + (1 - own) * hist.mean(axis=-2, keepdims=True)
    return tail_quantiles(sides, np.repeat(total[..., None], 2, axis=-1), FIT_P)


def volume_class(level: Floats) -> Ints:
    """Bucket 0..6 of a row by its mean count per tick."""
    return np.searchsorted(np.asarray(VOLUME_EDGES), level).astype(np.int64)
