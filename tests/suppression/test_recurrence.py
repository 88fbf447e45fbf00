"""Repeat rules: windows equal dateutil's walk from the start, and rules that make no sense are refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from suppression.recurrence import parse_rule, wall_times

START = datetime(2024, 1, 31, 20, 15)

rules = st.sampled_from(
    [
        "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYMONTH=2,3", "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO", "FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2", "FREQ=YEARLY",
        "FREQ=YEARLY;INTERVAL=2", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=SU",
        "FREQ=YEARLY;BYYEARDAY=1,-1", "FREQ=HOURLY;INTERVAL=7", "FREQ=DAILY;COUNT=40", "FREQ=WEEKLY;UNTIL=2025-06-04",
        "FREQ=YEARLY;BYMONTHDAY=1", "FREQ=DAILY;BYHOUR=3,21",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rules, st.integers(-100, 3_000), st.integers(1, 60))
def test_window_equals_a_walk_from_the_start(text: str, first_day: int, days: int) -> None:
    """Jumping ahead in phase gives what walking gives."""
    after = START + timedelta(days=first_day)
    before = after + timedelta(days=days)
    oracle = rrulestr(text.replace("2025-06-04", "20250604T235959"), dtstart=START)

    expected = [wall for wall in oracle.between(after, before, inc=True) if wall < before]

    assert expected == wall_times(parse_rule(text, START, "UTC"), START, after, before)


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("2026-12-17", datetime(2026, 12, 17, 20, 15)),
        ("20261217", datetime(2026, 12, 17, 20, 15)),
        ("20261217T201500", datetime(2026, 12, 17, 20, 15)),
        ("20261217T201459", datetime(2026, 12, 10, 20, 15)),
        ("20261218T011500Z", datetime(2026, 12, 17, 20, 15)),
    ],
)
def test_until_includes_its_day_or_moment(until: str, last: datetime) -> None:
    """A date includes that day; a time with Z is converted to the event's zone."""
    start = datetime(2026, 10, 15, 20, 15)
    rule = parse_rule(f"FREQ=WEEKLY;BYDAY=TH;UNTIL={until}", start, "America/New_York")

    assert last == wall_times(rule, start, start, datetime(2030, 1, 1))[-1]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("FREQ=MINUTELY", "FREQ must be one of"),
        ("BYDAY=MO", "FREQ must be one of"),
        ("weekly", "expected parts like FREQ=WEEKLY"),
        ("FREQ=WEEKLY;DTSTART=20260101", "unknown part 'DTSTART'"),
        ("FREQ=WEEKLY;FREQ=DAILY", "given twice"),
        ("FREQ=WEEKLY;BYDAY=XX", "cannot be read"),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL must be"),
        ("FREQ=DAILY;COUNT=1000000", "COUNT must be a whole number from 1 to 50000"),
        ("FREQ=DAILY;COUNT=3;UNTIL=2030-01-01", "exclude each other"),
        ("FREQ=DAILY;UNTIL=2020-01-01", "is before the start"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL must be a date"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "never happens"),
        ("FREQ=YEARLY;BYMONTH=6;UNTIL=2024-02-15", "never happens"),
    ],
)
def test_senseless_rules_are_refused_with_the_reason(text: str, part: str) -> None:
    """The message says which part, and the search for a day that never comes is bounded."""
    with pytest.raises(ValueError, match=part):
        parse_rule(text, START, "UTC")
