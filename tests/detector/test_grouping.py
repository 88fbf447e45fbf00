"""Sums by shape equal sums by code, up and down a lattice, whether it is a complete product or has gaps."""

from __future__ import annotations

import numpy as np
import pytest

from detector.grouping import Grouping
from detector.series import Lattice, SeriesIndex
from suppression.localise import Sums
from tests.grids import grid, grid_keys, schema_of

SHAPES = [(1, 24, 20), (5, 3, 2), (7, 17, 1), (4, 2, 1), (1, 1, 9), (3, 20, 16)]


def code_of(shape: tuple[int, int, int], kept: str) -> tuple[np.ndarray, int]:
    outer, r, inner = shape
    o, m, i = (axis.reshape(-1) for axis in np.indices(shape))
    return (m, r) if kept == "middle" else (o * inner + i, outer * inner)


def with_gaps() -> SeriesIndex:
    """A product of which every seventh leaf is missing, and some leaves that came later."""
    index = SeriesIndex(schema_of(3, families=True))
    keys = grid_keys(5, 4, 3)
    index.admit([key for i, key in enumerate(keys) if i % 7])
    index.admit(keys[:15])
    return index


def leaves_below(lattice: Lattice) -> dict[int, set[int]]:
    """Leaves of every row by the ancestors of each leaf."""
    out: dict[int, set[int]] = {row: set() for row in range(lattice.size)}
    for level in range(len(lattice.levels)):
        for leaf, row in zip(lattice.leaves.tolist(), lattice.ancestors(level).tolist(), strict=True):
            if row >= 0:
                out[row].add(leaf)
    return out


@pytest.mark.parametrize("kept", ["sides", "middle"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_complete_product_needs_no_code(shape: tuple[int, int, int], kept: str) -> None:
    """Its sums, what is taken from its groups, its members and its counts are those of the code."""
    code, groups = code_of(shape, kept)
    grouping = Grouping.of(code, groups)
    values = np.random.default_rng(1).normal(size=len(code))
    per_group = np.arange(groups, dtype=float)
    left = values.copy()
    grouping.subtract(left, per_group)

    assert grouping.codes is None
    assert np.array_equal(code, grouping.code)
    assert pytest.approx(np.bincount(code, values, groups)) == grouping.sum(values)
    assert np.array_equal(values - per_group[code], left)
    assert np.array_equal(np.bincount(code, minlength=groups), grouping.counts)
    assert np.array_equal(code, grouping.group_of(np.arange(len(code))))
    for group in range(groups):
        assert np.flatnonzero(code == group).tolist() == sorted(grouping.positions(np.array([group])).tolist())


def test_an_irregular_code_is_kept() -> None:
    """Families of devices in no order have no shape."""
    code = np.array([0, 2, 1, 0, 2, 2])
    grouping = Grouping.of(code, 3)

    assert grouping.shape is None
    assert [5.0, 3.0, 12.0] == grouping.sum(np.array([1.0, 2, 3, 4, 5, 5])).tolist()
    assert [1, 4, 5] == sorted(grouping.positions(np.array([2])).tolist())


@pytest.mark.parametrize("index", [grid(5, 4, 3, families=True), with_gaps()], ids=["complete", "gaps"])
def test_up_and_down_a_lattice_lie_the_same_rows(index: SeriesIndex) -> None:
    """Sums, leaves of a row and rows above leaves agree with the ancestors of each leaf."""
    lattice = index.lattice()
    below = leaves_below(lattice)
    values = np.where(lattice.leaf, np.random.default_rng(2).normal(size=lattice.size), 0.0)
    above = lattice.all_above(lattice.leaves)
    summed = lattice.sum_up(values.copy())

    for row, leaves in below.items():
        assert sorted(leaves) == lattice.leaves_of(row).tolist()
        assert leaves == set(lattice.leaves[(above == row).any(axis=0)].tolist())
        assert pytest.approx(values[sorted(leaves)].sum()) == summed[row]


@pytest.mark.parametrize("index", [grid(5, 4, 3, families=True), with_gaps()], ids=["complete", "gaps"])
def test_a_root_taken_away_leaves_the_sums_of_a_new_start(index: SeriesIndex) -> None:
    """Whether few leaves or many are taken, the sums are those of deviations without them."""
    lattice = index.lattice()
    rng = np.random.default_rng(3)
    x, v = rng.normal(size=lattice.size), rng.uniform(0.01, 0.1, lattice.size)
    for row in range(lattice.size):
        sums = Sums(lattice, x, v)
        sums.take(row, 0.7)
        less = x.copy()
        less[lattice.leaves_of(row)] -= 0.7
        fresh = Sums(lattice, less, v)

        assert pytest.approx(fresh.wx) == sums.wx
        assert pytest.approx(fresh.wxx) == sums.wxx


def test_the_leaves_that_are_kept_stay_few() -> None:
    """Asked for all rows again and again, a lattice remembers at most four times its leaves."""
    lattice = grid(6, 5, 4).lattice()
    for row in range(lattice.size):
        lattice.leaves_of(row)

    assert lattice.kept.held <= 4 * len(lattice.leaves)
    assert lattice.kept.held == sum(len(leaves) for leaves in lattice.kept.leaves.values())


@pytest.mark.parametrize("index", [grid(5, 4, 3, families=True), with_gaps()], ids=["complete", "gaps"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_a_part_of_a_lattice_sums_its_own_leaves(index: SeriesIndex, share: float) -> None:
    """Rows above the leaves of two masks, and sums of these leaves alone, as the ancestors of each leaf tell them."""
    lattice = index.lattice()
    rng = np.random.default_rng(3)
    masks = [rng.random(lattice.size) < share, rng.random(lattice.size) < share / 2]
    leaves = set(np.flatnonzero((masks[0] | masks[1]) & lattice.leaf).tolist())
    values = rng.normal(size=lattice.size)
    inside = {row: below & leaves for row, below in leaves_below(lattice).items()}
    part = lattice.part_of(masks)

    assert sorted(leaves) == part.leaves.tolist()
    assert [row for row in sorted(inside) if inside[row]] == part.rows.tolist()
    expected = [sum(values[leaf] for leaf in inside[row]) for row in part.rows.tolist()]
    assert pytest.approx(expected, abs=1e-12) == part.sum_up(values[part.leaves])
    assert lattice.part_of(masks) is part
    assert lattice.part_of([m.copy() for m in masks]) is not part
