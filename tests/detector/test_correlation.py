"""Contrast with siblings: equal to its naive twin on every axis, pairs and loners included."""

from __future__ import annotations

import numpy as np
import pytest

import detector.common_factor
import detector.grouping
import detector.lattice
from detector.scorers.correlation import Correlation
from detector.timing import DAY_MS, HOUR_MS, Timing
from tests import naive
from tests.grids import MINUTES, grid, maybe, view_of


def random_view(lattice, rng: np.random.Generator, gaps: float = 0.15):  # type: ignore[no-untyped-def]
    """Deviations with a common part, a few rows far off, some missing."""
    y = np.where(rng.random(lattice.size) < gaps, np.nan, 1.0)
    view = view_of(lattice, y, np.ones(lattice.size))
    x = 0.2 * rng.standard_normal() + 0.05 * rng.standard_normal(lattice.size)
    x += np.where(rng.random(lattice.size) < 0.1, -0.8, 0)
    view.L = np.tile(x, (3, 1)).astype(np.float32)
    view.V = np.tile(rng.uniform(1e-3, 0.1, lattice.size), (3, 1)).astype(np.float32)
    view.loading_variance = rng.uniform(0, 0.01, lattice.size).astype(np.float32)
    view.effect_variance = rng.uniform(0.01, 0.02, lattice.size).astype(np.float32)
    return view


