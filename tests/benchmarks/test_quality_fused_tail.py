"""Tails of the fused score beyond its ranks: each is right for values of its own law, and asked before it learns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.quality.fused_tail import TAILS, Asked, exponential, itself, weibull
from detector.schema import MINUTE_MS
from detector.timing import Timing
from ensemble.calibrate import Calibration
from ensemble.tails import BINS, bin_of

TRIED = 200_000


def seen(shape: float) -> tuple[np.ndarray, float]:
    """Sizes with P(more than x) = exp(-(x/1.5)^shape)."""
    size = 1.5 * np.random.default_rng(2).weibull(shape, TRIED)
    return np.bincount(bin_of(size), minlength=BINS).astype(float), float(TRIED)


@pytest.mark.parametrize(("tail", "shape"), [(exponential, 1.0), (weibull, 1.0), (weibull, 1.5)])
def test_a_tail_goes_on_as_its_law_does(tail, shape: float) -> None:  # type: ignore[no-untyped-def]
    """Within a tenth of the true surprise at one in a thousand, in ten thousand and in a hundred thousand."""
    hist, total = seen(shape)
    for p in (1e-3, 1e-4, 1e-5):
        size = 1.5 * (-math.log(p)) ** (1 / shape)
        assert pytest.approx(-math.log10(p), rel=0.1) == tail(hist, total, size)


def test_within_the_ranks_all_but_the_score_itself_agree() -> None:
    """Where something was seen nothing is guessed."""
    hist, total = seen(1.2)

    assert exponential(hist, total, 2.0) == weibull(hist, total, 2.0)
    assert pytest.approx((2.0 / 1.5) ** 1.2 / math.log(10), rel=0.05) == exponential(hist, total, 2.0)
    assert 2.0 == itself(hist, total, 2.0)


def test_every_tail_is_asked_before_the_scores_are_learnt() -> None:
    """The first tick is asked of nobody; of the next, what was learnt from the first answers."""
    inner = Calibration(Timing(MINUTE_MS), 1, 1)
    state = inner.init(2000)
    asked = Asked(inner)
    c = np.random.default_rng(3).exponential(1.0, 2000)
    classes, rate = np.zeros(2000, int), np.ones(2000, np.float32)
    for _ in range(2):
        asked.learn_fused(state, c, classes, rate)

    assert [2000, 2000] == asked.cells
    assert 0 == asked.counts[0].sum()
    assert [c.size / 100, c.size / 100] == pytest.approx(asked.counts[1][:2, 0].tolist(), abs=2)
    assert int((c >= 2).sum()) == asked.counts[1][list(TAILS).index("the score itself"), 0]
    assert 4000 == state.fused_total[0]
