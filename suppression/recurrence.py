"""RRULE text to naive wall times: any window at the cost of that window, however far from the first occurrence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
PARTS = (
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND",
)  # fmt: skip
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_COUNT = 50_000
MAX_INTERVAL = 1_000
LAST_YEAR = 9_990  # of expansions; Python's calendar ends with 9999
GREGORIAN_YEARS = 400  # after which weekdays and leap years repeat


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked RRULE; `parts` keep their order, `until` is the last wall time that may occur."""

    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    parts: tuple[tuple[str, str], ...]  # BYxxx and WKST only, explicit


def parse_rule(text: str, start: datetime, zone: str) -> Rule:
    """The rule in `text` for a first wall time `start`; ValueError says what is wrong with it.

    BY parts which RFC 5545 takes from the start are made explicit. UNTIL may be a date (that day is included), a wall
    time, or a UTC time with Z; basic and extended ISO forms are read.
    """
    given: dict[str, str] = {}
    body = text.strip().removeprefix("RRULE:")
    for piece in filter(None, body.rstrip(";").split(";")):
        name, equals, value = piece.partition("=")
        name, value = name.strip().upper(), value.strip().upper()
        if not equals or not value:
            raise ValueError(f"expected parts like FREQ=WEEKLY separated by ';', got {piece!r}")
        if name not in PARTS:
            raise ValueError(f"unknown part {name!r} of a repeat rule; known are {', '.join(PARTS)}")
        if name in given:
            raise ValueError(f"{name} is given twice")
        given[name] = value
    frequency = given.pop("FREQ", "")
    if frequency not in FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(FREQUENCIES)}, got {frequency or 'nothing'!r}")
    interval = _whole(given.pop("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL)
    count = _whole(given.pop("COUNT"), "COUNT", MAX_COUNT) if "COUNT" in given else None
    until = _until(given.pop("UNTIL"), zone) if "UNTIL" in given else None
    if count is not None and until is not None:
        raise ValueError("COUNT and UNTIL exclude each other")
    if until is not None and until < start:
        raise ValueError(f"UNTIL {until:%Y-%m-%dT%H:%M} is before the start {start:%Y-%m-%dT%H:%M}")
    rule = Rule(frequency, interval, count, until, tuple(_explicit(frequency, given, start).items()))
    try:
        happens = _happens(rule, start)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise ValueError(f"the repeat rule {text!r} cannot be read: {error}") from None
    if not happens:
        raise ValueError(f"the repeat rule {text!r} never happens")
    return rule


def wall_times(rule: Rule, start: datetime, after: datetime, before: datetime) -> list[datetime]:
    """Wall times of the rule with after ≤ time < before, ascending.

    >>> first = datetime(2026, 10, 15, 20, 15)
    >>> rule = parse_rule("FREQ=WEEKLY;BYDAY=TH", first, "UTC")
    >>> wall_times(rule, first, datetime(2126, 1, 1), datetime(2126, 1, 8))
    [datetime.datetime(2126, 1, 3, 20, 15)]
    """
    after = max(after, start)
    if rule.until is not None:
        before = min(before, rule.until + timedelta(microseconds=1))
    if after >= before or after.year > LAST_YEAR:
        return []
    if rule.count is not None:
        return [wall for wall in _counted(rule, start) if after <= wall < before]
    near = _forward(rule, start, after)
    expansion: Iterable[datetime] = _dateutil(rule, near, before)
    return [wall for wall in expansion if after <= wall < before]


@lru_cache(maxsize=256)
def _counted(rule: Rule, start: datetime) -> tuple[datetime, ...]:
    return tuple(islice(_dateutil(rule, start, None), rule.count))


def _dateutil(rule: Rule, start: datetime, before: datetime | None) -> Any:
    text = ";".join([f"FREQ={rule.frequency}", f"INTERVAL={rule.interval}", *(f"{n}={v}" for n, v in rule.parts)])
    expansion = rrulestr(text, dtstart=start)
    return expansion if before is None else expansion.replace(until=before)


def _forward(rule: Rule, start: datetime, after: datetime) -> datetime:
    """A start before `after`, near it and in phase with the rule; its day may differ, as the BY parts are explicit."""
    step = rule.interval
    if rule.frequency == "YEARLY":
        years = (after.year - 1 - start.year) // step * step
        return start if years <= 0 else start.replace(year=start.year + years, month=1, day=1)
    if rule.frequency == "MONTHLY":
        months = ((after.year - start.year) * 12 + after.month - 1 - start.month) // step * step
        if months <= 0:
            return start
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        return start.replace(year=year, month=month + 1, day=1)
    period = {"WEEKLY": timedelta(weeks=step), "DAILY": timedelta(days=step), "HOURLY": timedelta(hours=step)}
    unit = period[rule.frequency]
    periods = max(0, (after - start) // unit - 1)
    return start + periods * unit


def _explicit(frequency: str, given: dict[str, str], start: datetime) -> dict[str, str]:
    """Adds what the start implies (RFC 5545 3.3.10), so that the phase of a rule no longer depends on its day."""
    parts = dict(given)
    names_day = any(part in parts for part in ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"))
    if not names_day and frequency == "YEARLY":
        parts.setdefault("BYMONTH", str(start.month))
        parts["BYMONTHDAY"] = str(start.day)
    elif not names_day and frequency == "MONTHLY":
        parts["BYMONTHDAY"] = str(start.day)
    elif not names_day and frequency == "WEEKLY":
        parts["BYDAY"] = WEEKDAYS[start.weekday()]
    if frequency != "HOURLY":
        parts.setdefault("BYHOUR", str(start.hour))
    parts.setdefault("BYMINUTE", str(start.minute))
    parts.setdefault("BYSECOND", str(start.second))
    return parts


def _happens(rule: Rule, start: datetime) -> bool:
    """Is there an occurrence at all? Looked for near the end of Python's calendar, which bounds a vain search."""
    is_quick = rule.frequency in ("YEARLY", "MONTHLY")
    probe = start if is_quick else _forward(rule, start, datetime(9_999 - GREGORIAN_YEARS, 1, 1))
    if next(iter(_dateutil(rule, probe, None)), None) is None:
        return False
    return rule.until is None or bool(wall_times(rule, start, start, rule.until + timedelta(seconds=1)))


def _whole(text: str, name: str, most: int) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}, got {text!r}")
    return int(text)


def _until(text: str, zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"UNTIL must be a date or a time such as 2026-12-17 or 20261217T235959, got {text!r}"
        ) from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    if "T" not in text:
        return moment + timedelta(days=1) - timedelta(microseconds=1)
    return moment
