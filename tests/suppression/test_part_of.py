"""What began together and moves as one is one: the least cuboid that contains both, and when it speaks for them."""

from __future__ import annotations

import numpy as np
import pytest

from suppression.suppressors.part_of import PartOf
from suppression.width import join, leaves_of
from tests.suppression.small_scene import LATTICE, candidate, row, scene


def belongs(
    mine: int, theirs: int, moved: dict[int, float], minute: int = 0, sign: int = 1, fused: float = 9.0
) -> bool:
    alarm = candidate(theirs, state="firing")
    own = candidate(mine, minute, sign, fused)
    return PartOf().judge(own, scene(moved, [alarm, own])).holds


TV_EU, PHONE_EU, TV_NA, EU, ALL = (
    row(device_family="tv", region="eu"), row(device_family="phone", region="eu"),
    row(device_family="tv", region="na"), row(region="eu"), row(),
)  # fmt: skip


def test_the_join_is_the_least_cuboid_with_the_leaves_of_both() -> None:
    assert join(LATTICE, TV_EU, PHONE_EU) == EU
    assert join(LATTICE, TV_EU, TV_NA) == row(device_family="tv")
    assert join(LATTICE, PHONE_EU, TV_NA) == ALL
    assert join(LATTICE, TV_EU, EU) == EU
    assert join(LATTICE, TV_EU, TV_EU) == TV_EU


@pytest.mark.parametrize("seed", range(20))
def test_the_join_contains_both_and_nothing_smaller_does(seed: int) -> None:
    """Against a search over all rows."""
    a, b = np.random.default_rng(seed).choice(LATTICE.size, 2, replace=False).tolist()
    both = {*leaves_of(LATTICE, a).tolist(), *leaves_of(LATTICE, b).tolist()}
    sizes = [len(leaves_of(LATTICE, r)) for r in range(LATTICE.size) if both <= {*leaves_of(LATTICE, r).tolist()}]
    found = join(LATTICE, a, b)

    assert found is not None
    assert both <= {*leaves_of(LATTICE, found).tolist()}
    assert len(leaves_of(LATTICE, found)) == min(sizes)


def test_two_families_that_rise_with_their_region_are_one() -> None:
    """However loud the second is."""
    moved = {TV_EU: 0.6, PHONE_EU: 0.4, EU: 0.45}
    assert belongs(PHONE_EU, TV_EU, moved)
    assert belongs(PHONE_EU, TV_EU, moved, fused=40.0)
    assert PartOf().whole_of(candidate(PHONE_EU), candidate(TV_EU), scene(moved, [])) == EU


def test_they_are_two_when_the_whole_stands_still() -> None:
    assert not belongs(TV_NA, PHONE_EU, {TV_NA: 0.6, PHONE_EU: 0.4, ALL: 0.1})


def test_they_are_two_when_the_whole_moves_the_other_way() -> None:
    assert not belongs(PHONE_EU, TV_EU, {TV_EU: 0.6, PHONE_EU: 0.4, EU: -0.45})


def test_they_are_two_when_they_move_apart() -> None:
    assert not belongs(PHONE_EU, TV_EU, {TV_EU: 0.6, PHONE_EU: -0.4, EU: 0.3}, sign=-1, fused=40.0)


@pytest.mark.parametrize(
    ("minute", "in_place", "everywhere"), [(25, True, True), (26, True, False), (91, False, False)]
)
def test_what_begins_later_is_another(minute: int, in_place: bool, everywhere: bool) -> None:
    """Parts of one place have an hour and a half, anything else 25 minutes."""
    moved = {TV_EU: 0.6, PHONE_EU: 0.4, EU: 0.45, TV_NA: 0.5, row(device_family="tv"): 0.5}
    assert belongs(PHONE_EU, TV_EU, moved, minute) == in_place
    assert belongs(TV_NA, TV_EU, moved, minute) == everywhere
