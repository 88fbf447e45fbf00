"""Rows born into a running service: whose shape they take, equal to a naive twin that knows rows by their labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.births import lend_shapes, settled_value, shape_givers
from detector.forecasters.seasonal import Seasonal
from tests import naive_births
from tests.detector.test_twins_of_rows import DEVICES, WORLD, labels_of, world
from tests.grids import MINUTES

FAMILIES = {("device", name): name.split("-")[0] for name in DEVICES if "-" in name}
SIZES = st.floats(0, 1e6)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_givers_equal_their_naive_twin(seed: int, share: float) -> None:
    """Every row, leaves and roll-ups, with a few, half, and all rows ready to lend."""
    index, _ = world(seed)
    labels = labels_of(index)
    is_ready = np.random.default_rng(seed).random(len(index)) < share
    ready = [row for row, yes in zip(labels, is_ready, strict=True) if yes]
    expected = [naive_births.giver_labels(WORLD, row, FAMILIES, ready) for row in labels]

    found = shape_givers(index, np.arange(len(index)), is_ready)

    assert expected == [labels[row] if row >= 0 else {} for row in found.tolist()]


def test_a_new_row_starts_on_the_profile_of_its_giver() -> None:
    """Row 1 lends to row 3; row 2 has nobody, and starts flat."""
    state = Seasonal(MINUTES).init(4)
    state.season[:, 1] = np.linspace(-1, 1, 336)
    lend_shapes(state, np.array([2, 3]), np.array([-1, 1]))

    np.testing.assert_array_equal(state.season[:, 1], state.season[:, 3])
    assert not state.season[:, 2].any()


@given(SIZES, SIZES, SIZES)
def test_a_settled_value_equals_its_naive_twin(mu: float, others: float, fresh: float) -> None:
    """New volume is taken as far as it is missed."""
    expected = naive_births.settled(mu, others, others + fresh)

    assert [expected] == settled_value(np.array([mu]), np.array([others]), np.array([others + fresh])).tolist()
