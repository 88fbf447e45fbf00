"""CSV calendars become YAML that passes the check; what does not fit is named with file, line and value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detector.errors import DataError
from suppression.scope import Scope
from tocsin.calendar_csv import calendar_from_csv, calendar_text, ignored_columns
from tocsin.calendar_file import parse_calendars

HOUR_MS = 3_600_000


def occurrences(text: str, zone: str = "UTC", interval_ms: int = 0) -> list[tuple[str, str, float]]:
    document = calendar_from_csv(text, "c.csv", zone=zone, interval_ms=interval_ms)
    calendar = parse_calendars({"c.yaml": calendar_text(document)})
    return [
        (
            o.event_class,
            datetime.fromtimestamp(o.start_ms / 1000, UTC).isoformat()[:16],
            (o.end_ms - o.start_ms) / HOUR_MS,
        )
        for o in calendar.between(0, 4_000_000_000_000)
    ]


def test_end_is_where_the_event_ends_unless_an_interval_is_given() -> None:
    """With an interval, `end` is the start of the last tick of the event."""
    text = "start,end,name\n2011-01-01T00:00:00,2011-01-01T23:00:00,New Year's Day\n"

    assert [("New Year's Day", "2011-01-01T00:00", 23.0)] == occurrences(text)
    assert [("New Year's Day", "2011-01-01T05:00", 24.0)] == occurrences(text, "America/New_York", HOUR_MS)


def test_dates_are_whole_local_days_with_their_windows() -> None:
    """`lower_window` and `upper_window` count days before and after; a date as end is included."""
    text = "date,name,lower_window,upper_window\n2010-01-16,playoff,0,1\n2010-02-07,bowl,-1,0\n2010-03-28,dst,,\n"

    assert [
        ("playoff", "2010-01-15T23:00", 48.0), ("bowl", "2010-02-05T23:00", 48.0), ("dst", "2010-03-27T23:00", 23.0),
    ] == occurrences(text, "Europe/Berlin")  # fmt: skip
    assert [("x", "2010-01-01T00:00", 48.0)] == occurrences("start,end,name\n2010-01-01,2010-01-02,x\n")


def test_scope_and_class_are_taken_over_and_ids_are_unique() -> None:
    """Rows that share a name share a class; `all` is no restriction; further columns are told and not read."""
    text = (
        "start,end,name,scope,kind\n"
        '2026-01-01T10:00,2026-01-01T12:00,"Premiere: ""A""",region=r1&device=tv&device=ios,x\n'
        '2026-01-01T20:00,2026-01-01T22:00,"Premiere: ""A""",all,x\n'
    )

    document = calendar_from_csv(text, "c.csv")
    first, second = parse_calendars({"c.yaml": calendar_text(document)}).events

    assert ('Premiere: "A"', "premiere-a-2026-01-01", "premiere-a-2026-01-01.2") == (
        first.event_class,
        first.id,
        second.id,
    )
    assert (Scope({"region": ("r1",), "device": ("tv", "ios")}), Scope()) == (first.scope, second.scope)
    assert ["kind"] == ignored_columns(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.csv:1: expected the columns start,end,name"),
        (
            "a,b\n",
            "c.csv:1: expected the columns start,end,name[,scope] or date,name[,lower_window,upper_window], got a,b",
        ),
        ("date,name\n", "c.csv: expected at least one event"),
        ("date,name\n2026-02-30,x\n", "c.csv:2: '2026-02-30' is no time"),
        ("date,name\n\n2026-02-01,\n", "c.csv:3: expected a name, got nothing"),
        ("date,name\n2026-02-01\n", "c.csv:2: expected 2 cells like the header, got 1"),
        ("date,name\n2026-02-01T10:00,x\n", "c.csv:2: expected a date such as 2026-12-25"),
        (
            "date,name,lower_window\n2026-02-01,x,1\n",
            "c.csv:2: lower_window: expected a whole number of days from -31 to 0",
        ),
        ("start,end,name\n2026-02-01T10:00,2026-02-01T10:00,x\n", "give --interval if the end is the last tick"),
        (
            "start,end,name,scope\n2026-02-01,2026-02-01,x,region\n",
            "c.csv:2: scope: expected all or region=r1&device=tv",
        ),
        ("start,end,name\n2026-02-01T10:00Z,2026-02-01T11:00,x\n", "expected an offset in both or in neither"),
        ('date,name\n2026-02-01,"x\n', "c.csv:2: not CSV"),
    ],
)
def test_rows_that_do_not_fit_are_named(text: str, expected: str) -> None:
    """File, line, value, and what was expected."""
    with pytest.raises(DataError) as caught:
        calendar_from_csv(text, "c.csv")

    assert expected in str(caught.value)
