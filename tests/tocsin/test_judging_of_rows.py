"""What leads among scorers, and which rows are hot, each equal to its naive twin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tocsin.pipeline import hot_sign, largest

VALUES = np.array([np.nan, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 15.0, -15.0, 1e-30], np.float32)


def naive_largest(values: list[float]) -> float:
    """The first of those of greatest size; NaN where nobody has an opinion."""
    known = [v for v in values if not math.isnan(v)]
    return max(known, key=abs) if known else math.nan


def naive_sign(F: float, D: float, P: float, c: float, entering: float, threshold: float) -> int:
    """Peers speak first, then the row itself, then its change, which needs peers to count."""
    alone = math.isnan(P)
    hot = abs(P) >= entering or abs(F) >= entering or abs(c) >= threshold or (abs(D) >= entering and not alone)
    lead = P if abs(P) >= entering else F if abs(F) >= entering else D
    return int(np.sign(lead)) if hot and not math.isnan(lead) else 0


@pytest.mark.parametrize("scorers", [1, 2, 3])
def test_the_largest_voice_keeps_its_sign_and_of_equals_the_first_speaks(scorers: int) -> None:
    q = np.stack([v.reshape(-1) for v in np.meshgrid(*[VALUES] * scorers)])
    expected = np.array([naive_largest([float(v) for v in row]) for row in q.T], np.float32)

    np.testing.assert_array_equal(expected, largest(q.copy()))


def test_hot_rows_have_the_sign_of_who_speaks_first() -> None:
    F, D, P, c = (v.reshape(-1) for v in np.meshgrid(*[VALUES] * 4))
    expected = [naive_sign(*map(float, row), 2.0, 10.0) for row in zip(F, D, P, c, strict=True)]

    assert expected == hot_sign(F, D, P, c, 2.0, 10.0).tolist()
