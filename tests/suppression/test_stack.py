"""The stack rule: likelihood ratio of witnesses equal to its naive twin; bounded, and fair to silence."""

from __future__ import annotations

import numpy as np
import pytest

from detector.frame import Key
from detector.schema import MINUTE_MS, Dimension, Independence, Metric, Parent, Schema
from detector.series import SeriesIndex
from detector.timing import Timing
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.impact import Effects
from suppression.suppressor import Scene
from suppression.suppressors.stack import Stack, log_likelihood_ratio, place_around, student3
from tests import naive


@pytest.mark.parametrize("z", [-12.0, -3.0, -0.5, 0.0, 0.7, 2.0, 5.0, 15.0, 60.0])
@pytest.mark.parametrize("moved", [0.0, 0.5, 3.0, 10.0, 40.0])
def test_the_likelihood_ratio_equals_its_naive_twin(z: float, moved: float) -> None:
    """Five elasticities against Student's t with three degrees of freedom, in [-1.5, 4]."""
    assert pytest.approx(naive.witness_ratio(z, moved), abs=1e-9) == log_likelihood_ratio(z, moved)
    assert -1.5 <= log_likelihood_ratio(z, moved) <= 4


def test_a_witness_that_moved_with_us_speaks_for_an_outside_cause() -> None:
    """A calm one against it, one that moved the other way too."""
    assert log_likelihood_ratio(5, 8) > 2
    assert log_likelihood_ratio(0, 8) < -1
    assert log_likelihood_ratio(-5, 8) < -1


def test_a_witness_too_noisy_to_tell_says_little() -> None:
    """Where our movement would hardly show in it, the ratio stays far from both verdicts."""
    assert abs(log_likelihood_ratio(0.2, 0.3)) < 0.5


def test_student_density_integrates_to_one() -> None:
    """Trapezoids over ±200."""
    step = 0.05
    total = sum(student3(-200 + step * k) * step for k in range(8001))

    assert pytest.approx(1, abs=1e-3) == total


SCHEMA = Schema(
    dimensions=(Dimension("device"), Dimension("region", (Parent("continent", {"west": ("eu", "na")}),))),
    metrics=(
        Metric("requests", stack="app", kind="count"),
        Metric("dns", role="witness", stack="dns", kind="count", dimensions=("region",)),
    ),
    independence=(Independence("app", "dns"),), place="region", interval_ms=MINUTE_MS,
)  # fmt: skip
KEYS: list[Key] = [("requests", d, r) for d in ("phone", "tv", "web") for r in ("eu", "jp", "na")]
INDEX = SeriesIndex(SCHEMA)
INDEX.admit([*KEYS, *(("dns", "", r) for r in ("eu", "jp", "na"))])
LATTICE = INDEX.lattice()
TV_EU = INDEX.rows["requests", "tv", "eu"]


def row(metric: str, **cuboid: str) -> int:
    wanted = {name.replace("_", "."): value for name, value in cuboid.items()}
    return next(
        r for r in range(LATTICE.size) if INDEX.metric_of(r).name == metric and INDEX.cuboid(r) == wanted
    )  # fmt: skip


def outside(place: float, witness: float) -> Scene:
    """`eu` moved by `place`, its witness by `witness`, which scatters by 0.04; tv in `eu` fell by a half."""
    deviation = np.zeros((3, LATTICE.size))
    deviation[:, TV_EU], deviation[:, row("requests", region="eu")] = -0.7, place
    deviation[:, row("dns", region="eu")] = witness
    none = np.zeros(LATTICE.size)
    return Scene(
        t_ms=0, timing=Timing(MINUTE_MS), index=INDEX, lattice=LATTICE, controls=Controls(), effects=Effects(),
        threshold=7.0, z=deviation / 0.04, deviation=deviation, raw_deviation=deviation[0], residual=none,
        contrast=none, testimony=none, is_coupled=none > 0, age=none.astype(np.int64), candidates=[],
    )  # fmt: skip


def part() -> Candidate:
    return Candidate("tv", TV_EU, TV_EU, -1, 0, 0, size=-0.7, raw=-0.7, peak_raw=-0.7)


@pytest.mark.parametrize(
    ("place", "witness", "holds", "waits"),
    [
        (-0.4, -0.3, True, False),  # all of it moved, tv more than others: what witnesses say of it they say of tv
        (-0.2, -0.3, False, True),  # the place may follow
        (-0.4, 0.0, False, False),  # nothing came from outside
        (0.4, -0.3, False, True),
    ],
)
def test_a_part_that_moves_with_its_place_is_explained_with_it(
    place: float, witness: float, holds: bool, waits: bool
) -> None:
    opinion = Stack().judge_part(part(), outside(place, witness))

    assert (holds, waits) == (opinion.holds, opinion.waits)


def test_a_part_whose_place_never_follows_is_told_when_patience_ends() -> None:
    """Ten minutes for a fall of a half."""
    one, scene = part(), outside(-0.2, -0.3)
    waits = [Stack().judge_part(one, scene).waits for _ in range(12)]

    assert [True] * 10 + [False] * 2 == waits


@pytest.mark.parametrize(
    ("cuboid", "place"),
    [
        ({"device": "tv", "region": "eu"}, {"region": "eu"}),
        ({"device": "tv", "region_continent": "west"}, {"region.continent": "west"}),
        ({"device": "tv"}, None),
    ],
)
def test_the_narrowest_place_around_a_cuboid(cuboid: dict[str, str], place: dict[str, str] | None) -> None:
    found = place_around(row("requests", **cuboid), outside(0.0, 0.0))

    assert place == (None if found is None else INDEX.cuboid(found))
