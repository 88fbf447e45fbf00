"""Slow unevenness of a place that drifts, or is in a planned event, is not told; what breaks off abruptly is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.schema import MINUTE_MS
from detector.timing import Timing
from suppression.candidate import Candidate
from suppression.impact import Effects
from suppression.suppressors.low_impact import LowImpact, place_row
from tests.suppression.small_scene import INDEX, LATTICE, candidate, row, scene

TV_EU, EU = row(device_family="tv", region="eu"), row(region="eu")


def slow(r: int = TV_EU, sign: int = -1) -> Candidate:
    one = candidate(r, sign=sign)
    one.onset, one.largest_z = 2.0, 5.0
    return one


def holds(one: Candidate, place_z: float, effects: Effects | None = None) -> bool:
    return LowImpact().judge_part(one, scene({}, [], {EU: place_z}, effects)).holds


@pytest.mark.parametrize(
    ("cuboid", "place"),
    [
        ({"device_family": "tv", "region": "eu"}, {"region": "eu"}),
        ({"device": "phone-2", "region": "na"}, {"region": "na"}),
        ({"region": "eu"}, None),
        ({"device_family": "tv"}, None),
        ({}, None),
    ],
)
def test_the_place_of_a_part(cuboid: dict[str, str], place: dict[str, str] | None) -> None:
    found = place_row(row(**cuboid), scene({}, []))
    assert place == (None if found is None else INDEX.cuboid(found))


@pytest.mark.parametrize(("place_z", "expected"), [(-2.1, True), (-1.9, False), (2.1, False), (0.0, False)])
def test_a_slow_part_is_held_while_its_place_drifts_that_way(place_z: float, expected: bool) -> None:
    assert holds(slow(), place_z) == expected


def test_an_onset_or_a_large_fall_is_told() -> None:
    abrupt, large = slow(), slow()
    abrupt.onset, large.largest_z = 5.0, 9.0
    assert not holds(abrupt, -4.0)
    assert not holds(large, -4.0)


@pytest.mark.parametrize(("phase", "region", "expected"), [(1.0, "eu", True), (0.0, "eu", False), (1.0, "na", False)])
def test_a_slow_part_is_held_inside_a_planned_event(phase: float, region: str, expected: bool) -> None:
    mask = LATTICE.leaf & False
    mask[LATTICE.leaves_of(row(region=region))] = True
    assert holds(slow(), 0.0, Effects(masks=[mask], phases=[phase])) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(10, True), (11, False), (60, False)])
def test_at_long_ticks_nothing_is_said_to_be_slow(minutes: int, expected: bool) -> None:
    coarse = replace(scene({}, [], {EU: -4.0}), timing=Timing(minutes * MINUTE_MS))
    assert LowImpact().judge_part(slow(), coarse).holds == expected
