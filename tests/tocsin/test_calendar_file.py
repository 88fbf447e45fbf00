"""Calendar files: texts to events, every fault at its place, and a second look at what is probably not meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suppression.calendar import Calendar
from suppression.scope import Scope
from tocsin.calendar_file import event_sources, load_calendar, parse_calendars
from tocsin.calendar_warnings import calendar_warnings
from tocsin.config.calendar_models import CalendarFileModel
from tocsin.config.faults import FaultsError
from tocsin.config.json_schema import json_schema

CONFIGS = Path(__file__).parents[2] / "configs"
HEAD = "version: 1\ntimezone: America/New_York\n"
NOW = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)


def calendar(events: str, head: str = HEAD) -> Calendar:
    return parse_calendars({"c.yaml": head + events})


def faults(events: str, head: str = HEAD) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        calendar(events, head)
    return [str(fault) for fault in caught.value.faults]


def event(when: str, more: str = "") -> str:
    return f"events:\n  - {{id: a, when: {{{when}}}{', ' + more if more else ''}}}\n"


def test_shipped_calendar_says_what_the_page_says() -> None:
    """The documented example is read with every field."""
    loaded = load_calendar([CONFIGS / "calendar.yaml"])
    match, final, maintenance, holidays = loaded.events

    assert (datetime(2026, 10, 15, 20, 15), timedelta(hours=3.5), "America/New_York") == (
        match.start, match.length, match.zone,
    )  # fmt: skip
    assert (45 * 60_000, 30 * 60_000, (datetime(2026, 11, 26, 20, 15),)) == (
        match.lead_ms, match.tail_ms, match.exceptions,
    )  # fmt: skip
    assert Scope({"region": ("us-*", "ca"), "activity": ("playback_start", "login")}, {"device": ("automotive",)}) == (
        match.scope
    )
    assert ("up", (0.2, 1.5), "explain", "event-only") == (match.direction, match.change, match.action, match.learn)
    assert ("down", (-0.6, -0.1)) == (final.direction, final.change)
    assert ("mute", "alice@example.org", 1_796_256_000_000) == (
        maintenance.action, maintenance.approved_by, maintenance.expires_ms,
    )  # fmt: skip
    assert ("DE", "BY") == (
        holidays.holidays and holidays.holidays.country,
        holidays.holidays and holidays.holidays.subdivision,
    )


def test_shipped_schema_is_the_generated_one() -> None:
    """Editors complete what the program accepts."""
    shipped = json.loads((CONFIGS / "calendar.schema.json").read_text(encoding="utf-8"))

    assert json_schema(CalendarFileModel, "calendar.yaml") == shipped


@pytest.mark.parametrize(
    ("when", "start", "minutes"),
    [
        ("start: 2026-06-01T12:00, duration: 90m", "2026-06-01T16:00", 90),
        ("start: 2026-06-01 12:00, end: 2026-06-01T13:30", "2026-06-01T16:00", 90),
        ("start: 2026-06-01T12:00Z, duration: 1h", "2026-06-01T12:00", 60),
        ("start: 2026-06-01T12:00+02:00, end: 2026-06-01T12:00+01:00", "2026-06-01T10:00", 60),
        ("start: 2026-11-01T01:30-05:00, duration: 1h", "2026-11-01T06:30", 60),
        ("start: 2026-06-01", "2026-06-01T04:00", 1440),
        ("start: 2026-11-01", "2026-11-01T04:00", 1500),
        ("start: 2026-06-01, end: 2026-06-03", "2026-06-01T04:00", 2880),
        ("start: 2026-06-01T12:00, duration: 1h, timezone: Europe/Berlin", "2026-06-01T10:00", 60),
    ],
)
def test_times_of_an_event(when: str, start: str, minutes: int) -> None:
    """Wall times, offsets, dates and zones lead to one window of event time."""
    found = calendar(event(when)).between(0, 2_000_000_000_000)[0]

    assert (datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp() * 1000, minutes) == (
        found.start_ms, (found.end_ms - found.start_ms) / 60_000,
    )  # fmt: skip


def test_each_fault_has_its_own_place_and_hides_no_other() -> None:
    """The documented list of faults, with line and column."""
    text = (
        "events:\n"
        "  - id: a\n"
        "    when: {start: 2026-10-15T20:15, duration: 5}\n"
        "    expect: {direction: upp, change: -10%..-60%}\n"
        "  - id: a\n"
        "    when: {start: 12:30, duration: 1h, timezone: Eurpe/Berlin}\n"
        "    strat: 3\n"
    )

    assert [
        "c.yaml:5:47: events.0.when.duration: a duration needs a unit, for example 90s, 15m or 3h30m, got 5",
        "c.yaml:6:25: events.0.expect.direction: expected 'up', 'down', 'either' or 'unknown', got 'upp'; "
        "did you mean 'up'?",
        "c.yaml:6:38: events.0.expect.change: the lower end -10% is above the upper end -60%",
        "c.yaml:7:9: events.1.id: the id 'a' is taken by the event on line 4",
        "c.yaml:8:19: events.1.when.start: expected a time such as 2026-10-15T20:15 or a date, got '12:30'",
        "c.yaml:8:50: events.1.when.timezone: unknown time zone 'Eurpe/Berlin'; did you mean 'Europe/Berlin'?",
        "c.yaml:9:5: events.1.strat: unknown key; known are action, approved_by, class, expect, expires, id, learn, "
        "owner, scope, tags, title, when",
    ] == faults(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (event("start: 2026-02-30T10:00, duration: 1h"), "'2026-02-30T10:00' is no time: day is out of range"),
        (event("start: 2026-06-01T12:00"), "when: expected a duration or an end"),
        (event("start: 2026-06-01T12:00, end: 2026-06-01T12:00"), "when.end: the end is not after the start"),
        (event("start: 2026-06-01T12:00, end: 2026-06-02, duration: 1h"), "end and duration exclude each other"),
        (event("start: 2026-06-01, timezone: EST5"), "unknown time zone 'EST5'"),
        (event("start: 2026-06-01, timezone: europe/berlin"), "did you mean 'Europe/Berlin'?"),
        (event("start: 2026-06-01, repeat: 'FREQ=DAILY;UNTIL=2026-05-01'"), "when.repeat: UNTIL"),
        (event("start: 2026-06-01, repeat: weekly"), "when.repeat: expected parts like FREQ=WEEKLY"),
        (event("start: 2026-06-01, except: [2026-06-01]"), "when.except: has no meaning without repeat"),
        (event("start: 2026-06-01, lead: 40d"), "when.lead: expected at most 31d"),
        (event("start: 0001-01-01"), "expected a year from 1950 to 2200"),
        (event("start: 2026-06-01, strat: 1"), "when.strat: unknown key; did you mean 'start'?"),
        (event("start: 2026-06-01", "scope: {}"), "scope: an empty scope is everything; write {all: true}"),
        (event("start: 2026-06-01", "scope: {region: [NO, no, 1]}"), "scope.region: expected a pattern of 1 to 256"),
        (event("start: 2026-06-01", "scope: {region: {nt: a}}"), "scope.region: expected a pattern, a list"),
        (event("start: 2026-06-01", "expect: {direction: up, change: -60%..-10%}"), "the change never goes up"),
        (event("start: 2026-06-01", "expect: {change: 20..30}"), "expected two percentages such as 20%..150%"),
        (event("start: 2026-06-01", "expect: {change: -200%..0%}"), "nothing falls by more than 100%"),
        (event("start: 2026-06-01", "action: mute"), "action: mute needs approved_by and expires"),
        (event("start: 2026-06-01", "action: mute, approved_by: a, expires: 2026-07-01"), "mute needs a scope"),
        (event("start: 2026-06-01", "expires: 2026-05-01"), "expires before the event begins"),
        ("holidays: [{country: XX}]\n", "unknown country 'XX'"),
        ("holidays: [{country: DE, subdivision: XY}]\n", "unknown subdivision 'XY' of DE; known are"),
        ("holidays: [{country: DE, categories: [fun]}]\n", "unknown category 'fun' of DE; known are"),
        ("imports: [{ics: https://example.org/a.ics}]\n", "imports: this version reads no .ics"),
        ("events: 3\n", "events: expected a list"),
        ("events: [3]\n", "events.0: expected names with values, got 3"),
        ("events: [{id: 'a b', when: {start: 2026-06-01}}]\n", "events.0.id: "),
    ],
)  # fmt: skip
def test_wrong_events_are_named_with_what_was_expected(text: str, expected: str) -> None:
    """Each kind of mistake gets its path and its reason."""
    found = faults(text)

    assert any(expected in fault for fault in found), found


def test_a_start_without_any_zone_is_a_fault() -> None:
    """Neither the event, nor the file, nor an offset says where the clock hangs; an offset is enough."""
    assert "a start without zone" in faults(event("start: 2026-06-01T12:00, duration: 1h"), "version: 1\n")[0]
    assert 1 == len(calendar(event("start: 2026-06-01T12:00Z, duration: 1h"), "version: 1\n").events)


def test_ids_are_unique_over_files_and_both_places_are_named() -> None:
    """Two teams with one id learn of each other."""
    one = HEAD + event("start: 2026-06-01")

    with pytest.raises(
        FaultsError, match=r"b\.yaml:4:10: events.0.id: the id 'a' is taken by the event in a\.yaml, line 4"
    ):
        parse_calendars({"a.yaml": one, "b.yaml": one})


def test_faults_of_all_files_are_told_and_a_missing_one_is_one(tmp_path: Path) -> None:
    """A bad file does not hide that another is missing."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 3\n")

    with pytest.raises(FaultsError) as caught:
        load_calendar([bad, tmp_path / "gone.yaml"])

    assert ["expected 1", "no such file"] == [fault.reason.split(",")[0] for fault in caught.value.faults]


