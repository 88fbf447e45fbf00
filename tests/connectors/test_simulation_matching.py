"""Pages against the truth: what counts as found, and what a false page is put down to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from connectors.simulation import IncidentPlan, Rates, World, WorldParameters, make_geography
from connectors.simulation.matching import Page, false_pages_per_1000_series_weeks, match_pages
from connectors.simulation.unplanned import high_impact_event

MINUTE_MS = 60_000
BASE = WorldParameters(
    minutes=1440,
    history_days=0,
    geography=make_geography({"phone": 2, "tv": 2}, {"eu": 2}),
    rates=Rates().only(),
)


def at(minute: int) -> int:
    return BASE.start_ms + minute * MINUTE_MS


PLAN = IncidentPlan("device_region", (("device", ("tv-1",)), ("region", ("eu-1",))), at(300), at(360), 0.6)
NEWS = high_impact_event(BASE, "news", "news", ("eu-2",), at(600), (3, 60), -0.5, (0.5, 0.5, 0.5))
WORLD = World(replace(BASE, incidents=(PLAN,), events=(NEWS,)))
CELLS = WORLD.truth.incidents[0].cells
EVERYWHERE = np.arange(WORLD.watched_count)


def page(minute: int, cells: np.ndarray = CELLS, change: float = float(np.log(0.4)), length: int = 40) -> Page:
    return Page(at(minute), at(minute + length), cells, change)


def test_a_page_on_the_cells_while_the_fault_lasts_is_right() -> None:
    """It is found, with its delay from the start of the fault."""
    matching = match_pages(WORLD, [page(306)])

    assert 0 == matching.false_pages()
    assert 1.0 == matching.precision()
    assert [6.0] == matching.delays_minutes()


@pytest.mark.parametrize(("minute", "situation"), [(404, "right"), (406, "quiet"), (200, "quiet")])
def test_a_page_may_come_up_to_45_minutes_after_the_end(minute: int, situation: str) -> None:
    """Later, or closed before the start, it is false."""
    assert (situation,) == match_pages(WORLD, [page(minute)]).situation


def test_a_page_that_the_fault_explains_too_little_is_false() -> None:
    """A loss of .6 of one cell in eight cannot be why everything fell by half; nor why something rose."""
    wide = match_pages(WORLD, [page(310, EVERYWHERE, float(np.log(0.5)))])
    rise = match_pages(WORLD, [page(310, change=0.9)])

    assert ("near_incident",) == wide.situation
    assert ("near_incident",) == rise.situation


def test_a_page_elsewhere_is_put_down_to_the_event_that_was_on() -> None:
    """Regions of the page's cells decide; where nothing is on it is quiet."""
    second = np.array([i for i in EVERYWHERE if WORLD.leaves[i][2] == "eu-2"])
    first = np.array([i for i in EVERYWHERE if WORLD.leaves[i][2] == "eu-1"])
    matching = match_pages(WORLD, [page(610, second), page(611, first)])

    assert ("high_impact", "quiet") == matching.situation
    assert {"high_impact": 1, "quiet": 1} == matching.false_by_situation()


def test_the_first_of_two_right_pages_counts() -> None:
    """Recall counts an incident once."""
    matching = match_pages(WORLD, [page(330), page(305)])

    assert [5.0] == matching.delays_minutes()
    assert 0 == matching.false_pages()


def test_recall_is_over_identifiable_incidents() -> None:
    """Nothing told, nothing found."""
    assert WORLD.truth.incidents[0].identifiable
    assert 0.0 == match_pages(WORLD, []).recall()
    assert 1.0 == match_pages(WORLD, [page(306)]).recall()


def test_false_pages_are_counted_per_thousand_series_weeks() -> None:
    """One false page among 40 leaves in a day is 175 per 1000 series-weeks."""
    matching = match_pages(WORLD, [page(1000)])

    assert 175.0 == pytest.approx(false_pages_per_1000_series_weeks(WORLD, matching))
