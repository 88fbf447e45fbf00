"""The known range: moves within it are quieter, moves out of it louder, an incident is not known to itself."""

from __future__ import annotations

import numpy as np
import pytest

from detector.timing import DAY_MS, MINUTE_MS
from ensemble.known_range import KnownRange, KnownRangeState

STEP = 20 * MINUTE_MS  # three ticks are an hour


def known(values: list[float]) -> tuple[KnownRange, KnownRangeState]:
    kernel = KnownRange.of(STEP)
    state = kernel.init(1)
    kernel.start(state, np.array(values[:1], np.float32))
    for t, v in enumerate(values, start=1):
        kernel.advance(state, t * STEP, np.array([v], np.float32))
    return kernel, state


def loudness(values: list[float], value: float, z: float) -> float:
    """g of a value after a past whose last three ticks are too young to be known."""
    kernel, state = known(values)
    return float(kernel.score(state, np.array([value], np.float32), np.array([z], np.float32))[0])


PAST = [0.0, 10.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("value", "z", "expected"),
    [
        (10, 1, 1.0),  # at the edge: as before
        (15, 1, 1.5),  # half a width beyond
        (40, 1, 2.0),  # no more than twice
        (6.4, 1, 0.8),  # the root of .64
        (0, -1, 1.0),
        (-5, -1, 1.5),
        (10, -1, 0.3**0.5),  # back down to the top: no news
    ],
)
def test_a_move_counts_by_where_it_leads(value: float, z: float, expected: float) -> None:
    """In widths of the range, from the end that the tick moves away from."""
    assert pytest.approx(expected, rel=1e-5) == loudness(PAST, value, z)


def test_an_incident_is_not_known_to_itself() -> None:
    """Values of the last hour do not widen the range; a tick later the first of them does."""
    assert 1.5 == loudness([0, 10, 15, 15, 15], 15, 1)
    assert 1.0 == loudness([0, 10, 15, 15, 15, 15], 15, 1)


def test_a_gap_is_known_as_nothing() -> None:
    """Missing samples neither widen the range nor forget it."""
    assert 1.5 == loudness([0, 10, np.nan, np.nan, np.nan, np.nan], 15, 1)


def test_the_range_halves_in_eight_weeks() -> None:
    """About its middle."""
    _, state = known([0.0, 10.0, *[5.0] * (8 * 7 * DAY_MS // STEP)])

    assert pytest.approx([7.5, -2.5], abs=0.02) == state.ends[:, 0].tolist()


def test_minutes_are_louder_and_coarse_ticks_have_none() -> None:
    """From half an hour on known heights are as much news as new ones."""
    kernels = [KnownRange.of(m * MINUTE_MS) for m in (1, 5, 30)]

    assert [(1.3, True), (1.0, True), (1.0, False)] == [(k.loud, k.is_heard) for k in kernels]


@pytest.mark.parametrize(("budget", "expected"), [(5, 0), (1, 0), (0.5, 1 / 3), (0.25, 1), (0.01, 1)])
def test_it_is_heard_the_more_the_fewer_pages_are_wanted(budget: float, expected: float) -> None:
    """In proportion to the time between promised pages, from one to four weeks."""
    assert pytest.approx(expected) == KnownRange.strength(budget)


def test_half_of_the_strength_is_the_root() -> None:
    """At none everything is as loud as it was."""
    kernel, state = known(PAST)
    x, z = np.array([15.0], np.float32), np.array([1.0], np.float32)

    assert [1.0, pytest.approx(1.5**0.5), 1.5] == [float(kernel.score(state, x, z, q)[0]) for q in (0.0, 0.5, 1.0)]