@pytest.mark.parametrize(("timing", "cut"), [(MINUTES, 3.0), (Timing(HOUR_MS), 1.5)])
@pytest.mark.parametrize("least", [detector.lattice.SIBLINGS_BY_SHAPE, 2])
@pytest.mark.parametrize(("sizes", "seed"), [((4, 3, 2), 0), ((4, 3, 2), 1), ((7,), 2), ((2, 2), 3), ((1, 5), 4)])
def test_contrast_and_its_learning_equal_their_naive_twins(
    sizes: tuple[int, ...], seed: int, least: int, timing: Timing, cut: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factor, leave-one-out, z, and pe2, me, cxy, cxx over six ticks; siblings share all labels but one.

    Rows are summed by their codes, and where a level has `least` rows and is a product by its shape. By the hour, of
    which half-lives hold few, a residual's say ends sooner.
    """
    monkeypatch.setattr(detector.lattice, "SIBLINGS_BY_SHAPE", least)
    monkeypatch.setattr(detector.grouping, "WORTH_A_SHAPE", min(least, detector.grouping.WORTH_A_SHAPE))
    rng = np.random.default_rng(seed)
    index = grid(*sizes, families=True)
    lattice = index.lattice()
    scorer = Correlation(timing, len(sizes), place_axis=1 if len(sizes) > 1 else -1)
    state = scorer.init(lattice.size)
    state.pe2[...] = rng.uniform(1e-4, 0.05, state.pe2.shape)
    state.cxy[...] = rng.uniform(1e-5, 1e-3, state.cxy.shape)
    state.cxx[...] = rng.uniform(1e-5, 1e-3, state.cxx.shape)
    memory = {n: getattr(state, n).astype(float) for n in ("pe2", "me", "cxy", "cxx", "learnt")}
    names = [d.name for d in index.schema.dimensions]
    labels = [index.cuboid(row) for row in range(lattice.size)]
    factor: dict[tuple[int, str], float] = {}
    keep = timing.keep(5 * DAY_MS, timing.learn_every)
    drift_keep = timing.keep(DAY_MS, timing.learn_every)
    doubt_keep = timing.keep(30 * DAY_MS, timing.learn_every)
    doubt = [(0.0, 0.0)] * len(names)
    for _ in range(6):
        view = random_view(lattice, rng)
        scorer.advance(state, view)
        z = scorer.score(state, view)
        scorer.learn(state, view, np.ones(lattice.size, np.float32))
        for axis, name in enumerate(names):
            groups: dict[str, list[int]] = {}
            for row, label in enumerate(labels):
                own = {k: v for k, v in label.items() if k.partition(".")[0] == name}
                if own:
                    others = {k: v for k, v in label.items() if k not in own}
                    groups.setdefault(f"{sorted(own)} {sorted(others.items())}", []).append(row)
            seen: list[tuple[float, float, float, float]] = []
            effect = view.effect_variance if axis == scorer.place_axis else view.loading_variance
            for group, rows in groups.items():
                x = [maybe(view.L[1, r]) if not view.missing[r] else None for r in rows]
                known = [float(view.V[1, r] + effect[r]) for r in rows]
                pe2 = [memory["pe2"][axis, r] for r in rows]
                factor[axis, group], others_moved, noise = naive.common_factor(
                    x, known, pe2, factor.get((axis, group), 0.0)
                )
                pair = sum(v is not None for v in x) < 3
                for i, r in enumerate(rows):
                    if x[i] is None or others_moved[i] is None:
                        assert np.isnan(z[axis, r])
                        continue
                    args = [memory[n][axis, r] for n in ("pe2", "me", "cxy", "cxx")]
                    twin = naive.contrast_z(x[i], others_moved[i], noise[i], *args, pair=pair, doubt=doubt[axis])
                    assert pytest.approx(twin, rel=2e-3, abs=2e-3) == z[axis, r]
                    left = naive.contrast_residual(x[i], others_moved[i], *args[1:])
                    seen.append((left, others_moved[i], noise[i] + args[0], 1.0))
                    new = naive.learn_contrast(
                        x[i], others_moved[i], noise[i], *args, rate=1.0, learnt=memory["learnt"][axis, r], keep=keep,
                        drift_keep=drift_keep, floor=scorer.learning.floor, cut=cut,
                    )  # fmt: skip
                    for n, value in zip(("pe2", "me", "cxy", "cxx"), new, strict=True):
                        memory[n][axis, r] = value
                    memory["learnt"][axis, r] += 1
            doubt[axis] = naive.loading_doubt(doubt[axis], seen, doubt_keep)
    assert pytest.approx(np.array(doubt), rel=5e-3, abs=1e-3) == state.doubt
    for n, expected in memory.items():
        assert pytest.approx(expected, rel=5e-3, abs=1e-6) == getattr(state, n)


@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize("stretch", [7, 40, detector.common_factor.STRETCH])
def test_large_levels_by_shape_equal_themselves_by_code(
    gaps: float, stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the rounding of sums in float32, however the shape is cut into stretches; rows without siblings too."""
    rng = np.random.default_rng(5)
    index = grid(6, 90, 4, families=True)
    scorer = Correlation(MINUTES, 3, 1)
    found = []
    views = [random_view(index.lattice(), rng, gaps) for _ in range(3)]
    for least in (1 << 40, 2):
        monkeypatch.setattr(detector.lattice, "SIBLINGS_BY_SHAPE", least)
        monkeypatch.setattr(detector.grouping, "WORTH_A_SHAPE", 2)
        monkeypatch.setattr(detector.common_factor, "STRETCH", stretch)
        index.lattice().kept.siblings.clear()
        state = scorer.init(len(index))
        for view in views:
            scorer.advance(state, view)
            scorer.learn(state, view, np.ones(len(index), np.float32))
        found.append((scorer.score(state, view), state.factor, [c.doubled for c in view.contrasts]))
    by_code, by_shape = found

    assert any(index.lattice().siblings_of(axis).blocks for axis in range(3))
    for mine, other in zip(by_code, by_shape, strict=True):
        assert np.allclose(mine, other, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_a_row_that_moves_alone_is_loud_and_its_siblings_stay_calm() -> None:
    """The robust factor is not dragged by the one that fell."""
    lattice = grid(6).lattice()
    scorer = Correlation(MINUTES, 1)
    state = scorer.init(lattice.size)
    view = random_view(lattice, np.random.default_rng(0), gaps=0)
    view.L[...] = 0
    view.V[...] = 0.001
    view.L[:, 2] = -1
    scorer.advance(state, view)
    z = scorer.score(state, view)[0]

    assert z[2] < -8
    assert np.abs(np.delete(z[:6], 2)).max() < 2


def test_what_all_siblings_do_is_nobodys_incident() -> None:
    """An outside cause: magnitude is high, contrast is low."""
    lattice = grid(6).lattice()
    scorer = Correlation(MINUTES, 1)
    state = scorer.init(lattice.size)
    view = random_view(lattice, np.random.default_rng(0), gaps=0)
    view.L[...] = -0.7
    view.V[...] = 0.001
    for _ in range(10):  # the common factor follows in bounded steps
        scorer.advance(state, view)

    assert np.abs(scorer.score(state, view)[0, :6]).max() < 0.5


def test_a_single_series_has_no_peers() -> None:
    """No siblings, no opinion."""
    lattice = grid(1).lattice()
    scorer = Correlation(MINUTES, 1)
    state = scorer.init(lattice.size)
    view = random_view(lattice, np.random.default_rng(0), gaps=0)
    scorer.advance(state, view)

    assert np.isnan(scorer.score(state, view)).all()
