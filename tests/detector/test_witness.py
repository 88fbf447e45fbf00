"""Contrast with a witness: equal to its naive twin; without a fresh, declared witness there is no opinion."""

from __future__ import annotations

import numpy as np
import pytest

from detector.scorers.witness import FRESH_TICKS, Witness
from detector.timing import DAY_MS
from tests import naive
from tests.grids import MINUTES, flat, view_of

ROWS = 8
LATTICE = flat(ROWS)
WITNESSES = np.array([[4, 5, -1, 5, -1, -1, -1, -1], [6, -1, -1, 7, -1, 4, -1, -1]])


def random_view(rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Deviations, gaps, witnesses silent for some time, one without an expectation."""
    y = np.where(rng.random(ROWS) < 0.15, np.nan, 1.0)
    view = view_of(LATTICE, y, np.where(np.arange(ROWS) == 7, np.nan, 1.0))
    view.L = rng.normal(0, 0.3, (3, ROWS)).astype(np.float32)
    view.V = rng.uniform(1e-3, 0.1, (3, ROWS)).astype(np.float32)
    view.age = rng.integers(0, FRESH_TICKS + 3, ROWS).astype(np.int32)
    view.loading_variance = rng.uniform(0, 0.01, ROWS).astype(np.float32)
    view.witnesses = WITNESSES
    return view


@pytest.mark.parametrize("seed", range(3))
def test_testimony_and_its_learning_equal_their_naive_twins(seed: int) -> None:
    """One sibling, no Huber step, single scale: z, and pe2, me, cxy, cxx over ten ticks, a rate for each row."""
    rng = np.random.default_rng(seed)
    scorer = Witness(MINUTES, 2)
    state = scorer.init(ROWS)
    state.pe2[...] = rng.uniform(1e-4, 0.05, state.pe2.shape)
    state.cxx[...] = rng.uniform(1e-3, 1e-2, state.cxx.shape)
    state.cxy[...] = rng.uniform(1e-4, 1e-2, state.cxy.shape)
    memory = {n: getattr(state, n).astype(float) for n in ("pe2", "me", "cxy", "cxx", "learnt")}
    keep, drift_keep = (MINUTES.keep(half_life, MINUTES.learn_every) for half_life in (5 * DAY_MS, DAY_MS))
    doubt_keep = MINUTES.keep(30 * DAY_MS, MINUTES.learn_every)
    doubt = [(0.0, 0.0)] * 2
    rate = rng.choice(np.array([0, 0.1, 1], np.float32), ROWS)
    opinions = 0
    for _ in range(10):
        view = random_view(rng)
        scorer.advance(state, view)
        z = scorer.score(state, view)
        scorer.learn(state, view, rate)
        for w in range(2):
            seen: list[tuple[float, float, float, float]] = []
            for row in range(ROWS):
                by = int(WITNESSES[w, row])
                if by < 0 or not view.judgeable[row] or view.age[by] > FRESH_TICKS or by == 7:
                    assert np.isnan(z[w, row])
                    assert np.isnan(view.testimonies[w].residual[row])
                    continue
                x, other = float(view.L[1, row]), float(view.L[1, by])
                noise = float(view.V[1, row]) + float(view.V[1, by]) + float(view.loading_variance[row])
                args = [memory[n][w, row] for n in ("pe2", "me", "cxy", "cxx")]
                left = naive.contrast_residual(x, other, *args[1:])
                twin = naive.contrast_z(x, other, noise, *args, pair=False, doubt=doubt[w])
                assert pytest.approx(twin, rel=2e-3, abs=2e-3) == z[w, row]
                seen.append((left, other, noise + args[0], float(rate[row])))
                assert pytest.approx(left, rel=1e-3, abs=1e-4) == view.testimonies[w].residual[row]
                new = naive.learn_contrast(
                    x, other, noise, *args, rate=float(rate[row]), learnt=memory["learnt"][w, row], keep=keep,
                    drift_keep=drift_keep, floor=scorer.learning.floor,
                )  # fmt: skip
                for n, value in zip(("pe2", "me", "cxy", "cxx"), new, strict=True):
                    memory[n][w, row] = value
                memory["learnt"][w, row] += float(rate[row])
                opinions += 1
            doubt[w] = naive.loading_doubt(doubt[w], seen, doubt_keep)
    assert pytest.approx(np.array(doubt), rel=5e-3, abs=1e-3) == state.doubt
    for n, expected in memory.items():
        assert pytest.approx(expected, rel=5e-3, abs=1e-6) == getattr(state, n)
    assert opinions > 20


def test_a_fall_that_the_witness_shares_is_explained_and_one_alone_is_not() -> None:
    """Both at half: the row did what the place did. The row alone at half: it is the row."""
    scorer = Witness(MINUTES, 1)
    state = scorer.init(ROWS)
    found = []
    for moved in (-0.7, 0.0):
        view = view_of(LATTICE, np.ones(ROWS), np.ones(ROWS))
        view.L = np.zeros((3, ROWS), np.float32)
        view.V = np.full((3, ROWS), 0.002, np.float32)
        view.L[1, 0], view.L[1, 4] = -0.7, moved
        view.witnesses = WITNESSES[:1]
        scorer.advance(state, view)
        found.append(float(scorer.score(state, view)[0, 0]))

    assert abs(found[0]) < 1 < 8 < -found[1]
