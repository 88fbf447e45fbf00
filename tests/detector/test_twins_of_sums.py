"""Running means, minmod and sums over groups: equal to naive twins that know one number, or one group, at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.grouping import Grouping, as_slice
from detector.running import gain, minmod

NUMBERS = st.floats(-100, 100)


def naive_minmod(a: float, b: float) -> float:
    """Of two of one sign the smaller in size, else nothing."""
    if a == 0 or b == 0 or (a > 0) != (b > 0):
        return 0.0
    return a if abs(a) < abs(b) else b


@given(st.lists(st.tuples(st.sampled_from((0.0, -1.5, 1.5, 2.0)) | NUMBERS, NUMBERS), min_size=1))
def test_minmod_equals_its_naive_twin(pairs: list[tuple[float, float]]) -> None:
    """Signs that differ, zeros, equal sizes; products so small that they vanish are left out."""
    pairs = [(a, b) for a, b in pairs if a * b != 0 or 0 in (a, b)]
    a, b = np.array(pairs).reshape(-1, 2).T

    assert [naive_minmod(x, y) for x, y in pairs] == minmod(a, b).tolist()


def naive_weights(n: int, keep: float) -> list[float]:
    """Of n values, oldest first, in a mean that moves by 1/n while young, then by 1 - keep."""
    weights = [1.0]
    for k in range(2, n + 1):
        share = max(1 / k, 1 - keep)
        weights = [w * (1 - share) for w in weights] + [share]
    return weights


def naive_members(code: list[int], groups: int) -> dict[int, list[int]]:
    """Rows by group."""
    members: dict[int, list[int]] = {g: [] for g in range(groups)}
    for row, group in enumerate(code):
        members[group].append(row)
    return members


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.floats(0.5, 0.999))
def test_a_young_decayed_mean_is_the_plain_mean_and_an_old_one_forgets(values: list[float], keep: float) -> None:
    """The first values count alike, until 1/n is less than 1 - keep; from there on older ones ever less."""
    state, learnt = 0.0, np.zeros(1, np.float32)
    for x in values:
        state += float(gain(keep, learnt)[0]) * (x - state)
        learnt += 1
    weights = naive_weights(len(values), keep)
    expected = math.fsum(w * x for w, x in zip(weights, values, strict=True))

    assert pytest.approx(expected, rel=1e-4, abs=1e-3) == state
    assert pytest.approx([1 / len(values)] * len(values)) == weights or len(values) > 1 / (1 - keep) - 1e-6


@pytest.mark.parametrize("kept", ["sides", "middle", "none"])
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 20), st.integers(1, 18)), seed=st.integers(0, 99)
)  # fmt: skip
def test_sums_over_groups_equal_their_naive_twin(kept: str, shape: tuple[int, int, int], seed: int) -> None:
    """Whether the shape says who belongs to whom or a code does: sums, counts, members, and what is taken away."""
    rng = np.random.default_rng(seed)
    outer, middle, inner = np.indices(shape).reshape(3, -1)
    code = {"middle": middle, "sides": outer * shape[2] + inner}.get(kept, rng.integers(0, 5, outer.size))
    groups = int(code.max()) + 1
    values = rng.normal(size=code.size)
    members = naive_members(code.tolist(), groups)
    grouping = Grouping.of(code, groups)
    sums = grouping.sum(values)
    left = values.copy()
    grouping.subtract(left, sums)
    some = rng.choice(groups, rng.integers(1, groups + 1), replace=False)
    rows = rng.integers(0, code.size, 6)

    assert kept == "none" or grouping.codes is None
    assert code.tolist() == grouping.code.tolist()
    assert [len(members[g]) for g in range(groups)] == grouping.counts.tolist()
    assert pytest.approx([sum(float(values[r]) for r in members[g]) for g in range(groups)]) == sums.tolist()
    assert pytest.approx([v - sums[g] for v, g in zip(values.tolist(), code.tolist(), strict=True)]) == left.tolist()
    assert [int(code[r]) for r in rows.tolist()] == grouping.group_of(rows).tolist()
    assert sorted(r for g in some.tolist() for r in members[g]) == sorted(grouping.positions(some).tolist())


@given(st.lists(st.integers(0, 30), unique=True).map(sorted))
def test_neighbouring_rows_are_a_slice_of_the_same_rows(rows: list[int]) -> None:
    """The same values either way; a gap keeps the numbers."""
    found = as_slice(np.array(rows, np.int64))

    assert rows == np.arange(40)[found].tolist()
    assert isinstance(found, slice) == (bool(rows) and rows[-1] - rows[0] == len(rows) - 1)
