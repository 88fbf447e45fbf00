"""What a planned event explains: its direction, size, scope and time; who may object to that, and who may not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.schema import MINUTE_MS
from suppression.candidate import Candidate
from suppression.event import Occurrence
from suppression.impact import Effects
from suppression.scope import Scope
from suppression.suppressors.calendar import CalendarRule
from tests.suppression.small_scene import LATTICE, candidate, row, scene

HOUR_MS = 60 * MINUTE_MS
EU, TV_EU = row(region="eu"), row(device_family="tv", region="eu")
MATCH = Occurrence(
    "match", "Match", "match", 0, 2 * HOUR_MS, HOUR_MS, HOUR_MS, Scope({}, {}), "down", (-0.6, -0.3), "explain",
    "freeze",
)  # fmt: skip


def holds(one: Candidate, deviation: float, *, scope: int = EU, phase: float = 1.0) -> bool:
    mask = np.zeros(LATTICE.size, bool)
    mask[LATTICE.leaves_of(scope)] = True
    none = np.zeros(LATTICE.size)
    effects = Effects((MATCH,), none, none, none, masks=[mask], phases=[phase])
    at = scene({one.present: deviation}, [one], {one.present: 20 * deviation}, effects)
    return CalendarRule().judge(one, at).holds


def fallen(r: int = EU, *, contrast: float = 0.0, testimony: float = 0.0) -> Candidate:
    one = candidate(r, sign=-1)
    one.contrast, one.testimony = contrast, testimony
    return one


@pytest.mark.parametrize(
    ("share_left", "expected"), [(0.5, True), (0.4, True), (0.3, False), (0.1, False), (0.95, True), (1.3, False)]
)
def test_the_expected_range_and_nothing_beyond_is_explained(share_left: float, expected: bool) -> None:
    """-60 % to -30 %, up to nothing at all, and two standard deviations of noise."""
    assert holds(fallen(), math.log(share_left)) == expected


@pytest.mark.parametrize(("scope", "expected"), [(EU, True), (row(region="na"), False), (row(), True)])
def test_what_lies_outside_the_scope_is_not_explained(scope: int, expected: bool) -> None:
    assert holds(fallen(), math.log(0.5), scope=scope) == expected


def test_a_part_that_falls_more_than_its_siblings_is_told() -> None:
    """All cells of the region were to fall alike."""
    assert holds(fallen(TV_EU), math.log(0.5))
    assert not holds(fallen(TV_EU, contrast=6.0), math.log(0.5))


def test_siblings_outside_the_scope_do_not_object_and_a_witness_does() -> None:
    """The whole region falls as planned: that other regions do not is what was planned."""
    assert holds(fallen(EU, contrast=6.0), math.log(0.5))
    assert not holds(fallen(EU, contrast=6.0, testimony=6.0), math.log(0.5))


@pytest.mark.parametrize(("phase", "expected"), [(0.5, True), (1.0, False)])
def test_nobody_objects_to_a_cell_that_is_as_usual_in_lead_and_tail(phase: float, expected: bool) -> None:
    """It is back before the tail has run out; in the middle of the event it should have fallen with the others."""
    assert holds(fallen(TV_EU, contrast=6.0), 0.0, phase=phase) == expected
