"""The combiner: onset memory and the fused score, equal to their naive twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ensemble.combiners.contrast_led import ContrastLed
from tests import naive
from tests.grids import MINUTES, maybe

ROWS = 50


def voices(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    out = tuple(np.where(rng.random(ROWS) < 0.2, np.nan, 4 * rng.standard_normal(ROWS)) for _ in range(3))
    return tuple(v.astype(np.float32) for v in out)  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(5))
def test_the_fused_score_equals_its_naive_twin(seed: int) -> None:
    """Contrast leads; without peers the residual; NaN where nobody who leads has an opinion."""
    combiner = ContrastLed(MINUTES)
    F, D, P = voices(seed)
    c = combiner.score(combiner.init(ROWS), F, D, P)

    for row in range(ROWS):
        expected = naive.combined(maybe(F[row]), maybe(D[row]), maybe(P[row]), combiner.weight)
        if expected is None:
            assert math.isnan(c[row])
        else:
            assert pytest.approx(expected, rel=1e-5, abs=1e-6) == c[row]


def test_the_onset_memory_equals_its_naive_twin() -> None:
    """Decayed maximum of D in each direction, half in an hour; a gap only lets it decay."""
    combiner = ContrastLed(MINUTES)
    state = combiner.init(ROWS)
    history = [voices(seed)[1] for seed in range(30)]
    for D in history:
        combiner.advance(state, D, D)

    keep = 0.5 ** (1 / 60)
    for row in range(ROWS):
        said = [maybe(D[row]) for D in history]
        assert pytest.approx(naive.onset_memory(said, keep, 1), rel=1e-4) == state.up[row]
        assert pytest.approx(naive.onset_memory(said, keep, -1), rel=1e-4) == state.down[row]


def test_a_strong_contrast_is_not_silenced_by_a_calm_residual() -> None:
    """One strong voice is enough; the others only add."""
    combiner = ContrastLed(MINUTES)
    state = combiner.init(1)
    score = lambda f, d, p: float(combiner.score(state, *(np.array([v], np.float32) for v in (f, d, p)))[0])  # noqa: E731

    assert 8 == score(0.1, -0.2, 8)
    assert score(0.1, -0.2, 8) < score(4, -0.2, 8) < score(4, 4, 8)


def test_magnitude_that_the_siblings_share_scores_zero() -> None:
    """Nobody else sees it: the cause lies outside."""
    combiner = ContrastLed(MINUTES)
    c = combiner.score(combiner.init(1), *(np.array([v], np.float32) for v in (12.0, 9.0, 1.9)))

    assert [0.0] == c.tolist()
