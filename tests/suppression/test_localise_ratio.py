"""A ratio that moved is blamed on the cuboid that moved, no wider and no narrower."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from suppression.localise_ratio import RatioScan, leaf_rates, localise_ratio

Floats = NDArray[np.float64]


def cube(sizes: tuple[int, ...] = (4, 3, 2), seed: int = 5) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Codes of all leaves, denominators, numerators and denominators before (rate 2 %)."""
    rng = np.random.default_rng(seed)
    codes = np.array(list(product(*(range(size) for size in sizes))), np.int64)
    cnt = rng.integers(200, 2000, len(codes)).astype(float)
    before_cnt = cnt * 10
    return codes, cnt, rng.poisson(before_cnt * 0.02).astype(float), before_cnt


def faulty(codes: NDArray[np.int64], cnt: Floats, labels: dict[int, int], rate: float = 0.2, seed: int = 6) -> Floats:
    """Numerators where the cuboid has another rate."""
    inside = np.all([codes[:, d] == code for d, code in labels.items()], axis=0)
    return np.random.default_rng(seed).poisson(cnt * np.where(inside, rate, 0.02)).astype(float)


@pytest.mark.parametrize("labels", [{0: 1}, {1: 2}, {0: 3, 2: 1}, {0: 0, 1: 1, 2: 0}])
def test_the_cuboid_that_moved_is_blamed_alone(labels: dict[int, int]) -> None:
    """One, two or three labels, exactly those."""
    codes, cnt, before, before_cnt = cube()
    roots = localise_ratio(codes, faulty(codes, cnt, labels), cnt, before, before_cnt)

    assert [tuple(labels.items())] == [root.labels for root in roots]
    assert "up" == roots[0].direction


def test_two_faults_are_two_roots_the_greater_first() -> None:
    """The second is found after the first is explained away."""
    codes, cnt, before, before_cnt = cube()
    value = faulty(codes, cnt, {0: 1}, 0.3)
    second = (codes[:, 0] == 2) & (codes[:, 1] == 0)
    value[second] = cnt[second] * 0.3

    assert [((0, 1),), ((0, 2), (1, 0))] == [r.labels for r in localise_ratio(codes, value, cnt, before, before_cnt)]


def test_a_fall_is_found_when_asked_for() -> None:
    """With `direction` down the cuboid that fell most is blamed."""
    codes, cnt, before, before_cnt = cube()
    roots = localise_ratio(codes, faulty(codes, cnt, {1: 0}, 0.001), cnt, before, before_cnt, direction="down")

    assert (((1, 0),), "down") == (roots[0].labels, roots[0].direction)


def test_uneven_movement_inside_a_cuboid_does_not_narrow_the_blame() -> None:
    """One device stalls twenty-fold, the others of that rate five-fold: the rate is to blame, not the device."""
    codes, cnt, before, before_cnt = cube()
    value = faulty(codes, cnt, {0: 1}, 0.1)
    worst = (codes[:, 0] == 1) & (codes[:, 1] == 0)
    value[worst] = cnt[worst] * 0.4

    assert ((0, 1),) == localise_ratio(codes, value, cnt, before, before_cnt)[0].labels
    narrow = RatioScan(moved_share=np.inf)
    assert ((0, 1), (1, 0)) == localise_ratio(codes, value, cnt, before, before_cnt, narrow)[0].labels


def test_gain_is_the_naive_likelihood_ratio() -> None:
    """The best score over all cuboids, one by one from the formula."""
    codes, cnt, before, before_cnt = cube((3, 2, 2))
    value = faulty(codes, cnt, {0: 1, 1: 1})
    expected = cnt * leaf_rates(before, before_cnt)
    best = -np.inf
    for depth in (1, 2, 3):
        for dims in combinations(range(3), depth):
            cuboids = {tuple(row) for row in codes[:, dims].tolist()}
            for cuboid in cuboids:
                inside = (codes[:, dims] == np.array(cuboid)).all(axis=1)
                a, e, t, et = value[inside].sum(), expected[inside].sum(), value.sum(), expected.sum()
                b, eb = t - a, et - e
                gain = a * np.log(a / e) - t * np.log(t / et) + (b * np.log(b / eb) if b > 0 else 0.0)
                if a / e > t / et:
                    best = max(best, gain - 2 * depth - np.log(len(cuboids)))

    assert best == pytest.approx(localise_ratio(codes, value, cnt, before, before_cnt)[0].score)


def test_rates_of_new_leaves_are_the_overall_one() -> None:
    """(value + 300 R)/(n + 300): nothing before gives R, much before gives its own."""
    rates = leaf_rates(np.array([0.0, 30_000.0]), np.array([0.0, 100_000.0]))

    np.testing.assert_allclose([0.3, 0.3], rates)
    np.testing.assert_allclose(
        [(0 + 300 * 0.1) / 400, (20 + 300 * 0.1) / 400], leaf_rates(np.array([0.0, 20.0]), np.array([100.0, 100.0]))
    )


def test_a_leaf_without_a_dimension_belongs_to_no_cuboid_of_it() -> None:
    """Code -1: the leaf counts in the other dimensions only."""
    codes = np.array([[0, 0], [1, 0], [0, -1], [1, 1]], np.int64)
    flat = np.full(4, 1000.0)
    roots = localise_ratio(codes, np.array([20.0, 20.0, 20.0, 400.0]), flat, flat * 0.2, flat * 10)

    assert 1 == codes[3, dict(roots[0].labels).get(1, 1)]
    assert all(code >= 0 for root in roots for _, code in root.labels)


def test_nothing_moved_blames_nobody() -> None:
    """Observed as expected, or nothing there at all: no root."""
    codes, cnt, _, before_cnt = cube()

    assert [] == localise_ratio(codes, cnt * 0.02, cnt, before_cnt * 0.02, before_cnt)
    assert [] == localise_ratio(codes, cnt * 0, cnt * 0, cnt * 0, cnt * 0)


def test_the_order_of_leaves_does_not_matter() -> None:
    """A permutation of rows gives the same blame."""
    codes, cnt, before, before_cnt = cube()
    value = faulty(codes, cnt, {0: 3, 2: 1})
    mixed = np.random.default_rng(1).permutation(len(codes))

    assert [r.labels for r in localise_ratio(codes, value, cnt, before, before_cnt)] == [
        r.labels for r in localise_ratio(codes[mixed], value[mixed], cnt[mixed], before[mixed], before_cnt[mixed])
    ]
