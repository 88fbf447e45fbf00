"""Fitted tails, scales of rows, ranks of the fused score, deviations that came back: equal to their naive twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ensemble.calibrate import CAP, Calibration
from ensemble.episode import has_come_back
from ensemble.tails import BINS, rank_surprise
from tests import naive_ranks
from tests.grids import MINUTES

CLASSES, SCORERS, ROWS = 4, 2, 30


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_equals_its_naive_twin(seed: int) -> None:
    """Tails by class, scorer and sign, blended with the pool: a rich class, one of a few values, an empty one."""
    rng = np.random.default_rng(seed)
    calibration = Calibration(MINUTES, SCORERS, CLASSES)
    state = calibration.init(ROWS)
    seen = np.array([60_000, 3_000, 40, 0])
    for c, n in enumerate(seen.tolist()):
        for k in range(SCORERS):
            size = rng.weibull(rng.uniform(0.8, 2), n) * rng.uniform(0.5, 3)
            bins = [[int(naive_bin(s)) for s in size[side::2].tolist()] for side in (0, 1)]
            state.hist[c, k] = [np.bincount(b, minlength=BINS) for b in bins]
            state.total[c, k] = 1.3 * n
    state.worst[...] = rng.gamma(2, 3, state.worst.shape)
    classes = rng.integers(0, CLASSES, ROWS)
    calibration.fit(state, classes)

    for k in range(SCORERS):
        pool_total = float(state.total[:, k].sum())
        for side in (0, 1):
            pool = state.hist[:, k, side].sum(axis=0).astype(float).tolist(), pool_total
            for c in range(CLASSES):
                own = state.hist[c, k, side].astype(float).tolist(), float(state.total[c, k])
                a, b = naive_ranks.blended_tail(own, pool)
                assert pytest.approx((math.log(a), b), rel=1e-4, abs=1e-5) == (
                    float(state.log_a[c, k, side]),
                    float(state.b[c, k, side]),
                )
        expected = naive_ranks.row_scales(state.worst[k].astype(float).tolist(), classes.tolist())
        assert pytest.approx(expected, rel=1e-4) == state.scale[k].tolist()
    assert {0.25, 4.0} & set(state.scale.reshape(-1).tolist()), "no row reached a bound"


def naive_bin(size: float) -> int:
    return max((k for k in range(BINS) if naive_ranks.edge(k) <= size), default=0)


HISTOGRAMS = st.lists(st.one_of(st.just(0), st.integers(0, 5000)), min_size=BINS // 2, max_size=BINS // 2)


@given(low=HISTOGRAMS, tail=st.lists(st.integers(0, 9), max_size=BINS // 2 - 1), zeros=st.integers(0, 400_000),
       size=st.floats(0.05, 80))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_the_rank_of_a_fused_score_equals_its_naive_twin(
    low: list[int], tail: list[int], zeros: int, size: float
) -> None:
    """Crowds and gaps, a thin tail, most scores zero: share inside a bin, exponential beyond the last half per cent."""
    hist = [float(n) for n in [*low, *tail]]
    hist += [0.0] * (BINS - len(hist))
    total = sum(hist) + zeros
    assume(total >= 1000)
    last = max((k for k in range(BINS) if hist[k]), default=0)
    assume(sum(hist) < 5 or last < BINS - 1)
    expected = naive_ranks.ranked_surprise(hist, total, size)
    found = rank_surprise(np.array(hist), total, size)

    assert (expected is None) == (found is None)
    if expected is not None and expected < 14.9:
        assert pytest.approx(expected, rel=1e-6, abs=1e-6) == found


@pytest.mark.parametrize(("seen", "of"), [(200, "itself"), (5_000, "all"), (60_000, "its class")])
def test_a_fused_score_is_ranked_in_its_class_if_that_saw_enough(seen: int, of: str) -> None:
    """Signed and capped; fewer than 20,000 in the class: among all; fewer than 1000 at all: the score itself."""
    calibration = Calibration(MINUTES, 1, 2)
    state = calibration.init(1)
    rng = np.random.default_rng(seen)
    for row_class, scale in ((0, 1.0), (1, 2.0)):
        c = rng.exponential(scale, seen) * rng.choice([-1, 1], seen)
        calibration.learn_fused(state, c, np.full(seen, row_class), np.ones(seen, np.float32))
    for c in (-3.0, 2.0, 7.5):
        side = int(c > 0)
        hist, total = state.fused[1, side].astype(float), float(state.fused_total[1])
        if of == "all":
            hist, total = state.fused[:, side].astype(float).sum(axis=0), float(state.fused_total.sum())
        size = abs(c) if of == "itself" else naive_ranks.ranked_surprise(hist.tolist(), total, abs(c))
        assert size is not None

        assert pytest.approx(math.copysign(size, c)) == calibration.fused_surprise(state, c, 1)
    assert [-CAP, 0.0, 0.0, CAP] == [calibration.fused_surprise(state, c, 1) for c in (-1e6, 0.0, math.nan, 1e6)]


def test_a_sign_that_was_never_seen_has_the_surprise_of_the_score_itself() -> None:
    """Thousands of scores upwards say nothing of how rare one downwards is."""
    calibration = Calibration(MINUTES, 1, 1)
    state = calibration.init(1)
    calibration.learn_fused(state, np.full(3000, 1.0), np.zeros(3000, int), np.ones(3000, np.float32))

    assert -4.0 == calibration.fused_surprise(state, -4.0, 0)


@given(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3), st.sampled_from((-1, 1)))
def test_what_has_come_back_equals_its_naive_twin(deviations: list[float], sign: int) -> None:
    """Only the longest horizon still deviates; nothing has come back from the other side."""
    found = has_come_back(np.array(deviations, np.float32)[:, None], np.array([sign], np.int8))

    assert naive_ranks.come_back(deviations, sign) == bool(found[0])
