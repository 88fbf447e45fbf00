"""The operator's calendar of a simulated world: what it lacks, what it has at the wrong time, and how it is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ruamel.yaml import YAML

from connectors.simulation import Rates, World, WorldParameters
from connectors.simulation.calendar import calendar_event, calendar_yaml
from tocsin.calendar_file import parse_calendars


@pytest.fixture(scope="module")
def world() -> World:
    return World(WorldParameters())


def test_eight_per_cent_are_missing_and_eight_per_cent_moved(world: World) -> None:
    """The shares are exact up to rounding; what is moved is off by 45 to 90 minutes."""
    events = world.truth.of_kind("anticipated")
    missing = [e for e in events if e.scheduled_start_ms is None]
    moved = [e for e in events if e.moved]

    assert round(0.08 * len(events)) == len(missing) == len(moved)
    assert len(events) - len(missing) == len(world.calendar_events())
    for event in moved:
        assert event.scheduled_start_ms is not None
        assert 45 <= abs(event.scheduled_start_ms - event.start_ms) / 60_000 <= 90
    assert all(e.scheduled_start_ms in (None, e.start_ms) for e in events if not e.moved)


def test_a_perfect_calendar_holds_every_event() -> None:
    """Both faults can be switched off."""
    world = World(WorldParameters(rates=Rates(calendar_missing=0, calendar_moved=0)))

    assert len(world.truth.of_kind("anticipated")) == len(world.calendar_events())


def test_an_entry_has_the_shape_of_a_calendar_file(world: World) -> None:
    """Times in UTC without seconds, regions, direction and change, and a class for what is learnt."""
    event = next(e for e in world.truth.of_kind("anticipated") if e.event_class == "match" and not e.moved)
    entry = calendar_event(replace(event, scheduled_start_ms=1_767_639_000_000, scheduled_end_ms=1_767_645_600_000))

    expected = {
        "id": event.event_id,
        "title": "League match",
        "class": "match",
        "when": {"start": "2026-01-05T18:50", "end": "2026-01-05T20:40", "lead": "60m", "tail": "120m"},
        "scope": {"region": list(event.regions)},
        "expect": {"direction": "down", "change": "-50%..-3%"},
        "action": "explain",
        "learn": "event-only",
    }
    assert expected == entry


def test_the_file_reads_back_as_what_was_written(world: World) -> None:
    """The text is YAML 1.2 and holds the same values."""
    read = YAML(typ="safe").load(world.calendar_yaml())

    assert ["version", "timezone", "owner", "events"] == list(read)
    assert world.calendar_events() == read["events"]


def test_the_daemon_reads_every_entry_at_its_scheduled_time(world: World) -> None:
    """Compiled as an operator's file is, each event is on when the calendar says, with class, direction and regions."""
    calendar = parse_calendars({"calendar.yaml": world.calendar_yaml()})
    events = [e for e in world.truth.of_kind("anticipated") if e.scheduled_start_ms is not None]

    for event in events:
        assert event.scheduled_start_ms is not None
        (found,) = [o for o in calendar.active(event.scheduled_start_ms) if o.event_id == event.event_id]
        assert (event.scheduled_start_ms, event.scheduled_end_ms) == (found.start_ms, found.end_ms)
        assert event.event_class == found.event_class
        assert ("down" if event.effect[0][1] < 0 else "up") == found.direction
        assert event.regions == found.scope.match["region"]


def test_an_empty_calendar_is_a_valid_file() -> None:
    """No events are an empty list."""
    assert [] == YAML(typ="safe").load(calendar_yaml([]))["events"]
