"""The calendar answers for any moment: windows, zones, gaps and folds, and the same as a walk over all occurrences."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suppression.calendar import SPAN_MS, Calendar, Event, HolidayRule, Occurrence
from suppression.scope import Scope

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NEW_YORK = "America/New_York"


def utc(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


def event(identity: str, start: datetime, hours: float = 1, zone: str = "UTC", **more: object) -> Event:
    return Event(identity, identity, start, timedelta(hours=hours), zone, **more)  # type: ignore[arg-type]


def spans(calendar: Calendar, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    return [(o.start_ms, o.end_ms) for o in calendar.between(from_ms, to_ms)]


def ids(occurrences: tuple[Occurrence, ...]) -> list[str]:
    return [o.event_id for o in occurrences]


def test_window_includes_its_first_moment_and_excludes_its_last() -> None:
    """An event is on from start - lead, and off at end + tail."""
    lead, tail = 10 * MINUTE, 5 * MINUTE
    calendar = Calendar((event("a", datetime(2026, 1, 1, 12), lead_ms=lead, tail_ms=tail),))
    since, until = utc(2026, 1, 1, 11, 50), utc(2026, 1, 1, 13, 5)

    assert [False, True, True, False] == [bool(calendar.active(t)) for t in (since - 1, since, until - 1, until)]


def test_active_is_ordered_by_start_and_then_by_id() -> None:
    """Whatever the order of the file, the answer has one order."""
    noon = datetime(2026, 1, 1, 12)
    calendar = Calendar((event("c", noon, 3), event("b", noon + timedelta(hours=1), 3), event("a", noon, 3)))

    assert ["a", "c", "b"] == ids(calendar.active(utc(2026, 1, 1, 13, 30)))


@pytest.mark.parametrize(
    ("start", "length", "more", "expected"),
    [
        (datetime(2027, 3, 14, 2, 30), 0.5, {"is_wall_length": True}, (utc(2027, 3, 14, 7, 30), 30 * MINUTE)),
        (datetime(2027, 3, 14, 2, 30), 0.5, {}, (utc(2027, 3, 14, 7, 30), 30 * MINUTE)),
        (datetime(2026, 11, 1, 1, 30), 1, {}, (utc(2026, 11, 1, 5, 30), HOUR)),
        (datetime(2026, 11, 1, 1, 30), 1, {"fold": "second"}, (utc(2026, 11, 1, 6, 30), HOUR)),
        (datetime(2026, 10, 31, 22), 8, {"is_wall_length": True}, (utc(2026, 11, 1, 2), 9 * HOUR)),
        (datetime(2026, 10, 31, 22), 8, {}, (utc(2026, 11, 1, 2), 8 * HOUR)),
        (datetime(2027, 3, 14), 24, {"is_wall_length": True}, (utc(2027, 3, 14, 5), 23 * HOUR)),
        (datetime(2026, 6, 1, 12), 1, {"fold": "second"}, (utc(2026, 6, 1, 16), HOUR)),
    ],
)
def test_gaps_and_folds_of_the_clock(
    start: datetime, length: float, more: dict[str, object], expected: tuple[int, int]
) -> None:
    """A gap takes the offset before it, a fold its first reading; durations are elapsed, ends are wall times."""
    calendar = Calendar((event("a", start, length, NEW_YORK, **more),))

    (since, until) = spans(calendar, expected[0] - DAY, expected[0] + DAY)[0]

    assert expected == (since, until - since)


def test_weekly_event_keeps_its_wall_time_over_a_clock_change() -> None:
    """20:15 in New York is 00:15 UTC in summer and 01:15 UTC in winter; the exception is left out."""
    thursdays = event(
        "tnf", datetime(2026, 10, 22, 20, 15), 3.5, NEW_YORK,
        repeat="FREQ=WEEKLY;BYDAY=TH;UNTIL=2026-11-19", exceptions=(datetime(2026, 11, 12, 20, 15),),
    )  # fmt: skip

    starts = [since for since, _ in spans(Calendar((thursdays,)), utc(2026, 1, 1), utc(2027, 1, 1))]

    assert [(23, 0), (30, 0), (6, 1), (20, 1)] == [
        (moment.day, moment.hour) for moment in (datetime.fromtimestamp(s / 1000, UTC) for s in starts)
    ]


def test_daily_event_in_the_gap_happens_once_and_hourly_ones_do_not_double() -> None:
    """On the day of the gap a daily 02:30 happens once; an hourly rule has 23 moments."""
    daily = event("d", datetime(2027, 3, 1, 2, 30), 0.5, NEW_YORK, repeat="FREQ=DAILY")
    hourly = event("h", datetime(2027, 3, 1, 0, 30), 0.25, NEW_YORK, repeat="FREQ=HOURLY")
    from_ms, to_ms = utc(2027, 3, 14, 5), utc(2027, 3, 15, 4)

    assert [1, 23] == [len(Calendar((e,)).between(from_ms, to_ms)) for e in (daily, hourly)]


def test_recurrence_answers_a_century_ahead_at_once() -> None:
    """There is no horizon, and the cost is that of the moment."""
    daily = event("d", datetime(2026, 1, 1, 6), 1, repeat="FREQ=DAILY")

    began = time.perf_counter()
    on = Calendar((daily,)).active(utc(2126, 7, 1, 6, 30))

    assert ["d"] == ids(on)
    assert time.perf_counter() - began < 1.0


def test_expired_event_is_no_longer_in_force() -> None:
    """From `expires` on nothing of it is on, even in the middle of an occurrence."""
    muted = event("m", datetime(2026, 1, 1, 12), 4, expires_ms=utc(2026, 1, 1, 14))
    calendar = Calendar((muted,))

    assert [["m"], []] == [ids(calendar.active(utc(2026, 1, 1, hour))) for hour in (13, 14)]


def test_leap_day_happens_every_four_years() -> None:
    """A yearly rule that starts on 29 February has no other day."""
    leap = event("leap", datetime(2024, 2, 29), 24, repeat="FREQ=YEARLY")

    starts = [since for since, _ in spans(Calendar((leap,)), utc(2024, 1, 1), utc(2034, 1, 1))]

    assert [utc(2024, 2, 29), utc(2028, 2, 29), utc(2032, 2, 29)] == starts


def test_holidays_are_local_days_of_their_own_class() -> None:
    """Christmas in Bavaria begins at 23:00 UTC the day before, and shares no class with New Year."""
    rule = HolidayRule("DE", "BY")
    calendar = Calendar((Event("h", "h", datetime(2000, 1, 1), timedelta(days=1), "Europe/Berlin", holidays=rule),))

    found = {o.event_class: o.start_ms for o in calendar.between(utc(2026, 12, 20), utc(2027, 1, 3))}

    assert utc(2026, 12, 24, 23) == found["Christmas Day"]
    assert {"Christmas Day", "Second Day of Christmas", "New Year's Day"} == set(found)


def test_fingerprint_follows_content_and_not_order() -> None:
    """Equal events in another order are the same calendar; any changed value is another one."""
    one, other = event("a", datetime(2026, 1, 1)), event("b", datetime(2026, 1, 2), scope=Scope({"region": ("eu-*",)}))
    changed = event("b", datetime(2026, 1, 2), scope=Scope({"region": ("us-*",)}))

    assert Calendar((one, other)).fingerprint == Calendar((other, one)).fingerprint
    assert Calendar((one, other)).fingerprint != Calendar((one, changed)).fingerprint


def of_minutes(i: int, start: int, length: int, lead: int, tail: int) -> Event:
    begins = datetime(2026, 1, 1) + timedelta(minutes=start)
    return event(f"e{i}", begins, length / 60, lead_ms=lead * MINUTE, tail_ms=tail * MINUTE)


events = st.builds(
    of_minutes,
    st.integers(0, 10**6), st.integers(-80_000, 80_000), st.integers(1, 90_000), st.integers(0, 90), st.integers(0, 90),
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(events, max_size=40, unique_by=lambda e: e.id), st.lists(st.integers(-90_000, 180_000), max_size=20))
def test_lookup_equals_brute_force(found: list[Event], minutes: list[int]) -> None:
    """Overlapping, nested and long events over several spans: the same as asking each of them."""
    calendar = Calendar(tuple(found))
    everything = calendar.between(utc(2020, 1, 1), utc(2030, 1, 1))

    for t in (utc(2026, 1, 1) + minute * MINUTE for minute in minutes):
        expected = [o.event_id for o in everything if o.start_ms - o.lead_ms <= t < o.end_ms + o.tail_ms]
        assert expected == ids(calendar.active(t))
    assert len(found) == len(everything)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(-60, 60), st.integers(1, 50), st.sampled_from(["FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=MO,FR"]))
def test_recurrences_equal_brute_force(offset_days: int, hours: int, repeat: str) -> None:
    """Any moment of a recurring event agrees with a walk from its start."""
    recurring = event("r", datetime(2026, 1, 5, 9), hours, "Europe/Berlin", repeat=repeat, tail_ms=HOUR)
    calendar = Calendar((recurring,))
    everything = Calendar((recurring,)).between(utc(2025, 12, 1), utc(2026, 6, 1))
    t = utc(2026, 3, 1) + offset_days * DAY + 7 * HOUR

    assert tuple(o for o in everything if o.from_ms <= t < o.until_ms) == calendar.active(t)


def test_hundred_thousand_events_are_looked_up_exactly_and_fast() -> None:
    """Nested events of very different lengths: equal to brute force, and within 20 ms a tick."""
    start = datetime(2026, 1, 1)
    many = tuple(
        event(f"e{i:06d}", start + timedelta(minutes=(i * 7919) % 500_000), 0.1 + (i * 104_729 % 1_000) / 50)
        for i in range(100_000)
    )
    calendar = Calendar(many)
    ticks = [utc(2026, 1, 1) + m * MINUTE for m in range(300_000, 300_300)]
    calendar.active(ticks[0])  # the span is made on first use

    began = time.perf_counter()
    answers = [calendar.active(t) for t in ticks]
    seconds = (time.perf_counter() - began) / len(ticks)

    for t, answer in list(zip(ticks, answers, strict=True))[::100]:
        wall = datetime.fromtimestamp(t / 1000, UTC).replace(tzinfo=None)
        assert sorted(e.id for e in many if e.start <= wall < e.start + e.length) == sorted(ids(answer))
    assert seconds < 0.02


def test_asking_does_not_change_the_answer() -> None:
    """The cache is only a cache: any order of questions, and a fresh calendar, agree."""
    recurring = event("r", datetime(2026, 1, 5, 9), 30, repeat="FREQ=DAILY;INTERVAL=3")
    moments = [utc(2026, 1, 1) + k * SPAN_MS // 7 for k in range(40)]
    calendar = Calendar((recurring,))

    forwards = [calendar.active(t) for t in moments]
    backwards = [calendar.active(t) for t in reversed(moments)][::-1]

    assert forwards == backwards == [Calendar((recurring,)).active(t) for t in moments]
