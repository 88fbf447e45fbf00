"""Consistency of the operating point over classes: equal to its naive twins, and to what it should say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ensemble.consistency import FALSE_RATES, class_rates, edge_opis, operating_points, opis, spread, utility
from tests import naive_consistency
from tests.grids import maybe

RATES = (0.0, 0.01, 0.05, 0.2, 1.0)
CLASSES = 12


def scored(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties and gaps, incidents, classes of unequal size; the last class has no incident."""
    rng = np.random.default_rng(seed)
    classes = np.minimum(rng.geometric(0.2, n) - 1, CLASSES - 1)
    is_real = (rng.random(n) < 0.1) & (classes < CLASSES - 1)
    score = np.round(rng.exponential(1, n) * (1 + 0.2 * classes) + 2 * is_real, 1)
    score[rng.random(n) < 0.05] = np.nan
    return score, is_real, classes


def utilities(seed: int) -> np.ndarray:
    score, is_real, classes = scored(seed)
    points = operating_points(score[~is_real], RATES)
    return utility(*class_rates(score, is_real, classes, CLASSES, points))


@pytest.mark.parametrize("seed", range(4))
def test_utility_equals_its_naive_twin(seed: int) -> None:
    score, is_real, classes = scored(seed)
    found = utilities(seed)
    for d, rate in enumerate(RATES):
        point = naive_consistency.operating_point([maybe(s) for s in score[~is_real]], rate)
        for c in range(CLASSES):
            mine = [(maybe(s), bool(r)) for s, r, k in zip(score, is_real, classes, strict=True) if k == c]
            expected = naive_consistency.class_utility(mine, point)
            assert pytest.approx(math.nan if expected is None else expected, nan_ok=True) == found[c, d]
    assert np.isnan(found[-1]).all()


@pytest.mark.parametrize("seed", range(4))
def test_opis_and_its_edges_equal_their_naive_twins(seed: int) -> None:
    table = utilities(seed)
    plain = [[maybe(u) for u in row] for row in table]

    assert pytest.approx(naive_consistency.opis(plain)) == opis(table)
    for edge in (0.1, 0.3):
        assert pytest.approx(naive_consistency.edge_opis(plain, edge)) == edge_opis(table, edge)


@pytest.mark.parametrize("seed", range(4))
def test_spread_equals_its_naive_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events, exposure = rng.poisson(2, 9).astype(float), rng.uniform(0.5, 9, 9)
    exposure[3] = 0

    assert pytest.approx(naive_consistency.spread(events.tolist(), exposure.tolist())) == spread(events, exposure)


def test_at_an_operating_point_no_more_calm_scores_pass_than_it_says() -> None:
    calm = np.random.default_rng(1).exponential(1, 50_000)
    for rate, point in zip(FALSE_RATES, operating_points(calm), strict=True):
        assert math.floor(rate * len(calm)) == (calm > point).sum()


def test_equal_classes_have_no_inconsistency_and_unequal_ones_do() -> None:
    """A class whose scores are twice as large as the others' gives the same ranks another operating point."""
    rng = np.random.default_rng(2)
    classes = np.repeat(np.arange(4), 20_000)
    is_real = rng.random(len(classes)) < 0.05
    score = rng.exponential(1, len(classes)) + 4 * is_real
    unequal = np.where(classes == 3, 2 * score, score)

    def inconsistency(s: np.ndarray) -> float:
        return opis(utility(*class_rates(s, is_real, classes, 4, operating_points(s[~is_real]))))

    assert inconsistency(score) < 1e-3
    assert inconsistency(unequal) > 10 * inconsistency(score)


def test_what_cannot_be_compared_is_no_number() -> None:
    assert math.isnan(opis(np.ones((1, 3))))
    assert math.isnan(edge_opis(np.full((3, 2), np.nan)))
    assert math.isnan(spread(np.ones(2), np.array([1.0, 0.0])))
    assert [math.inf] == operating_points(np.full(3, np.nan), [0.1]).tolist()
    assert [0.0] == utility(np.zeros(1), np.zeros(1)).tolist()
