"""Localisation: the score equals its naive twin over all cuboids; one fault, one root; common drift is taken out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from detector.series import Lattice, SeriesIndex
from suppression.localise import Localisation, members, without_common_drift
from tests import naive
from tests.grids import grid


def leaves_by_label(index: SeriesIndex, row: int) -> list[int]:
    """Leaves that carry the row's labels, by comparing texts: the slow and sure way."""
    wanted = {k: v for k, v in index.cuboid(row).items() if "." not in k}
    families = {k.partition(".")[0]: v for k, v in index.cuboid(row).items() if "." in k}
    out = []
    for leaf in index.lattice().leaves.tolist():
        labels = index.labels(leaf)
        if all(labels[k] == v for k, v in wanted.items()) and all(labels[k][0] == v for k, v in families.items()):
            out.append(leaf)
    return out


def fault(index: SeriesIndex, seed: int, size: float = 0.0, **where: str) -> tuple[np.ndarray, np.ndarray]:
    """Deviations and variances of all rows (read at leaves only), shifted where the labels agree."""
    rng = np.random.default_rng(seed)
    n = len(index)
    v = rng.uniform(0.002, 0.02, n)
    x = rng.normal(0, np.sqrt(v))
    for row in index.lattice().leaves.tolist():
        labels = index.labels(row)
        if all(labels[k] == value for k, value in where.items()):
            x[row] += size
    return x, v


def test_members_are_the_leaves_that_carry_the_labels() -> None:
    """For every row of a lattice with families."""
    index = grid(5, 3, 2, families=True)
    lattice = index.lattice()

    for row in range(lattice.size):
        assert leaves_by_label(index, row) == sorted(members(lattice, row).tolist())


@pytest.mark.parametrize("seed", range(4))
def test_the_first_root_is_the_best_of_all_cuboids_by_the_naive_score(seed: int) -> None:
    """Brute force over every row of the lattice finds the same cuboid with the same gain."""
    index = grid(4, 4, 3, families=True)
    lattice = index.lattice()
    x, v = fault(index, seed, -0.6, region="a1", device="b2")
    found = Localisation().roots(lattice, x, v, np.ones(lattice.size, bool))[0]
    counts = Counter(lattice.level.tolist())
    scores = {}
    for row in range(lattice.size):
        leaves = leaves_by_label(index, row)
        mean = sum(x[k] / v[k] for k in leaves) / sum(1 / v[k] for k in leaves)
        if abs(mean) >= 0.1:
            scores[row] = naive.cuboid_score(x[leaves].tolist(), v[leaves].tolist(), counts[lattice.level[row]])
    best = max(scores, key=lambda row: scores[row])

    assert best == found.row
    assert pytest.approx(scores[best]) == found.gain
    assert {"region": "a1", "device": "b2"} == index.cuboid(found.row)
    assert pytest.approx(-0.6, abs=0.1) == found.size


@pytest.mark.parametrize(
    "where", [{"region": "b3"}, {"device": "a0"}, {"activity": "a1"}, {"device": "b3", "region": "a0"}, {}]
)
def test_one_fault_is_one_root_on_the_smallest_cuboid_that_explains_it(where: dict[str, str]) -> None:
    """A region, a device, an activity, a pair, everything."""
    index = grid(4, 4, 3, families=True)
    x, v = fault(index, 1, -0.5, **where)
    roots = Localisation().roots(index.lattice(), x, v, np.ones(len(index), bool))

    assert [where] == [dict(index.cuboid(r.row)) for r in roots]


def test_a_family_is_told_as_a_family() -> None:
    """Both devices of family b fall in every region."""
    index = grid(4, 4, 2, families=True)
    x, v = fault(index, 2, -0.4, device="b2")
    x2, _ = fault(index, 2, -0.4, device="b3")
    roots = Localisation().roots(index.lattice(), np.minimum(x, x2), v, np.ones(len(index), bool))

    assert {"device.family": "b"} == index.cuboid(roots[0].row)


def test_two_faults_are_two_roots() -> None:
    """Best first; the second is found once the first has been taken away."""
    index = grid(4, 4, 3)
    x, v = fault(index, 3, -0.8, device="a0", region="a0")
    x += fault(index, 3, 0.7, device="b3", region="b3")[0] - fault(index, 3)[0]
    roots = Localisation().roots(index.lattice(), x, v, np.ones(len(index), bool))

    cuboids = sorted(tuple(index.cuboid(r.row).items()) for r in roots)
    assert [(("device", "a0"), ("region", "a0")), (("device", "b3"), ("region", "b3"))] == cuboids


def test_noise_has_no_root() -> None:
    """The penalty counts how many cuboids were tried."""
    index = grid(4, 4, 3, families=True)
    found = [
        len(Localisation().roots(index.lattice(), *fault(index, seed), np.ones(len(index), bool))) for seed in range(30)
    ]

    assert 0 == sum(found)


def test_rows_that_are_not_wanted_and_leaves_without_an_opinion_take_no_part() -> None:
    """Gaps are not evidence; an ignored row is no root."""
    index = grid(3, 3)
    lattice: Lattice = index.lattice()
    x, v = fault(index, 1, -0.9, device="a0")
    gaps = x.copy()
    gaps[lattice.leaves] = np.nan

    assert [] == Localisation().roots(lattice, gaps, v, np.ones(lattice.size, bool))
    assert [] == Localisation().roots(lattice, x, v, np.zeros(lattice.size, bool))


def test_what_a_wide_movement_explains_is_no_root_within_it() -> None:
    """A known fall of a whole region is taken away before the search."""
    index = grid(4, 4, 3)
    lattice = index.lattice()
    x, v = fault(index, 1, -0.5, region="a0")
    known = [row for row in range(lattice.size) if index.cuboid(row) == {"region": "a0"}]

    assert [] == Localisation().roots(lattice, x, v, np.ones(lattice.size, bool), known)


def test_natural_drift_is_taken_out_up_to_what_the_roll_up_is_known_to_drift() -> None:
    """A common movement of 5 % vanishes; of one of 60 % only the allowance."""
    index = grid(4, 4, 3)
    lattice = index.lattice()
    level = next(c for c, (_, at) in enumerate(lattice.levels) if at == (1, 1, 1))
    for size, left in ((-0.05, 0.0), (-0.6, -0.5)):
        x = np.full(lattice.size, size)
        out = without_common_drift(
            lattice, x, np.full(lattice.size, 0.001), np.full(lattice.size, (0.1 / 3) ** 2), [level]
        )

        assert pytest.approx(left, abs=0.02) == out[lattice.leaves].mean()


def test_the_score_of_a_single_leaf_is_its_likelihood_less_penalties() -> None:
    """A number one can check by hand: x = 1, v = 0.01, one of ten cuboids."""
    assert pytest.approx(50 - 8 - math.log(10)) == naive.cuboid_score([1.0], [0.01], 10)
