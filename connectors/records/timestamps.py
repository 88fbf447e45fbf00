"""Event times: epoch numbers of a declared unit, or text, to UTC milliseconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

from connectors.mapping import Limits, TimeField, TimeUnit, show_path
from connectors.records.fault import Fault, show

PER_MS: dict[TimeUnit, float] = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}  # units in one millisecond
UNIT_NAMES: dict[TimeUnit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
TEXT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)? ?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)


def read_time(value: object, field: TimeField, limits: Limits) -> int:
    """Milliseconds UTC of one event time; raises `Fault` bad_time. A bool is never a number, a fraction is cut."""
    if field.unit == "rfc3339":
        if not isinstance(value, str):
            raise _fault(field, value, "a time such as 2026-11-20T22:47:00Z")
        return _within(_from_text(value, field), value, field, limits)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _fault(field, value, f"a number of {UNIT_NAMES[field.unit]} since 1970")
    return _within(_to_ms(value, field.unit), value, field, limits)


def read_time_text(text: str, field: TimeField, limits: Limits) -> int:
    """The same for a cell of a CSV file, where numbers are text too."""
    if field.unit == "rfc3339":
        return read_time(text, field, limits)
    try:
        number: int | float = int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            raise _fault(field, text, f"a number of {UNIT_NAMES[field.unit]} since 1970") from None
    return read_time(number, field, limits)


def _to_ms(value: int | float, unit: TimeUnit) -> int:
    if isinstance(value, int):
        return value * 1000 if unit == "s" else value // int(PER_MS[unit])
    milliseconds = value / PER_MS[unit]
    return math.floor(milliseconds) if abs(milliseconds) < 1e300 else int(math.copysign(10**18, milliseconds))


def _from_text(text: str, field: TimeField) -> int:
    found = TEXT.fullmatch(text)
    if found is None:
        raise _fault(field, text, "a time such as 2026-11-20T22:47:00Z")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if zone is None and not field.assume_utc:
        raise _fault(field, text, "a zone such as Z or +01:00 (or assume_utc: true)")
    millisecond = int(((fraction or "") + "000")[:3])
    if second == "60":  # a leap second does not exist on our axis
        second, millisecond = "59", 999
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), millisecond * 1000,
            tzinfo=_zone(zone),
        )  # fmt: skip
        return (moment - EPOCH) // MILLISECOND
    except (ValueError, OverflowError) as error:
        raise _fault(field, text, f"a time that exists ({error})") from None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise ValueError("minutes of the zone must be in 0..59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _within(milliseconds: int, value: object, field: TimeField, limits: Limits) -> int:
    if limits.min_time_ms <= milliseconds < limits.max_time_ms:
        return milliseconds
    guess = ""
    if isinstance(value, int | float):
        fitting = [u for u in PER_MS if limits.min_time_ms <= _to_ms(value, u) < limits.max_time_ms]
        guess = f"; looks like {UNIT_NAMES[fitting[0]]}" if fitting else ""
    unit = "" if field.unit == "rfc3339" else f" in {UNIT_NAMES[field.unit]}"
    raise _fault(field, value, f"a time from 2000 to 2100{unit}{guess}")


def _fault(field: TimeField, value: object, expected: str) -> Fault:
    return Fault("bad_time", f"{show_path(field.path)}: expected {expected}, got {show(value)}")