def test_nothing_is_a_calendar_too() -> None:
    """No files, or a file without events, holds nothing."""
    assert () == parse_calendars({}).events == calendar("").events


def test_second_look_warns_of_what_is_probably_not_meant() -> None:
    """Expired and long mutes, unknown labels, contradictions, and exceptions that are none."""
    text = (
        "events:\n"
        "  - {id: old, when: {start: 2026-06-01}, scope: {all: true}, action: mute, approved_by: a,"
        " expires: 2026-06-02}\n"
        "  - {id: long, when: {start: 2026-12-01, end: 2026-12-05}, scope: {regoin: x}, action: mute, approved_by: a,"
        " expires: 2026-12-06}\n"
        "  - {id: up, when: {start: 2026-12-10}, expect: {direction: up}, scope: {region: eu-1}}\n"
        "  - {id: down, when: {start: 2026-12-10}, expect: {direction: down}, scope: {region: [eu-*]}}\n"
        "  - {id: apart, when: {start: 2026-12-10}, expect: {direction: down}, scope: {region: us-1}}\n"
        "  - {id: off, when: {start: 2026-06-01T10:00, duration: 1h, repeat: FREQ=WEEKLY;BYDAY=TU,"
        " except: [2026-06-03T10:00]}}\n"
    )

    found = calendar_warnings(event_sources({"c.yaml": HEAD + text}), NOW, ("metric", "region"))

    assert [
        (4, "has expired: no longer in force"), (4, "mutes everything"),
        (5, "'regoin' is neither metric, a dimension nor a parent of the configuration: matches no series"),
        (5, "mutes for longer than 24h"),
        (7, "overlaps 'up', which expects the opposite direction"),
        (9, "2026-06-03T10:00 is none of its times"),
        (9, "the start is not one of its own times by repeat: it happens first later"),
    ] == sorted((fault.line, fault.reason) for fault in found if "apart" not in fault.reason)  # fmt: skip
