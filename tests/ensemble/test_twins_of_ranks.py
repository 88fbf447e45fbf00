"""Fitted tails, scales of rows, ranks of the fused score, deviations that came back: equal to their naive twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ensemble.calibrate import CAP, Calibration
from ensemble.episode import has_come_back
from ensemble.rank import Rank
from ensemble.tails import BINS
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
        pools = naive_ranks.sides(*state.hist[:, k].sum(axis=0).astype(float).tolist(), pool_total)
        for side in (0, 1):
            for c in range(CLASSES):
                own_total = float(state.total[c, k])
                own = naive_ranks.sides(*state.hist[c, k].astype(float).tolist(), own_total)[side]
                a, b = naive_ranks.blended_tail((own, own_total), (pools[side], pool_total))
                assert pytest.approx((math.log(a), b), rel=1e-4, abs=1e-5) == (
                    float(state.log_a[c, k, side]),
                    float(state.b[c, k, side]),
                )
        expected = naive_ranks.row_scales(
            state.worst[k].astype(float).tolist(), classes.tolist(), state.total[:, k].astype(float).tolist()
        )
        assert pytest.approx(expected, rel=1e-4) == state.scale[k].tolist()
    assert {0.25, 4.0} & set(state.scale.reshape(-1).tolist()), "no row reached a bound"


def naive_bin(size: float) -> int:
    return max((k for k in range(BINS) if naive_ranks.edge(k) <= size), default=0)


HISTOGRAMS = st.lists(st.one_of(st.just(0), st.integers(0, 5000)), min_size=BINS // 2, max_size=BINS // 2)


@given(low=HISTOGRAMS, tail=st.lists(st.integers(0, 9), max_size=BINS // 2 - 1), zeros=st.integers(0, 400_000),
       size=st.floats(0.05, 80))  # fmt: skip
@settings(max_examples=60, deadline=None)
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
    rank = Rank.of(np.array(hist), total)

    assert (expected is None) == (rank is None)
    if rank is not None and expected is not None and expected < 14.9:
        assert pytest.approx(expected, rel=1e-6, abs=1e-6) == rank.surprise(size)


@given(low=HISTOGRAMS, zeros=st.integers(0, 400_000), p=st.floats(1e-9, 0.5))
@settings(max_examples=60, deadline=None)
def test_the_size_of_a_share_is_found_again_by_its_surprise(low: list[int], zeros: int, p: float) -> None:
    """What `size` says is exceeded with p has the naive surprise of p; 0 where too few have the sign at all."""
    hist = [*map(float, low), *[0.0] * (BINS - len(low))]
    rank = Rank.of(np.array(hist), sum(hist) + zeros) if sum(hist) else None
    assume(rank is not None and sum(hist) + zeros >= 1000)
    assert rank is not None
    size = rank.size(p)
    found = naive_ranks.ranked_surprise(hist, sum(hist) + zeros, size)

    if size == 0:
        assert sum(hist) / (sum(hist) + zeros) < p
    else:
        assert pytest.approx(-math.log10(p), rel=1e-6, abs=1e-6) == found


@pytest.mark.parametrize("seed", range(3))
def test_what_exceeds_the_promise_is_counted_as_its_naive_twin_counts(seed: int) -> None:
    """Fused scores outside episodes against the ranks of the last fit: a rich class, and a poor one by all values."""
    rng = np.random.default_rng(seed)
    calibration = Calibration(MINUTES, 1, 2)
    state = calibration.init(400)
    classes = (np.arange(400) >= 300).astype(int)
    ones = np.ones(400, np.float32)

    def scores() -> np.ndarray:
        c = rng.exponential(1.0, 400) * rng.choice([-1, 0, 0, 1], 400) * (1 + classes)
        c[:5] = np.nan
        return c

    for _ in range(120):
        calibration.learn_fused(state, scores(), classes, ones)
    assert not state.outside.any()
    calibration.fit(state, classes)
    hists, totals = state.fused.astype(float), state.fused_total.astype(float)
    expected, judged = np.zeros((2, 2)), np.zeros(2)
    for _ in range(5):
        c, outside, rate = scores(), rng.random(400) < 0.9, rng.choice(np.array([0, 0.1, 1], np.float32), 400)
        calibration.learn_fused(state, c, classes, rate, outside)
        for row in np.flatnonzero(outside & (rate > 0) & ~np.isnan(c)).tolist():
            of, side = int(classes[row]), int(c[row] > 0)
            judged[of] += 1
            rich = totals[of] >= 20_000
            hist = hists[of, side] if rich else hists[:, side].sum(axis=0)
            if c[row]:
                found = naive_ranks.ranked_surprise(hist.tolist(), totals[of] if rich else totals.sum(), abs(c[row]))
                assert found is not None
                expected[of] += [found > 2, found > 3]

    assert [True, False] == (totals >= 20_000).tolist()
    exceeded, promised = calibration.exceedance(state)
    assert expected.tolist() == exceeded.tolist()
    assert pytest.approx(np.outer(judged, [0.02, 0.002])) == promised


def test_rows_in_an_episode_teach_nothing_about_what_is_calm() -> None:
    """Its ticks are left out of the ranks, all but the first, which the caller counts as outside."""
    calibration = Calibration(MINUTES, 1, 1)
    state = calibration.init(3)
    outside = np.array([True, False, True])
    calibration.learn_fused(state, np.array([1.0, 9.0, -1.0]), np.zeros(3, int), np.ones(3, np.float32), outside)

    assert 2.0 == state.fused_total[0] == state.fused.sum()
    assert 0.0 == state.fused[0, :, 40:].sum()


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
