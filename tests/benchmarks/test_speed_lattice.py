"""The lattice of the whole step is what the bars say: 18 cuboid levels, one percent of rows in an episode."""

from __future__ import annotations

import numpy as np

from benchmarks.speed import whole
from benchmarks.speed.lattice import Sizes, Traffic, keys, schema
from detector.series import SeriesIndex


def index_of(sizes: Sizes) -> SeriesIndex:
    index = SeriesIndex(schema(sizes))
    index.admit(keys(sizes))
    return index


def test_rows_are_as_many_as_the_sizes_say_on_eighteen_levels() -> None:
    """Device with family × region with continent × activity."""
    sizes = Sizes.of(2000)
    index = index_of(sizes)

    assert sizes.rows == len(index)
    assert 18 == len(index.lattice().levels)


def test_sizes_meet_the_wanted_rows_within_one_percent() -> None:
    """At the two sizes that the bars name."""
    for wanted in (100_000, 1_000_000):
        assert abs(Sizes.of(wanted).rows / wanted - 1) < 0.01


def test_counts_are_the_same_in_every_process() -> None:
    """Both sides of a comparison, and two runs of it, see equal counts, deviations included."""
    sizes = Sizes.of(2000)
    first, second = Traffic(index_of(sizes), sizes), Traffic(index_of(sizes), sizes)
    for traffic in (first, second):
        traffic.start_deviations()

    for _ in range(3):
        np.testing.assert_array_equal(first.tick(1.0, deviating=True), second.tick(1.0, deviating=True))


def test_about_one_percent_of_rows_are_in_an_episode_once_warm() -> None:
    """The share is steered while the lattice warms up, with an event on and a silence in force."""
    warm = whole.warm(5000)

    assert 0.005 < warm.episode_share() < 0.02
    assert ("festival",) == tuple(o.event_id for o in warm.controls.calendar.active(warm.t_ms))
    assert warm.controls.silences[0].is_in_force(warm.t_ms)
    assert any(c.state != "resolved" for c in warm.state.candidates)
